from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals import multilingual, partitions, unsupervised

# A 3 x 3 contingency: A lies 3 and 1 in clusters 1 and 2, B 2 and 2 in clusters 2 and 3, C 2 in cluster 3.
TRUTH = ["A"] * 4 + ["B"] * 4 + ["C"] * 2
FOUND = ["1", "1", "1", "2", "2", "2", "3", "3", "3", "3"]


def test_b_cubed_of_a_three_by_three_contingency():
    precision, recall = partitions.b_cubed(TRUTH, FOUND)
    assert precision.tolist() == pytest.approx([1, 1, 1, 1 / 3, 2 / 3, 2 / 3, 0.5, 0.5, 0.5, 0.5])
    assert recall.tolist() == pytest.approx([0.75, 0.75, 0.75, 0.25, 0.5, 0.5, 0.5, 0.5, 1, 1])
    whole = partitions.agreement(TRUTH, FOUND)
    assert (whole.b3_precision, whole.b3_recall) == pytest.approx((2 / 3, 0.65))
    assert whole.b3_f1 == pytest.approx(2 * (2 / 3) * 0.65 / (2 / 3 + 0.65))
    assert (whole.k, whole.n) == (3, 10)


def test_homogeneity_and_completeness_from_entropies_worked_out_by_hand():
    # H(T) = 1.05492, H(T|C) = 0.3 * 0.63651 + 0.4 * 0.69315 = 0.46821; H(C) = 1.08890, H(C|T) = 0.50219.
    whole = partitions.agreement(TRUTH, FOUND)
    assert whole.homogeneity == pytest.approx(1 - 0.46821 / 1.05492, abs=1e-4)
    assert whole.completeness == pytest.approx(1 - 0.50219 / 1.08890, abs=1e-4)


def test_the_same_partition_under_other_names_is_perfect_and_one_cluster_for_all_is_worth_nothing():
    same = partitions.agreement(TRUTH, [{"A": "x", "B": "y", "C": "z"}[t] for t in TRUTH])
    assert (same.ami, same.homogeneity, same.completeness, same.b3_f1) == pytest.approx((1, 1, 1, 1))
    one = partitions.agreement(TRUTH, ["1"] * 10)
    assert one.ami == pytest.approx(0, abs=1e-12)
    assert one.b3_recall == 1
    assert one.b3_precision == pytest.approx(0.36)  # 0.4^2 + 0.4^2 + 0.2^2


def test_many_random_clusters_look_homogeneous_but_not_to_ami():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 20, 1000).astype(str)
    whole = partitions.agreement(list(truth), list(rng.integers(0, 300, 1000).astype(str)))
    assert whole.homogeneity > 0.4
    assert abs(whole.ami) < 0.03


def test_labels_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="got 2 and 1"):
        partitions.agreement(["a", "b"], ["1"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("123")), min_size=1, max_size=30))
def test_b_cubed_stays_between_its_least_share_and_one(pairs):
    truth, found = zip(*pairs, strict=True)
    precision, recall = partitions.b_cubed(truth, found)
    assert ((precision > 0) & (precision <= 1)).all()
    assert ((recall > 0) & (recall <= 1)).all()


def test_seriation_brings_a_shuffled_diagonal_back():
    counts = pd.DataFrame(np.diag([5, 4, 3, 2]), index=list("abcd"), columns=list("wxyz"))
    found = partitions.seriated(counts.loc[list("cadb"), list("zwyx")])
    assert (np.diag(found.to_numpy()) > 0).all()


def test_partitions_that_differ_in_names_only_are_stable():
    table = partitions.stability([[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]])
    assert table[["a", "b"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 2]]
    assert table["adjusted_rand"].tolist() == pytest.approx([1, -0.5, -0.5])


def frame(language, category, base, top=None):
    return pd.DataFrame(
        {
            "conversation": [f"c{i}" for i in range(len(language))],
            "language": language,
            "category": category,
            "base_cluster": base,
            "top_cluster": top or base,
        }
    )


def test_scores_leave_out_what_has_no_cluster_and_say_how_many():
    rows = frame(["English"] * 11, [*TRUTH, "C"], [*FOUND, ""])
    summary, metrics, items = unsupervised.scores(rows, "base_cluster", "base")
    by_name = {row["metric"]: row for row in summary}
    assert by_name["b3_precision"]["value"] == pytest.approx(2 / 3)
    assert (by_name["ami"]["k"], by_name["ami"]["n"], by_name["ami"]["left_out"]) == (3, 10, 1)
    assert by_name["b3_precision"]["low"] < 2 / 3 < by_name["b3_precision"]["high"]
    assert {row["metric"] for row in metrics} >= {"ami_base", "b3_recall_base"}
    mean = np.mean([row["score"] for row in items if row["metric"] == "b3_recall_base"])
    assert mean == pytest.approx(0.65)


def test_the_breakdown_gives_shares_of_the_category_largest_first():
    rows = frame(["English"] * 10, TRUTH, FOUND)
    table = unsupervised.breakdown(rows, {"1": "First", "2": "Second"})
    a = table[table["category"] == "A"]
    assert a[["cluster", "name", "conversations", "share"]].to_numpy().tolist() == [
        ["1", "First", 3, 0.75],
        ["2", "Second", 1, 0.25],
    ]
    assert table.loc[table["cluster"] == "3", "name"].unique().tolist() == ["3"]  # a cluster without a name


def test_the_contingency_holds_every_placed_conversation_once():
    rows = frame(["English"] * 11, [*TRUTH, "C"], [*FOUND, ""])
    table = unsupervised.contingency(rows, "base_cluster", {"1": "First"})
    assert table.drop(columns="category").to_numpy().sum() == 10
    assert "1: First" in table.columns


def languages(base):
    rows = frame(["Hindi", "English"] * 20, ["A"] * 20 + ["B"] * 20, base)
    return rows.assign(correct=1.0, language_right=1.0)


def test_clusters_that_are_languages_are_seen_and_clusters_that_are_subjects_are_not_taken_for_them():
    split = multilingual.separated(languages(["h", "e"] * 20)).set_index("level").loc["base"]
    assert split["ami_language"] == pytest.approx(1)
    assert split["ami_category"] == pytest.approx(0, abs=0.05)
    assert split["largest_share"] == 1
    assert split["chance_share"] < 0.75
    subjects = multilingual.separated(languages(["a"] * 20 + ["b"] * 20)).set_index("level").loc["base"]
    assert subjects["ami_category"] == pytest.approx(1)
    assert subjects["ami_language"] < 0.05
    assert subjects["largest_share"] == 0.5


def test_mandarin_is_right_as_chinese_and_nothing_else():
    assert multilingual.named("Mandarin Chinese") == "Chinese"
    assert multilingual.named("Hindi") == "Hindi"


def test_the_language_of_a_conversation_without_a_facet_counts_as_not_named():
    rows = languages(["a"] * 40).assign(spoken=["Hindi", ""] * 20)
    table = multilingual.confusion(rows).set_index("language")
    assert table.loc["Hindi", "Hindi"] == 20
    assert table.loc["English", "(none)"] == 20


def test_one_language_that_fails_everywhere_makes_the_languages_differ():
    rng = np.random.default_rng(1)
    spoken = np.array(["Hindi", "English", "French"])[np.arange(600) % 3]
    base = rng.integers(0, 60, 600).astype(str)
    rows = frame(spoken, ["A"] * 600, base).assign(correct=rng.random(600) < 0.8)
    assert multilingual.differ(rows)["p_value"] > 0.01
    rows.loc[rows["language"] == "Hindi", "correct"] = rng.random(200) < 0.4
    assert multilingual.differ(rows)["p_value"] == 1 / 500  # no shuffle of the languages comes near
    few = multilingual.differ(rows.assign(base_cluster=["1", "2", "3"] * 200))
    assert few == {"p_value": None, "note": "no test: 3 clusters for 3 languages"}


def test_tables_by_language_hold_every_conversation_once(reference):
    rows = reference.finished.supervised.rows
    made = rows.assign(top_cluster="", correct=1.0, language_right=1.0)
    table = multilingual.by_language(made)
    assert table["n"].sum() == len(rows)
    assert (table["clusters"] <= rows["base_cluster"].nunique()).all()
