"""What the gate says of runs that are known to differ in nothing, or in one thing."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from evals import gating, policy, reconstruction, runs
from evals.gating import Verdict
from evals.suite import ITEM_COLUMNS, item, metric

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def regular(twenty_seeds):
    return runs.load(twenty_seeds)["regular"]


def under_seed(part, seed):
    """The run as it would have come out under another of its recorded seeds."""
    rows = part.seeds[part.seeds["seed"] == seed]
    items = [
        {
            "suite": "supervised",
            **item(
                "accuracy",
                r.conversation,
                float(r.category == r.predicted),
                language=r.language,
                category=r.category,
                cluster=r.base_cluster,
            ),
        }
        for r in rows.itertuples()
    ]
    made = reconstruction.summary(rows, sorted(set(rows["category"]))).set_index("metric")
    numbers = [
        {
            "suite": "supervised",
            "dataset": "regular",
            **metric(name, made.loc[label, "value"], n=len(rows), clusters=49),
        }
        for name, label in (("accuracy", "accuracy"), ("macro_f1", "macro F1"))
    ]
    table = pd.DataFrame(numbers, columns=part.metrics.columns)
    return replace(part, items=pd.DataFrame(items, columns=ITEM_COLUMNS), metrics=table, seeds=None)


def verdict(name, base, candidate):
    judged = gating.judge(policy.load(name), {"regular": base}, {"regular": candidate})
    return gating.overall(judged), judged


def test_no_seed_of_the_same_pipeline_fails_against_another(regular):
    made = [under_seed(regular, seed) for seed in range(20)]
    # Every seed against the shipped one, and the ends of the range, where chance is largest, against each other.
    by_accuracy = sorted(range(20), key=lambda seed: made[seed].metrics["value"].iloc[0])
    pairs = [(0, seed) for seed in range(1, 20)] + [
        (by_accuracy[-1], by_accuracy[0]),
        (by_accuracy[-2], by_accuracy[1]),
    ]
    failed = [
        (a, b, [j.said for j in judged if j.verdict is Verdict.FAIL])
        for a, b in pairs
        for overall, judged in [verdict("model-upgrade", made[a], made[b])]
        if overall is Verdict.FAIL
    ]
    assert failed == []


def test_ten_seeds_against_the_other_ten_do_not_fail(regular):
    halves = [replace(regular, seeds=regular.seeds[regular.seeds["seed"] % 2 == side]) for side in (0, 1)]
    overall, judged = verdict("model-upgrade", *halves)
    assert overall is not Verdict.FAIL
    assert "Welch over 10 and 10 seeds" in judged[0].method


def test_every_seed_against_a_pipeline_without_a_language_model_fails_and_names_languages(regular, tmp_path):
    from conftest import DEFAULTS

    from evals import execute
    from synthetic.datasets import open_dataset

    execute.run(open_dataset("regular"), replace(DEFAULTS, model="local/extractive"), tmp_path / "floor")
    floor = runs.load(tmp_path / "floor")["regular"]
    for seed in (0, 7, 11):  # the shipped one, the lowest and the highest
        overall, judged = verdict("model-upgrade", under_seed(regular, seed), floor)
        assert overall is Verdict.FAIL
        languages = next(j for j in judged if j.gate.kind == "languages")
        # The floor puts languages of one script into two or three clusters; nothing can be shown for those alone.
        assert {"French", "Spanish"} <= set(languages.named), languages.said
