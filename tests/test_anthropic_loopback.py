"""The door against the real `anthropic` client, which talks to a server of ours on 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from inspect_ai.model import GenerateConfig, Model, get_model
from loopback import (
    Loopback,
    fault,
    flaky,
    message,
    overloaded,
    prefill_refused,
    rate_limited,
    torn,
    turns_of,
)
from scripted import crowd, door, hashing_compute, obedient, talk
from tenacity import wait_none

from clio_core import embedding, pipeline, prompting, screening
from clio_core.config import Config
from clio_core.door import Door
from clio_core.embedding import Store
from clio_core.facets import extract, load_facet
from clio_core.pipeline import Tools
from clio_core.publishing import Fate
from clio_core.records import Outcome
from clio_core.transcript import render

TAKES_PREFILL = "claude-haiku-4-5"
WISH = "Begin your reply exactly with: My decision is: <answer>"
ONE = talk("conv-id-1", "How do I prune a rose?", "acct-id-1", metadata={"plan": "meta-secret"})


@pytest.fixture(autouse=True)
def _only_the_key_of_this_test(monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def claude(server: Loopback, name: str = TAKES_PREFILL, *, retries: int = 3, **settings) -> Model:
    model = get_model(
        f"anthropic/{name}",
        base_url=server.url,
        api_key="test",
        memoize=False,
        config=GenerateConfig(max_retries=retries),
        max_retries=0,  # of the client itself; those of Inspect are the ones under test
        **settings,
    )
    # Inspect waits 3 seconds and more before it tries again, and takes no notice of retry-after. `retry_wait` is the
    # method by which a provider sets its own wait.
    model.api.retry_wait = wait_none
    return model


def screened(model: Model, **settings) -> tuple[Door, Outcome, bool | None]:
    """Ask the screener about one conversation."""
    way = door(model, **settings)
    (reply,) = asyncio.run(screening.screen("Is it about gardens?", [ONE], {ONE.id: render(ONE)}, way))
    assert way.outcomes == {("screen", reply.outcome): 1}
    return way, reply.outcome, reply.value


def in_turn(*answers):
    """A script that serves one answer after the other."""
    left = iter(answers)
    return lambda body: next(left)


@contextmanager
def serving(*answers) -> Iterator[Loopback]:
    with Loopback(in_turn(*answers)) as server:
        yield server


@pytest.mark.parametrize("text", ["Yes</answer>", " Yes</answer>", "My decision is: <answer>Yes</answer>"])
def test_a_prefill_that_is_continued_and_one_that_is_echoed_parse_alike(text):
    with serving(message(text)) as server:
        assert screened(claude(server))[1:] == (Outcome.OK, True)


@pytest.mark.parametrize("text", ["My decision is: <answer>Yes</answer>", "<answer>Yes</answer>"])
def test_a_model_without_prefill_parses_like_one_with_it(text):
    with serving(message(text)) as server:
        assert screened(claude(server, "claude-opus-4-6"))[1:] == (Outcome.OK, True)


@pytest.mark.parametrize(
    "name", ["claude-haiku-4-5", "claude-haiku-4-5-20251001", "claude-sonnet-4-5", "claude-opus-4-5-20251101"]
)
def test_the_4_5_family_is_sent_a_prefill_without_white_space_at_its_end(name):
    with serving(message("Yes</answer>")) as server:
        screened(claude(server, name))
        assert turns_of(server.requests[0])[-1] == ("assistant", "My decision is: <answer>")
        assert "Begin your reply" not in json.dumps(server.requests)


def test_white_space_at_the_end_of_a_prefill_is_stripped_before_it_is_sent(tmp_path):
    # The prefill of this prompt of a user's ends in a space and a line break, which the API answers with an error.
    (tmp_path / "screen.txt").write_text(
        '+++\nversion = 9\nrole = "screener"\ntemperature = 0.2\nmax_tokens = 9\n'
        'inputs = ["transcript", "question"]\nsource = "a test"\n+++\n'
        "=== user\n$transcript $question\n=== prefill\nI say: <answer> \n\n",
        encoding="utf-8",
    )
    with serving(message("No</answer>")) as server:
        way = door(claude(server))
        (reply,) = asyncio.run(screening.screen("Why?", [ONE], {ONE.id: render(ONE)}, way, tmp_path))
        assert turns_of(server.requests[0])[-1] == ("assistant", "I say: <answer>")
        assert reply.value is False


@pytest.mark.parametrize("name", ["claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-5", "claude-something-new"])
def test_newer_and_unknown_models_get_the_wish_in_the_last_user_turn_instead(name):
    with serving(message("My decision is: <answer>No</answer>")) as server:
        screened(claude(server, name))
        speaker, text = turns_of(server.requests[0])[-1]
        assert speaker == "user"
        assert text.endswith(WISH)


def test_a_refused_prefill_is_one_counted_error_and_never_asked_again():
    with serving(prefill_refused()) as server:
        way, outcome, value = screened(claude(server, "claude-opus-4-6"), prefill="always")
        assert (outcome, value) == (Outcome.ERROR, None)
        note = way.used["screen"][0].note
        assert "prefill" in note
        assert "prune a rose" not in note
        assert len(server.requests) == 1


def test_a_refusal_is_a_counted_outcome_even_when_it_comes_with_words_that_would_parse():
    with serving(message("Yes</answer>", "refusal")) as server:
        assert screened(claude(server))[1:] == (Outcome.REFUSED, None)
    with serving(message("", "refusal")) as server:
        assert screened(claude(server))[1:] == (Outcome.REFUSED, None)


def test_an_answer_cut_off_by_max_tokens_is_asked_for_again_and_then_counted_as_truncated():
    with serving(*[message("Well, on the one", "max_tokens")] * 3) as server:
        way, outcome, value = screened(claude(server))
        assert (outcome, value) == (Outcome.TRUNCATED, None)
        assert (len(server.requests), way.retried["screen"]) == (3, 2)


def test_an_answer_that_was_complete_before_max_tokens_is_taken():
    with serving(message("Yes</answer> And another thing", "max_tokens")) as server:
        assert screened(claude(server))[1:] == (Outcome.OK, True)


@pytest.mark.parametrize("trouble", [rate_limited, overloaded])
def test_a_rate_limit_and_an_overload_are_waited_out(trouble):
    with serving(trouble(), trouble(), message("Yes</answer>")) as server:
        way, outcome, value = screened(claude(server))
        assert (outcome, value) == (Outcome.OK, True)
        assert len(server.requests) == 3
        assert way.asked["screen"] == 1


def test_the_client_itself_waits_as_long_as_retry_after_says_and_tries_again():
    with serving(rate_limited(), message("Yes</answer>")) as server:
        model = get_model(f"anthropic/{TAKES_PREFILL}", base_url=server.url, api_key="test", memoize=False)
        assert screened(model)[1:] == (Outcome.OK, True)
        assert len(server.requests) == 2


@pytest.mark.parametrize("trouble", [rate_limited, overloaded])
def test_trouble_that_does_not_end_is_a_counted_error_after_the_bounded_retries(trouble):
    with Loopback(lambda body: trouble()) as server:
        way, outcome, _ = screened(claude(server, retries=2))
        assert outcome is Outcome.ERROR
        assert server.served == {trouble().status: 3}
        assert len(way.journal) == 0  # so the next run asks again


def test_an_answer_in_the_wrong_form_is_asked_for_again_within_bounds():
    with serving(message("Maybe</answer>"), message("Yes</answer>")) as server:
        way, outcome, value = screened(claude(server))
        assert (outcome, value) == (Outcome.OK, True)
        assert way.retried["screen"] == 1
    with serving(*[message("Maybe</answer>")] * 3) as server:
        assert screened(claude(server))[1:] == (Outcome.MALFORMED, None)
        assert len(server.requests) == 3


@pytest.mark.parametrize("trouble", [torn(), fault(401, "authentication_error", "invalid x-api-key")])
def test_an_answer_that_is_no_json_and_a_wrong_key_are_counted_errors(trouble):
    with Loopback(lambda body: trouble) as server:
        way, outcome, value = screened(claude(server))
        assert (outcome, value) == (Outcome.ERROR, None)
        assert way.used["screen"][0].note


def test_streamed_answers_are_read_like_whole_ones():
    with serving(message("Yes</answer>")) as server:
        assert screened(claude(server, streaming=True))[1:] == (Outcome.OK, True)
        assert server.requests[0]["stream"] is True


def test_usage_as_the_service_reports_it_is_kept():
    with serving(message("Yes</answer>")) as server:
        way, *_ = screened(claude(server))
        (answer,) = way.used["screen"]
        assert (answer.input_tokens, answer.output_tokens, answer.estimated) == (12, 7, False)


@pytest.mark.parametrize("name", [TAKES_PREFILL, "claude-opus-4-6"])
def test_no_temperature_is_sent_to_claude_and_the_bound_on_tokens_is_the_prompts(name):
    with serving(message("My decision is: <answer>Yes</answer>")) as server:
        screened(claude(server, name))
        assert not {"temperature", "top_p", "top_k"} & set(server.requests[0])
        assert server.requests[0]["max_tokens"] == prompting.load("screen").max_tokens


def test_nothing_that_points_to_an_account_a_conversation_or_metadata_is_in_a_request():
    facets = [load_facet(name) for name in ("request", "language", "concerning")]
    with Loopback(lambda body: message(obedient(turns_of(body)))) as server:
        talks = crowd(6)
        way = door(claude(server))
        asyncio.run(extract(facets, talks, {c.id: render(c) for c in talks}, way))
        sent = json.dumps([server.requests, server.headers])
    assert len(server.requests) == 18
    assert "Question number 5" in sent
    for secret in ("conv-id", "acct-id", "meta-secret", "clio", "variables"):
        assert secret not in sent.casefold()
    assert all("metadata" not in body for body in server.requests)


def test_a_whole_run_over_a_shaky_line_counts_every_call_and_every_conversation(monkeypatch):
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    talks = crowd(40)
    config = Config(k=8, min_conversations=3, min_accounts=2, top=2, levels=2, project=0, screen="Is it a question?")
    script = flaky(lambda body: message(obedient(turns_of(body))), 7, limited=0.10, malformed=0.05)
    with Loopback(script) as server:
        way = door(claude(server, retries=6), width=20)
        result = asyncio.run(pipeline.run(talks, Tools(config, way, Store())))
    assert server.served[429] > 0
    assert server.served[529] > 0
    by_stage = Counter({stage: 0 for stage, _ in way.outcomes})
    for (stage, _), count in way.outcomes.items():
        by_stage[stage] += count
    kept = len(result.sample.conversations)
    assert kept + len(result.sample.screen_failed) + result.sample.screened_out == 40
    assert by_stage["screen"] == 40
    assert {by_stage[f"facet:{name}"] for name in config.facets} == {kept}
    assert by_stage["name"] == sum(c.conversations >= 3 and c.accounts >= 2 for c in result.levels[0])
    assert by_stage["assign:1"] == sum(c.naming is Outcome.OK and c.name != "" for c in result.levels[0])
    # What was not in order was met, and every kind of it was counted.
    assert sum(way.retried.values()) > 0
    assert sum(count for (_, outcome), count in way.outcomes.items() if outcome is Outcome.ERROR) > 0
    assert len(result.judged.conversation_fates) == len(result.levels) == 2
    for fates in result.judged.conversation_fates:
        assert set(fates) == {c.id for c in talks}
    assert Fate.PUBLISHED in result.judged.conversation_fates[0].values()
    rows = result.judged.counts()
    assert [sum(r["conversations"] for r in rows if r["level"] == level) for level in (0, 1)] == [40, 40]
    sent = json.dumps(server.requests)
    assert not any(secret in sent for secret in ("conv-id", "acct-id", "meta-secret"))
