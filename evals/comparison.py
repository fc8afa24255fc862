"""Two runs: is the candidate worse than the baseline, or is it only another seed?

Two runs of the very same pipeline cut the conversations into different base clusters, so whole clumps of answers
change sides between them. A test that takes conversations for independent (McNemar's, a paired t) calls that a
regression most of the time; `paired_difference` allows for the clumps of both runs. Gained and lost
conversations are counted for diagnosis only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from evals.statistics import (
    MIN_CLUSTERS,
    MIN_WRONG_CLUSTERS,
    FloatArray,
    IntArray,
    check_level,
    check_scores,
    cluster_codes,
)

# A release gate wants at least this many seeds on either side.
MIN_SEEDS = 5

# Means of one and the same score differ by no more than this.
_ROUNDING = 1e-12

# Normal quantiles of a one-sided test at 5% and of 80% power: 1.6449 + 0.8416.
_EFFECT_IN_ERRORS = float(stats.norm.ppf(0.95) + stats.norm.ppf(0.80))


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus baseline over the same conversations.

    Attributes:
        value: difference of the means, -1 to 1; negative when the candidate is worse.
        low: lower end of the two-sided interval.
        high: upper end.
        p_value: two-sided, for no difference; 1 where the runs agree everywhere.
        standard_error: clustered by the base clusters of both runs.
        n: conversations.
        clusters: base clusters of the run that has fewer; one less is the degrees of freedom.
        changed_clusters: clusters holding a conversation that differs between the runs, in the run with fewer.
        gained: conversations on which the candidate scores higher.
        lost: conversations on which it scores lower.
    """

    value: float
    low: float
    high: float
    p_value: float
    standard_error: float
    n: int
    clusters: int
    changed_clusters: int
    gained: int
    lost: int

    @property
    def smallest_effect(self) -> float:
        """Smallest true difference such a pair would find: one-sided 5%, 80% power."""
        return _EFFECT_IN_ERRORS * self.standard_error

    @property
    def conclusive(self) -> bool:
        """False under `MIN_CLUSTERS` clusters, or where the change sits in fewer than `MIN_WRONG_CLUSTERS`.

        Runs that agree on every conversation have no change to doubt.
        """
        few = 0 < self.changed_clusters < MIN_WRONG_CLUSTERS
        return self.clusters >= MIN_CLUSTERS and not few


@dataclass(frozen=True, slots=True)
class SeedComparison:
    """Candidate minus baseline over several seeds of each.

    Attributes:
        value: difference of the mean scores; negative when the candidate is worse.
        low: lower end of Welch's two-sided interval; equal to `value` where neither side varies.
        high: upper end.
        margin: loss that would be accepted, above 0, in the units of the scores.
        baseline_seeds: runs of the baseline.
        candidate_seeds: runs of the candidate.
        varies: False where all seeds of each side gave one score, so there is no spread to judge by.
    """

    value: float
    low: float
    high: float
    margin: float
    baseline_seeds: int
    candidate_seeds: int
    varies: bool

    @property
    def non_inferior(self) -> bool:
        """The whole interval lies above the accepted loss."""
        return self.low > -self.margin

    @property
    def worse(self) -> bool:
        """The whole interval lies below zero."""
        return self.high < 0

    @property
    def conclusive(self) -> bool:
        """False under `MIN_SEEDS` seeds on either side, or where the seeds made no difference at all."""
        return self.varies and min(self.baseline_seeds, self.candidate_seeds) >= MIN_SEEDS


def paired_difference(
    a: ArrayLike, b: ArrayLike, clusters_a: ArrayLike, clusters_b: ArrayLike, level: float = 0.95
) -> Difference:
    """Difference of two runs over the same conversations, clustered both ways.

    Args:
        a: shape (n,), scores of the baseline, 0 to 1.
        b: shape (n,), scores of the candidate, same conversations in the same order.
        clusters_a: shape (n,), base cluster of each conversation in the baseline.
        clusters_b: shape (n,), the same in the candidate.
        level: coverage as a proportion.

    Returns:
        `b` minus `a`, with Student's t at one less than the smaller number of clusters.

    Raises:
        ValueError: lengths that differ, scores out of range, missing labels, or a run with fewer than two clusters.

    Source: Cameron, Gelbach and Miller 2011, JBES 29(2).
    """
    check_level(level)
    baseline, candidate = check_scores(a, "a"), check_scores(b, "b")
    if len(baseline) != len(candidate):
        raise ValueError(f"both runs must score the same rows, got {len(baseline)} and {len(candidate)}")
    codes_a, count_a = cluster_codes(clusters_a, len(baseline))
    codes_b, count_b = cluster_codes(clusters_b, len(baseline))
    clusters = min(count_a, count_b)
    if clusters < 2:
        raise ValueError(f"a two-way interval needs at least 2 clusters a run, got {count_a} and {count_b}")
    change = candidate - baseline
    value, error = float(change.mean()), _two_way_error(change, codes_a, codes_b)
    half = float(stats.t.ppf((1 + level) / 2, clusters - 1)) * error
    moved = change != 0
    return Difference(
        value=value,
        low=value - half,
        high=value + half,
        p_value=p_value(value, error, clusters - 1),
        standard_error=error,
        n=len(change),
        clusters=clusters,
        changed_clusters=min(len(np.unique(codes_a[moved])), len(np.unique(codes_b[moved]))),
        gained=int(np.sum(change > 0)),
        lost=int(np.sum(change < 0)),
    )


def _two_way_error(change: FloatArray, codes_a: IntArray, codes_b: IntArray) -> float:
    return robust_errors(sm.OLS(change, np.ones(len(change))).fit(), codes_a, codes_b)[0]


def robust_errors(fit: Any, codes_a: IntArray, codes_b: IntArray) -> list[float]:
    """Standard errors of a regression's coefficients, clustered both ways.

    Args:
        fit: a fitted statsmodels OLS over n rows.
        codes_a, codes_b: shape (n,), cluster of each row in either run.
    Returns:
        one a coefficient. The two-way sum subtracts a term and can fall below either side alone, even below zero. The
        larger side is the honest floor, and independent rows the floor under that: clumps that happen to cancel are
        no precision.
    """
    both, first, second = cov_cluster_2groups(fit, np.c_[codes_a, codes_b])
    found = (both, first, second, fit.cov_params())
    return [math.sqrt(max(float(matrix[i, i]) for matrix in found)) for i in range(len(fit.params))]


def p_value(value: float, error: float, freedom: int) -> float:
    """Two-sided, of Student's t: 1 for no difference at all, 0 for one that every cluster shares to the last digit."""
    if abs(value) < _ROUNDING:
        return 1.0
    if error == 0:
        return 0.0
    return float(2 * stats.t.sf(abs(value) / error, freedom))


def welch_noninferiority(
    a_seeds: Sequence[float], b_seeds: Sequence[float], margin: float, level: float = 0.90
) -> SeedComparison:
    """Compare two arms of several seeds each against an accepted loss.

    Args:
        a_seeds: one score for each run of the baseline, at least 2.
        b_seeds: the same for the candidate.
        margin: loss that would be accepted, above 0, in the units of the scores (0.02 is two points of accuracy).
        level: coverage of the two-sided interval; 0.90 makes each one-sided question a test at 5%.

    Returns:
        The candidate's mean minus the baseline's, with Welch's interval.

    Raises:
        ValueError: fewer than two seeds on a side, a score that is no number, or a margin that is not above 0.

    Source: Welch 1947, Biometrika 34(1-2).
    """
    check_level(level)
    if not (math.isfinite(margin) and margin > 0):
        raise ValueError(f"margin must be a loss above 0, such as 0.02, got {margin}")
    baseline, candidate = np.asarray(a_seeds, dtype=np.float64), np.asarray(b_seeds, dtype=np.float64)
    for name, arm in (("a_seeds", baseline), ("b_seeds", candidate)):
        if arm.ndim != 1 or len(arm) < 2 or not bool(np.isfinite(arm).all()):
            raise ValueError(f"{name} must hold at least 2 finite scores, got {arm.tolist()}")
    value = float(candidate.mean() - baseline.mean())
    low = high = value
    varies = bool(np.ptp(baseline) > 0 or np.ptp(candidate) > 0)
    if varies:
        test = stats.ttest_ind(candidate, baseline, equal_var=False)
        found = test.confidence_interval(level)
        low, high = float(found.low), float(found.high)
    return SeedComparison(value, low, high, margin, len(baseline), len(candidate), varies)


def holm(p: ArrayLike) -> FloatArray:
    """P-values adjusted by Holm, in the order given: the chance of even one false alarm. Use it to block."""
    values = _check_p(p)
    return np.asarray(multipletests(values, method="holm")[1], dtype=np.float64) if len(values) else values


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """P-values adjusted by Benjamini and Hochberg, in the order given: the share of false alarms. For reports."""
    values = _check_p(p)
    return np.asarray(stats.false_discovery_control(values), dtype=np.float64) if len(values) else values


def _check_p(p: ArrayLike) -> FloatArray:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not bool(np.all((values >= 0) & (values <= 1))):
        raise ValueError(f"p-values must be one list of numbers in 0 to 1, got {values.tolist()}")
    return values
