"""The run in plain words: the paragraph at the top of the page."""

from __future__ import annotations

import pandas as pd

from reports import words
from reports.tables import NOT_OK, Report

NOT_THE_PAPER = (
    "The paper's figures stand beside ours for orientation only: they were measured on about 19,500 other "
    "conversations, with the models of their time and prompts worded otherwise, and are given without an interval. "
    "A difference from them mixes all of that, and they are no target."
)


def sentences(report: Report) -> list[str]:
    """What was run, how well it did, where it did worst, how the calls ended, and what was published."""
    return [
        text for text in (_what(report), *_accuracy(report), _languages(report), _calls(report), _shown(report)) if text
    ]


def _what(report: Report) -> str:
    roles: dict[str, list[str]] = {}
    for row in report.models.to_dict("records"):
        roles.setdefault(row["name"], []).append(row["role"])
    models = (
        next(iter(roles))
        if len(roles) == 1
        else "; ".join(f"{model} as {words.listed(names, most=9)}" for model, names in roles.items())
    )
    config = report.manifest["config"]
    size = words.count(_sampled(report))
    return (
        f"{size} conversations of the data set “{report.dataset}” went through the pipeline with "
        f"{models or 'no model'}, embedded by {config.get('embedder')}, with seed {config.get('seed')}."
    )


def _sampled(report: Report) -> int:
    if report.fates is not None and not report.fates.empty:
        return int(report.fates["total"].iloc[0])
    return int(report.manifest["dataset"]["conversations"])


def _accuracy(report: Report) -> list[str]:
    row = report.metric("accuracy")
    if row is None:
        return ["No suite was run: how far these clusters can be trusted was not measured."]
    said = f"{words.percent(row['value'])} of {words.count(row['n'])} conversations were led back to their own category"
    has_interval = not pd.isna(row["low"])
    said += f" (95% interval {words.interval(row['low'], row['high'])})." if has_interval else ", without an interval."
    more = []
    chance = report.metric("random baseline")
    if chance is not None:
        above = has_interval and row["low"] > chance["value"]
        inside = has_interval and row["low"] <= chance["value"] <= row["high"]
        place = " and lies below the interval" if above else ", which lies inside the interval" if inside else ""
        more.append(f"A random guess would get {words.percent(chance['value'])}{place}.")
    if not words.absent(row["note"]):
        more.append(f"Take the interval with care: {row['note']}.")
    return [said, *more]


def _languages(report: Report) -> str:
    table = report.languages
    if table is None or len(table) < 2:
        return ""
    top, bottom = table["accuracy"].max(), table["accuracy"].min()
    if top == bottom:
        return f"All {len(table)} languages came out at {words.percent(top)}."
    best, worst = table[table["accuracy"] == top], table[table["accuracy"] == bottom]
    said = (
        f"The best of {len(table)} languages was {words.listed(list(best['language']))} ({words.percent(top)}), "
        f"the worst {words.listed(list(worst['language']))} ({words.percent(bottom)}); "
    )
    return said + _apart(best, worst)


def _apart(best: pd.DataFrame, worst: pd.DataFrame) -> str:
    ends = pd.concat([best, worst])
    bare = list(ends.loc[ends["low"].isna(), "language"])
    if bare:
        return f"there is no interval for {words.listed(bare)}, so this run cannot tell them apart."
    if best["low"].min() <= worst["high"].max():
        return "their intervals overlap, so this run does not tell them apart."
    if ends["note"].str.contains("inconclusive").any():
        return "their intervals do not overlap, but rest on too few clusters or errors to be conclusive."
    return (
        "their intervals do not overlap. Extremes that were picked after looking lie further apart than two languages "
        "named beforehand, so take this as a lead, not as a proof."
    )


def _calls(report: Report) -> str:
    requests = int(report.totals["requests"].iloc[0])
    ended = {name: int(report.outcomes.loc[report.outcomes["outcome"] == name, "calls"].sum()) for name in NOT_OK}
    bad = [f"{words.count(calls)} {_OUTCOME_WORDS[name]}" for name, calls in ended.items() if calls]
    missing = int(report.unrecorded["calls"].sum())
    stood_in = (
        f" {words.count(missing)} were not in the recording and were answered by local/extractive." if missing else ""
    )
    if not bad:
        return f"All {words.count(requests)} model calls were answered in the form that was asked for.{stood_in}"
    return f"Of {words.count(requests)} model calls, some did not end well: {words.listed(bad, most=9)}.{stood_in}"


_OUTCOME_WORDS = {
    "refused": "refused",
    "truncated": "cut off",
    "malformed": "malformed",
    "error": "failed for good",
}


def _shown(report: Report) -> str:
    if report.fates is None or report.fates.empty:
        return ""
    base = report.fates.iloc[0]
    tops = int((report.published["depth"] == 0).sum())
    where = f" under {words.count(tops)} top-level {'cluster' if tops == 1 else 'clusters'}" if tops else ""
    return f"{words.count(base['published'])} of {words.count(base['total'])} conversations are published{where}."
