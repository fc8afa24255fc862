"""A comparison of two runs as frames, out of the folder that `clio-evals compare` wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from clio_core.runfolder import RunFolderError

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
