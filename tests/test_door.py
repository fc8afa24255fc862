from __future__ import annotations

import asyncio

import pytest
from inspect_ai.model import GenerateConfig, get_model
from scripted import Said, crowd, door, obey, scripted, talk

from clio_core import screening
from clio_core.capabilities import takes_prefill
from clio_core.door import Call, Door
from clio_core.journal import Journal
from clio_core.prompting import load
from clio_core.records import Outcome
from clio_core.replies import yes_or_no
from clio_core.transcript import render


def calls(count: int, sample: int = 0) -> list[Call]:
    prompt = load("screen")
    return [
        Call("screen", "screener", f"c{i}", prompt.fill(transcript=f"text {i}", question="?"), {"secret": i}, sample)
        for i in range(count)
    ]


def ask(way: Door, asked: list[Call]):
    return asyncio.run(way.ask(asked, yes_or_no, "answer"))


@pytest.mark.parametrize(
    ("answer", "outcome", "value"),
    [
        ("Yes</answer>", Outcome.OK, True),
        (Said("", "content_filter"), Outcome.REFUSED, None),
        (Said("Yes</answer>", "content_filter"), Outcome.REFUSED, None),
        (Said("Well, you", "max_tokens"), Outcome.TRUNCATED, None),
        (Said("Well, you", "model_length"), Outcome.TRUNCATED, None),
        (Said("Yes</answer>", "max_tokens"), Outcome.OK, True),
        ("Perhaps</answer>", Outcome.MALFORMED, None),
        ("", Outcome.MALFORMED, None),
        (ValueError("the provider fell over"), Outcome.ERROR, None),
    ],
)
def test_every_end_of_a_call_is_one_counted_outcome(answer, outcome, value):
    way = door(scripted(script=lambda _: answer))
    (reply,) = ask(way, calls(1))
    assert (reply.outcome, reply.value) == (outcome, value)
    assert way.outcomes == {("screen", outcome): 1}


def test_replies_come_in_the_order_of_the_calls_whatever_order_they_were_answered_in():
    def script(messages):
        return "Yes</answer>" if "text 3" in messages[0].text else "No</answer>"

    replies = ask(door(scripted(script=script), width=3), calls(7))
    assert [r.subject for r in replies] == [f"c{i}" for i in range(7)]
    assert [r.value for r in replies] == [i == 3 for i in range(7)]


def test_a_malformed_or_truncated_answer_is_asked_for_again_and_the_first_good_one_counts():
    model = scripted("Hm", Said("Hm", "max_tokens"), "Yes</answer>")
    way = door(model, attempts=3)
    (reply,) = ask(way, calls(1))
    assert (reply.value, reply.attempts) == (True, 3)
    assert way.retried == {"screen": 2}
    assert way.outcomes == {("screen", Outcome.OK): 1}


def test_a_refusal_and_a_fault_are_not_asked_again():
    for answer in (Said("", "content_filter"), ValueError("no")):
        model = scripted(answer)
        (reply,) = ask(door(model, attempts=3), calls(1))
        assert reply.attempts == 1
        assert len(model.api.history) == 1


def test_a_model_that_cannot_vary_is_asked_once():
    model = scripted(script=lambda _: "Hm", can_vary=False)
    (reply,) = ask(door(model, attempts=3), calls(1))
    assert (reply.outcome, reply.attempts) == (Outcome.MALFORMED, 1)
    assert len(model.api.history) == 1


def test_what_was_answered_once_is_never_asked_again():
    journal, model = Journal(), scripted(script=lambda _: "Yes</answer>")
    ask(door(model, journal), calls(4))
    way = door(model, journal)
    ask(way, calls(6))
    assert len(model.api.history) == 6
    assert (way.asked["screen"], way.reused["screen"]) == (2, 4)


def test_a_bad_answer_is_kept_too_so_a_second_run_ends_alike_without_asking():
    journal = Journal()
    ask(door(scripted("Hm", "Hm", "Hm"), journal), calls(1))
    silent = scripted()
    (reply,) = ask(door(silent, journal), calls(1))
    assert reply.outcome is Outcome.MALFORMED
    assert silent.api.history == []


def test_a_failed_call_is_not_kept_and_is_asked_again_by_the_next_run():
    journal = Journal()
    ask(door(scripted(ValueError("down")), journal), calls(1))
    assert len(journal) == 0
    (reply,) = ask(door(scripted("Yes</answer>"), journal), calls(1))
    assert reply.value is True


def test_another_model_another_sample_and_another_prefill_are_other_calls():
    journal = Journal()
    ask(door(scripted("Yes</answer>", name="one"), journal), calls(1))
    ask(door(scripted("Yes</answer>", name="two"), journal), calls(1))
    ask(door(scripted("Yes</answer>", name="one"), journal), calls(1, sample=1))
    ask(door(scripted("Yes</answer>", name="one"), journal, prefill="always"), calls(1))
    assert len(journal) == 4


def test_who_a_call_is_about_is_not_part_of_what_is_asked():
    journal, model = Journal(), scripted("Yes</answer>")
    one, two = talk("first-id", "same words"), talk("second-id", "same words", "other-account")
    asyncio.run(screening.screen("?", [one], {one.id: render(one)}, door(model, journal)))
    (reply,) = asyncio.run(screening.screen("?", [two], {two.id: render(two)}, door(model, journal)))
    assert reply.subject == "second-id"
    assert len(model.api.history) == 1


def test_no_more_calls_are_under_way_at_once_than_the_door_is_wide():
    under_way, most = 0, 0

    class Slow(type(scripted().api)):
        async def generate(self, *given, **named):
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.001)
            under_way -= 1
            return await super().generate(*given, **named)

    model = scripted(script=lambda _: "Yes</answer>")
    model.api.__class__ = Slow
    ask(door(model, width=5), calls(30))
    assert most == 5


def test_values_are_sent_along_only_to_providers_that_read_them():
    model = scripted("Yes</answer>", "Yes</answer>")
    ask(door(model), calls(1))
    assert model.api.history[0][0].metadata["clio"]["variables"] == {}
    model.api.reads_variables = True
    ask(door(model), calls(1))
    assert model.api.history[1][0].metadata["clio"]["variables"] == {"secret": 0}


def test_the_prompts_settings_are_sent_unless_the_user_set_their_own():
    model = scripted("Yes</answer>")
    ask(door(model), calls(1))
    assert (model.api.configs[0].temperature, model.api.configs[0].max_tokens) == (0.2, 64)
    assert (model.api.configs[0].max_retries, model.api.configs[0].cache_prompt) == (6, False)
    own = GenerateConfig(temperature=0.0, max_tokens=7, max_retries=1, cache_prompt=True)
    model = scripted("Yes</answer>", config=own)
    ask(door(model), calls(1))
    assert (model.api.configs[0].temperature, model.api.configs[0].max_tokens) == (0.0, 7)
    assert (model.api.configs[0].max_retries, model.api.configs[0].cache_prompt) == (1, True)


def test_claude_is_not_even_asked_for_a_temperature():
    model = scripted("Yes</answer>", name="claude-haiku-4-5")
    ask(door(model), calls(1))
    assert model.api.configs[0].temperature is None


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("claude-haiku-4-5", True),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-opus-4-1-20250805", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-3-5-haiku-latest", True),
        ("claude-opus-4-6", False),
        ("claude-opus-4-10", False),
        ("claude-opus-4-60", False),
        ("claude-opus-5", False),
        ("gpt-5", False),
        ("my-own-model", False),
    ],
)
def test_a_prefill_goes_only_to_models_that_are_known_to_take_one(name, takes):
    model = scripted(name=name)
    assert takes_prefill(model) is takes
    assert takes_prefill(model, "always") is True
    assert takes_prefill(model, "never") is False
    with pytest.raises(ValueError, match="got 'perhaps'"):
        takes_prefill(model, "perhaps")


def test_nothing_asked_is_nothing_done_and_widths_below_one_are_errors():
    assert ask(door(scripted()), []) == []
    for wrong in ({"width": 0}, {"attempts": 0}):
        with pytest.raises(ValueError, match="must be at least 1"):
            door(scripted(), **wrong)


def test_an_answer_without_choices_or_usage_is_counted_and_marked_as_estimated():
    model = get_model("mockllm/model", memoize=False)

    async def nothing(*_, **__):
        from inspect_ai.model import ModelOutput

        return ModelOutput(model="mockllm/model")

    model.generate = nothing
    way = door(model, attempts=1)
    (reply,) = ask(way, calls(1))
    assert reply.outcome is Outcome.MALFORMED
    assert way.used["screen"][0].estimated


def test_progress_is_told_of_every_call_once():
    told = []

    class Told:
        def start(self, stage, total):
            told.append((stage, total))

        def advance(self, stage):
            told.append(stage)

    talks = crowd(3)
    way = door(scripted(script=obey), progress=Told())
    asyncio.run(screening.screen("?", talks, {c.id: render(c) for c in talks}, way))
    assert told == [("screen", 3), "screen", "screen", "screen"]


def test_two_equal_questions_at_the_same_time_are_one_call():
    model = scripted(script=obey)
    way = door(model, width=2)
    one = load("screen").fill(transcript="a", question="b?")
    calls = [Call("screen", "screener", subject, one) for subject in ("first", "second")]
    replies = asyncio.run(way.ask(calls, yes_or_no, "answer"))
    assert [(r.subject, r.value) for r in replies] == [("first", True), ("second", True)]
    assert len(model.api.history) == 1
    assert (way.asked["screen"], way.reused["screen"]) == (1, 1)
