"""How long messages and conversations are: as their rows say, and alike in every language."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from clio_core.records import Conversation
from synthetic.checks.checked import UNSPACED, Checked, by_language, first, rows
from synthetic.checks.limits import LENGTH_BANDS, LENGTH_FACTOR, LENGTH_JUDGED, LENGTH_SLACK, OFF_LENGTH
from synthetic.datasets import Dataset

EVERY = "all"  # in place of a language
FIRST, WHOLE = "first message", "conversation"


@dataclass(frozen=True, slots=True)
class Spread:
    """Lengths of one language, or of all together, in words.

    Attributes:
        part: "first message", or "conversation" (every turn of user and assistant).
        language: its name, or "all".
        n: conversations.
        lower, median, upper: quartiles.
        factor: its median over that of all languages.
    """

    part: str
    language: str
    n: int
    lower: float
    median: float
    upper: float
    factor: float


def words(text: str, language: str) -> float:
    """Length of a text in words; in languages without spaces, half its characters."""
    return len(re.sub(r"\s", "", text)) / 2 if language in UNSPACED else len(text.split())


def lengths(data: Dataset) -> Checked:
    """First messages of the length that their row names."""
    findings, judged = [], 0
    for conversation, truth in rows(data):
        band = LENGTH_BANDS.get(str(conversation.metadata.get("length")))
        if band is None:
            continue
        judged += 1
        count = words(first(conversation), truth.language)
        if not band[0] / LENGTH_SLACK <= count <= band[1] * LENGTH_SLACK:
            findings.append(f"{conversation.id}: {count:.0f} words, called {conversation.metadata['length']}")
    share = len(findings) / judged if judged else 0.0
    return Checked("length", share, f"at most {OFF_LENGTH:.0%} off", share <= OFF_LENGTH, tuple(findings))


def spreads(data: Dataset) -> list[Spread]:
    """Quartiles of first messages and of whole conversations: all languages together, then each by name."""
    found = []
    groups = by_language(data)
    for part, text in ((FIRST, first), (WHOLE, _said)):
        counted = {language: [words(text(c), language) for c in groups[language]] for language in sorted(groups)}
        overall = [count for counts in counted.values() for count in counts]
        middle = float(np.median(overall))
        for language, counts in {EVERY: overall, **counted}.items():
            lower, median, upper = (float(q) for q in np.quantile(counts, [0.25, 0.5, 0.75]))
            factor = median / middle if middle else 1.0
            found.append(Spread(part, language, len(counts), lower, median, upper, factor))
    return found


def length_by_language(data: Dataset) -> Checked:
    """No language whose median length is far from that of all together.

    The value is the largest such factor, up or down, of first messages or whole conversations. Languages with few
    conversations are not judged.
    """
    findings, largest = [], 1.0
    for spread in spreads(data):
        if spread.n < LENGTH_JUDGED:
            continue
        away = max(spread.factor, 1 / spread.factor) if spread.factor else float("inf")
        largest = max(largest, away)
        if away > LENGTH_FACTOR:
            findings.append(
                f"{spread.language}, {spread.part}: a median of {spread.median:.0f} words, "
                f"{spread.factor:.2f} times that of all languages"
            )
    limit = f"every median within a factor of {LENGTH_FACTOR:g}"
    return Checked("length by language", largest, limit, not findings, tuple(findings))


def _said(conversation: Conversation) -> str:
    return "\n".join(m.content for m in conversation.messages if m.role in ("user", "assistant"))
