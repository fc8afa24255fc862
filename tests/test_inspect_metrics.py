"""What Inspect shows of a suite: metrics over its single scores, and samples made of them."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from clio_evals import metrics
from clio_evals.found import Found, plain
from inspect_ai.scorer import SampleScore, Score


def score_of(number, value, **about):
    """A scored item as Inspect hands it to metrics."""
    plain = {"metric": "right", "item": f"i{number}", "language": "", "category": "", "cluster": "", "group": ""}
    return SampleScore(
        score=Score(value=value), sample_id=f"i{number}", sample_metadata={"number": number, **plain, **about}
    )


def test_means_are_by_metric_language_and_group():
    scores = [
        score_of(1, 1.0, language="Hindi"),
        score_of(0, 0.0, language="Hindi", group="kind=phone"),
        score_of(2, 1.0, language="French"),
        score_of(3, 0.25, metric="close"),
    ]
    assert metrics.item_means()(scores) == {"right": 2 / 3, "close": 0.25}
    assert metrics.item_slices()(scores) == {
        "right language=Hindi": 0.5,
        "right language=French": 1.0,
        "right kind=phone": 0.0,
    }
    # Nothing comes in clusters, so no interval is claimed.
    assert metrics.item_intervals()(scores) == {}


def test_metrics_of_partial_results_never_raise():
    alone = [score_of(0, 1.0, cluster="b1")]
    found = metrics.item_intervals()(alone)
    assert set(found) == {"right_clustered_low", "right_clustered_high"}
    assert all(math.isnan(end) for end in found.values())
    for of in (
        metrics.item_means,
        metrics.item_intervals,
        metrics.item_slices,
        metrics.as_measured,
        metrics.of_ratings,
    ):
        assert of()([]) == {}
    assert math.isnan(metrics.macro_f1()([]))
    beyond = [score_of(0, 1.5, cluster="b1"), score_of(1, 0.5, cluster="b2")]  # a score that is no proportion
    assert math.isnan(metrics.item_intervals()(beyond)["right_clustered_low"])


def test_an_item_without_a_cluster_stands_alone_in_the_interval():
    clumped = [score_of(i, float(i > 1), cluster="b1" if i < 2 else "") for i in range(4)]
    # Two wrong ones that are one clump, and two right ones, each a clump of its own: by hand, sums of deviations from
    # the mean 0.5 are -1, 0.5 and 0.5, so that the variance is 1.5 * 3 / 2 / 16 = 0.140625 and n is worth 0.25 / that.
    found = metrics.item_intervals()(clumped)
    effective, t = 0.25 / 0.140625, 4.302652729749
    middle = (0.5 + t**2 / (2 * effective)) / (1 + t**2 / effective)
    half = t * math.sqrt(0.25 / effective + t**2 / (4 * effective**2)) / (1 + t**2 / effective)
    assert found["right_clustered_low"] == pytest.approx(middle - half, abs=1e-9)
    assert found["right_clustered_high"] == pytest.approx(middle + half, abs=1e-9)


def row_of(name, value, low=None, high=None, where="all"):
    return {"metric": name, "slice": where, "value": value, "low": low, "high": high, "n": 4, "note": ""}


def test_the_suites_own_numbers_are_shown_where_they_have_a_value():
    rows = [row_of("ami", 0.5), row_of("right", 0.7, 0.6, 0.8), row_of("r", None), row_of("right", 1.0, where="kind=a")]
    whole = SampleScore(
        score=Score(value=4), sample_id="s", sample_metadata={"kind": "suite", "metrics": rows, "unrecorded": 3}
    )
    expected = {"ami": 0.5, "right": 0.7, "right_low": 0.6, "right_high": 0.8, "unrecorded_calls": 3.0}
    assert metrics.as_measured()([whole]) == expected


def item_of(metric, ident, group=""):
    return {
        "metric": metric,
        "item": ident,
        "score": 1.0,
        "language": "",
        "category": "",
        "cluster": "",
        "group": group,
    }


@pytest.mark.parametrize(
    ("items", "idents"),
    [
        ([item_of("right", "c1"), item_of("right", "c2")], ["c1", "c2"]),
        (
            [item_of("right", "c1", "question=harm"), item_of("right", "c1", "question=food"), item_of("close", "c1")],
            ["right question=harm c1", "right question=food c1", "close c1"],
        ),
    ],
)
def test_samples_have_ids_of_their_own(items, idents):
    whole, *single = Found("some", items, [], {"c1": "They asked."}, 0).samples()
    assert whole.id == "some"
    assert [s.id for s in single] == idents
    assert single[0].input == "They asked."
    assert all(s.metadata["number"] == n for n, s in enumerate(single))


def test_missing_values_and_numbers_of_numpy_become_plain():
    frame = pd.DataFrame({"a": [1, None], "b": pd.array([2, None], dtype="Int64"), "c": ["x", None]})
    (first, second) = plain(frame.to_dict("records"))
    assert first == {"a": 1.0, "b": 2, "c": "x"}
    assert [type(v) for v in first.values()] == [float, int, str]
    assert second == {"a": None, "b": None, "c": None}
