"""The whole pipeline. This module alone knows the order of the stages.

    conversations > sample > transcript > screen > facets > embed > base clusters > names > hierarchy > audit
                  > what is published > map

Every stage writes its table as it ends; model calls are kept in the journal as they are answered. Starting a run
again in its folder therefore goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clio_core import (
    auditor,
    clustering,
    embedding,
    facets,
    hierarchy,
    naming,
    projection,
    publishing,
    sampling,
    screening,
)
from clio_core.config import Config
from clio_core.door import Door
from clio_core.embedding import Matrix, Store
from clio_core.records import Cluster, Conversation, FacetValue, Outcome
from clio_core.runfolder import RunFolder
from clio_core.transcript import Transcript, render


class NothingToClusterError(ValueError):
    """Not one conversation has a value of the facet that is to be clustered."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What goes into extraction.

    Attributes:
        conversations: those that passed the screener (all of them where there is none).
        transcripts: rendered transcript by conversation id.
        drawn: how many were drawn before screening.
        screened_out: answered with no.
        screen_failed: ids whose screening gave no answer; they count as failed.
    """

    conversations: tuple[Conversation, ...]
    transcripts: dict[str, Transcript]
    drawn: int
    screened_out: int
    screen_failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Base:
    """Base clusters.

    Attributes:
        ids: conversations that have a value of the clustered facet, in order; m of them.
        vectors: shape (m, d).
        labels: shape (m,).
        clusters: in order of their label.
        members: id of the base cluster of every conversation of the sample, None where extraction failed.
    """

    ids: tuple[str, ...]
    vectors: Matrix
    labels: clustering.Labels
    clusters: tuple[Cluster, ...]
    members: dict[str, str | None]

    def nodes(self) -> list[hierarchy.Node]:
        """Every named base cluster, as the hierarchizer sees it."""
        return [hierarchy.Node(c.id, c.name, c.description) for c in self.clusters if c.name]


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run."""

    sample: Sample
    values: tuple[FacetValue, ...]
    base: Base
    levels: tuple[tuple[Cluster, ...], ...]
    judged: publishing.Judged
    places: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tools:
    """What stages need besides their data."""

    config: Config
    door: Door
    store: Store
    folder: RunFolder | None = None
    prompts: Path | None = None

    def table(self, name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Write a stage's table, where the run has a folder."""
        if self.folder is not None:
            self.folder.write_table(name, rows, columns)


async def prepare(conversations: Sequence[Conversation], tools: Tools) -> Sample:
    """Draw the sample, render transcripts, and screen."""
    config = tools.config
    drawn: Sequence[Conversation] = conversations
    if config.sample is not None:
        draw = sampling.sample_completions if config.strategy == "completions" else sampling.sample_conversations
        drawn = draw(conversations, config.sample, config.seed)
    transcripts = {c.id: render(c, budget=config.token_budget) for c in drawn}
    sample = Sample(tuple(drawn), transcripts, len(drawn), 0)
    if config.screen is not None:
        replies = await screening.screen(config.screen, drawn, transcripts, tools.door, tools.prompts)
        yes = {r.subject for r in replies if r.value}
        failed = tuple(r.subject for r in replies if r.value is None)
        kept = tuple(c for c in drawn if c.id in yes)
        sample = Sample(kept, transcripts, len(drawn), len(drawn) - len(kept) - len(failed), failed)
    rows = [
        {
            "conversation": c.id,
            "time": c.time.isoformat() if c.time else None,
            "tokens": transcripts[c.id].tokens,
            "cut": transcripts[c.id].cut,
            **{k: int(v) for k, v in facets.compute(c).items()},
        }
        for c in sample.conversations
    ]
    tools.table("conversations", rows, ["conversation", "time", "turns", "length", "tokens", "cut"])
    return sample


async def extract(sample: Sample, tools: Tools) -> tuple[FacetValue, ...]:
    """Extract every facet of every conversation of the sample."""
    asked = [facets.load_facet(name, tools.prompts) for name in tools.config.facets]
    values = await facets.extract(asked, sample.conversations, sample.transcripts, tools.door, tools.prompts)
    columns = ["conversation", "facet", "value", "outcome"]
    tools.table("facets", [{**asdict(v), "outcome": v.outcome.value} for v in values], columns)
    return tuple(values)


async def cluster(sample: Sample, values: Sequence[FacetValue], tools: Tools) -> Base:
    """Embed the clustered facet, find base clusters, and name them.

    Raises:
        NothingToClusterError: not one conversation has a value of the clustered facet.
    """
    config = tools.config
    facet = facets.load_facet(config.cluster_facet, tools.prompts)  # the setting may be a path; values bear the name
    found = {v.conversation: v.value for v in values if v.facet == facet.name and v.outcome is Outcome.OK}
    ids = tuple(c.id for c in sample.conversations if c.id in found)
    if not ids:
        outcomes = {f"{stage} {outcome.value}": n for (stage, outcome), n in sorted(tools.door.outcomes.items())}
        raise NothingToClusterError(
            f"none of the {len(sample.conversations)} conversations has a {config.cluster_facet!r} facet; "
            f"calls ended so: {outcomes}"
        )
    texts = [found[i] for i in ids]
    vectors = tools.store.embed(texts, config.embedder, bf16=config.bf16)
    k = min(config.k or clustering.default_k(len(ids)), len(ids))
    labels, centroids = clustering.kmeans(vectors, k, config.seed)
    accounts = {c.id: c.account for c in sample.conversations}
    blank = _unnamed(ids, labels, len(centroids), accounts)
    shown = clustering.exhibits(
        vectors, labels, centroids, members=config.members, contrast=config.contrast, seed=config.seed
    )
    to_name = {
        c.id: naming.Statements(tuple(texts[i] for i in e.members), tuple(texts[i] for i in e.contrast))
        for c, e in zip(blank, shown, strict=True)
        if config.name_held_back or publishing.passes(c, config.min_conversations, config.min_accounts)
    }
    named = {
        r.subject: r
        for r in await naming.name_clusters(to_name, facet.criteria, tools.door, tools.prompts, quote=config.quote)
    }
    clusters = []
    for record in blank:
        reply = named.get(record.id)
        description, name = reply.value if reply and reply.value else ("", "")
        naming_outcome = reply.outcome if reply else Outcome.OK
        clusters.append(replace(record, name=name, description=description, naming=naming_outcome))
    members: dict[str, str | None] = dict.fromkeys((c.id for c in sample.conversations), None)
    members.update({i: blank[label].id for i, label in zip(ids, labels, strict=True)})
    base = Base(ids, vectors, labels, tuple(clusters), members)
    rows = [{"conversation": c, "cluster": b} for c, b in members.items()]
    tools.table("base_members", rows, ["conversation", "cluster"])
    tools.table("base_clusters", _cluster_rows([base.clusters]), _CLUSTER_COLUMNS)
    return base


def _unnamed(ids: Sequence[str], labels: clustering.Labels, count: int, accounts: Mapping[str, str]) -> list[Cluster]:
    members: list[list[str]] = [[] for _ in range(count)]
    for conversation, label in zip(ids, labels, strict=True):
        members[label].append(conversation)
    return [
        Cluster(f"b{i:04d}", 0, "", "", len(inside), len({accounts[c] for c in inside}))
        for i, inside in enumerate(members)
    ]


async def build(base: Base, tools: Tools, accounts: Mapping[str, str]) -> tuple[tuple[Cluster, ...], ...]:
    """Build the hierarchy over the base clusters that reach the thresholds. Levels come base first."""
    config = tools.config
    allowed = [
        c for c in base.clusters if c.name and publishing.passes(c, config.min_conversations, config.min_accounts)
    ]
    levels: list[list[Cluster]] = [list(base.clusters)]
    inside: dict[str, set[str]] = {}
    for conversation, cluster_id in base.members.items():
        if cluster_id is not None:
            inside.setdefault(cluster_id, set()).add(conversation)
    lower = [hierarchy.Node(c.id, c.name, c.description) for c in allowed]
    criteria = facets.load_facet(config.cluster_facet, tools.prompts).criteria
    means = hierarchy.Means(criteria, tools.door, tools.store, config.embedder, config.seed, tools.prompts)
    if len(lower) < 2:
        return tuple(tuple(level) for level in levels)
    top = config.top or hierarchy.default_top(len(lower))
    sizes = hierarchy.level_sizes(len(lower), top, config.levels or hierarchy.default_levels(len(lower)))
    for number, wanted in enumerate(sizes[1:], 1):
        made = await hierarchy.build_level(lower, wanted, number, means)
        if made is None:
            break
        levels[-1] = [replace(c, parent=made.assigned.get(c.id)) for c in levels[-1]]
        for child, parent in made.assigned.items():
            inside.setdefault(parent, set()).update(inside[child])
        levels.append([_parent_record(node, number, inside[node.id], accounts, made) for node in made.parents])
        lower = list(made.parents)
        if len(lower) < 2:
            break
    return tuple(tuple(level) for level in levels)


def _parent_record(
    node: hierarchy.Node, level: int, members: set[str], accounts: Mapping[str, str], made: hierarchy.Level
) -> Cluster:
    return Cluster(
        node.id,
        level,
        node.name,
        node.description,
        len(members),
        len({accounts[m] for m in members}),
        naming=made.naming[node.id],
    )


async def audit(levels: Sequence[Sequence[Cluster]], tools: Tools) -> tuple[tuple[Cluster, ...], ...]:
    """Let the auditor rate every cluster that could be published."""
    config = tools.config
    contents = {
        c.id: f"{c.name}: {c.description}"
        for level in levels
        for c in level
        if c.name and publishing.passes(c, config.min_conversations, config.min_accounts)
    }
    replies = await auditor.audit(contents, tools.door, prompts=tools.prompts)
    ratings = {r.subject: r.value for r in replies}
    return tuple(tuple(replace(c, rating=ratings.get(c.id)) for c in level) for level in levels)


async def begin(conversations: Sequence[Conversation], tools: Tools) -> tuple[Sample, tuple[FacetValue, ...], Base]:
    """The first half: up to named base clusters, which is all that supervised reconstruction needs."""
    sample = await prepare(conversations, tools)
    values = await extract(sample, tools)
    return sample, values, await cluster(sample, values, tools)


async def complete(sample: Sample, values: tuple[FacetValue, ...], base: Base, tools: Tools) -> Result:
    """The second half: hierarchy, audit, what is published, and the map."""
    config = tools.config
    accounts = {c.id: c.account for c in sample.conversations}
    levels = await audit(await build(base, tools, accounts), tools)
    # A conversation whose screening failed has no cluster, but it was drawn, so it is counted.
    membership = {**base.members, **dict.fromkeys(sample.screen_failed)}
    judged = publishing.judge(
        levels,
        membership,
        min_conversations=config.min_conversations,
        min_accounts=config.min_accounts,
        audit_below=config.audit_below,
        accounts=accounts,
    )
    places = np.full((len(base.ids), 2), np.nan, dtype=np.float32)
    if config.project:
        embedding.release()  # nothing is embedded after this, and the projector needs room of its own
        places = projection.project(base.vectors, config.seed, most=config.project)
    result = Result(sample, values, base, levels, judged, places)
    _write(result, tools)
    return result


async def run(conversations: Sequence[Conversation], tools: Tools) -> Result:
    """Run every stage.

    Args:
        conversations: the data set, each id once.
        tools: settings, the door to the models, the store of vectors, and the run's folder if it has one.
    Returns:
        the finished run; its folder, if any, then holds all tables and `published.json`.
    Raises:
        UnrecordedError: a recording lacks answers; the stage's requests are in the pending file.
        NothingToClusterError: there is nothing to cluster.
    """
    return await complete(*await begin(conversations, tools), tools)


_CLUSTER_COLUMNS = [
    "cluster",
    "level",
    "parent",
    "name",
    "description",
    "conversations",
    "accounts",
    "naming",
    "rating",
]


def _cluster_rows(levels: Sequence[Sequence[Cluster]]) -> list[dict[str, Any]]:
    return [{**asdict(c), "cluster": c.id, "naming": c.naming.value} for level in levels for c in level]


def _write(result: Result, tools: Tools) -> None:
    if tools.folder is None:
        return
    rows = [{**row, "fate": result.judged.fates[row["cluster"]].value} for row in _cluster_rows(result.levels)]
    tools.table("clusters", rows, [*_CLUSTER_COLUMNS, "fate"])
    places = [
        {"conversation": c, "cluster": result.base.members[c], "x": float(x), "y": float(y)}
        for c, (x, y) in zip(result.base.ids, result.places, strict=True)
    ]
    tools.table("map", places, ["conversation", "cluster", "x", "y"])
    tools.table("fates", result.judged.counts(), ["level", "fate", "conversations"])
    tools.folder.write_json("published.json", published(result))


def published(result: Result) -> dict[str, Any]:
    """The published tree: nothing in it fell under a threshold or was removed. Holds no record of a conversation.

    A cluster whose parent is not published stands at the top.
    """
    shown = publishing.Fate.PUBLISHED
    fates = result.judged.fates
    size: list[dict[str, int]] = [{} for _ in result.levels]
    place: dict[str, str | None] = dict(result.base.members)
    for level, clusters in enumerate(result.levels):
        parents = {c.id: c.parent for c in clusters}
        for conversation, cluster_id in place.items():
            if cluster_id is not None and result.judged.conversation_fates[level].get(conversation) is shown:
                size[level][cluster_id] = size[level].get(cluster_id, 0) + 1
        place = {c: parents.get(p) if p else None for c, p in place.items()}
    nodes: dict[str, dict[str, Any]] = {
        c.id: {"id": c.id, "name": c.name, "description": c.description, "conversations": size[c.level].get(c.id, 0)}
        for level in result.levels
        for c in level
        if fates[c.id] is shown
    }
    roots: list[dict[str, Any]] = []
    for clusters in reversed(result.levels):
        for c in clusters:
            if c.id in nodes:
                above = nodes.get(c.parent) if c.parent else None
                home = roots if above is None else above.setdefault("children", [])
                home.append(nodes[c.id])
    return {"counts": result.judged.counts(), "clusters": roots}
