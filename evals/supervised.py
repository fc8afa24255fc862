"""Suite "supervised": base clusters unsupervised, the next level fixed to the known categories (paper C.2.2).

A conversation is right when the category that its base cluster was assigned to is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from clio_core import hierarchy
from clio_core.pipeline import Base, Tools
from evals import paper, reconstruction
from synthetic.datasets import Dataset

SUITE = "supervised"


@dataclass(frozen=True, slots=True)
class Supervised:
    """The suite's tables.

    Attributes:
        rows: a row a conversation: conversation, language, category, subcategory, predicted, base_cluster.
        summary: headline metrics with intervals.
        languages: Table 5's columns with intervals, and the paper's accuracy.
        categories: truth against reconstruction (Figure 4).
        confusion: counts, truth in rows.
    """

    rows: pd.DataFrame
    summary: pd.DataFrame
    languages: pd.DataFrame
    categories: pd.DataFrame
    confusion: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by the name of their file."""
        return {
            "supervised_rows": self.rows,
            "supervised_summary": self.summary,
            "supervised_languages": self.languages,
            "supervised_categories": self.categories,
            "supervised_confusion": self.confusion.rename_axis("truth").reset_index(),
        }


async def assign_categories(base: Base, categories: Sequence[str], tools: Tools) -> dict[str, str]:
    """Category of every named base cluster, by the hierarchizer's own assignment step.

    Clusters whose assignment failed are not in it; their conversations count as wrong.
    """
    replies = await hierarchy.assign(
        base.nodes(),
        categories,
        tools.door,
        stage="assign:categories",
        seed=tools.config.seed,
        prompts=tools.prompts,
    )
    return {r.subject: r.value for r in replies if r.value is not None}


def rows_of(dataset: Dataset, members: Mapping[str, str | None], assigned: Mapping[str, str]) -> pd.DataFrame:
    """A row a conversation of the sample: its truth, its base cluster and the category that this led to."""
    return pd.DataFrame(
        [
            {
                "conversation": conversation,
                "language": dataset.truth[conversation].language,
                "category": dataset.truth[conversation].category,
                "subcategory": dataset.truth[conversation].subcategory,
                "predicted": assigned.get(cluster or "", ""),
                "base_cluster": cluster or "",
            }
            for conversation, cluster in members.items()
        ],
    )


def score(rows: pd.DataFrame, dataset: Dataset) -> Supervised:
    """All tables of the suite from its rows."""
    summary = reconstruction.summary(rows, dataset.categories)
    known = paper.accuracy(dataset.name)
    summary["paper"] = [known if metric == "accuracy" else None for metric in summary["metric"]]
    languages = reconstruction.by_language(rows, dataset.categories)
    languages["paper_accuracy"] = [paper.language_accuracy(name) for name in languages["language"]]
    return Supervised(
        rows,
        summary,
        languages,
        reconstruction.by_category(rows, dataset.categories),
        reconstruction.confusion(rows, dataset.categories),
    )


def metrics(result: Supervised, dataset: str) -> list[dict[str, object]]:
    """Rows of `metrics.csv`: suite, dataset, metric, slice, value, low, high, n."""
    head = {"suite": SUITE, "dataset": dataset}
    rows: list[dict[str, object]] = [
        {**head, "metric": r.metric, "slice": "all", "value": r.value, "low": r.low, "high": r.high, "n": r.n}
        for r in result.summary.itertuples()
    ]
    for r in result.languages.itertuples():
        place = {**head, "slice": f"language={r.language}", "n": r.samples}
        rows.append({**place, "metric": "accuracy", "value": r.accuracy, "low": r.low, "high": r.high})
        rows.append(
            {**place, "metric": "macro_f1", "value": r.macro_f1, "low": r.macro_f1_low, "high": r.macro_f1_high}
        )
        rows.append({**place, "metric": "weighted_f1", "value": r.weighted_f1, "low": None, "high": None})
    for r in result.categories.itertuples():
        place = {**head, "slice": f"category={r.category}", "n": r.truth, "low": None, "high": None}
        rows.append({**place, "metric": "recall", "value": r.recall})
        rows.append({**place, "metric": "precision", "value": r.precision})
    return rows
