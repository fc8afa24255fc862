"""What the pipeline itself costs: CPU, wall clock and peak memory a stage, with a model that answers at once."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import platform
import re
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clio_core import embedding, pipeline, projection, publishing, runfolder
from clio_core.config import Config
from clio_core.door import Door
from clio_core.embedding import Matrix, Store
from clio_core.pipeline import Tools
from clio_core.runfolder import RunFolder
from evals import bench_corpus, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspect_ai.model import Model

_WISH = re.compile(r"Please (.+?\)[^.]*)\.")


def instant_model() -> Model:
    """An in-process Inspect model without latency: echoes wishes, names by exemplar, assigns by checksum."""
    from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage, get_model, modelapi
    from inspect_ai.tool import ToolChoice, ToolInfo

    @modelapi(name="instant")
    class Instant(ModelAPI):
        can_vary = False
        reads_variables = True

        def max_connections(self) -> int:
            return 1000

        async def generate(
            self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
        ) -> ModelOutput:
            call = (input[0].metadata or {})["clio"]
            output = ModelOutput.from_content(self.model_name, _instant(call["prompt"], call["variables"]))
            output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
            return output

    return get_model("instant/echo", memoize=False)


def _instant(prompt: str, given: dict[str, Any]) -> str:
    if prompt == "extract_open":
        found = _WISH.search(given["user"][0])
        return f"{given['opening']} {found.group(1) if found else 'do something'}.</answer>"
    if prompt in ("name_cluster", "rename_cluster"):
        first = given["members"][0] if prompt == "name_cluster" else given["children"][0][0]
        name = " ".join(first.removeprefix("The user wanted the assistant to ").rstrip(".").split()[:9])
        return f"Users asked to {name}. They were alike.</summary>\n<name>{name}</name>"
    if prompt in ("propose_clusters", "dedupe_clusters"):
        names = given.get("names") or [c.split(": ", 1)[0] for c in given["clusters"]]
        listed = "\n".join(f"{i}. Group {name}" for i, name in enumerate(names[: given["desired"]], 1))
        return f"</scratchpad>\n<answer>\n{listed}\n</answer>"
    if prompt == "assign_cluster":
        options = sorted(given["candidates"])
        return f"</scratchpad>\n<answer>{options[zlib.crc32(given['name'].encode()) % len(options)]}</answer>"
    return "</justification>\n<rating>5</rating>"


@dataclass
class Meter:
    """Seconds by stage; embedding is metered apart from the stage that asked for it."""

    cpu: dict[str, float] = field(default_factory=dict)
    wall: dict[str, float] = field(default_factory=dict)
    _inner: list[tuple[float, float]] = field(default_factory=list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Meter a stage; time spent in a metered stage inside it is not counted twice."""
        cpu, wall = time.process_time(), time.perf_counter()
        self._inner.append((0.0, 0.0))
        try:
            yield
        finally:
            spent = time.process_time() - cpu, time.perf_counter() - wall
            inner = self._inner.pop()
            self.cpu[stage] = self.cpu.get(stage, 0.0) + spent[0] - inner[0]
            self.wall[stage] = self.wall.get(stage, 0.0) + spent[1] - inner[1]
            if self._inner:
                outer = self._inner[-1]
                self._inner[-1] = (outer[0] + spent[0], outer[1] + spent[1])


class MeteredStore(Store):
    """A store that reports its embedding time."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def embed(self, texts: Sequence[str], name: str, *, bf16: bool = False) -> Matrix:
        """As in `Store`, metered."""
        with self._meter("embed"):
            return super().embed(texts, name, bf16=bf16)


@dataclass(frozen=True)
class Measured:
    """What a benchmark run found. Seconds by stage; peak memory in MB; calls made."""

    n: int
    bf16: bool
    cpu: dict[str, float]
    wall: dict[str, float]
    peak_mb: float
    calls: int
    texts_embedded: int
    base_clusters: int
    machine: str
    commit: str | None

    @property
    def call_overhead_ms(self) -> float:
        """CPU milliseconds a model call, over the facet stage: transcript, prompt, Inspect, journal, parsing."""
        return 1000 * self.cpu["facets"] / self.n

    @property
    def without_models(self) -> float:
        """CPU seconds of everything but embedding and loading."""
        return sum(v for k, v in self.cpu.items() if k not in ("embed", "load embedder", "import"))


def measure(n: int, *, bf16: bool) -> Measured:
    """Run the pipeline over n made-up conversations with k = n / 10, and meter it."""
    meter = Meter()
    with meter("import"):
        model = instant_model()
    conversations = bench_corpus.make(n)
    store = MeteredStore(meter)
    with meter("load embedder"):
        from clio_core.embedding import PACKAGED, compute

        compute(["warm up"], PACKAGED, bf16=bf16)
    gc.freeze()  # as in `execute.tools_for`
    with tempfile.TemporaryDirectory() as home:
        folder = RunFolder(Path(home))
        config = Config(
            facets=("request",),
            k=max(1, n // 10),
            min_conversations=1,
            min_accounts=1,
            bf16=bf16,
            width=100,
            project=5000,
        )
        door = Door(lambda role: model, folder.journal(), width=config.width)
        clusters = asyncio.run(_stages(conversations, Tools(config, door, store, folder), meter))
        door.journal.close()
    return Measured(
        n,
        bf16,
        {k: round(v, 2) for k, v in meter.cpu.items()},
        {k: round(v, 2) for k, v in meter.wall.items()},
        round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2), 1),
        sum(door.asked.values()),
        store.computed,
        clusters,
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        runfolder.commit(),
    )


async def _stages(conversations: tuple[Any, ...], tools: Tools, meter: Meter) -> int:
    accounts = {c.id: c.account for c in conversations}
    with meter("transcripts"):
        sample = await pipeline.prepare(conversations, tools)
    with meter("facets"):
        values = await pipeline.extract(sample, tools)
    with meter("cluster and name"):
        base = await pipeline.cluster(sample, values, tools)
    with meter("hierarchy"):
        levels = await pipeline.build(base, tools, accounts)
    with meter("audit"):
        levels = await pipeline.audit(levels, tools)
    with meter("publish"):
        publishing.judge(levels, base.members, min_conversations=1, min_accounts=1, audit_below=3, accounts=accounts)
    with meter("import"):
        embedding.release()
        import umap  # noqa: F401 - counted here, so that the map stage shows the map alone
    with meter("map"):
        projection.project(base.vectors, 0, most=tools.config.project)
    return len(base.clusters)


def show(found: Measured, out: Path | None) -> None:
    """Print the figures, and write them to a JSON file if one is named."""
    from rich.table import Table

    table = Table(
        title=f"{found.n:,} conversations, {found.base_clusters:,} base clusters, {found.calls:,} model calls"
    )
    table.add_column("stage")
    table.add_column("CPU s", justify="right")
    table.add_column("wall s", justify="right")
    for stage, cpu in found.cpu.items():
        table.add_row(stage, f"{cpu:.1f}", f"{found.wall[stage]:.1f}")
    table.add_section()
    table.add_row("all", f"{sum(found.cpu.values()):.1f}", f"{sum(found.wall.values()):.1f}")
    terminal.out.print(table)
    terminal.out.print(
        f"Without embedding, loading and imports {found.without_models:.1f} CPU s; a facet call costs "
        f"{found.call_overhead_ms:.2f} ms; {found.texts_embedded:,} texts embedded; peak {found.peak_mb:.0f} MB; "
        f"{found.machine}.",
        highlight=False,
    )
    if out is not None:
        more = {"call_overhead_ms": found.call_overhead_ms, "without_models": found.without_models}
        out.write_text(json.dumps({**asdict(found), **more}, indent=2) + "\n", encoding="utf-8")
