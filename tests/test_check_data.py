"""`clio-evals check-data` from the command line."""

from __future__ import annotations

import functools
import json
import re

import pandas as pd
import pytest
from scripted import hashing_compute
from typer.testing import CliRunner

from clio_core import embedding
from clio_core.places import ROOT
from evals import cli

SHIPPED = ROOT / "synthetic" / "data" / "regular.jsonl"


def clio(*words):
    return CliRunner().invoke(cli.app, [str(word) for word in words])


@functools.cache
def _rows() -> tuple[str, ...]:
    """The shipped rows of two languages: 20 categories, two conversations each."""
    lines = [line for line in SHIPPED.read_text(encoding="utf-8").split("\n") if line]
    return tuple(line for line in lines if json.loads(line)["language"] in ("Afrikaans", "Turkish"))


def own_rows() -> list[dict]:
    return [json.loads(line) for line in _rows()]


def written(tmp_path, rows, name="own"):
    own = tmp_path / f"{name}.jsonl"
    own.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return own


def line_of(done, check):
    """The first finding of a check as it was printed."""
    return next(line for line in done.output.splitlines() if line.startswith(f"  {check}: "))


def test_a_users_file_without_faults_passes_and_says_what_was_not_run(tmp_path):
    done = clio("check-data", written(tmp_path, own_rows()))
    assert done.exit_code == 0, done.output
    assert "own, 80 conversations" in done.output
    assert "FAIL" not in done.output
    assert line_of(done, "blind labels") == "  blind labels: a model has to read these conversations: --model"
    assert line_of(done, "twins across languages").endswith("--model; or a finished run over them: --run")


def test_a_planted_duplicate_fails_and_is_named_with_its_twin(tmp_path):
    rows = own_rows()
    rows.append({**rows[0], "id": "the-copy"})
    done = clio("check-data", written(tmp_path, rows))
    assert done.exit_code == 100
    assert line_of(done, "duplicates").startswith(f"  duplicates: {rows[0]['id']} and the-copy")


def test_a_dutch_row_called_afrikaans_fails_and_is_named(tmp_path):
    rows = own_rows()
    one = next(row for row in rows if row["language"] == "Afrikaans" and row["length"] == "short")
    one["messages"] = [
        {"role": "user", "content": "Mijn fiets maakt een raar geluid zodra ik harder trap. Wat moet ik nakijken?"},
        {"role": "assistant", "content": "Kijk eerst of de ketting droog is en of de trappers nog goed vastzitten."},
    ]
    done = clio("check-data", written(tmp_path, rows))
    assert done.exit_code == 100
    assert line_of(done, "language") == f"  language: {one['id']}: called Afrikaans, reads like 'nl'"


def test_a_leaked_category_word_fails_and_is_named(tmp_path):
    rows = own_rows()
    one = rows[7]
    first = one["messages"][0]
    first["content"] = f"{one['category']}: {first['content']}"
    done = clio("check-data", written(tmp_path, rows))
    assert done.exit_code == 100
    said = line_of(done, "category words")
    assert said == f"  category words: {one['id']}: its first message holds the words of {one['category']!r}"


def test_an_unbalanced_cell_fails_and_is_named_with_its_rows(tmp_path):
    rows = own_rows()
    gone = rows.pop(5)
    left = next(r for r in rows if (r["category"], r["language"]) == (gone["category"], gone["language"]))
    done = clio("check-data", written(tmp_path, rows))
    assert done.exit_code == 100
    wanted = f"{gone['category']} in {gone['language']}: 1 conversations, 2 elsewhere ({left['id']})"
    assert line_of(done, "balance") == f"  balance: {wanted}"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A folder of checks over rows with a copy among them and four that begin alike, and what was printed."""
    home = tmp_path_factory.mktemp("faulty")
    rows = own_rows()
    for row in rows[:4]:
        row["messages"][0]["content"] = f"Xylotomy quince marzipan {row['messages'][0]['content']}"
    rows.append({**rows[0], "id": "the-copy"})
    own, out = written(home, rows), home / "out"
    done = clio("check-data", own, "--out", out)
    assert done.exit_code == 100
    return own, out, done.output


def test_a_folder_gets_tables_findings_figures_and_a_page_that_loads_nothing(faulty):
    _, out, _ = faulty
    checks = pd.read_csv(out / "tables" / "data_checks.csv").set_index("check")
    assert checks.loc["duplicates", "verdict"] == "FAIL"
    assert checks.loc["blind labels", "verdict"] == "not run"
    found = pd.read_csv(out / "tables" / "data_findings.csv")
    assert found.loc[found["check"] == "duplicates", "finding"].str.contains("the-copy").all()
    cells = pd.read_csv(out / "tables" / "data_cells.csv")
    assert (cells["conversations"].sum(), len(cells)) == (81, 40)
    assert {file.name for file in (out / "figures").iterdir()} >= {
        f"data_{name}.{ending}" for name in ("cells", "lengths") for ending in ("png", "svg")
    }
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "the-copy" in page
    assert "Failed: duplicates, repeated openings and balance." in page
    assert not re.findall(r"""(?:src|href)=["']https?:""", page)


def test_sensitive_rows_lend_no_words_to_the_page(faulty):
    own, out, printed = faulty
    files = [file for file in out.rglob("*") if file.suffix in (".html", ".csv")]
    everything = printed + "".join(file.read_text(encoding="utf-8") for file in files)
    assert "begin alike" in everything
    assert "xylotomy" not in everything.casefold()
    assert "'xylotomy quince marzipan'" in clio("check-data", own, "--no-sensitive").output


def test_the_report_of_a_checked_folder_can_be_drawn_again(faulty):
    _, out, _ = faulty
    (out / "report.html").unlink()
    done = clio("report", out)
    assert done.exit_code == 0, done.output
    assert "Failed: duplicates, repeated openings and balance." in done.output
    assert (out / "report.html").exists()


def test_several_sets_stand_in_folders_of_their_own_under_one_page(tmp_path):
    rows, out = own_rows(), tmp_path / "out"
    one, two = written(tmp_path, rows, "one"), written(tmp_path, rows, "two")
    done = clio("check-data", one, two, "--out", out)
    assert done.exit_code == 0, done.output
    assert (out / "one" / "tables" / "data_checks.csv").exists()
    metrics = pd.read_csv(out / "metrics.csv")
    assert set(metrics["dataset"]) == {"one", "two"}
    assert set(metrics["suite"]) == {"data"}
    assert 'id="two-data"' in (out / "report.html").read_text(encoding="utf-8")


def test_two_sets_of_one_name_cannot_share_a_folder(tmp_path):
    (tmp_path / "other").mkdir()
    files = written(tmp_path, own_rows()), written(tmp_path / "other", own_rows())
    done = clio("check-data", *files, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "need names of their own, got ['own', 'own']" in done.stderr


def test_the_folder_of_a_run_is_not_written_over(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text("{}", encoding="utf-8")
    done = clio("check-data", written(tmp_path, own_rows()), "--out", out)
    assert done.exit_code == 2
    assert "holds a run" in done.stderr


def test_a_run_belongs_to_one_data_set(tmp_path):
    files = [written(tmp_path, own_rows(), name) for name in ("one", "two")]
    done = clio("check-data", *files, "--run", tmp_path)
    assert done.exit_code == 2
    assert "--run belongs to one data set, got ['one', 'two']" in done.stderr


def answers_to(pending, answer):
    """Result lines for a pending file."""
    lines = []
    for line in filter(None, pending.read_text(encoding="utf-8").split("\n")):
        request = json.loads(line)
        text = answer(request["custom_id"], [m["content"] for m in request["params"]["messages"]])
        lines.append(json.dumps({"custom_id": request["custom_id"], "text": text}) + "\n")
    return lines


def test_a_recording_without_answers_writes_them_down_and_with_them_the_labels_are_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    rows, out, recording = own_rows(), tmp_path / "out", tmp_path / "recording"
    own = written(tmp_path, rows)
    recording.mkdir()
    model = ("--model", f"recorded/{recording}", "--out", out)
    done = clio("check-data", own, *model)
    assert done.exit_code == 3, done.output
    assert "160 of 160 calls are not in the recording" in done.stderr
    by_text = {row["messages"][0]["content"]: row for row in rows}
    # Two rows are read as something else: a stranger to the label in the one, a documented overlap of it in the other.
    strange = next(r for r in rows if r["category"] == "Travel planning")
    close = next(r for r in rows if r["category"] == "Health and fitness")
    read = {strange["id"]: "Gardening and houseplants", close["id"]: "Cooking and recipes"}

    def answer(call, turns):
        text = turns[0].split("<user>")[1].split("</user>")[0]
        row = by_text[text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")]
        if call.startswith("grade-relabel"):
            return f"It belongs to: <answer>{read.get(row['id'], row['category'])}</answer>"
        return f"<answer>The user asked for {row['subcategory']} {row['id']}.</answer>"

    results = tmp_path / "results.jsonl"
    results.write_text("".join(answers_to(out / "pending.jsonl", answer)), encoding="utf-8")
    brought = clio("answers", "import", results, "--into", recording, "--pending", out / "pending.jsonl")
    assert "160 new" in brought.output
    done = clio("check-data", own, *model)
    assert done.exit_code == 0, done.output + done.stderr
    checks = pd.read_csv(out / "tables" / "data_checks.csv").set_index("check")
    assert checks.loc["blind labels", "value"] == pytest.approx(79 / 80)
    assert set(checks["verdict"]) == {"pass"}
    table = pd.read_csv(out / "tables" / "data_relabelled.csv").set_index("conversation")
    assert table.loc[strange["id"], ["label_agreement", "lenient"]].tolist() == [0, 0]
    assert table.loc[close["id"], ["label_agreement", "lenient"]].tolist() == [0, 1]
    overall = pd.read_csv(out / "tables" / "data_agreement.csv").set_index("slice").loc["all"]
    assert (overall["strict"], overall["lenient"]) == pytest.approx((78 / 80, 79 / 80))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"Blind labels by recorded/{recording}." in page
    assert 'id="plot-data_confusion"' in page
    items = pd.read_parquet(out / "tables" / "items.parquet")
    assert items["score"].sum() == 78


@pytest.mark.slow
def test_the_shipped_sets_pass_their_checks(tmp_path):
    done = clio("check-data", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "regular, 600 conversations" in done.output
    assert "FAIL" not in done.output
    for name in ("regular", "concerning"):
        checks = pd.read_csv(tmp_path / "out" / name / "tables" / "data_checks.csv").set_index("check")
        # The recording holds the summaries and the vectors: no run is needed.
        assert checks.loc["twins across languages", "verdict"] == "pass"
        if name == "regular":
            assert checks.loc["blind labels", "verdict"] == "pass"
