"""The section of suite "selftest"."""

from __future__ import annotations

import pandas as pd

from reports import selftest_figures, words
from reports.blocks import Column, Picture, Section, Table
from reports.sections import Run

_TEXT = ("suite", "metric", "corruption", "slice", "expected", "verdict")
_COUNTS = ("conservation_violations", "published_under_thresholds")
_NAMES = {
    "ami_base": "AMI, base clusters",
    "ami_top": "AMI, top-level clusters",
    "ami_language_base": "AMI with languages, base",
    "ami_language_top": "AMI with languages, top",
    "languages_differ_p at most 0.05": "languages differ, p at most 0.05",
    "adjusted_rand": "adjusted Rand index",
    "auc": "AUC",
    "macro_f1": "macro F1",
    "b3_f1_base": "B-cubed F1, base clusters",
    "counted_share": "share counted once",
    "published_share": "share published",
}
_DOSES = tuple((f"at_{dose}", f"{dose}%") for dose in (0, 10, 25, 50, 100))


def section(run: Run) -> Section | None:
    """What the harness says of random labels and of broken inputs."""
    null, doses, answers = (run.table(f"selftest_{name}", _TEXT) for name in ("null", "doses", "responses"))
    if null is None or doses is None or answers is None or null.empty:
        return None
    named = null.assign(label=null["suite"] + ": " + null["metric"].map(_said))
    written = doses.assign(metric=doses["metric"].map(_said))
    counted = doses["metric"].isin(_COUNTS) & (doses["value"].groupby(doses["metric"]).transform("max") > 0)
    whole = answers["slice"] == "all"
    blocks = (
        _null(named),
        Picture(
            "selftest_null",
            "Labels dealt out at random",
            "Labels were shuffled over the conversations (ratings over the auditor's texts) and everything was scored as "
            "ever. The blue dot has to lie at the red mark, the level of chance; a hollow diamond far from it is what the run itself "
            "reaches. A diamond inside the blue would mean that the run tells no more than chance.",
            "Dots with the middle 95% of shuffles, a mark for chance and a diamond for the run, a row a metric. The numbers "
            "stand in the table beside it.",
            lambda: selftest_figures.null(named),
        ),
        _responses("Inputs broken on purpose: shares", answers[whole & ~answers["metric"].isin(_COUNTS)], "percent"),
        _responses("Inputs broken on purpose: counts", answers[whole & answers["metric"].isin(_COUNTS)], "count"),
        Picture(
            "selftest_doses",
            "More harm, lower numbers",
            "The dose is the share of conversations or clusters that was broken; each point is a mean over draws. A line "
            "that claims to see the harm has to fall all the way; one that has nothing to do with it has to stay flat. "
            "Thin lines are languages, each broken by itself.",
            "Small panels, one a corruption, with lines of each metric over the dose. The numbers stand in the tables.",
            lambda: selftest_figures.responses(written[~doses["metric"].isin(_COUNTS)], written[counted]),
        ),
        _languages(answers[~whole]),
    )
    said = _sentences(run.metrics("selftest"))
    return Section("selftest", "The harness tested by itself", said, tuple(b for b in blocks if b is not None))


def _sentences(metrics: pd.DataFrame) -> tuple[str, ...]:
    row = metrics[metrics["metric"] == "selftest_failures"].iloc[0]
    failed = int(row["value"])
    checks = words.count(row["n"])
    if failed:
        return (f"{words.count(failed)} of {checks} checks of the harness failed. {row['note']}.",)
    return (f"All {checks} checks of the harness passed: it finds nothing in noise, and sees what is broken.",)


def _said(metric: str) -> str:
    return _NAMES.get(metric, metric.replace("_", " "))


def _null(named: pd.DataFrame) -> Table:
    columns = (
        Column("label", "Suite and metric"),
        Column("chance", "By chance", "number"),
        Column("mean", "Mean (middle 95%)", "number", ("low", "high")),
        Column("run", "This run", "number"),
        Column("shuffles", "Shuffles", "count"),
        Column("verdict", "Verdict"),
    )
    note = "A check fails where the mean lies more than four standard errors from chance."
    return Table("Labels dealt out at random", named, columns, note=note, brief=True)


def _responses(caption: str, frame: pd.DataFrame, kind: str) -> Table | None:
    if frame.empty:
        return None
    shown = frame.assign(metric=frame["metric"].map(_said))
    numbers = tuple(Column(key, label, "percent" if kind == "percent" else "number") for key, label in _DOSES)
    columns = (Column("corruption", "What was broken"), Column("metric", "Metric"), Column("expected", "Must"))
    return Table(
        caption,
        shown,
        (*columns, *numbers, Column("verdict", "Verdict")),
        note="Columns are doses: the share of conversations or clusters that was broken, mean over draws. AMI and B-cubed F1 "
        "are written as percentages. Nothing to lose: the run stands at the level of chance already."
        if kind == "percent"
        else "Columns are doses. Violations are levels of the hierarchy whose conversations do not add up.",
    )


def _languages(frame: pd.DataFrame) -> Table | None:
    own, other = frame[frame["metric"] == "accuracy"], frame[frame["metric"] != "accuracy"].set_index("slice")
    if own.empty:
        return None
    shown = own.assign(
        language=own["slice"].str.removeprefix("language="),
        others=own["slice"].map(other["at_100"]) if len(other) else None,
        verdict_others=own["slice"].map(other["verdict"]) if len(other) else None,
    )
    numbers = tuple(Column(key, label, "percent") for key, label in _DOSES)
    last = (Column("others", "Others at 100%", "percent"), Column("verdict_others", "Others stay"))
    return Table(
        "Summaries of one language shuffled: accuracy of that language, and of all others",
        shown,
        (Column("language", "Language"), *numbers, Column("verdict", "Falls"), *last),
    )
