from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clio_core.records import Conversation, Message
from clio_core.sampling import sample_completions, sample_conversations

TIME = datetime(2024, 10, 17, tzinfo=UTC)


def talk(name: str, roles: str) -> Conversation:
    """One turn a letter, u for user and a for assistant, numbered in its text."""
    kinds = {"u": "user", "a": "assistant"}
    return Conversation(name, "x", tuple(Message(kinds[r], str(i)) for i, r in enumerate(roles)), TIME)


CROWD = [talk(f"c{number:02d}", "uaua") for number in range(40)]


@pytest.mark.parametrize("sample", [sample_conversations, sample_completions])
@given(shuffled=st.permutations(CROWD), seed=st.integers(0, 2**32))
def test_the_order_in_which_conversations_come_changes_nothing(sample, shuffled, seed):
    assert sample(shuffled, 7, seed) == sample(CROWD, 7, seed)


@pytest.mark.parametrize("sample", [sample_conversations, sample_completions])
def test_the_result_is_in_id_order_and_the_seed_decides_it(sample):
    first = [item.id for item in sample(CROWD, 10, 1)]
    assert first == sorted(first)
    assert first == [item.id for item in sample(CROWD, 10, 1)]
    assert first != [item.id for item in sample(CROWD, 10, 2)]


@pytest.mark.parametrize("sample", [sample_conversations, sample_completions])
@pytest.mark.parametrize("n", [80, 81, 1000])
def test_asking_for_more_than_there_is_gives_all(sample, n):
    assert list(sample(CROWD[::-1], n, 0)) == CROWD


def test_conversations_are_drawn_whole_and_once():
    drawn = sample_conversations(CROWD, 39, 5)
    assert len({item.id for item in drawn}) == 39
    assert all(item in CROWD for item in drawn)


def test_conversations_weigh_alike_whatever_their_length():
    pair = [talk("long", "ua" * 9), talk("short", "ua")]
    counts = Counter(sample_conversations(pair, 1, seed)[0].id for seed in range(2000))
    # 1,000 are expected; one standard deviation is 22.
    assert 900 < counts["long"] < 1100


def test_completions_weigh_a_conversation_by_its_assistant_turns():
    pair = [talk("long", "ua" * 9), talk("short", "ua")]
    counts = Counter(sample_completions(pair, 1, seed)[0].id for seed in range(2000))
    # 9 of 10 turns are in the long one: 1,800 are expected; one standard deviation is 13.
    assert 1740 < counts["long"] < 1860


def test_every_assistant_turn_has_the_same_chance_to_end_the_transcript():
    ends = Counter(len(sample_completions([talk("c", "uauaua")], 1, seed)[0].messages) for seed in range(3000))
    assert set(ends) == {2, 4, 6}
    # 1,000 each are expected; one standard deviation is 26.
    assert all(870 < count < 1130 for count in ends.values())


def test_the_newest_drawn_turn_of_a_conversation_ends_it():
    for seed in range(20):
        (only,) = sample_completions([talk("c", "uauaua")], 2, seed)
        # Two of three turns are drawn, so the newest is the second or the third.
        assert "".join(message.content for message in only.messages) in ("0123", "012345")


def test_what_comes_after_the_last_assistant_turn_is_cut_and_the_time_goes_with_it():
    (cut,) = sample_completions([talk("c", "uau")], 5, 0)
    assert [message.role for message in cut.messages] == ["user", "assistant"]
    assert cut.time is None
    (whole,) = sample_completions([talk("c", "uaua")], 5, 0)
    assert whole.time == TIME


def test_conversations_without_an_assistant_turn_are_never_drawn_as_completions():
    assert [item.id for item in sample_completions([talk("a", "u"), talk("b", "ua"), talk("c", "")], 9, 0)] == ["b"]
    assert sample_completions([], 1, 0) == ()


@pytest.mark.parametrize("sample", [sample_conversations, sample_completions])
def test_drawing_nothing_or_ids_that_occur_twice_is_an_error(sample):
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        sample(CROWD, 0, 1)
    with pytest.raises(ValueError, match="ids must be unique, got 'c00' twice"):
        sample([CROWD[0], CROWD[0]], 1, 1)
