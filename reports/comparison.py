"""The page of a comparison of two runs, and the same for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Group, RenderableType
from rich.text import Text

from reports import blocks, page, words
from reports import comparison_sections as made
from reports.blocks import Section
from reports.comparison_data import Comparison, read
from reports.comparison_words import EXPLAINED, lead, notices
from reports.figures import save

__all__ = ["Comparison", "console", "read", "sections", "write"]


def console(comparison: Comparison) -> RenderableType:
    """The comparison for a terminal: what changed, then every data set's sentences and brief tables."""
    parts: list[RenderableType] = [Text(words.printable(line), style="yellow") for line in notices(comparison)]
    parts.append(blocks.console(made.changes(comparison)))
    told: set[str] = set()
    for part in comparison.about["parts"]:
        if len(comparison.about["parts"]) > 1:
            parts.append(Text(f"\n{words.printable(part['dataset'])}", style="bold underline"))
        parts += [Text(f"\n{words.printable(' '.join(said))}") for said in [lead(comparison, part)] if said]
        for section in sections(comparison, part):
            new = tuple(sentence for sentence in section.sentences if sentence not in told)
            told.update(EXPLAINED.intersection(new))
            if new or any(isinstance(block, blocks.Table) and block.brief for block in section.blocks):
                parts.append(blocks.console(replace(section, sentences=new)))
    return Group(*parts)


def sections(comparison: Comparison, part: dict[str, Any]) -> list[Section]:
    """Every section of one data set."""
    found = [make(comparison, part) for make in made.SECTIONS]
    return [section for section in found if section is not None]


def write(folder: Path) -> Path:
    """Draw the pictures of a comparison and write its page, `report.html`; returns the page's path."""
    comparison = read(folder)
    parts: list[dict[str, Any]] = []
    drawings: dict[str, Callable[[], Figure]] = {}
    for number, part in enumerate(comparison.about["parts"]):
        prefix = f"part{number}-"
        shown = sections(comparison, part)
        drawings |= {prefix + picture.name: picture.draw for section in shown for picture in section.pictures}
        parts.append({"part": part, "prefix": prefix, "lead": lead(comparison, part), "shown": shown})
    drawn = save(drawings, folder)
    for entry in parts:
        prefix = entry["prefix"]
        own = {name.removeprefix(prefix): file for name, file in drawn.items() if name.startswith(prefix)}
        entry["body"] = page.inside(entry.pop("shown"), own, prefix)
    values = {
        "title": f"Clio Evals: {comparison.about['base']['name']} against {comparison.about['candidate']['name']}",
        "about": comparison.about,
        "notices": notices(comparison),
        "parts": parts,
        "changes": page.inside([made.changes(comparison)], {}, ""),
    }
    written = folder / "report.html.part"
    written.write_text(page.whole("comparison.html.j2", values), encoding="utf-8")
    return written.replace(folder / "report.html")
