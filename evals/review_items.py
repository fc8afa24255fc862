"""What people can be asked to judge of a finished run, blind: no grader's verdict, no label, no telling id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from clio_core import loaders
from clio_core.records import Conversation, digest
from clio_core.runfolder import RunFolder
from evals import stages_draws
from evals.runs import Part, load
from synthetic import datasets

KINDS = ("summaries", "clusters", "hierarchy")


class ReviewError(ValueError):
    """A sheet that cannot be made, or a file of answers that does not fit the run."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One thing to judge.

    Attributes:
        id: says nothing of what it is; the sheet and its answers carry no other.
        measure: metric of suite "stages" that it counts for.
        key: the conversation or cluster.
        cluster: what it stands or falls together with, as in suite "stages".
        blocks: what is shown: {"heading", "text"}, {"heading", "list"} or {"heading", "turns"}.
    """

    id: str
    measure: str
    key: str
    cluster: str
    blocks: tuple[dict[str, Any], ...] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Material:
    """What a finished run holds that can be judged.

    Attributes:
        part: the run.
        hash: content key of its data, summaries and clusters: of all that a sheet can show.
        summaries: the clustered facet by conversation.
        home: base cluster by conversation, None where there is none.
        clusters: a row a cluster of any level: cluster, level, parent ("" for none), name, description.
    """

    part: Part
    hash: str
    summaries: dict[str, str]
    home: dict[str, str | None]
    clusters: list[dict[str, Any]]

    def thing(self, measure: str, key: str, cluster: str, *blocks: dict[str, Any]) -> Judged:
        """One thing to judge. A key names data set, language and category, so the sheet gets another."""
        return Judged(digest(self.hash, measure, key)[:16], measure, key, cluster, blocks)


def open_run(folder: Path) -> Material:
    """What can be judged of the one run in a folder.

    Raises:
        RunFolderError: no finished run of the pipeline stands there.
        ReviewError: a session of several stands there.
    """
    parts = load(folder)
    if len(parts) != 1:
        raise ReviewError(f"{folder} holds several runs; choose one: {[str(p.path) for p in parts.values()]}")
    part = next(iter(parts.values()))
    files = RunFolder(part.path)
    tables = {name: files.read_table(name) for name in ("facets", "base_members", "clusters")}
    key = digest(str(part.manifest["dataset"]["hash"]), *(t.to_json(orient="records") for t in tables.values()))
    pairs = zip(tables["base_members"]["conversation"], tables["base_members"]["cluster"], strict=True)
    home = {c: b if isinstance(b, str) else None for c, b in pairs}
    rows = tables["clusters"].assign(parent=tables["clusters"]["parent"].fillna("")).to_dict("records")
    clusters = [{str(name): value for name, value in row.items()} for row in rows]
    return Material(part, key, part.summaries(), home, clusters)


def things(material: Material, kind: str) -> list[Judged]:
    """Everything of a kind that could be judged, in a fixed order; conversations still lack their transcript.

    Raises:
        ReviewError: a kind that there is not, or nothing of it in the run.
    """
    if kind not in KINDS:
        raise ReviewError(f"--suite must be one of {list(KINDS)}, got {kind!r}")
    made = {"summaries": _summaries, "clusters": _titles, "hierarchy": _hierarchy}[kind](material)
    if not made:
        raise ReviewError(f"{material.part.path} has no {kind} to judge")
    return made


def _summaries(material: Material) -> list[Judged]:
    """Summaries that the grader was asked about, or all where it was not: only those can be held against it."""
    graded = verdicts(material.part, "summary_accuracy")
    kept = sorted(material.summaries if graded is None else set(graded["item"]) & set(material.summaries))
    return [
        material.thing(
            "summary_accuracy",
            conversation,
            material.home.get(conversation) or f"alone:{conversation}",
            {"heading": "Summary", "text": material.summaries[conversation]},
        )
        for conversation in kept
    ]


def _titles(material: Material) -> list[Judged]:
    inside: dict[str, list[str]] = {}
    for conversation, cluster in material.home.items():
        if cluster is not None:
            inside.setdefault(cluster, []).append(conversation)
    made = []
    for row in material.clusters:
        if row["level"] == 0 and row["name"]:
            members = [material.summaries[c] for c in stages_draws.shown(inside[row["cluster"]])]
            heading = f"Members ({len(members)} of {len(inside[row['cluster']])})"
            made.append(
                material.thing(
                    "title_accuracy",
                    row["cluster"],
                    row["cluster"],
                    *_named("Title", row),
                    {"heading": heading, "list": members},
                )
            )
    return made


def _hierarchy(material: Material) -> list[Judged]:
    by_id = {row["cluster"]: row for row in material.clusters}
    children: dict[str, list[dict[str, Any]]] = {}
    for row in material.clusters:
        if row["parent"]:
            children.setdefault(row["parent"], []).append(row)
    made = []
    for parent, below in sorted(children.items()):
        upper = by_id[parent]
        others = [r["name"] for r in material.clusters if r["level"] == upper["level"] and r["cluster"] != parent]
        for row in below:
            siblings = [r["name"] for r in below if r["cluster"] != row["cluster"]]
            blocks = (
                *_named("The group", row),
                *_named("It was put into", upper),
                {"heading": "Others in the same place", "list": siblings},
                {"heading": "Where it could have gone instead", "list": others},
            )
            made.append(material.thing("assignment_accuracy", row["cluster"], parent, *blocks))
        texts = [f"{r['name']}: {r['description']}" for r in below]
        blocks = (*_named("Title", upper), {"heading": "Groups that it holds", "list": texts})
        made.append(material.thing("parent_title_accuracy", parent, parent, *blocks))
    return made


def _named(heading: str, row: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    named = {"heading": heading, "text": row["name"]}
    return (named, {"heading": "Description", "text": row["description"]}) if row["description"] else (named,)


def _conversation(conversation: Conversation) -> dict[str, Any]:
    turns = []
    for m in conversation.messages:
        extra = [f"[{kind}]" for kind in m.attachments] + [f"[tool call: {call}]" for call in m.tool_calls]
        turns.append({"role": m.role, "text": "\n".join([m.content, *extra]).strip()})
    return {"heading": "Conversation", "turns": turns}


def draw(pool: Sequence[Judged], n: int, seed: int) -> list[Judged]:
    """A simple random sample, in drawn order; all where there are fewer than n."""
    if n < 1:
        raise ReviewError(f"--n must be at least 1, got {n}")
    return sorted(pool, key=lambda thing: digest("review", str(seed), thing.id))[:n]


def with_transcripts(pool: Sequence[Judged], conversations: dict[str, Conversation]) -> list[Judged]:
    """Conversations to judge, with what was said put before the summary."""
    return [Judged(t.id, t.measure, t.key, t.cluster, (_conversation(conversations[t.key]), *t.blocks)) for t in pool]


def conversations_of(part: Part, source: str | None) -> dict[str, Conversation]:
    """The conversations that a run was made over, by id.

    Args:
        part: the run.
        source: where a user's own data is; shipped data is found by its name.
    Raises:
        ReviewError: it was not said where the data is, or what is there is not what the run read.
    """
    name, wanted = source or part.name, str(part.manifest["dataset"]["hash"])
    if source is None and name not in datasets.shipped():
        raise ReviewError(f"the run was made over {name!r}, which does not ship; say where it is with --dataset FILE")
    file = datasets.HOME / "data" / f"{name}.jsonl" if source is None else Path(source)
    loaded = loaders.load(str(file))
    drawn = set(RunFolder(part.path).read_table("conversations")["conversation"])
    kept = tuple(c for c in loaded.conversations if c.id in drawn)
    if wanted not in (loaded.content_hash, loaders.content_hash(kept)):
        raise ReviewError(f"{file} is not what the run read: content hash {loaded.content_hash} against {wanted}")
    return {c.id: c for c in kept}


def verdicts(part: Part, measure: str) -> pd.DataFrame | None:
    """The grader's rows for a measure of suite "stages": item, cluster, score; None where it was not run."""
    names = {
        "summary_accuracy": "stages_summaries",
        "title_accuracy": "stages_titles",
        "assignment_accuracy": "stages_assignments",
        "parent_title_accuracy": "stages_parents",
    }
    file = part.path / "tables" / f"{names[measure]}.csv"
    if not file.exists():
        return None
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    return frame.assign(score=pd.to_numeric(frame["score"].replace("", None)))[["item", "cluster", "score"]]
