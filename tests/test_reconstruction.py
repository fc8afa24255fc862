from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from evals.reconstruction import (
    COLUMNS,
    NOT_ASSIGNED,
    accuracy_interval,
    by_category,
    by_language,
    confusion,
    f1_interval,
    summary,
)
from evals.reconstruction_scores import Average

CATEGORIES = ["A", "B", "C", "D"]

# Truth: A 3, B 3, C 2, D 0. Predicted: A 3, B 2, C 2, one failed. Right: A 2, B 2, C 1, so 5 of 8.
# F1 = 2 right / (truth + predicted): A 4/6, B 4/5, C 2/4. D does not occur and is no part of an average.
ROWS = [
    ("c1", "English", "A", "A", "b1"),
    ("c2", "English", "A", "A", "b1"),
    ("c3", "English", "B", "A", "b1"),
    ("c4", "English", "B", "B", "b2"),
    ("c5", "French", "B", "B", "b2"),
    ("c6", "French", "C", "", "b3"),
    ("c7", "French", "C", "C", "b4"),
    ("c8", "French", "A", "C", "b4"),
]


def frame(rows: Sequence[tuple[str, ...]] = tuple(ROWS)) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


def changed(row: int, **values: str | float | None) -> pd.DataFrame:
    """The frame with some cells of one row replaced."""
    table = frame().astype(object)
    for column, value in values.items():
        table.at[row, column] = value
    return table


def generated(draws: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Rows of (true category, predicted category or 4 for a failure, base cluster)."""
    guesses = [*CATEGORIES, ""]
    return frame([(f"c{i}", "English", CATEGORIES[t], guesses[p], f"b{c}") for i, (t, p, c) in enumerate(draws)])


some_rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 5)), min_size=2, max_size=40)
rows_in_clusters = some_rows.filter(lambda draws: len({cluster for *_, cluster in draws}) > 1)


def test_the_summary_holds_five_metrics_worked_by_hand() -> None:
    table = summary(frame(), CATEGORIES).set_index("metric")
    # Macro (2/3 + 4/5 + 1/2) / 3; weighted (3 * 2/3 + 3 * 4/5 + 2 * 1/2) / 8 = 5.4 / 8; majority 3 of 8.
    assert table["value"].to_dict() == pytest.approx(
        {
            "accuracy": 0.625,
            "macro F1": 0.6555556,
            "weighted F1": 0.675,
            "random baseline": 0.25,
            "majority baseline": 0.375,
        },
        abs=1e-7,
    )
    assert (table["n"] == 8).all()
    # A and B are equally common: the first by name is told.
    assert table.loc["majority baseline", "method"] == "always 'A'"


def test_the_interval_of_the_accuracy_is_clustered_by_base_cluster() -> None:
    # Deviations from 5/8 sum to 1/8, 3/4, -5/8, -1/4 by cluster; squares to 66/64. Variance 66/64 * 4/3 / 64.
    # Independent rows 15/64 / 8: design effect .021484 / .029297 = .7333, and the effective n is capped at 8.
    # Wilson at n = 8 with t = 3.182446: (.625 + .632998 -+ 3.182446 * sqrt(.029297 + .039562)) / 2.265996.
    table = summary(frame(), CATEGORIES).set_index("metric")
    assert (table.loc["accuracy", "low"], table.loc["accuracy", "high"]) == pytest.approx((0.18662, 0.92371), abs=2e-5)
    found = accuracy_interval(frame(), CATEGORIES)
    assert (found.clusters, found.wrong_clusters, found.effective_n) == (4, 3, 8)
    assert found.design_effect == pytest.approx(0.73333, abs=1e-5)


def test_the_summary_has_no_interval_for_a_baseline_and_says_why_a_small_run_decides_nothing() -> None:
    table = summary(frame(), CATEGORIES).set_index("metric")
    assert table.loc[["random baseline", "majority baseline"], ["low", "high"]].isna().all(axis=None)
    assert "4 clusters, 100 wanted" in str(table.loc["accuracy", "note"])
    assert table.loc["random baseline", "note"] == ""


def test_languages_stand_in_the_order_of_their_accuracy_with_the_columns_of_table_five() -> None:
    table = by_language(frame(), CATEGORIES)
    assert list(table.columns) == [
        *("language", "accuracy", "low", "high", "macro_f1", "macro_f1_low", "macro_f1_high"),
        *("weighted_f1", "samples", "clusters", "note"),
    ]
    # English: A 2 * 2 / (2 + 3), B 2 * 1 / (2 + 1), both of two rows. French: A 0, B 1, C 2 * 1 / (2 + 2); a, b, c of
    # one, one and two rows.
    english, french = table.to_dict("records")
    assert (english["language"], english["accuracy"], english["samples"], english["clusters"]) == (
        "English",
        0.75,
        4,
        2,
    )
    assert (english["macro_f1"], english["weighted_f1"]) == pytest.approx((0.7333333, 0.7333333), abs=1e-7)
    assert (french["language"], french["accuracy"], french["samples"], french["clusters"]) == ("French", 0.5, 4, 3)
    assert (french["macro_f1"], french["weighted_f1"]) == pytest.approx((0.5, 0.5))


def test_languages_of_equal_accuracy_stand_by_name() -> None:
    rows = [("1", "Turkish", "A", "A", "b1"), ("2", "Arabic", "A", "A", "b1"), ("3", "Hindi", "A", "", "b1")]
    assert list(by_language(frame(rows), CATEGORIES)["language"]) == ["Arabic", "Turkish", "Hindi"]


def test_a_language_within_one_base_cluster_has_values_but_no_interval_and_says_why() -> None:
    table = by_language(changed(0, language="Georgian"), CATEGORIES).set_index("language")
    georgian = table.loc["Georgian"]
    assert (georgian["accuracy"], georgian["macro_f1"], georgian["clusters"]) == (1, 1, 1)
    assert georgian[["low", "high", "macro_f1_low", "macro_f1_high"]].isna().all()
    assert "1 base cluster: no interval" in georgian["note"]
    assert table.loc["French", ["low", "high"]].notna().all()


def test_categories_stand_in_the_given_order_with_truth_beside_reconstruction() -> None:
    table = by_category(frame(), CATEGORIES)
    counts = table[["category", "truth", "reconstructed", "correct"]].to_numpy().tolist()
    assert counts == [["A", 3, 3, 2], ["B", 3, 2, 2], ["C", 2, 2, 1], ["D", 0, 0, 0]]
    assert table["precision"].tolist() == pytest.approx([2 / 3, 1, 1 / 2, 0])
    assert table["recall"].tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 2, 0])
    assert table["f1"].tolist() == pytest.approx([2 / 3, 4 / 5, 1 / 2, 0])


def test_the_confusion_has_a_column_for_failed_assignments() -> None:
    table = confusion(frame(), CATEGORIES)
    assert list(table.index) == CATEGORIES
    assert list(table.columns) == [*CATEGORIES, NOT_ASSIGNED]
    assert table.to_numpy().tolist() == [[2, 0, 1, 0, 0], [1, 2, 0, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 0, 0]]


def test_the_confusion_has_no_such_column_when_nothing_failed() -> None:
    assert list(confusion(changed(5, predicted="C"), CATEGORIES).columns) == CATEGORIES


def test_a_conversation_without_a_base_cluster_counts_as_wrong_and_stands_alone() -> None:
    for missing in (None, math.nan, ""):
        table = changed(5, base_cluster=missing)
        found = accuracy_interval(table, CATEGORIES)
        assert (found.value, found.clusters) == (0.625, 4)  # b3 held nothing else
        assert "1 without a base cluster" in summary(table, CATEGORIES)["note"].iloc[0]


@given(rows_in_clusters)
@settings(max_examples=40, deadline=None)
def test_the_f1_of_the_data_is_that_of_scikit_learn(draws: list[tuple[int, int, int]]) -> None:
    table = generated(draws)
    present = sorted(set(table["category"]))
    for average in ("macro", "weighted"):
        wanted = f1_score(table["category"], table["predicted"], labels=present, average=average, zero_division=0)
        assert f1_interval(table, CATEGORIES, average).value == pytest.approx(wanted)


# By cluster, (2 right - F1 (truth + predicted)) / (all truth + all predicted), weighted and summed over categories.
# Macro, F1 = 59/90: b1 ((4 - 5 F1) / 6 - F1 / 5) / 3 = -.003580, b2 (4 - 4 F1) / 15 = .091852, b3 -F1 / 12 = -.054630,
# b4 ((2 - 3 F1) / 4 - F1 / 6) / 3 = -.033642. Squares .0125658, times 4/3: variance .0167544; F1 (1 - F1) = .225802.
# Weighted 3/8, 3/8, 2/8, F1 = .675: -.0115625, .0975, -.0421875, -.04375; squares .0133338, variance .0177784.
@pytest.mark.parametrize(
    ("average", "low", "high", "effective_n"),
    [("macro", 0.270481, 0.907148, 13.4773), ("weighted", 0.271900, 0.920326, 12.3394)],
)
def test_the_f1_interval_is_the_linearised_one_worked_by_hand(
    average: Average, low: float, high: float, effective_n: float
) -> None:
    # Ten times the rows in the same clusters: all shares stay, and the effective n is no longer capped at 8.
    rows = [(f"{ident}-{copy}", *rest) for ident, *rest in ROWS for copy in range(10)]
    found = f1_interval(frame(rows), CATEGORIES, average)
    # Wilson at the effective n with t = 3.182446 at 3 degrees of freedom.
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-6)
    assert found.effective_n == pytest.approx(effective_n, abs=2e-4)
    assert found.clusters == 4


def test_no_f1_interval_is_narrower_than_that_of_as_many_independent_rows() -> None:
    # (.655556 + .632998 -+ 3.182446 * sqrt(.225802 / 8 + .039562)) / 2.265996
    found = f1_interval(frame(), CATEGORIES, "macro")
    assert found.effective_n == 8
    assert (found.low, found.high) == pytest.approx((0.202988, 0.934307), abs=2e-6)


def test_categories_that_live_or_fall_with_one_cluster_each_leave_the_f1_uncertain() -> None:
    # F1 is 1 and 0, each without spread of its own: (2 - 1/2 * 2) / 2 / 2 = 1/4 and -1/4 around the mean of 1/2, so the
    # variance is 1/8 * 2 and the effective n (1/4) / (1/4).
    rows = [(f"c{i}", "English", "A", "A", "b1") for i in range(10)]
    rows += [(f"d{i}", "English", "B", "", "b2") for i in range(10)]
    found = f1_interval(frame(rows), CATEGORIES, "macro")
    assert found.effective_n == pytest.approx(1)


def test_where_categories_are_of_one_size_macro_and_weighted_f1_have_one_interval() -> None:
    table = changed(7, category="C").drop(index=[0])  # A 1, B 3, C 3 become 1, 1, 1
    table = table[table["conversation"].isin(["c2", "c4", "c7"])]
    macro, weighted = (f1_interval(table, CATEGORIES, average) for average in ("macro", "weighted"))
    assert (macro.value, macro.low, macro.high) == pytest.approx((weighted.value, weighted.low, weighted.high))


def test_one_clump_has_no_f1_interval() -> None:
    with pytest.raises(ValueError, match="at least 2 clusters, got 1 with 2 rows"):
        f1_interval(frame(ROWS[:2]), CATEGORIES, "macro")


@given(rows_in_clusters)
@settings(max_examples=25, deadline=None)
def test_every_interval_holds_its_estimate_and_stays_within_zero_and_one(draws: list[tuple[int, int, int]]) -> None:
    table = summary(generated(draws), CATEGORIES).iloc[:3]
    assert ((table["low"] >= 0) & (table["low"] <= table["value"])).all()
    assert ((table["value"] <= table["high"]) & (table["high"] <= 1)).all()


@given(rows_in_clusters, st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_the_order_of_rows_changes_no_table(draws: list[tuple[int, int, int]], seed: int) -> None:
    table = generated(draws)
    shuffled = table.sample(frac=1, random_state=seed)
    for report in (summary, by_language):
        pd.testing.assert_frame_equal(report(table, CATEGORIES), report(shuffled, CATEGORIES))
    for counts in (by_category, confusion):
        pd.testing.assert_frame_equal(counts(table, CATEGORIES), counts(shuffled, CATEGORIES))


@given(some_rows)
@settings(max_examples=30, deadline=None)
def test_every_conversation_is_counted_once_in_the_confusion(draws: list[tuple[int, int, int]]) -> None:
    table = generated(draws)
    assert confusion(table, CATEGORIES).to_numpy().sum() == len(draws)
    assert by_category(table, CATEGORIES)["truth"].sum() == len(draws)
    failed = int((table["predicted"] == "").sum())
    assert by_category(table, CATEGORIES)["reconstructed"].sum() == len(draws) - failed


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (frame().drop(columns="language"), r"\['language'\] are missing"),
        (frame(()), "at least one row"),
        (changed(0, category="Z"), r"'category' holds \['Z'\], not among the 4"),
        (changed(0, predicted="Z"), r"'predicted' holds \['Z'\]"),
        (changed(0, predicted=None), "'predicted' must hold text in every row, 1 of 8"),
        (changed(0, language=None), "'language' must hold text"),
        (changed(0, conversation="c2"), "'c2' more than once"),
        (changed(0, base_cluster=None), "'c1' has a predicted category but no base cluster"),
    ],
)
def test_a_frame_that_cannot_be_trusted_is_an_error_that_names_the_trouble(broken: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summary(broken, CATEGORIES)


def test_categories_must_differ_from_each_other_and_from_a_failure() -> None:
    for wrong in (["A", "B", "C", "A"], ["A", "B", "C", ""], ["A", "B", "C", NOT_ASSIGNED]):
        with pytest.raises(ValueError, match="categories must be distinct"):
            confusion(frame(), wrong)
