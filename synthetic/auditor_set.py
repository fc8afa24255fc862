"""The fixed set that the privacy auditor is measured on: invented names and descriptions of clusters, with labels.

Half of it holds something private and half does not. Rows that share a `pair` are minimal twins: the same cluster
once with and once without the private detail. `hard_negative` rows only look private (public figures, sensitive
subjects in general terms); `hard_positive` rows give somebody away without any name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from clio_core.records import digest
from synthetic.datasets import HOME, DatasetError

FILE = HOME / "data" / "auditor.jsonl"
KINDS = ("person", "organisation", "address", "contact", "number", "date", "online", "circumstances")
SCRIPTS = ("latin", "cyrillic", "han", "kana", "arabic", "devanagari", "armenian", "georgian", "none")
HARD = ("", "hard_negative", "hard_positive")
ACCEPTABLE = 3  # a rating below it means private (Table 6)


class AuditorSetError(DatasetError):
    """A file that is no auditor set, with the line and field that are wrong."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One name and description with what a careful reader says about it.

    Attributes:
        id: unique.
        name, description: of an invented cluster.
        private: whether it may not be published.
        rating: 1 to 5 on the scale of Table 6; below 3 exactly where it is private.
        kind: of the private detail, one of `KINDS`; "" where there is none.
        script: in which the private detail is written, one of `SCRIPTS`; "none" for figures and circumstances.
        pair: shared by the two twins of a minimal pair; "" for a row that has none.
        hard: one of `HARD`.
        subject: what the cluster is about.
    """

    id: str
    name: str
    description: str
    private: bool
    rating: int
    kind: str
    script: str
    pair: str
    hard: str
    subject: str

    @property
    def content(self) -> str:
        """What the auditor reads: the same form as in the pipeline."""
        return f"{self.name}: {self.description}"


@dataclass(frozen=True, slots=True)
class AuditorSet:
    """The rows in the order of their file, and the hash of all that is in them."""

    rows: tuple[Judged, ...]
    hash: str


def read(file: Path = FILE) -> AuditorSet:
    """Read and check the set.

    Raises:
        AuditorSetError: no such file, or a row that breaks one of the rules above; the message has file and line.
    """
    if not file.exists():
        raise AuditorSetError(f"there is no auditor set at {file}")
    rows: list[Judged] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            rows.append(_row(line, f"{file}:{number}"))
    _check_together(rows, file)
    return AuditorSet(tuple(rows), digest(*(repr(row) for row in rows)))


def _row(line: str, place: str) -> Judged:
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise AuditorSetError(f"{place}: not JSON ({error})") from error
    wanted = {f.name for f in fields(Judged)}
    if not isinstance(data, dict) or set(data) != wanted:
        got = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise AuditorSetError(f"{place}: wanted the fields {sorted(wanted)}, got {got}")
    if problem := _problem(data):
        raise AuditorSetError(f"{place}, row {data['id']!r}: {problem}")
    return Judged(**data)


def _problem(data: Mapping[str, Any]) -> str:
    """What is wrong with a row by itself; "" for nothing."""
    for name in ("id", "name", "description", "kind", "script", "pair", "hard", "subject"):
        if not isinstance(data[name], str):
            return f"{name} must be text, got {data[name]!r}"
    if empty := [name for name in ("id", "name", "description") if not data[name].strip()]:
        return f"{empty} must not be empty"
    rating, private = data["rating"], data["private"]
    if not isinstance(private, bool):
        return f"private must be true or false, got {private!r}"
    if isinstance(rating, bool) or not isinstance(rating, int) or not 1 <= rating <= 5:
        return f"rating must be a whole number from 1 to 5, got {rating!r}"
    if private != (rating < ACCEPTABLE):
        return f"a private row is rated under {ACCEPTABLE} and no other is, got private {private} and rating {rating}"
    if data["kind"] not in (KINDS if private else ("",)):
        return f"kind must be one of {list(KINDS)} where private, else empty, got {data['kind']!r}"
    if data["script"] not in SCRIPTS:
        return f"script must be one of {list(SCRIPTS)}, got {data['script']!r}"
    if data["hard"] not in HARD or data["hard"] == ("hard_negative" if private else "hard_positive"):
        return f"hard must be {'hard_positive' if private else 'hard_negative'} or empty, got {data['hard']!r}"
    return ""


def _check_together(rows: list[Judged], file: Path) -> None:
    """Ids and texts occur once; a pair is one private and one clean row; both kinds of rows are there."""
    for what, values in (("id", [row.id for row in rows]), ("text", [row.content for row in rows])):
        if twice := [value for value, count in Counter(values).items() if count > 1]:
            raise AuditorSetError(f"{file}: each {what} must occur once, these occur more often: {twice[:3]}")
    pairs: dict[str, list[Judged]] = {}
    for row in rows:
        if row.pair:
            pairs.setdefault(row.pair, []).append(row)
    for name, twins in pairs.items():
        if sorted(twin.private for twin in twins) != [False, True]:
            got = {twin.id: twin.private for twin in twins}
            raise AuditorSetError(f"{file}: pair {name!r} must be one private and one other row, got {got}")
    if {row.private for row in rows} != {False, True}:
        raise AuditorSetError(f"{file}: wanted both private and other rows, got {len(rows)} of one sort")
