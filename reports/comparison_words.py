"""A comparison in plain words: what to know first, the difference, and what it may come from."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports import words
from reports.blocks import Kind, written
from reports.comparison_data import SIDES, Comparison

PAIRED = (
    "A paired difference is over the very same items in both runs, and its interval allows for errors that come in "
    "clumps of either run's base clusters."
)
APART = (
    "The question is whether a language moved otherwise than the rest: when the whole pipeline changes, all languages "
    "move, and that alone sets none apart."
)
NOT_A_TEST = (
    "This is diagnosis and no test: conversations of one base cluster change sides together, so their number says "
    "little about whether the runs differ. That is what the interval of the difference is for."
)
COUNTERPARTS = (
    "Two clusters are counterparts when they share at least half of all their members (Jaccard). Another seed of the "
    "very same pipeline also cuts otherwise, so a cluster that vanished need not have been lost."
)
ESTIMATED = "Tokens are estimates where the provider reports none, as recordings do."
# What need not be read again below the next data set.
EXPLAINED = frozenset({PAIRED, APART, NOT_A_TEST, COUNTERPARTS, ESTIMATED})


def notices(comparison: Comparison) -> list[str]:
    """What a reader has to know before any number."""
    mixed = [
        f"{part['dataset']}, {side} run {words.count(calls)}"
        for part in comparison.about["parts"]
        for side, calls in zip(SIDES, part["unrecorded"], strict=True)
        if calls
    ]
    said = []
    if mixed:
        said.append(
            f"Calls that were not in the recording were answered by local/extractive: {'; '.join(mixed)}. These "
            "numbers are a mixture of both and should not be quoted as the recorded model's."
        )
    for part in comparison.about["parts"]:
        for side, names in part["suites_left_out"].items():
            if names:
                said.append(f"{part['dataset']}: only the {side} run has {words.listed(names)}; left out here.")
    for side, names in comparison.about["left_out"].items():
        if names:
            said.append(f"Only the {side} run has {words.listed(names)}; left out here.")
    return said


def lead(comparison: Comparison, part: dict[str, Any]) -> list[str]:
    """The headline in plain words: the difference, whether it can be told from none, and what it may come from."""
    row = headline_of(comparison, part)
    if row is None:
        return (
            []
            if "hash" not in part
            else ["No single scores can be paired, so there is no difference with an interval."]
        )
    name, kind, change = named(row["metric"]), *kinds(row)
    said = (
        f"{name.capitalize()} was {written(row['base'], kind)} in the base run and {written(row['candidate'], kind)} "
        f"in the candidate: {written(row['difference'], change)}"
    )
    if unmoved(row):
        return [
            f"{name.capitalize()} is {written(row['base'], kind)} in both runs, and no score changed.",
            _causes(part),
        ]
    if words.absent(row["low"]):
        return [f"{said}, without an interval."]
    ends = f"{written(row['low'], change).removesuffix(' pp')} to {written(row['high'], change)}"
    told = [f"{said} (95% interval {ends}).", _told(row), _smallest(row, change)]
    told += [f"Take the interval with care: {row['note']}."] if row["note"] else []
    return [" ".join(told), _causes(part)]


def unmoved(row: Any) -> bool:
    """Whether not one single score differs."""
    return not (row["gained"] or row["lost"])


def _told(row: Any) -> str:
    if row["low"] > 0:
        return "The whole interval lies above zero: the candidate's value is higher."
    if row["high"] < 0:
        return "The whole interval lies below zero: the candidate's value is lower."
    return "The interval holds zero: these two runs do not tell the candidate from the base."


def _smallest(row: Any, change: Kind) -> str:
    least = written(row["smallest_effect"], change).lstrip("+")
    return f"A pair of runs like this finds a true change of {least} four times in five, a smaller one less often."


def _causes(part: dict[str, Any], *, moved: bool = True) -> str:
    causes = part["together"]
    if not causes:
        return "Nothing changed that could make a difference; what differs is chance."
    said = f"Changed: {words.listed(causes, most=9)}."
    several = len(causes) > 1 or "," in causes[0]
    return f"{said} The difference is that of all of these together." if several and moved else said


def headline_of(comparison: Comparison, part: dict[str, Any]) -> Any:
    """The row of the headline's metric over all; None where no scores could be paired."""
    if part["headline"] is None:
        return None
    return of_metric(comparison.of("metrics", part["dataset"]), part).query("slice == 'all'").iloc[0]


def of_metric(frame: pd.DataFrame, part: dict[str, Any]) -> pd.DataFrame:
    """The rows of the headline's metric."""
    head = part["headline"]
    rows: pd.DataFrame = frame[(frame["suite"] == head["suite"]) & (frame["metric"] == head["metric"])]
    return rows.reset_index(drop=True)


def named(metric: str) -> str:
    """A metric's name for a reader."""
    return metric.replace("_", " ")


def kinds(row: Any) -> tuple[Kind, Kind]:
    """How a metric and its difference are written: shares as percentages, anything else as a number."""
    share = not words.absent(row["gained"]) and 0 <= row["base"] <= 1 and 0 <= row["candidate"] <= 1
    return ("percent", "points") if share else ("decimal", "change")
