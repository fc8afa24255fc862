"""What the tables of `evals.reconstruction` rest on: the checked frame, and its scores with their intervals.

A frame holds a row for each conversation, with the columns of `COLUMNS`. `predicted` is the category given to the
conversation's base cluster, or "" where the assignment failed; a failure is an error like any other. A
conversation that never reached a base cluster (missing or "") failed by itself and stands as a cluster of its
own, so that it is neither dropped nor put into a clump that does not exist.

F1 follows scikit-learn with zero_division=0, over the true categories that occur in the slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evals.statistics import FloatArray, IntArray, Interval, cluster_codes, cluster_interval, korn_graubard

COLUMNS = ("conversation", "language", "category", "predicted", "base_cluster")
NOT_ASSIGNED = "(not assigned)"

Average = Literal["macro", "weighted"]


def accuracy_interval(frame: pd.DataFrame, categories: Sequence[str], *, level: float = 0.95) -> Interval:
    """Accuracy with its interval by base cluster, design effect and number of wrong clusters.

    Raises:
        ValueError: a frame that breaks the promises of this module, or fewer than two base clusters.
    """
    rows = check_frame(frame, categories)
    return cluster_interval(is_correct(rows), base_clusters(rows), level=level)


@dataclass(frozen=True, slots=True)
class F1Interval:
    """An averaged F1 with an interval by base cluster.

    Attributes:
        value: the F1, 0 to 1.
        low: lower end, 0 to 1, never above `value`.
        high: upper end, 0 to 1, never below `value`.
        clusters: base clusters that the rows fall into.
        effective_n: independent rows that would give this variance, at most the number of rows.
    """

    value: float
    low: float
    high: float
    clusters: int
    effective_n: float


def f1_interval(frame: pd.DataFrame, categories: Sequence[str], average: Average, *, level: float = 0.95) -> F1Interval:
    """Macro or weighted F1 with an interval by base cluster, built like that of the accuracy.

    F1 of a category is a ratio of sums over clusters, 2 hits / (truth + predicted), so its average is linearised: a
    cluster adds the weighted sum over categories of (2 hits - theta (truth + predicted)) / (all truth + all predicted),
    hits, truth and predicted being its own. Squared and summed that is the variance, and the interval is Wilson's at
    the effective n. `theta` is the average F1 and not the category's own. A category whose rows lie in one or two
    clusters shows no spread around its own F1 and yet would be lost with one wrong assignment; surveys meet the same
    in strata with a single unit, and centre those at the overall mean. Where categories truly differ this errs on the
    wide side, by an amount that falls with the number of clusters.

    In simulation (`tests/test_simulation.py`) it covers about as often as the interval of the accuracy and misses on
    either side about alike. A percentile bootstrap does not: a resample leaves out the only clusters of some category,
    whose F1 falls to nothing, so the replicates lie below the value that they are replicates of.

    Raises:
        ValueError: a frame that breaks the promises of this module, or fewer than two base clusters.

    Source: Takahashi et al. 2022, Applied Intelligence 52(5) (delta method, independent rows); Binder 1983, Int. Stat.
    Review 51(3) (linearisation in clustered samples); `survey.lonely.psu = "adjust"` of Lumley's R package survey.
    """
    rows = check_frame(frame, categories)
    codes, count = cluster_codes(base_clusters(rows))
    if count < 2:
        raise ValueError(f"an interval by cluster needs at least 2 clusters, got {count} with {len(rows)} rows")
    present = present_categories(rows, categories)
    # A row that went wrong is no hit for any category: "" stands among none of them.
    hits = _counts(codes, count, rows["category"].where(is_correct(rows) > 0, ""), present)
    truth = _counts(codes, count, rows["category"], present)
    both = truth + _counts(codes, count, rows["predicted"], present)
    weights = truth.sum(axis=0) / truth.sum() if average == "weighted" else np.full(len(present), 1 / len(present))
    # Every category here has truth, so nothing is divided by zero.
    value = float(weights @ (2 * hits.sum(axis=0) / both.sum(axis=0)))
    share = (2 * hits - value * both) @ (weights / both.sum(axis=0))
    variance = float(np.sum(share**2)) * count / (count - 1)
    low, high, effective = korn_graubard(value, variance, len(rows), count, level)
    return F1Interval(value, low, high, count, effective)


def check_frame(frame: pd.DataFrame, categories: Sequence[str]) -> pd.DataFrame:
    """The frame itself, once it keeps every promise of this module.

    Raises:
        ValueError: no rows, a missing column or value, a conversation twice, a category that is not among
            `categories`, or a prediction without a base cluster.
    """
    absent = [name for name in COLUMNS if name not in frame.columns]
    if absent:
        raise ValueError(f"a reconstruction frame needs the columns {list(COLUMNS)}, {absent} are missing")
    if not len(frame):
        raise ValueError("a reconstruction frame needs at least one row, got none")
    for name in ("conversation", "language", "category", "predicted"):
        missing = int(frame[name].isna().sum())
        if missing:
            raise ValueError(f"column {name!r} must hold text in every row, {missing} of {len(frame)} have none")
    _check_labels(frame, categories)
    repeated = frame["conversation"][frame["conversation"].duplicated()]
    if len(repeated):
        raise ValueError(f"each conversation is one row, got {repeated.iloc[0]!r} more than once")
    unclustered = frame["conversation"][without_cluster(frame) & (frame["predicted"] != "")]
    if len(unclustered):
        raise ValueError(f"conversation {unclustered.iloc[0]!r} has a predicted category but no base cluster")
    return frame


def _check_labels(frame: pd.DataFrame, categories: Sequence[str]) -> None:
    if len(set(categories)) != len(categories) or {"", NOT_ASSIGNED} & set(categories):
        raise ValueError(f"categories must be distinct, none of them '' or {NOT_ASSIGNED!r}, got {list(categories)}")
    for name, known in (("category", set(categories)), ("predicted", {*categories, ""})):
        strange = sorted(set(frame[name].unique()) - known)
        if strange:
            raise ValueError(f"column {name!r} holds {strange[:3]}, not among the {len(categories)} categories")


def without_cluster(rows: pd.DataFrame) -> pd.Series[bool]:
    """Rows that never reached a base cluster."""
    return rows["base_cluster"].isna() | (rows["base_cluster"] == "")


def base_clusters(rows: pd.DataFrame) -> NDArray[np.str_]:
    """Label of each row's base cluster, shape (n,); a row without one is a cluster by itself."""
    # The prefixes keep a conversation's id from meeting a cluster's name.
    alone = "alone:" + rows["conversation"].astype(str)
    return np.asarray(("cluster:" + rows["base_cluster"].astype(str)).mask(without_cluster(rows), alone), dtype=np.str_)


def is_correct(rows: pd.DataFrame) -> FloatArray:
    """1 where the predicted category is the true one, else 0; shape (n,)."""
    return np.asarray(rows["category"] == rows["predicted"], dtype=np.float64)


def present_categories(rows: pd.DataFrame, categories: Sequence[str]) -> list[str]:
    """The true categories that occur, in the order of `categories`."""
    found = set(rows["category"].unique())
    return [name for name in categories if name in found]


def _counts(codes: IntArray, clusters: int, labels: pd.Series[str], names: list[str]) -> FloatArray:
    """How often each name (columns) occurs in each cluster (rows); other labels are left out."""
    column = pd.Index(names).get_indexer(pd.Index(labels))
    known = column >= 0
    flat = np.bincount(codes[known] * len(names) + column[known], minlength=clusters * len(names))
    return flat.reshape(clusters, len(names)).astype(np.float64)
