"""The checks of a data set: verdicts and findings, blind labels, lengths, balance, refusals."""

from __future__ import annotations

import functools

import pandas as pd

from reports import data_figures, words
from reports.blocks import Column, Picture, Section, Table
from reports.sections import Run

SUITE = "data"


def section(run: Run) -> Section | None:
    """The section, or None where no data set was checked."""
    checks = run.table("data_checks", text=("check", "limit", "verdict"))
    if checks is None:
        return None
    blocks: list[Table | Picture] = [
        Table(
            "Checks",
            checks,
            (
                Column("check", "check"),
                Column("value", "value", "number"),
                Column("limit", "limit"),
                Column("verdict", "verdict"),
                Column("findings", "findings", "count"),
            ),
            note="A check that was not run is neither passed nor failed; its finding says what it lacks.",
            brief=True,
        )
    ]
    pressing, further = _findings(run)
    blocks += pressing
    for made in (_labels(run), _lengths(run), _cells(run), _refusals(run)):
        blocks += made
    reader = run.manifest.get("models", {}).get("grader", {}).get("name")
    return Section(SUITE, "Checks of the data", _sentences(checks, reader), (*blocks, *further))


def _findings(run: Run) -> tuple[list[Table], list[Table]]:
    """Findings of checks that did not pass, which belong to the top, and those of checks that did."""
    found = run.table("data_findings", text=("check", "verdict", "finding"))
    if found is None:
        return [], []
    columns = (Column("check", "check"), Column("verdict", "verdict"), Column("finding", "finding"))
    pressing, further = found[found["verdict"] != "pass"], found[found["verdict"] == "pass"]
    note = "What these checks found lies within their limits."
    return (
        [Table("Findings", pressing, columns)] if len(pressing) else [],
        [Table("Findings of checks that passed", further, columns, note=note)] if len(further) else [],
    )


def _sentences(checks: pd.DataFrame, reader: str | None) -> tuple[str, ...]:
    by_verdict = {verdict: list(part["check"]) for verdict, part in checks.groupby("verdict")}
    failed, idle = by_verdict.get("FAIL", []), by_verdict.get("not run", [])
    said = [f"Failed: {words.listed(failed, most=20)}." if failed else "No check failed."]
    if idle:
        said.append(f"Not run: {words.listed(idle, most=20)}.")
    if reader is not None and "blind labels" not in idle:
        said.append(f"Blind labels by {reader}.")
    return tuple(said)


def _labels(run: Run) -> list[Table | Picture]:
    agreement = run.table("data_agreement", text=("kind", "slice"))
    pairs = run.table("data_confusion", text=("category", "relabelled", "overlap"))
    if agreement is None or pairs is None:
        return []
    columns = (
        Column("slice", "slice"),
        Column("n", "n", "count"),
        Column("answered", "answered", "count"),
        Column("strict", "the label itself (95%)", "percent", ("strict_low", "strict_high")),
        Column("lenient", "or a documented overlap (95%)", "percent", ("lenient_low", "lenient_high")),
    )
    note = (
        "A model that never saw the label chose one of all categories. Shares are of answered conversations, with "
        "Wilson's interval. Low agreement in one category means labels that are wrong or a border that is not clear; "
        "high agreement means less where the reader is of the same kind as the writer of the texts."
    )
    counts, shares, overlap = (
        _wide(pairs, "category", "relabelled", value) for value in ("conversations", "share", "overlap")
    )
    strayed = pairs[(pairs["conversations"] > 0) & (pairs["category"] != pairs["relabelled"])]
    return [
        Table("Blind labels", agreement, columns, note=note, brief=True),
        Picture(
            f"{SUITE}_confusion",
            "Labels read blindly",
            "A row is a label, a column what a reader who did not know it chose; cells hold conversations, the colour "
            "is the share of the row. Framed cells are readings that the taxonomy allows beside the label. A number "
            "off the diagonal and outside a frame is a label to look at; the reader may be the one who errs.",
            "Heat map of label against blindly chosen category, with a count in each cell. The diagonal stands in the "
            "table of blind labels, all else in the table of labels that strayed.",
            functools.partial(data_figures.confusion, counts, shares, overlap == "yes"),
        ),
        Table(
            "Labels that strayed",
            strayed,
            (
                Column("category", "label"),
                Column("relabelled", "read as"),
                Column("conversations", "conversations", "count"),
                Column("share", "of the label", "percent"),
                Column("overlap", "documented overlap"),
            ),
        ),
    ]


def _lengths(run: Run) -> list[Table | Picture]:
    table = run.table("data_lengths", text=("part", "language"))
    if table is None or not len(table):
        return []
    columns = (
        Column("part", "part"),
        Column("language", "language"),
        Column("n", "n", "count"),
        Column("lower", "lower quartile", "number"),
        Column("median", "median", "number"),
        Column("upper", "upper quartile", "number"),
        Column("factor", "median over that of all", "number"),
    )
    return [
        Picture(
            f"{SUITE}_lengths",
            "Length by language",
            "Dots are medians, bars reach from the lower to the upper quartile, the dashed line is the median of all "
            "languages. Languages that join words need fewer of them; two characters count as a word where there are "
            "no spaces. Only a median at half or twice the dashed line would speak of other conversations.",
            "Dot plot of the median length with quartiles for each language, one panel for first messages and one for "
            "whole conversations. The numbers stand in the table of lengths.",
            functools.partial(data_figures.lengths, table),
        ),
        Table("Lengths in words", table, columns),
    ]


def _cells(run: Run) -> list[Table | Picture]:
    table = run.table("data_cells", text=("category", "language"))
    if table is None or not len(table):
        return []
    counts, shares = (_wide(table, "category", "language", value) for value in ("conversations", "share"))
    wide = counts.reset_index()
    columns = (Column("category", "category"), *(Column(str(name), str(name), "count") for name in counts.columns))
    return [
        Picture(
            f"{SUITE}_cells",
            "Balance",
            "Conversations of each category in each language; the colour is relative to the largest cell. One even "
            "colour is what is wanted: a pale cell would make a language look bad at a category that it hardly has.",
            "Heat map of category against language with the number of conversations in each cell. The numbers stand in "
            "the table below it.",
            functools.partial(data_figures.cells, counts, shares),
        ),
        Table("Conversations by category and language", wide, columns),
    ]


def _refusals(run: Run) -> list[Table | Picture]:
    table = run.table("data_refusals", text=("category",))
    if table is None or not len(table):
        return []
    columns = (
        Column("category", "category"),
        Column("conversations", "conversations", "count"),
        Column("declined", "declined", "count"),
        Column("share", "share", "percent"),
    )
    listed = Table("Refusals by category", table, columns)
    if not table["declined"].any():
        return [listed]  # a picture of nothing but empty rows shows nothing
    return [
        Picture(
            f"{SUITE}_refusals",
            "First answers that decline",
            "Bars are shares, the numbers beside them conversations. Only known phrases are counted, so every bar is "
            "a lower bound. In ordinary categories refusals are faults of the data; in concerning ones they are "
            "answers.",
            "Bar chart of the share of first answers that decline, by category. The numbers stand in the table below.",
            functools.partial(data_figures.refusals, table),
        ),
        listed,
    ]


def _wide(table: pd.DataFrame, index: str, columns: str, values: str) -> pd.DataFrame:
    """The long table as a matrix, rows and columns in the order in which they occur."""
    wide = table.pivot_table(index=index, columns=columns, values=values, aggfunc="first", sort=False)
    return wide.loc[list(dict.fromkeys(table[index])), list(dict.fromkeys(table[columns]))]
