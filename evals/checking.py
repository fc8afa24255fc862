"""`clio-evals check-data`: run the checks of data sets, print them, and leave tables for a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from clio_core.config import ConfigError
from clio_core.door import Progress, UnrecordedError
from clio_core.runfolder import RunFolder, RunFolderError, commit
from evals import data_tables, execute, session, terminal
from evals.reading import Readers, read
from evals.suite import Measured
from reports.words import MISSING
from synthetic import auditor_set, checks
from synthetic.checks import Checked
from synthetic.checks import cluster_texts as of_texts
from synthetic.datasets import Dataset

_SHOWN = 8  # findings a check that are printed; the table of findings holds all
_COLOURS = {"pass": "green", "FAIL": "bold red", "not run": "yellow"}


@dataclass(frozen=True, slots=True)
class Examined:
    """A data set's checks, and what else was measured on the way.

    Attributes:
        data: the data set.
        checks: every check, those included that could not be run.
        measured: tables, metrics and items.
        manifest: how it came about.
    """

    data: Dataset
    checks: tuple[Checked, ...]
    measured: Measured
    manifest: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return not all(c.passed for c in self.checks)


def examine(data: Dataset, readers: Readers, folder: Path | None = None, progress: Progress | None = None) -> Examined:
    """Every check of a data set.

    Args:
        data: the data set.
        readers: who reads it, for the checks that need somebody to.
        folder: where their calls and what waits for an answer are kept; None keeps nothing.
        progress: shows how far the calls are.
    Raises:
        UnrecordedError: see `reading.read`.
    """
    began = datetime.now(UTC)
    described = {
        "name": data.name,
        "hash": data.loaded.content_hash,
        "conversations": len(data.conversations),
        "sensitive": data.sensitive,
    }
    seen = read(data, readers, folder, described, began, progress)
    found = (*checks.check(data), *seen.checks)
    tables = data_tables.tables(data, found)
    rows = agreed = None
    if seen.replies is not None:
        rows = data_tables.relabelled(data, seen.replies)
        agreed = data_tables.agreement(rows, data.categories)
        tables |= {"data_relabelled": rows, "data_agreement": agreed}
        tables["data_confusion"] = data_tables.confusion(rows, data.categories)
    measured = Measured(tables, data_tables.metrics(found, agreed), data_tables.items(rows))
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    times = {"began": began.isoformat(timespec="seconds"), "ended": ended}
    manifest = {"dataset": described, "commit": commit(), **seen.manifest, **times, "checks": True}
    return Examined(data, found, measured, manifest)


def run(
    datasets: Sequence[Dataset],
    readers: Readers,
    out: Path | None,
    progress: Callable[[str], Progress] | None = None,
) -> list[Examined]:
    """Check data sets one after the other, and write what was found where `out` names a folder.

    A single data set stands in the folder itself, several in folders of their own inside it.

    Raises:
        ConfigError: a run is given for other than one data set, or two data sets share a name in one folder.
        RunFolderError: the folder holds something else.
        UnrecordedError: after every data set was tried.
    """
    names = [data.name for data in datasets]
    if readers.run is not None and len(names) != 1:
        raise ConfigError(f"--run belongs to one data set, got {names}")
    if out is not None and len(set(names)) != len(names):
        raise ConfigError(f"data sets that are written into one folder need names of their own, got {names}")
    if out is not None:
        claim(out)
    examined: list[Examined] = []
    missing: list[UnrecordedError] = []
    for data in datasets:
        folder = None if out is None else out if len(names) == 1 else out / data.name
        try:
            found = examine(data, readers, folder, progress(data.name) if progress is not None else None)
        except UnrecordedError as error:
            missing.append(error)
            continue
        if folder is not None:
            write(found, folder)
        examined.append(found)
    if missing:
        raise UnrecordedError.all_of(missing)
    if out is not None and len(names) > 1:
        session.close(out, names, datetime.fromisoformat(examined[0].manifest["began"]), {})
        whole = RunFolder(out)
        whole.write_json("manifest.json", {**whole.read_manifest(), "checks": True})
    return examined


def claim(out: Path) -> None:
    """Make sure that a folder is new, empty of results, or held an earlier check.

    Raises:
        RunFolderError: it holds a run, whose manifest and page would be lost.
    """
    if (out / "manifest.json").exists() and "checks" not in RunFolder(out).read_manifest():
        raise RunFolderError(f"{out} holds a run; choose another --out, or remove it")


def write(found: Examined, out: Path) -> None:
    """Tables, `metrics.csv`, `items.parquet` and manifest; pages are drawn from them (`clio-evals report`)."""
    folder = RunFolder(out)
    execute.write_measured(folder, found.data.name, {data_tables.SUITE: found.measured})
    folder.write_json("manifest.json", found.manifest)


def show(examined: Examined) -> None:
    """Print a data set's checks, and the first findings of those that failed or could not be run."""
    show_checks(f"{examined.data.name}, {len(examined.data.conversations)} conversations", examined.checks)


def cluster_texts(folder: Path | None) -> tuple[Checked, ...]:
    """Check the auditor's set, print what was found, and write it into `folder` where one is given.

    Raises:
        AuditorSetError: a row is not whole, or a pair is none.
    """
    data = auditor_set.read()
    found = of_texts.check(data)
    show_checks(f"auditor, {len(data.rows)} cluster texts", found)
    if folder is not None:
        data_tables.summary(found).to_csv(folder / "auditor_checks.csv", index=False)
    return found


def show_checks(heading: str, found: Sequence[Checked]) -> None:
    """Print checks as a table, and the first findings of those that failed or could not be run."""
    table = Table("check", "value", "limit", "", title=Text(heading), title_justify="left", box=box.SIMPLE_HEAD)
    for c in found:
        value = f"{c.value:.3f}" if c.ran else MISSING
        table.add_row(c.name, value, c.limit, Text(c.verdict, style=_COLOURS[c.verdict]))
    terminal.out.print(table)
    for c in found:
        if c.passed and c.ran:
            continue
        for finding in c.findings[:_SHOWN]:
            terminal.out.print(Text(f"  {c.name}: {finding}"), soft_wrap=True)
        if len(c.findings) > _SHOWN:
            terminal.out.print(f"  {c.name}: and {len(c.findings) - _SHOWN} more")
