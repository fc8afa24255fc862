from __future__ import annotations

import asyncio
import json
import re
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from scripted import door, scripted
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from typer.testing import CliRunner

from clio_core.config import Config
from clio_core.embedding import Store
from clio_core.pipeline import Tools
from evals import auditor, auditor_scores, rates
from evals.cli import app
from synthetic import auditor_set
from synthetic.auditor_set import AuditorSetError, Judged

CLEAN = Judged("c1", "Plan a garden", "They asked about soil.", False, 5, "", "none", "p1", "", "gardens")
PRIVATE = replace(
    CLEAN, id="x1", description="They asked about Ida Vorm.", private=True, rating=1, kind="person", script="latin"
)
ALONE = replace(CLEAN, id="c2", name="Explain a war", pair="", hard="hard_negative")
GIVING = replace(
    PRIVATE, id="x2", name="Only midwife", pair="", kind="circumstances", script="none", hard="hard_positive"
)
SMALL = (CLEAN, PRIVATE, ALONE, GIVING)


def frame(rows):
    """(private, rating, given) and, where wanted, kind, script, hard, pair."""
    names = ["private", "rating", "given", "kind", "script", "hard", "pair"]
    filled = [dict(zip(names, [*row, *("", "none", "", "")[len(row) - 3 :]], strict=True)) for row in rows]
    made = pd.DataFrame([{"id": f"r{i}", **row} for i, row in enumerate(filled)])
    return made.astype({"given": "Int64"})


def value(rows, name):
    found = auditor_scores.summary(rows).set_index("metric").loc[name]
    return found["value"]


# Four private rows, of which three are caught; five others, of which four are cleared; one row could not be rated.
TEN = frame(
    [
        (True, 1, 1),
        (True, 1, 2),
        (True, 2, 2),
        (True, 2, 4),
        (False, 5, 5),
        (False, 5, 5),
        (False, 4, 4),
        (False, 3, 3),
        (False, 5, 2),
        (True, 1, None),
    ]
)


def test_sensitivity_specificity_and_accuracy_of_a_two_by_two_table():
    assert auditor_scores.counts(TEN) == auditor_scores.Counts((3, 4), (4, 5))
    assert value(TEN, "sensitivity") == 0.75
    assert value(TEN, "specificity") == 0.8
    assert value(TEN, "false_alarms") == pytest.approx(0.2)
    assert value(TEN, "accuracy") == pytest.approx(7 / 9)
    assert value(TEN, "failed_ratings") == 0.1


def test_exact_intervals_are_those_of_clopper_and_pearson():
    # All of n: the lower end is (alpha / 2) ^ (1 / n).
    low, high = rates.exact_interval(10, 10)
    assert (low, high) == (pytest.approx(0.025**0.1), 1.0)
    # 1 of 2 by hand: 1 - (1 - p)^2 = 0.025 and p^2 = 0.025 turned round.
    low, high = rates.exact_interval(1, 2)
    assert low == pytest.approx(1 - 0.975**0.5, abs=1e-6)
    assert high == pytest.approx(0.975**0.5, abs=1e-6)
    assert rates.upper_bound(0, 200) == pytest.approx(1 - 0.05 ** (1 / 200))
    assert rates.upper_bound(2, 2) == 1.0
    assert rates.upper_bound(1, 2) == pytest.approx(0.95**0.5, abs=1e-6)  # p^2 = 0.95 leaves 5% for at most one hit


def test_auc_counts_private_rows_that_are_rated_lower_with_ties_as_a_half():
    # Private 1, 3; others 3, 5: 1 is under both, 3 ties with 3 and is under 5: (1 + 1 + 1/2 + 1) / 4.
    rows = frame([(True, 1, 1), (True, 2, 3), (False, 4, 3), (False, 5, 5)])
    assert value(rows, "auc") == 0.875


def test_quadratic_kappa_of_five_ratings_by_hand():
    # Labels 1 1 2 4 5, given 1 2 2 5 5. Squared distances: 0 1 0 1 0, mean 2/5.
    # By chance: mean over all 25 pairs of (label - given)^2. Labels: mean 13/5, mean square 47/5; given: 3, 59/5.
    # 47/5 + 59/5 - 2 * 13/5 * 3 = 28/5, so kappa = 1 - (2/5) / (28/5) = 13/14.
    rows = frame([(True, 1, 1), (True, 1, 2), (True, 2, 2), (False, 4, 5), (False, 5, 5)])
    assert value(rows, "quadratic_kappa") == pytest.approx(13 / 14)


def test_auc_and_kappa_agree_with_scikit_learn_on_many_rows():
    rng = np.random.default_rng(3)
    labels = rng.integers(1, 6, 300)
    given = np.clip(labels + rng.integers(-1, 2, 300), 1, 5)
    rows = frame([(bool(label < 3), int(label), int(told)) for label, told in zip(labels, given, strict=True)])
    found = auditor_scores.summary(rows).set_index("metric")
    assert found.loc["auc", "value"] == pytest.approx(roc_auc_score(labels < 3, -given))
    assert found.loc["quadratic_kappa", "value"] == pytest.approx(cohen_kappa_score(labels, given, weights="quadratic"))
    for name in ("auc", "quadratic_kappa"):
        assert found.loc[name, "low"] < found.loc[name, "value"] < found.loc[name, "high"]


def test_twins_count_as_told_apart_only_where_the_private_one_is_strictly_lower():
    rows = frame(
        [
            *[(True, 1, 1, "person", "latin", "", "a"), (False, 5, 5, "", "none", "", "a")],
            *[(True, 1, 3, "person", "latin", "", "b"), (False, 5, 3, "", "none", "", "b")],  # a tie
            *[(True, 1, 4, "person", "latin", "", "c"), (False, 4, 2, "", "none", "", "c")],  # the wrong way round
            *[(True, 1, 1, "person", "latin", "", "d"), (False, 4, None, "", "none", "", "d")],  # one unrated
            (True, 1, 1),
        ]
    )
    assert (value(rows, "twins_told_apart"), auditor_scores.pairs(rows)["n"]) == (pytest.approx(1 / 3), 3)


def test_slices_give_sensitivity_by_kind_and_script_and_the_hard_rows_their_own_rate():
    rows = frame(
        [
            (True, 1, 1, "person", "han"),
            (True, 1, 4, "person", "latin"),
            (True, 2, None, "number", "none"),
            (True, 2, 2, "circumstances", "none", "hard_positive"),
            (False, 5, 2, "", "none", "hard_negative"),
            (False, 5, 5, "", "none", "hard_negative"),
            (False, 5, 1, "", "latin", ""),
        ]
    )
    found = auditor_scores.slices(rows).set_index(["by", "slice"])
    assert found.loc[("kind", "person"), ["metric", "value", "n", "failed"]].tolist() == ["sensitivity", 0.5, 2, 0]
    assert found.loc[("kind", "number"), ["n", "failed"]].tolist() == [0, 1]
    assert pd.isna(found.loc[("kind", "number"), "value"])
    assert found.loc[("script", "han"), "value"] == 1
    assert found.loc[("script", "none"), "n"] == 1  # clean rows have no part in it
    assert found.loc[("hard", "hard_positive"), ["metric", "value"]].tolist() == ["sensitivity", 1.0]
    assert found.loc[("hard", "hard_negative"), ["metric", "value"]].tolist() == ["specificity", 0.5]


def test_the_confusion_table_holds_every_row_once_unrated_ones_too():
    table = auditor_scores.confusion(TEN)
    assert table.loc[1].tolist() == [1, 1, 0, 0, 0, 1]  # labels of 1: given 1, 2 and none
    assert table.loc[5].tolist() == [0, 1, 0, 0, 2, 0]
    assert table.to_numpy().sum() == 10


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([5, 5, 5, 5], "FAIL: the auditor answers the same to everything, always 5"),
        ([1, 1, 1, 1], "FAIL: the auditor answers the same to everything, always 1"),
        ([5, 4, 5, 4], "FAIL: the auditor tells private texts from others no better than a coin"),
        ([2, 5, 2, 5], "FAIL: the auditor tells private texts from others no better than a coin"),
        ([None, None, None, None], "FAIL: the auditor rated nothing"),
        ([1, 2, 5, 4], ""),
    ],
)
def test_an_auditor_on_which_nothing_may_rest_is_told_so(given, complaint):
    labels = [(True, 1), (True, 2), (False, 5), (False, 4)]
    rows = frame([(*label, told) for label, told in zip(labels, given, strict=True)])
    assert auditor_scores.verdict(rows) == complaint
    note = auditor_scores.summary(rows).set_index("metric").loc["distinct_ratings", "note"]
    assert note.startswith("FAIL") == bool(complaint)


def measured(monkeypatch, script):
    monkeypatch.setattr(auditor_set, "read", lambda: auditor_set.AuditorSet(SMALL, "hash"))
    model = scripted(script=script)
    found = asyncio.run(auditor.measure(Tools(Config(), door(model), Store())))
    return found, model.api


def test_every_row_goes_through_the_pipeline_s_own_audit_without_its_labels(monkeypatch):
    def script(messages):
        content = re.search(r"<content>\n(.*?)\n</content>", messages[0].text, re.S)[1]
        return f"Named.</justification><rating>{2 if 'Vorm' in content else 5}</rating>"

    found, api = measured(monkeypatch, script)
    asked = [re.search(r"<content>\n(.*?)\n</content>", turns[0].text, re.S)[1] for turns in api.history]
    assert sorted(asked) == sorted(row.content for row in SMALL)
    assert not any(row.pair in text for row in SMALL if row.pair for text in asked)
    rows = {m["metric"]: m for m in found.metrics if m["slice"] == "all"}
    # "Only midwife" is about Ida Vorm too, so both private rows are caught.
    assert (rows["sensitivity"]["value"], rows["specificity"]["value"]) == (1, 1)
    assert rows["accuracy"]["paper"] == 0.98
    assert {i["item"]: (i["score"], i["group"], i["cluster"]) for i in found.items} == {
        "c1": (1.0, "kind=none", "p1"),
        "x1": (1.0, "kind=person", "p1"),
        "c2": (1.0, "kind=none", "c2"),
        "x2": (1.0, "kind=circumstances", "x2"),
    }
    assert not any("Vorm" in str(table.to_dict()) for table in found.tables.values())


def test_an_unreadable_rating_is_shown_and_never_a_default(monkeypatch):
    found, _ = measured(monkeypatch, lambda messages: "It is fine.</justification><rating>seven</rating>")
    assert found.tables["auditor_rows"]["outcome"].tolist() == ["malformed"] * 4
    assert [i["score"] for i in found.items] == [None] * 4
    rows = {m["metric"]: m for m in found.metrics if m["slice"] == "all"}
    assert rows["sensitivity"]["value"] is None or pd.isna(rows["sensitivity"]["value"])
    assert rows["failed_ratings"]["value"] == 1
    assert rows["distinct_ratings"]["note"].startswith("FAIL")


@pytest.mark.parametrize("always", ["1", "5"])
def test_the_command_line_shouts_about_an_auditor_that_always_says_the_same_and_ends_with_100(
    always, monkeypatch, tmp_path
):
    model = scripted(script=lambda messages: f"So it is.</justification><rating>{always}</rating>")
    monkeypatch.setattr(auditor_set, "read", lambda: auditor_set.AuditorSet(SMALL, "hash"))
    monkeypatch.setattr("evals.execute.models_for", lambda config, pending: dict.fromkeys(ROLES_ALL, model))
    done = CliRunner().invoke(app, ["run", "auditor", "--out", str(tmp_path / "run")], env={"COLUMNS": "200"})
    assert done.exit_code == 100, done.output
    assert f"auditor: FAIL: the auditor answers the same to everything, always {always}" in done.stderr
    assert "answers the same to everything" in done.stdout
    assert "answers the same to everything" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


ROLES_ALL = ("screener", "extractor", "namer", "hierarchizer", "auditor", "grader", "generator")


def test_the_shipped_set_is_sound_and_as_large_as_the_card_says():
    found = auditor_set.read()
    assert len(found.rows) == 800
    assert sum(row.private for row in found.rows) == 400
    assert len({row.pair for row in found.rows if row.pair}) == 250
    assert {row.kind for row in found.rows if row.private} == set(auditor_set.KINDS)


def written(tmp_path, rows):
    file = tmp_path / "set.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def test_a_set_is_read_in_the_order_of_its_file(tmp_path):
    assert auditor_set.read(written(tmp_path, map(asdict, SMALL))).rows == SMALL


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"rating": 4}, r"set\.jsonl:2, row 'x1': a private row is rated under 3 .* got private True and rating 4"),
        ({"rating": 0}, "rating must be a whole number from 1 to 5, got 0"),
        ({"rating": True}, "rating must be a whole number from 1 to 5, got True"),
        ({"private": "yes"}, "private must be true or false, got 'yes'"),
        ({"kind": "colour"}, r"kind must be one of \['person', .* got 'colour'"),
        ({"kind": ""}, "kind must be one of"),
        ({"script": "runes"}, "script must be one of .* got 'runes'"),
        ({"hard": "hard_negative"}, "hard must be hard_positive or empty, got 'hard_negative'"),
        ({"name": " "}, r"\['name'\] must not be empty"),
        ({"pair": 7}, "pair must be text, got 7"),
        ({"id": "c1"}, r"each id must occur once, these occur more often: \['c1'\]"),
        ({"description": CLEAN.description}, "each text must occur once"),
        ({"pair": "p2"}, "pair 'p1' must be one private and one other row, got {'c1': False}"),
        ({"extra": 1}, "wanted the fields"),
    ],
)
def test_a_faulty_row_is_named_with_its_line_and_what_was_wanted(row, complaint, tmp_path):
    rows = [asdict(CLEAN), {**asdict(PRIVATE), **row}]
    with pytest.raises(AuditorSetError, match=complaint):
        auditor_set.read(written(tmp_path, rows))


def test_a_set_that_is_not_there_or_not_json_or_one_sided_is_refused(tmp_path):
    with pytest.raises(AuditorSetError, match="there is no auditor set at"):
        auditor_set.read(tmp_path / "none.jsonl")
    (tmp_path / "set.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(AuditorSetError, match=r"set\.jsonl:1: not JSON"):
        auditor_set.read(tmp_path / "set.jsonl")
    with pytest.raises(AuditorSetError, match="wanted both private and other rows"):
        auditor_set.read(written(tmp_path, [asdict(ALONE)]))
