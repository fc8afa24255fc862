"""Running things: the pipeline over a data set with truth, then the suites; or the pipeline alone."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from clio_core import journal, overrides, pipeline, recordings, runfolder
from clio_core.config import Config, ConfigError
from clio_core.door import Door, Progress, UnrecordedError
from clio_core.embedding import Store
from clio_core.loaders import Loaded
from clio_core.pipeline import Result, Tools
from clio_core.runfolder import RunFolder, RunFolderError
from evals import insight, supervised
from evals.gathering import gathered
from evals.suite import ITEM_COLUMNS, METRIC_COLUMNS, Context, Measured
from evals.suites import DEFAULT, Suite, chosen
from synthetic.datasets import Dataset

if TYPE_CHECKING:
    from inspect_ai.model import Model


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run: the pipeline's result, and what each suite found, by name."""

    context: Context
    measured: dict[str, Measured]

    @property
    def result(self) -> Result:
        """What the pipeline made."""
        return self.context.result

    @property
    def supervised(self) -> supervised.Supervised:
        """The supervised suite's tables, scored anew from the run."""
        rows = supervised.rows_of(self.context.dataset, self.result.base.members, self.context.assigned)
        return supervised.score(rows, self.context.dataset)


def models_for(config: Config, pending: Path) -> dict[str, Model]:
    """The model of every role; roles that share a name share the model and its connections.

    Raises:
        ConfigError: a model that Inspect does not know, or cannot start.
        RecordingError: no recording of that name.
    """
    from inspect_ai._util.error import PrerequisiteError  # Inspect raises it, but exports it nowhere
    from inspect_ai.model import get_model
    from rich.text import Text

    from clio_core.config import ROLES

    made: dict[str, Model] = {}
    for name in {config.model_of(role) for role in ROLES}:
        extra: dict[str, Any] = {"pending": str(pending)} if name.startswith("recorded/") else {}
        try:
            made[name] = get_model(name, memoize=not extra, **extra)
        except recordings.RecordingError:
            raise
        except (ValueError, PrerequisiteError) as error:  # no such provider or model; no key or package for it
            said = Text.from_markup(str(error)).plain  # Inspect marks its messages up for a terminal
            raise ConfigError(f"the model {name!r} cannot be used: {said}") from error
    return {role: made[config.model_of(role)] for role in ROLES}


def shipped_vectors(config: Config) -> list[Path]:
    """Vector files beside the recordings that this run uses."""
    names = {config.model_of(role) for role in ("extractor", "namer", "hierarchizer")}
    used = [name.removeprefix("recorded/") for name in sorted(names) if name.startswith("recorded/")]
    return [recordings.folder(name) / "embeddings.npz" for name in used]


def stand_in(config: Config) -> Model | None:
    """What answers a cluster's call that a recording does not hold, where the settings allow it."""
    if config.missing == "stop":
        return None
    from inspect_ai.model import get_model

    return get_model("local/extractive")


def lent(base: Path | None, part: str) -> Path | None:
    """Folder in `base` whose answers a part of that name can take over; None where it has no such part.

    Args:
        base: folder of an earlier run or session, finished or not; None for none.
        part: name of the data set or fixed suite that is to be run.
    Raises:
        RunFolderError: nothing was ever answered in `base`.
    """
    if base is None:
        return None
    held = [file.parent for file in (base / "calls.jsonl", *sorted(base.glob("*/calls.jsonl"))) if file.exists()]
    if not held:
        raise RunFolderError(f"--base {base} is not the folder of a run: nothing was answered in it (no calls.jsonl)")
    return next((folder for folder in (base / part, base) if folder in held), None)


def tools_for(
    config: Config,
    folder: RunFolder,
    *,
    progress: Progress | None = None,
    prompts: Path | None = None,
    base: Path | None = None,
) -> Tools:
    """Door, store and folder for a run with these settings.

    Args:
        config: its settings.
        folder: where it stands.
        progress: shows how far a stage is.
        prompts: folder whose prompt files win over the shipped ones.
        base: folder of one earlier run; its answers and vectors stand in for calls that have not changed.
    Raises:
        RunFolderError: a damaged journal in `base`.
    """
    models = models_for(config, folder.pending)
    gc.freeze()  # what is loaded by now stays; not looking through it again saves a fifth of the CPU of model calls
    kept = folder.journal()
    if base is not None:
        try:
            kept.adopt(journal.read(base / "calls.jsonl"))
        except ValueError as error:
            raise RunFolderError(str(error)) from error
    door = Door(
        lambda role: models[role],
        kept,
        width=config.width,
        attempts=config.attempts,
        prefill=config.prefill,
        progress=progress,
        stand_in=stand_in(config),
    )
    vectors = [*shipped_vectors(config), *([] if base is None else [base / "embeddings.npz"])]
    store = Store(folder.path / "embeddings.npz", shipped=vectors)
    return Tools(config, door, store, folder, prompts)


def run(
    dataset: Dataset,
    config: Config,
    out: Path,
    *,
    suites: Sequence[Suite] | None = None,
    progress: Progress | None = None,
    prompts: Path | None = None,
    base: Path | None = None,
) -> Finished:
    """Pipeline and suites over a data set whose truth is known; everything lands in the folder `out`.

    Args:
        dataset: conversations with their truth.
        config: settings.
        out: the run's folder; the same settings in the same folder go on where they were.
        suites: what is measured; the default suites where it is None.
        progress: shows how far a stage is.
        prompts: folder whose prompt files win over the shipped ones.
        base: folder of an earlier run whose answers are taken over for every call that has not changed.
    Raises:
        UnrecordedError, RunFolderError, ConfigError, ValueError: see `clio_core.pipeline.run`.
        PromptError: a file in `prompts` that nothing reads or that cannot do its work.
    """
    insight.check_flag(dataset.conversations, config.flag)
    overrides.check(prompts, config.facets)
    lender = lent(base, dataset.name)
    folder = RunFolder(out)
    folder.claim(dataset.loaded.content_hash, config)
    began = datetime.now(UTC)
    tools = tools_for(config, folder, progress=progress, prompts=prompts, base=lender)
    try:
        finished = asyncio.run(_run(dataset, tools, chosen(DEFAULT) if suites is None else suites))
    finally:
        tools.door.journal.close()
    write_measured(folder, dataset.name, finished.measured)
    _close(folder, tools, _described(dataset.name, dataset.loaded, dataset.sensitive), began, prompts)
    return finished


def run_fixed(
    suite: Suite,
    config: Config,
    out: Path,
    *,
    progress: Progress | None = None,
    prompts: Path | None = None,
    base: Path | None = None,
) -> Measured:
    """A suite that has a fixed set of its own and needs no pipeline; everything lands in the folder `out`."""
    overrides.check(prompts, config.facets)
    lender = lent(base, suite.name)
    folder = RunFolder(out)
    folder.claim(suite.name, config)
    began = datetime.now(UTC)
    tools = tools_for(config, folder, progress=progress, prompts=prompts, base=lender)
    try:
        measured = asyncio.run(_fixed(suite, tools))
    finally:
        tools.door.journal.close()
    write_measured(folder, suite.name, {suite.name: measured})
    fixed = {"name": suite.name, "hash": measured.hash, "conversations": 0, "sensitive": False, "fixed": True}
    _close(folder, tools, fixed, began, prompts)
    return measured


async def _fixed(suite: Suite, tools: Tools) -> Measured:
    return await suite.measure(tools)


async def _run(dataset: Dataset, tools: Tools, suites: Sequence[Suite]) -> Finished:
    try:
        context = await context_of(dataset, tools)
    except UnrecordedError as error:
        # What suites can ask without a finished run joins the same pending file: fewer rounds.
        asked = [await suite.ahead(dataset, tools) for suite in suites]
        raise UnrecordedError.all_of([error, *itertools.chain.from_iterable(asked)]) from None
    found = await gathered(*(suite.measure(context) for suite in suites))
    return Finished(context, dict(zip((suite.name for suite in suites), found, strict=True)))


async def context_of(dataset: Dataset, tools: Tools) -> Context:
    """The whole pipeline over a data set, and its base clusters led back to the known categories."""
    sample, values, base = await pipeline.begin(dataset.conversations, tools)
    # The two halves below do not wait for each other, so that one pending file collects what both still need.
    assigned, result = await gathered(
        supervised.assign_categories(base, dataset.categories, tools), pipeline.complete(sample, values, base, tools)
    )
    return Context(dataset, tools, sample, values, base, result, assigned)


def cluster(
    name: str,
    loaded: Loaded,
    config: Config,
    out: Path,
    *,
    sensitive: bool = True,
    progress: Progress | None = None,
    prompts: Path | None = None,
) -> Result:
    """The pipeline alone, over conversations whose truth nobody knows."""
    insight.check_flag(loaded.conversations, config.flag)
    overrides.check(prompts, config.facets)
    folder = RunFolder(out)
    folder.claim(loaded.content_hash, config)
    began = datetime.now(UTC)
    tools = tools_for(config, folder, progress=progress, prompts=prompts)
    try:
        result = asyncio.run(pipeline.run(loaded.conversations, tools))
    finally:
        tools.door.journal.close()
    write_measured(folder, name, {"insight": insight.of_run(result, loaded.conversations, config)})
    _close(folder, tools, _described(name, loaded, sensitive), began, prompts)
    return result


def write_measured(folder: RunFolder, dataset: str, measured: Mapping[str, Measured]) -> None:
    """What suites found: their tables, `metrics.csv` (a row a metric and slice) and `items.parquet` (a row a score)."""
    metrics, items = [], []
    for suite, found in measured.items():
        for name, table in found.tables.items():
            table.to_csv(folder.tables / f"{name}.csv", index=False)
        metrics += [{"suite": suite, "dataset": dataset, **row} for row in found.metrics]
        items += [{"suite": suite, **row} for row in found.items]
    pd.DataFrame(metrics, columns=METRIC_COLUMNS).to_csv(folder.path / "metrics.csv", index=False)
    folder.write_table("items", items, ITEM_COLUMNS)


def _described(name: str, loaded: Loaded, sensitive: bool) -> dict[str, Any]:
    return {
        "name": name,
        "hash": loaded.content_hash,
        "conversations": len(loaded.conversations),
        "layout": loaded.layout,
        "skipped": [str(row) for row in loaded.skipped],
        "notes": list(loaded.notes),
        "sensitive": sensitive,
    }


def _close(folder: RunFolder, tools: Tools, dataset: dict[str, Any], began: datetime, prompts: Path | None) -> None:
    made = runfolder.manifest(tools.config, tools.door, dataset, began, prompts)
    made["embedded"] = {"computed": tools.store.computed, "embedder": tools.config.embedder}
    made["adopted"] = tools.door.journal.adopted
    stood_in = tools.door.stood_in
    made["unrecorded"] = sum(stood_in.values())
    rows = [{"stage": stage, "calls": calls} for stage, calls in sorted(stood_in.items())]
    pd.DataFrame(rows, columns=["stage", "calls"]).to_csv(folder.tables / "unrecorded.csv", index=False)
    folder.write_json("prompts.json", overrides.texts(prompts, tools.config.facets))
    folder.write_table("usage", made["usage"], list(made["usage"][0]) if made["usage"] else ["stage"])
    folder.write_json("manifest.json", made)
