"""The sections of a comparison. They read its tables and compute nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from reports import comparison_figures, words
from reports.blocks import Column, Diff, Kind, Picture, Section, Table, written
from reports.comparison_data import SIDES, Comparison
from reports.comparison_diagnosis import clusters, flips
from reports.comparison_words import APART, ESTIMATED, PAIRED, headline_of, kinds, named, of_metric, unmoved

_LEVEL = 0.05


def changes(comparison: Comparison) -> Section:
    """What the runs were made with, where that differs."""
    frame = comparison.tables["changes"]
    same = [p["name"] for p in comparison.about["prompts"] if p["same_version"]]
    said = ["Everything else is the same: data, settings, models, prompts, packages and commit."]
    if frame.empty:
        said = ["Data, settings, models, prompts, packages and commit are the same in both runs."]
    if same:
        said.append(f"The text of {words.listed(same)} changed under the same version; raise it.")
    frame = frame.assign(what=[f"{kind}: {name}" for kind, name in zip(frame["kind"], frame["name"], strict=True)])
    columns: tuple[Column, ...] = (Column("what", "What"), Column("base", "Base"), Column("candidate", "Candidate"))
    several = len(comparison.about["parts"]) > 1
    columns = (*columns, Column("dataset", "Data set")) if several else columns
    more = (Column("note", "Note"),)
    shown: list[Table | Picture | Diff] = (
        [] if frame.empty else [Table("Changes", frame, columns, brief=True, more=more)]
    )
    shown += [Diff(f"{p['name']}: {p['told']}", p["diff"]) for p in comparison.about["prompts"]]
    return Section("changes", "What changed between the runs", tuple(said), tuple(shown))


def _metrics(comparison: Comparison, part: dict[str, Any]) -> Section:
    frame = comparison.of("metrics", part["dataset"])
    frame["metric"] = [f"{suite}: {named(m)}" for suite, m in zip(frame["suite"], frame["metric"], strict=True)]
    shares = [kinds(row)[0] == "percent" for row in frame.to_dict("records")]
    share, whole = pd.Series(shares, index=frame.index, dtype=bool), frame["slice"] == "all"
    # Languages and categories have sections of their own.
    grouped = ~whole & ~frame["slice"].str.startswith(("language=", "category="))
    ranged = frame["low"].notna()
    tables = [
        _differences("Metrics", frame[share & whole], ("percent", "points"), brief=True),
        _differences("Means over seeds", frame[~share & ranged & whole], ("decimal", "change"), brief=True),
        _differences("Without an interval", frame[~share & ~ranged & whole], ("decimal", "change")),
        _differences("By group", frame[share & grouped], ("percent", "points"), sliced=True),
    ]
    return Section("metrics", "Metrics", (PAIRED,), tuple(table for table in tables if len(table.frame)))


def _differences(
    caption: str, frame: pd.DataFrame, how: tuple[Kind, Kind], *, brief: bool = False, sliced: bool = False
) -> Table:
    columns = (
        Column("metric", "Metric"),
        *((Column("slice", "Slice", "word"),) if sliced else ()),
        Column("base", "Base", how[0]),
        Column("candidate", "Candidate", how[0]),
        Column("difference", "Difference (95%)", how[1], ("low", "high")),
    )
    more = (Column("n", "n", "count"), Column("method", "Method"), Column("note", "Note"))
    return Table(caption, frame.reset_index(drop=True), columns, brief=brief, more=more)


def _languages(comparison: Comparison, part: dict[str, Any]) -> Section | None:
    if part["headline"] is None:
        return None
    everything = comparison.of("languages", part["dataset"])
    frame = of_metric(everything, part)
    if frame.empty:
        return None
    row = headline_of(comparison, part)
    if unmoved(row) and not (everything["gained"] + everything["lost"]).any():
        return Section("languages", "Languages", ("No score changed in any language.",))
    name, (kind, change) = named(row["metric"]), kinds(row)
    blocked = everything[everything["p_holm"] < _LEVEL]
    reported = everything[(everything["p_bh"] < _LEVEL) & ~(everything["p_holm"] < _LEVEL)]
    said = [f"Set apart from the other languages (Holm, 5%): {_named_apart(blocked)}."]
    if len(reported):
        said.append(f"To be looked at (Benjamini-Hochberg, 5%): {_named_apart(reported)}.")
    said.append(APART)
    picture = Picture(
        "languages",
        f"Difference in {name} by language",
        "Dots are the candidate minus the base, lines their 95% intervals; the dashed line is the difference over all. "
        "A red diamond marks a language that moved otherwise than the rest (Holm, 5%). A line that misses zero is not "
        "enough: among fifteen languages one or so does by chance alone.",
        "Forest plot: the difference of each language with its interval, a line at zero and one at the difference over "
        "all. The numbers stand in the table of languages.",
        lambda: comparison_figures.languages(frame, float(row["difference"]), name, share=kind == "percent"),
    )
    short = (
        Column("language", "Language"),
        Column("base", "Base", kind),
        Column("candidate", "Cand.", kind),
        Column("difference", "Difference (95%)", change, ("low", "high")),
        Column("p_holm", "Holm p", "p"),
    )
    more = (
        Column("p_bh", "BH p", "p"),
        Column("apart", "Beyond the others (95%)", change, ("apart_low", "apart_high")),
        Column("gained", "Gained", "count"),
        Column("lost", "Lost", "count"),
        Column("n", "n", "count"),
        Column("clusters", "Clusters", "count"),
    )
    return Section(
        "languages", "Languages", tuple(said), (picture, Table("Languages", frame, short, brief=True, more=more))
    )


def _named_apart(rows: pd.DataFrame) -> str:
    names = [
        f"{r['language']} in {named(r['metric'])} ({written(r['difference'], kinds(r)[1])}; the others differ by "
        f"{written(r['others'], kinds(r)[1])})"
        for r in rows.to_dict("records")
    ]
    return words.listed(names, most=9) if names else "none, in any metric"


def _usage(comparison: Comparison, part: dict[str, Any]) -> Section | None:
    frame = comparison.of("usage", part["dataset"])
    if frame.empty:
        return None
    total = frame[frame["stage"] == "all"].iloc[0]
    lines: dict[str, tuple[str, Kind, Kind]] = {
        "calls": ("calls", "count", "more"),
        "asked": ("of them really asked", "count", "more"),
        "input_tokens": ("tokens in", "count", "more"),
        "output_tokens": ("tokens out", "count", "more"),
        "dollars": ("dollars", "dollars", "dollars"),
        "seconds": ("seconds, summed over calls", "count", "more"),
    }
    rows = [
        {
            "what": label,
            **{side: written(total[f"{name}_{side}"], kind) for side in SIDES},
            "more": written(total[f"{name}_more"], more),
        }
        for name, (label, kind, more) in lines.items()
    ]
    brief = Table(
        "Cost of both runs",
        pd.DataFrame(rows),
        (
            Column("what", "All stages"),
            Column("base", "Base"),
            Column("candidate", "Cand."),
            Column("more", "Difference"),
        ),
        brief=True,
    )
    stages = Table(
        "Cost by stage",
        frame,
        (
            Column("stage", "Stage"),
            *(
                column
                for name, (label, kind, more) in lines.items()
                if name not in ("asked", "seconds")
                for column in (
                    Column(f"{name}_base", label.capitalize(), kind),
                    Column(f"{name}_candidate", "Candidate", kind),
                    Column(f"{name}_more", "Difference", more),
                )
            ),
            Column("seconds_a_call_base", "Seconds a call", "number"),
            Column("seconds_a_call_candidate", "Candidate", "number"),
        ),
    )
    said = [
        f"Dollars are by the list prices of {comparison.about['prices_of']}, without discounts of caches and batches; "
        "recordings and local/extractive cost nothing. Answers that were taken over count as if they had been asked."
    ]
    if part["estimated_tokens"]:
        said.append(ESTIMATED)
    return Section("usage", "Cost and time", tuple(said), (brief, stages))


SECTIONS: tuple[Callable[[Comparison, dict[str, Any]], Section | None], ...] = (
    _metrics,
    _languages,
    flips,
    clusters,
    _usage,
)
