"""The section of suite "insight"."""

from __future__ import annotations

import pandas as pd

from reports import words
from reports.blocks import Column, Picture, Section, Table, written
from reports.insight_figures import concern_and_flags, language_ratios, top_categories
from reports.sections import Run

_SHOWN = 15


def section(run: Run) -> Section | None:
    """What the run says about use."""
    text = ("cluster", "name", "language", "quadrant", "flag")
    categories, languages = run.table("insight_categories", text), run.table("insight_languages", text)
    concern = run.table("insight_concern", text)
    if categories is None or languages is None or concern is None or categories.empty:
        return None
    if run.names_withheld:
        categories, languages, concern = (
            t.assign(name="Cluster " + t["cluster"]) for t in (categories, languages, concern)
        )
    blocks: list[Table | Picture] = [
        Picture(
            "insight_categories",
            "What it is used for",
            "Published top-level clusters by their share of all conversations (the paper's Figure 6). Intervals allow for the "
            "conversations of one account hanging together.",
            "Bars of the share of each published top-level cluster with its interval. The numbers stand in the table.",
            lambda: top_categories(categories.head(_SHOWN)),
        ),
        Table(
            "Top-level clusters",
            categories,
            (
                Column("name", "Cluster"),
                Column("share", "Share", "percent", ("low", "high")),
                Column("conversations", "Conversations", "count"),
                Column("accounts", "Accounts", "count"),
            ),
        ),
    ]
    blocks += _language_blocks(languages)
    blocks += _concern_blocks(concern)
    return Section("insight", "What it says about use", (_sentence(run, concern),), tuple(blocks))


def _language_blocks(languages: pd.DataFrame) -> list[Table | Picture]:
    if languages.empty:
        return []
    shown = languages.head(_SHOWN)
    return [
        Picture(
            "insight_languages",
            "Subjects that a language asks about more often",
            "How many times as often a language occurs in a cluster as in the whole sample (the paper's Figure 7); the "
            "highest ratios. They were picked for being high, so expect some to fall back; only a line that stays clear of 1 "
            "says something.",
            "Dots of the ratio for pairs of cluster and language, with intervals. The numbers stand in the table.",
            lambda: language_ratios(shown),
        ),
        Table(
            "Languages over- and under-represented",
            languages,
            (
                Column("name", "Cluster"),
                Column("language", "Language"),
                Column("ratio", "Times as often", "number", ("low", "high")),
                Column("conversations", "Conversations", "count"),
            ),
        ),
    ]


def _concern_blocks(concern: pd.DataFrame) -> list[Table | Picture]:
    if concern.empty:
        return []
    suspicious = concern[concern["quadrant"] != ""].reset_index(drop=True)
    return [
        Picture(
            "insight_concern",
            "Concern against an external classifier",
            "A mark is a published base cluster, larger for more conversations (the paper's Figure 8). Triangles are rated "
            "concerning and seldom flagged: the classifier may miss them. Squares are flagged and hardly concerning: false "
            "alarms, perhaps.",
            "Scatter plot of clusters by mean concern and share of flagged conversations.",
            lambda: concern_and_flags(concern),
        ),
        Table(
            "Where facet and classifier disagree",
            suspicious,
            (
                Column("name", "Cluster"),
                Column("quadrant", "Suspicion"),
                Column("concern", "Mean concern", "number"),
                Column("flag_rate", "Flagged", "percent"),
                Column("conversations", "Conversations", "count"),
            ),
        ),
    ]


def _sentence(run: Run, concern: pd.DataFrame) -> str:
    found = run.metrics("insight").set_index("metric").loc["concern_flag_r"].to_dict()
    flag = str(concern["flag"].iloc[0]) if len(concern) else words.MISSING
    if words.absent(found["value"]):
        return f"Concern and flags ({flag}) do not both vary over the published clusters, so nothing correlates."
    ends = f"{written(found['low'], 'number')} to {written(found['high'], 'number')}"
    return (
        f"Over {words.count(found['n'])} published base clusters the mean concern and the rate of flags correlate to "
        f"r = {written(found['value'], 'number')} ({ends}). Flags come from {flag}."
    )
