"""From systems to losses: pure functions over reconstruction rows, see `evals.oracle` for what each system is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from evals.comparison import paired_difference
from evals.reconstruction_scores import accuracy_interval, base_clusters, is_correct
from evals.statistics import MIN_CLUSTERS, MIN_WRONG_CLUSTERS
from evals.suite import Measured, item, metric

# From the top of the waterfall down: the stage, the system before its loss and the one after it.
CHAIN = (
    ("embedding", "", "oracle_facets"),
    ("facets", "oracle_facets", "oracle_clustering"),
    ("clustering", "oracle_clustering", "oracle_assignment"),
    ("assignment", "oracle_assignment", "oracle_names"),
    ("naming", "oracle_names", "run"),
)
# One stage at a time: what stands in, the system with and the one without it, and who assigned in both.
SINGLE = (
    ("facets", "own summary, and its true subject", "told_kmeans", "oracle_assignment", "majority"),
    ("facets", "true subject and field alone", "true_kmeans", "oracle_assignment", "majority"),
    ("clustering", "parted by one who knows the truth", "oracle_clustering", "oracle_assignment", "majority"),
    ("naming", "true names", "oracle_names", "run", "the run's"),
    ("assignment", "majority category", "oracle_assignment", "run", "the run's"),
)
FRONT = (
    ("as extracted", "k-means", "oracle_assignment"),
    ("as extracted", "knows the truth", "oracle_clustering"),
    ("own summary, and its true subject", "k-means", "told_kmeans"),
    ("own summary, and its true subject", "knows the truth", "oracle_facets"),
    ("true subject and field alone", "k-means", "true_kmeans"),
    ("true subject and field alone", "knows the truth", "true_oracle"),
)
REPLACED = ("oracle_names", "oracle_assignment", "oracle_clustering", "oracle_facets")


def measured(systems: Mapping[str, pd.DataFrame], categories: Sequence[str]) -> Measured:
    """All tables, metrics and items of the suite.

    Args:
        systems: by name, rows as `supervised.rows_of` makes them, all over the same conversations in the same order.
        categories: all that could be chosen.
    """
    levels = pd.DataFrame([{"system": name, **level(rows, categories)} for name, rows in systems.items()])
    fall = waterfall(systems)
    tables = {
        "oracle_levels": levels,
        "oracle_waterfall": fall,
        "oracle_single": single(systems),
        "oracle_front": front(levels),
        "oracle_rows": rows_of(systems),
    }
    return Measured(tables, metrics(levels, fall), items(systems))


def level(rows: pd.DataFrame, categories: Sequence[str]) -> dict[str, Any]:
    """Accuracy of one system with its interval by cluster: accuracy, low, high, n, clusters, note."""
    clusters = base_clusters(rows)
    count = len(set(clusters))
    found = {"accuracy": float(is_correct(rows).mean()), "low": None, "high": None, "n": len(rows), "clusters": count}
    if count < 2:
        return {**found, "note": f"{count} cluster: no interval, one clump has no spread"}
    interval = accuracy_interval(rows, categories)
    note = "; ".join(f"inconclusive: {doubt}" for doubt in interval.doubts)
    return {**found, "low": interval.low, "high": interval.high, "note": note}


def loss(above: pd.DataFrame | None, below: pd.DataFrame) -> dict[str, Any]:
    """What the lower of two systems loses against the upper, over the same conversations.

    Args:
        above: rows of the upper system; None where it is right about everything.
        below: rows of the lower one.
    Returns:
        upper, lower (accuracies), loss, low, high, n, clusters, note. The interval is clustered by both systems'
        clusters; it is empty where no conversation differs, or where there is only one cluster.
    """
    lower = is_correct(below)
    upper = lower * 0 + 1 if above is None else is_correct(above)
    theirs, ours = base_clusters(below if above is None else above), base_clusters(below)
    count = min(len(set(theirs)), len(set(ours)))
    # The difference of two shares, not the mean of differences: what is added up must cancel exactly.
    line = {"upper": float(upper.mean()), "lower": float(lower.mean())}
    found = {**line, "loss": line["upper"] - line["lower"], "low": None, "high": None, "n": len(below)}
    found["clusters"] = count
    if count < 2:
        return {**found, "note": f"{count} cluster: no interval, one clump has no spread"}
    difference = paired_difference(lower, upper, ours, theirs)
    if not difference.gained + difference.lost:
        return {**found, "note": "no conversation differs"}
    doubts = []
    if count < MIN_CLUSTERS:
        doubts.append(f"inconclusive: {count} clusters, {MIN_CLUSTERS} wanted")
    if difference.changed_clusters < MIN_WRONG_CLUSTERS:
        doubts.append(f"inconclusive: change in {difference.changed_clusters} clusters, {MIN_WRONG_CLUSTERS} wanted")
    return {**found, "low": difference.low, "high": difference.high, "note": "; ".join(doubts)}


def waterfall(systems: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Loss of every stage, from 1 down to the run's accuracy: stage, and the columns of `loss`."""
    return pd.DataFrame([{"stage": stage, **loss(systems.get(above), systems[below])} for stage, above, below in CHAIN])


def single(systems: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One stage at a time replaced: stage, stands_in, assigned_by, and the columns of `loss`, which is now a gain."""
    return pd.DataFrame(
        [
            {"stage": stage, "stands_in": stands_in, "assigned_by": who, **loss(systems[having], systems[without])}
            for stage, stands_in, having, without, who in SINGLE
        ]
    ).rename(columns={"loss": "gain", "lower": "without", "upper": "having"})


def front(levels: pd.DataFrame) -> pd.DataFrame:
    """Facets against clustering, all assigned by majority: facets, clustering, accuracy, low, high, n, clusters."""
    known = {row["system"]: row for row in levels.to_dict("records")}
    kept = ("accuracy", "low", "high", "n", "clusters")
    lines = [{"facets": f, "clustering": c, **{key: known[name][key] for key in kept}} for f, c, name in FRONT]
    return pd.DataFrame(lines)


def rows_of(systems: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a conversation: its truth, and for every system `predicted_NAME` and `cluster_NAME`."""
    first = next(iter(systems.values()))
    table = first[["conversation", "language", "category", "subcategory"]].copy()
    for name, rows in systems.items():
        table[f"predicted_{name}"] = rows["predicted"].to_numpy()
        table[f"cluster_{name}"] = rows["base_cluster"].to_numpy()
    return table


def metrics(levels: pd.DataFrame, fall: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of `metrics.csv`: the loss over all and of each stage, and accuracy with stages replaced."""
    known = {row["system"]: row for row in levels.to_dict("records")}
    run = known["run"]
    ends = (None, None) if pd.isna(run["low"]) else (1 - run["high"], 1 - run["low"])
    made = [metric("loss", 1 - run["accuracy"], ends=ends, **_counted(run))]
    for row in fall.to_dict("records"):
        where = f"stage={row['stage']}"
        made.append(metric("loss", row["loss"], where=where, ends=(row["low"], row["high"]), **_counted(row)))
    for name in REPLACED:
        row = known[name]
        made.append(metric(f"accuracy_{name}", row["accuracy"], ends=(row["low"], row["high"]), **_counted(row)))
    return made


def _counted(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {"n": row["n"], "clusters": row["clusters"], "note": row["note"]}


def items(systems: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """A scored item a conversation and system with stages replaced."""
    made = []
    for name in REPLACED:
        rows = systems[name]
        scored = zip(rows.to_dict("records"), is_correct(rows), base_clusters(rows), strict=True)
        for row, score, cluster in scored:
            place = {"language": row["language"], "category": row["category"], "cluster": str(cluster)}
            made.append(item(f"accuracy_{name}", row["conversation"], float(score), **place))
    return made
