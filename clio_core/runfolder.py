"""The folder of a run: a table a stage, the journal, and the manifest that says how it all came about."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clio_core import capabilities, prompting
from clio_core.config import Config
from clio_core.facets import load_facet
from clio_core.journal import Answer, Journal
from clio_core.places import ROOT
from clio_core.records import digest

if TYPE_CHECKING:
    import pandas as pd

    from clio_core.door import Door

_PACKAGES = (
    "clio-evals",
    "inspect-ai",
    "anthropic",
    "sentence-transformers",
    "torch",
    "scikit-learn",
    "numpy",
    "umap-learn",
)


class RunFolderError(RuntimeError):
    """A folder that is no run, or that belongs to another one."""


class RunFolder:
    """Where a run keeps everything.

    Layout: `calls.jsonl` (journal), `pending.jsonl` (unanswered requests), `embeddings.npz`, `tables/*.parquet`,
    `published.json`, `manifest.json`; evaluation adds `metrics.csv`, `tables/*.csv`, `figures/` and `report.html`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tables = path / "tables"
        self.tables.mkdir(parents=True, exist_ok=True)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The folder of a finished run. Unlike the constructor it makes no folder where there is none.

        Raises:
            RunFolderError: no finished run stands there.
        """
        if not (path / "manifest.json").exists():
            raise RunFolderError(f"{path} is not the folder of a finished run: it has no manifest.json")
        return cls(path)

    def journal(self) -> Journal:
        """The run's journal, opened for reading and appending."""
        return Journal(self.path / "calls.jsonl")

    @property
    def pending(self) -> Path:
        """Where a recording writes the calls that it does not hold."""
        return self.path / "pending.jsonl"

    def write_table(self, name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Write one stage's table as Parquet, whole or not at all; `columns` stand even where there are no rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table({column: [row.get(column) for row in rows] for column in columns})
        part = self.tables / f"{name}.parquet.part"
        pq.write_table(table, part)
        part.replace(self.tables / f"{name}.parquet")

    def read_table(self, name: str) -> pd.DataFrame:
        """A stage's table.

        Raises:
            RunFolderError: the run never got that far.
        """
        import pandas as pd

        file = self.tables / f"{name}.parquet"
        if not file.exists():
            raise RunFolderError(
                f"{self.path} has no table {name!r}; it holds {sorted(p.stem for p in self.tables.glob('*.parquet'))}"
            )
        return pd.read_parquet(file)

    def write_json(self, name: str, data: Any) -> None:
        """Write a JSON file, whole or not at all."""
        part = self.path / f"{name}.part"
        part.write_text(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8")
        part.replace(self.path / name)

    def read_manifest(self) -> dict[str, Any]:
        """The manifest.

        Raises:
            RunFolderError: there is none, so the folder holds no run.
        """
        file = self.path / "manifest.json"
        if not file.exists():
            raise RunFolderError(f"{self.path} is not the folder of a run: it has no manifest.json")
        manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return manifest

    def claim(self, dataset_hash: str, config: Config) -> None:
        """Make sure that the folder is new or belongs to the same data and settings, so that a restart goes on.

        Raises:
            RunFolderError: another data set or other settings were run here.
        """
        file = self.path / "claim.json"
        mine = {"dataset": dataset_hash, "config": json.loads(json.dumps(config.as_dict()))}
        if file.exists():
            held = json.loads(file.read_text(encoding="utf-8"))
            # More seeds or repeats add to what is there.
            fixed = [k for k in mine["config"] if k not in ("seeds", "repeats")]
            differs = [k for k in fixed if held["config"].get(k) != mine["config"][k]]
            if held["dataset"] != mine["dataset"] or differs:
                what = f"settings {differs}" if differs else "another data set"
                raise RunFolderError(f"{self.path} holds a run with {what}; choose another --out or remove it")
        self.write_json("claim.json", mine)


def commit() -> str | None:
    """Commit of the checkout that the code runs from, with "+changes" where it differs; None outside a checkout."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True)  # noqa: S603, S607 - fixed words
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return None
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None


def usage_rows(used: Mapping[str, Iterable[Answer]], door: Door) -> list[dict[str, Any]]:
    """A row a stage: calls, how they ended, tokens. Answers that came out of the journal count like new ones."""
    rows = []
    for stage, answers in used.items():
        listed = list(answers)
        outcomes = {o.value: n for (s, o), n in sorted(door.outcomes.items()) if s == stage}
        rows.append(
            {
                "stage": stage,
                "model": door.stage_models.get(stage, ""),
                "calls": len(listed),
                "asked": door.asked[stage],
                "reused": door.reused[stage],
                "asked_again": door.retried[stage],
                **{key: outcomes.get(key, 0) for key in ("ok", "refused", "truncated", "malformed", "error")},
                "input_tokens": sum(a.input_tokens for a in listed),
                "output_tokens": sum(a.output_tokens for a in listed),
                "cached_tokens": sum(a.cached_tokens for a in listed),
                "estimated": any(a.estimated for a in listed),
                "seconds": round(sum(a.seconds for a in listed), 3),
            }
        )
    return rows


def manifest(
    config: Config, door: Door, dataset: Mapping[str, Any], began: datetime, prompts: Path | None
) -> dict[str, Any]:
    """Everything that a reader needs in order to know what was run, and to run it again."""
    read = {name: prompting.load(name, prompts) for name in prompting.names()}
    facets = {name: load_facet(name, prompts) for name in config.facets}
    models = {role: door.models(role) for role in sorted({p.role for p in read.values()})}
    return {
        "dataset": dict(dataset),
        "config": config.as_dict(),
        "prompts": {n: {"version": p.version, "digest": p.digest} for n, p in read.items()},
        "facets": {n: {"version": f.version, "digest": digest(repr(f))} for n, f in facets.items()},
        "models": {
            role: {
                "name": capabilities.full_name(model),
                "prefill": capabilities.takes_prefill(model, config.prefill),
                "temperature_sent": capabilities.sends_temperature(model) and not capabilities.local(model),
            }
            for role, model in models.items()
        },
        "temperature_requested": {n: p.temperature for n, p in read.items()},
        "versions": {"python": platform.python_version(), **{p: version(p) for p in _PACKAGES}},
        "commit": commit(),
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "usage": usage_rows(door.used, door),
    }
