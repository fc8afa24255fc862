"""The checks of a data set that somebody has to read it for: blind labels, and twins by English summaries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from clio_core import facets, runfolder
from clio_core.config import Config, from_dict
from clio_core.door import Progress, Reply, UnrecordedError
from clio_core.embedding import PACKAGED, Store
from clio_core.pipeline import Tools
from clio_core.records import Outcome
from clio_core.runfolder import RunFolder
from clio_core.transcript import render
from evals import execute, relabelling
from synthetic import checks
from synthetic.checks import Checked
from synthetic.checks.labels import LIMIT, NAME
from synthetic.checks.likeness import TWINS_LIMIT, TWINS_NAME
from synthetic.datasets import Dataset, overlaps

_FACET = "request"
_UNREAD = "a model has to read these conversations: --model"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads the conversations.

    Attributes:
        model: of every role; None for the shipped recording on shipped data, and for nobody on a user's.
        run: a finished run over the data set, whose summaries are taken instead of asking for them.
        width: calls under way at once.
        prompts: folder whose prompt files win over the shipped ones.
    """

    model: str | None = None
    run: Path | None = None
    width: int = 50
    prompts: Path | None = None

    def config(self, data: Dataset) -> Config | None:
        """Settings of the calls; None where nobody was asked to make any."""
        if self.model is None and not data.shipped:
            return None
        return Config(model=self.model or Config().model, width=self.width)


@dataclass(frozen=True, slots=True)
class Read:
    """What came of the reading.

    Attributes:
        checks: one for labels, one for twins; each may not have been run.
        replies: of blind relabelling, None where it was not done.
        manifest: models, prompts, usage and versions; empty where nobody was asked.
    """

    checks: tuple[Checked, ...]
    replies: list[Reply[str]] | None
    manifest: dict[str, Any]


def read(
    data: Dataset,
    readers: Readers,
    folder: Path | None,
    described: Mapping[str, Any],
    began: datetime,
    progress: Progress | None = None,
) -> Read:
    """Have a data set read, and check what the readers found.

    Args:
        data: the data set.
        readers: who reads.
        folder: where calls, vectors and requests that wait for an answer are kept; None keeps nothing.
        described: the data set as the manifest has it.
        began: when the work began.
        progress: shows how far the calls are.
    Raises:
        UnrecordedError: the recording that `readers` names lacks answers. Where the shipped recording is looked into of
            our own accord, the checks that miss something are not run instead, and nothing is written down.
    """
    config = readers.config(data)
    if config is None:
        return Read((checks.not_run(NAME, LIMIT, _UNREAD), _twins(data, readers.run, _UNREAD, None)), None, {})
    with TemporaryDirectory() as nowhere:
        kept = folder if folder is not None and readers.model is not None else Path(nowhere)
        tools = execute.tools_for(config, RunFolder(kept), progress=progress, prompts=readers.prompts)
        try:
            replies, summaries = asyncio.run(_ask(data, tools, stop=readers.model is not None))
        finally:
            tools.door.journal.close()
        found = (_labels(data, replies), _twins(data, readers.run, summaries, tools.store))
        manifest = runfolder.manifest(config, tools.door, described, began, readers.prompts)
    return Read(found, replies if isinstance(replies, list) else None, manifest)


async def _ask(data: Dataset, tools: Tools, *, stop: bool) -> tuple[list[Reply[str]] | str, dict[str, str] | str]:
    """Relabelling and summaries; in place of either, the reason why it is not there.

    Raises:
        UnrecordedError: with `stop`, as one error about all that is missing.
    """
    labels, summaries = await asyncio.gather(
        _or_missing(relabelling.relabel(data.conversations, data.categories, tools.door, tools.prompts)),
        _or_missing(_summaries(data, tools)),
    )
    missing = [found for found in (labels, summaries) if isinstance(found, UnrecordedError)]
    if missing and stop:
        raise UnrecordedError.all_of(missing)
    return _or_reason(labels), _or_reason(summaries)


async def _or_missing(step: Awaitable[T]) -> T | UnrecordedError:
    try:
        return await step
    except UnrecordedError as error:
        return error


def _or_reason(found: T | UnrecordedError) -> T | str:
    if isinstance(found, UnrecordedError):
        return f"{found.missing} of {found.total} answers are not in the recording {found.recording!r}"
    return found


async def _summaries(data: Dataset, tools: Tools) -> dict[str, str]:
    """English summary by conversation, asked for as a run asks, so that a run's recording has it."""
    asked = facets.load_facet(_FACET, tools.prompts)
    transcripts = {c.id: render(c, budget=tools.config.token_budget) for c in data.conversations}
    values = await facets.extract([asked], data.conversations, transcripts, tools.door, tools.prompts)
    return {v.conversation: v.value for v in values if v.outcome is Outcome.OK}


def _labels(data: Dataset, replies: list[Reply[str]] | str) -> Checked:
    if isinstance(replies, str):
        return checks.not_run(NAME, LIMIT, replies)
    return checks.labels(data, {r.subject: r.value for r in replies}, overlaps(data.categories))


def _twins(data: Dataset, run: Path | None, summaries: dict[str, str] | str, store: Store | None) -> Checked:
    if run is not None:
        folder = RunFolder.open(run)
        config = from_dict(folder.read_manifest()["config"])
        values = folder.read_table("facets")
        values = values[(values["facet"] == config.cluster_facet) & (values["outcome"] == Outcome.OK.value)]
        summaries = dict(zip(values["conversation"], values["value"], strict=True))
        # A run that replayed a recording computed nothing: its vectors stand beside the recording.
        store = Store(run / "embeddings.npz", shipped=execute.shipped_vectors(config))
    if isinstance(summaries, str) or store is None:
        return checks.not_run(TWINS_NAME, TWINS_LIMIT, f"{summaries}; or a finished run over them: --run")
    return checks.twins(data, summaries, lambda texts: store.embed(texts, PACKAGED))
