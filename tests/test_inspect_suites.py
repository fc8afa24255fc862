"""Every suite as an Inspect task: the same numbers as `clio-evals run`, a score a sample, one eval-set over all."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import inspect_ai
import pytest
from clio_evals import _registry, tasks
from inspect_ai.analysis import samples_df
from inspect_ai.log import list_eval_logs, read_eval_log
from scripted import scripted

from clio_core.places import ROOT
from clio_core.runfolder import RunFolderError
from evals import defaults, execute, runs
from evals.suites import SEEDS, SUITES, chosen
from synthetic.auditor_set import Judged
from synthetic.datasets import DatasetError, open_dataset

SLICE = 30  # conversations; local/extractive answers what the recording lacks of so few
TASKS = sorted(set(_registry.__all__) - {"local", "recorded"})
OF_RUNS = {"suite_run", "supervised_reconstruction_run"}
SINGLE = ["unsupervised", "multilingual", "stages", "oracle", "privacy", "attacks"]  # suites that score single things
AS_A_WHOLE = ["seeds", "selftest", "integrity", "insight", "cost"]


def evaluated(tmp_path, task, model="recorded/reference", **settings):
    (log,) = inspect_ai.eval(
        f"clio_evals/{task}",
        model=model,
        display="none",
        log_dir=str(tmp_path / "logs"),
        log_realtime=False,
        log_buffer=500,
        score_display=False,
        **settings,
    )
    return log


def values(log, scorer):
    """Metrics of one scorer by name."""
    return {name: m.value for score in log.results.scores if score.name == scorer for name, m in score.metrics.items()}


def stated(part, suite):
    """What `metrics.csv` says over all, named as in the log; what has no value is not in it."""
    found = {}
    for row in part.metrics[part.metrics["suite"] == suite].to_dict("records"):
        if row["slice"] == "all":
            found |= {row["metric"] + end: row[k] for end, k in (("", "value"), ("_low", "low"), ("_high", "high"))}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def measured(folder, dataset, suites, n=None, **settings):
    """A finished run, as `clio-evals run` makes it."""
    data = open_dataset(dataset)
    data = data if n is None else data.first(n)
    config = defaults.config(data, seeds=SEEDS, project=0, **settings)
    execute.run(data, config, folder, suites=chosen(suites))
    (part,) = runs.load(folder).values()
    return part


@pytest.fixture(scope="session")
def sliced(tmp_path_factory):
    """Finished runs over slices by data set, with every suite that is measured there."""
    home = tmp_path_factory.mktemp("sliced")
    suites = {"regular": [s for s in SUITES if s not in ("auditor", "privacy", "attacks")]}
    suites |= {name: ["integrity", suite] for name, suite in (("private", "privacy"), ("attacks", "attacks"))}
    return {name: measured(home / name, name, them, SLICE, missing="local") for name, them in suites.items()}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # pending files of a recording land in the present folder


def test_every_suite_of_the_registry_has_a_task():
    assert {"supervised_reconstruction" if name == "supervised" else name for name in SUITES} == set(TASKS) - OF_RUNS


@pytest.mark.slow
@pytest.mark.parametrize("suite", [*SINGLE, *AS_A_WHOLE])
def test_a_task_gives_the_numbers_of_the_command_line(suite, sliced, tmp_path):
    part = sliced[SUITES[suite].sets[0]]
    log = evaluated(tmp_path, suite, task_args={"n": SLICE})
    assert log.status == "success", log.error
    expected = stated(part, suite)
    found = values(log, "suite_metrics")
    assert found.pop("unrecorded_calls") > 0
    assert found == expected
    kinds = Counter(s.metadata["kind"] for s in log.samples)
    items = part.items[part.items["suite"] == suite]
    assert kinds == {k: n for k, n in {"extract": 1, "measure": 1, "suite": 1, "item": len(items)}.items() if n}
    assert bool(len(items)) == (suite in SINGLE)
    if suite in SINGLE:
        means = values(log, "item_score")
        scored = items[items["score"].notna()]
        for name in scored["metric"].unique():
            # Some stand by group only, and the accuracies of oracles in tables only.
            alone = scored.loc[scored["metric"] == name, "score"].mean()
            wanted = expected.get(name, alone)
            assert means[name] == wanted, name


@pytest.mark.slow
def test_single_scores_and_their_clusters_are_those_of_the_run(sliced, tmp_path):
    log = evaluated(tmp_path, "unsupervised", task_args={"n": SLICE})
    items = sliced["regular"].items.query("suite == 'unsupervised'")
    shown = {(s.metadata["metric"], s.metadata["item"]): s for s in log.samples if s.metadata["kind"] == "item"}
    assert len(shown) == len(items)
    summaries = sliced["regular"].summaries()
    for row in items.to_dict("records"):
        sample = shown[row["metric"], row["item"]]
        assert sample.scores["item_score"].value == row["score"]
        assert sample.input == summaries[row["item"]]
        for key in ("language", "category", "cluster", "group"):
            assert sample.metadata[key] == row[key]
    found, expected = values(log, "item_score"), stated(sliced["regular"], "unsupervised")
    assert found["b3_precision_base_clustered_low"] == expected["b3_precision_base_low"]
    assert found["b3_precision_base_clustered_high"] == expected["b3_precision_base_high"]
    hindi = items.query("metric == 'b3_recall_base' and language == 'Hindi'")["score"]
    assert found["b3_recall_base language=Hindi"] == pytest.approx(sum(hindi) / len(hindi), abs=1e-12)


@pytest.mark.slow
def test_a_task_over_a_whole_recorded_set_needs_no_stand_in(tmp_path):
    part = measured(tmp_path / "run", "concerning", ["stages"], missing="stop")
    log = evaluated(tmp_path, "stages", task_args={"dataset": "concerning", "missing": "stop"})
    assert log.status == "success", log.error
    found, expected = values(log, "suite_metrics"), stated(part, "stages")
    assert found.pop("unrecorded_calls") == 0
    assert found == expected
    means = values(log, "item_score")
    for name in ("summary_accuracy", "language_accuracy", "screener_accuracy", "concern_agreement"):
        assert (means[name], means[f"{name}_clustered_low"]) == (expected[name], expected[f"{name}_low"])
    # One minus a mean and the mean of one minus each may differ in the last digit.
    assert means["members_not_belonging"] == pytest.approx(expected["members_not_belonging"], abs=1e-12)
    assert log.results.headline.metric == "summary_accuracy"


@pytest.mark.slow
def test_the_auditor_is_asked_once_a_text_and_scores_as_on_the_command_line(tmp_path):
    config = defaults.config(None)
    found = execute.run_fixed(SUITES["auditor"], config, tmp_path / "run")
    (part,) = runs.load(tmp_path / "run").values()
    log = evaluated(tmp_path, "auditor")
    assert log.status == "success", log.error
    assert values(log, "rating") == stated(part, "auditor")
    assert values(log, "item_score")["accuracy"] == stated(part, "auditor")["accuracy"]
    rows = found.tables["auditor_rows"].set_index("id")
    assert len(log.samples) == len(rows) == 800
    for sample in log.samples:
        assert sum(event.event == "model" for event in sample.events) == 1
        assert sample.scores["rating"].value == rows.loc[sample.id, "given"]
        assert sample.target == ("private" if rows.loc[sample.id, "private"] else "general")


def judged(ident, private, rating):
    kind = "person" if private else ""
    return Judged(ident, f"Name {ident}", "They asked.", private, rating, kind, "latin", "", "", "letters")


def test_a_rating_that_cannot_be_read_is_counted_and_has_no_score(monkeypatch, tmp_path):
    rows = (judged("a", True, 1), judged("b", True, 2), judged("c", False, 5), judged("d", False, 4))
    monkeypatch.setattr(tasks.auditor_set, "read", lambda: SimpleNamespace(rows=rows, hash="of four"))
    said = {"Name a": "1", "Name b": "4", "Name c": "5", "Name d": "as you like"}

    def script(messages):
        text = "\n".join(m.text for m in messages)
        (rating,) = (said[name] for name in said if name in text)
        return f"So it seems.</justification>\n<rating>{rating}</rating>"

    log = evaluated(tmp_path, "auditor", model=scripted(script=script))
    assert log.status == "success", log.error
    given = {s.id: (s.scores["rating"].value, s.scores["item_score"].value) for s in log.samples}
    assert math.isnan(given["d"][1])
    assert given | {"d": ("none", None)} == {"a": (1, 1.0), "b": (4, 0.0), "c": (5, 1.0), "d": ("none", None)}
    found = values(log, "rating")
    # a was caught and b was not; c was cleared, and d counts on neither side.
    assert (found["sensitivity"], found["specificity"], found["failed_ratings"]) == (0.5, 1.0, 0.25)
    assert found["accuracy"] == values(log, "item_score")["accuracy"] == pytest.approx(2 / 3)
    (single,) = (score for score in log.results.scores if score.name == "item_score")
    assert (single.scored_samples, single.unscored_samples) == (3, 1)


@pytest.mark.slow
def test_a_call_that_nobody_recorded_ends_the_task_where_it_is_not_to_go_on(tmp_path):
    log = evaluated(tmp_path, "insight", task_args={"n": 15, "missing": "stop"})
    assert log.status == "error"
    (failed,) = (s for s in log.samples if s.error)
    assert failed.id == "measure"
    assert "not in the recording 'reference'" in failed.error.message
    assert (tmp_path / "pending.jsonl").exists()


@pytest.mark.slow
def test_a_role_of_inspects_own_reaches_the_stage_that_it_is_for(tmp_path):
    log = evaluated(tmp_path, "cost", task_args={"n": 15}, model_roles={"namer": "local/extractive"})
    assert log.status == "success", log.error
    used = {event.model for s in log.samples for event in s.events if event.event == "model"}
    named = {
        (event.model, event.input[0].metadata["clio"]["stage"])
        for s in log.samples
        for event in s.events
        if event.event == "model" and event.input[0].metadata["clio"]["stage"] == "name"
    }
    assert used == {"recorded/reference", "local/extractive"}
    assert named == {("local/extractive", "name")}


def test_a_suite_takes_no_data_that_it_is_not_made_for(tmp_path):
    with pytest.raises(DatasetError, match=r"'attacks' is measured on \['attacks'\], got 'regular'"):
        evaluated(tmp_path, "attacks", task_args={"dataset": "regular"})


@pytest.fixture
def session_of_two(tmp_path, sliced):
    """A session's folder whose two parts stand where they were made."""
    (tmp_path / "both").mkdir()
    for name in ("private", "attacks"):
        (tmp_path / "both" / name).symlink_to(sliced[name].path)
    (tmp_path / "both" / "manifest.json").write_text('{"parts": ["private", "attacks"]}', encoding="utf-8")
    return str(tmp_path / "both")


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["privacy", "attacks"])
def test_a_suite_of_a_finished_run_is_scored_without_a_call(suite, sliced, session_of_two, tmp_path):
    part = sliced[SUITES[suite].sets[0]]
    log = evaluated(tmp_path, "suite_run", task_args={"run": session_of_two, "suite": suite})
    assert log.status == "success", log.error
    found = values(log, "suite_metrics")
    assert found.pop("unrecorded_calls") == part.manifest["unrecorded"]
    assert found == stated(part, suite)
    assert len(log.samples) == 1 + (part.items["suite"] == suite).sum()
    assert not any(event.event == "model" for s in log.samples for event in s.events)
    assert log.eval.metadata["models"] == part.manifest["models"]


@pytest.mark.slow
def test_a_finished_run_says_what_it_does_not_hold(session_of_two, sliced, tmp_path):
    with pytest.raises(RunFolderError, match=r"holds no suite 'stages' of data set any; it holds .*'privacy'"):
        evaluated(tmp_path, "suite_run", task_args={"run": session_of_two, "suite": "stages"})
    chosen = {"run": session_of_two, "suite": "integrity"}
    with pytest.raises(RunFolderError, match=r"\['attacks', 'private'\]; choose one with -T dataset=NAME"):
        evaluated(tmp_path, "suite_run", task_args=chosen)
    log = evaluated(tmp_path, "suite_run", task_args=chosen | {"dataset": "attacks"})
    assert (log.status, log.eval.metadata["dataset"]) == ("success", "attacks")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_eval_set_runs_every_task_and_leaves_a_score_a_sample(sliced, tmp_path):
    words = ["eval-set", *(f"clio_evals/{name}" for name in TASKS), "--model", "recorded/reference"]
    words += ["-T", "n=15", "-T", f"run={sliced['regular'].path}", "--display", "none", "--log-buffer", "500"]
    done = subprocess.run(
        [sys.executable, "-c", "from inspect_ai._cli.main import main; main()", *words, "--log-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'evals' / 'inspect_tasks'}", "PATH": "", "HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    logs = {log.eval.task_registry_name: log for log in map(read_eval_log, list_eval_logs(str(tmp_path)))}
    assert set(logs) == {f"clio_evals/{name}" for name in TASKS}
    assert {log.status for log in logs.values()} == {"success"}
    for name, log in logs.items():
        assert log.eval.task_version == tasks.VERSION, name
        shown = {s.metadata["kind"] for s in log.samples if s.scores}
        assert shown <= {"item", "suite"}, name
        assert shown, name
        assert all(s.scores for s in log.samples if s.metadata["kind"] in shown), name
    frame = samples_df(str(tmp_path), quiet=True)
    assert frame["score_item_score"].notna().sum() > 100
    assert frame["score_suite_metrics"].notna().sum() == len(TASKS) - 1  # the auditor has a sample a text only
