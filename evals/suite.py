"""What every suite takes and gives: a finished run in, tables, metrics and scored items out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from clio_core.pipeline import Base, Result, Sample, Tools
from clio_core.records import FacetValue, Outcome
from synthetic.datasets import Dataset

METRIC_COLUMNS = ["suite", "dataset", "metric", "slice", "value", "low", "high", "n", "clusters", "paper", "note"]
ITEM_COLUMNS = ["suite", "metric", "item", "score", "language", "category", "cluster", "group"]


@dataclass(frozen=True, slots=True)
class Context:
    """A finished run over a data set whose truth is known.

    Attributes:
        dataset: conversations with their truth.
        tools: settings, door, vectors; further calls go through the same door and are kept in the same journal.
        sample, values, base, result: what the pipeline made.
        assigned: category of each base cluster, by id; one whose assignment failed is not in it.
    """

    dataset: Dataset
    tools: Tools
    sample: Sample
    values: tuple[FacetValue, ...]
    base: Base
    result: Result
    assigned: Mapping[str, str]

    def facet(self, name: str) -> dict[str, str]:
        """Value of a facet by conversation id, where its extraction went well."""
        return {v.conversation: v.value for v in self.values if v.facet == name and v.outcome is Outcome.OK}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a suite found.

    Attributes:
        tables: by the name of their file, each starting with the suite's name.
        metrics: rows of `metrics.csv` without suite and dataset, made by `metric`.
        items: rows made by `item`: every single thing that was scored, so that two runs can be compared in pairs.
        hash: content hash of a fixed set; a suite over a run leaves it empty.
    """

    tables: Mapping[str, pd.DataFrame]
    metrics: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    hash: str = ""


def metric(  # noqa: PLR0913 - a row has that many columns
    name: str,
    value: Any,  # numbers come out of frames, whose cells have no type of their own
    *,
    where: str = "all",
    ends: tuple[Any, Any] = (None, None),
    n: Any = 0,
    clusters: Any = None,
    paper: Any = None,
    note: Any = "",
) -> dict[str, Any]:
    """A row of `metrics.csv`.

    Args:
        name: of the metric, lower case with underscores.
        value: in its own units; proportions are 0 to 1.
        where: the slice, "all" or "language=Hindi", "category=...", "kind=...".
        ends: of the 95% interval, None where there is none.
        n: how many things the value rests on.
        clusters: how many clumps of dependent things those fall into, where they do.
        paper: the paper's figure for it.
        note: why it is not to be built on ("inconclusive: ..."), if so.
    """
    low, high = ends
    row = {"metric": name, "slice": where, "value": value, "low": low, "high": high, "n": n}
    return {**row, "clusters": clusters, "paper": paper, "note": note}


def item(
    metric: str,
    item: Any,
    score: float | None,
    *,
    language: Any = "",
    category: Any = "",
    cluster: Any = "",
    group: str = "",
) -> dict[str, Any]:
    """One scored thing.

    Args:
        metric: the metric whose value over all is the mean of these scores.
        item: id that two runs over the same data share.
        score: usually 0 to 1; None where it could not be scored.
        language, category: the item's own truth, where it has any.
        cluster: what it stands or falls together with ("" where it stands alone).
        group: any other slice, as "kind=address".
    """
    return {
        "metric": metric,
        "item": item,
        "score": score,
        "language": language,
        "category": category,
        "cluster": cluster,
        "group": group,
    }
