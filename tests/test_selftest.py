from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd
import pytest

from clio_core.runfolder import RunFolder
from evals import execute, selftest, selftest_doses, selftest_null
from evals.selftest_doses import Trial
from evals.selftest_null import Null
from reports.sections import Run
from reports.sections.selftest import section


def verdict(expected, values, *, low=None, high=None, error=0.0, floor=0.0):
    errors = [0.0] + [error] * (len(values) - 1)
    ends = {"low": low or values, "high": high or values}
    return selftest_doses.verdict(
        pd.DataFrame({"value": values, **ends, "error": errors, "expected": expected, "floor": floor})
    )


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ([0.7, 0.6, 0.4, 0.1], 0.01, "PASS"),
        ([0.7, 0.7, 0.7, 0.7], 0.0, "FAIL"),  # it does not see the harm
        ([0.7, 0.8, 0.4, 0.1], 0.01, "FAIL"),  # a little harm made it better
        ([0.7, 0.71, 0.4, 0.1], 0.01, "PASS"),  # one error up is noise
        ([0.7, 0.69, 0.69, 0.69], 0.01, "FAIL"),  # one error down is noise, too
    ],
)
def test_what_must_fall_has_to_fall_all_the_way_beyond_noise(values, error, said):
    assert verdict("falls", values, error=error) == said


def test_a_run_at_the_level_of_chance_has_nothing_to_lose():
    assert verdict("falls", [0.06, 0.05, 0.05], floor=0.05) == "nothing to lose"
    assert verdict("falls", [0.5, 0.05, 0.05], floor=0.05) == "PASS"


def test_what_must_stay_may_not_move_in_a_single_draw():
    assert verdict("stays", [0.5, 0.5, 0.5]) == "PASS"
    assert verdict("stays", [0.5, 0.5, 0.5], low=[0.5, 0.5, 0.49], high=[0.5, 0.5, 0.51]) == "FAIL"


def test_what_must_cry_has_to_cry_in_every_draw_at_every_dose():
    assert verdict("rises", [0, 1, 2]) == "PASS"
    assert verdict("rises", [0, 1, 2], low=[0, 0, 2], high=[0, 2, 2]) == "FAIL"


def test_doses_are_drawn_several_times_and_answered_in_one_row_a_metric():
    def scores(seed, dose):
        return {"seen": 1 - dose + 0.001 * seed, "blind": 0.5}

    trial = Trial("everything broken", scores, {"seen": "falls", "blind": "falls"}, {})
    table = selftest_doses.doses(iter([trial]))
    assert table.groupby("metric")["dose"].apply(list).tolist() == [[0, 0.1, 0.25, 0.5, 1]] * 2
    assert table["draws"].tolist() == [1, 1, 10, 10, 10, 10, 10, 10, 10, 10]
    answers = selftest_doses.responses(table).set_index("metric")
    assert answers["verdict"].to_dict() == {"seen": "PASS", "blind": "FAIL"}
    assert answers.loc["seen", "at_100"] == pytest.approx(0.0045)  # the mean of 0 to 9 thousandths


def test_two_columns_meet_by_chance_as_often_as_their_shares_say():
    one, other = pd.Series(["a", "a", "b", "b"]), pd.Series(["a", "a", "a", ""])
    assert selftest_null.met(one, other) == pytest.approx(0.5 * 0.75)


def test_a_metric_that_finds_something_in_noise_fails():
    def leaks(rng):
        return 0.3 + 0.01 * rng.normal()

    def sound(rng):
        return 0.01 * rng.normal()

    table = selftest_null.table(iter([Null("x", "leaks", 0.0, leaks), Null("x", "sound", 0.0, sound)]))
    assert table["verdict"].tolist() == ["FAIL", "PASS"]
    assert table.loc[1, "low"] == pytest.approx(-0.0196, abs=0.006)
    assert table.loc[1, "high"] == pytest.approx(0.0196, abs=0.006)


def test_a_share_of_yes_and_no_has_no_middle_of_its_shuffles():
    table = selftest_null.table(iter([Null("x", "coin", 0.5, lambda rng: float(rng.random() < 0.5))]))
    assert table["low"].isna().all()
    assert table["verdict"].tolist() == ["PASS"]


def test_failures_are_counted_and_named():
    null = pd.DataFrame(
        [
            ["supervised", "accuracy", 0.05, 0.3, 0.2, 0.4, 0.7, 10, "FAIL"],
            ["auditor", "auc", 0.5, 0.5, 0.4, 0.6, None, 10, "PASS"],
        ],
        columns=selftest_null.COLUMNS,
    )

    def flat(seed, dose):
        return {"accuracy": 0.7}

    trial = Trial("summaries of one language shuffled", flat, {"accuracy": "falls"}, {}, "language=Hindi")
    found = selftest.measured(null, selftest_doses.doses(iter([trial])))
    row = found.metrics[0]
    assert (row["metric"], row["value"], row["n"]) == ("selftest_failures", 2, 3)
    named = "supervised accuracy, summaries of one language shuffled: accuracy (language=Hindi)"
    assert row["note"] == f"FAIL: {named}"


@pytest.fixture(scope="module")
def found(reference):
    return asyncio.run(selftest.measure(reference.finished.context))


def test_the_harness_passes_its_own_test_on_the_default_run(found):
    row = found.metrics[0]
    assert (row["metric"], row["value"]) == ("selftest_failures", 0), row["note"]
    assert row["n"] == len(found.tables["selftest_null"]) + len(found.tables["selftest_responses"])


def test_random_labels_score_chance_and_the_run_does_not(found):
    null = found.tables["selftest_null"].set_index(["suite", "metric"])
    accuracy = null.loc[("supervised", "accuracy")]
    assert accuracy["chance"] == pytest.approx(1 / 20)  # 20 categories of 30
    assert accuracy["low"] < 1 / 20 < accuracy["high"] < accuracy["run"]
    for suite, metric, chance in (
        ("unsupervised", "ami_base", 0),
        ("reviews", "kappa", 0),
        ("auditor", "auc", 0.5),
        ("auditor", "quadratic_kappa", 0),
    ):
        assert null.loc[(suite, metric), "chance"] == chance


def test_every_language_falls_by_itself_and_takes_no_other_along(found):
    answers = found.tables["selftest_responses"]
    single = answers[answers["slice"] != "all"]
    assert single.groupby("metric")["slice"].nunique().tolist() == [15, 15]
    stays = single[single["metric"] != "accuracy"]
    assert stays["at_100"].tolist() == pytest.approx(stays["at_0"].tolist(), abs=1e-12)


def test_a_harness_whose_accuracy_looks_at_nothing_is_found_out(reference, monkeypatch):
    monkeypatch.setattr(selftest_doses, "is_correct", lambda rows: np.ones(len(rows)))
    rows = selftest.rows_of(reference.finished.context)
    trial = next(selftest_doses.trials(reference.finished.context, rows))
    answers = selftest_doses.responses(selftest_doses.doses(iter([trial]))).set_index("metric")
    assert answers.loc["accuracy", "verdict"] == "FAIL"


def test_a_harness_whose_shuffled_language_touches_others_is_found_out(reference, monkeypatch):
    def everybody(rows, language, seed, dose=1.0):
        return selftest_doses.corruption.shuffle_summaries(rows, seed, dose)

    monkeypatch.setattr(selftest_doses.corruption, "shuffle_language", everybody)
    rows = selftest.rows_of(reference.finished.context)
    trial = next(selftest_doses.trials(reference.finished.context, rows))
    answers = selftest_doses.responses(selftest_doses.doses(iter([trial]))).set_index("metric")
    assert answers.loc["accuracy, other languages", "verdict"] == "FAIL"


def written(folder, measured):
    execute.write_measured(folder, "regular", {"selftest": measured})
    return section(Run(folder, {"dataset": {"name": "regular", "sensitive": False}}))


def test_the_section_says_that_all_checks_passed_and_draws_them(tmp_path, found):
    made = written(RunFolder(tmp_path), found)
    assert made.sentences[0].startswith(f"All {found.metrics[0]['n']} checks of the harness passed")
    assert [picture.name for picture in made.pictures] == ["selftest_null", "selftest_doses"]
    assert all(picture.draw().axes for picture in made.pictures)


def test_the_section_names_what_failed(tmp_path, found):
    null = found.tables["selftest_null"].copy()
    null.loc[0, "verdict"] = "FAIL"
    doses = found.tables["selftest_doses"].assign(expected="falls", floor=0.0, error=0.0)
    made = written(RunFolder(tmp_path), selftest.measured(null, doses))
    assert "checks of the harness failed. FAIL: supervised accuracy" in made.sentences[0]
