"""Rates of rare events seen through an imperfect judge: the bound for zero hits, and the judge's own error."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evals.statistics import check_level

Counts = tuple[float, float]
"""(hits, tries): 0 <= hits <= tries, tries above 0. An effective number of tries may be a fraction."""


def zero_bound(n: int, level: float = 0.95) -> float:
    """Largest rate that is still compatible with no hit in `n` tries: exact, one-sided.

    Args:
        n: independent tries, at least 1. Members of one cluster are one try.
        level: confidence as a proportion.

    Returns:
        1 - (1 - level)^(1/n), 0 to 1.

    Raises:
        ValueError: `n` below 1.

    Source: Clopper and Pearson 1934, the case of zero hits.
    """
    check_level(level)
    if n < 1:
        raise ValueError(f"a bound for zero hits needs at least 1 try, got {n}")
    return -math.expm1(math.log1p(-level) / n)


def exact_interval(hits: int, tries: int, level: float = 0.95) -> tuple[float, float]:
    """Interval for a proportion of independent tries that covers at least `level`, however few there are.

    Args:
        hits: 0 to `tries`.
        tries: at least 1.
        level: coverage as a proportion.

    Returns:
        (low, high), each 0 to 1.

    Raises:
        ValueError: counts out of range.

    Source: Clopper and Pearson 1934, Biometrika 26(4).
    """
    check_level(level)
    if not (tries >= 1 and 0 <= hits <= tries):
        raise ValueError(f"an exact interval wants 0 <= hits <= tries and tries >= 1, got {hits} of {tries}")
    found = stats.binomtest(hits, tries).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)


def upper_bound(hits: int, tries: int, level: float = 0.95) -> float:
    """Largest rate that is still compatible with so many hits: exact, one-sided; `zero_bound` where there is none.

    Args:
        hits: 0 to `tries`.
        tries: independent ones, at least 1.
        level: confidence as a proportion.

    Raises:
        ValueError: counts out of range.
    """
    if hits == 0:
        return zero_bound(tries, level)
    return exact_interval(hits, tries, 2 * level - 1)[1]


def rogan_gladen(rate: float, sensitivity: float, specificity: float) -> float:
    """True rate behind the rate that an imperfect judge reports.

    Args:
        rate: share the judge flagged, 0 to 1.
        sensitivity: share of true cases it flags, 0 to 1.
        specificity: share of clean cases it clears, 0 to 1.

    Returns:
        (rate + specificity - 1) / (sensitivity + specificity - 1), clipped to 0 to 1. Zero says that the
        reported rate lies at or under the judge's false positives, not that there is nothing.

    Raises:
        ValueError: an argument out of range, or a judge no better than a coin (the two sum to 1 or less).

    Source: Rogan and Gladen 1978, Am. J. Epidemiol. 107(1).
    """
    given = {"rate": rate, "sensitivity": sensitivity, "specificity": specificity}
    for name, number in given.items():
        if not 0 <= number <= 1:
            raise ValueError(f"{name} must lie in 0 to 1, got {number}")
    if sensitivity + specificity <= 1:
        raise ValueError(
            "a judge can only correct a rate when sensitivity + specificity exceed 1, "
            f"got {sensitivity} + {specificity}"
        )
    return min(max((rate + specificity - 1) / (sensitivity + specificity - 1), 0.0), 1.0)


def rogan_gladen_interval(
    flagged: Counts,
    caught: Counts,
    cleared: Counts,
    *,
    level: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval for the true rate that carries the uncertainty of all three measured rates.

    Args:
        flagged: (cases the judge flagged, cases it saw).
        caught: (true cases it flagged, true cases): its sensitivity.
        cleared: (clean cases it cleared, clean cases): its specificity.
        level: coverage as a proportion.
        draws: draws from the three Jeffreys posteriors, Beta(hits + 1/2, misses + 1/2).
        seed: of the draws.

    Returns:
        (low, high), each 0 to 1. A draw whose judge is no better than a coin tells nothing: it counts as 0 for
        the lower end and as 1 for the upper, so a poorly measured judge gives a wide interval.

    Raises:
        ValueError: counts out of range.
    """
    check_level(level)
    rng = np.random.default_rng(seed)
    rate, sensitivity, specificity = (
        _jeffreys(counts, name, draws, rng)
        for counts, name in ((flagged, "flagged"), (caught, "caught"), (cleared, "cleared"))
    )
    gain = sensitivity + specificity - 1
    useful = gain > 0
    true = np.clip((rate + specificity - 1) / np.where(useful, gain, 1.0), 0.0, 1.0)
    low = np.quantile(np.where(useful, true, 0.0), (1 - level) / 2)
    high = np.quantile(np.where(useful, true, 1.0), (1 + level) / 2)
    return float(low), float(high)


def _jeffreys(counts: Counts, name: str, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    hits, tries = counts
    if not (tries > 0 and 0 <= hits <= tries):
        raise ValueError(f"{name} must be (hits, tries) with 0 <= hits <= tries and tries > 0, got {counts}")
    return rng.beta(hits + 0.5, tries - hits + 0.5, size=draws)
