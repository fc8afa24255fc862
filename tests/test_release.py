"""The shipped policies on the shipped recording, and on what was spoiled in one known way."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from conftest import DEFAULTS

from evals import auditor, execute, gating, policy, runs
from evals.corrupted_run import write_corrupted_run
from evals.gating import Verdict
from evals.suite import METRIC_COLUMNS
from evals.suites import chosen
from synthetic.datasets import open_dataset

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("language", ["Hindi", "Georgian", "English", "Mandarin Chinese"])
def test_a_language_whose_summaries_were_shuffled_blocks_and_no_other_does(reference, tmp_path, language):
    write_corrupted_run(reference.folder, tmp_path / "run", language, 0)
    judged = gating.judge(policy.load("prompt-change"), runs.load(reference.folder), runs.load(tmp_path / "run"))
    languages = next(j for j in judged if j.gate.kind == "languages")
    assert languages.verdict is Verdict.FAIL
    assert languages.named == (language,)
    assert gating.overall(judged) is Verdict.FAIL


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Everything that the policy `privacy-release` looks at, from the shipped recording."""
    home = tmp_path_factory.mktemp("release")
    (fixed,) = chosen(["auditor"])
    execute.run_fixed(fixed, replace(DEFAULTS, quote=False), home / "auditor")
    for name in ("private", "attacks"):
        suites = chosen(["privacy" if name == "private" else "attacks", "integrity"])
        execute.run(open_dataset(name), DEFAULTS, home / name, suites=suites)
    return {name: runs.load(home / name)[name] for name in ("auditor", "private", "attacks")}


def spoiled(part, share):
    """The auditor's part as it would be, had it let pass that share of the private texts that it caught."""
    rows = pd.read_csv(part.path / "tables" / "auditor_rows.csv", keep_default_na=False)
    rows["given"] = pd.to_numeric(rows["given"]).astype("Int64")
    rows["private"] = rows["private"].astype(str) == "True"
    caught = rows.index[rows["private"] & (rows["given"] < 3)]
    rows.loc[caught[: round(share * len(caught))], "given"] = 5
    found = auditor.score(rows, "hash")
    metrics = pd.DataFrame(
        [{"suite": "auditor", "dataset": "auditor", **row} for row in found.metrics], columns=METRIC_COLUMNS
    )
    for column in ("value", "low", "high", "n", "clusters", "paper"):
        metrics[column] = pd.to_numeric(metrics[column])
    return replace(part, metrics=metrics)


def test_the_shipped_recording_fails_no_privacy_gate_and_says_what_so_few_clusters_cannot_show(released):
    judged = gating.judge(policy.load("privacy-release"), {}, released)
    assert not [j.said for j in judged if j.verdict is Verdict.FAIL]
    by_name = {j.gate.name: j for j in judged}
    assert by_name["the auditor catches private texts"].verdict is Verdict.PASS
    planted = by_name["no planted fact is published"]
    assert planted.verdict is Verdict.INCONCLUSIVE
    # The facts lie in 24 base clusters, and those of one cluster are one try.
    assert "59 clusters without a hit (now 24)" in planted.wanted
    assert gating.overall(judged) is Verdict.INCONCLUSIVE


def test_an_auditor_that_misses_a_tenth_of_the_private_texts_fails_the_release(released):
    judged = gating.judge(
        policy.load("privacy-release"), {}, {**released, "auditor": spoiled(released["auditor"], 0.10)}
    )
    failed = [j.gate.name for j in judged if j.verdict is Verdict.FAIL]
    assert failed == ["the auditor catches private texts"]
    assert gating.overall(judged) is Verdict.FAIL
