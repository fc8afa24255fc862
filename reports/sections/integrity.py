"""The section of suite "integrity"."""

from __future__ import annotations

import pandas as pd

from reports import words
from reports.blocks import Column, Section, Table
from reports.sections import Run

_FATES = (("published", "Published"), ("held_back", "Held back"), ("removed", "Removed"), ("failed", "Failed"))
_OUTCOMES = ("ok", "refused", "truncated", "malformed", "error")


def section(run: Run) -> Section | None:
    """Whether the run's books balance, and how its calls ended."""
    levels, small = run.table("integrity_levels", ("thresholds",)), run.table("integrity_small", ("cluster",))
    outcomes = run.table("integrity_outcomes", ("stage", "outcome"))
    if levels is None or small is None or outcomes is None or levels.empty:
        return None
    metrics = run.metrics("integrity").to_dict("records")
    numbers = {str(row["metric"]): {key: float(row[key]) for key in ("value", "n")} for row in metrics}
    blocks = [_levels(levels), _small(small, str(levels["thresholds"].iloc[0])), _outcomes(outcomes)]
    return Section(
        "integrity", "Are the books in order", _sentences(levels, numbers), tuple(b for b in blocks if b is not None)
    )


def _sentences(levels: pd.DataFrame, numbers: dict[str, dict[str, float]]) -> tuple[str, ...]:
    broken, under = numbers["conservation_violations"]["value"], numbers["published_under_thresholds"]
    drawn, thresholds = words.count(int(levels["drawn"].iloc[0])), levels["thresholds"].iloc[0]
    if broken:
        counted = (
            f"On {broken:.0f} of {len(levels)} levels the conversations counted are not the {drawn} that were drawn."
        )
    else:
        counted = f"Each of the {drawn} conversations drawn is counted exactly once at every level."
    if under["value"]:
        shown = (
            f"{words.count(under['value'])} of {words.count(under['n'])} published clusters lie under the thresholds"
        )
    else:
        shown = f"None of the {words.count(under['n'])} published clusters lies under the thresholds"
    failed, stood_in = numbers["failed_calls"], numbers["stood_in_calls"]["value"]
    calls = f"{words.percent(failed['value'])} of {words.count(failed['n'])} calls gave no answer that could be used"
    calls += f"; {words.count(stood_in)} were answered by a stand-in." if stood_in else "."
    return (f"{counted} {shown} ({thresholds}). {calls}",)


def _levels(levels: pd.DataFrame) -> Table:
    named = levels.assign(name=["Base clusters" if n == 0 else f"Level {n:.0f}" for n in levels["level"]])
    fates = tuple(Column(key, label, "count") for key, label in _FATES)
    return Table(
        "Conversations by fate, counted anew",
        named,
        (
            Column("name", "Level"),
            *fates,
            Column("counted", "Counted", "count"),
            Column("drawn", "Drawn", "count"),
            Column("published_clusters", "Published clusters", "count"),
        ),
        note="Counted from the fate of every single conversation, not from the run's own totals. Counted and drawn must be equal.",
    )


def _small(small: pd.DataFrame, thresholds: str) -> Table | None:
    if small.empty:
        return None
    columns = (
        Column("cluster", "Cluster"),
        Column("level", "Level", "count"),
        Column("conversations", "Conversations", "count"),
        Column("accounts", "Accounts", "count"),
    )
    return Table(f"Published, yet under the thresholds ({thresholds})", small, columns, brief=True)


def _outcomes(outcomes: pd.DataFrame) -> Table | None:
    """A row a stage, a column an outcome."""
    if outcomes.empty:
        return None
    wide = outcomes.pivot(index="stage", columns="outcome", values="calls").reindex(columns=list(_OUTCOMES)).fillna(0)
    columns = tuple(Column(name, name.capitalize() if name != "ok" else "OK", "count") for name in _OUTCOMES)
    return Table(
        "How calls ended, stage by stage",
        wide.reset_index(),
        (Column("stage", "Stage"), *columns),
        note="A refused, truncated or malformed answer and an error count as failed; nothing is put in their place.",
    )
