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
from evals.suite import Context, Measured, item, metric
from synthetic.datasets import Dataset


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
    # Table 5 is about the regular data alone.
    regular = dataset.name == "regular"
    languages["paper_accuracy"] = [paper.language_accuracy(n) if regular else None for n in languages["language"]]
    return Supervised(
        rows,
        summary,
        languages,
        reconstruction.by_category(rows, dataset.categories),
        reconstruction.confusion(rows, dataset.categories),
    )


async def measure(context: Context) -> Measured:
    """Score the categories that the run's base clusters were assigned to; makes no call of its own."""
    return measured(context.dataset, context.result.base.members, context.assigned)


def measured(dataset: Dataset, members: Mapping[str, str | None], assigned: Mapping[str, str]) -> Measured:
    """The suite, from the base cluster of every conversation and the category of every base cluster."""
    found = score(rows_of(dataset, members, assigned), dataset)
    return Measured(found.tables(), metrics(found), items(found))


def items(result: Supervised) -> list[dict[str, object]]:
    """A scored item a conversation."""
    return [
        item(
            "accuracy",
            row["conversation"],
            float(row["category"] == row["predicted"]),
            language=row["language"],
            category=row["category"],
            # One without a base cluster failed by itself.
            cluster=row["base_cluster"] or f"alone:{row['conversation']}",
        )
        for row in result.rows.to_dict("records")
    ]


def metrics(result: Supervised) -> list[dict[str, object]]:
    """Rows of `metrics.csv`."""
    count = result.rows["base_cluster"].replace("", None).nunique()
    rows = [
        metric(
            str(r.metric).lower().replace(" ", "_"),
            r.value,
            ends=(r.low, r.high),
            n=r.n,
            clusters=count,
            paper=r.paper,
            note=r.note,
        )
        for r in result.summary.itertuples()
    ]
    for row in result.languages.to_dict("records"):
        place = {
            "where": f"language={row['language']}",
            "n": row["samples"],
            "clusters": row["clusters"],
            "note": row["note"],
        }
        ends, f1_ends = (row["low"], row["high"]), (row["macro_f1_low"], row["macro_f1_high"])
        rows.append(metric("accuracy", row["accuracy"], ends=ends, paper=row["paper_accuracy"], **place))
        rows.append(metric("macro_f1", row["macro_f1"], ends=f1_ends, **place))
        rows.append(metric("weighted_f1", row["weighted_f1"], **place))
    for r in result.categories.itertuples():
        rows.append(metric("recall", r.recall, where=f"category={r.category}", n=r.truth))
        rows.append(metric("precision", r.precision, where=f"category={r.category}", n=r.reconstructed))
    return rows
