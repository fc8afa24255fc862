"""Sheets for people who judge what a run made, and what comes of the files that they save."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evals import review_answers, review_items, review_scores
from evals.review_items import Judged, Material, ReviewError
from reports import review_sheet

_QUESTIONS = {
    "summary_accuracy": "Does the summary tell truly what the person wanted?",
    "title_accuracy": "Is the title accurate for these members?",
    "assignment_accuracy": "Is the group in the right place?",
    "parent_title_accuracy": "Is the title accurate for the groups that it holds?",
}
_TITLE = (
    "Yes if somebody who reads the title alone would expect most of it and would not be misled about the rest.",
    "No if it names another subject, only a small part or what is not there, or is too general to say anything.",
    "The kind and degree of harm count, where there is any.",
)
# In the words of the grader's prompts, so that people and grader answer the same question.
_GUIDES = {
    "summaries": (
        "Yes if it is faithful, holds every main request, names the subject, and nothing in it is invented.",
        "A small follow-up question may be missing; one of several separate requests may not.",
        "No faults: English where the conversation is not; no names and places; nothing about the assistant's replies.",
    ),
    "clusters": _TITLE,
    "hierarchy": (
        "A place is right if name and description cover what the group is about, and nowhere else fits clearly better.",
        "Where two places could be defended, the present one is right.",
        *_TITLE,
    ),
}


def write_sheet(
    folder: Path,
    out: Path,
    kind: str,
    *,
    n: int = 100,
    seed: int = 0,
    source: str | None = None,
    allow_sensitive: bool = False,
) -> int:
    """Write a sheet; returns how many things are on it.

    Raises:
        ReviewError: no such sheet can be made of this run, or its data is sensitive and that was not allowed.
        RunFolderError: there is no finished run.
    """
    material = review_items.open_run(folder)
    if material.part.sensitive and not allow_sensitive:
        raise ReviewError(
            f"{folder} was made over data that is declared sensitive, and a sheet holds its texts in the clear; "
            "--allow-sensitive makes it all the same"
        )
    drawn = review_items.draw(review_items.things(material, kind), n, seed)
    if kind == "summaries":
        drawn = review_items.with_transcripts(drawn, review_items.conversations_of(material.part, source))
    out.write_text(review_sheet.render(_sheet(material, kind, drawn, seed)), encoding="utf-8")
    return len(drawn)


def _sheet(material: Material, kind: str, drawn: Sequence[Judged], seed: int) -> dict[str, Any]:
    return {
        "format": review_answers.FORMAT,
        "kind": kind,
        "run": material.hash,
        "seed": seed,
        "guide": list(_GUIDES[kind]),
        "items": [{"id": t.id, "question": _QUESTIONS[t.measure], "blocks": list(t.blocks)} for t in drawn],
    }


def bring_in(folder: Path, files: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """Read saved sheets and write what comes of them into the run as `tables/review_*.csv`.

    Returns:
        "review_rates" and "review_agreement", see `review_scores`.
    Raises:
        ReviewError: a file that is no saved sheet or belongs to another run, or two by one person.
        RunFolderError: there is no finished run.
    """
    material = review_items.open_run(folder)
    sheets = [review_answers.read(file) for file in files]
    said = review_answers.joined(sheets, review_answers.check(sheets, material))
    rates, agreement = [], []
    for measure in (m for m in _QUESTIONS if m in set(said["measure"])):
        part = said[said["measure"] == measure]
        graded = review_items.verdicts(material.part, measure)
        rates.append(review_scores.rates(measure, part, graded))
        agreement.append(review_scores.agreement(measure, part, graded))
    if not rates:
        raise ReviewError(f"not one answer in {[str(file) for file in files]}")
    made = {"review_rates": pd.concat(rates), "review_agreement": pd.concat(agreement)}
    for name, table in made.items():
        table.to_csv(material.part.path / "tables" / f"{name}.csv", index=False)
    return made
