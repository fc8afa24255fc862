from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from importlib.metadata import version

import pandas as pd
import pytest
from conftest import DEFAULTS

from clio_core.places import PROMPTS, ROOT
from clio_core.runfolder import RunFolderError
from evals import execute
from synthetic.datasets import open_dataset


def rows_of(file):
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture
def copied(reference, tmp_path):
    return shutil.copytree(reference.folder, tmp_path / "run")


def test_the_default_run_ends_and_asks_for_nothing_that_is_not_recorded(reference):
    manifest = manifest_of(reference.folder)
    assert not (reference.folder / "pending.jsonl").exists()
    assert all(stage["ok"] == stage["calls"] == stage["asked"] for stage in manifest["usage"])
    assert manifest["embedded"]["computed"] == 0  # every vector came from beside the recording
    calls = {stage["stage"]: stage["calls"] for stage in manifest["usage"]}
    # 600 conversations; base clusters of 12.2 conversations each, half the square root of 600, make 49 of them.
    assert [calls[f"facet:{name}"] for name in ("request", "language", "concerning")] == [600, 600, 600]
    assert calls["name"] == calls["assign:categories"] == 49


def test_every_conversation_is_counted_once_a_level(reference):
    fates = pd.read_parquet(reference.folder / "tables" / "fates.parquet")
    assert set(fates["level"]) == {0, 1}
    assert fates.groupby("level")["conversations"].sum().tolist() == [600, 600]
    members = pd.read_parquet(reference.folder / "tables" / "base_members.parquet")
    assert sorted(members["conversation"]) == sorted(c.id for c in reference.dataset.conversations)
    rows = rows_of(reference.folder / "tables" / "supervised_rows.csv")
    assert sorted(row["conversation"] for row in rows) == sorted(members["conversation"])


def test_the_metrics_are_the_means_of_the_rows(reference):
    rows = rows_of(reference.folder / "tables" / "supervised_rows.csv")
    metrics = rows_of(reference.folder / "metrics.csv")
    assert list(metrics[0]) == [
        *("suite", "dataset", "metric", "slice", "value", "low", "high", "n", "clusters", "paper", "note")
    ]
    hits = defaultdict(list)
    for row in rows:
        hits["all"].append(row["predicted"] == row["category"])
        hits[f"language={row['language']}"].append(row["predicted"] == row["category"])
    accuracies = {row["slice"]: row for row in metrics if row["metric"] == "accuracy"}
    assert set(accuracies) == set(hits)
    for place, right in hits.items():
        assert float(accuracies[place]["value"]) == pytest.approx(sum(right) / len(right), abs=1e-12)
        assert int(accuracies[place]["n"]) == len(right)
    assert float(accuracies["all"]["low"]) < float(accuracies["all"]["value"]) < float(accuracies["all"]["high"])


def test_the_confusion_table_holds_every_conversation_once(reference):
    rows = rows_of(reference.folder / "tables" / "supervised_rows.csv")
    counted = Counter((row["category"], row["predicted"]) for row in rows)
    table = rows_of(reference.folder / "tables" / "supervised_confusion.csv")
    cells = {(row["truth"], name): int(n) for row in table for name, n in row.items() if name != "truth"}
    assert {place: n for place, n in cells.items() if n} == dict(counted)


def test_the_manifest_says_what_was_run(reference):
    manifest = manifest_of(reference.folder)
    assert re.fullmatch("[0-9a-f]{64}", manifest["dataset"]["hash"])
    assert manifest["dataset"]["hash"] == open_dataset("regular").loaded.content_hash
    assert manifest["dataset"]["conversations"] == 600
    assert manifest["config"]["seed"] == 0
    for role in ("extractor", "namer", "hierarchizer", "auditor", "screener"):
        assert manifest["models"][role]["name"] == "recorded/reference"
    assert {"audit", "extract_open", "name_cluster", "assign_cluster"} <= set(manifest["prompts"])
    for name, held in manifest["prompts"].items():
        text = (PROMPTS / f"{name}.txt").read_bytes()
        assert held["digest"] == hashlib.sha256(str(len(text)).encode() + b":" + text).hexdigest()[:32]
        assert f"version = {held['version']}\n" in text.decode()
    for package in ("inspect-ai", "numpy", "scikit-learn", "umap-learn", "sentence-transformers"):
        assert manifest["versions"][package] == version(package)
    assert manifest["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    for stage in manifest["usage"]:
        assert stage["model"] == "recorded/reference"
        assert stage["input_tokens"] > 0
        assert stage["output_tokens"] > 0
        assert stage["estimated"] is True  # a recording holds no token counts


def test_a_second_run_in_the_same_folder_asks_nothing_and_writes_the_same_tables(reference, copied):
    folder = copied
    (folder / "published.json").unlink()
    for file in (folder / "tables").iterdir():
        file.unlink()
    execute.run(reference.dataset, DEFAULTS, folder)
    usage = manifest_of(folder)["usage"]
    assert [stage["asked"] for stage in usage] == [0] * len(usage)
    assert [stage["reused"] for stage in usage] == [stage["calls"] for stage in usage]
    first = sorted((reference.folder / "tables").glob("*.csv"))
    assert len(first) == 6  # five of the suite, and the count of calls that local/extractive answered
    for file in [*first, reference.folder / "published.json", reference.folder / "metrics.csv"]:
        assert (folder / file.relative_to(reference.folder)).read_bytes() == file.read_bytes(), file.name
    for name in ("clusters", "base_members", "facets", "map"):
        before, after = (pd.read_parquet(f / "tables" / f"{name}.parquet") for f in (reference.folder, folder))
        pd.testing.assert_frame_equal(before, after)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("seed", 1), ("k", 10), ("min_accounts", 5), ("facets", ("request",)), ("models", {"namer": "local/extractive"})],
)
def test_other_settings_in_the_same_folder_are_refused_by_name(reference, copied, setting, value):
    with pytest.raises(RunFolderError, match=rf"\['{setting}'\].*another --out"):
        execute.run(reference.dataset, replace(DEFAULTS, **{setting: value}), copied)
    for file in ("manifest.json", "claim.json", "calls.jsonl"):
        assert (copied / file).read_bytes() == (reference.folder / file).read_bytes()


def test_another_data_set_in_the_same_folder_is_refused(copied, tmp_path):
    own = tmp_path / "own.jsonl"
    lines = (ROOT / "synthetic" / "data" / "regular.jsonl").read_text(encoding="utf-8").split("\n")
    own.write_text("\n".join(lines[:20]) + "\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match="another data set"):
        execute.run(open_dataset(str(own)), DEFAULTS, copied)


def test_a_slice_of_the_same_data_set_in_the_same_folder_is_refused(reference, copied):
    with pytest.raises(RunFolderError, match="another data set"):
        execute.run(reference.dataset.first(15), DEFAULTS, copied)


@pytest.mark.slow
def test_the_default_run_imports_no_torch(tmp_path):
    code = (
        "import sys\n"
        "from evals.cli import app\n"
        f"app(['run', '--out', {str(tmp_path / 'run')!r}], standalone_mode=False)\n"
        "print('loaded:', sorted({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.slow
def test_a_slice_runs_without_any_language_model(tmp_path):
    data = open_dataset("regular").first(45)
    finished = execute.run(data, replace(DEFAULTS, model="local/extractive"), tmp_path / "run")
    assert len(finished.supervised.rows) == 45
    assert all(stage["ok"] == stage["calls"] for stage in manifest_of(tmp_path / "run")["usage"])
    fates = pd.read_parquet(tmp_path / "run" / "tables" / "fates.parquet")
    assert set(fates.groupby("level")["conversations"].sum()) == {45}


@pytest.mark.slow
def test_without_a_language_model_english_is_better_than_all_other_languages_together(tmp_path):
    finished = execute.run(open_dataset("regular"), replace(DEFAULTS, model="local/extractive"), tmp_path / "run")
    rows = finished.supervised.rows
    right = rows["predicted"] == rows["category"]
    english = rows["language"] == "English"
    assert right[english].mean() > right[~english].mean()


def test_no_test_can_reach_the_network(network):
    with pytest.raises(OSError, match="no network connections"):
        socket.create_connection(("example.org", 80), timeout=1)
    with socket.socket() as plain, pytest.raises(OSError, match=r"192\.0\.2\.1"):
        plain.connect(("192.0.2.1", 80))
    assert network == ["example.org", "192.0.2.1"]
    network.clear()
