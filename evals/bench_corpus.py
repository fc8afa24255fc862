"""Short made-up conversations for measuring speed: 20 topics x 25 subtopics, 15 language tags, 40 to 90 words each.

They say nothing about quality. The wish of the user stands word for word after "Please ", so that an instant model
can echo it as the summary.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from clio_core.records import Conversation, Message

_TOPICS = {
    "beekeeping": "hive frame|queen cell|honey jar|smoker|swarm trap",
    "sailing": "anchor line|jib sheet|rudder pin|harbour berth|tide table",
    "knitting": "sock heel|cable pattern|wool blend|raglan sleeve|border stitch",
    "astronomy": "comet path|telescope mirror|eclipse photo|star chart|moon crater",
    "bookkeeping": "ledger entry|petty cash|invoice batch|year-end close|expense claim",
    "woodwork": "dovetail joint|bench plane|oak veneer|saw blade|varnish coat",
    "chess": "rook endgame|opening trap|pawn chain|clock habit|puzzle set",
    "first aid": "burn dressing|splint knot|rescue kit|nosebleed|recovery position",
    "spreadsheets": "pivot view|lookup formula|date column|chart axis|cell format",
    "pottery": "kiln shelf|glaze recipe|wheel head|clay body|handle pull",
    "cycling": "brake pad|chain guide|hill interval|saddle height|tyre bead",
    "photography": "lens filter|night exposure|flash angle|raw archive|print size",
    "theatre": "stage exit|light cue|prop table|audition speech|curtain call",
    "genealogy": "parish book|census page|family tree|ship list|grave photo",
    "birdwatching": "nest box|field guide|owl call|feeder mix|wader count",
    "networking": "router rule|cable run|guest access|name server|packet loss",
    "brewing": "yeast starter|mash step|bottle cap|hop schedule|sugar level",
    "origami": "paper crane|petal fold|box lid|star module|crease line",
    "mapping": "contour layer|grid reference|trail marker|scale bar|legend key",
    "public speaking": "opening story|slide order|pause drill|closing line|question round",
}
_ASPECTS = ("choice", "repair", "storage", "timing", "cost")
_WISHES = (
    "describe",
    "mend",
    "prepare",
    "speed up",
    "weigh ways to handle",
    "draft notes on",
    "look over",
    "find ideas for",
)
_FRAMES = (
    "as a newcomer", "before Friday", "on very little money", "in plain words", "one step after another",
    "for a class", "with my club", "in a few minutes", "with two samples", "without buying tools",
)  # fmt: skip
_LANGUAGES = 15
_START = datetime(2026, 1, 1, tzinfo=UTC)


def make(n: int, seed: int = 0) -> tuple[Conversation, ...]:
    """n conversations of two or four turns, about four to an account; the same for the same n and seed."""
    if n < 1:
        raise ValueError(f"a corpus needs at least one conversation, got n={n}")
    rng = random.Random(seed)
    topics = list(_TOPICS)
    made = []
    for i in range(n):
        topic = topics[i % len(topics)]
        thing = f"{rng.choice(_TOPICS[topic].split('|'))} {rng.choice(_ASPECTS)}"
        wish = f"{rng.choice(_WISHES)} {thing} ({topic}) {rng.choice(_FRAMES)}"
        turns = [
            Message(
                "user",
                f"Please {wish}. I tried a couple of things already, "
                f"and at note {rng.randrange(10**6)} I had to give up.",
            ),
            Message(
                "assistant",
                f"Gladly. Begin the {thing} small, look at each step before the next, and change what fails.",
            ),
        ]
        if rng.random() < 0.4:
            turns += [
                Message("user", f"Thank you, and how about doing it {rng.choice(_FRAMES)}?"),
                Message(
                    "assistant", "Keep to that order, make every step shorter, and write down how it went each time."
                ),
            ]
        made.append(
            Conversation(
                f"bench-{i:07d}",
                f"account-{rng.randrange(max(1, n // 4)):07d}",
                tuple(turns),
                _START + timedelta(minutes=i),
                {"language": f"language-{i % _LANGUAGES:02d}"},
            )
        )
    return tuple(made)
