"""Dose and response: an input is broken a little, then more, and the metric that claims to see it has to fall."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clio_core import publishing
from clio_core.result import Result
from evals import corruption, integrity, partitions, reconstruction, selftest_null
from evals.reconstruction_scores import is_correct
from evals.suite import Context

DOSES = (0.0, 0.1, 0.25, 0.5, 1.0)
DRAWS = 10  # victims drawn anew at each dose but 0
COLUMNS = ["corruption", "metric", "slice", "expected", *(f"at_{round(100 * dose)}" for dose in DOSES), "verdict"]
Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trial:
    """One kind of corruption and what it must do.

    Attributes:
        corruption: its name.
        scores: metrics after a dose, by name, for a seed of the draw.
        expected: "falls", "stays" or "rises" by metric.
        floors: by metric, the value that nothing can fall below in the mean (chance), 0 where none is given.
        where: the slice that is broken, "all" or "language=...".
    """

    corruption: str
    scores: Callable[[int, float], Scores]
    expected: Mapping[str, str]
    floors: Mapping[str, float]
    where: str = "all"


def doses(trials: Iterator[Trial]) -> pd.DataFrame:
    """Every trial at every dose: corruption, metric, slice, dose, value (mean over draws), low, high (of draws), draws.

    A dose of 0 is drawn once.
    """
    rows = []
    for trial in trials:
        for dose in DOSES:
            found = [trial.scores(seed, dose) for seed in range(DRAWS if dose else 1)]
            for metric, expected in trial.expected.items():
                drawn = np.array([scores[metric] for scores in found])
                rows.append(
                    {
                        "corruption": trial.corruption,
                        "metric": metric,
                        "slice": trial.where,
                        "dose": dose,
                        "value": float(drawn.mean()),
                        "low": float(drawn.min()),
                        "high": float(drawn.max()),
                        "error": float(drawn.std(ddof=1)) / math.sqrt(len(drawn)) if len(drawn) > 1 else 0.0,
                        "draws": len(drawn),
                        "expected": expected,
                        "floor": trial.floors.get(metric, 0.0),
                    }
                )
    return pd.DataFrame(rows)


def responses(table: pd.DataFrame) -> pd.DataFrame:
    """A row a trial and metric, columns `COLUMNS`: its value at each dose, and whether it did what it must."""
    rows = []
    for (kind, metric, where), part in table.groupby(["corruption", "metric", "slice"], sort=False):
        ordered = part.sort_values("dose")
        values = dict(zip(COLUMNS[4:-1], ordered["value"], strict=True))
        head = {"corruption": kind, "metric": metric, "slice": where, "expected": ordered["expected"].iloc[0]}
        rows.append({**head, **values, "verdict": verdict(ordered)})
    return pd.DataFrame(rows, columns=COLUMNS)


def verdict(part: pd.DataFrame) -> str:
    """PASS or FAIL for one metric over its doses, or "nothing to lose".

    "falls": no dose lies above the one before it by more than two standard errors, and the last lies below the first by
    more than two. "stays": no draw at any dose differs from the first. "rises": every draw at every dose lies above it.

    Args:
        part: value, low, high, error, expected, floor by dose, in ascending order of doses.
    """
    first, values, errors = part.iloc[0], part["value"].to_numpy(), part["error"].to_numpy()
    match str(first["expected"]):
        case "stays":
            passed = bool((part[["low", "high"]] - first["value"]).abs().to_numpy().max() <= 1e-12)
        case "rises":
            passed = bool((part["low"].iloc[1:] > first["value"]).all())
        case _:
            if first["value"] <= 1.5 * first["floor"]:
                return "nothing to lose"  # a run at the level of chance cannot fall any lower
            steps = np.diff(values) <= 2 * np.hypot(errors[1:], errors[:-1])
            passed = bool(steps.all() and values[0] - values[-1] > 2 * errors[-1])
    return "PASS" if passed else "FAIL"


def trials(context: Context, rows: pd.DataFrame) -> Iterator[Trial]:
    """Every corruption that a finished run can be tried with.

    Args:
        context: the run.
        rows: a row a conversation: conversation, language, category, predicted, base_cluster, top_cluster.
    """
    categories = context.dataset.categories
    chance = selftest_null.met(rows["category"], rows["predicted"])
    floors = {"accuracy": chance, "macro_f1": chance}
    for language in sorted(set(rows["language"])):
        yield _of_language(rows, language)
    for kind, breaking, falls, stays in (
        ("summaries shuffled", corruption.shuffle_summaries, ("accuracy", "macro_f1", "ami_base", "b3_f1_base"), ()),
        ("names swapped", corruption.swap_names, ("accuracy", "macro_f1"), ("ami_base", "b3_f1_base")),
    ):
        expected = {**dict.fromkeys(falls, "falls"), **dict.fromkeys(stays, "stays")}

        def scores(seed: int, dose: float, breaking: Callable[..., pd.DataFrame] = breaking) -> Scores:
            return _scored(breaking(rows, seed, dose), categories)

        yield Trial(kind, scores, expected, floors)
    yield _deleted(context, rows)
    yield _duplicated(context)
    if publishing.Fate.HELD_BACK in context.result.judged.fates.values():
        yield _freed(context)


def _scored(rows: pd.DataFrame, categories: tuple[str, ...]) -> Scores:
    placed = rows[rows["base_cluster"] != ""]
    found = partitions.agreement(list(placed["category"]), list(placed["base_cluster"]))
    return {
        "accuracy": float(is_correct(rows).mean()),
        "macro_f1": reconstruction.f1_value(rows, categories, "macro"),
        "ami_base": found.ami,
        "b3_f1_base": found.b3_f1,
    }


def _of_language(rows: pd.DataFrame, language: str) -> Trial:
    mine = (rows["language"] == language).to_numpy()

    def scores(seed: int, dose: float) -> Scores:
        right = is_correct(corruption.shuffle_language(rows, language, seed, dose))
        return {"accuracy": float(right[mine].mean()), "accuracy, other languages": float(right[~mine].mean())}

    expected = {"accuracy": "falls", "accuracy, other languages": "stays"} if not mine.all() else {"accuracy": "falls"}
    own = rows[mine]
    floors = {"accuracy": selftest_null.met(own["category"], own["predicted"])}
    return Trial("summaries of one language shuffled", scores, expected, floors, f"language={language}")


def _deleted(context: Context, rows: pd.DataFrame) -> Trial:
    """Base clusters are lost: they can neither be right nor be published, but their conversations are still counted."""

    def scores(seed: int, dose: float) -> Scores:
        left = corruption.delete_clusters(rows, seed, dose)
        gone = set(rows["base_cluster"]) - set(left["base_cluster"])
        levels = integrity.conservation(_judged_without(context, gone), _drawn(context))
        return {
            "accuracy": float(is_correct(left).mean()),
            "published_share": float(levels["published"].iloc[0]) / _drawn(context),
            "conservation_violations": float((levels["counted"] != levels["drawn"]).sum()),
        }

    expected = {"accuracy": "falls", "published_share": "falls", "conservation_violations": "stays"}
    return Trial("clusters deleted", scores, expected, {})


def _drawn(context: Context) -> int:
    return len(context.sample.conversations) + len(context.sample.screen_failed)


def _judged_without(context: Context, gone: set[str]) -> Result:
    config, result = context.tools.config, context.result
    levels = tuple(tuple(c for c in level if c.id not in gone) for level in result.levels)
    judged = publishing.judge(
        levels,
        {**result.base.members, **dict.fromkeys(context.sample.screen_failed)},
        min_conversations=config.min_conversations,
        min_accounts=config.min_accounts,
        audit_below=config.audit_below,
        accounts={c.id: c.account for c in context.sample.conversations},
    )
    return replace(result, levels=levels, judged=judged)


def _duplicated(context: Context) -> Trial:
    """Some conversations stand twice in the sample: fates go by id, so that the books no longer balance."""
    ids = [*(c.id for c in context.sample.conversations), *context.sample.screen_failed]

    def scores(seed: int, dose: float) -> Scores:
        levels = integrity.conservation(context.result, len(corruption.duplicate(ids, seed, dose)))
        return {
            "counted_share": float(levels["counted"].iloc[0]) / float(levels["drawn"].iloc[0]),
            "conservation_violations": float((levels["counted"] != levels["drawn"]).sum()),
        }

    expected = {"counted_share": "falls", "conservation_violations": "rises"}
    return Trial("conversation ids duplicated", scores, expected, {})


def _freed(context: Context) -> Trial:
    """Clusters that a threshold held back are passed off as published."""
    result, config = context.result, context.tools.config
    accounts = {c.id: c.account for c in context.sample.conversations}

    def scores(seed: int, dose: float) -> Scores:
        freed = corruption.publish_held_back(result.judged, seed, dose)
        return {
            "published_under_thresholds": float(
                len(integrity.under_thresholds(replace(result, judged=freed), accounts, config))
            )
        }

    return Trial("held back, yet published", scores, {"published_under_thresholds": "rises"}, {})
