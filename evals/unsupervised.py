"""Suite "unsupervised": Clio's own clusters against the truth, without telling it the categories (paper C.2.2).

Base clusters and top-level clusters are each held against the known categories. Conversations that reached no
cluster of a level are left out there and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from clio_core import clustering
from evals import partitions
from evals.statistics import cluster_interval
from evals.suite import Context, Measured, item, metric

SEEDS = 10  # partitions of the same vectors under other seeds; no model is asked
_B3 = {"b3_precision": 0, "b3_recall": 1}


async def measure(context: Context) -> Measured:
    """Contingency, agreement, breakdown and stability; makes no model call."""
    names = {c.id: c.name or c.id for level in context.result.levels for c in level}
    found, stable = of_rows(rows_of(context), names), stability(context)
    metrics = [
        metric("partition_ami_over_seeds", stable["ami"].mean(), n=SEEDS),
        metric("partition_ari_over_seeds", stable["adjusted_rand"].mean(), n=SEEDS),
    ]
    return Measured({**found.tables, "unsupervised_stability": stable}, found.metrics + metrics, found.items)


def of_rows(rows: pd.DataFrame, names: dict[str, str]) -> Measured:
    """Everything that follows from the rows alone.

    Args:
        rows: as `rows_of` makes them.
        names: of clusters, by id.
    """
    levels = {"base": "base_cluster", "top": "top_cluster"}
    found = {level: scores(rows, column, level) for level, column in levels.items()}
    tables = {
        "unsupervised_rows": rows,
        "unsupervised_summary": pd.DataFrame([row for made, _, _ in found.values() for row in made]),
        "unsupervised_breakdown": breakdown(rows, names),
    }
    for level, column in levels.items():
        tables[f"unsupervised_contingency_{level}"] = contingency(rows, column, names)
    metrics = [row for _, made, _ in found.values() for row in made]
    return Measured(tables, metrics, [row for _, _, made in found.values() for row in made])


def rows_of(context: Context) -> pd.DataFrame:
    """A row a conversation: truth, base cluster, and the top-level cluster above it ("" where there is none)."""
    parents = {c.id: c.parent or "" for level in context.result.levels for c in level}
    last = len(context.result.levels) - 1
    rows = []
    for conversation, base in context.result.base.members.items():
        truth, top = context.dataset.truth[conversation], base or ""
        for _ in range(last):
            top = parents.get(top, "")
        rows.append(
            {
                "conversation": conversation,
                "language": truth.language,
                "category": truth.category,
                "base_cluster": base or "",
                "top_cluster": top,
            }
        )
    return pd.DataFrame(rows)


def scores(
    rows: pd.DataFrame, column: str, level: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Agreement of one level with the categories: rows of the summary, metrics and items.

    B-cubed precision and recall are means over conversations, so they get an interval clustered by base cluster and
    can be compared in pairs; the others are one number of the whole partition.

    Args:
        rows: as `rows_of` makes them.
        column: "base_cluster" or "top_cluster".
        level: its name in metrics, "base" or "top".
    """
    placed = rows[rows[column] != ""]
    if placed.empty:
        return [], [], []
    whole = asdict(partitions.agreement(list(placed["category"]), list(placed[column])))
    each = partitions.b_cubed(list(placed["category"]), list(placed[column]))
    summary, metrics, items = [], [], []
    for name in ("ami", "homogeneity", "completeness", "v_measure", "b3_precision", "b3_recall", "b3_f1"):
        low = high = None
        note = ""
        if name in _B3 and placed["base_cluster"].nunique() > 1:
            interval = cluster_interval(each[_B3[name]], placed["base_cluster"].to_numpy(dtype=str))
            low, high = interval.low, interval.high
            note = "; ".join(f"inconclusive: {doubt}" for doubt in interval.doubts)
        line = {"level": level, "metric": name, "value": whole[name], "low": low, "high": high}
        summary.append({**line, "k": whole["k"], "n": whole["n"], "left_out": len(rows) - len(placed), "note": note})
        made = metric(f"{name}_{level}", whole[name], ends=(low, high), n=whole["n"], clusters=whole["k"], note=note)
        metrics.append(made)
    for name, index in _B3.items():
        for row, score in zip(placed.to_dict("records"), each[index], strict=True):
            kept = {"language": row["language"], "category": row["category"], "cluster": row["base_cluster"]}
            items.append(item(f"{name}_{level}", row["conversation"], float(score), **kept))
    return summary, metrics, items


def contingency(rows: pd.DataFrame, column: str, names: dict[str, str]) -> pd.DataFrame:
    """Conversations by true category (column "category") and cluster (a column a cluster, by "id: name").

    Ordered so that the mass lies near the diagonal. A cluster's id stands in front of its name, which need not be
    the only one of its kind.
    """
    placed = rows[rows[column] != ""]
    labels = placed[column].map(lambda ident: f"{ident}: {names.get(ident, ident)}")
    counts = pd.crosstab(placed["category"], labels)
    counts.columns.name = None
    return partitions.seriated(counts).reset_index()


def breakdown(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Where each category went (Figures 13 and 14): category, cluster, name, conversations, share; largest first."""
    placed = rows[rows["top_cluster"] != ""]
    counts = placed.groupby(["category", "top_cluster"]).size().rename("conversations").reset_index()
    sizes = placed.groupby("category").size()
    counts["share"] = counts["conversations"] / counts["category"].map(sizes)
    counts["name"] = counts["top_cluster"].map(lambda ident: names.get(ident, ident))
    counts = counts.rename(columns={"top_cluster": "cluster"})
    order = ["category", "conversations", "cluster"]
    counts = counts.sort_values(order, ascending=[True, False, True], ignore_index=True)
    return counts[["category", "cluster", "name", "conversations", "share"]]


def stability(context: Context) -> pd.DataFrame:
    """Agreement of every pair of partitions of the run's own vectors under other seeds of k-means."""
    base = context.result.base
    k = len(base.clusters)
    first = context.tools.config.seed
    made: list[Sequence[int]] = [
        [int(label) for label in clustering.kmeans(base.vectors, k, first + step)[0]] for step in range(SEEDS)
    ]
    table = partitions.stability(made)
    return table.assign(a=table["a"] + first, b=table["b"] + first)
