"""The sections of a page, a module a suite. Each reads its suite's tables and computes nothing.

A module holds `section(run: Run) -> Section | None`: None where the run has no such tables. It may also hold
`together(run: Run) -> Section | None` over the folder of a session, for what it says of several data sets at once.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from clio_core.runfolder import RunFolder
from reports.blocks import Section
from reports.published import may_quote

# In the order of a page. The supervised suite has pages of its own, in `reports.page`.
MODULES: tuple[str, ...] = (
    "unsupervised",
    "multilingual",
    "stages",
    "reviews",
    "insight",
    "seeds",
    "oracle",
    "selftest",
    "integrity",
    "auditor",
    "privacy",
    "cost",
    "attacks",
    "data",
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder as sections see it.

    Attributes:
        folder: where it stands.
        manifest: as the run wrote it.
    """

    folder: RunFolder
    manifest: dict[str, Any]

    @property
    def sensitive(self) -> bool:
        """True unless the manifest says in so many words that the data set is not."""
        return self.manifest["dataset"].get("sensitive") is not False

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.manifest["dataset"]["name"])

    @property
    def names_withheld(self) -> bool:
        """Whether cluster names may quote sensitive records, so that ids have to stand in their place."""
        stood_in = self.table("unrecorded", ("stage",))
        none = pd.DataFrame({"stage": [], "calls": []})
        return self.sensitive and may_quote(self.manifest, none if stood_in is None else stood_in)

    def table(self, name: str, text: tuple[str, ...] = ()) -> pd.DataFrame | None:
        """A suite's table; None if the run has none of that name.

        Args:
            name: of its file, without ending.
            text: columns that hold text, even where a value looks like a number or like "NA". Others become numbers
                where every value of theirs is one.
        """
        file = self.folder.tables / f"{name}.csv"
        if not file.exists():
            return None
        # A language or category may be called "NA" or "None"; only numbers can be missing.
        frame = pd.read_csv(file, dtype=str, keep_default_na=False)
        for column in frame.columns.difference(list(text)):
            numbers = pd.to_numeric(frame[column].replace("", None), errors="coerce")
            if not (numbers.isna() & (frame[column] != "")).any():
                frame[column] = numbers
        return frame

    def metrics(self, suite: str) -> pd.DataFrame:
        """The suite's rows of `metrics.csv`."""
        frame = pd.read_csv(self.folder.path / "metrics.csv", keep_default_na=False, dtype=str)
        frame = frame[frame["suite"] == suite].reset_index(drop=True)
        for column in ("value", "low", "high", "n", "clusters", "paper"):
            frame[column] = pd.to_numeric(frame[column].replace("", None))
        return frame


def read(path: Path) -> list[Section]:
    """Every section that a finished run has tables for.

    Raises:
        RunFolderError: there is no finished run.
    """
    folder = RunFolder.open(path)
    run = Run(folder, folder.read_manifest())
    made = [importlib.import_module(f"reports.sections.{name}").section(run) for name in MODULES]
    return [section for section in made if section is not None]


def together(path: Path) -> list[Section]:
    """Every section that a session's folder has tables for: what suites say of its data sets together.

    Raises:
        RunFolderError: there is no finished session.
    """
    folder = RunFolder.open(path)
    run = Run(folder, folder.read_manifest())
    modules = [importlib.import_module(f"reports.sections.{name}") for name in MODULES]
    made = [module.together(run) for module in modules if hasattr(module, "together")]
    return [section for section in made if section is not None]
