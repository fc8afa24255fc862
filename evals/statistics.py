"""Intervals for a single run.

All members of a base cluster share one assignment, so errors arrive in clumps and the base cluster, not the
conversation, is the unit that repeats. Every interval here that takes `clusters` is built on that;
`wilson_interval` is the naive one, kept to show how much too narrow it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Below either of these the clustered intervals themselves cover too little to carry a verdict.
MIN_CLUSTERS = 100
MIN_WRONG_CLUSTERS = 5

# Cells of the replicates x clusters weight matrix held at once: 32 MB of float64.
_WEIGHT_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A proportion with an interval that knows its rows come in clusters.

    Attributes:
        value: the proportion, 0 to 1.
        low: lower end, 0 to 1.
        high: upper end, 0 to 1.
        n: rows.
        clusters: clusters the rows fall into.
        wrong_clusters: clusters holding at least one error.
        design_effect: clustered variance over the variance of independent rows; NaN where nothing varies
            (every row right, or every row wrong).
        effective_n: independent rows that would give this variance, at most `n`; `n` itself where the variance
            cannot be estimated, which makes the interval too narrow and is why `conclusive` must be asked.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int
    wrong_clusters: int
    design_effect: float
    effective_n: float

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why no verdict should rest on this interval; empty when one may."""
        found = []
        if self.clusters < MIN_CLUSTERS:
            found.append(f"{self.clusters} clusters, {MIN_CLUSTERS} wanted")
        if self.wrong_clusters < MIN_WRONG_CLUSTERS:
            found.append(f"{self.wrong_clusters} clusters with an error, {MIN_WRONG_CLUSTERS} wanted")
        return tuple(found)

    @property
    def conclusive(self) -> bool:
        """False under `MIN_CLUSTERS` clusters or `MIN_WRONG_CLUSTERS` clusters with an error."""
        return not self.doubts


@dataclass(frozen=True, slots=True)
class BootstrapInterval:
    """A statistic with a percentile interval over resampled clusters.

    Attributes:
        value: the statistic on the data as they are, in its own units.
        low: lower percentile, never above `value`.
        high: upper percentile, never below `value`.
        clusters: clusters resampled.
        replicates: how often.
    """

    value: float
    low: float
    high: float
    clusters: int
    replicates: int


def check_level(level: float) -> None:
    """Raise ValueError unless `level` is a proportion strictly between 0 and 1 (0.95, not 95)."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be a proportion between 0 and 1, such as 0.95, got {level}")


def check_scores(scores: ArrayLike, name: str) -> FloatArray:
    """`scores` as a one-dimensional float array; ValueError unless non-empty and within 0 to 1."""
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{name} must be one-dimensional with at least one row, got shape {array.shape}")
    if not bool(np.all((array >= 0) & (array <= 1))):  # NaN fails both comparisons
        raise ValueError(f"{name} must lie in 0 to 1, got {array[~((array >= 0) & (array <= 1))][0]}")
    return array


def cluster_codes(clusters: ArrayLike, n: int | None = None) -> tuple[IntArray, int]:
    """Number the clusters 0 to C-1 in sorted order of their labels.

    Args:
        clusters: shape (n,), a label a row, of one kind that can be sorted.
        n: rows expected, if known.

    Returns:
        The codes, shape (n,), and C.

    Raises:
        ValueError: another length than `n`, or a missing label.
    """
    labels = np.asarray(clusters)
    if labels.ndim != 1 or (n is not None and len(labels) != n):
        raise ValueError(f"clusters must hold one label for each of {n} rows, got shape {labels.shape}")
    missing = int(np.sum(pd.isna(labels)))
    if missing:
        raise ValueError(f"every row needs a cluster, {missing} of {len(labels)} have none")
    names, codes = np.unique(labels, return_inverse=True)
    return codes.astype(np.intp), len(names)


def wilson_interval(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a proportion of independent rows. Naive here: rows of one cluster are not.

    Args:
        successes: 0 to `n`.
        n: rows, above 0.
        level: coverage as a proportion.

    Returns:
        (low, high), each 0 to 1.

    Raises:
        ValueError: an argument out of range.

    Source: Wilson 1927, JASA 22(158).
    """
    check_level(level)
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(f"wilson_interval wants 0 <= successes <= n and n > 0, got {successes} of {n}")
    return _wilson(successes / n, n, float(stats.norm.ppf((1 + level) / 2)))


def _wilson(p: float, n: float, critical: float) -> tuple[float, float]:
    square = critical * critical
    middle = p + square / (2 * n)
    half = critical * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
    low, high = (middle - half) / (1 + square / n), (middle + half) / (1 + square / n)
    # Analytically low <= p <= high within [0, 1]; rounding may step over at p = 0 or 1.
    return min(max(low, 0.0), p), max(min(high, 1.0), p)


def korn_graubard(
    value: float, variance: float, n: int, clusters: int, level: float = 0.95
) -> tuple[float, float, float]:
    """Wilson's interval at the effective sample size that a cluster-robust variance implies.

    Args:
        value: a proportion, or another score bounded as one, 0 to 1.
        variance: of `value`, with the clusters allowed for.
        n: rows; the effective sample size is at most that.
        clusters: at least 2; one less is the degrees of freedom of Student's t, which stands for the normal quantile.
        level: coverage as a proportion.

    Returns:
        (low, high, effective n); low <= value <= high, each 0 to 1. The effective n is `n` itself where the variance
        cannot be estimated.

    Source: Korn and Graubard 1998, Survey Methodology 24(2); Franco et al. 2019, PMC6690503.
    """
    estimable = 0 < value < 1 and variance > 0
    effective = min(value * (1 - value) / variance, float(n)) if estimable else float(n)
    low, high = _wilson(value, effective, float(stats.t.ppf((1 + level) / 2, clusters - 1)))
    return low, high, effective


def cluster_interval(correct: ArrayLike, clusters: ArrayLike, *, level: float = 0.95) -> Interval:
    """Interval for the mean of `correct` when errors come in clumps.

    Wilson's interval at the effective sample size (Korn and Graubard) that the cluster-robust variance implies,
    with Student's t at C-1 degrees of freedom in place of the normal quantile.

    Args:
        correct: shape (n,), 0 or 1 for each row; values between are taken, and count as an error.
        clusters: shape (n,), base cluster of each row.
        level: coverage as a proportion.

    Returns:
        The interval, in the units of `correct`.

    Raises:
        ValueError: fewer than two clusters (one clump has no spread), a missing label, a score outside 0 to 1.

    Source: Miller 2024, arXiv 2411.00640; Franco et al. 2019, PMC6690503; agrees with Inspect's `ci_wilson`.
    """
    check_level(level)
    scores = check_scores(correct, "correct")
    n = len(scores)
    codes, count = cluster_codes(clusters, n)
    if count < 2:
        raise ValueError(f"an interval by cluster needs at least 2 clusters, got {count} with {n} rows")
    value = float(scores.mean())
    sums = np.bincount(codes, weights=scores - value, minlength=count)
    variance = float(np.sum(sums**2)) * count / (count - 1) / n**2
    independent = value * (1 - value) / n
    low, high, effective = korn_graubard(value, variance, n, count, level)
    return Interval(
        value=value,
        low=low,
        high=high,
        n=n,
        clusters=count,
        wrong_clusters=len(np.unique(codes[scores < 1])),
        design_effect=variance / independent if independent > 0 else math.nan,
        effective_n=effective,
    )


def cluster_bootstrap(
    statistic: Callable[[FloatArray], FloatArray],
    clusters: ArrayLike,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> BootstrapInterval:
    """Percentile interval of any statistic, resampling whole clusters.

    A resample is a row of weights: how often each cluster was drawn. A statistic that rests on counts sums them
    by cluster once, and a replicate is then one row of `weights @ counts`; the rows themselves are never copied.

    Args:
        statistic: takes weights of shape (b, C), columns in sorted order of the labels (see `cluster_codes`),
            and returns shape (b,).
        clusters: shape (n,), cluster of each row.
        level: coverage as a proportion.
        replicates: resamples drawn.
        seed: of the resampling; the same seed gives the same interval.

    Returns:
        The interval. It is widened to its own value where a skewed statistic leaves that outside.

    Raises:
        ValueError: fewer than two clusters, or a replicate for which the statistic is not a number.
    """
    check_level(level)
    _, count = cluster_codes(clusters)
    if count < 2:
        raise ValueError(f"a bootstrap over clusters needs at least 2 clusters, got {count}")
    if replicates < 1:
        raise ValueError(f"a bootstrap needs at least 1 replicate, got {replicates}")
    rng = np.random.default_rng(seed)
    share = np.full(count, 1 / count)
    block = max(1, _WEIGHT_CELLS // count)
    drawn = np.concatenate(
        [
            statistic(rng.multinomial(count, share, size=min(block, replicates - start)).astype(np.float64))
            for start in range(0, replicates, block)
        ]
    )
    value = float(statistic(np.ones((1, count)))[0])
    undefined = int(np.sum(~np.isfinite(drawn)))
    if undefined or not math.isfinite(value):
        raise ValueError(
            f"the statistic must be a number for every resample, got {value} on the data "
            f"and {undefined} undefined of {replicates} replicates"
        )
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return BootstrapInterval(value, min(float(low), value), max(float(high), value), count, replicates)
