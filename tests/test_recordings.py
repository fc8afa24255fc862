from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from inspect_ai.model import get_model
from scripted import crowd, door, hashing_compute, obedient, talk

from clio_core import embedding, pipeline, recordings, screening
from clio_core.config import Config
from clio_core.door import UnrecordedError
from clio_core.embedding import Store
from clio_core.pipeline import Tools
from clio_core.recordings import Recorded, RecordingError
from clio_core.transcript import render

CONFIG = Config(k=4, min_conversations=3, min_accounts=2, top=2, levels=2, project=0)
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch):
    monkeypatch.setattr(embedding, "compute", hashing_compute)


def run(home: Path, talks=None):
    model = get_model(f"recorded/{home}", memoize=False, pending=str(home / "pending.jsonl"))
    way = door(model)
    return asyncio.run(pipeline.run(talks or crowd(20), Tools(CONFIG, way, Store()))), way


def requests(home: Path) -> list[dict]:
    return [json.loads(line) for line in (home / "pending.jsonl").read_text(encoding="utf-8").split("\n") if line]


def answer_to(request: dict) -> str:
    return obedient([(m["role"], m["content"]) for m in request["params"]["messages"]])


def batch_row(request: dict) -> dict:
    """A result as the Message Batches API returns it."""
    message = {"content": [{"type": "text", "text": answer_to(request)}], "stop_reason": "end_turn"}
    return {"custom_id": request["custom_id"], "result": {"type": "succeeded", "message": message}}


def plain_row(request: dict) -> dict:
    return {"custom_id": request["custom_id"], "text": answer_to(request)}


def take_in(home: Path, form) -> None:
    """Answer what is pending, import the answers, and start a new pending file."""
    results = home / "results.jsonl"
    results.write_text("".join(json.dumps(form(r)) + "\n" for r in requests(home)), encoding="utf-8")
    known = recordings.read(home / "answers.jsonl")
    known.update({a.key: a for a in recordings.read_results(results)})
    recordings.write(home / "answers.jsonl", known.values())
    (home / "pending.jsonl").unlink()


def complete(home: Path, form, most: int = 8):
    """Run and answer what is missing, stage by stage, until nothing is."""
    for _ in range(most):
        try:
            return run(home)
        except UnrecordedError:
            take_in(home, form)
    raise AssertionError(f"still incomplete after {most} rounds")


def test_seven_missing_answers_are_one_error_and_seven_requests_and_an_import_completes_the_run(tmp_path):
    whole, _ = complete(tmp_path, plain_row)
    file = tmp_path / "answers.jsonl"
    answers = list(recordings.read(file).values())
    facets = [a for a in answers if a.stage.startswith("facet")]
    assert len(facets) == 60
    gone = {a.key for a in (*facets[:3], *facets[25:27], *facets[-2:])}
    for form in (batch_row, plain_row):
        recordings.write(file, [a for a in answers if a.key not in gone])
        with pytest.raises(UnrecordedError) as caught:
            run(tmp_path)
        assert caught.value.missing == 7
        assert re.search(r"7 of 60 calls are not in the recording.*pending\.jsonl.*answers import", str(caught.value))
        held = requests(tmp_path)
        assert len(held) == 7
        assert {r["custom_id"][-32:] for r in held} == gone
        # A second try finds them waiting already and writes none twice.
        with pytest.raises(UnrecordedError):
            run(tmp_path)
        assert requests(tmp_path) == held
        take_in(tmp_path, form)
        again, way = run(tmp_path)
        assert pipeline.published(again) == pipeline.published(whole)
        assert not way.retried
        assert not (tmp_path / "pending.jsonl").exists()


def test_a_request_has_the_form_that_message_batches_take(tmp_path):
    with pytest.raises(UnrecordedError):
        run(tmp_path)
    held = requests(tmp_path)
    assert len(held) == 60
    assert len({r["custom_id"] for r in held}) == 60
    for request in held:
        assert set(request) == {"custom_id", "params"}
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", request["custom_id"])
        assert set(request["params"]) == {"model", "max_tokens", "messages"}
        assert request["params"]["model"].startswith("claude-")
        assert request["params"]["max_tokens"] >= 1
        speakers = [m["role"] for m in request["params"]["messages"]]
        assert speakers == ["user", "assistant", "user"]
        assert all(m["content"].strip() for m in request["params"]["messages"])
    sent = json.dumps(held)
    assert not any(secret in sent for secret in ("conv-id", "acct-id", "meta-secret"))


def test_a_conversation_with_a_line_separator_inside_waits_in_the_pending_file_like_any_other(tmp_path):
    one = talk("c", "first\u2028second\x85third")
    model = get_model(f"recorded/{tmp_path}", memoize=False, pending=str(tmp_path / "pending.jsonl"))
    with pytest.raises(UnrecordedError):
        asyncio.run(screening.screen("?", [one], {one.id: render(one)}, door(model)))
    (request,) = requests(tmp_path)
    assert "first\u2028second" in request["params"]["messages"][0]["content"]
    assert list(recordings.pending_stages(tmp_path / "pending.jsonl").values()) == ["screen"]


def test_an_answer_with_a_line_separator_inside_is_one_answer(tmp_path):
    file = tmp_path / "results.jsonl"
    row = {"custom_id": f"screen-{KEY}", "text": "Yes\u2028</answer>"}
    file.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert recordings.read_results(file) == [Recorded(KEY, "screen", "Yes\u2028</answer>")]


def test_a_refusal_and_a_cut_in_batch_results_stay_what_they_were(tmp_path):
    file = tmp_path / "results.jsonl"
    rows = [
        {
            "custom_id": f"screen-{i:032x}",
            "result": {"type": "succeeded", "message": {"content": [], "stop_reason": reason}},
        }
        for i, reason in enumerate(["refusal", "max_tokens", "end_turn"])
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [a.stop_reason for a in recordings.read_results(file)] == ["content_filter", "max_tokens", "stop"]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("not json", "results.jsonl:2: not JSON"),
        ('{"custom_id": "screen-12", "text": "x"}', "results.jsonl:2: custom_id 'screen-12' does not end in"),
        (f'{{"custom_id": "screen-{KEY}"}}', "results.jsonl:2: wanted a batch 'result' or a 'text'"),
        (f'{{"custom_id": "screen-{KEY}", "result": {{"type": "expired"}}}}', "the batch reports 'expired'"),
    ],
)
def test_a_line_that_is_no_answer_is_an_error_that_names_it(tmp_path, row, complaint):
    file = tmp_path / "results.jsonl"
    file.write_text(f"\n{row}\n", encoding="utf-8")
    with pytest.raises(RecordingError, match=complaint):
        recordings.read_results(file)


def test_a_recording_is_written_in_an_order_of_its_own_and_reads_back(tmp_path):
    answers = [Recorded("b" * 32, "name", "2"), Recorded("a" * 32, "name", "1"), Recorded("c" * 32, "audit", "ü\u2028")]
    recordings.write(tmp_path / "answers.jsonl", answers)
    assert list(recordings.read(tmp_path / "answers.jsonl").values()) == [answers[2], answers[1], answers[0]]


def test_a_broken_line_of_a_recording_is_named(tmp_path):
    (tmp_path / "answers.jsonl").write_text('{"key": "a", "stage": "b", "text": "c"}\n{"key": "a"}\n', encoding="utf-8")
    with pytest.raises(RecordingError, match=r"answers\.jsonl:2: not a recorded answer"):
        recordings.read(tmp_path / "answers.jsonl")


def test_a_recording_that_does_not_exist_is_an_error_that_names_it():
    with pytest.raises(RecordingError, match="no recording 'nonsense'"):
        recordings.folder("nonsense")


def test_the_sample_index_and_the_stage_are_part_of_the_key_and_the_model_is_not():
    turns = [("user", "Why?")]
    assert recordings.call_key("a", turns, 0) == recordings.call_key("a", turns, 0)
    keys = {recordings.call_key("a", turns, 0), recordings.call_key("b", turns, 0), recordings.call_key("a", turns, 1)}
    assert len(keys) == 3


def test_a_batch_id_is_short_and_plain_whatever_the_stage_is_called():
    made = recordings.custom_id("facet:" + "ü" * 80, KEY)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", made)
    assert made.endswith(KEY)
