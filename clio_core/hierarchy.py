"""The hierarchizer (paper G.7): from base clusters to any number of levels above them.

A level is made in five steps: embed the clusters, part them into neighbourhoods of about 40, let the model propose
broader clusters for each (seeing also the nearest ones outside), remove duplicates across neighbourhoods, assign
every cluster to one of the broader ones, and name those again from what they received. Every loop is bounded: a
model that will not answer in form leaves counted failures behind and the hierarchy ends one level lower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clio_core import naming, replies
from clio_core.clustering import kmeans
from clio_core.door import Call, Door, Reply
from clio_core.embedding import Store
from clio_core.prompting import bullets, load
from clio_core.records import Outcome

NEIGHBOURHOOD = 40  # clusters a neighbourhood on average (paper)
OUTSIDE = 10  # nearest clusters beyond it that the proposer also sees; the paper calls it m and gives no value
MOST_AT_TOP = 20  # Table 3 has 10 at the top, the paper's section 2.1 "a few dozen"


@dataclass(frozen=True, slots=True)
class Node:
    """A cluster as the hierarchizer sees it."""

    id: str
    name: str
    description: str

    @property
    def text(self) -> str:
        """Name and description as one text: what is embedded and what is listed."""
        return f"{self.name}: {self.description}" if self.description else self.name


@dataclass(frozen=True, slots=True)
class Means:
    """What a level is built with.

    Attributes:
        criteria: what names have to satisfy.
        door: the way to the models.
        store: vectors of names and descriptions.
        embedder: which embedder makes them.
        seed: of neighbourhoods and shuffling.
        prompts: folder whose prompt files win over the shipped ones.
    """

    criteria: str
    door: Door
    store: Store
    embedder: str
    seed: int = 0
    prompts: Path | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One finished level.

    Attributes:
        parents: the new clusters, in order.
        assigned: parent id of each lower cluster; lower clusters that could not be assigned are not in it.
        naming: how the renaming of each parent ended.
    """

    parents: tuple[Node, ...]
    assigned: dict[str, str]
    naming: dict[str, Outcome]


def default_top(n_base: int) -> int:
    """Top-level clusters for n base clusters: a quarter of them, and never more than 20."""
    return min(MOST_AT_TOP, math.ceil(n_base / 4))


def level_sizes(n_base: int, n_top: int, levels: int) -> list[int]:
    """Sizes of all levels, base first, with a constant ratio (paper: n_l / n_(l-1) = (n_top / n_base) ^ (1 / (L - 1))).

    Args:
        n_base: clusters at the bottom.
        n_top: clusters wanted at the top.
        levels: number of levels, base included; 1 means no hierarchy.
    """
    if levels < 1 or n_base < 1 or n_top < 1:
        raise ValueError(f"levels, n_base and n_top must be at least 1, got {levels}, {n_base}, {n_top}")
    if levels == 1 or n_top >= n_base:
        return [n_base]
    ratio = (n_top / n_base) ** (1 / (levels - 1))
    sizes = [round(n_base * ratio**step) for step in range(levels - 1)] + [n_top]
    return [size for i, size in enumerate(sizes) if i == 0 or size < sizes[i - 1]]


def default_levels(n_base: int) -> int:
    """Levels, base included: two up to 100 base clusters, three above (the paper's runs have three)."""
    return 2 if n_base <= 100 else 3


def bounds(desired: int) -> tuple[int, int]:
    """Fewest and most names that are accepted where `desired` are asked for: half and one and a half times as many."""
    return max(1, int(0.5 * desired)), max(1, int(1.5 * desired))


async def build_level(lower: Sequence[Node], wanted: int, level: int, means: Means) -> Level | None:
    """Make one level above `lower` with about `wanted` clusters.

    Returns:
        the level, or None where the model proposed nothing usable; the failure is among the door's outcomes.
    """
    names = await propose(lower, wanted, level, means)
    if not names:
        return None
    ids = {name: f"h{level}-{i:03d}" for i, name in enumerate(names)}
    replied = await assign(lower, names, means.door, stage=f"assign:{level}", seed=means.seed, prompts=means.prompts)
    assigned = {r.subject: ids[r.value] for r in replied if r.value is not None}
    by_id = {node.id: node for node in lower}
    children: dict[str, list[tuple[str, str]]] = {}
    for child, parent in sorted(assigned.items()):
        children.setdefault(parent, []).append((by_id[child].name, by_id[child].description))
    children = {key: children[key] for key in sorted(children)}
    named = await naming.rename_parents(children, means.criteria, means.door, level, means.prompts)
    proposed = {ident: name for name, ident in ids.items()}
    # A parent whose renaming failed keeps the proposed name: it was asked for under the same rules.
    parents = tuple(
        Node(r.subject, r.value[1], r.value[0]) if r.value else Node(r.subject, proposed[r.subject], "") for r in named
    )
    return Level(parents, assigned, {r.subject: r.outcome for r in named})


async def propose(lower: Sequence[Node], wanted: int, level: int, means: Means) -> list[str]:
    """Names for a level: proposals per neighbourhood, then duplicates removed if there was more than one."""
    prompt = load("propose_clusters", means.prompts)
    vectors = means.store.embed([node.text for node in lower], means.embedder)
    count = max(1, round(len(lower) / NEIGHBOURHOOD))
    labels, centroids = kmeans(vectors, min(count, len(lower)), means.seed)
    calls = []
    for hood in range(len(centroids)):
        inside = np.flatnonzero(labels == hood)
        outside = np.flatnonzero(labels != hood)
        near = outside[np.argsort(-(vectors[outside] @ centroids[hood]), kind="stable")[:OUTSIDE]]
        shown = [lower[i].text for i in (*inside, *near)]
        desired = max(1, round(wanted * len(inside) / len(lower))) if count > 1 else wanted
        least, most = bounds(desired)
        rendered = prompt.fill(
            criteria=means.criteria, clusters=bullets(shown), desired=str(desired), least=str(least), most=str(most)
        )
        subject = f"h{level}-neighbourhood-{hood}"
        calls.append(
            Call(f"propose:{level}", prompt.role, subject, rendered, {"clusters": tuple(shown), "desired": desired})
        )
    replied = await means.door.ask(calls, replies.numbered, "answer")
    names = list(dict.fromkeys(name for r in replied for name in (r.value or ())))
    if len(calls) == 1 or not names:
        return names[: bounds(wanted)[1]]
    return await _dedupe(names, wanted, level, means)


async def _dedupe(names: list[str], wanted: int, level: int, means: Means) -> list[str]:
    least, most = bounds(wanted)
    prompt = load("dedupe_clusters", means.prompts)
    call = Call(
        stage=f"dedupe:{level}",
        role=prompt.role,
        subject=f"h{level}",
        rendered=prompt.fill(
            criteria=means.criteria, names=bullets(names), desired=str(wanted), least=str(least), most=str(most)
        ),
        variables={"names": tuple(names), "desired": wanted},
    )
    (reply,) = await means.door.ask([call], replies.numbered, "answer")
    # Without a usable answer the proposals stand as they are, cut to the bound; the outcome says that this happened.
    return (reply.value or names)[:most]


async def assign(
    lower: Sequence[Node],
    candidates: Sequence[str],
    door: Door,
    *,
    stage: str,
    seed: int,
    prompts: Path | None = None,
) -> list[Reply[str]]:
    """Assign each cluster to one of `candidates`, whose order is shuffled anew for every call (seeded).

    Returns:
        one reply a cluster; its value is the candidate as given. The same function serves the hierarchy and
        supervised reconstruction, where the candidates are the known categories.
    """
    prompt = load("assign_cluster", prompts)
    calls = []
    for index, node in enumerate(lower):
        order = np.random.default_rng([seed, index]).permutation(len(candidates))
        shuffled = [candidates[i] for i in order]
        rendered = prompt.fill(candidates=bullets(shuffled), name=node.name, description=node.description)
        variables = {"candidates": tuple(shuffled), "name": node.name, "description": node.description}
        calls.append(Call(stage, prompt.role, node.id, rendered, variables))
    return await door.ask(calls, lambda text: replies.choice(text, candidates), "answer")
