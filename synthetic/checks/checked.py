"""What a check gives, and the few things that several checks need of a data set."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from clio_core.records import Conversation
from synthetic.datasets import Dataset, Truth

UNSPACED = ("Japanese", "Mandarin Chinese")  # two characters count as a word
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Checked:
    """One check's outcome.

    Attributes:
        name: of the check.
        value: what was measured.
        limit: what it is held against, in words.
        passed: whether it is within the limit; True also where it was not run.
        findings: a line for each row or cell that it is about, naming it; the reason where it was not run.
        ran: False where what it needs was not there.
    """

    name: str
    value: float
    limit: str
    passed: bool
    findings: tuple[str, ...] = ()
    ran: bool = True

    @property
    def verdict(self) -> str:
        """ "pass", "FAIL" or "not run"."""
        return ("pass" if self.passed else "FAIL") if self.ran else "not run"


def not_run(name: str, limit: str, why: str) -> Checked:
    """A check that could not be made: neither passed nor failed, and shown as such."""
    return Checked(name, math.nan, limit, True, (why,), ran=False)


def rows(data: Dataset) -> Iterator[tuple[Conversation, Truth]]:
    """Every conversation with its truth."""
    return ((c, data.truth[c.id]) for c in data.conversations)


def first(conversation: Conversation) -> str:
    """The user's first message; "" where there is none."""
    return next((m.content for m in conversation.messages if m.role == "user"), "")


def by_language(data: Dataset) -> dict[str, list[Conversation]]:
    """Conversations of each language, in their order."""
    groups: dict[str, list[Conversation]] = {}
    for conversation, truth in rows(data):
        groups.setdefault(truth.language, []).append(conversation)
    return groups
