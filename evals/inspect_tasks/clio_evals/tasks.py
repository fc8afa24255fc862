"""Inspect tasks. Each drives the very stages that `clio-evals run` drives, or scores a finished run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inspect_ai import SampleSource, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import EvalSample
from inspect_ai.model import get_model
from inspect_ai.scorer import Metric, Score, Scorer, Target, accuracy, grouped, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from clio_core import pipeline
from clio_core.config import Config
from clio_core.door import Door
from clio_core.embedding import Store
from clio_core.pipeline import Sample as Drawn
from clio_core.pipeline import Tools
from clio_core.records import FacetValue, Outcome
from clio_core.runfolder import RunFolder
from clio_core.transcript import render
from clio_evals.metrics import clustered_interval, macro_f1, weighted_f1
from evals import supervised
from evals.execute import shipped_vectors
from synthetic.datasets import Dataset, open_dataset

_CLUSTER_TRIES = 5  # eval-retry drives the same source again; a cluster step that keeps failing must end


def _metrics(categories: tuple[str, ...]) -> list[Metric | dict[str, list[Metric]]]:
    return [
        accuracy(),
        clustered_interval(),
        stderr(cluster="base_cluster"),
        macro_f1(categories),
        weighted_f1(categories),
        grouped(accuracy(), "language", all=False),
    ]


@scorer(metrics=[accuracy(), stderr()])
def category_match() -> Scorer:
    """1 where the category that the base cluster was assigned to is the true one; no score for pipeline steps."""

    async def score(state: TaskState, target: Target) -> Score | None:
        if state.metadata.get("kind") != "conversation":
            return None
        predicted = state.metadata["predicted"]
        reason = None if predicted else "not_assigned"
        return Score(value=int(predicted == target.text), answer=predicted, explanation=reason)

    return score


def _scored(rows: Sequence[Mapping[Any, Any]], summaries: dict[str, str]) -> list[Sample]:
    return [
        Sample(
            id=row["conversation"],
            input=summaries.get(row["conversation"]) or "(no summary)",
            target=row["category"],
            metadata={"kind": "conversation", **row},
        )
        for row in rows
    ]


class Staged(SampleSource):
    """Extraction in shards, then one step that clusters and assigns, then one scored sample a conversation.

    What comes next is derived from what is known, never counted, because retries drive the same instance again
    and hand back the shards that were already extracted.
    """

    def __init__(self, data: Dataset, config: Config, shard: int) -> None:
        self.data, self.config, self.shard = data, config, shard
        self.values: dict[str, list[dict[str, Any]]] = {}
        self.rows: list[dict[str, Any]] | None = None
        self.done: set[str] = set()
        self.tries = 0

    def initial_samples(self) -> list[Sample]:
        """One sample a shard of conversations to extract facets from."""
        ids = [c.id for c in self.data.conversations]
        return [
            Sample(
                id=f"extract-{start // self.shard:04d}",
                input=f"Extract facets of conversations {start} to {min(start + self.shard, len(ids)) - 1}",
                metadata={"kind": "extract", "ids": ids[start : start + self.shard]},
            )
            for start in range(0, len(ids), self.shard)
        ]

    async def sample_complete(self, sample: EvalSample) -> None:
        """Take over what a finished sample left in its store; called for reused samples too."""
        if sample.error is not None:
            return
        kind = (sample.metadata or {}).get("kind")
        if kind == "extract":
            self.values[str(sample.id)] = sample.store["values"]
        elif kind == "cluster":
            self.rows = sample.store["rows"]
        else:
            self.done.add(str(sample.id))

    def facet_values(self) -> list[FacetValue]:
        """Every value extracted so far, in the order of the shards."""
        listed = [value for shard in sorted(self.values) for value in self.values[shard]]
        return [FacetValue(v["conversation"], v["facet"], v["value"], Outcome(v["outcome"])) for v in listed]

    async def next_samples(self) -> list[Sample] | None:
        """The cluster step once every shard is in, then the conversations that are not scored yet."""
        if len(self.values) < len(self.initial_samples()):
            return None  # a shard failed: the eval ends, and eval-retry asks only for what is missing
        if self.rows is None:
            self.tries += 1
            step = Sample(id="cluster", input="Cluster, name and assign", metadata={"kind": "cluster"})
            return [step] if self.tries <= _CLUSTER_TRIES else None
        summaries = {v.conversation: v.value for v in self.facet_values() if v.facet == self.config.cluster_facet}
        return [s for s in _scored(self.rows, summaries) if str(s.id) not in self.done] or None


def _tools(config: Config) -> Tools:
    shipped = shipped_vectors(Config(model=str(get_model())))
    return Tools(config, Door(lambda role: get_model(role=role), width=config.width), Store(shipped=shipped))


@solver
def stages(source: Staged) -> Solver:
    """Run the stage that a pipeline sample stands for; conversations need nothing more."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        kind = state.metadata["kind"]
        if kind == "extract":
            wanted = set(state.metadata["ids"])
            chosen = tuple(c for c in source.data.conversations if c.id in wanted)
            values = await pipeline.extract(_drawn(chosen, source.config), _tools(source.config))
            state.store.set("values", [{**asdict(v), "outcome": v.outcome.value} for v in values])
        elif kind == "cluster":
            tools = _tools(source.config)
            drawn = _drawn(source.data.conversations, source.config)
            base = await pipeline.cluster(drawn, source.facet_values(), tools)
            assigned = await supervised.assign_categories(base, source.data.categories, tools)
            rows = supervised.rows_of(source.data, base.members, assigned)
            state.store.set("rows", rows.to_dict("records"))
        return state

    return solve


def _drawn(conversations: tuple[Any, ...], config: Config) -> Drawn:
    transcripts = {c.id: render(c, budget=config.token_budget) for c in conversations}
    return Drawn(conversations, transcripts, len(conversations), 0)


@task(version="1-A", headline_metric="accuracy")
def supervised_reconstruction(
    dataset: str = "regular", n: int | None = None, k: int | None = None, seed: int = 0, shard: int = 500
) -> Task:
    """Supervised reconstruction (paper C.2.2): pipeline steps first, then one scored sample a conversation.

    Args:
        dataset: a shipped data set, or a file with category and language.
        n: only so many conversations, spread over categories and languages.
        k: number of base clusters (default: the rule of `clio-evals run`).
        seed: of clustering and shuffling.
        shard: conversations a pipeline sample; eval-retry repeats whole shards only.
    """
    data = open_dataset(dataset)
    data = data if n is None else data.first(n)
    config = Config(k=k, seed=seed, facets=("request",), name_held_back=True, quote=not data.sensitive)
    source = Staged(data, config, shard)
    return Task(dataset=source, solver=stages(source), scorer=category_match(), metrics=_metrics(data.categories))


@solver
def nothing() -> Solver:
    """A finished run needs no solving."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return state

    return solve


@task(version="1-A", headline_metric="accuracy")
def supervised_reconstruction_run(run: str) -> Task:
    """Score the finished run in folder `run`; makes no model call."""
    import pandas as pd

    folder = RunFolder(Path(run))
    manifest = folder.read_manifest()
    frame = pd.read_csv(folder.tables / "supervised_rows.csv", keep_default_na=False, dtype=str)
    values = folder.read_table("facets")
    asked = values[values["facet"] == manifest["config"]["cluster_facet"]]
    summaries = dict(zip(asked["conversation"], asked["value"], strict=True))
    categories = tuple(pd.read_csv(folder.tables / "supervised_categories.csv")["category"])
    return Task(
        dataset=MemoryDataset(_scored(frame.to_dict("records"), summaries)),
        solver=nothing(),
        scorer=category_match(),
        metrics=_metrics(categories),
        metadata={"run": str(folder.path), "dataset": manifest["dataset"], "models": manifest["models"]},
    )
