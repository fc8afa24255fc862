"""What the rows of suite "stages" come to: shares with intervals, by component, question and language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evals import paper, rank_correlation
from evals.stages_rows import Rows
from evals.statistics import MIN_CLUSTERS, cluster_interval

COMPONENTS = (
    "summary_accuracy",
    "concern_spearman",
    "concern_agreement",
    "language_accuracy",
    "screener_accuracy",
    "title_accuracy",
    "members_not_belonging",
    "assignment_accuracy",
    "parent_title_accuracy",
)
BY_LANGUAGE = ("summary_accuracy", "screener_accuracy", "language_accuracy")
_SCALE = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of graded rows.

    Attributes:
        value: 0 to 1; None where nothing was graded.
        low, high: ends of the 95% interval, clustered; None with fewer than two clusters.
        n: graded rows. `failed`: rows whose grading gave no answer; they are in nothing else.
        clusters: clumps that the graded rows fall into.
        note: why it is not to be built on, if so.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    failed: int
    note: str

    def row(self) -> dict[str, Any]:
        """The share as columns of a table."""
        names = ("value", "low", "high", "n", "clusters", "failed", "note")
        return {name: getattr(self, name) for name in names}


def share(rows: pd.DataFrame) -> Share:
    """Mean of `score` over the rows that have one, with an interval clustered by `cluster`."""
    graded = rows[rows["score"].notna()]
    failed, clusters = len(rows) - len(graded), graded["cluster"].nunique()
    if graded.empty:
        return Share(None, None, None, 0, 0, failed, "inconclusive: nothing was graded" if failed else "")
    if clusters < 2:
        value = float(graded["score"].mean())
        return Share(value, None, None, len(graded), clusters, failed, "inconclusive: one cluster, which has no spread")
    found = cluster_interval(graded["score"], graded["cluster"])
    note = "; ".join(f"inconclusive: {doubt}" for doubt in found.doubts)
    return Share(found.value, found.low, found.high, found.n, clusters, failed, note)


def complement(found: Share) -> Share:
    """The share of the others."""
    value, low, high = (None if end is None else 1 - end for end in (found.value, found.high, found.low))
    return Share(value, low, high, found.n, found.clusters, found.failed, found.note)


def correlation(concern: pd.DataFrame) -> Share:
    """Spearman's rank correlation between label and facet, with a bootstrap interval over base clusters.

    Undefined, and so without a value, where all labels or all facets are the same.
    """
    known = concern[concern["facet"].notna()]
    failed, clusters = len(concern) - len(known), known["cluster"].nunique()
    if known.empty:
        return Share(None, None, None, 0, 0, failed, "")
    found = rank_correlation.interval(known["label"], known["facet"], known["cluster"])
    if math.isnan(found.value):
        note = "not defined: all labels, or all answers, are the same"
        return Share(None, None, None, len(known), clusters, failed, note)
    low, high = (None if math.isnan(end) else end for end in (found.low, found.high))
    doubt = f"inconclusive: {clusters} clusters, {MIN_CLUSTERS} wanted" if clusters < MIN_CLUSTERS else ""
    return Share(found.value, low, high, len(known), clusters, failed, doubt)


def by_component(rows: Rows) -> dict[str, Share]:
    """Every component, in the order of `COMPONENTS`."""
    shares = (
        share(rows.summaries),
        correlation(rows.concern),
        share(rows.concern),
        share(rows.languages),
        share(rows.screened),
        share(rows.titles),
        complement(share(rows.members)),
        share(rows.assignments),
        share(rows.parents),
    )
    return dict(zip(COMPONENTS, shares, strict=True))


def components(rows: Rows, dataset: str) -> pd.DataFrame:
    """A row a component: component, set, its share, and what the paper gives for such data and over all its data."""
    lines = [
        {
            "component": name,
            "set": dataset,
            **found.row(),
            "paper": paper.stage(name, dataset),
            "paper_combined": paper.stage(name, "combined"),
        }
        for name, found in by_component(rows).items()
        if found.n or found.failed
    ]
    columns = ["component", "set", "value", "low", "high", "n", "clusters", "failed", "paper", "paper_combined", "note"]
    return pd.DataFrame(lines, columns=columns)


def by_language(rows: Rows) -> pd.DataFrame:
    """A row a component of `BY_LANGUAGE` and language, languages in order of their names."""
    frames = dict(zip(BY_LANGUAGE, (rows.summaries, rows.screened, rows.languages), strict=True))
    lines = [
        {"component": name, "language": language, **share(part).row()}
        for name, frame in frames.items()
        for language, part in frame.groupby("language", sort=True)
    ]
    columns = ["component", "language", "value", "low", "high", "n", "clusters", "failed", "note"]
    return pd.DataFrame(lines, columns=columns)


def by_question(rows: Rows) -> pd.DataFrame:
    """A row a screening question and known answer: question, truth ("yes" or "no"), share of right answers."""
    lines = [
        {"question": question, "truth": "yes" if truth else "no", **share(part).row()}
        for (question, truth), part in rows.screened.groupby(["question", "truth"], sort=True)
    ]
    columns = ["question", "truth", "value", "low", "high", "n", "clusters", "failed", "note"]
    return pd.DataFrame(lines, columns=columns)


def concern_counts(concern: pd.DataFrame) -> pd.DataFrame:
    """Conversations by label (rows) and facet: a row a label, columns label, rated_1 to rated_5, failed."""
    lines = []
    for label in _SCALE:
        part = concern[concern["label"] == label]
        counts = {f"rated_{said}": int((part["facet"] == said).sum()) for said in _SCALE}
        lines.append({"label": label, **counts, "failed": int(part["facet"].isna().sum())})
    return pd.DataFrame(lines)


def objections(rows: Rows) -> pd.DataFrame:
    """Everything that the grader found inaccurate or wrong, with its reason: component, item, name, reason."""
    frames = {
        "summary_accuracy": rows.summaries,
        "title_accuracy": rows.titles,
        "assignment_accuracy": rows.assignments,
        "parent_title_accuracy": rows.parents,
    }
    lines = [
        {"component": name, "item": row["item"], "name": row.get("name", ""), "reason": row["reason"]}
        for name, frame in frames.items()
        for row in frame[frame["score"] == 0].to_dict("records")
    ]
    return pd.DataFrame(lines, columns=["component", "item", "name", "reason"])
