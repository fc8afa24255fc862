from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from clio_core.places import ROOT
from evals import cli

SHIPPED = ROOT / "synthetic" / "data" / "regular.jsonl"


def clio(*words):
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def test_a_slice_of_the_shipped_set_is_made_again_byte_for_byte_out_of_the_recording(tmp_path):
    out = tmp_path / "slice.jsonl"
    done = clio("generate", "--size", 60, "--model", "recorded/reference", "--out", out)
    assert done.exit_code == 0, done.output
    shipped = SHIPPED.read_bytes().splitlines(keepends=True)
    assert out.read_bytes() == b"".join(shipped[:60])
    manifest = json.loads(out.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    assert manifest["conversations"] == 60
    assert manifest["failed"] == {}
    assert manifest["cells"]["category"] == dict.fromkeys(manifest["cells"]["category"], 3)


def test_the_papers_size_is_planned_in_one_line_and_asks_nothing(tmp_path):
    out = tmp_path / "large.jsonl"
    model = "anthropic/claude-haiku-4-5"
    done = clio("generate", "--size", 19476, "--model", model, "--out", out, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "19,476 conversations: 38,952 calls," in done.output
    assert f"with {model}, about 3 h 15 min at 200 calls a minute" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--size", 19476, "--model", "anthropic/claude-haiku-4-5", "--max-cost", 1), "--max-cost allows $1.00"),
        (("--taxonomy", "regula"), "--taxonomy must be one of"),
        (("--language", "Klingon"), "got ['Klingon']"),
        (("--size", 0), "size=0"),
    ],
)
def test_a_plan_that_cannot_be_exits_with_2_and_says_why(tmp_path, words, complaint):
    done = clio("generate", "--out", tmp_path / "x.jsonl", *words)
    assert done.exit_code == 2, done.output
    assert complaint in done.output + done.stderr


def test_only_jsonl_and_parquet_can_be_written(tmp_path):
    done = clio("generate", "--out", tmp_path / "x.csv", "--size", 1)
    assert done.exit_code == 2
    assert "must end in .jsonl or .parquet, got 'x.csv'" in done.stderr


def test_datasets_loads_the_shipped_set(tmp_path):
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset("json", data_files=str(SHIPPED), split="train", cache_dir=str(tmp_path))
    assert loaded.num_rows == 600
    assert {"id", "account", "time", "language", "category", "subcategory", "messages"} <= set(loaded.column_names)
    assert loaded[0]["messages"][0]["role"] == "user"
