"""Supervised reconstruction: how often a conversation's base cluster leads back to its true category.

Every function takes one frame, a row for each conversation; `evals.reconstruction_scores` says what it must hold
and how failures, conversations without a base cluster and F1 are treated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from evals.reconstruction_scores import (
    COLUMNS,
    NOT_ASSIGNED,
    Average,
    accuracy_interval,
    base_clusters,
    check_frame,
    f1_interval,
    is_correct,
    present_categories,
    without_cluster,
)

__all__ = [
    "COLUMNS",
    "NOT_ASSIGNED",
    "accuracy_interval",
    "by_category",
    "by_language",
    "confusion",
    "f1_interval",
    "f1_value",
    "summary",
]

_SCORE_COLUMNS = (
    "accuracy",
    "low",
    "high",
    "macro_f1",
    "macro_f1_low",
    "macro_f1_high",
    "weighted_f1",
    "samples",
    "clusters",
    "note",
)


def summary(frame: pd.DataFrame, categories: Sequence[str], *, level: float = 0.95) -> pd.DataFrame:
    """The headline numbers of a run.

    Args:
        frame: a row for each conversation, see `COLUMNS`.
        categories: all categories the assignment could choose from.
        level: coverage as a proportion.

    Returns:
        Columns metric, value, low, high, n, method, note; rows accuracy, macro F1, weighted F1, random baseline,
        majority baseline. Proportions are 0 to 1. The baselines have no interval (NaN).

    Raises:
        ValueError: a frame that breaks the promises of this module.
    """
    rows = check_frame(frame, categories)
    score = _score(rows, categories, level)
    macro = (score["macro_f1"], score["macro_f1_low"], score["macro_f1_high"])
    weighted = _f1(rows, categories, "weighted", level)
    common = rows["category"].value_counts()
    commonest = min(str(name) for name in common.index[common == common.max()])
    wilson = f"Korn-Graubard Wilson by base cluster, {level:.0%}"
    linearised = f"linearised, Korn-Graubard Wilson by base cluster, {level:.0%}"
    none = (math.nan, math.nan)
    note = score["note"]
    lines = [
        ("accuracy", score["accuracy"], score["low"], score["high"], wilson, note),
        ("macro F1", *macro, linearised, note),
        ("weighted F1", *weighted, linearised, note),
        ("random baseline", 1 / len(categories), *none, f"one of {len(categories)} categories at random", ""),
        ("majority baseline", common.max() / len(rows), *none, f"always {commonest!r}", ""),
    ]
    table = pd.DataFrame(lines, columns=["metric", "value", "low", "high", "method", "note"])
    table.insert(4, "n", len(rows))
    return table


def by_language(frame: pd.DataFrame, categories: Sequence[str], *, level: float = 0.95) -> pd.DataFrame:
    """Table 5 of the paper, with intervals: a row for each language, best first, ties by name.

    Args:
        frame: a row for each conversation, see `COLUMNS`.
        categories: all categories the assignment could choose from.
        level: coverage as a proportion, of each language by itself.

    Returns:
        Columns language, accuracy, low, high, macro_f1, macro_f1_low, macro_f1_high, weighted_f1, samples,
        clusters, note. Ends are NaN, and `note` says why, for a language with fewer than two base clusters.

    Raises:
        ValueError: a frame that breaks the promises of this module.
    """
    rows = check_frame(frame, categories)
    lines = [
        {"language": language, **_score(part, categories, level)}
        for language, part in rows.groupby("language", sort=True)
    ]
    table = pd.DataFrame(lines, columns=["language", *_SCORE_COLUMNS])
    return table.sort_values(["accuracy", "language"], ascending=[False, True], ignore_index=True)


def by_category(frame: pd.DataFrame, categories: Sequence[str]) -> pd.DataFrame:
    """Truth against reconstruction, in the order of `categories`.

    Returns:
        Columns category, truth and reconstructed (conversations in each), correct (in both), precision, recall,
        f1 (0 to 1; 0 where undefined). Failed assignments are in `truth` and in no category's `reconstructed`.

    Raises:
        ValueError: a frame that breaks the promises of this module.
    """
    rows = check_frame(frame, categories)
    names = list(categories)
    precision, recall, f1, truth = precision_recall_fscore_support(
        rows["category"], rows["predicted"], labels=names, zero_division=0
    )
    reconstructed = rows["predicted"].value_counts().reindex(names, fill_value=0)
    correct = rows["category"][is_correct(rows) > 0].value_counts().reindex(names, fill_value=0)
    return pd.DataFrame(
        {
            "category": names,
            "truth": truth,
            "reconstructed": reconstructed.to_numpy(),
            "correct": correct.to_numpy(),
            "precision": precision,
            "recall": recall,
            "f1": f1,
        }
    )


def confusion(frame: pd.DataFrame, categories: Sequence[str]) -> pd.DataFrame:
    """Counts of conversations by true category (rows) and reconstructed category (columns, same order).

    A last column "(not assigned)" is there only if an assignment failed.

    Raises:
        ValueError: a frame that breaks the promises of this module.
    """
    rows = check_frame(frame, categories)
    names = [*categories, ""]
    counts = confusion_matrix(rows["category"], rows["predicted"], labels=names)[:-1]
    table = pd.DataFrame(counts, index=pd.Index(categories, name="category"), columns=[*categories, NOT_ASSIGNED])
    return table if table[NOT_ASSIGNED].any() else table.drop(columns=NOT_ASSIGNED)


def f1_value(rows: pd.DataFrame, categories: Sequence[str], average: Average) -> float:
    """Macro or weighted F1, 0 to 1, over the true categories that occur; `rows` as `check_frame` returns them."""
    present = present_categories(rows, categories)
    return float(f1_score(rows["category"], rows["predicted"], labels=present, average=average, zero_division=0))


def _f1(rows: pd.DataFrame, categories: Sequence[str], average: Average, level: float) -> tuple[float, float, float]:
    """Value, low, high; the ends are NaN with fewer than two clusters."""
    value = f1_value(rows, categories, average)
    if len(set(base_clusters(rows))) < 2:
        return value, math.nan, math.nan
    found = f1_interval(rows, categories, average, level=level)
    # scikit-learn and the weighted counts may differ in the last digit.
    return value, min(found.low, value), max(found.high, value)


def _score(rows: pd.DataFrame, categories: Sequence[str], level: float) -> dict[str, object]:
    """One slice's line of `_SCORE_COLUMNS`."""
    clusters = len(set(base_clusters(rows)))
    low = high = math.nan
    notes = [f"{clusters} base cluster: no interval, one clump has no spread"]
    if clusters >= 2:
        interval = accuracy_interval(rows, categories, level=level)
        low, high = interval.low, interval.high
        notes = [f"inconclusive: {doubt}" for doubt in interval.doubts]
    alone = int(without_cluster(rows).sum())
    if alone:
        notes.append(f"{alone} without a base cluster, each taken as its own")
    macro = _f1(rows, categories, "macro", level)
    accuracy = float(is_correct(rows).mean())
    values = (
        accuracy,
        low,
        high,
        *macro,
        f1_value(rows, categories, "weighted"),
        len(rows),
        clusters,
        "; ".join(notes),
    )
    return dict(zip(_SCORE_COLUMNS, values, strict=True))
