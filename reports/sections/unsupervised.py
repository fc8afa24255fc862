"""The section of suite "unsupervised"."""

from __future__ import annotations

import pandas as pd

from reports import words
from reports.blocks import Column, Picture, Section, Table
from reports.partition_figures import breakdown, contingency
from reports.sections import Run

_NAMES = {
    "ami": "AMI",
    "homogeneity": "Homogeneity",
    "completeness": "Completeness",
    "v_measure": "V-measure",
    "b3_precision": "B-cubed precision",
    "b3_recall": "B-cubed recall",
    "b3_f1": "B-cubed F1",
}
_LEVELS = {"base": "base clusters", "top": "top-level clusters"}
# The paper breaks these two down (Figures 13 and 14); elsewhere the two that are most spread out are shown.
_PAPER = ("Requests for advice on academic cheating", "Discussions glorifying violence and extremism")


def section(run: Run) -> Section | None:
    """Clusters against the truth, without telling the categories."""
    text = ("level", "metric", "note", "category", "cluster", "name")
    summary, spread = run.table("unsupervised_summary", text), run.table("unsupervised_breakdown", text)
    stability = run.table("unsupervised_stability")
    tables = {level: run.table(f"unsupervised_contingency_{level}", ("category",)) for level in _LEVELS}
    if summary is None or spread is None or stability is None:
        return None
    shown = summary.assign(
        metric=summary["metric"].map(_NAMES), level=summary["level"].map(_LEVELS).fillna(summary["level"])
    )
    blocks: list[Table | Picture] = [
        Table(
            "Agreement of clusters with the categories",
            shown,
            (
                Column("level", "Level"),
                Column("metric", "Metric"),
                Column("value", "Value", "number", ("low", "high")),
                Column("k", "Clusters", "count"),
                Column("n", "Conversations", "count"),
                Column("left_out", "Without a cluster", "count"),
            ),
            note="Homogeneity and B-cubed precision rise with the number of clusters by themselves, completeness and recall "
            "fall; only AMI is corrected for chance. Intervals are clustered by base cluster.",
            brief=True,
        )
    ]
    for level, table in tables.items():
        if table is not None and table.shape[1] > 1:
            blocks.append(_matrix(level, table))
    if not spread.empty:
        blocks.append(_breakdown(spread))
    return Section(
        "unsupervised", "Clusters against the truth, unsupervised", (_sentence(summary, stability),), tuple(blocks)
    )


def _sentence(summary: pd.DataFrame, stability: pd.DataFrame) -> str:
    ami = summary[summary["metric"] == "ami"].set_index("level")
    said = " and ".join(
        f"the {row['k']:.0f} {_LEVELS[str(level)]} reach an AMI of {row['value']:.2f}" for level, row in ami.iterrows()
    )
    alike = f"{stability['ami'].mean():.2f}" if len(stability) else words.MISSING
    return (
        f"Left to itself, {said} with the true categories. Under other seeds of k-means the same vectors are cut into "
        f"partitions that agree with each other to an AMI of {alike}: what cannot repeat itself cannot be a fact about use."
    )


def _matrix(level: str, table: pd.DataFrame) -> Picture:
    counts = table.set_index("category").fillna(0).astype(int)
    figure = "Figure 11 and 12" if level == "top" else "not in the paper"
    return Picture(
        f"unsupervised_{level}",
        f"True categories against {_LEVELS[level]}",
        "A row is a true category, a column a cluster that the pipeline made by itself; the colour is the share of the row. "
        "Rows and columns are ordered so that the mass lies near the diagonal. A row with several dark cells was split, a "
        f"column with several was mixed ({figure} of the paper).",
        "Heat map of true category against cluster. The numbers stand in the table of the same name in the run's folder.",
        lambda: contingency(counts, numbers=level == "top"),
    )


def _breakdown(spread: pd.DataFrame) -> Picture:
    known = [name for name in _PAPER if name in set(spread["category"])]
    widest = spread.groupby("category").size().sort_values(ascending=False, kind="stable").index[:2]
    parts = {name: spread[spread["category"] == name].head(8) for name in (known or widest)}
    return Picture(
        "unsupervised_breakdown",
        "Where single categories went",
        "The clusters that a category's conversations ended in, largest first, with their number. Clusters that are near in "
        "meaning are no error of the kind that a far one is (the paper's Figures 13 and 14).",
        "Bars of the share of a category in each cluster, a panel a category.",
        lambda: breakdown(parts),
    )
