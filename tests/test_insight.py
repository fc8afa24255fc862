from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scripted import talk

from clio_core.config import ConfigError
from evals import insight

NAMES = {"t1": "Fix bicycles", "t2": "Write poems"}


def frame(**columns):
    count = len(columns["language"])
    start = {
        "conversation": [f"c{i}" for i in range(count)],
        "account": [f"a{i}" for i in range(count)],
        "concern": [1.0] * count,
        "flagged": [0.0] * count,
        "base_cluster": [""] * count,
        "top_cluster": [""] * count,
    }
    return pd.DataFrame({**start, **columns})


def test_shares_are_of_the_whole_sample_and_unpublished_conversations_stay_in_it():
    rows = frame(language=["English"] * 8, top_cluster=["t1"] * 4 + ["t2"] * 2 + [""] * 2)
    table = insight.categories(rows, NAMES)
    assert table[["name", "conversations", "share"]].to_numpy().tolist() == [
        ["Fix bicycles", 4, 0.5],
        ["Write poems", 2, 0.25],
    ]
    assert (table["low"] < table["share"]).all()


def test_one_account_with_many_conversations_widens_the_interval():
    apart = frame(language=["English"] * 40, top_cluster=["t1"] * 20 + ["t2"] * 20)
    together = apart.assign(account=["a"] * 20 + [f"b{i}" for i in range(20)])
    narrow, wide = insight.categories(apart, NAMES).iloc[0], insight.categories(together, NAMES).iloc[0]
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]


def test_a_language_ratio_is_its_share_inside_over_its_share_outside():
    # Hindi: 6 of 10 in t1, 8 of 20 in all: (6 / 10) / (8 / 20) = 1.5.
    rows = frame(
        language=["Hindi"] * 6 + ["English"] * 4 + ["Hindi"] * 2 + ["English"] * 8,
        top_cluster=["t1"] * 10 + ["t2"] * 10,
    )
    table = insight.languages(rows, NAMES).set_index(["cluster", "language"])
    assert table.loc[("t1", "Hindi"), "ratio"] == pytest.approx(1.5)
    assert table.loc[("t1", "Hindi"), "low"] < 1.5 < table.loc[("t1", "Hindi"), "high"]
    assert ("t2", "Hindi") not in table.index  # two conversations, five are wanted
    assert table.loc[("t2", "English"), "ratio"] == pytest.approx((8 / 10) / (12 / 20))


def test_the_two_suspicious_quadrants_are_named():
    rows = frame(
        language=["English"] * 8,
        base_cluster=["b1"] * 2 + ["b2"] * 2 + ["b3"] * 2 + ["b4"] * 2,
        concern=[5, 5, 1, 1, 5, 4, 1, 2],
        flagged=[0, 0, 1, 1, 1, 1, 0, 0],
    )
    table = insight.concern_of(rows, {}).set_index("cluster")
    assert table["quadrant"].to_dict() == {"b1": "missed?", "b2": "false alarm?", "b3": "", "b4": ""}
    assert table.loc["b3", "concern"] == 4.5
    assert table.loc["b2", "flag_rate"] == 1


def test_concern_and_flags_that_rise_together_correlate():
    table = pd.DataFrame({"concern": [1, 2, 3, 4, 5], "flag_rate": [0.1, 0.2, 0.3, 0.4, 0.5]})
    r, (low, _) = insight.correlation(table)
    assert r == pytest.approx(1)
    assert low > 0.9
    assert insight.correlation(table.assign(flag_rate=0.0)) == (None, (None, None))


def test_the_classifier_s_column_is_checked_before_anything_is_asked():
    good = talk("one", "hello", metadata={"flagged": True, "plan": "free"})
    insight.check_flag([good], "flagged")
    with pytest.raises(ConfigError, match=r"no conversation has the metadata column 'flaged'.*'flagged', 'plan'"):
        insight.check_flag([good], "flaged")
    with pytest.raises(ConfigError, match="'plan' must be true, false or 0 to 1, conversation 'one' has 'free'"):
        insight.check_flag([good], "plan")


def test_figures_of_use_need_no_truth_and_name_no_cluster_that_is_not_published(reference):
    result = reference.finished.result
    measured = insight.of_run(result, reference.dataset.conversations, reference.finished.context.tools.config)
    published = {ident for ident, fate in result.judged.fates.items() if fate == "published"}
    for name in ("insight_categories", "insight_languages", "insight_concern"):
        assert set(measured.tables[name]["cluster"]) <= published
    shares = measured.tables["insight_categories"]
    assert shares["conversations"].sum() == 587  # the run publishes 587 of 600
    assert np.allclose(shares["share"], shares["conversations"] / 600)
