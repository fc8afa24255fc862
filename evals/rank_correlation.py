"""Spearman's rank correlation of two short scales, with an interval that knows its rows come in clusters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics import BootstrapInterval, FloatArray, cluster_bootstrap, cluster_codes


def of_counts(counts: FloatArray) -> FloatArray:
    """Spearman's rank correlation of two ordered scales from their table of counts; ties get their middle rank.

    Args:
        counts: shape (b, r, s): b tables of r by s, cells at least 0, not all 0.
    Returns:
        shape (b,), each -1 to 1; NaN where a scale does not vary.
    """
    rows, columns = counts.sum(axis=2), counts.sum(axis=1)
    left, right = _centred_ranks(rows), _centred_ranks(columns)
    together = np.einsum("brs,br,bs->b", counts, left, right)
    apart = np.sqrt((rows * left**2).sum(axis=1) * (columns * right**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(apart > 0, together / apart, math.nan), dtype=np.float64)


def _centred_ranks(totals: FloatArray) -> FloatArray:
    """Middle rank of each step of a scale minus the mean rank; shape (b, r)."""
    before = np.cumsum(totals, axis=1) - totals
    return np.asarray(before + totals / 2 - totals.sum(axis=1, keepdims=True) / 2, dtype=np.float64)


def interval(first: ArrayLike, second: ArrayLike, clusters: ArrayLike, **settings: Any) -> BootstrapInterval:
    """The correlation over rows, with a percentile interval over resampled clusters.

    Args:
        first, second: shape (n,), steps of the two scales.
        clusters: shape (n,), cluster of each row.
        settings: of `cluster_bootstrap`: level, replicates, seed.
    Returns:
        the interval; value NaN where a scale does not vary, ends NaN where there is one cluster or where some resample
        does not vary.
    """
    codes, count = cluster_codes(clusters)
    (left, rows), (right, columns) = (cluster_codes(scale) for scale in (first, second))
    cells = np.zeros((count, rows, columns))
    np.add.at(cells, (codes, left, right), 1.0)
    value = float(of_counts(cells.sum(axis=0, keepdims=True))[0])
    nothing = BootstrapInterval(value, math.nan, math.nan, count, 0)
    if math.isnan(value) or count < 2:
        return nothing
    try:
        return cluster_bootstrap(lambda weights: of_counts(np.einsum("bc,crs->brs", weights, cells)), codes, **settings)
    except ValueError:  # a resample in which one scale does not vary has no correlation
        return nothing
