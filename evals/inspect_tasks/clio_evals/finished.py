"""What a finished run of `clio-evals run` found, read from its folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from clio_core.runfolder import RunFolderError
from clio_evals.found import Found, answered, plain
from evals import runs
from evals.runs import Part


def read(run: Path, suite: str, dataset: str | None) -> tuple[Part, Found]:
    """The part of a run over one data set, and what a suite found in it.

    Args:
        run: folder of a finished run, or of a session of several.
        suite: a suite that was measured there.
        dataset: which part of a session; None where only one of them was measured by that suite.
    Raises:
        RunFolderError: no finished run stands there, the suite was not measured, or several parts could be meant.
    """
    parts = {name: part for name, part in runs.load(run).items() if dataset in (None, name)}
    fitting = {name: part for name, part in parts.items() if suite in set(part.metrics["suite"])}
    if not fitting:
        measured = {name: sorted(set(part.metrics["suite"])) for name, part in parts.items()}
        raise RunFolderError(f"{run} holds no suite {suite!r} of data set {dataset or 'any'}; it holds {measured}")
    if len(fitting) > 1:
        raise RunFolderError(f"{run} holds suite {suite!r} of {sorted(fitting)}; choose one with -T dataset=NAME")
    (part,) = fitting.values()
    items = plain(part.items[part.items["suite"] == suite].drop(columns="suite").to_dict("records"))
    if suite == "supervised":
        tables = part.path / "tables"
        rows = pd.read_csv(tables / "supervised_rows.csv", keep_default_na=False, dtype=str)
        items = answered(items, rows, pd.read_csv(tables / "supervised_categories.csv")["category"])
    metrics = plain(part.metrics[part.metrics["suite"] == suite].drop(columns=["suite", "dataset"]).to_dict("records"))
    return part, Found(suite, items, metrics, part.summaries(), int(part.manifest.get("unrecorded", 0)))
