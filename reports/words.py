"""How numbers are written, on the terminal and on the page alike."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import pandas as pd

MISSING = "–"
_FIRST_NUMBER = re.compile(r"\d+")


def absent(value: object) -> bool:
    """Whether a cell holds no value: None, NaN or an empty text."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def percent(value: float | None) -> str:
    """A proportion (0 to 1) as a percentage with one decimal; an en dash where there is none."""
    return MISSING if value is None or math.isnan(value) else f"{value:.1%}"


def interval(low: float | None, high: float | None) -> str:
    """The ends of an interval, proportions, as "low to high"."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return MISSING
    return f"{low:.1%} to {high:.1%}"


def count(value: float | None) -> str:
    """A whole number with thousands separated."""
    return MISSING if value is None or math.isnan(value) else f"{int(value):,}"


def listed(items: list[str], *, most: int = 4) -> str:
    """Items as words: "a", "a and b", "a, b and c", "a, b, c, d and 3 more"."""
    shown = items if len(items) <= most else [*items[:most], f"{len(items) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else MISSING


def moment(text: object) -> str:
    """An ISO time as "2026-11-21 22:35 UTC"; what is no time stays as it is."""
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    if when.tzinfo is None:
        return f"{when:%Y-%m-%d %H:%M}"
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def printable(text: object) -> str:
    """A text without control or direction characters, which could move a terminal's cursor or turn a line around."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def notes(frame: pd.DataFrame, subject: str) -> list[str]:
    """The notes of a table, each kind once, with the rows that it holds for.

    Notes that differ in their first number only are one kind: "8 clusters, 100 wanted" for English and "2 clusters,
    100 wanted" for Spanish become "2 to 8 clusters, 100 wanted (English 8, Spanish 2)".

    Args:
        frame: with a column `note`, whose parts are separated by "; ".
        subject: the column that names a row.
    """
    kinds: dict[str, list[tuple[str, int | None]]] = {}
    for name, note in zip(frame[subject], frame["note"], strict=True):
        for part in [] if absent(note) else str(note).split("; "):
            number = _FIRST_NUMBER.search(part)
            kind = part if number is None else _FIRST_NUMBER.sub("#", part, count=1)
            kinds.setdefault(kind, []).append((str(name), int(number[0]) if number else None))
    return [_note(kind, rows) for kind, rows in kinds.items()]


def _note(kind: str, rows: list[tuple[str, int | None]]) -> str:
    numbers = [number for _, number in rows if number is not None]
    if not numbers:
        return f"{kind} ({', '.join(name for name, _ in rows)})"
    low, high = min(numbers), max(numbers)
    if low == high:
        return f"{kind.replace('#', str(low), 1)} ({', '.join(name for name, _ in rows)})"
    named = ", ".join(f"{name} {number}" for name, number in rows)
    return f"{kind.replace('#', f'{low} to {high}', 1)} ({named})"
