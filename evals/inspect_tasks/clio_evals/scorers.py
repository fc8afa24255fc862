"""Scorers: each shows a score that a suite has given. Steps of the pipeline get none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, accuracy, grouped, scorer, stderr
from inspect_ai.solver import TaskState

from clio_evals.metrics import (
    as_measured,
    clustered_interval,
    item_intervals,
    item_means,
    item_slices,
    macro_f1,
    of_ratings,
    weighted_f1,
)

NOT_RATED = "none"


def _of_kind(state: TaskState, kind: str) -> bool:
    return bool(state.metadata.get("kind") == kind)


@scorer(
    metrics=[
        accuracy(),
        clustered_interval(),
        stderr(cluster="cluster"),
        macro_f1(),
        weighted_f1(),
        grouped(accuracy(), "language", all=False),
    ]
)
def category_match() -> Scorer:
    """1 where the category that the base cluster was assigned to is the true one."""

    async def score(state: TaskState, target: Target) -> Score | None:
        if not _of_kind(state, "item"):
            return None
        predicted = state.metadata["predicted"]
        reason = None if predicted else "not_assigned"
        return Score(value=int(predicted == target.text), answer=predicted, explanation=reason)

    return score


@scorer(metrics=[item_means(), item_intervals(), item_slices()])
def item_score() -> Scorer:
    """The score that the suite gave the item, usually 0 to 1; unscored where it could give none."""

    async def score(state: TaskState, target: Target) -> Score | None:
        if not _of_kind(state, "item"):
            return None
        given = state.store.get("score", state.metadata["score"])
        return Score.unscored(reason="scoring_failed") if given is None else Score(value=given)

    return score


@scorer(metrics=[as_measured()])
def suite_metrics() -> Scorer:
    """How many numbers the suite found; they stand in the explanation, and those over all among the metrics."""

    async def score(state: TaskState, target: Target) -> Score | None:
        if not _of_kind(state, "suite"):
            return None
        rows = state.metadata["metrics"]
        return Score(value=len(rows), explanation=_table(rows))

    return score


@scorer(metrics=[of_ratings()])
def rating() -> Scorer:
    """The auditor's rating, 1 to 5, or "none" where none could be read."""

    async def score(state: TaskState, target: Target) -> Score | None:
        row = state.store.get("row")
        if row is None:
            return None
        # Not unscored, because Inspect would keep it from the metrics, which count failures.
        given = NOT_RATED if row["given"] is None else row["given"]
        return Score(value=given, answer=str(given), metadata={"row": row})

    return score


def _table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows of `metrics.csv` as Markdown."""
    lines = ["| metric | slice | value | 95% interval | n | note |", "|---|---|---|---|---|---|"]
    for row in rows:
        value, low, high = (_short(row[key]) for key in ("value", "low", "high"))
        ends = f"{low} to {high}" if low and high else ""
        cells = (row["metric"], row["slice"], value, ends, _short(row["n"]), row["note"] or "")
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.4g}"
