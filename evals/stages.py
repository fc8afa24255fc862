"""Suite "stages": each stage by itself, against a grader and against known answers (paper C.1, Table 4).

A grader reads summaries, base clusters and the hierarchy and says what is accurate; the screener, the language facet
and the concern facet are held against what the data says. `combine` puts the data sets of a session together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from clio_core.runfolder import RunFolder
from evals import stages_asks, stages_rows, stages_scores
from evals.stages_rows import Rows
from evals.suite import Context, Measured, item, metric


async def measure(context: Context) -> Measured:
    """Ask the grader and the screener, and score what they and the run's own facets say.

    Raises:
        UnrecordedError: after all was asked, so that one pending file holds everything that is missing.
    """
    rows = stages_rows.rows_of(context, await stages_asks.ask(context))
    return Measured(tables(rows, context.dataset.name), metrics(rows, context.dataset.name), items(rows))


def tables(rows: Rows, dataset: str) -> dict[str, pd.DataFrame]:
    """All tables of the suite by the name of their file."""
    return {
        **rows.tables(),
        "stages_components": stages_scores.components(rows, dataset),
        "stages_by_language": stages_scores.by_language(rows),
        "stages_questions": stages_scores.by_question(rows),
        "stages_concern_counts": stages_scores.concern_counts(rows.concern),
        "stages_objections": stages_scores.objections(rows),
    }


def metrics(rows: Rows, dataset: str) -> list[dict[str, Any]]:
    """Rows of `metrics.csv`: every component over all, and by question and language where that says something."""
    found = [_metric(row["component"], row) for row in stages_scores.components(rows, dataset).to_dict("records")]
    for row in stages_scores.by_question(rows).to_dict("records"):
        name = "screener_sensitivity" if row["truth"] == "yes" else "screener_specificity"
        found.append(_metric(name, row, f"question={row['question']}"))
    for row in stages_scores.by_language(rows).to_dict("records"):
        found.append(_metric(row["component"], row, f"language={row['language']}"))
    return found


def _metric(name: str, row: Mapping[Any, Any], where: str = "all") -> dict[str, Any]:
    note = "; ".join(part for part in (row["note"], f"{row['failed']} failed" if row["failed"] else "") if part)
    ends = (row["low"], row["high"])
    place = {"where": where, "n": row["n"], "clusters": row["clusters"], "paper": row.get("paper"), "note": note}
    return metric(name, row["value"], ends=ends, **place)


def items(rows: Rows) -> list[dict[str, Any]]:
    """Scored conversations. Clusters are none: two runs share no clusters, so there is nothing to pair."""
    frames = {
        "summary_accuracy": rows.summaries,
        "members_not_belonging": rows.members.assign(score=1 - rows.members["score"].astype(float)),
        "language_accuracy": rows.languages,
        "screener_accuracy": rows.screened,
        "concern_agreement": rows.concern,
    }
    return [
        item(
            name,
            row["item"],
            None if pd.isna(row["score"]) else float(row["score"]),
            language=row["language"],
            category=row["category"],
            cluster=row["cluster"],
            group=f"question={row['question']}" if "question" in row else "",
        )
        for name, frame in frames.items()
        for row in frame.to_dict("records")
    ]


def combine(parts: Mapping[str, RunFolder]) -> Measured | None:
    """The data sets of a session together, as Table 4 has them: combined, and each by itself.

    For concern only the conversations whose summaries were drawn count, as in the paper: the everyday set is larger
    than the other, and all of its labels are 1.

    Args:
        parts: finished runs that this suite was measured on, by the name of their data set.
    Returns:
        tables and metrics of the whole; None where there is only one.
    """
    return combined({name: stages_rows.read(folder) for name, folder in parts.items()}) if len(parts) > 1 else None


def combined(read: Mapping[str, Rows]) -> Measured:
    """Tables and metrics of several data sets' rows, see `combine`."""
    rows = stages_rows.pooled(read)
    drawn = rows.concern[rows.concern["sampled"] == 1]
    whole = replace(rows, concern=drawn)
    each = [stages_scores.components(part, name) for name, part in read.items()]
    components = pd.concat([stages_scores.components(whole, "combined"), *each], ignore_index=True)
    found = {
        "stages_table4": table4(components),
        "stages_combined": components,
        "stages_combined_languages": stages_scores.by_language(whole),
        "stages_combined_questions": stages_scores.by_question(whole),
        "stages_combined_concern": stages_scores.concern_counts(drawn),
    }
    return Measured(found, metrics(whole, "combined"))


def table4(components: pd.DataFrame) -> pd.DataFrame:
    """A row a component, and for each set a column with its value and one with the paper's (NAME, NAME_paper)."""
    wide = pd.DataFrame({"component": list(dict.fromkeys(components["component"]))})
    for name, part in components.groupby("set", sort=False):
        values = part.set_index("component")
        wide[str(name)] = wide["component"].map(values["value"])
        wide[f"{name}_paper"] = wide["component"].map(values["paper"])
    return wide
