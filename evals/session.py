"""Several data sets in one go: a run folder each, and a folder above them that holds what they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from clio_core.config import Config, ConfigError
from clio_core.door import Progress, UnrecordedError
from clio_core.runfolder import RunFolder, commit
from evals import execute
from evals.suite import METRIC_COLUMNS, Measured
from evals.suites import Suite
from synthetic.datasets import Dataset

COMBINED = "combined"  # stands for the data set in rows of `metrics.csv` that speak of several


@dataclass(frozen=True, slots=True)
class Part:
    """One run of a session: a data set with its suites, or a suite that has a fixed set of its own.

    Attributes:
        name: of its folder inside the session's.
        dataset: None for a fixed suite.
        config: its settings.
        suites: what is measured on it.
    """

    name: str
    dataset: Dataset | None
    config: Config
    suites: tuple[Suite, ...]


def parts_of(
    suites: Sequence[Suite],
    datasets: Sequence[Dataset],
    config: Callable[[Dataset | None], Config],
    *,
    named: bool = False,
) -> list[Part]:
    """The runs that these suites need on these data sets.

    Args:
        suites: what is to be measured.
        datasets: on which data.
        config: settings for a data set, or for a fixed suite (None).
        named: the user named the data sets; a suite that takes any data is then measured on them, whether or not it
            would be by default.
    Raises:
        ConfigError: nothing is left to run.
    """
    made = []
    for data in datasets:
        fitting = tuple(s for s in suites if not s.fixed and (data.name in s.sets or (s.any_data and named)))
        if fitting:
            made.append(Part(data.name, data, config(data), fitting))
    made += [Part(s.name, None, config(None), (s,)) for s in suites if s.fixed]
    if not made:
        raise ConfigError("nothing to run: none of these suites is made for these data sets; see `clio-evals suites`")
    return made


def run(
    parts: Sequence[Part],
    out: Path,
    *,
    progress: Callable[[str], Progress] | None = None,
    prompts: Path | None = None,
    base: Path | None = None,
) -> None:
    """Run every part in a folder of its own inside `out`, then write the session's own files.

    A part whose recording lacks answers does not keep the others from going on; one error then names them all.

    Args:
        parts: what to run.
        out: the session's folder.
        progress: gives what shows how far a part is.
        prompts: folder whose prompt files win over the shipped ones.
        base: an earlier run or session; each part takes over what its own part there was answered.
    Raises:
        UnrecordedError: after all parts were tried; each part's pending file stands in its own folder.
    """
    began = datetime.now(UTC)
    missing: list[UnrecordedError] = []
    for part in parts:
        shown = progress(part.name) if progress is not None else None
        try:
            if part.dataset is None:
                execute.run_fixed(
                    part.suites[0], part.config, out / part.name, progress=shown, prompts=prompts, base=base
                )
            else:
                execute.run(
                    part.dataset,
                    part.config,
                    out / part.name,
                    suites=part.suites,
                    progress=shown,
                    prompts=prompts,
                    base=base,
                )
        except UnrecordedError as error:
            missing.append(error)
    if missing:
        raise UnrecordedError.all_of(missing)
    close(out, [part.name for part in parts], began, together(parts, out))


def together(parts: Sequence[Part], out: Path) -> dict[str, Measured]:
    """What suites say of several data sets together, by suite; the parts have been run."""
    data = [part for part in parts if part.dataset is not None]
    suites = {suite.name: suite for part in data for suite in part.suites}
    found = {
        name: suite.combine({part.name: RunFolder(out / part.name) for part in data if suite in part.suites})
        for name, suite in suites.items()
    }
    return {name: measured for name, measured in found.items() if measured is not None}


def close(out: Path, names: Sequence[str], began: datetime, combined: Mapping[str, Measured]) -> None:
    """Write `metrics.csv` and tables of all parts together, and the manifest that names them."""
    folder = RunFolder(out)
    frames = [pd.read_csv(out / name / "metrics.csv", keep_default_na=False, dtype=str) for name in names]
    for suite, measured in combined.items():
        for name, table in measured.tables.items():
            table.to_csv(folder.tables / f"{name}.csv", index=False)
        frames.append(pd.DataFrame([{"suite": suite, "dataset": COMBINED, **row} for row in measured.metrics]))
    pd.concat(frames).to_csv(out / "metrics.csv", index=False, columns=METRIC_COLUMNS)
    manifest = {
        "parts": list(names),
        "commit": commit(),
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    folder.write_json("manifest.json", manifest)


def parts(folder: Path) -> dict[str, Path]:
    """The run folders inside a session's folder by name; a plain run's folder is its own only part, by its data set.

    Raises:
        RunFolderError: the folder holds no finished run.
    """
    manifest = RunFolder.open(folder).read_manifest()
    if "parts" in manifest:
        return {name: folder / name for name in manifest["parts"]}
    return {str(manifest["dataset"]["name"]): folder}
