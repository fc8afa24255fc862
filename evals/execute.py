"""Running things: the pipeline over a data set with truth, then the suites; or the pipeline alone."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from clio_core import pipeline, recordings, runfolder
from clio_core.config import Config, ConfigError
from clio_core.door import Door, Progress, UnrecordedError
from clio_core.embedding import Store
from clio_core.loaders import Loaded
from clio_core.pipeline import Result, Tools
from clio_core.runfolder import RunFolder
from evals import supervised
from synthetic.datasets import Dataset

if TYPE_CHECKING:
    from inspect_ai.model import Model

METRIC_COLUMNS = ["suite", "dataset", "metric", "slice", "value", "low", "high", "n"]


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run: the pipeline's result and the suite's tables."""

    result: Result
    supervised: supervised.Supervised


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


def tools_for(
    config: Config, folder: RunFolder, *, progress: Progress | None = None, prompts: Path | None = None
) -> Tools:
    """Door, store and folder for a run with these settings."""
    models = models_for(config, folder.pending)
    gc.freeze()  # what is loaded by now stays; not looking through it again saves a fifth of the CPU of model calls
    door = Door(
        lambda role: models[role],
        folder.journal(),
        width=config.width,
        attempts=config.attempts,
        prefill=config.prefill,
        progress=progress,
    )
    store = Store(folder.path / "embeddings.npz", shipped=shipped_vectors(config))
    return Tools(config, door, store, folder, prompts)


def run(
    dataset: Dataset, config: Config, out: Path, *, progress: Progress | None = None, prompts: Path | None = None
) -> Finished:
    """Pipeline and suites over a data set whose truth is known; everything lands in the folder `out`.

    Raises:
        UnrecordedError, RunFolderError, ConfigError, ValueError: see `clio_core.pipeline.run`.
    """
    folder = RunFolder(out)
    folder.claim(dataset.loaded.content_hash, config)
    began = datetime.now(UTC)
    tools = tools_for(config, folder, progress=progress, prompts=prompts)
    try:
        finished = asyncio.run(_run(dataset, tools))
    finally:
        tools.door.journal.close()
    for name, table in finished.supervised.tables().items():
        table.to_csv(folder.tables / f"{name}.csv", index=False)
    write_metrics(folder, supervised.metrics(finished.supervised, dataset.name))
    _close(folder, tools, _described(dataset.name, dataset.loaded, dataset.sensitive), began, prompts)
    return finished


async def _run(dataset: Dataset, tools: Tools) -> Finished:
    sample, values, base = await pipeline.begin(dataset.conversations, tools)
    # The two halves below do not wait for each other, so that one pending file collects what both still need.
    steps = await asyncio.gather(
        supervised.assign_categories(base, dataset.categories, tools),
        pipeline.complete(sample, values, base, tools),
        return_exceptions=True,
    )
    assigned, result = steps
    missing = [step for step in steps if isinstance(step, UnrecordedError)]
    for step in steps:
        if isinstance(step, BaseException) and not isinstance(step, UnrecordedError):
            raise step
    if missing:
        raise UnrecordedError.all_of(missing)
    assert not isinstance(assigned, BaseException)
    assert not isinstance(result, BaseException)
    rows = supervised.rows_of(dataset, result.base.members, assigned)
    return Finished(result, supervised.score(rows, dataset))


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
    folder = RunFolder(out)
    folder.claim(loaded.content_hash, config)
    began = datetime.now(UTC)
    tools = tools_for(config, folder, progress=progress, prompts=prompts)
    try:
        result = asyncio.run(pipeline.run(loaded.conversations, tools))
    finally:
        tools.door.journal.close()
    write_metrics(folder, [])
    _close(folder, tools, _described(name, loaded, sensitive), began, prompts)
    return result


def write_metrics(folder: RunFolder, rows: Sequence[dict[str, object]]) -> None:
    """`metrics.csv`, tidy: a row a metric and slice."""
    pd.DataFrame(list(rows), columns=METRIC_COLUMNS).to_csv(folder.path / "metrics.csv", index=False)


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
    folder.write_table("usage", made["usage"], list(made["usage"][0]) if made["usage"] else ["stage"])
    folder.write_json("manifest.json", made)
