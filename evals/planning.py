"""What it would take: seeds, conversations and clusters for an answer, from the variance that was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from evals import differences, reconstruction
from evals.comparison import MIN_SEEDS, Difference, paired_difference
from evals.runs import Part
from evals.statistics import MIN_CLUSTERS

# Normal quantiles of a one-sided test at 5% and of 80% power.
IN_ERRORS = float(stats.norm.ppf(0.95) + stats.norm.ppf(0.80))
_MANY = 10_000


def seed_scores(part: Part, metric: str, where: str = "all") -> list[float]:
    """A metric under each seed of suite "seeds", repeats averaged; empty where the run has no such seeds or metric."""
    if part.seeds is None or metric not in ("accuracy", "macro_f1", "weighted_f1"):
        return []
    rows = part.seeds
    column, _, value = where.partition("=")
    if where != "all":
        if column not in ("language", "category"):
            return []
        rows = rows[rows[column] == value]
    categories = sorted(set(part.seeds["category"].astype(str)))
    scores = [(seed, _score(group, metric, categories)) for (seed, _), group in rows.groupby(["seed", "repeat"])]
    table = pd.DataFrame(scores, columns=["seed", "score"])
    return [float(x) for x in table.groupby("seed")["score"].mean()]


def _score(rows: pd.DataFrame, metric: str, categories: Sequence[str]) -> float:
    if metric == "accuracy":
        return float((rows["category"] == rows["predicted"]).mean())
    return reconstruction.f1_value(rows, categories, "macro" if metric == "macro_f1" else "weighted")


def seeds_needed(sd: float, effect: float) -> int:
    """Seeds on either side that would show an effect: one-sided 5%, 80% power, at least `MIN_SEEDS`.

    Args:
        sd: standard deviation between seeds, the same on both sides.
        effect: true difference to be found, above 0, in the same units.
    """
    if effect <= 0:
        raise ValueError(f"effect must be a difference above 0, such as 0.02, got {effect}")
    return max(MIN_SEEDS, math.ceil(2 * (sd * IN_ERRORS / effect) ** 2))


def smallest_effect(sd: float, seeds: int) -> float:
    """Smallest true difference that so many seeds on either side find with 80% power, one-sided 5%."""
    return IN_ERRORS * sd * math.sqrt(2 / seeds)


def times_more(error: float, effect: float) -> float:
    """How many times as many conversations and clusters bring a standard error down to what an effect wants."""
    return max(1.0, (error * IN_ERRORS / effect) ** 2)


def for_seeds(arms: Sequence[Sequence[float]], margin: float, least: int) -> str:
    """What a comparison over seeds still needs."""
    sd = math.sqrt(sum(float(np.var(arm, ddof=1)) for arm in arms) / len(arms))
    if sd == 0:
        return f"seeds that make a difference: all gave the same score; {least} or more on either side"
    wanted = max(least, seeds_needed(sd, margin))
    if wanted > _MANY:
        return f"a larger data set: seeds vary by {sd:.3f}, far more than the margin"
    have = min(len(arm) for arm in arms)
    return (
        f"{wanted} seeds on either side (now {have}; seeds vary by {sd:.3f})"
        if wanted > have
        else f"a larger margin or data set: with {have} seeds a loss of {smallest_effect(sd, have):.3f} can be told"
    )


def for_pair(change: Difference, margin: float) -> str:
    """What a paired comparison of single runs still needs."""
    more = max(times_more(change.standard_error, margin), MIN_CLUSTERS / change.clusters)
    return (
        f"about {math.ceil(change.n * more):,} conversations in {math.ceil(change.clusters * more):,} base clusters "
        f"(now {change.n:,} in {change.clusters}), or {MIN_SEEDS} seeds on either side "
        f"(clio-evals run --seeds {MIN_SEEDS})"
    )


def tries_for_bound(bound: float, level: float = 0.95) -> int:
    """Independent tries without a hit that bring the exact one-sided bound down to `bound` (0 to 1)."""
    return math.ceil(math.log1p(-level) / math.log1p(-bound))


def for_clusters(scores: pd.DataFrame) -> str:
    """How many conversations would make enough base clusters, at their present size."""
    clusters = min(differences.labels(scores, side).nunique() for side in ("base", "candidate"))
    wanted = math.ceil(len(scores) * MIN_CLUSTERS / clusters)
    return f"{MIN_CLUSTERS} base clusters (now {clusters}); at their present size about {wanted:,} conversations"


def for_bound(value: float, width: float, limit: float, row: Mapping[str, Any], *, few: bool) -> str:
    """What a floor or ceiling under an interval still needs."""
    n, clusters = float(row["n"]), row["clusters"]
    distance = abs(value - limit)
    if distance == 0:
        return "no amount of data: the value lies on the limit"
    # An interval narrows with the square root of the data; its nearer half has to fit between value and limit.
    more = max(1.0, (width / 2 / distance) ** 2) if width > 0 else 1.0
    if few:
        more = max(more, MIN_CLUSTERS / float(clusters))
    if n * more > 1e7:
        return "more data than can be had: the value lies all but on the limit"
    inside = "" if clusters is None or clusters != clusters else f" in {math.ceil(float(clusters) * more):,} clusters"
    return f"about {math.ceil(n * more):,} items{inside} (now {n:,.0f}), should the value stay where it is"


def widened(change: Difference, factor: float) -> tuple[float, float]:
    """The interval of a difference, so many times as wide."""
    return change.value - factor * (change.value - change.low), change.value + factor * (change.high - change.value)


def p_of(change: Difference, factor: float) -> float:
    """Two-sided p of a difference whose standard error is taken so many times as large."""
    error = factor * change.standard_error
    if error == 0:
        return 1.0 if change.value == 0 else 0.0
    return float(2 * stats.t.sf(abs(change.value) / error, max(1, change.clusters - 1)))


def widened_p(row: Mapping[Any, Any], factor: float) -> float:
    """The same for a row of `differences.languages_apart`, whose interval is a 95% one."""
    half = float(row["high"]) - float(row["apart"])
    if half != half:
        return 1.0
    if half == 0:
        return 1.0 if row["apart"] == 0 else 0.0
    return float(2 * stats.norm.sf(abs(float(row["apart"])) / (factor * half / stats.norm.ppf(0.975))))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run can show, and what a wanted margin needs.

    Attributes:
        metric: of suite "supervised".
        n, clusters: conversations and base clusters of the run.
        sd_seeds: standard deviation between seeds, NaN without suite "seeds".
        error_pair: standard error of the difference of two single runs: measured between the run's own seeds where it
            has any, else the independent sum of its own clustered error (an upper bound, since pairs share their data).
        measured: whether `error_pair` was measured between seeds.
        margin: the difference that is wanted.
    """

    metric: str
    n: int
    clusters: int
    sd_seeds: float
    error_pair: float
    measured: bool
    margin: float

    def effects(self) -> dict[str, float]:
        """Smallest true difference that each way of comparing finds with 80% power, one-sided 5%."""
        found = {"one run on either side, in pairs": IN_ERRORS * self.error_pair}
        if not math.isnan(self.sd_seeds):
            found |= {f"{r} seeds on either side": smallest_effect(self.sd_seeds, r) for r in (5, 10, 20)}
        return found


def plan(part: Part, metric: str, margin: float) -> Plan:
    """Read a finished run for what it can show.

    Raises:
        ValueError: a metric that is none of the supervised suite's, or a margin that is not above 0.
    """
    if margin <= 0:
        raise ValueError(f"margin must be a difference above 0, such as 0.02, got {margin}")
    rows = part.metrics[(part.metrics["suite"] == "supervised") & (part.metrics["slice"] == "all")]
    row = rows[rows["metric"] == metric]
    if row.empty:
        raise ValueError(f"{part.path} has no supervised.{metric}; it has {sorted(rows['metric'])}")
    n, clusters = int(row["n"].iloc[0]), int(row["clusters"].iloc[0])
    scores = seed_scores(part, metric)
    sd = float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan
    between = _error_between_seeds(part) if metric == "accuracy" else math.nan
    if not math.isnan(between):
        return Plan(metric, n, clusters, sd, between, True, margin)
    half = (float(row["high"].iloc[0]) - float(row["low"].iloc[0])) / 2
    return Plan(metric, n, clusters, sd, math.sqrt(2) * half / float(stats.norm.ppf(0.975)), False, margin)


def _error_between_seeds(part: Part) -> float:
    """Mean clustered standard error of the paired difference between the first seed and each other one."""
    if part.seeds is None or part.seeds["seed"].nunique() < 2:
        return math.nan
    rows = part.seeds[part.seeds["repeat"] == part.seeds["repeat"].min()]
    by_seed = [group.set_index("conversation") for _, group in rows.groupby("seed")]
    errors = []
    for other in by_seed[1:]:
        pair = by_seed[0], other.loc[by_seed[0].index]
        right = [(run["category"] == run["predicted"]).to_numpy(dtype=float) for run in pair]
        clusters = [_labels(run) for run in pair]
        errors.append(paired_difference(right[0], right[1], clusters[0], clusters[1]).standard_error)
    return float(np.mean(errors))


def _labels(run: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Base cluster of each row; one without a cluster stands alone."""
    clusters = run["base_cluster"].astype(str)
    alone = pd.Series("alone:" + run.index.astype(str), index=run.index)
    return ("cluster:" + clusters).where(clusters != "", alone).to_numpy(dtype=str)
