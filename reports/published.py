"""What a run published, as frames. Nothing of a cluster that was not published leaves this module."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from clio_core.runfolder import RunFolder, RunFolderError

EXAMPLES = 3
_TREE = ("cluster", "parent", "root", "depth", "name", "description", "conversations")
_CLUSTERS = ("cluster", "level", "parent", "name", "conversations", "accounts", "rating")
# Stages whose answers never become the name of a cluster.
_NO_NAMES = frozenset({"facet", "screen", "audit", "assign", "grade"})


def may_quote(manifest: dict[str, Any], unrecorded: pd.DataFrame) -> bool:
    """Whether cluster names may be the records' own words.

    The extractive provider names a cluster by quoting from it. It does so where it was asked for, and where it
    stood in for a recording.
    """
    names = [manifest["models"].get(role, {}).get("name", "") for role in ("namer", "hierarchizer")]
    stood_in = {str(stage).split(":")[0] for stage in unrecorded.loc[unrecorded["calls"] > 0, "stage"]}
    return any(name.startswith("local/") for name in names) or bool(stood_in - _NO_NAMES)


def tree(folder: RunFolder, *, withheld: bool) -> pd.DataFrame:
    """The published tree, parents before their children.

    Returns:
        Columns cluster, parent ("" at the top), root (id at the top), depth (0 at the top), name, description,
        conversations. With `withheld`, ids stand for names and descriptions are empty.
    Raises:
        RunFolderError: the run has no `published.json`, so it is not finished.
    """
    file = folder.path / "published.json"
    if not file.exists():
        raise RunFolderError(f"{folder.path} holds no finished run: it has no published.json")
    roots = json.loads(file.read_text(encoding="utf-8"))["clusters"]
    frame = pd.DataFrame(list(_walk(roots, "", "", 0)), columns=list(_TREE))
    return _hidden(frame) if withheld else frame


def _walk(nodes: list[dict[str, Any]], parent: str, root: str, depth: int) -> Iterator[dict[str, Any]]:
    for node in sorted(nodes, key=lambda n: (-n["conversations"], n["id"])):
        top = root or node["id"]
        name = node["name"] or node["id"]
        row = {"cluster": node["id"], "parent": parent, "root": top, "depth": depth, "name": name}
        yield {**row, "description": node["description"], "conversations": node["conversations"]}
        yield from _walk(node.get("children", []), node["id"], top, depth + 1)


def _hidden(frame: pd.DataFrame) -> pd.DataFrame:
    hidden = frame.assign(name=[f"Cluster {cluster}" for cluster in frame["cluster"]])
    return hidden.assign(description="") if "description" in frame else hidden


def clusters(folder: RunFolder, *, withheld: bool) -> pd.DataFrame:
    """Published clusters of all levels with their accounts and the auditor's rating; empty in a run without them."""
    if not (folder.tables / "clusters.parquet").exists():
        return pd.DataFrame(columns=list(_CLUSTERS))
    table = folder.read_table("clusters")
    shown = table.loc[table["fate"] == "published", list(_CLUSTERS)].reset_index(drop=True)
    return _hidden(shown) if withheld else shown


def points(folder: RunFolder, published: pd.DataFrame) -> tuple[pd.DataFrame | None, int]:
    """The map without ids: x, y and root ("" for what is not published); and how many had no place on it."""
    if not (folder.tables / "map.parquet").exists():
        return None, 0
    table = folder.read_table("map")
    roots = dict(zip(published["cluster"], published["root"], strict=True))
    frame = pd.DataFrame(
        {"x": table["x"], "y": table["y"], "root": [roots.get(cluster, "") for cluster in table["cluster"]]}
    )
    placed = frame.dropna(subset=["x", "y"]).reset_index(drop=True)
    return (None if placed.empty else placed), len(frame) - len(placed)


def examples(folder: RunFolder, manifest: dict[str, Any]) -> pd.DataFrame:
    """Up to `EXAMPLES` summaries of each published base cluster, in the order of the run: cluster, name, summary.

    Only for data that is declared not sensitive; the caller sees to that.
    """
    tables = ("facets", "base_members", "clusters")
    if any(not (folder.tables / f"{name}.parquet").exists() for name in tables):
        return pd.DataFrame(columns=["cluster", "name", "summary"])
    facets, members, all_clusters = (folder.read_table(name) for name in tables)
    facet = manifest["config"]["cluster_facet"]
    found = facets[(facets["facet"] == facet) & (facets["outcome"] == "ok")]
    base = all_clusters[(all_clusters["level"] == 0) & (all_clusters["fate"] == "published")]
    joined = members.merge(base[["cluster", "name", "conversations"]], on="cluster").merge(found, on="conversation")
    picked = joined.groupby("cluster", sort=False).head(EXAMPLES)
    ordered = picked.sort_values(["conversations", "cluster"], ascending=[False, True], kind="stable")
    return ordered[["cluster", "name", "value"]].rename(columns={"value": "summary"}).reset_index(drop=True)
