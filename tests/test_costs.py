from __future__ import annotations

import pandas as pd
import pytest
from scripted import crowd

from clio_core.config import Config
from evals.costs import Prices, estimate, read_prices

# Dollars a million tokens.
PRICES = Prices("2026-01-31", {"big": {"input": 3.0, "output": 15.0}, "small": {"input": 0.25, "output": 1.25}})


@pytest.mark.parametrize(
    ("model", "read", "written", "dollars"),
    [
        ("anthropic/big", 1_000_000, 0, 3.0),
        ("anthropic/big", 2_000_000, 100_000, 7.5),  # 2 x 3 + 0.1 x 15
        ("anthropic/small", 400_000, 40_000, 0.15),  # 0.4 x 0.25 + 0.04 x 1.25
        ("bedrock/anthropic/big-20250929", 1_000_000, 1_000_000, 18.0),  # a date is no part of the name
        ("anthropic/big", 0, 0, 0.0),
    ],
)
def test_dollars_are_tokens_times_prices(model, read, written, dollars):
    assert PRICES.dollars(model, read, written) == pytest.approx(dollars, abs=1e-12)


def test_our_own_providers_cost_nothing():
    assert PRICES.dollars("recorded/reference", 10**9, 10**9) == 0.0
    assert PRICES.dollars("local/extractive", 10**9, 10**9) == 0.0


def test_a_model_without_a_price_has_none_and_is_not_free():
    assert PRICES.dollars("ollama/llama3", 1000, 1000) is None
    assert PRICES.dollars("anthropic/bigger", 1000, 1000) is None


def test_a_users_prices_win_over_the_shipped_ones(tmp_path):
    own = tmp_path / "prices.toml"
    own.write_text('as_of = "2027-02-03"\n[models]\n"llama3" = { input = 1.0, output = 2.0 }\n', encoding="utf-8")
    mine, shipped = read_prices(own), read_prices()
    assert mine.as_of == "2027-02-03"
    assert mine.dollars("ollama/llama3", 1_000_000, 1_000_000) == pytest.approx(3.0, abs=1e-12)
    assert shipped.dollars("ollama/llama3", 1, 1) is None
    assert mine.models.keys() == shipped.models.keys() | {"llama3"}


def test_the_prices_of_the_papers_table_are_there():
    # Table 3: Claude 3 Haiku and Claude 3.5 Sonnet.
    prices = read_prices()
    assert prices.dollars("anthropic/claude-3-haiku-20240307", 1_000_000, 1_000_000) == pytest.approx(1.5)
    assert prices.dollars("anthropic/claude-3-5-sonnet-20241022", 1_000_000, 1_000_000) == pytest.approx(18.0)


def costs(conversations, **settings):
    config = Config(**{"model": "anthropic/big", **settings})
    return {row.stage: row for row in estimate(conversations, config, PRICES, categories=4)}


def test_an_estimate_asks_every_facet_of_every_conversation_once():
    rows = costs(crowd(7), facets=("request", "language", "concerning"), k=3)
    facets = {stage: row.calls for stage, row in rows.items() if stage.startswith("facet:")}
    assert facets == {"facet:request": 7, "facet:language": 7, "facet:concerning": 7}
    assert rows["name"].calls == rows["assign:categories"].calls == rows["assign:1"].calls == 3
    assert rows["audit"].calls == 3 + rows["rename:1"].calls


def test_an_estimates_dollars_are_those_of_its_tokens():
    for row in costs(crowd(7), k=3).values():
        assert row.dollars == pytest.approx((row.input_tokens * 3 + row.output_tokens * 15) / 1e6, abs=1e-12)


def test_a_sample_and_a_screen_are_in_the_estimate():
    rows = costs(crowd(20), sample=5, screen="Is it about food?", k=2)
    assert rows["screen"].calls == rows["facet:request"].calls == 5
    assert "screen" not in costs(crowd(20), k=2)


def test_each_stage_costs_what_the_model_of_its_role_costs():
    rows = costs(crowd(7), k=3, models={"extractor": "anthropic/small", "auditor": "ollama/llama3"})
    small = rows["facet:request"]
    assert small.model == "anthropic/small"
    assert small.dollars == pytest.approx((small.input_tokens * 0.25 + small.output_tokens * 1.25) / 1e6, abs=1e-12)
    assert rows["audit"].dollars is None
    assert rows["name"].model == "anthropic/big"


def test_an_estimate_is_near_what_the_default_run_then_asked(reference):
    asked = pd.read_parquet(reference.folder / "tables" / "usage.parquet").set_index("stage")
    rows = {row.stage: row for row in estimate(reference.dataset.conversations, Config(), PRICES, categories=10)}
    assert set(asked.index) <= set(rows)
    for stage in ("facet:request", "facet:language", "facet:concerning", "name", "assign:categories"):
        assert rows[stage].calls == asked.loc[stage, "calls"], stage
    for stage in ("facet:request", "facet:language", "facet:concerning"):
        assert rows[stage].input_tokens == pytest.approx(asked.loc[stage, "input_tokens"], rel=0.1), stage
