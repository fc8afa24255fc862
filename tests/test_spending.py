from __future__ import annotations

import json

import pandas as pd
import pytest

from clio_core.config import Config
from evals import costs, spending
from evals.spending import Sizes

PRICES = costs.Prices(
    "2026-01-01",
    {"small": {"input": 1.0, "output": 5.0}, "large": {"input": 3.0, "output": 15.0}},
    stand_in={"extractor": "small", "other": "large"},
)


def usage(*rows):
    columns = ["stage", "calls", "input_tokens", "output_tokens", "seconds", "estimated"]
    return pd.DataFrame([(*row, 1.0, True) for row in rows], columns=columns)


def test_a_stage_is_priced_as_its_model_or_as_the_stand_in_of_its_role():
    table = spending.spent(
        usage(("facet:request", 10, 2_000_000, 100_000), ("name", 2, 1_000_000, 0)), Config(), PRICES
    )
    assert table["priced_as"].tolist() == ["small", "large"]
    assert table["dollars"].tolist() == pytest.approx([2.5, 3.0])  # 2 x $1 + 0.1 x $5, and 1 x $3


def test_facets_scale_with_the_conversations_and_names_with_the_clusters():
    run = usage(("facet:request", 10, 10_000, 1_000), ("name", 4, 4_000, 400), ("audit", 4, 400, 40))
    made = spending.project(100_000, run, Sizes(20.0, 10.0, 50.0), Config()).set_index("stage")
    assert made.loc["facet:request", ["calls", "input_tokens", "output_tokens"]].tolist() == [100_000, 1e8, 1e7]
    # k is 1,000 for 100,000 (Table 3); levels of 1,000, 141 and 20.
    assert made.loc["name", "calls"] == 1_000
    assert made.loc["audit", "calls"] == 1_161
    assert made.loc["assign", "calls"] == 1_141
    assert made.loc["rename", "calls"] == 161
    assert made.loc["propose", "calls"] == 25 + 4
    assert made.loc["name", "output_tokens"] == 1_000 * 100
    # A name is made from 50 members and 50 neighbours of 20 tokens each, besides the words of the prompt.
    assert made.loc["name", "input_tokens"] > 1_000 * 100 * 20


def test_batches_halve_and_a_cache_saves_on_the_shared_transcript_alone():
    projected = pd.DataFrame(
        [("facet:request", 100, 3_000_000.0, 0.0), ("name", 1, 1_000_000.0, 0.0)],
        columns=["stage", "calls", "input_tokens", "output_tokens"],
    )
    table = spending.priced(projected, Config(), PRICES, 1.0).set_index("step")
    assert table.loc["Facet extraction", "dollars"] == pytest.approx(3.0)
    # Three facets: one writes at 1.25, two read at 0.1, instead of three at 1.
    assert table.loc["Facet extraction", "dollars_cached"] == pytest.approx(3.0 * (1.25 + 0.1 + 0.1) / 3)
    assert table.loc["Facet extraction", "dollars_batch"] == pytest.approx(1.5)
    assert table.loc["Cluster labelling", "dollars_cached"] == table.loc["Cluster labelling", "dollars"] == 3.0
    assert table.loc["Cluster labelling", "paper"] == 3.75


def test_a_cache_keeps_only_transcripts_of_its_least_length():
    assert spending.cacheable_share([500, 1_000, 2_500], 1_000) == pytest.approx(3_500 / 4_000)
    assert spending.cacheable_share([], 1_000) == 0


def test_a_user_s_price_file_wins_row_by_row(tmp_path):
    own = tmp_path / "prices.toml"
    own.write_text("batch_discount = 0.4\n[models]\nmine = { input = 7.0, output = 8.0 }\n", encoding="utf-8")
    prices = costs.read_prices(own)
    assert (prices.batch_discount, prices.cache.read) == (0.4, 0.1)
    assert prices.models["mine"] == {"input": 7.0, "output": 8.0}
    assert "claude-haiku-4-5" in prices.models


def test_the_recording_is_priced_as_the_stand_in(reference):
    measured = spending.spent(
        pd.DataFrame([s for s in _manifest(reference)["usage"] if s["stage"] != "assign:categories"]),
        Config(),
        costs.read_prices(),
    )
    assert set(measured["priced_as"]) == {"claude-haiku-4-5", "claude-sonnet-4-5"}
    assert measured["dollars"].gt(0).all()


def _manifest(reference):
    return json.loads((reference.folder / "manifest.json").read_text(encoding="utf-8"))
