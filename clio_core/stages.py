"""The first stages of a run, one function each: the sample, its facets, and named base clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from clio_core import clustering, facets, hierarchy, naming, publishing, sampling, screening
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


CLUSTER_COLUMNS = [
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


def cluster_rows(levels: Sequence[Sequence[Cluster]]) -> list[dict[str, Any]]:
    """A table row a cluster, base first."""
    return [{**asdict(c), "cluster": c.id, "naming": c.naming.value} for level in levels for c in level]


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
    tools.table("base_clusters", cluster_rows([base.clusters]), CLUSTER_COLUMNS)
    return base


def _unnamed(ids: Sequence[str], labels: clustering.Labels, count: int, accounts: Mapping[str, str]) -> list[Cluster]:
    members: list[list[str]] = [[] for _ in range(count)]
    for conversation, label in zip(ids, labels, strict=True):
        members[label].append(conversation)
    return [
        Cluster(f"b{i:04d}", 0, "", "", len(inside), len({accounts[c] for c in inside}))
        for i, inside in enumerate(members)
    ]
