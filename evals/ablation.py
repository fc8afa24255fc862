"""The pipeline with single privacy layers switched off, through the same door: only what differs is asked anew."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clio_core import pipeline
from clio_core.door import Progress, UnrecordedError
from clio_core.pipeline import Base, NothingToClusterError, Result, Sample, Tools
from clio_core.places import PROMPTS
from clio_core.records import FacetValue

HOME = PROMPTS / "ablations" / "no_privacy"
EXTRACTOR = ("extract_open.txt",)
NAMER = ("name_cluster.txt", "rename_cluster.txt")


@dataclass(frozen=True, slots=True)
class Variant:
    """Which of the four privacy layers are on (paper 2.3).

    Attributes:
        name: short, for tables.
        extractor: the extractor is told to leave private particulars out (layer 1).
        thresholds: clusters need enough conversations and accounts (layer 2).
        namer: those who name clusters are told so too (layer 3).
        audit: clusters rated under 3 are removed (layer 4).
    """

    name: str
    extractor: bool = True
    thresholds: bool = True
    namer: bool = True
    audit: bool = True


FULL = Variant("all layers")
VARIANTS = (
    FULL,
    Variant("extractor untold", extractor=False),
    Variant("no thresholds", thresholds=False),
    Variant("namer untold", namer=False),
    Variant("no audit", audit=False),
    Variant("no layer", extractor=False, thresholds=False, namer=False, audit=False),
)


@dataclass(frozen=True, slots=True)
class _Named:
    """A display that says which variant a stage belongs to."""

    display: Progress
    name: str

    def start(self, stage: str, total: int) -> None:
        self.display.start(f"{self.name}, {stage}", total)

    def advance(self, stage: str) -> None:
        self.display.advance(f"{self.name}, {stage}")


class Runner:
    """Runs variants over one sample. What variants share is made once; use it as a context manager.

    Args:
        sample: what goes into extraction.
        tools: of the run with all layers. Its folder is left alone.
        values: the facets of that run, where it has got so far.
        base: its base clusters, likewise.
    """

    def __init__(
        self, sample: Sample, tools: Tools, values: tuple[FacetValue, ...] | None = None, base: Base | None = None
    ) -> None:
        self.sample, self.tools = sample, replace(tools, folder=None, config=replace(tools.config, project=0))
        self._given: dict[Hashable, Any] = {}
        if values is not None:
            self._given["values", True] = values
        if base is not None:
            self._given["base", *self._base_key(FULL)] = base
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}
        self._prompts = tempfile.TemporaryDirectory(prefix="clio-ablation-")

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self._prompts.cleanup()

    async def values(self, variant: Variant) -> tuple[FacetValue, ...]:
        """Facets as the variant's extractor gives them."""
        key = ("values", variant.extractor)
        found: tuple[FacetValue, ...] = await self._once(key, pipeline.extract(self.sample, self._tools(variant)))
        return found

    async def base(self, variant: Variant) -> Base:
        """Named base clusters of the variant."""
        found: Base = await self._once(("base", *self._base_key(variant)), self._cluster(variant))
        return found

    async def result(self, variant: Variant) -> Result | None:
        """The finished variant; None where there was nothing to cluster.

        Raises:
            UnrecordedError: the recording lacks answers. What several variants lack is one and the same error.
        """
        try:
            values, base = await self.values(variant), await self.base(variant)
        except NothingToClusterError:
            return None
        return await pipeline.complete(self.sample, values, base, self._tools(variant))

    async def own_errors(self) -> list[UnrecordedError]:
        """What the run with all layers lacks before its hierarchy, which that run says itself."""
        keys = [("values", True), ("base", *self._base_key(FULL))]
        done = await asyncio.gather(*(self._tasks[k] for k in keys if k in self._tasks), return_exceptions=True)
        return [error for error in done if isinstance(error, UnrecordedError)]

    async def _cluster(self, variant: Variant) -> Base:
        return await pipeline.cluster(self.sample, await self.values(variant), self._tools(variant))

    def _base_key(self, variant: Variant) -> tuple[bool, bool, bool]:
        # Thresholds decide which base clusters are named, unless all are.
        return variant.extractor, variant.namer, variant.thresholds or self.tools.config.name_held_back

    async def _once(self, key: Hashable, step: Coroutine[Any, Any, Any]) -> Any:
        if key in self._given or key in self._tasks:
            step.close()
        else:
            self._tasks[key] = asyncio.create_task(step)
        return self._given[key] if key in self._given else await self._tasks[key]

    def _tools(self, variant: Variant) -> Tools:
        # No other facet has a part in what is measured.
        config = replace(self.tools.config, facets=(self.tools.config.cluster_facet,))
        if not variant.thresholds:
            config = replace(config, min_conversations=1, min_accounts=1)
        if not variant.audit:
            config = replace(config, audit_below=1)
        door = self.tools.door.shown_by(_Named(self.tools.door.progress, variant.name))
        return replace(self.tools, config=config, door=door, prompts=self._overlay(variant))

    def _overlay(self, variant: Variant) -> Path | None:
        """The user's own prompts, if any, with those of the layers that are off in their place."""
        off = (() if variant.extractor else EXTRACTOR) + (() if variant.namer else NAMER)
        if not off:
            return self.tools.prompts
        folder = Path(self._prompts.name) / "-".join(off)
        if not folder.exists():
            if self.tools.prompts is not None:
                shutil.copytree(self.tools.prompts, folder)
            folder.mkdir(exist_ok=True)
            for name in off:
                shutil.copy(HOME / name, folder / name)
        return folder
