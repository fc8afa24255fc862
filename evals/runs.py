"""Finished runs as something that can be held against another: their parts, numbers, single scores and prompts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from clio_core.runfolder import RunFolder, RunFolderError
from evals import session
from evals.suite import ITEM_COLUMNS, METRIC_COLUMNS

_NUMBERS = ("value", "low", "high", "n", "clusters", "paper")


class NotComparableError(RunFolderError):
    """Two runs that were not made over the same data."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a finished run: one data set, or one fixed set.

    Attributes:
        name: of the data set.
        path: its folder.
        manifest: as the run wrote it.
        metrics: its `metrics.csv`.
        items: a row a single score, see `evals.suite.item`.
        seeds: suite "seeds", a row a conversation, seed and repeat; None where it was not run.
        prompts: text of every prompt file that the run used, by name.
    """

    name: str
    path: Path
    manifest: dict[str, Any]
    metrics: pd.DataFrame
    items: pd.DataFrame
    seeds: pd.DataFrame | None
    prompts: dict[str, str]

    @property
    def sensitive(self) -> bool:
        """True unless the manifest says in so many words that the data set is not."""
        return self.manifest["dataset"].get("sensitive") is not False

    def summaries(self, facet: str | None = None) -> dict[str, str]:
        """Value of a facet (default: the clustered one) by conversation id; empty for a fixed set."""
        if not (self.path / "tables" / "facets.parquet").exists():
            return {}
        values = RunFolder(self.path).read_table("facets")
        wanted = facet or str(self.manifest["config"]["cluster_facet"])
        chosen = values[(values["facet"] == wanted) & (values["outcome"] == "ok")]
        return dict(zip(chosen["conversation"], chosen["value"], strict=True))


def load(folder: Path) -> dict[str, Part]:
    """Every part of a finished run, or of a session of several, by the name of its data set.

    Raises:
        RunFolderError: the folder, or a part of it, holds no finished run.
    """
    return {part.name: part for part in map(_part, session.parts(folder).values())}


def _part(path: Path) -> Part:
    folder = RunFolder.open(path)
    manifest = folder.read_manifest()
    if not (folder.tables / "items.parquet").exists():
        raise RunFolderError(f"{path} was made by an older version: it has no table 'items'; run it again")
    seeds = folder.tables / "seeds_rows.csv"
    prompts = path / "prompts.json"
    return Part(
        name=str(manifest["dataset"]["name"]),
        path=path,
        manifest=manifest,
        metrics=read_metrics(path / "metrics.csv"),
        items=folder.read_table("items")[ITEM_COLUMNS],
        seeds=pd.read_csv(seeds, keep_default_na=False, dtype={"seed": int, "repeat": int}) if seeds.exists() else None,
        prompts=json.loads(prompts.read_text(encoding="utf-8")) if prompts.exists() else {},
    )


def read_metrics(file: Path) -> pd.DataFrame:
    """A `metrics.csv`; names and notes stay text, numbers that are missing are NaN."""
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)[METRIC_COLUMNS]
    for column in _NUMBERS:
        frame[column] = pd.to_numeric(frame[column].replace("", None))
    return frame


def shared(base: dict[str, Part], candidate: dict[str, Part]) -> list[tuple[Part, Part]]:
    """The parts that both runs have, in the order of the baseline.

    Raises:
        NotComparableError: no part is in both, or one was run over other data, with the reason.
    """
    common = [name for name in base if name in candidate]
    if not common:
        raise NotComparableError(f"the runs share no data set: {sorted(base)} against {sorted(candidate)}")
    for name in common:
        hashes = [str(run[name].manifest["dataset"]["hash"]) for run in (base, candidate)]
        if hashes[0] != hashes[1]:
            counts = [run[name].manifest["dataset"]["conversations"] for run in (base, candidate)]
            raise NotComparableError(
                f"data set {name!r} is not the same in both runs: content hash {hashes[0]} ({counts[0]} conversations)"
                f" against {hashes[1]} ({counts[1]} conversations). A difference would mix data and pipeline"
            )
    return [(base[name], candidate[name]) for name in common]
