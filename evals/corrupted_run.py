"""A finished run as it would stand had the summaries of one language been mixed up: for tests of gates and comparisons.

Everything that follows from a summary without asking a model again is made anew by the suites' own functions. What
would need a model (gradings, names, the hierarchy) stays as it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from clio_core.runfolder import RunFolder, RunFolderError
from evals import multilingual, seeds, supervised, unsupervised
from evals.corruption import exchange, moved
from evals.suite import ITEM_COLUMNS, METRIC_COLUMNS, Measured
from synthetic.datasets import Dataset, open_dataset

_LEFT_OUT = ("report.html", "figures", "calls.jsonl", "pending.jsonl", "claim.json")


def write_corrupted_run(source: Path, out: Path, language: str, seed: int, dose: float = 1.0) -> dict[str, str]:
    """Copy a finished run over a shipped data set, with the summaries of one language mixed up among themselves.

    Tables, `metrics.csv` and items of the suites supervised, unsupervised, multilingual and seeds are scored anew where
    the run has them, and the tables of facets, members and map follow. The manifest gets a field `corrupted`.

    Args:
        source: folder of a finished run over one data set.
        out: folder to write; must not exist.
        language: as the truth names it, "Hindi".
        seed: of the mixing.
        dose: share of the language's conversations that is mixed.
    Returns:
        donor by conversation.
    Raises:
        RunFolderError: `source` is no finished run of one data set, or lacks the suite supervised; `out` exists.
        ValueError: no conversation has that language.
        DatasetError: the run's data set is not a shipped one.
    """
    manifest = RunFolder.open(source).read_manifest()
    if "parts" in manifest or not (source / "tables" / "supervised_rows.csv").exists():
        raise RunFolderError(f"{source} has no reconstruction of one data set to corrupt")
    if out.exists():
        raise RunFolderError(f"{out} exists; choose a folder that does not")
    dataset = open_dataset(manifest["dataset"]["name"])
    given = exchange(_csv(source, "supervised_rows"), seed, dose=dose, language=language)
    shutil.copytree(source, out, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    folder = RunFolder(out)
    _move_records(folder, given, str(manifest["config"]["cluster_facet"]))
    _replace(folder, dataset.name, rescored(folder, given, dataset))
    manifest["corrupted"] = {"what": "summaries shuffled", "language": language, "seed": seed, "dose": dose}
    folder.write_json("manifest.json", manifest)
    return given


def rescored(folder: RunFolder, given: Mapping[str, str], dataset: Dataset) -> dict[str, Measured]:
    """What the suites say once summaries have changed hands, for those suites that the run has."""
    rows = moved(_csv(folder.path, "supervised_rows"), given)
    led = supervised.score(rows, dataset)
    found = {"supervised": Measured(led.tables(), supervised.metrics(led), supervised.items(led))}
    if (folder.tables / "unsupervised_rows.csv").exists():
        placed = moved(_csv(folder.path, "unsupervised_rows"), given)
        clusters = folder.read_table("clusters")
        names = {c: name or c for c, name in zip(clusters["cluster"], clusters["name"], strict=True)}
        found["unsupervised"] = unsupervised.of_rows(placed, names)
        if (folder.tables / "multilingual_languages.csv").exists():
            found["multilingual"] = multilingual.of_rows(placed, rows, _spoken(folder))
    if (folder.tables / "seeds_rows.csv").exists():
        every = _csv(folder.path, "seeds_rows")
        keys = dict.fromkeys(zip(every["seed"], every["repeat"], strict=True))
        runs = {
            (int(seed), int(repeat)): moved(every[(every["seed"] == seed) & (every["repeat"] == repeat)], given)
            for seed, repeat in keys
        }
        found["seeds"] = seeds.score(runs, dataset.categories)
    return found


def _csv(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "tables" / f"{name}.csv", keep_default_na=False, dtype=str)


def _spoken(folder: RunFolder) -> dict[str, str]:
    values = folder.read_table("facets")
    chosen = values[(values["facet"] == "language") & (values["outcome"] == "ok")]
    return dict(zip(chosen["conversation"], chosen["value"], strict=True))


def _move_records(folder: RunFolder, given: Mapping[str, str], facet: str) -> None:
    """The pipeline's own tables: whose summary, whose base cluster, whose place on the map."""
    values = folder.read_table("facets")
    mine = values["facet"] == facet
    values.loc[mine, "value"] = moved(values[mine], given)["value"]
    for name, table in (
        ("facets", values),
        ("base_members", moved(folder.read_table("base_members"), given)),
        ("map", _moved_map(folder.read_table("map"), given)),
    ):
        folder.write_table(name, _records(table), list(table.columns))


def _moved_map(table: pd.DataFrame, given: Mapping[str, str]) -> pd.DataFrame:
    """The map holds only conversations that have a summary; whoever got none from its donor stays where it was."""
    there = set(table["conversation"])
    return moved(table, {one: donor for one, donor in given.items() if one in there and donor in there})


def _replace(folder: RunFolder, dataset: str, measured: Mapping[str, Measured]) -> None:
    """Put rows of these suites into `metrics.csv` and the items in place of the old ones, and write their tables."""
    old = pd.read_csv(folder.path / "metrics.csv", dtype=str, keep_default_na=False)
    before = folder.read_table("items")
    rows, items = [], _records(before[~before["suite"].isin(list(measured))])
    for suite, found in measured.items():
        for name, table in found.tables.items():
            table.to_csv(folder.tables / f"{name}.csv", index=False)
        rows += [{"suite": suite, "dataset": dataset, **row} for row in found.metrics]
        items += [{"suite": suite, **row} for row in found.items]
    made = {(row["suite"], row["metric"], row["slice"]) for row in rows}
    # What does not follow from summaries stays as it was: other suites, and the stability of k-means.
    same = [row for row in _records(old) if (row["suite"], row["metric"], row["slice"]) not in made]
    pd.DataFrame([*rows, *same], columns=METRIC_COLUMNS).to_csv(folder.path / "metrics.csv", index=False)
    folder.write_table("items", items, ITEM_COLUMNS)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(column): value for column, value in row.items()} for row in table.to_dict("records")]
