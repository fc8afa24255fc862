"""A task in stages: facets in shards, then one step that clusters, names and measures, then a scored sample an item."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from inspect_ai import SampleSource
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSample
from inspect_ai.model import get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from clio_core import pipeline
from clio_core.capabilities import full_name
from clio_core.config import ROLES, Config
from clio_core.door import Door
from clio_core.embedding import Store
from clio_core.journal import Answer, Journal
from clio_core.pipeline import Tools
from clio_core.records import FacetValue
from clio_evals.found import Found
from evals import defaults, execute, supervised
from evals.suite import Measured
from evals.suites import SUITES
from synthetic.datasets import Dataset

_TRIES = 5  # eval-retry drives the same source again; a step that keeps failing must end

Step = Callable[[Dataset, Tools], Awaitable[tuple[Measured, Sequence[FacetValue]]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a task is to measure.

    Attributes:
        suite: name of the suite.
        data: conversations with their truth.
        config: settings; the models are Inspect's.
        missing: what becomes of calls that a recording lacks, see `evals.defaults.missing`.
        shard: conversations a sample of extraction.
    """

    suite: str
    data: Dataset
    config: Config
    missing: str | None
    shard: int


class Staged(SampleSource):
    """Extraction in shards, then one step for the rest, then a scored sample an item.

    What comes next is derived from what is known, never counted, because retries drive the same instance again
    and hand back the shards that were already extracted.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.found: Found | None = None
        self.done: set[str] = set()
        self.tries = 0

    def initial_samples(self) -> list[Sample]:
        """One sample a shard of conversations to extract facets from."""
        ids, shard = [c.id for c in self.plan.data.conversations], self.plan.shard
        return [
            Sample(
                id=f"extract-{start // shard:04d}",
                input=f"Extract facets of conversations {start} to {min(start + shard, len(ids)) - 1}",
                metadata={"kind": "extract", "ids": ids[start : start + shard]},
            )
            for start in range(0, len(ids), shard)
        ]

    async def sample_complete(self, sample: EvalSample) -> None:
        """Take over what a finished sample left in its store; called for reused samples too."""
        if sample.error is not None:
            return
        kind = (sample.metadata or {}).get("kind")
        if kind == "extract":
            self.answers[str(sample.id)] = sample.store["answers"]
        elif kind == "measure":
            self.found = Found(**sample.store["found"])
        else:
            self.done.add(str(sample.id))

    async def next_samples(self) -> list[Sample] | None:
        """The step that measures once every shard is in, then the items that are not scored yet."""
        if len(self.answers) < len(self.initial_samples()):
            return None  # a shard failed: the eval ends, and eval-retry asks only for what is missing
        if self.found is None:
            self.tries += 1
            step = Sample(id="measure", input="Cluster, name and measure", metadata={"kind": "measure"})
            return [step] if self.tries <= _TRIES else None
        return [s for s in self.found.samples() if str(s.id) not in self.done] or None

    def tools(self) -> Tools:
        """Means of a stage. Its door knows every answer that shards brought in, so that none is asked for again."""
        journal = Journal()
        journal.adopt(Answer(**answer) for shard in sorted(self.answers) for answer in self.answers[shard])
        return tools_for(self.plan.config, self.plan.missing, [self.plan.data], journal)


def tools_for(config: Config, missing: str | None, data: Sequence[Dataset], journal: Journal | None = None) -> Tools:
    """Means of a stage whose models are those that Inspect was given, by role where it was given any."""
    models = {role: get_model(role=role) for role in ROLES}
    names = {role: full_name(model) for role, model in models.items()}
    model = full_name(get_model())
    config = replace(config, model=model, models=names, missing=defaults.missing(missing, model, data))
    door = Door(
        lambda role: models[role],
        journal,
        width=config.width,
        attempts=config.attempts,
        prefill=config.prefill,
        stand_in=execute.stand_in(config),
    )
    return Tools(config, door, Store(shipped=execute.shipped_vectors(config)))


async def reconstruct(data: Dataset, tools: Tools) -> tuple[Measured, Sequence[FacetValue]]:
    """Suite "supervised" with no more of the pipeline than it needs: no hierarchy is built and no cluster audited."""
    _, values, base = await pipeline.begin(data.conversations, tools)
    assigned = await supervised.assign_categories(base, data.categories, tools)
    return supervised.measured(data, base.members, assigned), values


def whole(suite: str) -> Step:
    """A suite over the whole pipeline, as `clio-evals run` measures it."""

    async def step(data: Dataset, tools: Tools) -> tuple[Measured, Sequence[FacetValue]]:
        context = await execute.context_of(data, tools)
        return await SUITES[suite].measure(context), context.values

    return step


@solver
def steps(source: Staged, step: Step) -> Solver:
    """Run the stage that a pipeline sample stands for; items need nothing more."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        plan, kind = source.plan, state.metadata["kind"]
        if kind == "extract":
            wanted = set(state.metadata["ids"])
            made = tools_for(plan.config, plan.missing, [plan.data])
            drawn = await pipeline.prepare([c for c in plan.data.conversations if c.id in wanted], made)
            await pipeline.extract(drawn, made)
            state.store.set("answers", [asdict(answer) for answer in made.door.journal.all()])
        elif kind == "measure":
            made = source.tools()
            measured, values = await step(plan.data, made)
            kept = {v.conversation: v.value for v in values if v.facet == plan.config.cluster_facet}
            state.store.set("found", Found.of(plan.suite, measured, kept, made.door, plan.data.categories).as_dict())
        return state

    return solve
