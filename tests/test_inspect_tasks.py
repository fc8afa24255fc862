from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import inspect_ai
import pytest
from conftest import DEFAULTS
from inspect_ai.log import list_eval_logs, read_eval_log

from clio_core import capabilities, providers
from clio_core.places import ROOT
from clio_core.transcript import render
from evals import execute
from synthetic.datasets import open_dataset

TASK = "clio_evals/supervised_reconstruction"


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """Every call that reaches the recording, as (stage, first words); runs in a folder of its own."""
    made = []
    real = providers.RecordedAPI.generate

    async def generate(self, input, tools, tool_choice, config):
        made.append((input[0].metadata["clio"]["stage"], input[0].text))
        return await real(self, input, tools, tool_choice, config)

    monkeypatch.setattr(providers.RecordedAPI, "generate", generate)
    monkeypatch.chdir(tmp_path)
    return made


def evaluated(tmp_path, task, **settings):
    (log,) = inspect_ai.eval(
        task, display="none", log_dir=str(tmp_path / "logs"), log_realtime=False, score_display=False, **settings
    )
    return log


def values(log):
    """Every metric by name; grouped ones and those of several values have names of their own."""
    return {name: metric.value for score in log.results.scores for name, metric in score.metrics.items()}


def same_as(log, finished):
    """Assert that a log's headline numbers and languages are those of `clio-evals run`, to the last digit."""
    summary = dict(zip(finished.supervised.summary["metric"], finished.supervised.summary["value"], strict=True))
    found = values(log)
    assert found["accuracy"] == summary["accuracy"]
    assert found["macro_f1"] == summary["macro F1"]
    assert found["weighted_f1"] == summary["weighted F1"]
    line = finished.supervised.summary.set_index("metric").loc["accuracy"]
    assert (found["low"], found["high"]) == (line["low"], line["high"])
    languages = finished.supervised.languages.set_index("language")["accuracy"]
    assert len(languages) == 15
    assert {name: found[name] for name in languages.index} == languages.to_dict()


@pytest.mark.slow
def test_the_task_gives_the_numbers_of_the_command_line(reference, calls, tmp_path):
    log = evaluated(tmp_path, TASK, model="recorded/reference")
    assert log.status == "success", log.error
    same_as(log, reference.finished)
    assert not (tmp_path / "pending.jsonl").exists()
    # One facet is all that reconstruction needs; no hierarchy is built, and no cluster audited.
    assert Counter(stage for stage, _ in calls) == {"facet:request": 600, "name": 49, "assign:categories": 49}


@pytest.mark.slow
def test_the_task_scores_each_conversation_once_and_no_step_of_the_pipeline(calls, tmp_path, reference):
    log = evaluated(tmp_path, TASK, model="recorded/reference", task_args={"shard": 250})
    kinds = Counter(s.metadata["kind"] for s in log.samples)
    assert kinds == {"extract": 3, "measure": 1, "suite": 1, "item": 600}  # 250 + 250 + 100 conversations
    assert {s.metadata["kind"] for s in log.samples if s.scores} == {"suite", "item"}
    scored = [s for s in log.samples if s.metadata["kind"] == "item"]
    assert sorted(s.id for s in scored) == sorted(c.id for c in reference.dataset.conversations)
    rows = reference.finished.supervised.rows.set_index("conversation")
    for s in scored:
        (score,) = s.scores.values()
        assert score.answer == rows.loc[s.id, "predicted"]
        assert s.target == rows.loc[s.id, "category"]
        assert score.value == int(score.answer == s.target)
        assert s.metadata["language"] == rows.loc[s.id, "language"]
    # How the shards are cut is no part of the result.
    same_as(log, reference.finished)


def test_a_finished_run_is_scored_without_a_call(reference, calls, tmp_path):
    task = "clio_evals/supervised_reconstruction_run"
    log = evaluated(tmp_path, task, model="recorded/reference", task_args={"run": str(reference.folder)})
    assert log.status == "success", log.error
    same_as(log, reference.finished)
    assert len(log.samples) == 601  # the conversations, and the run as a whole
    assert calls == []


@pytest.mark.slow
def test_a_retry_asks_only_for_the_shard_that_failed_and_what_follows(reference, calls, tmp_path, monkeypatch):
    # The second shard's conversations have no answer at first, as where a recording is not complete yet.
    late = {render(c).text for c in reference.dataset.conversations[250:500]}
    whole = providers.RecordedAPI.generate
    missing = True

    async def generate(self, input, tools, tool_choice, config):
        output = await whole(self, input, tools, tool_choice, config)
        if missing and any(text in input[0].text for text in late):
            output.metadata |= {"clio_stop": capabilities.UNRECORDED, "pending": "pending.jsonl"}
        return output

    monkeypatch.setattr(providers.RecordedAPI, "generate", generate)
    first = evaluated(tmp_path, TASK, model="recorded/reference", task_args={"shard": 250}, fail_on_error=False)
    assert Counter(stage for stage, _ in calls) == {"facet:request": 600}
    failed = [s.id for s in first.samples if s.error]
    assert failed == ["extract-0001"]
    assert {s.metadata["kind"] for s in first.samples} == {"extract"}  # nothing is clustered while a part is missing

    missing = False
    calls.clear()
    (retried,) = inspect_ai.eval_retry(first, display="none", log_dir=str(tmp_path / "logs"), log_realtime=False)
    assert retried.status == "success", retried.error
    assert Counter(stage for stage, _ in calls) == {"facet:request": 250, "name": 49, "assign:categories": 49}
    asked = [text for stage, text in calls if stage == "facet:request"]
    assert all(any(transcript in text for text in asked) for transcript in late)
    same_as(retried, reference.finished)


@pytest.mark.slow
def test_inspect_on_the_command_line_finds_the_task_and_the_local_provider(tmp_path):
    words = ["eval", TASK, "--model", "local/extractive", "-T", "n=15", "--display", "none"]
    code = "from inspect_ai._cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--log-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (info,) = list_eval_logs(str(tmp_path))
    log = read_eval_log(info)
    assert log.status == "success"
    found = execute.run(
        open_dataset("regular").first(15), replace(DEFAULTS, model="local/extractive"), tmp_path / "run"
    )
    summary = dict(zip(found.supervised.summary["metric"], found.supervised.summary["value"], strict=True))
    assert values(log)["accuracy"] == summary["accuracy"]
    assert Counter(s.metadata["kind"] for s in log.samples)["item"] == 15
