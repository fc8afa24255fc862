"""Differences of what is no mean over single scores: plain ones, or Welch's over seeds where both runs have them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from clio_core.runfolder import RunFolder
from evals.comparison import MIN_SEEDS, welch_noninferiority
from evals.differences import COLUMNS
from evals.runs import Part
from evals.seeds import METRICS

PLAIN = "difference of values, no interval: compare several seeds"
_KEYS = ["suite", "metric", "slice"]
_SEEDS = "seeds"
_OVER = "_over_seeds"
# They rest on the data alone, which is the same in both runs.
_OF_THE_DATA = "_baseline"
# The margin is the gate's business; here only the interval is wanted.
_NO_MARGIN = 1.0


def table(base: Part, candidate: Part, paired: pd.DataFrame) -> pd.DataFrame:
    """A row a metric and slice that both runs have a value for and that `paired` does not hold.

    Args:
        base, candidate: the same data set in both runs.
        paired: made by `differences.table`; its metrics and slices are left out.
    Returns:
        columns `differences.COLUMNS`; `low` and `high` only for means over seeds.
    """
    by_seed = over_seeds(base, candidate)
    rows = plain(base.metrics, candidate.metrics, _keys(paired) | _keys(by_seed), seeds=not by_seed.empty)
    # A frame without rows would only muddle the types of the columns.
    return pd.concat([frame for frame in (rows, by_seed) if len(frame)] or [rows], ignore_index=True)


def _keys(rows: pd.DataFrame) -> set[tuple[str, ...]]:
    return {tuple(row) for row in rows[_KEYS].to_numpy().tolist()}


def plain(
    base: pd.DataFrame, candidate: pd.DataFrame, done: Collection[tuple[str, ...]] = (), *, seeds: bool = False
) -> pd.DataFrame:
    """Differences of values without an interval; columns `differences.COLUMNS`.

    Args:
        base, candidate: rows of `metrics.csv` of one data set.
        done: (suite, metric, slice) that are left out.
        seeds: whether the supervised suite's values are also there as means over seeds.
    """
    both = base.merge(candidate, on=["dataset", *_KEYS], suffixes=("_base", "_candidate"))
    rows = [
        _plain(row, seeds=seeds)
        for row in both.dropna(subset=["value_base", "value_candidate"]).to_dict("records")
        if tuple(row[key] for key in _KEYS) not in done and not str(row["metric"]).endswith(_OF_THE_DATA)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _plain(row: dict[Any, Any], *, seeds: bool) -> dict[str, object]:
    instead = seeds and row["suite"] == "supervised" and row["slice"] == "all" and row["metric"] in METRICS
    return {
        "dataset": row["dataset"],
        **{key: row[key] for key in _KEYS},
        "base": row["value_base"],
        "candidate": row["value_candidate"],
        "difference": row["value_candidate"] - row["value_base"],
        "n": min(row["n_base"], row["n_candidate"]),
        "method": f"difference of values, no interval: see {row['metric']}{_OVER}" if instead else PLAIN,
        "note": "",
    }


def over_seeds(base: Part, candidate: Part) -> pd.DataFrame:
    """Welch's interval for each metric of suite "seeds", where both runs have at least two seeds.

    Repeats of a seed are averaged first. All seeds of a run share its facets, so what chance does in extraction is
    not in the interval. `low`, `high`: 95%.
    """
    tables = [_seeds(part) for part in (base, candidate)]
    if any(found is None or found["seed"].nunique() < 2 for found in tables):
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    for name in METRICS:
        arms = [found.groupby("seed")[name].mean().to_list() for found in tables if found is not None]
        found = welch_noninferiority(arms[0], arms[1], _NO_MARGIN, level=0.95)
        notes = (
            [] if found.conclusive else [f"inconclusive: {len(arms[0])} and {len(arms[1])} seeds, {MIN_SEEDS} wanted"]
        )
        rows.append(
            {
                "dataset": base.name,
                "suite": _SEEDS,
                "metric": name + _OVER,
                "slice": "all",
                "base": sum(arms[0]) / len(arms[0]),
                "candidate": sum(arms[1]) / len(arms[1]),
                "difference": found.value,
                "low": found.low if found.varies else None,
                "high": found.high if found.varies else None,
                "n": min(len(arm) for arm in arms),
                "method": f"Welch over {len(arms[0])} and {len(arms[1])} seeds of the same facets",
                "note": "; ".join(notes) if found.varies else "no interval: every seed gave the same value",
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _seeds(part: Part) -> pd.DataFrame | None:
    file = RunFolder(part.path).tables / "seeds.csv"
    return pd.read_csv(file) if part.seeds is not None and file.exists() else None
