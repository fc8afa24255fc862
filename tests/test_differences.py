from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals import differences
from evals.comparison import paired_difference
from evals.runs import Part
from evals.suite import ITEM_COLUMNS, METRIC_COLUMNS, item


def part(items, name="made"):
    """A part of a run that holds nothing but these scores, all of suite "supervised"."""
    rows = pd.DataFrame([{"suite": "supervised", **row} for row in items], columns=ITEM_COLUMNS)
    manifest = {"dataset": {"name": name, "sensitive": False}}
    return Part(name, Path("nowhere"), manifest, pd.DataFrame(columns=METRIC_COLUMNS), rows, None, {})


def scored(scores, clusters=None, **truth):
    """Items a, b, c, ... of metric "accuracy" with these scores."""
    names = [f"i{number:04d}" for number in range(len(scores))]
    clusters = clusters or [""] * len(scores)
    return part(
        item("accuracy", name, score, cluster=cluster, **{key: values[i] for key, values in truth.items()})
        for i, (name, score, cluster) in enumerate(zip(names, scores, clusters, strict=True))
    )


def over_all(base, candidate):
    return differences.table(base, candidate).set_index("slice").loc["all"]


def test_a_difference_of_items_that_stand_alone_is_that_of_a_paired_t_test():
    # Changes 0, 0, 1, 0: mean 1/4, sample variance 1/4, standard error sqrt(1/4 / 4) = 1/4, so t = 1 with 3 degrees
    # of freedom. t(3) is 3.18245 at 97.5%, and beyond 1 on both sides lies 0.391002.
    row = over_all(scored([1, 1, 0, 0]), scored([1, 1, 1, 0]))
    assert (row["base"], row["candidate"], row["difference"]) == (0.5, 0.75, 0.25)
    assert row["low"] == pytest.approx(0.25 - 3.18245 / 4, abs=1e-5)
    assert row["p_value"] == pytest.approx(0.391002, abs=1e-6)
    assert (row["gained"], row["lost"], row["n"]) == (1, 0, 4)
    assert row["method"] == "paired, every item by itself"


def test_an_interval_never_reaches_beyond_what_a_share_can_change_by():
    assert over_all(scored([1, 1, 0, 0]), scored([1, 1, 1, 0]))["high"] == 1.0  # 0.25 + 0.796 without the bound


def test_items_of_one_cluster_count_as_one_clump():
    # Four clusters of two; one gains both. Mean 1/4; the clusters' sums of residuals are 3/2, -1/2, -1/2, -1/2, their
    # squares add up to 3. Variance 3 / 64, times 4/3 for four clusters: 1/16. Of independent items it would be 1.5/56.
    clusters = ["p", "p", "q", "q", "r", "r", "s", "s"]
    base, candidate = scored([0, 0, 1, 1, 0, 0, 1, 1], clusters), scored([1, 1, 1, 1, 0, 0, 1, 1], clusters)
    row = over_all(base, candidate)
    assert row["difference"] == 0.25
    assert row["low"] == pytest.approx(0.25 - 3.18245 / 4, abs=1e-5)
    assert row["smallest_effect"] == pytest.approx((1.644854 + 0.841621) / 4, abs=1e-5)
    assert (row["clusters"], row["changed_clusters"]) == (4, 1)
    assert row["note"] == "inconclusive: 4 clusters, 1 of them changed"
    alone = over_all(scored([0, 0, 1, 1, 0, 0, 1, 1]), scored([1, 1, 1, 1, 0, 0, 1, 1]))
    assert alone["low"] == pytest.approx(0.25 - 2.364624 * math.sqrt(1.5 / 56), abs=1e-5)  # t(7) at 97.5%
    assert alone["low"] > row["low"]


binary = st.integers(0, 1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(binary, binary, st.integers(0, 4), st.integers(0, 3)), min_size=8, max_size=40))
def test_the_row_over_all_is_paired_difference_by_the_clusters_of_both_runs(rows):
    before, after, here, there = (list(column) for column in zip(*rows, strict=True))
    if min(len(set(here)), len(set(there))) < 2:
        return
    row = over_all(scored(before, [f"b{c}" for c in here]), scored(after, [f"b{c}" for c in there]))
    found = paired_difference(before, after, here, there)
    assert row["difference"] == pytest.approx(found.value, abs=1e-12)
    assert row["p_value"] == pytest.approx(found.p_value, abs=1e-9)
    assert row["low"] == pytest.approx(max(found.low, -1), abs=1e-9)
    assert row["high"] == pytest.approx(min(found.high, 1), abs=1e-9)
    assert (row["gained"], row["lost"], row["clusters"]) == (found.gained, found.lost, found.clusters)


def test_scores_of_another_range_give_the_same_test_in_their_own_units():
    # The scores of the first test as ratings: 0 is 1, 1 is 5.
    row = over_all(scored([5, 5, 1, 1]), scored([5, 5, 5, 1]))
    assert row["difference"] == pytest.approx(1.0)
    assert row["low"] == pytest.approx(4 * (0.25 - 3.18245 / 4), abs=1e-4)
    assert row["p_value"] == pytest.approx(0.391002, abs=1e-6)


def test_every_language_category_and_group_has_a_row_of_its_own():
    truth = {
        "language": ["Hindi", "Hindi", "Thai", ""],
        "category": ["x", "y", "x", "y"],
        "group": ["kind=a", "", "", "kind=a"],
    }
    table = differences.table(scored([1, 1, 0, 0], **truth), scored([1, 0, 1, 0], **truth)).set_index("slice")
    assert list(table.index) == ["all", "language=Hindi", "language=Thai", "category=x", "category=y", "kind=a"]
    assert table["n"].to_list() == [4, 2, 1, 2, 2, 2]
    assert table["difference"].to_list() == [0, -0.5, 1, 0.5, -0.5, 0]
    assert table["gained"].to_list() == [1, 0, 1, 1, 0, 0]
    # One item alone has no spread to judge by.
    assert table.loc["language=Thai", "note"] == "no interval: fewer than two clusters"
    assert math.isnan(table.loc["language=Thai", "low"])


def test_items_that_only_one_run_scored_are_left_out_and_counted():
    base = part([item("accuracy", "a", 1), item("accuracy", "b", 1), item("accuracy", "c", None)])
    candidate = part([item("accuracy", "a", 0), item("accuracy", "c", 1), item("accuracy", "d", 1)])
    assert differences.paired(base, candidate)["item"].to_list() == ["a"]
    (row,) = differences.unpaired(base, candidate).to_dict("records")
    assert (row["base_only"], row["candidate_only"]) == (1, 2)  # b; c, which the base could not score, and d


def test_a_conversation_asked_several_questions_is_paired_question_by_question():
    def asked(first, second):
        return part(item("accuracy", "a", s, group=f"question={q}") for q, s in (("x", first), ("y", second)))

    table = differences.table(asked(1, 0), asked(0, 1)).set_index("slice")
    assert table["difference"].to_dict() == {"all": 0, "question=x": -1, "question=y": 1}
    assert table.loc["all", "n"] == 2


def test_two_scores_of_one_metric_under_one_id_are_an_error_and_no_crossing():
    twice = part([item("accuracy", "a", 1), item("accuracy", "a", 0)])
    with pytest.raises(pd.errors.MergeError, match="one-to-one"):
        differences.paired(twice, twice)


LANGUAGES = [f"language {letter}" for letter in "ABCDEFGHIJKLMNO"]


def multilingual(n, rng):
    """Fifteen languages over the same sixty clusters a run; 70% right, and a twentieth that differs between runs."""
    language = [LANGUAGES[i % 15] for i in range(n)]
    before = (rng.random(n) < 0.7).astype(float)
    after = np.where(rng.random(n) < 0.05, 1 - before, before)
    clusters = [[f"b{c}" for c in rng.integers(0, 60, n)] for _ in range(2)]
    return language, before, after, clusters


def apart(language, before, after, clusters):
    base = scored(before.tolist(), clusters[0], language=language)
    candidate = scored(after.tolist(), clusters[1], language=language)
    return differences.languages_apart(base, candidate).set_index("language")


@pytest.mark.parametrize("damage", ["shuffled", "dropped"])
@pytest.mark.parametrize("n", [600, 6000])
def test_one_damaged_language_stands_apart_and_no_other_does(n, damage):
    rng = np.random.default_rng(11)
    language, before, after, clusters = multilingual(n, rng)
    hit = np.array(language) == "language D"
    # Shuffled: right or wrong by a coin of 5%, as a guess among twenty categories is. Dropped: all wrong.
    after[hit] = (rng.random(int(hit.sum())) < 0.05) if damage == "shuffled" else 0
    table = apart(language, before, after, clusters)
    assert list(table.index[table["p_holm"] < 0.05]) == ["language D"]
    assert list(table.index[table["p_bh"] < 0.05]) == ["language D"]
    assert table.loc["language D", "apart"] < -0.5
    # What it lost is no yardstick for the others: they are held against one another.
    rest = table.drop(index="language D")
    assert rest["apart"].abs().max() < 0.12


def test_languages_that_all_lose_alike_stand_apart_from_none():
    rng = np.random.default_rng(12)
    language, before, after, clusters = multilingual(6000, rng)
    after[rng.random(6000) < 0.3] = 0
    table = apart(language, before, after, clusters)
    assert (table["difference"] < -0.1).all()
    assert table["p_holm"].min() > 0.05


def test_being_apart_is_measured_against_all_other_languages_together():
    # A gains 1 of 2 in ten clusters of two, B and C none: 0.5 - 0.
    clusters = [f"b{i // 2}" for i in range(60)]
    language = ["A"] * 20 + ["B"] * 20 + ["C"] * 20
    before, after = [0, 0] * 30, [0, 1] * 10 + [0, 0] * 20
    table = apart(language, np.array(before), np.array(after), [clusters, clusters])
    assert table["difference"].to_list() == [0.5, 0, 0]
    assert table.loc["A", "apart"] == 0.5
    # Every cluster of A gains exactly half: its clumps show no spread, and independent items are the floor. Residual
    # sum of squares 20 * 0.25 = 5 over 58 degrees of freedom, times 1/20 + 1/40.
    half = table.loc["A", "high"] - table.loc["A", "apart"]
    assert half == pytest.approx(2.262157 * math.sqrt(5 / 58 * 0.075), abs=1e-5)  # t(9): A lies in ten clusters
    # With A out of the way, B and C moved alike.
    assert table.loc[["B", "C"], "apart"].to_list() == [0, 0]
    assert table.loc[["B", "C"], "p_holm"].to_list() == [1, 1]


def test_a_language_in_few_clusters_has_no_test_and_says_so():
    # One conversation that changed, while all else stayed: chance does that, and no normal theory knows it.
    language = ["A"] * 20 + ["B"] * 20 + ["C"]
    before, after = np.zeros(41), np.array([0] * 40 + [1])
    clusters = [f"b{i}" for i in range(41)]
    table = apart(language, before, after, [clusters, clusters])
    assert table.loc["C", "note"] == "not tested: 1 clusters, 5 wanted"
    assert table.loc["C", ["p_value", "p_holm", "p_bh", "low"]].isna().all()
    assert table.loc[["A", "B"], "p_holm"].notna().all()


def test_two_languages_are_each_other_s_yardstick():
    clusters = [f"b{i}" for i in range(40)]
    after = np.array([0] * 20 + [1] * 15 + [0] * 5)
    table = apart(["A"] * 20 + ["B"] * 20, np.zeros(40), after, [clusters, clusters])
    assert table["apart"].to_list() == [-0.75, 0.75]
    assert table.loc["A", "p_value"] == pytest.approx(table.loc["B", "p_value"])
    assert (table["p_holm"] < 0.05).all()


def test_one_language_alone_has_nothing_to_stand_apart_from():
    assert apart(["A"] * 4, np.zeros(4), np.ones(4), [list("abcd"), list("abcd")]).empty
