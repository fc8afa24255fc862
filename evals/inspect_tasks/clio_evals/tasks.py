"""Inspect tasks: every suite of `clio-evals run`, by the very same code, and finished runs scored without a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.log import HeadlineMetric
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from clio_evals import finished, ratings
from clio_evals.scorers import category_match, item_score, rating, suite_metrics
from clio_evals.staged import Plan, Staged, Step, reconstruct, steps, whole
from evals import defaults
from evals.suites import SEEDS, SUITES
from synthetic import auditor_set
from synthetic.datasets import DatasetError, open_dataset

VERSION = "1-B"  # the number rises when a score changes its meaning, the letter when options or metadata do


def over(
    suite: str,
    headline: str,
    *,
    items: bool = True,
    name: str | None = None,
    step: Step | None = None,
    **fixed: Any,
) -> Callable[..., Task]:
    """Register a task that measures a suite over a data set.

    Args:
        suite: its name in the registry of suites.
        headline: which of its metrics sums it up.
        items: whether it scores single things, or only the run as a whole.
        name: of the task, where it is not the suite's.
        step: what measures it; default: the whole pipeline and then the suite.
        fixed: settings that this task's user cannot choose.
    """
    known = SUITES[suite]

    def build(
        dataset: str = known.sets[0],
        n: int | None = None,
        k: int | None = None,
        seed: int = 0,
        shard: int = 500,
        missing: str | None = None,
    ) -> Task:
        """Build the task.

        Args:
            dataset: a shipped data set, or a file with category and language.
            n: only so many conversations, spread over categories and languages.
            k: number of base clusters (default: the rule of `clio-evals run`).
            seed: of clustering and shuffling.
            shard: conversations a sample of extraction; eval-retry repeats whole shards only.
            missing: "stop" or "local", as `clio-evals run --missing`.
        """
        data = open_dataset(dataset)
        if data.name not in known.sets and not known.any_data:
            raise DatasetError(f"suite {suite!r} is measured on {list(known.sets)}, got {dataset!r}")
        data = data if n is None else data.first(n)
        config = defaults.config(data, k=k, seed=seed, seeds=SEEDS, project=0, **fixed)  # nobody would see the map
        source = Staged(Plan(suite, data, config, missing, shard))
        about = {"suite": suite, "dataset": data.name, "hash": data.loaded.content_hash}
        solving = steps(source, step or whole(suite))
        return Task(source, solver=solving, scorer=_scorers(suite, items), metadata=about, **_stamp(headline))

    return task(name=name or suite)(build)


def _scorers(suite: str, items: bool) -> list[Scorer]:
    single = category_match() if suite == "supervised" else item_score()
    return [single, suite_metrics()] if items else [suite_metrics()]


def _stamp(metric: str | None, scorer: str = "suite_metrics") -> dict[str, Any]:
    """The version, and the number that sums a task up."""
    return {"version": VERSION, "headline_metric": HeadlineMetric(scorer=scorer, metric=metric)}


# Reconstruction needs one facet, no hierarchy and no audit.
supervised_reconstruction = over(
    "supervised", "accuracy", name="supervised_reconstruction", step=reconstruct, facets=("request",)
)
unsupervised = over("unsupervised", "ami_base")
multilingual = over("multilingual", "language_accuracy")
stages = over("stages", "summary_accuracy")
seeds = over("seeds", "accuracy_over_seeds", items=False)
oracle = over("oracle", "loss")
selftest = over("selftest", "selftest_failures", items=False)
integrity = over("integrity", "conservation_violations", items=False)
insight = over("insight", "concern_flag_r", items=False)
cost = over("cost", "dollars_100k", items=False)
privacy = over("privacy", "found_published")
attacks = over("attacks", "stopped")


@task
def auditor(n: int | None = None) -> Task:
    """The privacy auditor against labelled texts (paper D.1), one sample a text.

    Args:
        n: only so many texts, taken from all over the set.
    """
    judged = auditor_set.read()
    rows = judged.rows
    if n is not None:
        rows = tuple(rows[i * len(rows) // n] for i in range(min(n, len(rows))))
    return Task(
        MemoryDataset(ratings.texts(rows)),
        solver=ratings.rate(rows),
        scorer=[item_score(), rating()],
        metadata={"suite": "auditor", "hash": judged.hash},
        **_stamp("accuracy", "rating"),
    )


@solver
def nothing() -> Solver:
    """A finished run needs no solving."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return state

    return solve


def _finished(run: str, suite: str, dataset: str | None) -> Task:
    part, found = finished.read(Path(run), suite, dataset)
    return Task(
        MemoryDataset(found.samples()),
        solver=nothing(),
        scorer=_scorers(suite, bool(found.items)),
        metadata={"suite": suite, "dataset": part.name, "run": str(part.path), "models": part.manifest["models"]},
        **_stamp(None),
    )


@task
def suite_run(run: str, suite: str = "supervised", dataset: str | None = None) -> Task:
    """What a suite found in a finished run, sample by sample; makes no model call.

    Args:
        run: folder of the run, or of a session of several.
        suite: one of the suites that were measured there.
        dataset: which part of a session.
    """
    return _finished(run, suite, dataset)


@task
def supervised_reconstruction_run(run: str, dataset: str | None = None) -> Task:
    """Score the finished run in folder `run` by suite "supervised"; makes no model call."""
    return _finished(run, "supervised", dataset)
