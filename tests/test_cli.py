from __future__ import annotations

import csv
import itertools
import json
import re
import resource
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import typer
from scripted import crowd, hashing_compute, obey, scripted
from typer.testing import CliRunner

from clio_core import embedding, prompting
from clio_core.config import ROLES
from clio_core.loaders import dump_jsonl
from clio_core.places import PROMPTS, RECORDINGS, ROOT
from evals import execute, showing, terminal
from evals.cli import app

# Wide, so that no table or message is broken over lines.
WIDE = {"COLUMNS": "240", "NO_COLOR": "1", "TERM": "dumb"}


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Tables as wide as they want: what a console measured when it was first imported differs between test runners."""
    monkeypatch.setattr(terminal.out, "width", 240)


def clio(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env=WIDE)


def commands():
    """Every command that does something, as the words that call it, with its parameters."""
    top = typer.main.get_command(app)
    for name, command in top.commands.items():
        if hasattr(command, "commands"):
            yield from (((name, inner), c) for inner, c in command.commands.items())
        else:
            yield (name,), command


def test_there_are_the_commands_that_the_documentation_speaks_of():
    assert {words for words, _ in commands()} >= {
        ("run",),
        ("suites",),
        ("cluster",),
        ("report",),
        ("models",),
        ("bench",),
        ("answers", "status"),
        ("answers", "import"),
        ("answers", "vectors"),
        ("prompts", "lock"),
        ("prompts", "diff"),
        ("compare",),
    }


@pytest.mark.parametrize(
    ("words", "command"), [pytest.param(words, command, id=" ".join(words)) for words, command in commands()]
)
def test_help_explains_the_command_and_each_of_its_options(words, command):
    result = clio(*words, "--help")
    assert result.exit_code == 0
    said = " ".join(result.output.split())
    assert len(command.help.split()) >= 5
    assert command.help.split(".")[0].split("`")[0].split("\n")[0][:40].strip() in said
    for parameter in command.params:
        if parameter.name == "help":
            continue
        shown = parameter.opts[0] if parameter.opts[0].startswith("--") else parameter.name
        assert shown in said
        assert parameter.help, f"{shown} says nothing of itself"
        assert parameter.help.split("`")[0][:20].strip() in said


@pytest.mark.parametrize("words", [(), ("answers",), ("prompts",)])
def test_without_a_command_the_commands_are_listed(words):
    said = clio(*words).output
    assert "Usage" in said
    assert "Commands" in said


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("run", "--dataset", "irregular"), "'irregular': neither one of"),
        (("run", "--n", "0"), "at least one conversation, got n=0"),
        (("run", "--k", "0"), "k must be at least 1, got 0"),
        (("run", "--role", "boss=local/extractive"), "'namer'"),
        (("run", "--role", "namer"), "ROLE=MODEL"),
        (("run", "--model", "recorded/nothing"), "one of ['reference']"),
        (("run", "--model", "nobody/model"), "'nobody/model' cannot be used"),
        (("run", "--model", "local/large"), "one model, 'extractive'"),
        (("cluster", "regular.jsonl", "--strategy", "newest"), "'conversations' or 'completions', got 'newest'"),
        (("cluster", "./nothing.jsonl"), "wanted a file or folder"),
        (("models", "--dataset", "irregular"), "'irregular'"),
        (("models", "--role", "boss=x/y"), "roles are"),
        (("report", "no-run"), "no manifest.json"),
        (("compare", "no-run", "no-run"), "no manifest.json"),
        (("run", "--prompts", "nowhere"), "no folder of prompt files 'nowhere'"),
        (("run", "--base", "nowhere"), "nothing was answered in it"),
    ],
)
def test_what_does_not_exist_ends_with_code_2_and_says_what_was_wanted(words, wanted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = clio(*words)
    assert result.exit_code == 2, result.output
    assert wanted in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_an_unknown_option_is_a_matter_of_usage():
    assert clio("run", "--datset", "regular").exit_code == 2


def test_a_missing_key_is_named_and_is_no_crash(tmp_path, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    result = clio("run", "--model", "anthropic/claude-sonnet-4-5", "--n", "5", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "ANTHROPIC_API_KEY" in result.stderr
    assert "[bold]" not in result.stderr


REMOVED = {"facet:request": 4, "facet:language": 2, "facet:concerning": 1}


@pytest.fixture
def gaps(tmp_path):
    """A copy of the reference recording that lacks seven answers, and the answers by their key."""
    # The recording also serves other data sets: what the default run needs is what it asks an empty recording for.
    (tmp_path / "empty").mkdir()
    clio("run", "--dataset", "regular", "--model", f"recorded/{tmp_path / 'empty'}", "--out", tmp_path / "asking")
    asked = (tmp_path / "asking" / "pending.jsonl").read_text(encoding="utf-8").split("\n")
    needed = {json.loads(line)["custom_id"][-32:] for line in asked if line}
    recording = shutil.copytree(RECORDINGS / "reference", tmp_path / "recording")
    left, taken, wanted = [], {}, dict(REMOVED)
    for line in (recording / "answers.jsonl").read_text(encoding="utf-8").split("\n"):
        row = json.loads(line) if line else {"stage": ""}
        stage = re.sub("^facet-", "facet:", row["stage"])
        if wanted.get(stage) and row["key"] in needed:
            wanted[stage] -= 1
            taken[row["key"]] = row["text"]
        elif line:
            left.append(line + "\n")
    assert len(taken) == 7
    (recording / "answers.jsonl").write_text("".join(left), encoding="utf-8")
    return recording, taken


def answered(request, text, *, batch):
    """An answer as the Message Batches API gives it, or as the plain form has it."""
    if not batch:
        return {"custom_id": request["custom_id"], "text": text}
    message = {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
    return {"custom_id": request["custom_id"], "result": {"type": "succeeded", "message": message}}


@pytest.mark.slow
def test_missing_answers_are_asked_for_brought_in_and_the_run_goes_on(gaps, tmp_path, reference):
    recording, taken = gaps
    out = tmp_path / "run"
    run = ("run", "--dataset", "regular", "--model", f"recorded/{recording}", "--out", out)
    first = clio(*run)
    assert first.exit_code == 3, first.output
    assert "7 of 1800 calls are not in the recording" in first.stderr
    assert "clio-evals answers import" in first.stderr
    assert str(out / "pending.jsonl") in first.stderr

    status = clio("answers", "status", out)
    assert status.exit_code == 0
    counted = {m[1].replace("-", ":"): int(m[2]) for m in re.finditer(r"(facet\S+)\s*\W\s*(\d+)", status.output)}
    assert counted == REMOVED

    requests = [json.loads(line) for line in (out / "pending.jsonl").read_text(encoding="utf-8").split("\n") if line]
    assert {r["custom_id"][-32:] for r in requests} == set(taken)
    assert all(r["params"]["messages"][0]["role"] == "user" for r in requests)
    rows = [answered(r, taken[r["custom_id"][-32:]], batch=i % 2 == 0) for i, r in enumerate(requests)]
    results = tmp_path / "results.jsonl"

    def bring(some):
        results.write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
        return clio("answers", "import", results, "--into", recording, "--pending", out / "pending.jsonl")

    assert "5 new, 0 replaced, 0 the same; 2 still wait." in bring(rows[:5]).output
    assert clio(*run).exit_code == 3  # two still wait
    assert "2 new" in bring(rows[5:]).output
    assert "Nothing waits" in clio("answers", "status", out / "pending.jsonl").output

    last = clio(*run)
    assert last.exit_code == 0, last.output
    ours, theirs = out / "tables" / "supervised_rows.csv", reference.folder / "tables" / "supervised_rows.csv"
    assert ours.read_bytes() == theirs.read_bytes()
    usage = {s["stage"]: s for s in json.loads((out / "manifest.json").read_text(encoding="utf-8"))["usage"]}
    # The journal held what was answered before; only what had been missing since the last try was asked.
    assert (usage["facet:request"]["calls"], usage["facet:request"]["error"]) == (600, 0)
    assert sum(usage[stage]["asked"] for stage in REMOVED) == 2


def test_an_answer_that_nobody_asked_for_is_refused(gaps, tmp_path):
    recording, _ = gaps
    (tmp_path / "pending.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "results.jsonl").write_text(
        json.dumps({"custom_id": "name-" + "0" * 32, "text": "x"}) + "\n", encoding="utf-8"
    )
    before = (recording / "answers.jsonl").read_bytes()
    words = ("--into", recording, "--pending", tmp_path / "pending.jsonl")
    result = clio("answers", "import", tmp_path / "results.jsonl", *words)
    assert result.exit_code == 2
    assert "answers no request" in result.stderr
    assert (recording / "answers.jsonl").read_bytes() == before


def test_a_stopped_run_says_so_and_goes_on_without_asking_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    dump_jsonl(crowd(30), tmp_path / "mine.jsonl")
    out = tmp_path / "run"

    numbers = itertools.count(1)

    def stopping(messages):
        if next(numbers) > 40:
            raise KeyboardInterrupt
        return obey(messages)

    def go(script):
        model = scripted(script=script)
        monkeypatch.setattr(execute, "models_for", lambda config, pending: dict.fromkeys(ROLES, model))
        words = ("--model", "scripted/test", "--min-conversations", "2", "--min-accounts", "1", "--width", "4")
        return clio("cluster", tmp_path / "mine.jsonl", "--out", out, *words), len(model.api.history)

    stopped, _ = go(stopping)
    assert stopped.exit_code == 130
    assert "the same command goes on from here" in " ".join(stopped.stderr.split())
    kept = len((out / "calls.jsonl").read_text(encoding="utf-8").splitlines())
    assert 30 <= kept <= 40
    done, asked = go(obey)
    assert done.exit_code == 0, done.output
    usage = pd.read_parquet(out / "tables" / "usage.parquet")
    assert usage["reused"].sum() == kept
    assert usage["asked"].sum() == asked == usage["calls"].sum() - kept


def test_models_prints_a_total_and_marks_models_without_a_price():
    result = clio("models", "--model", "anthropic/claude-sonnet-4-5", "--role", "namer=ollama/llama3")
    assert result.exit_code == 0, result.output
    rows = [[cell.strip() for cell in re.split("[│|┃]", line)[1:-1]] for line in result.output.splitlines()]
    rows = [row for row in rows if len(row) == 7]
    total = next(row for row in rows if row[0] == "all")
    stages = [row for row in rows if row[3].replace(",", "").isdigit() and row is not total]
    assert {row[0] for row in stages if row[6] == "no price"} == {"name", "rename:1"}
    assert {row[2] for row in stages if row[6] == "no price"} == {"ollama/llama3"}
    for column in (3, 4, 5):
        numbers = [int(row[column].replace(",", "")) for row in stages]
        assert int(total[column].replace(",", "")) == sum(numbers)
    known = [float(row[6]) for row in stages if row[6] != "no price"]
    assert total[6].endswith(" and more")  # the price of some is not known, so the sum is not all
    assert float(total[6].split()[0]) == pytest.approx(sum(known), abs=0.005 * (len(known) + 1))


def test_models_says_that_a_recording_costs_nothing():
    result = clio("models", "--n", "15")
    assert result.exit_code == 0
    assert "and more" not in result.output
    assert re.search(r"all\b.* 0\.00\b", result.output)


def test_report_writes_the_page_of_a_finished_run_again(reference, tmp_path):
    folder = shutil.copytree(reference.folder, tmp_path / "run")
    result = clio("report", folder)
    assert result.exit_code == 0, result.output
    assert (folder / "report.html").stat().st_size > 10_000
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as lines:
        accuracy = next(row for row in csv.DictReader(lines) if row["metric"] == "accuracy")
    assert f"{float(accuracy['value']):.1%}" in result.output


@pytest.fixture
def prompts(tmp_path, monkeypatch):
    """A copy of the prompts, so that no test writes into the shipped ones."""
    copy = shutil.copytree(PROMPTS, tmp_path / "prompts")
    monkeypatch.setattr(showing, "PROMPTS", copy)
    monkeypatch.setattr(showing, "ROOT", tmp_path)
    monkeypatch.setattr(prompting, "PROMPTS", copy)
    return copy


def test_the_shipped_prompts_are_the_locked_ones(prompts):
    result = clio("prompts", "lock")
    assert result.exit_code == 0, result.output
    assert "nothing changed" in result.output
    assert (prompts / "lock.json").read_bytes() == (PROMPTS / "lock.json").read_bytes()


@pytest.mark.parametrize(("name", "old"), [("audit.txt", "\n=== user\n"), ("facets/request.toml", 'question = "')])
def test_a_prompt_that_changed_under_the_same_version_is_refused(prompts, name, old):
    assert clio("prompts", "lock").exit_code == 0
    before = (prompts / "lock.json").read_bytes()
    text = (prompts / name).read_text(encoding="utf-8")
    (prompts / name).write_text(text.replace(old, old + "Think. ", 1), encoding="utf-8")
    result = clio("prompts", "lock")
    assert result.exit_code == 2
    assert f"['{name}'] changed under the same version" in result.stderr
    assert (prompts / "lock.json").read_bytes() == before

    text = (prompts / name).read_text(encoding="utf-8")
    (prompts / name).write_text(text.replace("version = 1", "version = 2", 1), encoding="utf-8")
    result = clio("prompts", "lock")
    assert result.exit_code == 0
    assert f"changed ['{name}']" in result.output
    assert json.loads((prompts / "lock.json").read_text(encoding="utf-8"))[name]["version"] == 2


def test_a_prompt_that_is_gone_is_a_change(prompts):
    assert clio("prompts", "lock").exit_code == 0
    (prompts / "facets" / "concerning.toml").unlink()
    assert "changed ['facets/concerning.toml']" in clio("prompts", "lock").output
    assert "nothing changed" in clio("prompts", "lock").output


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from evals.cli import main\n"
        "sys.argv = ['clio-evals', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('loaded:', sorted({'torch', 'inspect_ai', 'sklearn', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Commands" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_help_is_there_within_a_second():
    def seconds():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        words = [sys.executable, "-c", "from evals.cli import main; main()", "--help"]
        subprocess.run(words, capture_output=True, cwd=ROOT, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Seconds of work, the best of three, so that a busy machine does not fail the test.
    assert min(seconds() for _ in range(3)) < 1
