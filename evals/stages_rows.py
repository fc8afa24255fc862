"""The rows of suite "stages": one for every single thing that was graded, rated or answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from clio_core import facets
from clio_core.door import Reply
from clio_core.records import Outcome
from clio_core.runfolder import RunFolder
from evals.stages_asks import Asked, placements
from evals.suite import Context

# What all frames of rows share. `score`: 1 accurate or right, 0 not, missing where the grading failed.
COLUMNS = ["item", "language", "category", "cluster", "outcome", "score", "reason"]
_TEXT = ("item", "language", "category", "cluster", "outcome", "reason", "name", "parent", "question")


@dataclass(frozen=True, slots=True)
class Rows:
    """Frames of rows, each with `COLUMNS`.

    `cluster` is what rows stand or fall together with: the base cluster of a conversation, the parent of a cluster, a
    cluster itself where it is what was judged.

    Attributes:
        summaries: a row a drawn conversation.
        titles: a row a base cluster, with name, members and shown (counts).
        members: a row a shown member; score 1 where it belongs.
        assignments: a row a cluster that has a parent, with level, name and parent (its name).
        parents: a row a parent, with level and name.
        screened: a row a screening question and conversation, with question, truth and answer (1 for yes).
        languages: a row a conversation whose language is known.
        concern: a row a labelled conversation, with label, facet (1 to 5) and sampled (1 where its summary was drawn);
            score 1 where the two agree.
    """

    summaries: pd.DataFrame
    titles: pd.DataFrame
    members: pd.DataFrame
    assignments: pd.DataFrame
    parents: pd.DataFrame
    screened: pd.DataFrame
    languages: pd.DataFrame
    concern: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """The frames by the name of their file."""
        return {f"stages_{f.name}": getattr(self, f.name) for f in fields(self)}


def read(folder: RunFolder) -> Rows:
    """The rows of a finished run, as it wrote them.

    Raises:
        FileNotFoundError: the suite was not measured there.
    """
    frames = {}
    for f in fields(Rows):
        frame = pd.read_csv(folder.tables / f"stages_{f.name}.csv", dtype=str, keep_default_na=False)
        for column in frame.columns.difference(list(_TEXT)):
            frame[column] = pd.to_numeric(frame[column].replace("", None))
        frames[f.name] = frame
    return Rows(**frames)


def pooled(parts: Mapping[str, Rows]) -> Rows:
    """Rows of several data sets together; clusters bear the name of their set, so that none are taken for one."""
    frames = {}
    for f in fields(Rows):
        each = [getattr(rows, f.name) for rows in parts.values()]
        marked = [
            frame.assign(cluster=[f"{name}:{cluster}" for cluster in frame["cluster"]])
            for name, frame in zip(parts, each, strict=True)
        ]
        frames[f.name] = pd.concat(marked, ignore_index=True)
    return Rows(**frames)


def rows_of(context: Context, asked: Asked) -> Rows:
    """Rows out of what was asked and what the run's own facets say."""
    return Rows(
        summaries=_frame(_conversation(context, r.subject) | _graded(r) for r in asked.summaries),
        titles=_titles(context, asked),
        members=_members(context, asked),
        assignments=_assignments(context, asked),
        parents=_parents(context, asked),
        screened=_screened(context, asked),
        languages=_languages(context),
        concern=_concern(context, {r.subject for r in asked.summaries}),
    )


def _frame(rows: Iterable[Mapping[str, Any]], *more: str) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=[*COLUMNS, *more])


def _conversation(context: Context, conversation: str) -> dict[str, Any]:
    known = context.dataset.truth[conversation]
    cluster = context.result.base.members.get(conversation) or f"alone:{conversation}"
    return {"item": conversation, "language": known.language, "category": known.category, "cluster": cluster}


def _graded(reply: Reply[Any]) -> dict[str, Any]:
    verdict: Any = reply.value
    score = None if verdict is None else float(verdict.accurate)
    reason = "" if verdict is None else verdict.reason
    return {"outcome": reply.outcome.value, "score": score, "reason": reason}


def _titles(context: Context, asked: Asked) -> pd.DataFrame:
    clusters = {c.id: c for c in context.result.base.clusters}
    return _frame(
        (
            {
                "item": r.subject,
                "cluster": r.subject,
                "language": "",
                "category": "",
                **_graded(r),
                "name": clusters[r.subject].name,
                "members": clusters[r.subject].conversations,
                "shown": len(asked.shown[r.subject]),
            }
            for r in asked.base
        ),
        "name",
        "members",
        "shown",
    )


def _members(context: Context, asked: Asked) -> pd.DataFrame:
    rows = []
    for reply in asked.base:
        strangers = None if reply.value is None else set(reply.value.strangers)
        for number, conversation in enumerate(asked.shown[reply.subject], 1):
            score = None if strangers is None else float(number not in strangers)
            graded = {"outcome": reply.outcome.value, "score": score, "reason": ""}
            rows.append(_conversation(context, conversation) | graded)
    return _frame(rows)


def _assignments(context: Context, asked: Asked) -> pd.DataFrame:
    placed = {p.cluster.id: p for p in placements(context)}
    levels = {c.id: c.level for level in context.result.levels for c in level}
    return _frame(
        (
            {
                "item": r.subject,
                "language": "",
                "category": "",
                "cluster": placed[r.subject].parent.id,
                **_graded(r),
                "level": levels[r.subject],
                "name": placed[r.subject].cluster.name,
                "parent": placed[r.subject].parent.name,
            }
            for r in asked.assignments
        ),
        "level",
        "name",
        "parent",
    )


def _parents(context: Context, asked: Asked) -> pd.DataFrame:
    clusters = {c.id: c for level in context.result.levels for c in level}
    alone = {"language": "", "category": ""}
    return _frame(
        (
            {"item": r.subject, "cluster": r.subject, **alone, **_graded(r)}
            | {"level": clusters[r.subject].level, "name": clusters[r.subject].name}
            for r in asked.parents
        ),
        "level",
        "name",
    )


def _screened(context: Context, asked: Asked) -> pd.DataFrame:
    rows = []
    for question, (replied, truth) in asked.screened.items():
        for r in replied:
            known = truth[r.subject]
            score = None if r.value is None else float(r.value == known)
            answer = None if r.value is None else float(r.value)
            rows.append(
                _conversation(context, r.subject)
                | {"outcome": r.outcome.value, "score": score, "reason": ""}
                | {"question": question, "truth": float(known), "answer": answer}
            )
    return _frame(rows, "question", "truth", "answer")


def _languages(context: Context) -> pd.DataFrame:
    rows = []
    for value in context.values:
        if value.facet != "language":
            continue
        row = _conversation(context, value.conversation)
        truth = facets.parse_languages(f"<answer>{row['language']}</answer>") or row["language"]
        score = float(value.value == truth) if value.outcome is Outcome.OK else None
        wrong = f"said {value.value}" if score == 0 else ""
        rows.append(row | {"outcome": value.outcome.value, "score": score, "reason": wrong})
    return _frame(rows)


def _concern(context: Context, drawn: set[str]) -> pd.DataFrame:
    rows = []
    for value in context.values:
        label = context.dataset.concern.get(value.conversation)
        if value.facet != "concerning" or label is None:
            continue
        said = float(value.value) if value.outcome is Outcome.OK else None
        score = None if said is None else float(said == label)
        rows.append(
            _conversation(context, value.conversation)
            | {"outcome": value.outcome.value, "score": score, "reason": ""}
            | {"label": label, "facet": said, "sampled": float(value.conversation in drawn)}
        )
    return _frame(rows, "label", "facet", "sampled")
