from __future__ import annotations

import contextlib
import json
from collections import Counter

import pytest
from scripted import hashing_compute

from clio_core import embedding
from evals import bench_corpus, benchmark


class Clock:
    """Stands in for the time module; each reading is what the test last set."""

    def __init__(self):
        self.now = 0.0

    def process_time(self):
        return self.now / 2  # half of the wall clock, so that the two cannot be mistaken for each other

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(benchmark, "time", clock)
    return clock


def test_time_inside_a_metered_stage_is_not_counted_twice(clock):
    meter = benchmark.Meter()
    with meter("outer"):
        clock.now = 10
        with meter("inner"):
            clock.now = 14
            with meter("innermost"):
                clock.now = 15
        clock.now = 17
        with meter("inner"):
            clock.now = 19
    # 19 in all: inner has 4 + 1 less the 1 inside it, and then 2; outer keeps 10 before and 2 between.
    assert meter.wall == {"innermost": 1, "inner": 6, "outer": 12}
    assert meter.cpu == {"innermost": 0.5, "inner": 3, "outer": 6}
    assert sum(meter.wall.values()) == 19


def test_stages_one_after_another_add_up_under_their_name(clock):
    meter = benchmark.Meter()
    for until in (3, 5):
        with meter("stage"):
            clock.now = until
    assert meter.wall == {"stage": 5}


def test_a_stage_that_fails_is_metered_all_the_same(clock):
    meter = benchmark.Meter()
    with meter("outer"):
        with contextlib.suppress(KeyError), meter("inner"):
            clock.now = 4
            raise KeyError
        clock.now = 5
    assert meter.wall == {"inner": 4, "outer": 1}


def test_the_same_seed_makes_the_same_corpus():
    assert bench_corpus.make(60, seed=3) == bench_corpus.make(60, seed=3)
    assert bench_corpus.make(60, seed=3) != bench_corpus.make(60, seed=4)


def test_conversations_of_the_corpus_have_forty_to_ninety_words():
    corpus = bench_corpus.make(600)
    words = [sum(len(m.content.split()) for m in c.messages) for c in corpus]
    assert min(words) >= 40
    assert max(words) <= 90
    assert len({c.id for c in corpus}) == 600
    assert {len(c.messages) for c in corpus} == {2, 4}
    assert all(c.messages[0].content.startswith("Please ") for c in corpus)
    assert set(Counter(c.metadata["language"] for c in corpus).values()) == {40}  # 600 over 15 languages
    assert 100 <= len({c.account for c in corpus}) <= 150  # drawn out of 600 / 4


def test_an_empty_corpus_is_refused():
    with pytest.raises(ValueError, match="n=0"):
        bench_corpus.make(0)


@pytest.mark.slow
def test_a_benchmark_counts_every_call_and_stage(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    found = benchmark.measure(200, bf16=False)
    assert (found.n, found.bf16, found.base_clusters) == (200, False, 20)
    stages = {"transcripts", "facets", "embed", "cluster and name", "hierarchy", "audit", "publish", "map", "import"}
    assert stages | {"load embedder"} == set(found.cpu) == set(found.wall)
    assert all(seconds >= 0 for seconds in (*found.cpu.values(), *found.wall.values()))
    # One facet call a conversation, a name and an assignment a base cluster, a rating a cluster of either level.
    assert found.calls >= 200 + 20 + 20 + 20
    assert 200 <= found.texts_embedded <= 200 + found.calls
    assert found.peak_mb > 50
    assert found.call_overhead_ms == pytest.approx(1000 * found.cpu["facets"] / 200)
    benchmark.show(found, tmp_path / "found.json")
    assert "200 conversations" in " ".join(capsys.readouterr().out.split())
    assert json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["calls"] == found.calls
