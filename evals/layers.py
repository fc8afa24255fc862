"""The texts of a finished run, level by level: what a reader could see if the run stopped there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from clio_core import auditor
from clio_core.pipeline import Result, Sample, Tools
from clio_core.publishing import Fate, passes
from clio_core.records import Cluster
from evals.gathering import gathered

LEVELS = ("raw", "facet", "base", "hierarchy", "published")
CLUSTERED = ("base", "hierarchy", "published")


@dataclass(frozen=True, slots=True)
class Level:
    """All texts of one level.

    Attributes:
        name: one of `LEVELS`.
        texts: by id of a conversation (raw, facet) or cluster.
        homes: ids of the texts that stand for a conversation, by its id; none where it is in no text of the level.
        ratings: the auditor's 1 to 5 by id, None where none could be read; empty where nobody has rated yet.
    """

    name: str
    texts: Mapping[str, str]
    homes: Mapping[str, tuple[str, ...]]
    ratings: Mapping[str, int | None] = field(default_factory=dict)


def raw(sample: Sample) -> Level:
    """The conversations as the extractor gets them."""
    texts = {c.id: sample.transcripts[c.id].text for c in sample.conversations}
    return Level("raw", texts, {c: (c,) for c in texts})


def facets(values: Mapping[str, str]) -> Level:
    """The values of the clustered facet, by conversation."""
    return Level("facet", dict(values), {c: (c,) for c in values})


def clustered(result: Result) -> list[Level]:
    """Base clusters, the hierarchy above them, and whatever of both is published.

    A conversation's homes are its base cluster and all that stand above it, whatever was held back or removed in
    between: the names above were made from the names below.
    """
    all_of = {c.id: c for level in result.levels for c in level if c.name}
    chains = {conversation: _chain(home, result) for conversation, home in result.base.members.items()}
    chosen = {
        "base": {c.id for c in all_of.values() if c.level == 0},
        "hierarchy": {c.id for c in all_of.values() if c.level > 0},
        "published": {ident for ident in all_of if result.judged.fates[ident] is Fate.PUBLISHED},
    }
    return [
        Level(
            name,
            {ident: f"{c.name}: {c.description}" for ident, c in all_of.items() if ident in ids},
            {conversation: tuple(i for i in chain if i in ids) for conversation, chain in chains.items()},
            {ident: c.rating for ident, c in all_of.items() if ident in ids},
        )
        for name, ids in chosen.items()
    ]


def _chain(home: str | None, result: Result) -> tuple[str, ...]:
    parents = {c.id: c.parent for level in result.levels for c in level}
    found: list[str] = []
    while home is not None and home in parents:
        found.append(home)
        home = parents[home]
    return tuple(found)


async def rated(level: Level, tools: Tools) -> Level:
    """The level with the auditor's rating of each text, asked under the stage "rate:" and the level's name."""
    stage = f"rate:{level.name}"
    replies = await auditor.audit(level.texts, tools.door, stage=stage, prompts=tools.prompts)
    return replace(level, ratings={r.subject: r.value for r in replies})


async def rated_clusters(levels: list[Level], result: Result, tools: Tools) -> list[Level]:
    """The clustered levels with ratings: the run's own, and new ones (stage "rate:cluster") of what it did not audit.

    An audited cluster whose rating could not be read stays without one.
    """
    unaudited = {c.id for level in result.levels for c in level if c.name and not _audited(c, tools)}
    texts = {ident: text for level in levels for ident, text in level.texts.items() if ident in unaudited}
    replies = await auditor.audit(texts, tools.door, stage="rate:cluster", prompts=tools.prompts)
    new = {r.subject: r.value for r in replies}
    return [replace(level, ratings={i: new.get(i, given) for i, given in level.ratings.items()}) for level in levels]


def _audited(cluster: Cluster, tools: Tools) -> bool:
    return passes(cluster, tools.config.min_conversations, tools.config.min_accounts)


async def all_rated(result: Result, values: Mapping[str, str], tools: Tools) -> list[Level]:
    """Every level of a finished run with its ratings.

    Raises:
        UnrecordedError: after all levels were tried.
    """
    before, after, above = await gathered(
        rated(raw(result.sample), tools),
        rated(facets(values), tools),
        rated_clusters(clustered(result), result, tools),
    )
    return [before, after, *above]
