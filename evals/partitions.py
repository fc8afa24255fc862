"""How far two partitions of the same things agree: measures that need no matching of clusters to categories.

All of them take labels and are given with the number of clusters: homogeneity and B-cubed precision rise with it by
themselves, completeness and recall fall. AMI alone is corrected for chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, homogeneity_completeness_v_measure

from evals.statistics import FloatArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """Clusters against the truth.

    Attributes:
        ami: adjusted mutual information, 0 in the mean for random labels, 1 for the same partition; may fall below 0.
        homogeneity: 1 where no cluster mixes categories.
        completeness: 1 where no category is spread over clusters.
        v_measure: harmonic mean of the two.
        b3_precision, b3_recall, b3_f1: B-cubed, means over items (see `b_cubed`).
        k: clusters.
        n: items.
    """

    ami: float
    homogeneity: float
    completeness: float
    v_measure: float
    b3_precision: float
    b3_recall: float
    b3_f1: float
    k: int
    n: int


def agreement(truth: Sequence[str], clusters: Sequence[str]) -> Agreement:
    """Every measure at once.

    Args:
        truth: shape (n,), category of each item.
        clusters: shape (n,), cluster of each item.
    Raises:
        ValueError: no items, or other lengths.
    Source: Vinh et al. 2010 (AMI); Rosenberg and Hirschberg 2007; Bagga and Baldwin 1998 (B-cubed).
    """
    if not len(truth) or len(truth) != len(clusters):
        raise ValueError(f"agreement wants two labels for each item, got {len(truth)} and {len(clusters)}")
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(truth, clusters)
    precision, recall = b_cubed(truth, clusters)
    mean_p, mean_r = float(precision.mean()), float(recall.mean())
    return Agreement(
        ami=float(adjusted_mutual_info_score(truth, clusters)),
        homogeneity=float(homogeneity),
        completeness=float(completeness),
        v_measure=float(v_measure),
        b3_precision=mean_p,
        b3_recall=mean_r,
        b3_f1=2 * mean_p * mean_r / (mean_p + mean_r),
        k=len(set(clusters)),
        n=len(truth),
    )


def b_cubed(truth: Sequence[str], clusters: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """B-cubed precision and recall of every item, each 0 to 1.

    Precision: the share of the item's cluster that has its category, itself included. Recall: the share of its
    category that lies in its cluster.

    Returns:
        two arrays of shape (n,).
    Source: Bagga and Baldwin 1998; Amigó et al. 2009.
    """
    frame = pd.DataFrame({"truth": list(truth), "cluster": list(clusters)})
    both = frame.groupby(["truth", "cluster"])["truth"].transform("size")
    precision = both / frame.groupby("cluster")["cluster"].transform("size")
    recall = both / frame.groupby("truth")["truth"].transform("size")
    return precision.to_numpy(dtype=np.float64), recall.to_numpy(dtype=np.float64)


def stability(partitions: Sequence[Sequence[int]]) -> pd.DataFrame:
    """Every pair of partitions of the same items: columns a, b (their places), ami, adjusted_rand."""
    rows = [
        {
            "a": a,
            "b": b,
            "ami": float(adjusted_mutual_info_score(partitions[a], partitions[b])),
            "adjusted_rand": float(adjusted_rand_score(partitions[a], partitions[b])),
        }
        for a in range(len(partitions))
        for b in range(a + 1, len(partitions))
    ]
    return pd.DataFrame(rows, columns=["a", "b", "ami", "adjusted_rand"])


def seriated(counts: pd.DataFrame, *, rounds: int = 25) -> pd.DataFrame:
    """A contingency table with rows and columns in an order that puts its mass near the diagonal.

    Rows and columns are placed at the mean position of what they share, in turn, until the order stands (reciprocal
    averaging). Columns are at last sorted by the row that holds most of them.

    Args:
        counts: shape (rows, columns), numbers of items, at least 0.
        rounds: at most so many turns.
    """
    table = counts.astype(float)
    for _ in range(rounds):
        before = (list(table.index), list(table.columns))
        table = table[_placed(table.T)].loc[_placed(table)]
        if before == (list(table.index), list(table.columns)):
            break
    home = {column: (int(np.argmax(table[column].to_numpy())), -float(table[column].max())) for column in table}
    return counts.loc[list(table.index), sorted(table.columns, key=lambda column: home[column])]


def _placed(table: pd.DataFrame) -> list[str]:
    """The table's rows in the order of their mean column; empty rows last."""
    places = np.arange(table.shape[1])
    sums = table.sum(axis=1)
    means = (table * places).sum(axis=1) / sums.where(sums > 0, 1)
    means = means.where(sums > 0, float(table.shape[1]))
    return list(means.sort_values(kind="stable").index)
