"""Prediction-powered inference for a mean: many cheap verdicts, corrected by the few things that people judged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from evals.statistics import check_level, check_scores, cluster_codes


def mean(
    predicted: ArrayLike,
    both: tuple[ArrayLike, ArrayLike],
    clusters: tuple[Sequence[str], Sequence[str]],
    *,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Mean of what people would say of everything.

    Args:
        predicted: shape (N,), the grader's verdicts on what nobody else judged, 0 to 1.
        both: the grader's and the people's verdicts on what both judged, shape (n,) each, 0 to 1.
        clusters: cluster of each row of `predicted` and of `both`; rows of one cluster stand or fall together.
        level: coverage as a proportion.
    Returns:
        value, low, high, each within 0 to 1: mean(predicted) + mean(people - grader). The interval is Student's with
        the variance clustered, which is the source's own where every row is a cluster of its own.
    Raises:
        ValueError: nothing in one of the two, a verdict outside 0 to 1, or fewer than two clusters.
    Source: Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023, Prediction-powered inference, the mean.
    """
    check_level(level)
    alone = check_scores(predicted, "predicted")
    grader, people = check_scores(both[0], "grader"), check_scores(both[1], "people")
    moved = people - grader
    codes, count = cluster_codes([*clusters[0], *clusters[1]], len(alone) + len(moved))
    if count < 2:
        raise ValueError(f"an interval by cluster needs at least 2 clusters, got {count}")
    value = float(alone.mean() + moved.mean())
    pulls = np.concatenate([(alone - alone.mean()) / len(alone), (moved - moved.mean()) / len(moved)])
    variance = float(np.sum(np.bincount(codes, weights=pulls) ** 2)) * count / (count - 1)
    half = float(stats.t.ppf((1 + level) / 2, count - 1)) * math.sqrt(variance)
    low, middle, high = (min(max(end, 0.0), 1.0) for end in (value - half, value, value + half))
    return middle, low, high
