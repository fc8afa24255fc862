from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import hashing_compute
from typer.testing import CliRunner

from clio_core import embedding, extractive
from evals.cli import app

TOPICS = (
    "How do I keep tomatoes from wilting in the greenhouse during summer?",
    "Which spreadsheet formula counts invoices that are overdue?",
    "Why does the chain of my bicycle slip under load?",
    "Help me find a rhyme for the last verse of a poem.",
)


def row_of(i, account, **fields):
    return {
        "id": f"cidzq-{i:03d}",
        "account": f"acczq-{account}",
        "messages": [
            {"role": "user", "content": f"{TOPICS[i % len(TOPICS)]} Only here: {lonely(i)}."},
            {"role": "assistant", "content": "With patience."},
        ],
        "plan": f"metzq-plan-{i % 3}",
        "metadata": {"ticket": f"metzq-ticket-{i}"},
        **fields,
    }


def lonely(i):
    """A word that conversation i alone holds, of letters only."""
    return "quux" + "".join(chr(ord("a") + int(digit)) for digit in f"{i:03d}")


def written(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def nodes_of(tree):
    for node in tree:
        yield node
        yield from nodes_of(node.get("children", []))


def bases_of(node):
    """Ids of the published base clusters under a node, itself included."""
    return [n["id"] for n in nodes_of([node]) if n["id"].startswith("b")]


def contents_of(out, rows):
    """Conversations and accounts of each base cluster, from the members' table and the input file alone."""
    accounts = {row["id"]: row["account"] for row in rows}
    members = pd.read_parquet(out / "tables" / "base_members.parquet")
    found = {}
    for conversation, cluster in zip(members["conversation"], members["cluster"], strict=True):
        found.setdefault(cluster, []).append((conversation, accounts[conversation]))
    return found


def traces(out, printed, count):
    """What of ids, accounts, metadata and words of single conversations can be read in what a run shows."""
    shown = (out / "published.json").read_text(encoding="utf-8")
    shown += (out / "report.html").read_text(encoding="utf-8") + printed
    return [p for p in ("cidzq", "acczq", "metzq", *map(lonely, range(count))) if p in shown]


@pytest.fixture(scope="module", autouse=True)
def light_embedder():
    """Hashed words instead of a language model: what is tested here holds for any embedder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "compute", hashing_compute)
        # The local provider keeps its vectors for the life of the process; those of this module must not stay.
        patch.setattr(extractive, "_STORE", embedding.Store())
        yield


def cluster(file, out, *options):
    return CliRunner().invoke(app, ["cluster", file, "--out", str(out), *options])


layouts = st.lists(st.integers(min_value=0, max_value=7), min_size=9, max_size=40)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    layout=layouts,
    k=st.integers(min_value=2, max_value=7),
    fewest=st.integers(min_value=1, max_value=7),
    fewest_accounts=st.integers(min_value=1, max_value=4),
)
def test_nothing_published_is_smaller_than_the_thresholds_or_names_anybody(layout, k, fewest, fewest_accounts):
    rows = [row_of(i, account) for i, account in enumerate(layout)]
    with tempfile.TemporaryDirectory() as home:
        out = Path(home) / "run"
        thresholds = ("--min-conversations", str(fewest), "--min-accounts", str(fewest_accounts))
        result = cluster(written(Path(home) / "mine.jsonl", rows), out, "--k", str(k), *thresholds)
        assert result.exit_code == 0, result.output
        published = json.loads((out / "published.json").read_text(encoding="utf-8"))
        inside = contents_of(out, rows)
        nodes = list(nodes_of(published["clusters"]))
        for node in nodes:
            members = [member for base in bases_of(node) for member in inside[base]]
            assert len(members) == node["conversations"] >= fewest
            assert len({account for _, account in members}) >= fewest_accounts
        at_base = [n["conversations"] for n in nodes if n["id"].startswith("b")]
        counted = {(row["level"], row["fate"]): row["conversations"] for row in published["counts"]}
        assert counted[0, "published"] == sum(at_base)
        for level in {level for level, _ in counted}:
            assert sum(n for (at, _), n in counted.items() if at == level) == len(rows)
        assert traces(out, result.output, len(rows)) == []


def test_a_crowd_of_one_account_is_not_published_however_often_it_writes(tmp_path):
    # Topic 0 belongs to one account, the other three to ten accounts each.
    rows = [row_of(i, 99 if i % 4 == 0 else i // 4 % 10) for i in range(80)]
    result = cluster(written(tmp_path / "mine.jsonl", rows), tmp_path / "run", "--k", "4")
    assert result.exit_code == 0, result.output
    published = json.loads((tmp_path / "run" / "published.json").read_text(encoding="utf-8"))
    inside = contents_of(tmp_path / "run", rows)
    lone = {c for c, members in inside.items() if {a for _, a in members} == {"acczq-99"}}
    assert lone  # the topic is a cluster of its own, or this test shows nothing
    assert not lone & {n["id"] for n in nodes_of(published["clusters"])}
    for file in ("published.json", "report.html"):
        assert "tomatoes" not in (tmp_path / "run" / file).read_text(encoding="utf-8")
    assert published["clusters"]  # the other topics are shown, and name nobody
    assert traces(tmp_path / "run", result.output, len(rows)) == []


BAD = [
    ({"id": "cidzq-bad", "account": "acczq-1", "plan": "metzq-plan-0"}, "messages"),
    ({**row_of(500, 1), "messages": [{"role": "nobody", "content": "x"}]}, "messages[0].role"),
    (row_of(0, 1), "id"),  # an id that was there before
]


def test_bad_rows_are_counted_and_listed_where_that_is_wished(tmp_path):
    rows = [row_of(i, i) for i in range(24)]
    file = written(tmp_path / "mine.jsonl", [*rows[:12], BAD[0][0], *rows[12:], BAD[1][0], BAD[2][0]])
    result = cluster(file, tmp_path / "run", "--skip-bad", "--k", "3", "--min-conversations", "2")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "3 rows could not be read" in said
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["dataset"]["conversations"] == 24
    assert len(manifest["dataset"]["skipped"]) == 3
    for (_, field), line, listed in zip(BAD, (13, 26, 27), manifest["dataset"]["skipped"], strict=True):
        assert f"line {line}: field {field!r}" in listed
        assert f"line {line}: field {field!r}" in said


@pytest.mark.parametrize(("bad", "field"), BAD)
def test_a_bad_row_stops_with_file_line_and_field(tmp_path, bad, field):
    file = written(tmp_path / "mine.jsonl", [row_of(i, i) for i in range(7)] + [bad])
    result = cluster(file, tmp_path / "run")
    assert result.exit_code == 2
    said = result.stderr.replace("\n", "")
    assert f"mine.jsonl, line 8: field {field!r}" in said
    assert "wanted" in said
    assert not (tmp_path / "run").exists()


def test_a_line_that_is_no_json_stops_with_its_number(tmp_path):
    file = tmp_path / "mine.jsonl"
    written(file, [row_of(0, 0)])
    file.write_text(file.read_text(encoding="utf-8") + "{torn\n", encoding="utf-8")
    result = cluster(str(file), tmp_path / "run")
    assert result.exit_code == 2
    assert "mine.jsonl, line 2" in result.stderr.replace("\n", "")


def test_a_sample_counts_what_was_drawn(tmp_path):
    rows = [row_of(i, i) for i in range(40)]
    out = tmp_path / "run"
    result = cluster(written(tmp_path / "mine.jsonl", rows), out, "--sample", "20", "--k", "3")
    assert result.exit_code == 0, result.output
    fates = pd.read_parquet(out / "tables" / "fates.parquet")
    assert set(fates.groupby("level")["conversations"].sum()) == {20}
    assert len(pd.read_parquet(out / "tables" / "conversations.parquet")) == 20
