"""Candidate minus baseline, for every metric that is a mean over single scores, over all and by slice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from evals.comparison import Difference, benjamini_hochberg, holm, paired_difference, robust_errors
from evals.runs import Part
from evals.statistics import cluster_codes

COLUMNS = [
    "dataset",
    "suite",
    "metric",
    "slice",
    "base",
    "candidate",
    "difference",
    "low",
    "high",
    "p_value",
    "n",
    "clusters",
    "changed_clusters",
    "gained",
    "lost",
    "smallest_effect",
    "method",
    "note",
]
METHOD = "paired, clustered by the base clusters of both runs"
ALONE = "paired, every item by itself"


def paired(base: Part, candidate: Part) -> pd.DataFrame:
    """The scores of both runs side by side: suite, metric, item, slices, score and cluster of each run.

    Items that only one run scored are left out; `unpaired` counts them.
    """
    keys = ["suite", "metric", "item"]
    right = candidate.items[[*keys, "score", "cluster"]]
    both = base.items.merge(right, on=keys, suffixes=("_base", "_candidate"))
    return both.dropna(subset=["score_base", "score_candidate"]).reset_index(drop=True)


def unpaired(base: Part, candidate: Part) -> pd.DataFrame:
    """How many items of each metric only one of the runs scored: suite, metric, base_only, candidate_only."""
    keys = ["suite", "metric", "item"]
    scored = [part.items.dropna(subset=["score"])[keys] for part in (base, candidate)]
    both = scored[0].merge(scored[1], on=keys, how="outer", indicator="side")
    counted = both.groupby(["suite", "metric"])["side"].value_counts().unstack(fill_value=0)
    counted = counted.reindex(columns=["left_only", "right_only"], fill_value=0)
    return counted.set_axis(["base_only", "candidate_only"], axis=1).reset_index()


def table(base: Part, candidate: Part) -> pd.DataFrame:
    """A row a metric and slice, columns `COLUMNS`; proportions and differences of them are 0 to 1.

    Slices: all, each language, each category, each group. A language's row compares the language with itself in the
    other run; whether it moved otherwise than the rest is `languages_apart`'s question.
    """
    rows = []
    for (suite, metric), scores in paired(base, candidate).groupby(["suite", "metric"], sort=False):
        for where, part in _slices(scores):
            head = {"dataset": base.name, "suite": suite, "metric": metric, "slice": where}
            rows.append({**head, **_row(part)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _slices(scores: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "all", scores
    for column in ("language", "category"):
        for value, part in scores[scores[column] != ""].groupby(column, sort=True):
            yield f"{column}={value}", part
    for value, part in scores[scores["group"] != ""].groupby("group", sort=True):
        yield str(value), part


def labels(scores: pd.DataFrame, side: str) -> pd.Series:
    """What each item stands or falls with in one run; an item without a cluster stands alone."""
    clusters, items = scores[f"cluster_{side}"].astype(str), scores["item"].astype(str)
    return ("cluster:" + clusters).mask(clusters == "", "alone:" + items)


def difference(scores: pd.DataFrame, level: float = 0.95) -> Difference | None:
    """The paired difference of a frame made by `paired`; None with fewer than two clusters, which have no spread.

    Args:
        scores: rows of one metric.
        level: coverage as a proportion.
    """
    sides = [labels(scores, side) for side in ("base", "candidate")]
    if min(side.nunique() for side in sides) < 2:
        return None
    return paired_difference(
        scores["score_base"].to_numpy(dtype=float),
        scores["score_candidate"].to_numpy(dtype=float),
        sides[0].to_numpy(dtype=str),
        sides[1].to_numpy(dtype=str),
        level,
    )


def _row(scores: pd.DataFrame) -> dict[str, object]:
    means = {side: float(scores[f"score_{side}"].mean()) for side in ("base", "candidate")}
    alone = not (scores[["cluster_base", "cluster_candidate"]] != "").any(axis=None)
    row: dict[str, object] = {**means, "difference": means["candidate"] - means["base"], "n": len(scores)}
    found = difference(scores)
    if found is None:
        return {**row, "method": ALONE if alone else METHOD, "note": "no interval: fewer than two clusters"}
    note = ""
    if not alone and not found.conclusive:
        note = f"inconclusive: {found.clusters} clusters, {found.changed_clusters} of them changed"
    return {
        **row,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "clusters": found.clusters,
        "changed_clusters": found.changed_clusters,
        "gained": found.gained,
        "lost": found.lost,
        "smallest_effect": found.smallest_effect,
        "method": ALONE if alone else METHOD,
        "note": note,
    }


def languages_apart(base: Part, candidate: Part) -> pd.DataFrame:
    """Whether a language moved otherwise than the others: its difference minus that of all other languages.

    Languages move together when the whole pipeline does; only what sets one apart says something about it. Each
    conversation of the language gets its change, each other one is the yardstick; clusters of both runs are allowed
    for on both sides.

    Returns:
        suite, metric, language, difference (of the language), apart (minus the others'), low, high (95%), p_value,
        p_holm (block on it), p_bh (report it), n; a metric with one language only has no rows.
    """
    rows = []
    for (suite, metric), scores in paired(base, candidate).groupby(["suite", "metric"], sort=False):
        spoken = scores[scores["language"] != ""]
        if spoken["language"].nunique() < 2:
            continue
        head = {"suite": suite, "metric": metric}
        mine: list[dict[str, Any]] = [{**head, **_apart(spoken, name)} for name in sorted(set(spoken["language"]))]
        known = [row for row in mine if not math.isnan(row["p_value"])]
        p = [float(row["p_value"]) for row in known]
        for row, by_holm, by_bh in zip(known, holm(p), benjamini_hochberg(p), strict=True):
            row |= {"p_holm": float(by_holm), "p_bh": float(by_bh)}
        rows += mine
    columns = ["suite", "metric", "language", "difference", "apart", "low", "high", "p_value", "p_holm", "p_bh", "n"]
    return pd.DataFrame(rows, columns=columns)


def _apart(scores: pd.DataFrame, language: str) -> dict[str, object]:
    """One language against all others, as a regression of the change on being of that language."""
    change = (scores["score_candidate"] - scores["score_base"]).to_numpy(dtype=float)
    inside = (scores["language"] == language).to_numpy(dtype=float)
    mean = float(change[inside > 0].mean())
    row: dict[str, object] = {"language": language, "difference": mean, "n": int(inside.sum())}
    numbered = [cluster_codes(labels(scores, side).to_numpy(dtype=str)) for side in ("base", "candidate")]
    codes, counts = [code for code, _ in numbered], [count for _, count in numbered]
    apart = mean - float(change[inside == 0].mean())
    if min(counts) < 2:
        return {**row, "apart": apart, "low": math.nan, "high": math.nan, "p_value": math.nan}
    fit = sm.OLS(change, np.column_stack([np.ones(len(change)), inside])).fit()
    error = robust_errors(fit, codes[0], codes[1])[1]
    freedom = min(counts) - 1
    half = float(stats.t.ppf(0.975, freedom)) * error
    p = (1.0 if apart == 0 else 0.0) if error == 0 else float(2 * stats.t.sf(abs(apart) / error, freedom))
    return {**row, "apart": apart, "low": apart - half, "high": apart + half, "p_value": p}
