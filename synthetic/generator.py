"""The generator: from the design of a data set to its conversations, through prompts that any model can answer.

Two calls a conversation: the user's first message, then the rest of the dialogue (paper C.2.1).
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clio_core.door import Call, Door, Reply, UnrecordedError
from clio_core.prompting import load, read_shipped
from clio_core.records import Conversation, Message
from clio_core.replies import tagged
from synthetic.design import Row

_TURN = re.compile(r"<(assistant|user)>\s*(.*?)\s*</\1>", re.S)
REQUEST_PROMPTS = {
    "regular": "generate_request",
    "concerning": "generate_request_concerning",
    "private": "generate_request_private",
}


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a design.

    Attributes:
        conversations: those that were written, in the order of the design.
        rows: the design's row of each of them.
        failed: ids of rows that no conversation came of, with the stage and outcome that ended them.
    """

    conversations: tuple[Conversation, ...]
    rows: tuple[Row, ...]
    failed: dict[str, str]


@functools.cache
def _orders() -> dict[str, str]:
    """How dialogues of one, two and three answers go on, in words."""
    turns: dict[str, str] = tomllib.loads(read_shipped("parts/dialogue_turns.toml"))["turns"]
    return turns


def form(turns: int) -> str:
    """The tags of a dialogue of so many answers."""
    pair = "<user>...</user>\n<assistant>...</assistant>"
    return "\n".join(["<assistant>...</assistant>", *[pair] * (turns - 1)])


def read_dialogue(text: str, turns: int) -> list[Message] | None:
    """The turns of a dialogue, or None where they are not `turns` answers with the user's messages between them."""
    found = [(speaker, body) for speaker, body in _TURN.findall(text) if body]
    wanted = (["assistant", "user"] * turns)[:-1]
    if [speaker for speaker, _ in found] != wanted:
        return None
    return [Message(speaker, body) for speaker, body in found]


async def write_requests(
    rows: Sequence[Row], prompt_name: str, door: Door, prompts: Path | None = None
) -> list[Reply[str]]:
    """The first message of every row."""
    prompt = load(prompt_name, prompts)
    calls = [
        Call(
            stage="generate:request",
            role=prompt.role,
            subject=row.id,
            rendered=prompt.fill(**_values(row)),
        )
        for row in rows
    ]
    return await door.ask(calls, lambda text: tagged(text, "message"), "message")


def _values(row: Row) -> dict[str, str]:
    """What a request prompt is filled with; facts only where there are any."""
    values = {
        "category": row.category,
        "subcategory": row.subcategory,
        "language": row.language,
        "register": row.register,
        "length": row.length,
        "tone": row.tone,
        "persona": row.persona,
    }
    return values | {"facts": "\n".join(fact.line for fact in row.facts)} if row.facts else values


async def write_dialogues(
    rows: Sequence[Row], messages: dict[str, str], door: Door, prompts: Path | None = None
) -> dict[str, Reply[list[Message]]]:
    """The rest of every conversation whose first message was written, by row id."""
    prompt = load("generate_dialogue", prompts)
    replies: dict[str, Reply[list[Message]]] = {}
    missing: list[UnrecordedError] = []
    for turns in sorted({row.turns for row in rows}):
        calls = [
            Call(
                stage="generate:dialogue",
                role=prompt.role,
                subject=row.id,
                rendered=prompt.fill(
                    language=row.language, message=messages[row.id], turns=_orders()[str(turns)], form=form(turns)
                ),
            )
            for row in rows
            if row.turns == turns and row.id in messages
        ]
        try:
            read = await door.ask(calls, lambda text, n=turns: read_dialogue(text, n), "assistant")  # type: ignore[misc]
        except UnrecordedError as error:
            missing.append(error)
            continue
        replies.update({r.subject: r for r in read})
    if missing:
        raise UnrecordedError.all_of(missing)
    return replies


async def generate(
    rows: Sequence[Row], door: Door, *, prompt_name: str = "generate_request", prompts: Path | None = None
) -> Made:
    """Write the conversations of a design.

    Raises:
        UnrecordedError: a recording lacks answers; they wait in its pending file.
    """
    asked = await write_requests(rows, prompt_name, door, prompts)
    messages = {r.subject: r.value for r in asked if r.value is not None}
    failed = {r.subject: f"request {r.outcome.value}" for r in asked if r.value is None}
    told = await write_dialogues(rows, messages, door, prompts)
    failed |= {k: f"dialogue {r.outcome.value}" for k, r in told.items() if r.value is None}
    kept = [row for row in rows if row.id not in failed]
    return Made(
        tuple(_conversation(row, messages[row.id], told[row.id].value or []) for row in kept), tuple(kept), failed
    )


def _conversation(row: Row, message: str, rest: list[Message]) -> Conversation:
    known: dict[str, Any] = {
        "language": row.language,
        "category": row.category,
        "subcategory": row.subcategory,
        "tone": row.tone,
        "length": row.length.split(",")[0],
    }
    if row.facts:
        known["planted"] = [asdict(fact.planted) | {"aliases": list(fact.planted.aliases)} for fact in row.facts]
    return Conversation(row.id, row.account, (Message("user", message), *rest), row.time, known)
