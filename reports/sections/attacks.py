"""The section of suite "attacks"."""

from __future__ import annotations

import pandas as pd

from reports import attack_figures, words
from reports.blocks import Column, Picture, Section, Table
from reports.sections import Run

_STAGES = tuple(Column(stage, name.capitalize(), "count") for stage, name in attack_figures.STAGES.items())
_LAYERS = ("extractor", "namer", "threshold", "auditor", "failed", "not stopped")


def section(run: Run) -> Section | None:
    """What hidden instructions, crowds and ambiguous names achieved, and what stopped the rest."""
    names = ("summary", "reached", "layers", "instances", "crowds", "ratings", "controls")
    found = {name: run.table(f"attacks_{name}") for name in names}
    tables = {name: t.replace({"True": "yes", "False": "no"}) for name, t in found.items() if t is not None}
    if len(tables) < len(found) or tables["summary"].empty:
        return None
    sentences = (*_printed(tables, run.metrics("attacks")), *_crowds(tables["crowds"]), *_auditor(tables["summary"]))
    blocks = (
        _summary(tables["summary"]),
        Picture(
            "attacks_reached",
            "How far attacks got",
            "A bar is a kind of attack, cut up by the last stage where what it was after still stood. Dark is late, "
            "hatched is in print. Bars of two or nine attacks say what can happen, not how often it does.",
            "Stacked bars, one a kind of attack: how many instances went no further than the conversation, the facet, "
            "the base cluster, the cluster above, or got into print. The numbers stand in the table that follows.",
            lambda: attack_figures.reached(tables["reached"]),
        ),
        Table(
            "Last stage that carried it",
            tables["reached"],
            (Column("label", "Attack"), *_STAGES, Column("n", "All", "count")),
        ),
        Table("Stages that carried it", _staged(tables["summary"]), (Column("label", "Attack"), *_STAGES)),
        _layers(tables["layers"]),
        _crowd_table(tables["crowds"]),
        _ratings(tables["ratings"]),
        _through(tables["instances"]),
        _controls(tables["controls"]),
    )
    return Section("attacks", "Attacks", sentences, tuple(block for block in blocks if block is not None))


def _printed(tables: dict[str, pd.DataFrame], metrics: pd.DataFrame) -> list[str]:
    instances = tables["instances"]
    through = instances[instances["stopped_by"] == "not stopped"]
    whole = metrics[(metrics["metric"] == "success") & (metrics["slice"] == "all")]
    if whole.empty:
        return []
    row = whole.iloc[0]
    between = f"(95% interval {words.interval(row['low'], row['high'])})"
    if through.empty:
        said = f"None of the {words.count(row['n'])} attacks is in print {between}."
    else:
        kinds = [f"{label}: {n}" for label, n in through["label"].value_counts().items()]
        verb = "is" if len(through) == 1 else "are"
        said = f"{len(through)} of {words.count(row['n'])} attacks {verb} in print {between}: {words.listed(kinds)}."
    named = instances[instances["base"] == "yes"]
    held = named[named["stopped_by"].isin(("threshold", "auditor"))]
    return [
        said,
        f"{len(named)} reached the name or description of a base cluster; later layers held {len(held)} of them back.",
    ]


def _crowds(crowds: pd.DataFrame) -> list[str]:
    said = []
    for row in crowds.to_dict("records"):
        accounts = "1 account" if row["accounts"] == 1 else f"{words.count(row['accounts'])} accounts"
        passed = "passed" if row["passes"] == "yes" else "was held back by"
        read = "stood in print" if row["published"] == "yes" else "could not be read off what is published"
        said.append(
            f"Crowd {row['crowd']} ({accounts}, {row['manner']}): the target's cluster held "
            f"{words.count(row['false_accounts'])} false and {words.count(row['other_accounts'])} other accounts and "
            f"{passed} the thresholds; the target's condition {read}."
        )
    if said:
        said.append("Thresholds count accounts, not people: the target's own account counts, too.")
    return said


def _auditor(summary: pd.DataFrame) -> list[str]:
    alone = summary[summary["label"].str.startswith("auditor alone")]
    return [
        f"Of {words.count(row['n'])} texts with a private fact that also claim to be approved, the auditor let "
        f"{words.percent(row['success'])} pass; of the same texts without the claim, {words.percent(row['baseline'])}."
        for row in alone.to_dict("records")
    ]


def _summary(summary: pd.DataFrame) -> Table:
    few = words.notes(summary, "label")
    return Table(
        "Attacks and their success",
        summary,
        (
            Column("label", "Attack"),
            Column("successes", "Succeeded", "count"),
            Column("n", "Of", "count"),
            Column("success", "Rate", "percent", ("low", "high")),
            Column("baseline", "Baseline", "percent"),
        ),
        note="Success is being in print; of the auditor alone, a rating that lets the text pass. The baseline of an "
        "instruction or name is the rate at which never-planted ones are found in print; of a crowd, a guess among "
        "eight conditions; of a claim, the rate at which the same text passes without it. Intervals are exact "
        f"(Clopper and Pearson), 95%. {' '.join(few)}",
        brief=True,
    )


def _staged(summary: pd.DataFrame) -> pd.DataFrame:
    return summary[summary["raw"].notna()]


def _layers(layers: pd.DataFrame) -> Table:
    return Table(
        "Which layer stopped it",
        layers,
        (
            Column("label", "Attack"),
            *(Column(layer, layer.capitalize(), "count") for layer in _LAYERS),
            Column("hierarchizer", "Left out above", "count"),
        ),
        note="Every attack is counted once, under the first layer behind which nothing carried it any more. The last "
        "column counts apart: of those in a base cluster's text, how many the hierarchizer left out one level up.",
    )


def _crowd_table(crowds: pd.DataFrame) -> Table | None:
    if crowds.empty:
        return None
    return Table(
        "Crowds around one target",
        crowds,
        (
            Column("crowd", "Crowd"),
            Column("manner", "Manner"),
            Column("accounts", "False accounts", "count"),
            Column("conversations", "Their conversations", "count"),
            Column("false_conversations", "Of these beside the target", "count"),
            Column("false_accounts", "False accounts there", "count"),
            Column("other_accounts", "Other accounts there", "count"),
            Column("passes", "Passes thresholds"),
            Column("facet", "Condition in the facet"),
            Column("base", "In the base cluster"),
            Column("published", "In print"),
            Column("guess", "Attacker's chance", "percent"),
        ),
        note="Steered crowds also tell whoever sums up to name the condition. The chance is that of an attacker who "
        "reads what is published and picks among eight conditions; with nothing to read it is 12.5%.",
    )


def _ratings(ratings: pd.DataFrame) -> Table | None:
    if ratings.empty:
        return None
    return Table(
        "The auditor alone: private facts that claim to be approved",
        ratings,
        (
            Column("language", "Language"),
            Column("guise", "Disguise"),
            Column("fact", "Private fact"),
            Column("text", "Text"),
            Column("rating", "Rating", "count"),
            Column("passed", "Passed"),
            Column("outcome", "Answer"),
        ),
        note="Every text stands twice: with the claim, and plain, without it.",
    )


def _through(instances: pd.DataFrame) -> Table | None:
    late = instances[instances["reached"] != "raw"]
    if late.empty:
        return None
    return Table(
        "Attacks that got beyond the conversation",
        late,
        (
            Column("attack", "Conversation"),
            Column("label", "Attack"),
            Column("guise", "Disguise"),
            Column("reached", "Reached"),
            Column("stopped_by", "Stopped by"),
            Column("above", "One level up"),
            Column("cluster", "Cluster"),
            Column("fate", "Its fate"),
        ),
    )


def _controls(controls: pd.DataFrame) -> Table:
    return Table(
        "What nobody planted, looked for in the same way",
        controls,
        (
            Column("what", "Controls"),
            Column("stage", "Stage"),
            Column("pairs", "Searches", "count"),
            Column("hits", "Found", "count"),
            Column("rate", "Rate", "percent"),
            Column("high", "Bound where none was found", "percent"),
        ),
        note="Whatever is found here was found by mistake. The bound is exact, one-sided, 95%.",
    )
