from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scripted import crowd, door, hashing_compute, obey, scripted

from clio_core import embedding, pipeline
from clio_core.config import Config
from clio_core.embedding import Store
from clio_core.journal import Answer, Journal
from clio_core.pipeline import Tools

CONFIG = Config(k=8, min_conversations=2, min_accounts=1, top=2, levels=2, project=0)
WIDTH = 4


def lines(file: Path) -> list[str]:
    return [json.loads(line)["key"] for line in file.read_bytes().split(b"\n")[:-1]]


def run(folder: Path, stage: str = "", nth: int = 0):
    """Run the pipeline with a journal in `folder`; at the nth call of `stage` the process kills itself."""
    asked = []

    def script(messages):
        asked.append(messages[0].metadata["clio"]["stage"])
        if stage and asked.count(stage) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return obey(messages)

    model = scripted(script=script)
    way = door(model, Journal(folder / "calls.jsonl"), width=WIDTH)
    result = asyncio.run(pipeline.run(crowd(24), Tools(CONFIG, way, Store())))
    way.journal.close()
    return result, way, asked


def killed(folder: Path, stage: str, nth: int) -> None:
    """The same run in a process of its own, which does not survive."""
    here = Path(__file__).parent
    code = (
        "import sys; from pathlib import Path; import test_journal as t; from clio_core import embedding;"
        "embedding.compute = t.hashing_compute; t.run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))"
    )
    path = os.pathsep.join([str(here), str(here.parent)])
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), stage, str(nth)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def answer(key: str, text: str = "Yes") -> Answer:
    return Answer(key, "screen", text, "stop", input_tokens=3, output_tokens=1, note="ü\u2028")


@pytest.mark.parametrize(("stage", "nth"), [("facet:language", 11), ("name", 5)])
def test_a_killed_run_goes_on_without_asking_any_answered_call_again(tmp_path, monkeypatch, stage, nth):
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    unbroken, first, asked = run(tmp_path / "unbroken")
    total = len(asked)
    assert total == sum(first.asked.values())

    killed(tmp_path / "broken", stage, nth)
    survived = lines(tmp_path / "broken" / "calls.jsonl")
    # Every call before the fatal one was answered; those still in flight may be lost, and no more than those.
    before = asked.index(stage) + nth - 1
    assert before - WIDTH < len(survived) <= before

    again, way, asked_again = run(tmp_path / "broken")
    assert sum(way.reused.values()) == len(survived)
    assert len(asked_again) == sum(way.asked.values()) == total - len(survived)
    kept = lines(tmp_path / "broken" / "calls.jsonl")
    assert kept[: len(survived)] == survived
    assert len(kept) == len(set(kept)) == total
    assert pipeline.published(again) == pipeline.published(unbroken)
    assert way.outcomes == first.outcomes


def test_a_finished_run_that_is_started_again_asks_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    run(tmp_path)
    _, way, asked = run(tmp_path)
    assert asked == []
    assert not way.asked


@pytest.mark.parametrize(
    "tail", [b'{"key": "c", "sta', b"{", b'{"key": "c", "stage": "s", "text": "t", "stop": "stop"}']
)
def test_a_torn_last_line_is_dropped_and_the_next_line_stands_on_its_own(tmp_path, tail):
    file = tmp_path / "calls.jsonl"
    journal = Journal(file)
    journal.put(answer("a"))
    journal.put(answer("b", "two\nlines"))
    journal.close()
    with file.open("ab") as raw:
        raw.write(tail)
    journal = Journal(file)
    assert [a.key for a in journal.all()] == ["a", "b"]
    assert journal.get("c") is None
    journal.put(answer("d"))
    journal.close()
    assert [a.key for a in Journal(file).all()] == ["a", "b", "d"]


def test_a_broken_line_before_the_last_is_an_error_that_names_it(tmp_path):
    (tmp_path / "calls.jsonl").write_bytes(b"{}\n")
    with pytest.raises(ValueError, match=r"calls\.jsonl:1: wanted an answered call"):
        Journal(tmp_path / "calls.jsonl")


def test_a_journal_reads_back_what_was_put_into_it(tmp_path):
    journal = Journal(tmp_path / "deep" / "calls.jsonl")
    journal.put(answer("a", "漢字\u2028 \x85 \r\n \x00"))
    journal.close()
    (read,) = Journal(tmp_path / "deep" / "calls.jsonl").all()
    assert read == answer("a", "漢字\u2028 \x85 \r\n \x00")


def test_an_answer_is_on_disk_before_the_journal_is_closed(tmp_path):
    journal = Journal(tmp_path / "calls.jsonl")
    journal.put(answer("a"))
    assert lines(tmp_path / "calls.jsonl") == ["a"]
    journal.close()


def test_answers_of_another_run_are_taken_over_when_asked_for_and_where_not_known(tmp_path):
    journal = Journal(tmp_path / "calls.jsonl")
    journal.put(answer("a", "mine"))
    journal.adopt([answer("a", "theirs"), answer("b", "theirs"), answer("c", "theirs")])
    assert len(journal) == 1
    assert journal.get("a") == answer("a", "mine")
    assert journal.get("b") == journal.get("b") == answer("b", "theirs")
    assert journal.get("d") is None
    assert journal.adopted == 1
    journal.close()
    assert lines(tmp_path / "calls.jsonl") == ["a", "b"]  # what nobody asked for stays with the other run


def test_a_closed_journal_can_still_be_read(tmp_path):
    journal = Journal(tmp_path / "calls.jsonl")
    journal.put(answer("a"))
    journal.close()
    journal.close()
    assert journal.get("a") == answer("a")
