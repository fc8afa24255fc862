"""What a finished run leaves behind: its last tables, and the published tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clio_core import publishing
from clio_core.records import Cluster, FacetValue
from clio_core.stages import CLUSTER_COLUMNS, Base, Sample, Tools, cluster_rows


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run."""

    sample: Sample
    values: tuple[FacetValue, ...]
    base: Base
    levels: tuple[tuple[Cluster, ...], ...]
    judged: publishing.Judged
    places: npt.NDArray[np.float32]


def write(result: Result, tools: Tools) -> None:
    """Write clusters with their fates, the map, the counts, and the tree, where the run has a folder."""
    if tools.folder is None:
        return
    rows = [{**row, "fate": result.judged.fates[row["cluster"]].value} for row in cluster_rows(result.levels)]
    tools.table("clusters", rows, [*CLUSTER_COLUMNS, "fate"])
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
