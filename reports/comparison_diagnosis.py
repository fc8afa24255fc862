"""Sections of a comparison for diagnosis, which are no tests: what changed sides, and clusters that came and went."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports import comparison_figures, words
from reports.blocks import Column, Diff, Kind, Picture, Section, Table
from reports.comparison_data import Comparison
from reports.comparison_words import COUNTERPARTS, NOT_A_TEST, headline_of, kinds, named, of_metric, unmoved

_MOST_FLIPS = 400  # rows on a page; the CSV file holds all


def flips(comparison: Comparison, part: dict[str, Any]) -> Section | None:
    """Categories of the headline's metric, and every conversation whose score changed."""
    if part["headline"] is None:
        return None
    row = headline_of(comparison, part)
    if unmoved(row):
        return None
    kind, change = kinds(row)
    slices = of_metric(comparison.of("metrics", part["dataset"]), part)
    categories = slices[slices["slice"].str.startswith("category=")]
    categories = categories.assign(category=categories["slice"].str.removeprefix("category=")).reset_index(drop=True)
    flipped = of_metric(comparison.of("flips", part["dataset"]), part)
    said = [
        f"In {named(row['metric'])}, {words.count(row['gained'])} of {words.count(row['n'])} were gained (the "
        f"candidate scores higher) and {words.count(row['lost'])} lost.",
        NOT_A_TEST,
    ]
    shown: list[Table | Picture | Diff] = []
    if len(categories) and (categories["gained"] + categories["lost"]).any():
        shown.append(
            Picture(
                "flips",
                "Gained and lost by category",
                "Bars to the right count what the candidate scores higher, bars to the left what the base did. Long"
                " bars on both sides are conversations that changed places, usually because a base cluster was cut "
                "otherwise. Do not test these counts.",
                "Diverging bars of conversations gained and lost in each category. The numbers stand in the table of "
                "categories.",
                lambda: comparison_figures.flips(categories),
            )
        )
    if len(categories):
        shown.append(_categories(categories, kind, change))
    if len(flipped):
        shown.append(_flipped(flipped, sensitive=part["sensitive"]))
    return Section("flips", "Categories, and what changed sides", tuple(said), tuple(shown))


def _categories(frame: pd.DataFrame, kind: Kind, change: Kind) -> Table:
    columns = (
        Column("category", "Category"),
        Column("base", "Base", kind),
        Column("candidate", "Candidate", kind),
        Column("difference", "Difference (95%)", change, ("low", "high")),
        Column("gained", "Gained", "count"),
        Column("lost", "Lost", "count"),
        Column("n", "n", "count"),
        Column("clusters", "Clusters", "count"),
    )
    note = "A category sits in few base clusters. Its interval is then wide, and not to be built on."
    return Table("Categories", frame, columns, note=note)


def _flipped(frame: pd.DataFrame, *, sensitive: bool) -> Table:
    summaries: tuple[Column, ...] = ()
    if not sensitive:
        summaries = (
            Column("summary_base", "Summary, base", "long"),
            Column("summary_candidate", "Summary, candidate", "long"),
        )
        if (frame["summary_base"] == frame["summary_candidate"]).all():
            summaries = (Column("summary_base", "Summary (the same in both)", "long"),)
    columns = (
        Column("item", "Conversation"),
        Column("change", "Change", "word"),
        Column("language", "Language", "word"),
        Column("category", "Category"),
        Column("assigned_base", "Base run assigned"),
        Column("assigned_candidate", "Candidate assigned"),
        Column("cluster_name_base", "Its cluster in the base run"),
        Column("cluster_name_candidate", "Its cluster in the candidate"),
        *summaries,
    )
    note = "The data set is sensitive, so summaries are left out. " if sensitive else ""
    left = len(frame) - _MOST_FLIPS
    note += f"{words.count(left)} more stand in tables/flips.csv." if left > 0 else "All stand in tables/flips.csv."
    return Table("What changed sides", frame.head(_MOST_FLIPS), columns, note=note)


def clusters(comparison: Comparison, part: dict[str, Any]) -> Section | None:
    """Base clusters with a counterpart in the other run, and those without; None for a fixed set."""
    frame = comparison.of("clusters", part["dataset"])
    if frame.empty:
        return None
    if (frame["jaccard"] == 1).all():
        said = f"All {words.count(len(frame))} base clusters hold the very same conversations in both runs."
        return Section("clusters", "Base clusters that came and went", (said,))
    by_status = {status: rows.reset_index(drop=True) for status, rows in frame.groupby("status")}
    counts = {status: len(by_status.get(status, ())) for status in ("kept", "vanished", "appeared")}
    said = (
        f"{words.count(counts['kept'])} base clusters of the base run have a counterpart in the candidate, "
        f"{words.count(counts['vanished'])} do not, and {words.count(counts['appeared'])} of the candidate are new."
    )
    picture = Picture(
        "clusters",
        "How far base clusters were found again",
        "A mark is a base cluster: how many conversations it holds, and what share of all members it has in common "
        "with the nearest one of the other run. Marks above the line have a counterpart.",
        "Scatter plot of size against Jaccard for kept, vanished and new base clusters. The numbers stand in the "
        "tables.",
        lambda: comparison_figures.clusters(frame),
    )
    heads = {
        "vanished": ("Base clusters that vanished", "base", "candidate"),
        "appeared": ("Base clusters that appeared", "candidate", "base"),
        "kept": ("Base clusters with a counterpart", "base", "candidate"),
    }
    tables = [_cluster_table(by_status[status], *head) for status, head in heads.items() if status in by_status]
    return Section("clusters", "Base clusters that came and went", (said, COUNTERPARTS), (picture, *tables))


def _cluster_table(frame: pd.DataFrame, caption: str, own: str, other: str) -> Table:
    columns = (
        Column(own, "Cluster"),
        Column(f"{own}_name", "Name"),
        Column(f"{own}_size", "Size", "count"),
        Column(other, f"Nearest in {other}"),
        Column(f"{other}_name", "Its name"),
        Column(f"{other}_size", "Its size", "count"),
        Column("shared", "Shared", "count"),
        Column("jaccard", "Jaccard", "number"),
    )
    return Table(caption, frame, columns)
