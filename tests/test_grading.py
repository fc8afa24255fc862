from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import door, scripted, talk

from clio_core.places import PROMPTS
from clio_core.prompting import PromptError
from clio_core.records import Outcome
from clio_core.transcript import render
from evals import grading, stages_draws
from evals.grading import ClusterVerdict, Named, Placed, Verdict
from synthetic.datasets import Truth, open_dataset, taxonomy


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("<reason> It fits. </reason>\n<answer>accurate</answer>", Verdict(True, "It fits.")),
        ("<reason>Half\nis missing.</reason><answer> Inaccurate. </answer>", Verdict(False, "Half is missing.")),
        ("<reason>At home.</reason><answer>Yes</answer>", Verdict(True, "At home.")),
        ("<reason>Elsewhere.</reason><answer>no</answer>", Verdict(False, "Elsewhere.")),
        ("<answer>accurate</answer>", Verdict(True, "")),
        ("<reason>Both.</reason><answer>accurate and inaccurate</answer>", None),
        ("<reason>Neither.</reason><answer>mostly</answer>", None),
        ("<reason>Nothing after it.</reason>", None),
    ],
)
def test_a_verdict_is_one_of_two_words_and_nothing_else(text, verdict):
    assert grading.read_verdict(text) == verdict


@pytest.mark.parametrize(
    ("inside", "strangers"),
    [
        ("none", ()),
        ("None.", ()),
        ("3", (3,)),
        ("3, 17", (3, 17)),
        ("17; 3, 3", (3, 17)),
        ("0", None),
        ("3 and 17", None),
        ("-3", None),
        ("#3", None),
        ("all of them", None),
        ("", None),
    ],
)
def test_strangers_are_whole_numbers_from_one_on_or_the_word_none(inside, strangers):
    text = f"<reason>So.</reason><strangers>{inside}</strangers><answer>accurate</answer>"
    wanted = None if strangers is None else ClusterVerdict(True, strangers, "So.")
    assert grading.read_cluster_verdict(text) == wanted


def test_a_number_that_was_never_shown_makes_the_answer_malformed():
    answers = [
        "One is out.</reason><strangers>2</strangers><answer>accurate</answer>",
        "Lost count.</reason><strangers>1, 3</strangers><answer>accurate</answer>",
    ]
    model = scripted(*answers, can_vary=True)
    clusters = [Named("b0", "Grow tomatoes", "They grow."), Named("b1", "Mend shoes", "They mend.")]
    members = {"b0": ["a", "b"], "b1": ["c", "d"]}
    asking = grading.grade_base_clusters(clusters, members, door(model, width=1, attempts=1))
    first, second = asyncio.run(asking)
    assert (first.outcome, first.value) == (Outcome.OK, ClusterVerdict(True, (2,), "One is out."))
    assert (second.outcome, second.value) == (Outcome.MALFORMED, None)


def test_an_answer_out_of_range_is_asked_for_again():
    wrong = "Lost count.</reason><strangers>9</strangers><answer>accurate</answer>"
    right = "None.</reason><strangers>none</strangers><answer>inaccurate</answer>"
    model = scripted(wrong, right)
    asking = grading.grade_base_clusters([Named("b0", "Mend shoes", "")], {"b0": ["a"]}, door(model))
    (reply,) = asyncio.run(asking)
    assert reply.value == ClusterVerdict(False, (), "None.")
    assert reply.attempts == 2


def sent(model):
    return "\n".join(message.text for message in model.api.history[0])


def test_what_a_member_says_cannot_end_its_list_or_add_to_it():
    model = scripted("x</reason><strangers>none</strangers><answer>accurate</answer>")
    members = {"b0": ["one\n9. another", "three</members> <title>four"]}
    asyncio.run(grading.grade_base_clusters([Named("b0", "A</title>B", "C\nD")], members, door(model)))
    text = sent(model)
    assert "<members>\n1. one 9. another\n2. three< /members> <title>four\n</members>" in text
    assert "<title>A< /title>B</title>\n<description>C D</description>" in text


def test_a_summary_is_judged_against_its_transcript_and_no_metadata():
    model = scripted("x</reason><answer>accurate</answer>")
    conversation = talk("secret-id", "How do I grow tomatoes?", "secret-account", metadata={"category": "secret-label"})
    summaries, transcripts = {"secret-id": "Growing </summary> tomatoes"}, {"secret-id": render(conversation)}
    asyncio.run(grading.grade_summaries(summaries, transcripts, door(model)))
    assert "How do I grow tomatoes?" in sent(model)
    assert "<summary>Growing < /summary> tomatoes</summary>" in sent(model)
    assert "secret" not in sent(model)


def test_a_place_is_judged_beside_its_neighbours_and_the_other_places():
    model = scripted("x</reason><answer>No</answer>")
    placed = Placed(Named("b0", "Mend shoes", "d"), Named("h1", "Mend things", "e"), (), ("Cook", "Sing"))
    (reply,) = asyncio.run(grading.grade_assignments([placed], door(model)))
    assert reply.value == Verdict(False, "x")
    assert "<siblings>\n- (there are none)\n</siblings>" in sent(model)
    assert "<alternatives>\n- Cook\n- Sing\n</alternatives>" in sent(model)


def truths(cells):
    return {
        f"{category}-{language}-{i}": Truth(category, "", language)
        for (category, language), count in cells.items()
        for i in range(count)
    }


def test_a_draw_takes_each_pair_of_category_and_language_in_turn():
    known = truths({("a", "x"): 5, ("a", "y"): 1, ("b", "x"): 5, ("b", "y"): 5})
    drawn = stages_draws.balanced(known, known, 7)
    pairs = [tuple(i.split("-")[:2]) for i in drawn]
    # One of each of the four pairs, then one each of the three that have more.
    assert sorted(pairs.count(pair) for pair in set(pairs)) == [1, 2, 2, 2]
    assert pairs.count(("a", "y")) == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 16), st.randoms(use_true_random=False))
def test_a_draw_depends_neither_on_order_nor_does_a_smaller_one_hold_what_a_larger_lacks(n, random):
    known = truths({("a", "x"): 4, ("a", "y"): 4, ("b", "x"): 4, ("b", "y"): 4})
    shuffled = list(known)
    random.shuffle(shuffled)
    drawn = stages_draws.balanced(shuffled, known, n)
    assert drawn == stages_draws.balanced(known, known, n)
    assert len(drawn) == n
    assert set(drawn) <= set(stages_draws.balanced(known, known, n + 1))


def test_the_members_shown_are_at_most_thirty_and_in_no_telling_order():
    members = [f"regular-english-{i:02d}" for i in range(40)]
    shown = stages_draws.shown(members)
    assert len(shown) == 30
    assert shown == stages_draws.shown(reversed(members))
    assert shown != sorted(shown)


def test_every_screening_question_speaks_of_categories_and_sets_that_there_are():
    for question in stages_draws.questions():
        answers = {known.answer for known in question.truth}
        assert answers == {True, False}, question.name  # a question that is always yes tells nothing
        for known in question.truth:
            names = {str(row["name"]) for row in taxonomy(known.dataset)}
            assert {*known.categories, *known.without} <= names
            fitting = [t for t in open_dataset(known.dataset).truth.values() if known.holds(t.category)]
            assert len(fitting) >= known.sample


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("version = 1", "version = 1\nhint = 2"), "fields must be"),
        (('answer = "no"', 'answer = "perhaps"'), "'yes' or 'no'"),
    ],
)
def test_a_question_file_with_other_fields_is_refused(tmp_path, change, message):
    text = (PROMPTS / "screening" / "harm.toml").read_text(encoding="utf-8")
    (tmp_path / "screening").mkdir()
    (tmp_path / "screening" / "harm.toml").write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(PromptError, match=message):
        stages_draws.questions(tmp_path)
