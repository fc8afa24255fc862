"""The whole pipeline. This module alone knows the order of the stages.

    conversations > sample > transcript > screen > facets > embed > base clusters > names > hierarchy > audit
                  > what is published > map

Every stage writes its table as it ends; model calls are kept in the journal as they are answered. Starting a run
again in its folder therefore goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from clio_core import auditor, embedding, facets, hierarchy, projection, publishing
from clio_core.records import Cluster, Conversation, FacetValue
from clio_core.result import Result, published, write
from clio_core.stages import Base, NothingToClusterError, Sample, Tools, cluster, extract, prepare

__all__ = [
    "Base",
    "NothingToClusterError",
    "Result",
    "Sample",
    "Tools",
    "audit",
    "begin",
    "build",
    "cluster",
    "complete",
    "extract",
    "prepare",
    "published",
    "run",
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
    write(result, tools)
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
