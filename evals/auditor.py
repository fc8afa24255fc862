"""Suite "auditor": can the privacy auditor be trusted (paper D.1)?

The fixed set of labelled names and descriptions goes through the pipeline's own audit prompt. Accuracy alone hides that
98% on both sides still means a 2% floor of false alarms, so sensitivity and specificity stand apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from clio_core import auditor
from clio_core.pipeline import Tools
from evals import auditor_scores, paper
from evals.suite import Measured, item, metric
from synthetic import auditor_set
from synthetic.auditor_set import Judged

STAGE = "rate:set"


async def rate(rows: Sequence[Judged], tools: Tools) -> pd.DataFrame:
    """Rate every row as the pipeline's audit would.

    Returns:
        a row a row of the set: its labels, `given` (None where no rating could be read) and `outcome`. No texts.
    Raises:
        UnrecordedError: the recording lacks ratings.
    """
    contents = {row.id: row.content for row in rows}
    replies = await auditor.audit(contents, tools.door, stage=STAGE, prompts=tools.prompts)
    outcomes = [reply.outcome.value for reply in replies]
    return unrated(rows).assign(given=pd.array([r.value for r in replies], dtype="Int64"), outcome=outcomes)


def unrated(rows: Sequence[Judged]) -> pd.DataFrame:
    """A row a row of the set, as `rate` returns them, before anybody has rated it."""
    listed = [
        {
            "id": row.id,
            "private": row.private,
            "rating": row.rating,
            "given": None,
            "kind": row.kind,
            "script": row.script,
            "hard": row.hard,
            "pair": row.pair,
            "outcome": "",
        }
        for row in rows
    ]
    return pd.DataFrame(listed).astype({"given": "Int64"})


async def measure(tools: Tools) -> Measured:
    """Rate the set and score the ratings.

    Raises:
        AuditorSetError: the set is missing or faulty.
        UnrecordedError: the recording lacks ratings.
    """
    judged = auditor_set.read()
    return score(await rate(judged.rows, tools), judged.hash)


def score(rows: pd.DataFrame, hash_: str) -> Measured:
    """Tables, metrics and items of a rated set.

    Args:
        rows: as `rate` makes them.
        hash_: content hash of the set.
    """
    summary, slices = auditor_scores.summary(rows), auditor_scores.slices(rows)
    known = paper.auditor_accuracy()
    summary["paper"] = [known if name == "accuracy" else None for name in summary["metric"]]
    tables = {
        "auditor_rows": rows,
        "auditor_summary": summary,
        "auditor_slices": slices,
        "auditor_confusion": auditor_scores.confusion(rows).rename_axis("label").reset_index(),
    }
    return Measured(tables, _metrics(summary, slices), items(rows), hash_)


def _metrics(summary: pd.DataFrame, slices: pd.DataFrame) -> list[dict[str, Any]]:
    made = [
        metric(
            row["metric"],
            row["value"],
            ends=(row["low"], row["high"]),
            n=row["n"],
            paper=row["paper"],
            note=row["note"],
        )
        for row in summary.to_dict("records")
    ]
    for row in slices.to_dict("records"):
        where, ends = f"{row['by']}={row['slice']}", (row["low"], row["high"])
        made.append(metric(row["metric"], row["value"], where=where, ends=ends, n=row["n"], note=row["note"]))
    return made


def items(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """A scored item a row: right or wrong side of the line. Twins stand or fall together."""
    return [
        item(
            "accuracy",
            row["id"],
            None if pd.isna(row["given"]) else float((row["given"] < auditor.ACCEPTABLE) == row["private"]),
            cluster=row["pair"] or row["id"],
            group=f"kind={row['kind'] or 'none'}",
        )
        for row in rows.to_dict("records")
    ]
