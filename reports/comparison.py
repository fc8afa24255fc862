"""A comparison of two runs, out of the folder that `clio-evals compare` wrote: its tables, its page, and a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Group, RenderableType
from rich.text import Text

from clio_core.runfolder import RunFolderError
from reports import blocks, words
from reports.blocks import Section

_FILE = "comparison.json"
SIDES = ("base", "candidate")
_TABLES = ("changes", "metrics", "languages", "flips", "clusters", "usage")
# A language or category may be called "NA"; of everything else only numbers can be missing.
_TEXT = frozenset(
    (
        *("dataset", "kind", "name", "base", "candidate", "note", "suite", "metric", "slice", "method", "language"),
        *("category", "change", "item", "status", "stage", "base_name", "candidate_name"),
        *(f"{what}_{side}" for side in SIDES for what in ("assigned", "cluster", "cluster_name", "summary", "model")),
    )
)
# There they are values, elsewhere names.
_NUMBERS = {"metrics": {"base", "candidate"}, "languages": {"base", "candidate"}}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs over the same data, as `clio-evals compare` found them. Proportions are 0 to 1.

    Attributes:
        folder: where it stands.
        about: `comparison.json`.
        tables: its tables by name, all data sets together.
    """

    folder: Path
    about: dict[str, Any]
    tables: dict[str, pd.DataFrame]

    def of(self, table: str, dataset: str) -> pd.DataFrame:
        """A table's rows of one data set."""
        frame = self.tables[table]
        return frame[frame["dataset"] == dataset].reset_index(drop=True)


def read(folder: Path) -> Comparison:
    """Read the folder of a comparison.

    Raises:
        RunFolderError: it holds none.
    """
    file = folder / _FILE
    if not file.exists():
        raise RunFolderError(f"{folder} is not the folder of a comparison: it has no {_FILE}")
    about = json.loads(file.read_text(encoding="utf-8"))
    return Comparison(folder, about, {name: _table(folder, name) for name in _TABLES})


def _table(folder: Path, name: str) -> pd.DataFrame:
    frame = pd.read_csv(folder / "tables" / f"{name}.csv", dtype=str, keep_default_na=False)
    for column in frame.columns:
        if column not in _TEXT or column in _NUMBERS.get(name, ()):
            frame[column] = pd.to_numeric(frame[column].replace("", None))
    return frame


def console(comparison: Comparison) -> RenderableType:
    """The comparison for a terminal: what changed, then every data set's sentences and brief tables."""
    from reports import comparison_sections as made
    from reports.comparison_words import EXPLAINED, lead, notices

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
    from reports import comparison_sections as made

    found = [make(comparison, part) for make in made.SECTIONS]
    return [section for section in found if section is not None]


def write(folder: Path) -> Path:
    """Draw the pictures of a comparison and write its page, `report.html`; returns the page's path."""
    from reports import comparison_sections as made
    from reports import page
    from reports.comparison_words import lead, notices
    from reports.figures import save

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
