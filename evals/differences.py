"""Candidate minus baseline, for every metric that is a mean over single scores, over all and by slice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from evals.comparison import Difference, benjamini_hochberg, holm, p_value, paired_difference, robust_errors
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
APART = [
    "dataset",
    "suite",
    "metric",
    "language",
    "difference",
    "apart",
    "low",
    "high",
    "p_value",
    "p_holm",
    "p_bh",
    "n",
    "clusters",
    "note",
]
# A handful of answers that are right or wrong is far from normal: with one conversation in a language, 7% of pairs of
# the very same pipeline set that language apart at p < 0.001; with five, none of 120 did.
LEAST_CLUSTERS = 5
_KEYS = ["suite", "metric", "item", "group"]  # of a single score
_APART = 0.05  # of Holm's p-value
METHOD = "paired, clustered by the base clusters of both runs"
ALONE = "paired, every item by itself"


def paired(base: Part, candidate: Part) -> pd.DataFrame:
    """The scores of both runs side by side: suite, metric, item, slices, score and cluster of each run.

    One item may be scored once in each group, as a conversation for each of several questions. Items that only one run
    scored are left out; `unpaired` counts them.

    Raises:
        pandas.errors.MergeError: a suite gave two scores of one metric and group the same id, so nobody can say which
            pair up.
    """
    right = candidate.items[[*_KEYS, "score", "cluster"]]
    both = base.items.merge(right, on=_KEYS, suffixes=("_base", "_candidate"), validate="one_to_one")
    kept = both.dropna(subset=["score_base", "score_candidate"]).reset_index(drop=True)
    # Once for all slices, of which there may be a thousand.
    return kept.assign(**{f"label_{side}": labels(kept, side) for side in ("base", "candidate")})


def unpaired(base: Part, candidate: Part) -> pd.DataFrame:
    """How many items of each metric only one of the runs scored: suite, metric, base_only, candidate_only."""
    scored = [part.items.dropna(subset=["score"])[_KEYS] for part in (base, candidate)]
    both = scored[0].merge(scored[1], on=_KEYS, how="outer", indicator="side")
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
    if f"label_{side}" in scores:
        known: pd.Series = scores[f"label_{side}"]
        return known
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
    given = scores[["score_base", "score_candidate"]].to_numpy(dtype=float)
    # Most scores are 0 to 1 already; a rating of 1 to 5 is brought there and the difference back again.
    start, width = (0.0, 1.0) if given.min() >= 0 and given.max() <= 1 else (given.min(), np.ptp(given) or 1.0)
    unit = np.clip((given - start) / width, 0.0, 1.0)
    found = paired_difference(unit[:, 0], unit[:, 1], sides[0].to_numpy(dtype=str), sides[1].to_numpy(dtype=str), level)
    ends = ("value", "low", "high", "standard_error")
    return replace(found, **{name: getattr(found, name) * float(width) for name in ends})


def _row(scores: pd.DataFrame) -> dict[str, object]:
    means = {side: float(scores[f"score_{side}"].mean()) for side in ("base", "candidate")}
    alone = not (scores[["cluster_base", "cluster_candidate"]] != "").any(axis=None)
    change = scores["score_candidate"] - scores["score_base"]
    row: dict[str, object] = {**means, "difference": means["candidate"] - means["base"], "n": len(scores)}
    row |= {"gained": int((change > 0).sum()), "lost": int((change < 0).sum())}
    found = difference(scores)
    if found is None:
        return {**row, "method": ALONE if alone else METHOD, "note": "no interval: fewer than two clusters"}
    # Few clusters give intervals wider than anything that a mean of such scores can change by.
    widest = max(1.0, float(np.ptp(scores[["score_base", "score_candidate"]].to_numpy(dtype=float))))
    note = ""
    if not alone and not found.conclusive:
        note = f"inconclusive: {found.clusters} clusters, {found.changed_clusters} of them changed"
    return {
        **row,
        "low": max(found.low, -widest),
        "high": min(found.high, widest),
        "p_value": found.p_value,
        "clusters": found.clusters,
        "changed_clusters": found.changed_clusters,
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
        columns `APART`: difference (of the language), apart (minus the others'), low, high (95%), p_value, p_holm
        (block on it), p_bh (report it), n, clusters (the fewest that the language, or the others, fall into in
        either run). A language in fewer than `LEAST_CLUSTERS` has no test, and its note says so. A metric with one
        language only has no rows.
    """
    rows = []
    for (suite, metric), scores in paired(base, candidate).groupby(["suite", "metric"], sort=False):
        spoken = scores[scores["language"] != ""]
        if spoken["language"].nunique() < 2:
            continue
        found = step_down(spoken)
        known = [row for row in found if not math.isnan(row["p_value"])]
        for row, p in zip(known, benjamini_hochberg([row["p_value"] for row in known]), strict=True):
            row["p_bh"] = float(p)
        head = {"dataset": base.name, "suite": suite, "metric": metric}
        rows += [{**head, **row} for row in sorted(found, key=lambda row: str(row["language"]))]
    return pd.DataFrame(rows, columns=APART)


def step_down(spoken: pd.DataFrame) -> list[dict[str, Any]]:
    """Every language against the others, the one furthest apart first; a row each, as `apart` makes it, with `p_holm`.

    Holm's method goes from the smallest p-value on. A language that it sets apart is then taken out of the yardstick
    of those that come after it: otherwise one that fell far would drag the yardstick down, and all the others would
    stand apart from that.

    Args:
        spoken: rows of one metric as `paired` makes them, each with a language, of two at least.
    """
    judged: list[dict[str, Any]] = []
    rest, largest = spoken, 0.0
    while True:
        rows = [apart(rest, name) for name in sorted(set(rest["language"]))]
        known = sorted((r for r in rows if not math.isnan(r["p_value"])), key=lambda r: float(r["p_value"]))
        adjusted = [max(largest, float(p)) for p in holm([r["p_value"] for r in known])]
        if len(rows) <= 2 or not known or adjusted[0] >= _APART:
            for row, p in zip(known, adjusted, strict=True):
                row["p_holm"] = p
            return judged + rows
        judged.append({**known[0], "p_holm": adjusted[0]})
        largest = adjusted[0]
        rest = rest[rest["language"] != known[0]["language"]]


def apart(scores: pd.DataFrame, language: str) -> dict[str, Any]:
    """One language against all others, as a regression of the change on being of that language.

    Args:
        scores: rows of one metric as `paired` makes them, of two languages at least.
        language: the one that is set against the others.
    """
    change = (scores["score_candidate"] - scores["score_base"]).to_numpy(dtype=float)
    inside = (scores["language"] == language).to_numpy(dtype=bool)
    mean = float(change[inside].mean())
    difference = mean - float(change[~inside].mean())
    sides = [labels(scores, side).to_numpy(dtype=str) for side in ("base", "candidate")]
    clusters = min(len(set(side[part])) for side in sides for part in (inside, ~inside))
    row: dict[str, Any] = {"language": language, "difference": mean, "apart": difference}
    row |= {"n": int(inside.sum()), "clusters": clusters, "low": math.nan, "high": math.nan, "p_value": math.nan}
    if clusters < LEAST_CLUSTERS:
        return {**row, "note": f"not tested: {clusters} clusters, {LEAST_CLUSTERS} wanted"}
    codes = [cluster_codes(side)[0] for side in sides]
    fit = sm.OLS(change, np.column_stack([np.ones(len(change)), inside.astype(float)])).fit()
    error = robust_errors(fit, codes[0], codes[1])[1]
    half = float(stats.t.ppf(0.975, clusters - 1)) * error
    p = p_value(difference, error, clusters - 1)
    return {**row, "low": difference - half, "high": difference + half, "p_value": p, "note": ""}
