"""The section of suite "privacy"."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports import privacy_figures, words
from reports.blocks import Column, Picture, Section, Table
from reports.sections import Run

LEVELS = {
    "raw": "Conversations",
    "facet": "Facets",
    "base": "Base clusters",
    "hierarchy": "Hierarchy",
    "published": "Published",
}
_RATED = "Rated 1 or 2 among published"
_NO_TEXT = "No table here holds a fact or a text: they are counted, not shown."


def section(run: Run) -> Section | None:
    """What of the private facts is left, level by level and layer by layer."""
    ratings = run.table("privacy_progression", ("level",))
    facts = run.table("privacy_found", ("level", "by", "slice", "note"))
    limits = run.table("privacy_bounds", ("level", "basis", "note"))
    layers = run.table("privacy_layers", ("variant", "level", "note"))
    shown = run.table("privacy_published", ("variant",))
    if ratings is None or facts is None or limits is None or layers is None or shown is None:
        return None
    for frame in (ratings, facts, limits, layers):
        frame["label"] = frame["level"].map(LEVELS)
    blocks = (*_progression(ratings), *_found(facts), _bounds(limits), *_ablation(layers, shown))
    return Section("privacy", "What is left of private facts", tuple(_sentences(ratings, facts, limits)), blocks)


def _by_level(frame: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    return {row["level"]: row for row in frame.to_dict("records")}


def _sentences(ratings: pd.DataFrame, facts: pd.DataFrame, limits: pd.DataFrame) -> list[str]:
    rated, told = _by_level(ratings), _by_level(facts[facts["by"] == "all"])
    shares = [f"{words.percent(rated[name]['value'])} of the {_plural(name)}" for name in ("raw", "facet", "published")]
    counts = [f"{words.count(told[name]['found'])} in the {_plural(name)}" for name in ("raw", "facet", "published")]
    bound = limits[(limits["level"] == "published") & (limits["basis"] == "planted facts")].iloc[0]
    return [
        f"The auditor rated {words.listed(shares)} 1 or 2. Nothing that it rates so is published while it is on, so "
        "the last of these says nothing by itself; planted facts do not depend on it.",
        f"Of {words.count(told['raw']['facts'])} planted facts {words.listed(counts)} were found.",
        f"{words.count(bound['hits'])} of {words.count(bound['tries'])} published clusters gave a fact away. So few "
        f"clusters can only show that the rate lies below {words.percent(bound['bound'])} (95% confidence)."
        if bound["tries"]
        else "No cluster was published, so nothing is shown about published ones.",
    ]


def _plural(level: str) -> str:
    return {"raw": "conversations", "facet": "facets", "published": "published clusters"}[level]


def _progression(ratings: pd.DataFrame) -> tuple[Table | Picture, ...]:
    shares = {f"share_{n}": ratings[f"rated_{n}"] / ratings["rated"] for n in range(1, 6)}
    drawn = ratings.assign(**shares)
    table = Table(
        "The auditor's ratings by level",
        drawn,
        (
            Column("label", "Level"),
            Column("rated", "Rated", "count"),
            Column("failed", "Not rated", "count"),
            *(Column(f"share_{n}", str(n), "percent") for n in range(1, 6)),
            Column("value", "1 or 2 (95% interval)", "percent", ("low", "high")),
            Column("corrected", "Corrected for the auditor's error", "percent", ("corrected_low", "corrected_high")),
            Column("paper", "Paper", "percent"),
        ),
        note="Intervals of shares are exact; the corrected share (Rogan and Gladen) carries the uncertainty of the "
        "auditor's own sensitivity and specificity. The paper rated 5,000 conversations of real users, of which few "
        "hold private facts; in this set every conversation does.",
    )
    picture = Picture(
        "privacy_progression",
        "From conversation to published cluster",
        "Hatched pieces are the private ratings 1 and 2; they should melt away downwards. A red triangle marks how far "
        "they reach in the paper's Figure 5 (about 10%, 1.5% and none). Do not compare the lengths of the first bars: "
        "the paper's conversations are a sample of ordinary use, these were written to hold private facts.",
        "One bar of 100% for each level, split into the ratings 1 to 5.",
        lambda: privacy_figures.progression(drawn),
    )
    return picture, table


def _found(facts: pd.DataFrame) -> tuple[Table | Picture, ...]:
    whole, parts = facts[facts["by"] == "all"], facts[facts["by"] != "all"]
    kinds = pd.concat([facts[facts["by"] == "kind"], whole]).assign(level=lambda frame: frame["label"])
    kinds["slice"] = kinds["slice"].replace("all", "all kinds")
    columns = (
        Column("facts", "Facts", "count"),
        Column("found", "Found", "count"),
        Column("value", "Share (95% interval)", "percent", ("low", "high")),
        Column("exact", "Exact", "count"),
        Column("fuzzy", "Near", "count"),
        Column("token", "By a word", "count"),
        Column("anywhere", "In any text", "count"),
        Column("matched", "Controls found", "count"),
        Column("compared", "Controls compared", "count"),
        Column("false_rate", "False matches", "percent"),
    )
    how = (
        "Found: a text that stands for the fact's own conversation gives it away. In any text: whatever cluster does. "
        "Controls were made like the facts and planted nowhere; where they are found, the search was mistaken."
    )
    picture = Picture(
        "privacy_found",
        "Planted facts that are found",
        "A cell is the share of planted facts of a kind that texts of a level give away, with their number. Rows "
        "that stay dark to the right are kinds that slip through; a zero among few facts proves little: see bounds.",
        "Table of kinds of facts against levels with shares and counts.",
        lambda: privacy_figures.found(kinds, list(LEVELS.values())),
    )
    return (
        picture,
        Table("Planted facts found", whole, (Column("label", "Level"), *columns), note=f"{how} {_NO_TEXT}"),
        Table(
            "Planted facts found, by kind and language",
            parts,
            (Column("label", "Level"), Column("by", "By"), Column("slice", "Slice"), *columns, Column("note", "Note")),
        ),
    )


def _bounds(limits: pd.DataFrame) -> Table:
    return Table(
        "What so few hits really show",
        limits,
        (
            Column("label", "Level"),
            Column("basis", "Basis"),
            Column("tries", "Texts", "count"),
            Column("hits", "Hits", "count"),
            Column("bound", "Rate may be up to", "percent"),
            Column("note", "Note"),
        ),
        note="Exact one-sided 95% bound for the share of private texts. What rests on the auditor is divided by the "
        "lower end of its sensitivity. No hit in 200 texts still allows 1.5%.",
        brief=True,
    )


def _ablation(layers: pd.DataFrame, shown: pd.DataFrame) -> tuple[Table | Picture, ...]:
    levels = [LEVELS[name] for name in LEVELS if name != "raw"]
    facts = layers.assign(panel="Facts found: " + layers["label"].str.lower())
    rated = shown.assign(panel=_RATED)
    columns = ["variant", "panel", "value", "low", "high"]
    drawn = pd.concat([facts[columns], rated[columns]], ignore_index=True)
    panels = [*(f"Facts found: {name.lower()}" for name in levels), _RATED]
    return (
        Picture(
            "privacy_layers",
            "Each privacy layer switched off",
            "All panels share one scale. Look for variants that lie right of “all layers”: that layer was holding "
            "something back. The last panel cannot show anything where the audit is on, because the audit removes what "
            "it rates 1 or 2. Where a variant does not differ, another layer may have caught the same.",
            "Dots with intervals: shares of planted facts found at four levels, and of published clusters rated "
            "private, for all layers, each of four layers off, and none.",
            lambda: privacy_figures.ablation(drawn, panels),
        ),
        Table(
            "Planted facts found with layers switched off",
            layers,
            (
                Column("variant", "Layers"),
                Column("label", "Level"),
                Column("facts", "Facts", "count"),
                Column("found", "Found", "count"),
                Column("value", "Share (95% interval)", "percent", ("low", "high")),
                Column("note", "Note"),
            ),
        ),
        Table(
            "What is published with layers switched off",
            shown,
            (
                Column("variant", "Layers"),
                Column("published", "Published", "count"),
                Column("clusters", "Clusters", "count"),
                Column("private", "1 or 2", "count"),
                Column("value", "Share (95% interval)", "percent", ("low", "high")),
            ),
            note="Published: conversations in published base clusters. 1 or 2: published clusters that the auditor rates so. "
            "“Untold” models get the same prompt without its privacy instruction (prompts/ablations).",
            brief=True,
        ),
    )
