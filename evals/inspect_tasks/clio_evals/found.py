"""What a suite found, as plain data that a log can hold, and the samples that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from inspect_ai.dataset import Sample

from clio_core.door import Door
from evals.suite import Measured


@dataclass(frozen=True, slots=True)
class Found:
    """What a suite found in a run.

    Attributes:
        suite: its name.
        items: rows as `evals.suite.item` makes them; those of suite "supervised" also have `predicted` and `place`, the
            number of the true category in the taxonomy.
        metrics: rows as `evals.suite.metric` makes them.
        summaries: value of the clustered facet by conversation.
        unrecorded: calls that a recording lacked and local/extractive answered, or nobody.
    """

    suite: str
    items: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    summaries: dict[str, str]
    unrecorded: int

    @classmethod
    def of(
        cls, suite: str, measured: Measured, summaries: dict[str, str], door: Door, categories: Sequence[str]
    ) -> Found:
        """What a suite measured through `door`; `categories` are those of the data, in the order of its taxonomy."""
        items = plain(measured.items)
        if suite == "supervised":
            items = answered(items, measured.tables["supervised_rows"], categories)
        return cls(suite, items, plain(measured.metrics), summaries, sum(door.stood_in.values()))

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def samples(self) -> list[Sample]:
        """A sample for the suite as a whole, then one for each item."""
        about = {"kind": "suite", "suite": self.suite, "metrics": self.metrics, "unrecorded": self.unrecorded}
        whole = Sample(id=self.suite, input=f"Suite {self.suite}, the run as a whole", metadata=about)
        return [whole, *(self._sample(n, ident) for n, ident in enumerate(_idents(self.items)))]

    def _sample(self, number: int, ident: str) -> Sample:
        item = self.items[number]
        said = self.summaries.get(item["item"]) or f"{item['item']} ({item['metric']}; no summary)"
        target = item["category"] if "predicted" in item else ""
        return Sample(id=ident, input=said, target=target, metadata={"kind": "item", "number": number, **item})


def _idents(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """An id an item: its own where no two items of the suite share it, else with metric and group."""
    short = [str(i["item"]) for i in items]
    if len(set(short)) == len(short):
        return short
    return [" ".join(filter(None, (i["metric"], i["group"], str(i["item"])))) for i in items]


def plain(rows: Sequence[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    """Rows without numpy's and pandas' own types; what is missing is None."""
    return [{str(k): None if pd.isna(v) else getattr(v, "item", lambda v=v: v)() for k, v in r.items()} for r in rows]


def answered(items: Sequence[dict[str, Any]], rows: pd.DataFrame, categories: Sequence[str]) -> list[dict[str, Any]]:
    """Items of suite "supervised" with the category that each conversation was led to."""
    predicted = dict(zip(rows["conversation"], rows["predicted"], strict=True))
    places = {category: place for place, category in enumerate(categories)}
    return [{**i, "predicted": predicted[i["item"]], "place": places[i["category"]]} for i in items]
