"""What a suite's section of a page is made of: sentences, tables and pictures. The same go to a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Group, RenderableType
from rich.text import Text

from reports import words
from reports.console import plain_table

Kind = Literal[
    "text", "word", "long", "percent", "points", "number", "decimal", "change", "p", "count", "more", "dollars"
]
TEXTS = ("text", "word", "long")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        key: column of the frame.
        label: its heading.
        kind: how its values are written. "word": a text that is not broken over lines; "long": one of several
            sentences; "percent": a proportion (0 to 1) as a percentage; "points": a difference of proportions with its
            sign; "number": two decimals; "decimal": three; "change": three with the sign; "p": a p-value; "count": a
            whole number; "more": one with its sign; "dollars": two decimals.
        ends: columns of an interval's two ends, written after the value in the same way.
    """

    key: str
    label: str
    kind: Kind = "text"
    ends: tuple[str, str] | None = None

    def written(self, row: dict[Any, Any]) -> str:
        """The cell's text."""
        text = written(row.get(self.key), self.kind)
        if self.ends is None or words.absent(row.get(self.ends[0])):
            return text
        low, high = (written(row.get(end), self.kind).removesuffix(" pp") for end in self.ends)
        return f"{text} ({low} to {high})"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: rows of `frame`, in the order of `columns`. `brief` ones also go to the terminal.

    `more` are further columns, which only a page has room for.
    """

    caption: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    note: str = ""
    brief: bool = False
    more: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, drawn only when a page is written.

    Attributes:
        name: of its file; unique in a run, starting with the suite's name.
        title: what it shows.
        text: what to look for, and what not to read into it.
        alternative: for those who cannot see it.
        draw: makes it; it may only place numbers that also stand in a table.
    """

    name: str
    title: str
    text: str
    alternative: str
    draw: Callable[[], Figure]


@dataclass(frozen=True, slots=True)
class Diff:
    """A unified diff of texts that hold no record; a page shows it folded up."""

    caption: str
    text: str

    def lines(self) -> list[tuple[str, str]]:
        """(kind, line) pairs; kinds are "file", "place", "added", "removed" and "same"."""
        kinds = {"@": "place", "+": "added", "-": "removed"}
        made = []
        for number, line in enumerate(self.text.splitlines()):
            made.append(("file" if number < 2 else kinds.get(line[:1], "same"), line))
        return made


@dataclass(frozen=True, slots=True)
class Section:
    """One suite's part of a page."""

    suite: str
    title: str
    sentences: tuple[str, ...]
    blocks: tuple[Table | Picture | Diff, ...] = field(default_factory=tuple)

    @property
    def pictures(self) -> list[Picture]:
        """Its pictures, in order."""
        return [block for block in self.blocks if isinstance(block, Picture)]


_WRITTEN: dict[str, Callable[[float], str]] = {
    "percent": words.percent,
    "points": lambda number: f"{100 * number:+.1f} pp",
    "number": lambda number: f"{number:.2f}",
    "decimal": lambda number: f"{number:,.3f}",
    "change": lambda number: f"{number:+,.3f}",
    "p": lambda number: "<0.001" if number < 0.001 else f"{number:.3f}",
    "count": words.count,
    "more": lambda number: f"{number:+,.0f}" if round(number) else "0",
    "dollars": lambda number: f"{'-' if number < 0 else ''}${abs(number):,.2f}",
}


def written(value: Any, kind: Kind) -> str:
    """A value as text; an en dash where there is none."""
    if words.absent(value) or value is pd.NA:
        return words.MISSING
    return words.printable(value) if kind in TEXTS else _WRITTEN[kind](float(value))


def console(section: Section) -> RenderableType:
    """A section for a terminal: its sentences and its brief tables."""
    parts: list[RenderableType] = [Text(f"\n{section.title}", style="bold")]
    parts += [Text(words.printable(sentence)) for sentence in section.sentences]
    for block in section.blocks:
        if isinstance(block, Table) and block.brief:
            parts.append(console_table(block))
    return Group(*parts)


def console_table(table: Table) -> RenderableType:
    """A table for a terminal."""
    rows = [[column.written(row) for column in table.columns] for row in table.frame.to_dict("records")]
    return plain_table(table.caption, [column.label for column in table.columns], rows)
