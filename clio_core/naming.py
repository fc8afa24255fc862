"""Names and descriptions: of base clusters (paper G.5) and of the clusters above them (G.7, renaming)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clio_core import replies
from clio_core.door import Call, Door, Reply
from clio_core.prompting import bullets, load

Named = tuple[str, str]  # description, name: the order in which they are asked for


@dataclass(frozen=True, slots=True)
class Statements:
    """What a base cluster is named from: summaries of some members and of near non-members."""

    members: tuple[str, ...]
    contrast: tuple[str, ...]


async def name_clusters(
    groups: Mapping[str, Statements],
    criteria: str,
    door: Door,
    prompts: Path | None = None,
    *,
    quote: bool = False,
) -> list[Reply[Named]]:
    """Name base clusters; one reply a cluster, in the order of `groups`.

    `quote` allows our local provider, which cannot paraphrase, to name a cluster by one of its statements.
    """
    prompt = load("name_cluster", prompts)
    calls = [
        Call(
            stage="name",
            role=prompt.role,
            subject=cluster,
            rendered=prompt.fill(
                criteria=criteria,
                members=bullets(group.members),
                contrast=bullets(group.contrast) if group.contrast else "- (there are none)",
            ),
            variables={"members": group.members, "contrast": group.contrast, "quote": quote},
        )
        for cluster, group in groups.items()
    ]
    return await door.ask(calls, replies.summary_and_name, "name")


async def rename_parents(
    children: Mapping[str, Sequence[tuple[str, str]]],
    criteria: str,
    door: Door,
    level: int,
    prompts: Path | None = None,
) -> list[Reply[Named]]:
    """Name clusters from the (name, description) of their children; one reply a parent, in the given order."""
    prompt = load("rename_cluster", prompts)
    calls = [
        Call(
            stage=f"rename:{level}",
            role=prompt.role,
            subject=parent,
            rendered=prompt.fill(criteria=criteria, children=bullets([f"{n}: {d}" for n, d in below])),
            variables={"children": tuple(below)},
        )
        for parent, below in children.items()
    ]
    return await door.ask(calls, replies.summary_and_name, "name")
