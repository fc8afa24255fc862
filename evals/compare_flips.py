"""What moved between two runs, for diagnosis: single scores that changed, and base clusters that came and went.

Neither is a test. Conversations of one base cluster change sides together, so counting them as if each had decided for
itself would call most pairs of the very same pipeline different.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from clio_core.runfolder import RunFolder
from evals import differences
from evals.runs import Part
from reports import published

# Of all members of two clusters, what share they must have in common to be one cluster seen twice.
COUNTERPART = 0.5
_SIDES = ("base", "candidate")
FLIPS = [
    "dataset",
    "suite",
    "metric",
    "item",
    "language",
    "category",
    "change",
    *(f"{what}_{side}" for what in ("score", "assigned", "cluster", "cluster_name", "summary") for side in _SIDES),
]
CLUSTERS = ["dataset", "status", "base", "base_name", "base_size", "candidate", "candidate_name", "candidate_size"]
CLUSTERS += ["shared", "jaccard"]


def flips(base: Part, candidate: Part) -> pd.DataFrame:
    """A row a single score that was right in one run and wrong in the other, losses first; columns `FLIPS`.

    Metrics whose scores are not all 0 or 1 have no sides to change.
    What a run assigned is known for suite "supervised". Summaries stand there only where both runs declare the data
    not sensitive; of names of clusters see `names`.
    """
    scores = differences.paired(base, candidate)
    sided = scores[["score_base", "score_candidate"]].isin([0.0, 1.0]).all(axis=1)
    sided = sided.groupby([scores["suite"], scores["metric"]]).transform("all")
    moved = scores[sided & (scores["score_base"] != scores["score_candidate"])].copy()
    moved["change"] = (moved["score_base"] < moved["score_candidate"]).map({True: "gained", False: "lost"})
    closed = base.sensitive or candidate.sensitive
    for side, part in zip(_SIDES, (base, candidate), strict=True):
        of_supervised = moved["suite"] == "supervised"
        moved[f"assigned_{side}"] = moved["item"].map(_assigned(part)).where(of_supervised, "").fillna("")
        own = moved[f"cluster_{side}"].where(~moved[f"cluster_{side}"].astype(str).str.startswith("alone:"), "")
        moved[f"cluster_{side}"] = own
        moved[f"cluster_name_{side}"] = own.map(names(part, closed=closed)).fillna("")
        moved[f"summary_{side}"] = "" if closed else moved["item"].map(part.summaries()).fillna("")
    moved["dataset"] = base.name
    ordered = moved.sort_values(["suite", "metric", "change", "category", "language", "item"], kind="stable")
    ordered = ordered.sort_values("change", ascending=False, kind="stable")
    return ordered[FLIPS].reset_index(drop=True)


def _assigned(part: Part) -> dict[str, str]:
    file = part.path / "tables" / "supervised_rows.csv"
    if not file.exists():
        return {}
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    return dict(zip(rows["conversation"], rows["predicted"].replace("", "(not assigned)"), strict=True))


def names(part: Part, *, closed: bool) -> dict[str, str]:
    """Names of a run's base clusters by id.

    Args:
        part: a run; a fixed set has no clusters.
        closed: the data is sensitive. Then only what was published has a name, and nothing has one where names may
            quote the records.
    """
    if not (part.path / "tables" / "clusters.parquet").exists():
        return {}
    table = RunFolder(part.path).read_table("clusters")
    shown = table[(table["level"] == 0) & ((table["fate"] == "published") | (not closed))]
    unrecorded = pd.read_csv(part.path / "tables" / "unrecorded.csv", dtype={"stage": str, "calls": int})
    quoting = closed and published.may_quote(part.manifest, unrecorded)
    return {} if quoting else dict(zip(shown["cluster"], shown["name"], strict=True))


def clusters(base: Part, candidate: Part) -> pd.DataFrame:
    """Every base cluster of both runs with its best counterpart in the other; columns `CLUSTERS`.

    Status: "kept" (both sides filled in, Jaccard at least `COUNTERPART`), "vanished" (of the base run), "appeared" (of
    the candidate). A cluster without a counterpart is shown beside the one that it shares most with, if any.
    """
    members = [_members(part) for part in (base, candidate)]
    if any(side is None for side in members):
        return pd.DataFrame(columns=CLUSTERS)
    rows = matched(*(side for side in members if side is not None))
    closed = base.sensitive or candidate.sensitive
    for side, part in zip(_SIDES, (base, candidate), strict=True):
        rows[f"{side}_name"] = rows[side].map(names(part, closed=closed)).fillna("")
    rows["dataset"] = base.name
    return rows[CLUSTERS]


def _members(part: Part) -> dict[str, str] | None:
    if not (part.path / "tables" / "base_members.parquet").exists():
        return None
    table = RunFolder(part.path).read_table("base_members").dropna(subset=["cluster"])
    return dict(zip(table["conversation"], table["cluster"], strict=True))


def matched(base: Mapping[str, str], candidate: Mapping[str, str]) -> pd.DataFrame:
    """Clusters of two partitions side by side.

    Args:
        base: cluster by conversation.
        candidate: the same in the other run.
    Returns:
        status, base, candidate (ids, "" for none), base_size, candidate_size, shared, jaccard (0 to 1): kept pairs
        first, by Jaccard; then what vanished and what appeared, by size. Each cluster has at most one counterpart:
        above one half of the union there is never a second, and where two hold exactly half, the first by id is taken.
    """
    both = pd.DataFrame({"base": pd.Series(base, dtype=object), "candidate": pd.Series(candidate, dtype=object)})
    sizes = {side: both[side].value_counts() for side in _SIDES}
    pairs = both.dropna().groupby(["base", "candidate"]).size().rename("shared").reset_index()
    for side in _SIDES:
        pairs[f"{side}_size"] = pairs[side].map(sizes[side])
    pairs["jaccard"] = pairs["shared"] / (pairs["base_size"] + pairs["candidate_size"] - pairs["shared"])
    pairs = pairs.sort_values(["jaccard", "base", "candidate"], ascending=[False, True, True], kind="stable")
    close = pairs[pairs["jaccard"] >= COUNTERPART].drop_duplicates("base").drop_duplicates("candidate")
    parts = [close.assign(status="kept")]
    for side, status in zip(_SIDES, ("vanished", "appeared"), strict=True):
        parts.append(_alone(pairs, sizes[side], set(close[side]), side).assign(status=status))
    columns = ["status", "base", "base_size", "candidate", "candidate_size", "shared", "jaccard"]
    return pd.concat([part for part in parts if len(part)] or parts)[columns].reset_index(drop=True)


def _alone(pairs: pd.DataFrame, sizes: pd.Series, kept: set[str], side: str) -> pd.DataFrame:
    """Clusters of one side without a counterpart, largest first, each beside the one that it shares most with."""
    own = pd.DataFrame({side: [name for name in sizes.index if name not in kept]})
    own[f"{side}_size"] = own[side].map(sizes)
    nearest = pairs.drop_duplicates(side).drop(columns=f"{side}_size")
    found = own.merge(nearest, on=side, how="left")
    other = next(name for name in _SIDES if name != side)
    found[other] = found[other].fillna("")
    found[["shared", "jaccard"]] = found[["shared", "jaccard"]].fillna(0)
    return found.sort_values([f"{side}_size", side], ascending=[False, True], kind="stable")
