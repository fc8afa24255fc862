"""`clio-evals check-data`: run the checks of data sets, print them, and leave a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from clio_core.config import from_dict
from clio_core.embedding import PACKAGED, Store
from clio_core.runfolder import RunFolder
from evals import execute, terminal
from synthetic import checks
from synthetic.checks import Checked
from synthetic.datasets import Dataset

_SHOWN = 8  # findings a check that are printed; the table file holds all


def run_checks(data: Dataset, run: Path | None) -> list[Checked]:
    """Every check of a data set; with a finished run over it also the one that needs English summaries."""
    found = checks.check(data)
    if run is not None:
        folder = RunFolder(run)
        config = from_dict(folder.read_manifest()["config"])
        values = folder.read_table("facets")
        values = values[(values["facet"] == config.cluster_facet) & (values["outcome"] == "ok")]
        summaries = dict(zip(values["conversation"], values["value"], strict=True))
        # A run that replayed a recording computed nothing: its vectors stand beside the recording.
        store = Store(run / "embeddings.npz", shipped=execute.shipped_vectors(config))
        found.append(checks.twins(data, summaries, lambda texts: store.embed(texts, PACKAGED)))
    return found


def frame(name: str, found: Sequence[Checked]) -> pd.DataFrame:
    """A row a check and finding; a check without findings has one row with an empty finding."""
    return pd.DataFrame(
        [
            {
                "dataset": name,
                "check": c.name,
                "value": c.value,
                "limit": c.limit,
                "passed": c.passed,
                "finding": finding,
            }
            for c in found
            for finding in (c.findings or ("",))
        ]
    )


def show(name: str, count: int, found: Sequence[Checked]) -> None:
    """Print a data set's checks, and the first findings of those that failed."""
    title = Text(f"{name}, {count} conversations")
    table = Table("check", "value", "limit", "", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for c in found:
        verdict = Text("pass", style="green") if c.passed else Text("FAIL", style="bold red")
        table.add_row(c.name, f"{c.value:.3f}", c.limit, verdict)
    terminal.out.print(table)
    for c in found:
        if c.passed:
            continue
        for finding in c.findings[:_SHOWN]:
            terminal.out.print(Text(f"  {c.name}: {finding}"), soft_wrap=True)
        if len(c.findings) > _SHOWN:
            terminal.out.print(f"  {c.name}: and {len(c.findings) - _SHOWN} more")
