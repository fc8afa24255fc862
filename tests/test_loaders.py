from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clio_core.loaders import BadRowError, LayoutError, LoadError, content_hash, dump_jsonl, load
from clio_core.records import Conversation, Message

NOON = datetime(2024, 10, 24, 12, 0, tzinfo=UTC)


def row(name: str = "c1", **changes: Any) -> dict[str, Any]:
    base = {
        "id": name,
        "account": "ann",
        "time": "2024-10-24T12:00:00Z",
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def jsonl(folder: Path, *rows: Any) -> Path:
    """Rows as lines; what is text already is a line as it stands."""
    path = folder / "data.jsonl"
    lines = [item if isinstance(item, str) else json.dumps(item) for item in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def parquet(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "data.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def turns(*messages: dict[str, Any]) -> dict[str, Any]:
    return row(messages=list(messages))


# Our own layout


def test_a_row_of_our_own_layout_becomes_a_conversation(tmp_path):
    loaded = load(jsonl(tmp_path, row(metadata={"language": "de"}, category="cooking", subcategory=None)))
    assert loaded.conversations == (
        Conversation(
            "c1",
            "ann",
            (Message("user", "hi"), Message("assistant", "hello")),
            NOON,
            {"language": "de", "category": "cooking"},
        ),
    )
    assert (loaded.skipped, loaded.layout, loaded.notes) == ((), "clio", ())


def test_time_and_metadata_may_be_missing_and_blank_lines_are_no_rows(tmp_path):
    loaded = load(jsonl(tmp_path, row(time=...), "", row("c2")))
    assert [item.id for item in loaded.conversations] == ["c1", "c2"]
    assert loaded.conversations[0].time is None


@pytest.mark.parametrize(
    "written",
    ["2024-10-24T12:00:00", "2024-10-24T14:00:00+02:00", 1729771200, 1729771200.0, 1729771200000],
)
def test_times_come_in_many_forms_and_end_in_utc(tmp_path, written):
    (only,) = load(jsonl(tmp_path, row(time=written))).conversations
    assert only.time == NOON
    assert only.time.tzinfo is UTC


def test_a_gzip_file_reads_like_the_plain_one(tmp_path):
    plain = jsonl(tmp_path, row(), row("c2"))
    packed = tmp_path / "data.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert load(packed).conversations == load(plain).conversations


def test_half_an_emoji_is_replaced_and_noted(tmp_path):
    # Escaped by json.dumps, as every JSON writer must; the whole emoji beside it stays.
    loaded = load(jsonl(tmp_path, turns({"role": "user", "content": "a\ud83d \U0001f642"})))
    assert loaded.conversations[0].messages[0].content == "a\ufffd \U0001f642"
    assert loaded.notes == ("In 1 rows halves of surrogate pairs were replaced by U+FFFD.",)


# Bad rows

ROLES = "one of user, assistant, system, developer, tool, function"


def test_a_row_without_messages_is_an_error_that_names_its_line(tmp_path):
    path = jsonl(tmp_path, row(), row("c2", messages=...))
    with pytest.raises(BadRowError) as caught:
        load(path)
    assert str(caught.value) == (f"{path}, line 2: field 'messages': wanted a list of at least one turn, got nothing")
    assert (caught.value.bad.row, caught.value.bad.field) == (2, "messages")


@pytest.mark.parametrize(
    ("bad", "field", "wanted", "got"),
    [
        (row(id=...), "id", "text or a whole number", "nothing"),
        (row(id=""), "id", "text or a whole number", "an empty text"),
        (row(account=None), "account", "text or a whole number", "nothing"),
        (row(account=True), "account", "text or a whole number", "true or false"),
        (row(time="yesterday"), "time", "ISO 8601 text, a time or epoch seconds", "'yesterday'"),
        (row(time=1e300), "time", "ISO 8601 text, a time or epoch seconds", "1e+300"),
        (row(messages=[]), "messages", "a list of at least one turn", "a list of 0"),
        (row(messages=["hi"]), "messages[0]", "an object with role and content", "a text of 2 characters"),
        (turns({"content": "hi"}), "messages[0].role", ROLES, "nothing"),
        (turns({"role": "user"}), "messages[0].content", "text or a list of parts", "nothing"),
        (turns({"role": "user", "content": 7}), "messages[0].content", "text or a list of parts", "a number"),
        (
            turns({"role": "user", "content": [{"type": "text"}]}),
            "messages[0].content[0].text",
            "text",
            "nothing",
        ),
        (
            turns({"role": "user", "content": "x", "attachments": "image"}),
            "messages[0].attachments",
            'a list of kinds such as "image"',
            "a text of 5 characters",
        ),
        (row(metadata=[1]), "metadata", "an object", "a list of 1"),
        (row(metadata={"mood": 1}, mood=2), "mood", "the value that metadata has under this name", "another one"),
        ("[1, 2]", "", "one JSON object", "a list of 2"),
        ('{"id": ', "", "one JSON object", "broken JSON (Expecting value at character 8)"),
    ],
)  # fmt: skip
def test_a_bad_row_says_what_was_wanted_and_what_came(tmp_path, bad, field, wanted, got):
    loaded = load(jsonl(tmp_path, row("good"), bad), skip_bad=True)
    assert [item.id for item in loaded.conversations] == ["good"]
    (skipped,) = loaded.skipped
    assert (skipped.row, skipped.field, skipped.wanted, skipped.got) == (2, field, wanted, got)
    assert loaded.notes == ("1 rows could not be read and were skipped.",)


def test_errors_do_not_repeat_what_somebody_wrote(tmp_path):
    secret = "my neighbour Ann Example has the flu"
    for bad in [
        turns({"role": secret, "content": "x"}),
        row(messages=[secret]),
        row(time=secret * 2),
        f'{{"x": {secret}',
    ]:
        (skipped,) = load(jsonl(tmp_path, row("good"), bad), skip_bad=True).skipped
        assert "neighbour" not in str(skipped)


def test_an_id_that_occurs_twice_is_a_bad_row(tmp_path):
    path = jsonl(tmp_path, row(), row("c2"), row("c1"))
    with pytest.raises(BadRowError, match="line 3: field 'id': wanted an id that no earlier row has, got the one of 1"):
        load(path)
    assert [item.id for item in load(path, skip_bad=True).conversations] == ["c1", "c2"]


def test_a_bad_first_row_does_not_decide_the_layout(tmp_path):
    path = jsonl(tmp_path, "nonsense", row())
    with pytest.raises(BadRowError, match="line 1: wanted one JSON object"):
        load(path)
    assert [bad.row for bad in load(path, skip_bad=True).skipped] == [1]


def test_bytes_that_are_not_utf8_are_one_bad_line(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(row()).encode() + b'\n{"id": "\xff"}\n')
    loaded = load(path, skip_bad=True)
    assert len(loaded.conversations) == 1
    assert loaded.skipped[0].got == "a byte that is none at position 9"


def test_limit_counts_good_conversations_and_reads_no_further(tmp_path):
    path = jsonl(tmp_path, row("c1"), "nonsense", row("c2"), row("c3"), "nonsense")
    loaded = load(path, skip_bad=True, limit=2)
    assert [item.id for item in loaded.conversations] == ["c1", "c2"]
    assert [bad.row for bad in loaded.skipped] == [2]
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        load(path, limit=0)


# Sources


def test_sources_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "table.csv").write_text("id\n1\n")
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(json.dumps(row()).encode())[:-12])
    (tmp_path / "not.parquet").write_text("no table")
    (tmp_path / "not.json").write_text("{}")
    for name, complaint in {
        "empty.jsonl": "wanted at least one row, got none",
        "missing.jsonl": "wanted a file or folder, got a path where nothing is",
        "table.csv": "wanted a file whose name ends in one of .jsonl, .jsonl.gz, .parquet, .eval, .json, got another",
        "torn.jsonl.gz": "wanted a whole gzip file",
        "not.parquet": "wanted a Parquet file",
        "not.json": "wanted an Inspect log",
    }.items():
        with pytest.raises(LoadError) as caught:
            load(str(tmp_path / name))
        assert str(tmp_path / name) in str(caught.value)
        assert complaint in str(caught.value)


def test_columns_that_fit_no_layout_are_listed_beside_those_that_would(tmp_path):
    with pytest.raises(LayoutError) as caught:
        load(jsonl(tmp_path, {"prompt": "hi", "answer": "hello"}))
    assert str(caught.value).endswith(
        "wanted the columns of one of clio (messages); wildchat (conversation, conversation_hash); "
        "lmsys (conversation, conversation_id); got answer, prompt"
    )


def test_a_layout_can_be_forced(tmp_path):
    both = {**row(), "conversation_id": "l1", "conversation": [{"role": "user", "content": "other"}]}
    path = jsonl(tmp_path, both)
    assert load(path).conversations[0].id == "c1"
    assert load(path, layout="lmsys").conversations[0].id == "l1"
    with pytest.raises(ValueError, match="layout must be one of clio, wildchat, lmsys, got 'sharegpt'"):
        load(path, layout="sharegpt")  # type: ignore[arg-type]


def test_a_saved_data_set_needs_its_split(tmp_path):
    from datasets import Dataset, DatasetDict

    dataset = Dataset.from_list([row(), row("c2", messages=[{"role": "user", "content": "x"}])])
    dataset.save_to_disk(str(tmp_path / "one"))
    DatasetDict({"test": dataset}).save_to_disk(str(tmp_path / "many"))
    assert [item.id for item in load(tmp_path / "one").conversations] == ["c1", "c2"]
    assert load(tmp_path / "many", split="test").conversations == load(tmp_path / "one").conversations
    with pytest.raises(LoadError, match="wanted the split 'train', got the splits test"):
        load(tmp_path / "many")


def test_a_name_without_a_file_is_a_hugging_face_data_set(monkeypatch):
    asked = []

    def fake(name, *, split, streaming):
        asked.append((name, split, streaming))
        return [row(), row("c2")]

    monkeypatch.setattr("datasets.load_dataset", fake)
    assert len(load("someone/talks", split="test").conversations) == 2
    assert len(load("someone/talks", limit=1).conversations) == 1
    # With a limit rows are streamed, so that a million of them are not fetched for a thousand.
    assert asked == [("someone/talks", "test", False), ("someone/talks", "train", True)]


def test_a_folder_of_files_is_read_by_datasets(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "talks"
    folder.mkdir()
    jsonl(folder, row(), row("c2"))
    assert [item.id for item in load(folder).conversations] == ["c1", "c2"]


# Public layouts


def wildchat(**changes: Any) -> dict[str, Any]:
    person = {"language": "French", "redacted": False, "toxic": False, "turn_identifier": 102}
    base = {
        "conversation_hash": "f00",
        "model": "gpt-4",
        "timestamp": datetime(2024, 10, 24, 12, 0),  # early editions carry no zone
        "conversation": [
            {
                "role": "user",
                "content": "Bonjour",
                "hashed_ip": "ab12",
                "country": "France",
                "timestamp": None,
                **person,
            },
            {"role": "assistant", "content": "Salut", "hashed_ip": None, "country": None, "timestamp": NOON, **person},
        ],
        "turn": 1,
        "language": "French",
        "openai_moderation": [{"flagged": False}],
        "toxic": False,
        "country": "France",
        "hashed_ip": "ab12",
    }
    return {**base, **changes}  # fmt: skip


def test_wildchat_takes_its_account_from_the_hashed_address(tmp_path):
    loaded = load(parquet(tmp_path, wildchat()))
    (only,) = loaded.conversations
    assert (only.account, only.time) == ("ab12", NOON)
    assert only.messages == (Message("user", "Bonjour"), Message("assistant", "Salut"))
    assert only.metadata == {
        "conversation_hash": "f00",
        "model": "gpt-4",
        "turn": 1,
        "language": "French",
        "openai_moderation": [{"flagged": False}],
        "toxic": False,
        "country": "France",
    }
    assert loaded.layout == "wildchat"
    assert loaded.notes == (
        "Accounts are hashed network addresses: several people may share one, and one person may have several.",
        "Fields of turns that were not kept: "
        "country, hashed_ip, language, redacted, timestamp, toxic, turn_identifier.",
    )


def test_equal_wildchat_conversations_share_a_hash_and_still_have_two_ids(tmp_path):
    again = wildchat()
    again["conversation"] = [{**turn, "turn_identifier": 977} for turn in again["conversation"]]
    loaded = load(parquet(tmp_path, wildchat(), again))
    assert [item.id for item in loaded.conversations] == ["f00-102", "f00-977"]


def test_wildchat_without_an_address_of_the_row_takes_that_of_its_turns(tmp_path):
    assert load(parquet(tmp_path, wildchat(hashed_ip=None))).conversations[0].account == "ab12"


def test_lmsys_has_no_accounts_and_says_what_that_means(tmp_path):
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": ""}]
    rows = [{"conversation_id": f"l{n}", "model": "vicuna", "conversation": talk, "turn": 1, "language": "English",
             "openai_moderation": [], "redacted": True} for n in range(3)]  # fmt: skip
    loaded = load(parquet(tmp_path, *rows))
    assert [(item.id, item.account) for item in loaded.conversations] == [
        ("l0", "conversation:l0"),
        ("l1", "conversation:l1"),
        ("l2", "conversation:l2"),
    ]
    assert loaded.conversations[0].metadata["language"] == "English"
    assert loaded.layout == "lmsys"
    (note,) = loaded.notes
    assert note.startswith("3 of 3 conversations came without an account")
    assert "unique-account threshold protects nothing" in note


# Content parts


def test_anthropic_parts_become_text_calls_attachments_and_results(tmp_path):
    path = jsonl(
        tmp_path,
        turns(
            {
                "role": "user",
                "content": [{"type": "image", "source": {"data": "…"}}, {"type": "text", "text": "what?"}],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "let me look"},
                    {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": "chat", "n": 2}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "a cat"}]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "second"},
                    {"type": "text", "text": "thanks"},
                    {"type": "text", "text": "a lot"},
                ],
            },
        ),
    )
    assert load(path).conversations[0].messages == (
        Message("user", "what?", attachments=("image",)),
        Message("assistant", "let me look", ('search({"n": 2, "q": "chat"})',), ("reasoning",)),
        Message("tool", "a cat"),
        Message("tool", "second"),
        Message("user", "thanks\na lot"),
    )


def test_what_a_server_tool_returned_follows_the_turn_that_called_it(tmp_path):
    path = jsonl(
        tmp_path,
        turns(
            {
                "role": "assistant",
                "content": [
                    {"type": "server_tool_use", "name": "web_search", "input": {"query": "x"}},
                    {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "title": "X"}]},
                    {"type": "text", "text": "found"},
                ],
            }
        ),
    )
    assert load(path).conversations[0].messages == (
        Message("assistant", "found", ('web_search({"query": "x"})',)),
        Message("tool", '{"title": "X", "type": "web_search_result"}'),
    )


def test_openai_turns_become_the_same_records(tmp_path):
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    path = jsonl(
        tmp_path,
        turns(
            {"role": "developer", "content": "be brief"},
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "…"}}, {"type": "text", "text": "1+?"}],
            },
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": "2"},
        ),
    )
    loaded = load(path)
    assert loaded.conversations[0].messages == (
        Message("system", "be brief"),
        Message("user", "1+?", attachments=("image",)),
        Message("assistant", "", ('add({"a": 1})',)),
        Message("tool", "2"),
    )
    assert loaded.notes == ("Fields of turns that were not kept: tool_call_id.",)


def test_a_part_of_unknown_type_is_an_error_not_a_loss(tmp_path):
    path = jsonl(tmp_path, turns({"role": "user", "content": ["fine", {"type": "hologram"}]}))
    with pytest.raises(BadRowError, match=r"messages\[0\]\.content\[1\]\.type.*got 'hologram'"):
        load(path)


# Hash and round trip


def test_the_same_data_as_jsonl_and_parquet_hash_alike(tmp_path):
    rows = [
        row(metadata={"language": "de", "score": 1.0}, category="cooking"),
        # Parquet fills what only one row has with nulls: attachments, tool calls, score.
        row("c2", messages=[{"role": "user", "content": "漢字", "attachments": ["image"]},
                            {"role": "assistant", "content": "", "tool_calls": ["f()"]}],
            metadata={"language": "zh", "score": None}, category="writing"),
    ]  # fmt: skip
    text, table = load(jsonl(tmp_path, *rows)), load(parquet(tmp_path, *rows))
    assert text.conversations == table.conversations
    assert text.content_hash == table.content_hash
    assert len(text.content_hash) == 64


def test_times_of_parquet_hash_like_times_of_jsonl(tmp_path):
    zoned = NOON.astimezone(timezone(timedelta(hours=2)))
    table = pa.Table.from_pylist([row(time=zoned)])
    pq.write_table(table, tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet").content_hash == load(jsonl(tmp_path, row())).content_hash


def test_nested_columns_may_be_json_text_in_parquet(tmp_path):
    nested = row(metadata={"language": "de"})
    flat = {**nested, "messages": json.dumps(nested["messages"]), "metadata": json.dumps(nested["metadata"])}
    assert load(parquet(tmp_path, flat)).conversations == load(jsonl(tmp_path, nested)).conversations


def test_the_hash_follows_content_and_not_the_order_of_rows(tmp_path):
    one = load(jsonl(tmp_path, row("a"), row("b"))).content_hash
    assert load(jsonl(tmp_path, row("b"), row("a"))).content_hash == one
    assert load(jsonl(tmp_path, row("a"), row("c"))).content_hash != one
    assert load(jsonl(tmp_path, row("a"), row("b", account="bob"))).content_hash != one
    assert load(jsonl(tmp_path, row("a"), row("b", category="x"))).content_hash != one


def test_the_hash_of_a_known_conversation_stays_what_it_is():
    # SHA-256 of the digest of this one line:
    # {"account":"ann","id":"c1","messages":[{"content":"hé","role":"user"}]}
    expected = "51a37189fc6c91f03eedf95d99e7ead8e24b00c26c170aca4d486ccc0aa263f4"
    assert content_hash([Conversation("c1", "ann", (Message("user", "hé"),))]) == expected


words = st.text(max_size=12)
scalars = st.booleans() | st.integers(-(2**53), 2**53) | words
stored = st.lists(
    st.builds(
        Conversation,
        id=st.text(min_size=1, max_size=8),
        account=st.text(min_size=1, max_size=8),
        messages=st.lists(
            st.builds(
                Message,
                role=st.sampled_from(["user", "assistant", "system", "tool"]),
                content=words,
                tool_calls=st.lists(words, max_size=2).map(tuple),
                attachments=st.lists(words, max_size=2).map(tuple),
            ),
            min_size=1,
            max_size=4,
        ).map(tuple),
        time=st.none() | st.datetimes(timezones=st.just(UTC)),
        metadata=st.dictionaries(words, scalars | st.lists(scalars, max_size=2), max_size=3),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda conversation: conversation.id,
).map(tuple)


@pytest.mark.parametrize("name", ["round.jsonl", "round.jsonl.gz"])
def test_what_is_dumped_loads_back_alike(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("trip") / name

    @settings(max_examples=100, deadline=None)
    @given(stored)
    def check(conversations):
        dump_jsonl(conversations, path)
        loaded = load(path)
        assert loaded.conversations == conversations
        assert loaded.content_hash == content_hash(conversations)

    check()


def test_equal_conversations_give_equal_gzip_files(tmp_path):
    conversations = [Conversation("c1", "ann", (Message("user", "hi"),))]
    dump_jsonl(conversations, tmp_path / "a.jsonl.gz")
    dump_jsonl(conversations, tmp_path / "b.jsonl.gz")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


# Inspect logs


@pytest.fixture(scope="module")
def inspect_log(tmp_path_factory):
    """A log of two samples and two epochs, with a tool call, an image and one account."""
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec
    from inspect_ai.model import (
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageTool,
        ChatMessageUser,
        ContentImage,
        ContentText,
    )
    from inspect_ai.scorer import Score
    from inspect_ai.tool import ToolCall, ToolCallError

    call = ToolCall(id="t1", function="add", arguments={"x": 1})
    long = [
        ChatMessageSystem(content="be brief"),
        ChatMessageUser(content=[ContentText(text="what?"), ContentImage(image="data:image/png;base64,AAAA")]),
        ChatMessageAssistant(content="", tool_calls=[call]),
        ChatMessageTool(content="", tool_call_id="t1", error=ToolCallError("timeout", "too slow")),
        ChatMessageAssistant(content="no idea"),
    ]
    short = [ChatMessageUser(content="hi"), ChatMessageAssistant(content="hello")]
    samples = [
        EvalSample(id="s1", epoch=1, input="what?", target="t", messages=long, completed_at="2024-10-24T12:00:00Z",
                   metadata={"account": "ann", "category": "cooking"}, scores={"match": Score(value="I")}),
        EvalSample(id=2, epoch=1, input="hi", target="t", messages=short),
        EvalSample(id=2, epoch=2, input="hi", target="t", messages=short),
    ]  # fmt: skip
    spec = EvalSpec(
        created="2024-10-24T12:00:00Z",
        task="talk",
        dataset=EvalDataset(),
        model="mockllm/model",
        config=EvalConfig(),
    )
    return EvalLog(status="success", eval=spec, samples=samples), tmp_path_factory.mktemp("logs")


@pytest.mark.parametrize("name", ["log.eval", "log.json"])
def test_an_inspect_log_gives_one_conversation_a_sample(inspect_log, name):
    from inspect_ai.log import write_eval_log

    log, folder = inspect_log
    write_eval_log(log, str(folder / name))
    loaded = load(folder / name)
    first, second, third = sorted(loaded.conversations, key=lambda item: (item.id != "s1", item.id))
    assert (first.id, first.account, first.time) == ("s1", "ann", NOON)
    assert first.messages == (
        Message("system", "be brief"),
        Message("user", "what?", attachments=("image",)),
        Message("assistant", "", ('add({"x": 1})',)),
        Message("tool", "too slow"),
        Message("assistant", "no idea"),
    )
    assert first.metadata == {
        "category": "cooking",
        "inspect": {"task": "talk", "model": "mockllm/model", "epoch": 1, "target": "t", "scores": {"match": "I"}},
    }
    assert [(item.id, item.account) for item in (second, third)] == [
        ("2", "conversation:2"),
        ("2@2", "conversation:2@2"),
    ]
    assert loaded.layout == "inspect"
    (note,) = loaded.notes
    assert note.startswith("2 of 3 conversations came without an account")


def test_a_log_written_by_an_eval_run_loads(tmp_path):
    from inspect_ai import Task
    from inspect_ai import eval as run
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    output = ModelOutput.from_content("mockllm/model", "hello")
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # without it a tokenizer is fetched
    model = get_model("mockllm/model", custom_outputs=[output])
    run(Task(dataset=[Sample("hi", id="s1")]), model=model, log_dir=str(tmp_path), display="none", log_level="error")
    (log,) = tmp_path.glob("*.eval")
    (only,) = load(log).conversations
    assert only.id == "s1"
    assert only.messages == (Message("user", "hi"), Message("assistant", "hello"))
    assert only.time is not None
