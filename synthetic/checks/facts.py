"""Is every planted fact where it is said to be?"""

from __future__ import annotations

from synthetic.checks.checked import Checked, first
from synthetic.datasets import Dataset


def planted(data: Dataset) -> Checked:
    """Every planted fact in its row's first message, letter for letter.

    The fact itself is told only where the data set is not sensitive.
    """
    findings = [
        f"{conversation.id}: its first message lacks the {fact.kind}" + ("" if data.sensitive else f" {fact.value!r}")
        for conversation in data.conversations
        for fact in data.planted.get(conversation.id, ())
        if fact.value not in first(conversation)
    ]
    return Checked("planted facts", len(findings), "none missing", not findings, tuple(findings))
