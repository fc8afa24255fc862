"""Metrics for `inspect eval`, by the same functions that `clio-evals run` uses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
from inspect_ai.scorer import Metric, SampleScore, Value, metric

from evals.reconstruction import f1_value
from evals.statistics import cluster_interval


def _meta(score: SampleScore) -> dict[str, Any]:
    return score.sample_metadata or {}


def _f1(scores: list[SampleScore], average: Literal["macro", "weighted"], categories: Sequence[str]) -> float:
    if not scores:  # Inspect computes metrics on partial results too, also on none
        return math.nan
    truth = [_meta(s)["category"] for s in scores]
    rows = pd.DataFrame({"category": truth, "predicted": [str(s.score.answer or "") for s in scores]})
    return f1_value(rows, categories, average)


@metric(scores="unreduced")
def macro_f1(categories: Sequence[str]) -> Metric:
    """Macro F1 over the true categories that occur."""

    # Inspect goes by the annotation: a metric without one is handed scores that have lost their sample's metadata.
    def compute(scores: list[SampleScore]) -> Value:
        return _f1(scores, "macro", categories)

    return compute


@metric(scores="unreduced")
def weighted_f1(categories: Sequence[str]) -> Metric:
    """F1 over the true categories that occur, weighted by how often they do."""

    def compute(scores: list[SampleScore]) -> Value:
        return _f1(scores, "weighted", categories)

    return compute


@metric
def clustered_interval(key: str = "base_cluster", level: float = 0.95) -> Metric:
    """Interval of accuracy when errors come in clumps; NaN while fewer than two clusters have been seen."""

    def compute(scores: list[SampleScore]) -> Value:
        # A conversation without a base cluster failed alone, so it is a clump of its own.
        clusters = [_meta(s).get(key) or f"alone {_meta(s).get('conversation')}" for s in scores]
        if len(set(clusters)) < 2:
            return {"low": math.nan, "high": math.nan}
        found = cluster_interval([s.score.as_float() for s in scores], clusters, level=level)
        return {"low": found.low, "high": found.high}

    return compute
