"""Files of answers that people saved from their sheets: read, checked against the run, and joined with the grader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evals import review_items
from evals.review_items import Judged, Material, ReviewError

FORMAT = 1
RESERVED = ("grader", "grader, corrected", "people together")  # who else stands in the tables beside people
_ANSWERS = {"yes": 1.0, "no": 0.0, "unsure": None}
_FIELDS = {"format", "kind", "run", "reviewer", "saved", "answers"}


@dataclass(frozen=True, slots=True)
class Answers:
    """One person's saved sheet.

    Attributes:
        file: where it was read.
        kind: of the sheet.
        run: hash of the run that it was made from.
        reviewer: as the person wrote it, without spaces around.
        given: answer by id: 1 accurate or right, 0 not, None unsure.
    """

    file: Path
    kind: str
    run: str
    reviewer: str
    given: dict[str, float | None]


def read(file: Path) -> Answers:
    """One saved file.

    Raises:
        ReviewError: it is not there, or not what a sheet saves.
    """
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReviewError(f"{file} is not there") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReviewError(f"{file} is no file that a sheet saved: {error}") from error
    if not isinstance(data, dict) or set(data) != _FIELDS or data["format"] != FORMAT:
        got = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise ReviewError(f"{file}: wanted format {FORMAT} with the fields {sorted(_FIELDS)}, got {got}")
    given, reviewer = data["answers"], str(data["reviewer"]).strip()
    if not isinstance(given, dict) or (wrong := sorted({str(a) for a in given.values()} - set(_ANSWERS))):
        raise ReviewError(f"{file}: each answer must be one of {list(_ANSWERS)}, got {wrong if given else given!r}")
    if not reviewer or reviewer.casefold() in RESERVED:
        raise ReviewError(f"{file}: 'reviewer' must be a name, and none of {sorted(RESERVED)}; got {reviewer!r}")
    return Answers(file, str(data["kind"]), str(data["run"]), reviewer, {i: _ANSWERS[a] for i, a in given.items()})


def check(sheets: Sequence[Answers], material: Material) -> dict[str, Judged]:
    """Hold saved sheets against the run; everything that they could speak of, by id.

    Raises:
        ReviewError: a sheet of another run, an answer about something that the run does not have, or two files of one
            kind by the same person.
    """
    known: dict[str, Judged] = {}
    seen: dict[tuple[str, str], Path] = {}
    for sheet in sheets:
        if sheet.run != material.hash:
            raise ReviewError(
                f"{sheet.file} belongs to another run: it was made from {sheet.run}, {material.part.path} is "
                f"{material.hash}. A run whose summaries or clusters changed needs a new sheet"
            )
        pool = {thing.id: thing for thing in review_items.things(material, sheet.kind)}
        if unknown := sorted(set(sheet.given) - set(pool)):
            raise ReviewError(f"{sheet.file} speaks of {len(unknown)} items that the run does not have: {unknown[:3]}")
        who = (sheet.kind, sheet.reviewer.casefold())
        if who in seen:
            raise ReviewError(
                f"{seen[who]} and {sheet.file} are both by {sheet.reviewer!r}; agreement is between people, so take one"
            )
        seen[who] = sheet.file
        known |= pool
    return known


def joined(sheets: Sequence[Answers], known: dict[str, Judged]) -> pd.DataFrame:
    """A row an answer: measure, key, cluster, who, said (1, 0, or missing where unsure)."""
    rows = [
        {
            "measure": known[item].measure,
            "key": known[item].key,
            "cluster": known[item].cluster,
            "who": sheet.reviewer,
            "said": said,
        }
        for sheet in sheets
        for item, said in sheet.given.items()
    ]
    frame = pd.DataFrame(rows, columns=["measure", "key", "cluster", "who", "said"])
    return frame.assign(said=frame["said"].astype(float))
