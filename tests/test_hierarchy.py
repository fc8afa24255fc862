from __future__ import annotations

import asyncio

import pytest
from scripted import Said, crowd, door, hashing_compute, obey, scripted

from clio_core import embedding, hierarchy, pipeline
from clio_core.config import Config
from clio_core.embedding import Store
from clio_core.hierarchy import Means, Node, assign, bounds, build_level, default_levels, default_top, level_sizes
from clio_core.pipeline import Tools
from clio_core.publishing import Fate
from clio_core.records import Outcome

CONFIG = Config(k=6, min_conversations=2, min_accounts=1, top=2, levels=2, project=0)


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch):
    monkeypatch.setattr(embedding, "compute", hashing_compute)


def nodes(count: int) -> list[Node]:
    return [Node(f"b{i:04d}", f"Subject number {i}", f"They asked about {i}.") for i in range(count)]


def built(script, count: int = 6, wanted: int = 2):
    way = door(scripted(script=script))
    level = build_level(nodes(count), wanted, 1, Means("short", way, Store(), "hashing"))
    return asyncio.run(level), way


def at(stage: str, answer, otherwise=obey):
    """A script that answers one kind of prompt with `answer` and everything else as it should."""

    def script(messages):
        asked = messages[0].metadata["clio"]["stage"].split(":")[0]
        return answer if asked == stage else otherwise(messages)

    return script


@pytest.mark.parametrize(
    ("n_base", "n_top", "levels", "sizes"),
    [
        (1000, 10, 3, [1000, 100, 10]),  # the ratio is (10 / 1000) ^ (1/2) = 0.1
        (27, 1, 4, [27, 9, 3, 1]),  # (1 / 27) ^ (1/3) = 1/3
        (100, 4, 3, [100, 20, 4]),  # 0.2
        (10, 3, 2, [10, 3]),
        (10, 3, 3, [10, 5, 3]),  # sqrt(0.3) = 0.548, so 5.48 in the middle
        (4, 3, 4, [4, 3]),  # 4, 3.63, 3.30, 3 round to 4, 4, 3, 3, and no level repeats the size below it
        (10, 3, 1, [10]),
        (5, 5, 3, [5]),
        (5, 9, 2, [5]),
    ],
)
def test_the_sizes_of_levels_worked_by_hand(n_base, n_top, levels, sizes):
    assert level_sizes(n_base, n_top, levels) == sizes


@pytest.mark.parametrize("wrong", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_sizes_below_one_are_an_error(wrong):
    with pytest.raises(ValueError, match="must be at least 1"):
        level_sizes(*wrong)


def test_defaults_worked_by_hand():
    assert [default_top(n) for n in (1, 10, 80, 81, 1000)] == [1, 3, 20, 20, 20]
    assert [default_levels(n) for n in (1, 100, 101)] == [2, 2, 3]
    assert [bounds(n) for n in (1, 2, 4, 5)] == [(1, 1), (1, 3), (2, 6), (2, 7)]


def test_an_obedient_model_makes_a_level_in_which_every_cluster_has_a_place():
    level, way = built(obey)
    assert set(level.assigned) == {f"b{i:04d}" for i in range(6)}
    assert set(level.assigned.values()) == {p.id for p in level.parents} <= {"h1-000", "h1-001"}
    assert all(p.name.endswith("and more") for p in level.parents)
    assert set(level.naming.values()) == {Outcome.OK}
    assert way.outcomes[("assign:1", Outcome.OK)] == 6


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("I would rather not.", Outcome.MALFORMED),
        (Said("", "content_filter"), Outcome.REFUSED),
        (Said("Let me think", "max_tokens"), Outcome.TRUNCATED),
        (ValueError("down"), Outcome.ERROR),
    ],
)
def test_a_model_that_proposes_nothing_ends_in_a_counted_outcome_and_no_level(answer, outcome):
    level, way = built(at("propose", answer))
    assert level is None
    assert way.outcomes == {("propose:1", outcome): 1}


def test_a_model_that_never_answers_in_form_is_asked_a_bounded_number_of_times():
    model = scripted(script=at("propose", "no"))
    way = door(model, attempts=3)
    result = asyncio.run(pipeline.run(crowd(24), Tools(CONFIG, way, Store())))
    asked = [m[0].metadata["clio"]["stage"] for m in model.api.history]
    assert asked.count("propose:1") == 3
    assert not [stage for stage in asked if stage.startswith(("assign", "rename"))]
    assert len(result.levels) == 1
    assert Fate.PUBLISHED in result.judged.conversation_fates[0].values()


def test_clusters_that_could_not_be_assigned_are_counted_as_failed_above_the_base():
    way = door(scripted(script=at("assign", "Somewhere else</answer>")))
    result = asyncio.run(pipeline.run(crowd(24), Tools(CONFIG, way, Store())))
    published_below = [c for c, f in result.judged.conversation_fates[0].items() if f is Fate.PUBLISHED]
    assert published_below
    assert all(result.judged.conversation_fates[1][c] is Fate.FAILED for c in published_below)
    assert {outcome for stage, outcome in way.outcomes if stage == "assign:1"} == {Outcome.MALFORMED}


def test_an_answer_that_is_no_candidate_is_malformed_and_not_guessed():
    way = door(scripted(script=lambda _: "<answer>Broad subject</answer>"), attempts=2)
    replies = asyncio.run(assign(nodes(3), ["Broad subject 1", "Broad subject 2"], way, stage="assign:1", seed=0))
    assert [(r.value, r.outcome, r.attempts) for r in replies] == [(None, Outcome.MALFORMED, 2)] * 3


def test_a_parent_whose_renaming_failed_keeps_the_proposed_name_and_says_so():
    level, _ = built(at("rename", "no"))
    assert {p.name for p in level.parents} <= {"Broad subject 1", "Broad subject 2"}
    assert set(level.naming.values()) == {Outcome.MALFORMED}


def test_more_names_than_were_allowed_are_cut_at_the_bound():
    many = "\n".join(f"{i}. Name {i}" for i in range(1, 30))
    names = propose(at("propose", f"<answer>\n{many}\n</answer>"), nodes(6), wanted=4)[0]
    assert names == [f"Name {i}" for i in range(1, 7)]  # 4 and half as many again


def propose(script, lower: list[Node], wanted: int):
    model = scripted(script=script)
    way = door(model)
    asked = hierarchy.propose(lower, wanted, 1, Means("short", way, Store(), "hashing"))
    return asyncio.run(asked), way, model


def test_a_large_level_is_proposed_in_neighbourhoods_that_also_see_ten_clusters_outside():
    gardens = [Node(f"b{i:04d}", "Garden garden garden garden", f"Case {i}.") for i in range(45)]
    loans = [Node(f"b{i:04d}", "Loan loan loan loan", f"Case {i}.") for i in range(45, 90)]
    _, way, model = propose(obey, gardens + loans, wanted=10)
    shown = [m[0].text.split("<clusters>\n")[1].split("\n</clusters>")[0].splitlines() for m in model.api.history[:2]]
    assert [len(lines) for lines in shown] == [55, 55]
    assert sorted(sum("Garden" in line for line in lines) for lines in shown) == [10, 45]
    assert way.outcomes == {("propose:1", Outcome.OK): 2, ("dedupe:1", Outcome.OK): 1}


def test_without_a_usable_answer_to_the_removal_of_duplicates_the_proposals_stand_cut_to_the_bound():
    names, way, _ = propose(at("dedupe", "no"), nodes(90), wanted=3)
    assert 1 <= len(names) <= 4
    assert way.outcomes[("dedupe:1", Outcome.MALFORMED)] == 1


def orders(seed: int) -> list[str]:
    model = scripted(script=obey)
    candidates = [f"Broad subject {i}" for i in range(1, 9)]
    asyncio.run(assign(nodes(6), candidates, door(model, width=1), stage="assign:1", seed=seed))
    return [m[0].text.split("<broader>\n")[1].split("\n</broader>")[0] for m in model.api.history]


def test_candidates_are_shuffled_anew_for_every_cluster_and_the_seed_decides_how():
    assert orders(1) == orders(1)
    assert orders(1) != orders(2)
    assert len(set(orders(1))) == 6
    assert all(sorted(o.splitlines()) == [f"- Broad subject {i}" for i in range(1, 9)] for o in orders(1))
