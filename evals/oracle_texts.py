"""What a perfect namer and a perfect extractor would have written, composed by program from the known subcategories.

Subcategories say what a conversation is about without the words of its category's label, so that an assignment that
reads them still has something to decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clio_core.hierarchy import Node
from clio_core.records import digest
from synthetic.datasets import Truth

# Several, so that true summaries of one subcategory are not all the same text.
WORDINGS = (
    "The user wanted the assistant to help with this: {subject}. {field}",
    "{field} What the user asked for belongs here, under {subject}.",
    "The request was about {subject}. {field}",
)


@dataclass(frozen=True, slots=True)
class Majority:
    """The category that most members of a cluster have.

    Attributes:
        category: the one that comes first among the known categories where several hold equally many.
        subcategories: of the members of that category, the most frequent first, ties in alphabetical order.
    """

    category: str
    subcategories: tuple[str, ...]


def majorities(
    members: Mapping[str, str | None], truth: Mapping[str, Truth], categories: Sequence[str]
) -> dict[str, Majority]:
    """The majority of every cluster that has members, in sorted order of their ids.

    Args:
        members: cluster by conversation, None or "" for one that has none.
        truth: by conversation.
        categories: all known ones, in order.
    """
    inside: dict[str, list[Truth]] = {}
    for conversation, cluster in members.items():
        if cluster:
            inside.setdefault(cluster, []).append(truth[conversation])
    found = {}
    for cluster in sorted(inside):
        counts = Counter(known.category for known in inside[cluster])
        category = max(categories, key=lambda name: counts[name])  # the first of several that are equal
        below = Counter(known.subcategory for known in inside[cluster] if known.category == category)
        found[cluster] = Majority(category, tuple(sorted(below, key=lambda name: (-below[name], name))))
    return found


def lowered(subject: str) -> str:
    """A subcategory as it stands inside a sentence; a first word in capitals ("DIY") stays as it is."""
    first = subject.split(" ", 1)[0]
    return subject if len(first) > 1 and first.isupper() else subject[:1].lower() + subject[1:]


def true_node(cluster: str, majority: Majority) -> Node:
    """A cluster under its true name: its commonest subcategory as a request, and all of them as a description."""
    listed = "; ".join(map(lowered, majority.subcategories))
    return Node(cluster, f"Ask about {lowered(majority.subcategories[0])}", f"Users asked about: {listed}.")


def told(summary: str, known: Truth) -> str:
    """A summary with its true subject told as well; the subject alone where there is no summary."""
    return f"{summary} The subject was {lowered(known.subcategory)}.".strip()


def true_summary(conversation: str, known: Truth, descriptions: Mapping[str, str]) -> str:
    """A summary that says its subject and its field and nothing else, in one of `WORDINGS`, chosen by the id."""
    wording = WORDINGS[int(digest("wording", conversation), 16) % len(WORDINGS)]
    return wording.format(subject=lowered(known.subcategory), field=descriptions[known.category])
