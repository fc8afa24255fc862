from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import junitparser
import pytest
from test_gating import gate

from clio_core.places import ROOT
from evals import verdicts
from evals.gating import Judgement, Verdict
from evals.policy import Policy

CLI = "from evals.cli import main; main()"


@pytest.fixture
def mixed():
    """An outcome with every kind of verdict, and words that want escaping."""
    judgements = (
        Judgement(gate("zero", name="nothing | leaks"), Verdict.PASS, "0 of 200", candidate=0.0),
        Judgement(gate("floor", name="accuracy", value=0.5), Verdict.FAIL, "0.2 < 0.5 & \x1b[31mred\x1b[0m"),
        Judgement(gate("floor", name="soft", value=0.5, tier="warn"), Verdict.FAIL, "0.4"),
        Judgement(gate("floor", name="unsure", value=0.5), Verdict.INCONCLUSIVE, "0.5", "more data"),
        Judgement(gate("floor", name="absent", value=0.5, required=False), Verdict.INCONCLUSIVE, "no", skipped=True),
    )
    return verdicts.Outcome(Policy("mine", "", ()), "base", "candidate", Verdict.FAIL, judgements)


def test_junit_is_read_by_a_consumer_of_its_own(mixed, tmp_path):
    verdicts.write(mixed, tmp_path, tmp_path / "deep" / "junit.xml", None)
    (suite,) = junitparser.JUnitXml.fromfile(str(tmp_path / "deep" / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 1, 2)
    results = {case.name: [type(r).__name__ for r in case.result] for case in suite}
    assert results == {
        "nothing | leaks": [],
        "accuracy": ["Failure"],
        "soft": ["Skipped"],
        "unsure": ["Error"],
        "absent": ["Skipped"],
    }
    said = {case.name: case.result[0].message for case in suite if case.result}
    assert said["accuracy"] == "0.2 < 0.5 & [31mred[0m"  # what XML cannot hold is left out
    assert said["soft"].startswith("WARN: ")
    assert said["unsure"].endswith("To settle it: more data")


def test_the_verdict_file_says_everything_as_plain_data(mixed, tmp_path):
    file = verdicts.write(mixed, tmp_path, None, None)
    data = json.loads(file.read_text(encoding="utf-8"))
    assert (data["verdict"], data["exit_code"], data["policy"]) == ("FAIL", 100, "mine")
    assert [g["verdict"] for g in data["gates"]] == ["PASS", "FAIL", "WARN", "INCONCLUSIVE", "skipped"]
    assert data["gates"][2]["measured"] == "FAIL"
    assert data["gates"][0]["low"] is None  # NaN is no JSON


def test_the_summary_puts_first_what_does_not_pass_and_escapes_its_cells(mixed):
    lines = verdicts.markdown(mixed).splitlines()
    assert lines[0] == "## ❌ FAIL: mine"
    rows = [line for line in lines if line.startswith("| ")][1:]
    assert [row.split(" | ")[1] for row in rows[:3]] == ["FAIL", "WARN", "INCONCLUSIVE"]
    assert any("nothing \\| leaks" in row for row in rows)


def test_the_summary_keeps_under_its_limit_and_says_what_it_left_out(mixed):
    many = [Judgement(gate("zero", name=f"gate {i} " + "x" * 200), Verdict.PASS, "ok") for i in range(100)]
    whole = verdicts.Outcome(mixed.policy, "b", "c", Verdict.FAIL, (*many, *mixed.judgements))
    text = verdicts.markdown(whole, 4_000)
    assert len(text.encode()) <= 4_000
    assert "| accuracy | FAIL |" in text  # the failure stood last, and is still there
    assert "more gates stand in `verdict.json`" in text


def test_a_summary_is_appended_to_what_the_step_has_written(mixed, tmp_path):
    file = tmp_path / "summary.md"
    file.write_text("before\n", encoding="utf-8")
    verdicts.write(mixed, tmp_path, None, file)
    assert file.read_text(encoding="utf-8").startswith("before\n## ❌ FAIL")


def clio(tmp_path, *words):
    """The command line in a process of its own, as a CI step runs it."""
    paths = f"{ROOT}{os.pathsep}{ROOT / 'evals/inspect_tasks'}"
    line = [sys.executable, "-c", CLI, *map(str, words)]
    env = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"}
    return subprocess.run(line, capture_output=True, text=True, env=env, cwd=tmp_path, check=False)


@pytest.fixture(scope="module")
def collapsed(reference, tmp_path_factory):
    """The reference run, with every score of its supervised suite turned to 0."""
    import pandas as pd

    folder = shutil.copytree(reference.folder, tmp_path_factory.mktemp("collapsed") / "run")
    items = pd.read_parquet(folder / "tables" / "items.parquet").assign(score=0.0)
    items.to_parquet(folder / "tables" / "items.parquet")
    return folder


def test_a_shell_that_stops_at_errors_stops_at_a_failed_gate_and_knows_its_code(reference, collapsed, tmp_path):
    step = (
        f"set -e\n{sys.executable} -c '{CLI}' gate {reference.folder} {collapsed} --policy prompt-change "
        f"--out {tmp_path} --junit {tmp_path / 'j.xml'}\necho shipped\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    done = subprocess.run(["bash", "-c", step], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 100, done.stderr[-2000:]
    assert "shipped" not in done.stdout
    assert "FAIL" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert junitparser.JUnitXml.fromfile(str(tmp_path / "j.xml")).failures == 2
    verdict = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    languages = next(g for g in verdict["gates"] if g["kind"] == "languages")
    assert len(languages["named"]) == 15  # all fell, and all are named


def test_a_run_against_itself_does_not_fail_and_tells_what_49_clusters_cannot(reference, tmp_path):
    folder = reference.folder
    done = clio(tmp_path, "gate", folder, folder, "--policy", "prompt-change", "--out", tmp_path)
    assert done.returncode == 101, done.stderr[-2000:]
    verdict = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    said = {g["name"]: g for g in verdict["gates"]}["reconstruction accuracy does not fall (regular)"]
    assert said["difference"] == 0
    assert "100 base clusters" in said["wanted"] or "5 seeds" in said["wanted"]


def test_runs_over_other_data_are_refused_with_both_hashes(reference, tmp_path):
    other = shutil.copytree(reference.folder, tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text(encoding="utf-8"))
    manifest["dataset"] |= {"hash": "0" * 12, "conversations": 599}
    (other / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    done = clio(tmp_path, "gate", reference.folder, other, "--policy", "prompt-change")
    assert done.returncode == 2
    assert "000000000000 (599 conversations)" in done.stderr
    assert "600 conversations" in done.stderr


def test_power_reads_a_run_and_says_what_a_margin_needs(reference, tmp_path):
    done = clio(tmp_path, "power", "--run", reference.folder, "--margin", "0.02")
    assert done.returncode == 0, done.stderr
    assert "600 conversations in 49 base clusters" in done.stdout
    assert "an upper bound" in done.stdout
    assert "--seeds 5" in done.stdout
    wrong = clio(tmp_path, "power", "--run", reference.folder, "--metric", "acuracy")
    assert wrong.returncode == 2
    assert "'accuracy'" in wrong.stderr
