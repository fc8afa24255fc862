"""Suite "multilingual": every number by language, and whether clusters are subjects or merely languages (Table 5).

A pipeline that groups by language instead of subject can still look fair in a table by language; the mutual
information of clusters with languages, corrected for chance, would show it. It should be near 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score

from evals import group_test, partitions, supervised, unsupervised
from evals.statistics import IntArray, cluster_interval
from evals.suite import Context, Measured, item, metric

_SHUFFLES = 200


async def measure(context: Context) -> Measured:
    """Tables by language; makes no model call."""
    rows = unsupervised.rows_of(context)
    led = supervised.rows_of(context.dataset, context.result.base.members, context.assigned)
    return of_rows(rows, led, said(context))


def of_rows(rows: pd.DataFrame, led: pd.DataFrame, spoken: Mapping[str, str]) -> Measured:
    """Everything that the suite says.

    Args:
        rows: as `unsupervised.rows_of` makes them.
        led: reconstruction rows of the same conversations in the same order.
        spoken: the language facet by conversation, where it has one.
    """
    rows = rows.assign(
        correct=(led["category"] == led["predicted"]).astype(float).to_numpy(),
        spoken=rows["conversation"].map(dict(spoken)).fillna(""),
    )
    rows["language_right"] = [float(named(a) == b) for a, b in zip(rows["language"], rows["spoken"], strict=True)]
    right = rows["language_right"]
    languages = by_language(rows)
    separation = separated(rows)
    spread = differ(rows)
    metrics = [
        metric("language_accuracy", right.mean(), n=len(rows), ends=_ends(right, rows)),
        metric("ami_language_base", separation.loc[0, "ami_language"], n=len(rows), clusters=separation.loc[0, "k"]),
        metric("ami_language_top", separation.loc[1, "ami_language"], n=len(rows), clusters=separation.loc[1, "k"]),
        metric("languages_differ_p", spread["p_value"], n=len(rows), note=spread["note"]),
    ]
    for row in languages.to_dict("records"):
        place = {"where": f"language={row['language']}", "n": row["n"], "clusters": row["clusters"]}
        ends = (row["language_low"], row["language_high"])
        metrics.append(metric("language_accuracy", row["language_accuracy"], ends=ends, **place))
        metrics.append(metric("b3_f1_base", row["b3_f1"], **place))
        metrics.append(metric("ami_base", row["ami"], **place))
    items = [
        item(
            "language_accuracy",
            row["conversation"],
            row["language_right"],
            language=row["language"],
            category=row["category"],
        )
        for row in rows.to_dict("records")
    ]
    tables = {
        "multilingual_languages": languages,
        "multilingual_separation": separation,
        "multilingual_confusion": confusion(rows),
        "multilingual_clusters": mixture(rows),
    }
    return Measured(tables, metrics, items)


def said(context: Context) -> dict[str, str]:
    """The language facet of every conversation that has one."""
    return context.facet("language")


def named(language: str) -> str:
    """A language of the truth as the facet's parser writes it: the facet knows Chinese without its varieties."""
    return "Chinese" if "Chinese" in language else language


def _ends(scores: pd.Series, rows: pd.DataFrame) -> tuple[float | None, float | None]:
    """Interval of a mean over conversations, whose languages were asked for one by one, so that none is clumped."""
    if len(rows) < 2:
        return None, None
    found = cluster_interval(scores.to_numpy(dtype=float), rows["conversation"].to_numpy(dtype=str))
    return found.low, found.high


def by_language(rows: pd.DataFrame) -> pd.DataFrame:
    """One line a language, best reconstructed first.

    Args:
        rows: conversation, language, category, base_cluster, correct and language_right (0 or 1).
    Returns:
        language, n, clusters, accuracy (supervised), language_accuracy with its ends, ami, homogeneity, completeness
        and b3_f1 of base clusters against categories within the language.
    """
    lines: list[dict[str, Any]] = []
    for language, part in rows.groupby("language", sort=True):
        placed = part[part["base_cluster"] != ""]
        low, high = _ends(part["language_right"], part)
        line: dict[str, Any] = {
            "language": language,
            "n": len(part),
            "clusters": placed["base_cluster"].nunique(),
            "accuracy": float(part["correct"].mean()),
            "language_accuracy": float(part["language_right"].mean()),
            "language_low": low,
            "language_high": high,
        }
        if len(placed):
            found = partitions.agreement(list(placed["category"]), list(placed["base_cluster"]))
            line |= {"ami": found.ami, "homogeneity": found.homogeneity, "completeness": found.completeness}
            line["b3_f1"] = found.b3_f1
        lines.append(line)
    columns = ["language", "n", "clusters", "accuracy", "language_accuracy", "language_low", "language_high"]
    table = pd.DataFrame(lines).reindex(columns=[*columns, "ami", "homogeneity", "completeness", "b3_f1"])
    return table.sort_values(["accuracy", "language"], ascending=[False, True], ignore_index=True)


def separated(rows: pd.DataFrame) -> pd.DataFrame:
    """Mutual information of clusters with categories and with languages, for base and top clusters.

    Returns:
        level, k, ami_category, ami_language, largest_share (mean over clusters of the share of their commonest
        language) and chance_share (the same with languages shuffled over conversations, mean of 200 shuffles).
    """
    lines = []
    for level, column in (("base", "base_cluster"), ("top", "top_cluster")):
        placed = rows[rows[column] != ""]
        clusters, spoken = pd.factorize(placed[column])[0], pd.factorize(placed["language"])[0]
        rng = np.random.default_rng(0)
        shuffled = [_largest(clusters, rng.permutation(spoken)) for _ in range(_SHUFFLES)]
        lines.append(
            {
                "level": level,
                "k": placed[column].nunique(),
                "ami_category": float(adjusted_mutual_info_score(placed["category"], clusters))
                if len(placed)
                else None,
                "ami_language": float(adjusted_mutual_info_score(spoken, clusters)) if len(placed) else None,
                "largest_share": _largest(clusters, spoken),
                "chance_share": float(np.mean(shuffled)),
            }
        )
    return pd.DataFrame(lines)


def _largest(clusters: IntArray, spoken: IntArray) -> float:
    """Mean over clusters of the share of their commonest language; both as numbers from 0."""
    if not len(clusters):
        return float("nan")
    counts = np.bincount(clusters * (spoken.max() + 1) + spoken, minlength=(clusters.max() + 1) * (spoken.max() + 1))
    table = counts.reshape(clusters.max() + 1, -1)
    return float((table.max(axis=1) / table.sum(axis=1)).mean())


def differ(rows: pd.DataFrame) -> dict[str, Any]:
    """One test of whether accuracy depends on the language at all, allowing for clumps (see `group_test`).

    Returns:
        p_value, and a note where there are too few base clusters for such a test (it wants more than twice as many as
        there are languages, and 100 to be conclusive).
    """
    placed = rows[rows["base_cluster"] != ""]
    spoken, clusters = placed["language"].nunique(), placed["base_cluster"].nunique()
    if spoken < 2 or clusters <= 2 * spoken:
        return {"p_value": None, "note": f"no test: {clusters} clusters for {spoken} languages"}
    found = group_test.p_value(
        placed["correct"].to_numpy(dtype=float),
        placed["language"].to_numpy(dtype=str),
        placed["base_cluster"].to_numpy(dtype=str),
    )
    return {"p_value": found, "note": "" if clusters >= 100 else f"inconclusive: {clusters} clusters, 100 wanted"}


def confusion(rows: pd.DataFrame) -> pd.DataFrame:
    """Conversations by true language (column "language") and the language that the facet named."""
    spoken = rows["spoken"].replace("", "(none)")
    counts = pd.crosstab(rows["language"], spoken)
    counts.columns.name = None
    order = sorted(counts.index, key=lambda language: named(language))
    known = [named(language) for language in order]
    columns = [*[c for c in dict.fromkeys(known) if c in counts], *[c for c in counts if c not in known]]
    return counts.loc[order, columns].reset_index()


def mixture(rows: pd.DataFrame) -> pd.DataFrame:
    """Conversations of each base cluster by language (column "cluster", then a column a language), largest first."""
    placed = rows[rows["base_cluster"] != ""]
    counts = pd.crosstab(placed["base_cluster"], placed["language"])
    counts.columns.name = None
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
    return counts.loc[order].rename_axis("cluster").reset_index()
