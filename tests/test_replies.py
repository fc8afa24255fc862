from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clio_core.replies import (
    choice,
    clean_name,
    closed,
    joined,
    numbered,
    scale,
    summary_and_name,
    tagged,
    yes_or_no,
)

BROAD = ["Write and repair code", "Plan meals", "C programming", "C++ programming"]


def test_a_continued_and_an_echoed_prefill_give_one_and_the_same_answer():
    opening = "My decision is: <answer>"
    assert tagged(joined("Yes</answer>", opening), "answer") == "Yes"
    assert tagged(joined(" Yes</answer>", opening), "answer") == "Yes"
    assert tagged(joined("My decision is: <answer>Yes</answer>", opening), "answer") == "Yes"
    assert tagged(joined("\n My decision is: <answer>Yes</answer>", opening), "answer") == "Yes"
    assert joined("Yes", "") == "Yes"


def test_an_answer_that_begins_with_its_own_tag_replaces_what_the_prefill_opened():
    assert tagged(joined("<answer>No</answer>", "My decision is: <answer>"), "answer") == "No"


def test_the_last_tag_counts_because_a_scratchpad_may_speak_of_it():
    text = "<scratchpad>It asks for <answer>this</answer>.</scratchpad><answer>that</answer>"
    assert tagged(text, "answer") == "that"


@pytest.mark.parametrize("text", ["", "no tag", "<answer></answer>", "<answer>  \n </answer>", "<answers>x</answers>"])
def test_a_tag_that_is_missing_or_empty_is_none(text):
    assert tagged(text, "answer") is None


def test_a_tag_that_was_never_closed_runs_to_the_end_and_counts_as_open():
    assert tagged("<answer> half an", "answer") == "half an"
    assert not closed("<answer> half an", "answer")
    assert not closed("nothing", "answer")
    assert not closed("<answer>a</answer><answer>b", "answer")
    assert closed("<answer>whole</answer>", "answer")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (" 5. ", 5),
        ("٣", 3),
        ("四", None),
        ("0", None),
        ("6", None),
        ("3-4", None),
        ("four", None),
        ("", None),
    ],
)
def test_a_scale_is_one_whole_number_from_1_to_5_standing_alone(text, value):
    assert scale(f"<answer>{text}</answer>") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("Yes", True), ("yes.", True), ("'No'", False), ("NO!", False), ("Maybe", None), ("Yes, no", None)],
)
def test_yes_and_no_are_words_of_their_own(text, value):
    assert yes_or_no(f"<answer>{text}</answer>") is value


def test_a_numbered_list_is_read_in_order_without_repetitions_or_decoration():
    listed = "Here it is:\n1. **Plan meals.**\n2) <name>Repair code</name>\n- 'Plan meals'\n* Write poems"
    text = f"<answer>\n{listed}\n</answer>"
    assert numbered(text) == ["Plan meals", "Repair code", "Write poems"]


@pytest.mark.parametrize("text", ["1. no tag", "<answer>Plan meals, repair code</answer>", "<answer>1. ''</answer>"])
def test_a_list_without_a_tag_or_without_items_is_none(text):
    assert numbered(text) is None


def test_a_name_loses_quotes_emphasis_tags_and_its_full_stop():
    assert clean_name(' "**Plan  meals\nfor two.**" ') == "Plan meals for two"
    assert clean_name("<name>Plan meals</name>") == "Plan meals"


def test_a_naming_answer_needs_both_parts_and_a_name_that_is_no_essay():
    assert summary_and_name("<summary>They\nasked.</summary><name>Ask.</name>") == ("They asked.", "Ask")
    assert summary_and_name("<summary>They asked.</summary>") is None
    assert summary_and_name("<name>Ask</name>") is None
    assert summary_and_name(f"<summary>They asked.</summary><name>{'a' * 301}</name>") is None
    assert summary_and_name("<summary>They asked.</summary><name>''</name>") is None


@pytest.mark.parametrize(
    "text", ["Plan meals", "plan meals.", "- Plan meals", "2. Plan meals", '"Plan Meals"', "\n**Plan meals**\n"]
)
def test_a_choice_forgives_punctuation_case_and_a_list_number(text):
    assert choice(f"<answer>{text}</answer>", BROAD) == "Plan meals"


@pytest.mark.parametrize("text", ["Plan", "Plan meals and more", "Meals", "Write code", "Other", "", "!!!"])
def test_an_answer_that_only_resembles_a_candidate_is_not_taken(text):
    assert choice(f"<answer>{text}</answer>", BROAD) is None


def test_candidates_that_differ_in_punctuation_alone_are_told_apart_word_for_word_or_not_at_all():
    assert choice("<answer>C programming</answer>", BROAD) == "C programming"
    assert choice("<answer>C++ programming</answer>", BROAD) == "C++ programming"
    assert choice("<answer>c programming</answer>", BROAD) is None


@given(st.text(max_size=200), st.sampled_from(["answer", "rating", "name"]))
def test_no_text_whatever_makes_a_parser_raise(text, tag):
    for written in (text, f"<{tag}>{text}</{tag}>", f"<{tag}>{text}"):
        assert scale(written, tag) in (None, 1, 2, 3, 4, 5)
        assert yes_or_no(written) in (None, True, False)
        assert choice(written, BROAD) in (None, *BROAD)
        names = numbered(written)
        assert names is None or (names and len(set(names)) == len(names))
        summary_and_name(written)
        closed(written, tag)


@given(st.text(st.characters(exclude_characters="<>"), min_size=1, max_size=40).filter(str.strip))
def test_what_stands_in_a_tag_comes_out_however_the_prefill_was_treated(inner):
    opening = "I weighed it. <answer>"
    assert tagged(joined(f"{inner}</answer>", opening), "answer") == inner.strip()
    assert tagged(joined(f"{opening}{inner}</answer>", opening), "answer") == inner.strip()
