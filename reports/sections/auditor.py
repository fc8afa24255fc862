"""The section of suite "auditor"."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports import words
from reports.auditor_figures import confusion, slices
from reports.blocks import Column, Kind, Picture, Section, Table
from reports.sections import Run

_NAMES = {
    "sensitivity": "Sensitivity (private: 1 or 2)",
    "specificity": "Specificity (others: 3 to 5)",
    "false_alarms": "False alarms (others: 1 or 2)",
    "accuracy": "Accuracy over both",
    "auc": "AUC of the scale from 1 to 5",
    "quadratic_kappa": "Kappa with labels (quadratic)",
    "twins_told_apart": "Twins: private one rated lower",
    "failed_ratings": "Unreadable ratings",
    "distinct_ratings": "Different ratings given",
}
_INTERVALS = (
    "Intervals of shares are exact (Clopper and Pearson), those of AUC and kappa come from a bootstrap that keeps "
    "twins together. The paper's 98% was measured on 1,237 other texts and stands for orientation."
)
_NUMBERS = ("auc", "quadratic_kappa", "distinct_ratings")
_LABELS = {
    ("script", "none"): "no script of its own",
    ("hard", "hard_negative"): "looks private, is not",
    ("hard", "hard_positive"): "private without a name",
}


def section(run: Run) -> Section | None:
    """How far the auditor can be trusted."""
    summary = run.table("auditor_summary", ("metric", "note"))
    parts = run.table("auditor_slices", ("by", "slice", "metric", "note"))
    table = run.table("auditor_confusion")
    if summary is None or parts is None or table is None:
        return None
    shown = parts.assign(
        label=[_LABELS.get((r["by"], r["slice"]), r["slice"]) for r in parts.to_dict("records")],
        few=parts["note"] != "",
    )
    blocks: tuple[Table | Picture, ...] = (_headline(summary), *_pictures(table, shown), _sliced(shown))
    return Section("auditor", "Can the auditor be trusted?", tuple(_sentences(summary)), blocks)


def _sentences(summary: pd.DataFrame) -> list[str]:
    rows = {row["metric"]: row for row in summary.to_dict("records")}
    failed = [str(note) for note in summary["note"] if str(note).startswith("FAIL")]
    said = [f"{note}. Do not rely on any rating of this auditor." for note in failed]
    caught, cleared = rows["sensitivity"], rows["specificity"]
    if not words.absent(caught["value"]) and not words.absent(cleared["value"]):
        said.append(
            f"Of {words.count(caught['n'])} private texts the auditor caught {_with_ends(caught)}; of "
            f"{words.count(cleared['n'])} others it let {_with_ends(cleared)} pass. As false alarms may be as frequent as "
            f"{words.percent(rows['false_alarms']['high'])}, a lower rate of private texts that it reports proves nothing."
        )
    unread = rows["failed_ratings"]
    if unread["value"]:
        said.append(f"{words.percent(unread['value'])} of {words.count(unread['n'])} ratings could not be read.")
    return said


def _with_ends(row: dict[Any, Any]) -> str:
    return f"{words.percent(row['value'])} ({words.interval(row['low'], row['high'])})"


def _headline(summary: pd.DataFrame) -> Table:
    shown = summary.assign(
        name=summary["metric"].map(_NAMES), written=[_written(r) for r in summary.to_dict("records")]
    )
    doubts = words.notes(shown[~shown["note"].str.startswith("FAIL")], "name")
    return Table(
        "The auditor against labelled texts",
        shown,
        (
            Column("name", "Measure"),
            Column("written", "Value (95% interval)"),
            Column("paper", "Paper, D.1", "percent"),
            Column("n", "n", "count"),
        ),
        note=" ".join([_INTERVALS, *(f"{note}." for note in doubts)]),
        brief=True,
    )


def _written(row: dict[Any, Any]) -> str:
    kind: Kind = (
        "count" if row["metric"] == "distinct_ratings" else "number" if row["metric"] in _NUMBERS else "percent"
    )
    return Column("value", "", kind, ("low", "high")).written(row)


def _pictures(table: pd.DataFrame, shown: pd.DataFrame) -> tuple[Picture, ...]:
    made = [
        Picture(
            "auditor_confusion",
            "Labels and ratings",
            "Numbers are texts; shades are shares of a row. Inside the orange squares label and rating stand on the "
            "same side of the line between 2 and 3. What lies below the lower square's left edge are false alarms, "
            "what lies right of the upper one are misses. A neighbouring cell inside a square is no error: careful "
            "readers differ by one step too.",
            "Table of labels 1 to 5 against ratings 1 to 5 with counts, two squares marking agreement about privacy.",
            lambda: confusion(table),
        )
    ]
    if shown["value"].notna().any():
        made.append(
            Picture(
                "auditor_slices",
                "What the auditor overlooks",
                "The lower a dot, the more of that kind is overlooked. Look for intervals that lie apart from the "
                "rest. Hollow dots rest on fewer than 20 texts and prove little, least of all that nothing is wrong.",
                "Dots with intervals: sensitivity by kind of private detail and by script, rates of hard texts.",
                lambda: slices(shown),
            )
        )
    return tuple(made)


def _sliced(shown: pd.DataFrame) -> Table:
    return Table(
        "By kind of private detail, by its script, and for hard texts",
        shown,
        (
            Column("by", "By"),
            Column("label", "Slice"),
            Column("metric", "Measure"),
            Column("value", "Value (95% interval)", "percent", ("low", "high")),
            Column("n", "n", "count"),
            Column("failed", "Not rated", "count"),
            Column("note", "Note"),
        ),
    )
