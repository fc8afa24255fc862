from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import door, scripted, talk

from clio_core.config import Config
from clio_core.embedding import Store
from clio_core.pipeline import Base, Result, Sample, Tools
from clio_core.publishing import Fate, judge
from clio_core.records import Cluster, Outcome
from clio_core.runfolder import RunFolder
from evals import execute, integrity
from evals.suite import Context
from reports.sections import Run
from reports.sections.integrity import section

ACCOUNTS = {"c1": "ann", "c2": "bob", "c3": "ann", "c4": "cat", "c5": "cat", "c6": "dan", "c7": "eve"}
CONFIG = Config(min_conversations=2, min_accounts=2)
# The facet of c6 failed, and c7's screening did. b1 has conversations enough, but all of one account.
MEMBERS = {"c1": "b0", "c2": "b0", "c3": "b0", "c4": "b1", "c5": "b1", "c6": None}
LEVELS = (
    (
        Cluster("b0", 0, "Prune pears", "", 3, 2, parent="h0", rating=5),
        Cluster("b1", 0, "Sharpen saws", "", 2, 1, parent="h0", rating=5),
    ),
    (Cluster("h0", 1, "Work in the garden", "", 5, 3, rating=4),),
)


def result(levels=LEVELS, members=MEMBERS):
    conversations = tuple(talk(i, "Hello", ACCOUNTS[i]) for i in members)
    sample = Sample(conversations, {}, 7, 0, ("c7",))
    judged = judge(
        levels, {**members, "c7": None}, min_conversations=2, min_accounts=2, audit_below=3, accounts=ACCOUNTS
    )
    base = Base(tuple(members), np.zeros((0, 2), dtype=np.float32), np.zeros(0, dtype=np.int32), levels[0], members)
    return Result(sample, (), base, levels, judged, np.zeros((0, 2), dtype=np.float32))


def measured(found, folder=None):
    tools = Tools(CONFIG, door(scripted()), Store(), folder)
    tools.door.outcomes = Counter({("name", Outcome.OK): 3, ("name", Outcome.MALFORMED): 1})
    return asyncio.run(integrity.measure(Context(None, tools, found.sample, (), found.base, found, {})))


def values(found):
    return {row["metric"]: row["value"] for row in measured(found).metrics}


def with_fates(found, level, **fates):
    """The same result, as if somebody had tampered with what became of single conversations; None takes one away."""
    by_level = [dict(row) for row in found.judged.conversation_fates]
    for conversation, fate in fates.items():
        by_level[level].pop(conversation)
        if fate is not None:
            by_level[level][conversation] = fate
    return replace(found, judged=replace(found.judged, conversation_fates=tuple(by_level)))


def test_every_conversation_is_counted_once_a_level_the_failed_ones_too():
    levels = integrity.conservation(result(), 7)
    fates = levels[["published", "held_back", "removed", "failed"]].to_numpy().tolist()
    assert fates == [[3, 2, 0, 2], [3, 2, 0, 2]]
    assert levels["counted"].tolist() == levels["drawn"].tolist() == [7, 7]
    assert levels["published_clusters"].tolist() == [1, 1]


def test_books_in_order_have_no_violation():
    found = values(result())
    assert (found["conservation_violations"], found["published_under_thresholds"]) == (0, 0)


def test_a_conversation_that_was_lost_on_the_way_makes_the_check_cry():
    found = values(with_fates(result(), 1, c2=None))
    assert found["conservation_violations"] == 1


def test_a_conversation_that_was_never_drawn_makes_the_check_cry():
    extra = result()
    fates = ({**extra.judged.conversation_fates[0], "c8": Fate.PUBLISHED}, extra.judged.conversation_fates[1])
    tampered = replace(extra, judged=replace(extra.judged, conversation_fates=fates))
    assert values(tampered)["conservation_violations"] == 1


def test_a_conversation_counted_under_another_fate_is_still_counted():
    moved = integrity.conservation(with_fates(result(), 0, c1=Fate.REMOVED), 7)
    assert moved.loc[0, ["published", "removed", "counted"]].tolist() == [2, 1, 7]


def test_a_small_cluster_that_was_passed_off_as_published_is_named():
    found = result()
    tampered = replace(found, judged=replace(found.judged, fates={**found.judged.fates, "b1": Fate.PUBLISHED}))
    small = measured(tampered).tables["integrity_small"]
    assert small.to_dict("records") == [{"cluster": "b1", "level": 0, "conversations": 2, "accounts": 1}]
    assert values(tampered)["published_under_thresholds"] == 1


def test_a_parent_counts_published_children_only():
    # h0 is published for the three of b0. Once b0's members are of one account, nothing of it may be shown.
    found = result()
    one = {**ACCOUNTS, "c2": "ann"}
    small = integrity.under_thresholds(found, one, CONFIG)
    assert small.to_dict("records") == [
        {"cluster": "b0", "level": 0, "conversations": 3, "accounts": 1},
        {"cluster": "h0", "level": 1, "conversations": 3, "accounts": 1},
    ]


def test_failed_calls_are_a_share_of_all_calls():
    found = measured(result())
    assert values(result())["failed_calls"] == 1 / 4
    rows = found.tables["integrity_outcomes"].to_dict("records")
    assert {"stage": "name", "outcome": "malformed", "calls": 1} in rows


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["b0", "b1", None]), min_size=6, max_size=6),
    st.lists(st.sampled_from([None, 1, 3, 5]), min_size=3, max_size=3),
)
def test_whatever_the_auditor_says_the_books_balance(places, ratings):
    levels = (
        tuple(replace(c, rating=rating) for c, rating in zip(LEVELS[0], ratings[:2], strict=True)),
        (replace(LEVELS[1][0], rating=ratings[2]),),
    )
    members = dict(zip(MEMBERS, places, strict=True))
    found = integrity.conservation(result(levels, members), 7)
    assert found["counted"].tolist() == [7, 7]


def page(tmp_path, found):
    folder = RunFolder(tmp_path)
    execute.write_measured(folder, "tiny", {"integrity": measured(found)})
    return section(Run(folder, {"dataset": {"name": "tiny", "sensitive": False}}))


def test_the_section_says_that_the_books_balance(tmp_path):
    made = page(tmp_path, result())
    assert "Each of the 7 conversations drawn is counted exactly once at every level." in made.sentences[0]
    assert "None of the 2 published clusters" in made.sentences[0]
    assert "25.0% of 4 calls" in made.sentences[0]
    assert [block.caption for block in made.blocks] == [
        "Conversations by fate, counted anew",
        "How calls ended, stage by stage",
    ]
    assert made.blocks[1].frame.loc[0, ["ok", "malformed", "error"]].tolist() == [3, 1, 0]


def test_the_section_says_where_they_do_not(tmp_path):
    found = with_fates(result(), 1, c2=None)
    tampered = replace(found, judged=replace(found.judged, fates={**found.judged.fates, "b1": Fate.PUBLISHED}))
    made = page(tmp_path, tampered)
    assert "On 1 of 2 levels the conversations counted are not the 7 that were drawn." in made.sentences[0]
    assert "1 of 3 published clusters lie under the thresholds (2 conversations, 2 accounts)" in made.sentences[0]
    assert made.blocks[1].frame["cluster"].tolist() == ["b1"]


def test_the_default_run_keeps_its_books(reference):
    measured = asyncio.run(integrity.measure(reference.finished.context))
    found = {row["metric"]: row["value"] for row in measured.metrics}
    assert found == {
        "conservation_violations": 0,
        "published_under_thresholds": 0,
        "failed_calls": 0,
        "stood_in_calls": 0,
    }
    assert measured.tables["integrity_levels"]["counted"].tolist() == pytest.approx([600, 600])
