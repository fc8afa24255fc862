"""What the tables of `evals.reconstruction` rest on: the checked frame, and its scores with their intervals.

A frame holds a row for each conversation, with the columns of `COLUMNS`. `predicted` is the category given to the
conversation's base cluster, or "" where the assignment failed; a failure is an error like any other. A
conversation that never reached a base cluster (missing or "") failed by itself and stands as a cluster of its
own, so that it is neither dropped nor put into a clump that does not exist.

F1 follows scikit-learn with zero_division=0, over the true categories that occur in the slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evals.statistics import (
    BootstrapInterval,
    FloatArray,
    IntArray,
    Interval,
    cluster_bootstrap,
    cluster_codes,
    cluster_interval,
)

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


def f1_interval(
    frame: pd.DataFrame, categories: Sequence[str], average: Average, *, level: float = 0.95, replicates: int = 2000
) -> BootstrapInterval:
    """Macro or weighted F1 with a percentile interval over resampled base clusters, seed fixed.

    A category that a resample happens to miss is left out of that resample's average, as the definition has it.
    With about two clusters a category the macro average of a resample lies well below that of the data, and the
    interval covers too little (75% in a simulation of 20 categories in 40 clusters; 94% or more from 100 clusters on).

    Raises:
        ValueError: a frame that breaks the promises of this module, or fewer than two base clusters.
    """
    rows = check_frame(frame, categories)
    clusters = base_clusters(rows)
    codes, count = cluster_codes(clusters)
    present = present_categories(rows, categories)
    size = len(present)
    counts = np.concatenate(
        [
            # A row that went wrong is no hit for any category: "" stands among none of them.
            _counts(codes, count, rows["category"].where(is_correct(rows) > 0, ""), present),
            _counts(codes, count, rows["category"], present),
            _counts(codes, count, rows["predicted"], present),
        ],
        axis=1,
    )

    def statistic(weights: FloatArray) -> FloatArray:
        hits, truth, guessed = np.split(weights @ counts, [size, 2 * size], axis=1)
        # 2TP / (truth + predicted) is F1 with zero_division=0; a category with neither counts weighs nothing.
        f1 = 2 * hits / np.maximum(truth + guessed, 1)
        share = (truth > 0).astype(np.float64) if average == "macro" else truth
        return np.asarray((f1 * share).sum(axis=1) / share.sum(axis=1), dtype=np.float64)

    return cluster_bootstrap(statistic, clusters, level=level, replicates=replicates)


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
        strange = sorted(set(frame[name]) - known)
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
    found = set(rows["category"])
    return [name for name in categories if name in found]


def _counts(codes: IntArray, clusters: int, labels: pd.Series[str], names: list[str]) -> FloatArray:
    """How often each name (columns) occurs in each cluster (rows); other labels are left out."""
    column = pd.Index(names).get_indexer(pd.Index(labels))
    known = column >= 0
    flat = np.bincount(codes[known] * len(names) + column[known], minlength=clusters * len(names))
    return flat.reshape(clusters, len(names)).astype(np.float64)
