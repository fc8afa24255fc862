"""Metrics for `inspect eval`, by the same functions that `clio-evals run` uses.

Inspect computes them on partial results too, so each has an answer for few scores and for none. It goes by the
annotation of `scores`: a metric without one is handed scores that have lost their sample's metadata.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pandas as pd
from inspect_ai.scorer import Metric, SampleScore, Value, metric

from evals import auditor
from evals.reconstruction import f1_value
from evals.statistics import cluster_interval
from evals.suite import ITEM_COLUMNS


def _meta(score: SampleScore) -> dict[str, Any]:
    return score.sample_metadata or {}


def _f1(scores: list[SampleScore], average: Literal["macro", "weighted"]) -> float:
    if not scores:
        return math.nan
    metas = [_meta(s) for s in scores]
    rows = pd.DataFrame(
        {"category": [m["category"] for m in metas], "predicted": [str(s.score.answer or "") for s in scores]}
    )
    # In the order of the taxonomy, so that the mean over categories is the same to the last digit.
    places = {m["category"]: m["place"] for m in metas}
    return f1_value(rows, sorted(places, key=lambda category: places[category]), average)


@metric(scores="unreduced")
def macro_f1() -> Metric:
    """Macro F1 over the true categories that occur."""

    def compute(scores: list[SampleScore]) -> Value:
        return _f1(scores, "macro")

    return compute


@metric(scores="unreduced")
def weighted_f1() -> Metric:
    """F1 over the true categories that occur, weighted by how often they do."""

    def compute(scores: list[SampleScore]) -> Value:
        return _f1(scores, "weighted")

    return compute


@metric
def clustered_interval(level: float = 0.95) -> Metric:
    """Interval of a mean when errors come in clumps; NaN while fewer than two clusters have been seen."""

    def compute(scores: list[SampleScore]) -> Value:
        low, high = _ends([s.score.as_float() for s in scores], [_meta(s)["cluster"] for s in scores], level)
        return {"low": low, "high": high}

    return compute


def _ends(scores: Iterable[float], clusters: Iterable[str], level: float = 0.95) -> tuple[float, float]:
    values, clumps = list(scores), list(clusters)
    if len(set(clumps)) < 2 or not all(0 <= value <= 1 for value in values):
        return math.nan, math.nan
    found = cluster_interval(values, clumps, level=level)
    return found.low, found.high


def _items(scores: list[SampleScore]) -> pd.DataFrame:
    """A row an item, in the order in which the suite made them: `ITEM_COLUMNS`."""
    rows = [{**_meta(s), "score": s.score.as_float()} for s in scores]
    return pd.DataFrame(sorted(rows, key=lambda row: row["number"]), columns=ITEM_COLUMNS)


@metric(scores="unreduced")
def item_means() -> Metric:
    """Mean of each of the suite's metrics over its items; those without a score are in none."""

    def compute(scores: list[SampleScore]) -> Value:
        return {str(name): float(part.mean()) for name, part in _items(scores).groupby("metric", sort=False)["score"]}

    return compute


@metric(scores="unreduced")
def item_intervals() -> Metric:
    """METRIC_clustered_low and _high for each metric whose items come in clusters; an item without one stands alone.

    A suite may have reasons for an interval of its own, which stands among its metrics.
    """

    def compute(scores: list[SampleScore]) -> Value:
        found: dict[str, float] = {}
        for name, part in _items(scores).groupby("metric", sort=False):
            if (part["cluster"] != "").any():
                clumps = part["cluster"].where(part["cluster"] != "", "alone:" + part["item"].astype(str))
                low, high = _ends(part["score"], clumps)
                found |= {f"{name}_clustered_low": low, f"{name}_clustered_high": high}
        return found

    return compute


@metric(scores="unreduced")
def item_slices() -> Metric:
    """Means by language, and by the suite's own groups, named as in `metrics.csv`: "METRIC language=Hindi"."""

    def compute(scores: list[SampleScore]) -> Value:
        rows = _items(scores)
        spoken = rows.assign(slice=("language=" + rows["language"].astype(str)).where(rows["language"] != "", ""))
        both = pd.concat([spoken, rows.assign(slice=rows["group"])])
        kept = both[both["slice"] != ""].groupby(["metric", "slice"])["score"]
        return {f"{name} {where}": float(part.mean()) for (name, where), part in kept}

    return compute


def _named(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Values over all, with their ends, out of rows of `metrics.csv`; what is missing is left out."""
    found: dict[str, float] = {}
    for row in rows:
        if row["slice"] == "all":
            ends = {"": row["value"], "_low": row["low"], "_high": row["high"]}
            found |= {f"{row['metric']}{end}": float(number) for end, number in ends.items() if not pd.isna(number)}
    return found


@metric(scores="unreduced")
def as_measured() -> Metric:
    """What the suite itself says over all, to the last digit, and how many calls local/extractive answered instead."""

    def compute(scores: list[SampleScore]) -> Value:
        found: dict[str, float] = {}
        for meta in map(_meta, scores):
            found |= _named(meta["metrics"]) | {"unrecorded_calls": float(meta["unrecorded"])}
        return found

    return compute


@metric(scores="unreduced")
def of_ratings() -> Metric:
    """What suite "auditor" says of the texts rated so far."""

    def compute(scores: list[SampleScore]) -> Value:
        rows = {s.sample_id: (s.score.metadata or {})["row"] for s in scores}
        if not rows:
            return {}
        rated = pd.DataFrame(list(rows.values())).astype({"given": "Int64"})
        return _named(auditor.score(rated, "").metrics)

    return compute
