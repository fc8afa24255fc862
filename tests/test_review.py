from __future__ import annotations

import json
import math
import re
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from clio_core import loaders
from clio_core.runfolder import RunFolder
from evals import prediction_powered, review_answers, review_items, review_scores, reviewing
from evals.cli import app
from evals.review_items import ReviewError
from evals.suite import ITEM_COLUMNS, METRIC_COLUMNS
from reports import page

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def clio(*words):
    return CliRunner().invoke(app, [str(w) for w in words], env={"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"})


def make_run(home: Path, *, sensitive: bool = False, hostile: str = "") -> Path:
    """A finished run over ten conversations in five base clusters under one parent, as the pipeline would leave it."""
    rows = [
        {
            "id": f"regular-english-{i}",
            "account": f"secret-account-{i}",
            "category": "secret-category",
            "language": "English",
            "messages": [
                {"role": "user", "content": f"Question {i}{hostile}"},
                {"role": "assistant", "content": "Yes."},
            ],
        }
        for i in range(10)
    ]
    data = home / "own.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ids = [row["id"] for row in rows]
    folder = RunFolder(home / "run")
    values = [{"conversation": c, "facet": "request", "value": f"Summary of {c[-1]}", "outcome": "ok"} for c in ids]
    folder.write_table("facets", values, ["conversation", "facet", "value", "outcome"])
    members = [{"conversation": c, "cluster": f"b000{i // 2}"} for i, c in enumerate(ids)]
    folder.write_table("base_members", members, ["conversation", "cluster"])
    base = [
        {"cluster": f"b000{i}", "level": 0, "parent": "h1-000", "name": f"Title {i}", "description": "Two sentences."}
        for i in range(5)
    ]
    top = {"cluster": "h1-000", "level": 1, "parent": None, "name": "Everything", "description": "All of it."}
    folder.write_table("clusters", [*base, top], ["cluster", "level", "parent", "name", "description"])
    folder.write_table("conversations", [{"conversation": c} for c in ids], ["conversation"])
    folder.write_table("items", [], ITEM_COLUMNS)
    pd.DataFrame(columns=METRIC_COLUMNS).to_csv(folder.path / "metrics.csv", index=False)
    pd.DataFrame(
        {
            "item": ids,
            "cluster": [m["cluster"] for m in members],
            # The grader objects to the last two, and one of its answers could not be read.
            "score": [1, 1, 1, 1, 1, 1, 1, "", 0, 0],
            "reason": ["secret-verdict"] * 10,
        }
    ).to_csv(folder.tables / "stages_summaries.csv", index=False)
    described = {
        "name": "own",
        "hash": loaders.load(str(data)).content_hash,
        "conversations": 10,
        "sensitive": sensitive,
        "fixed": True,
    }
    manifest = {"dataset": described, "config": {"cluster_facet": "request"}, "ended": "2026", "commit": None}
    folder.write_json("manifest.json", manifest)
    return folder.path


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path)


def sheet_of(file: Path):
    found = re.search(
        r'<script type="application/json" id="sheet">(.*?)</script>', file.read_text(encoding="utf-8"), re.S
    )
    assert found
    return json.loads(found[1])


def saved(home: Path, sheet, reviewer, answers, other=None):
    """What the page saves for these answers, in the order of the sheet: y, n, u, or - for none."""
    words = {"y": "yes", "n": "no", "u": "unsure"}
    given = {item["id"]: words[a] for item, a in zip(sheet["items"], answers, strict=True) if a != "-"}
    data = {"format": 1, "kind": sheet["kind"], "run": sheet["run"], "reviewer": reviewer, "saved": "2026-11-27"}
    file = home / f"{reviewer.strip() or 'nobody'}-{sheet['kind']}.json"
    file.write_text(json.dumps({**data, "answers": given, **(other or {})}), encoding="utf-8")
    return file


def make_sheet(run, kind="summaries", **more):
    out = run.parent / f"{kind}.html"
    options = [word for name, value in more.items() for word in (f"--{name.replace('_', '-')}", value)]
    done = clio("review", run, "--suite", kind, "--out", out, "--dataset", run.parent / "own.jsonl", *options)
    assert done.exit_code == 0, done.output
    return sheet_of(out)


@pytest.mark.parametrize("kind", review_items.KINDS)
def test_a_sheet_is_blind_and_loads_nothing(run, kind):
    sheet = make_sheet(run, kind)
    text = (run.parent / f"{kind}.html").read_text(encoding="utf-8")
    for hidden in ("secret", "regular-english", "b0000", "h1-000", "own.jsonl"):
        assert hidden not in text
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)\s*=\s*"(?!#)', text)
    assert {len(item["id"]) for item in sheet["items"]} == {16}
    counts = {"summaries": 10, "clusters": 5, "hierarchy": 6}  # five places and one broader title
    assert len(sheet["items"]) == counts[kind]


def test_a_sheet_shows_what_the_grader_saw(run):
    by_question = {item["question"]: item for item in make_sheet(run, "hierarchy")["items"]}
    place = by_question["Is the group in the right place?"]
    assert [block["heading"] for block in place["blocks"]] == [
        "The group",
        "Description",
        "It was put into",
        "Description",
        "Others in the same place",
        "Where it could have gone instead",
    ]
    assert len(place["blocks"][4]["list"]) == 4
    assert place["blocks"][5]["list"] == []
    (title, *_, members) = make_sheet(run, "clusters")["items"][0]["blocks"]
    assert title["text"].startswith("Title ")
    assert members["heading"] == "Members (2 of 2)"


def test_a_draw_is_seeded_and_an_item_keeps_its_id_in_every_draw(run):
    first, again, other = make_sheet(run, n=4), make_sheet(run, n=4), make_sheet(run, n=4, seed=1)
    assert [i["id"] for i in first["items"]] == [i["id"] for i in again["items"]]
    assert [i["id"] for i in first["items"]] != [i["id"] for i in other["items"]]
    whole = {item["id"]: item for item in make_sheet(run)["items"]}
    assert all(whole[item["id"]] == item for item in (*first["items"], *other["items"]))


def test_what_people_wrote_cannot_end_the_sheet_s_data(tmp_path):
    run = make_run(tmp_path, hostile="</script><script>alert(1)</script>")
    sheet = make_sheet(run)
    assert sheet["items"][0]["blocks"][0]["turns"][0]["text"].endswith("</script><script>alert(1)</script>")
    text = (tmp_path / "summaries.html").read_text(encoding="utf-8")
    assert text.count("<script") == 2  # the data and the page's own


def test_sensitive_data_is_refused_unless_allowed(tmp_path):
    run = make_run(tmp_path, sensitive=True)
    done = clio("review", run, "--suite", "clusters", "--out", tmp_path / "a.html")
    assert done.exit_code == 2
    assert "--allow-sensitive" in done.stderr
    assert not (tmp_path / "a.html").exists()
    assert clio("review", run, "--suite", "clusters", "--out", tmp_path / "a.html", "--allow-sensitive").exit_code == 0


def test_a_sheet_without_the_data_or_with_other_data_is_refused(run):
    done = clio("review", run, "--out", run.parent / "a.html")
    assert done.exit_code == 2
    assert "--dataset" in done.stderr
    text = (run.parent / "own.jsonl").read_text(encoding="utf-8").replace("Question 3", "Question 33")
    (run.parent / "other.jsonl").write_text(text, encoding="utf-8")
    done = clio("review", run, "--out", run.parent / "a.html", "--dataset", run.parent / "other.jsonl")
    assert done.exit_code == 2
    assert "is not what the run read" in done.stderr


A, B = "yyyyynnnuy", "yyyynnnyyy"
# Both sure of nine: 5 yes-yes, 1 yes-no, 1 no-yes, 2 no-no. Observed 7/9; each says yes to 6 of 9, so by chance
# 36/81 + 9/81 = 5/9; kappa (7/9 - 5/9) / (1 - 5/9) = 1/2.
KAPPA = 0.5


def test_two_people_agree_as_worked_out_by_hand(run):
    sheet = make_sheet(run)
    files = [saved(run.parent, sheet, name, given) for name, given in (("Ann", A), ("Bo", B))]
    made = reviewing.bring_in(run, files)
    pairs = made["review_agreement"].set_index(["one", "other"])
    assert pairs.loc[("Ann", "Bo"), "kappa"] == pytest.approx(KAPPA)
    assert pairs.loc[("Ann", "Bo"), "same"] == pytest.approx(7 / 9)
    assert pairs.loc[("Ann", "Bo"), "n"] == 9
    rates = made["review_rates"].set_index("who")
    assert rates.loc["Ann", ["n", "unsure"]].tolist() == [9, 1]
    assert rates.loc["Ann", "value"] == pytest.approx(6 / 9)
    # Items 1 to 4, 9 and 10 are yes for whoever was sure, 5 and 8 halves, 6 and 7 no: 7 of 10.
    assert rates.loc["people together", "value"] == pytest.approx(0.7)
    assert rates.loc["grader", ["n", "unsure"]].tolist() == [9, 1]


def test_what_was_brought_in_stands_in_the_report(run):
    sheet = make_sheet(run)
    files = [saved(run.parent, sheet, name, given) for name, given in (("Ann", A), ("Bo", B))]
    done = clio("review", run, "--import", *files)
    assert done.exit_code == 0, done.output
    assert "0.50" in done.output
    assert (run / "tables" / "review_rates.csv").exists()
    assert (run / "tables" / "review_agreement.csv").exists()
    text = page.write_report(run).read_text(encoding="utf-8")
    assert "What people said" in text
    assert "people together" in text


def judged(keys, said, who="Ann"):
    return pd.DataFrame({"key": keys, "cluster": keys, "who": who, "said": said, "measure": "summary_accuracy"})


def test_the_grader_is_corrected_by_what_people_said_of_the_same_things():
    graded = pd.DataFrame({"item": list("abcdefgh"), "cluster": list("abcdefgh"), "score": [1, 1, 0, 0, 1, 1, 0, 1]})
    # On a to d the grader says 1 1 0 0 and people 1 0 0 0: it is a quarter too kind. On the rest it says 3/4.
    line = review_scores.corrected("summary_accuracy", review_scores.people(judged(list("abcd"), [1, 0, 0, 0])), graded)
    assert line["value"] == pytest.approx(0.75 - 0.25)
    assert line["n"] == 4
    assert (line["low"], line["high"]) == (0, 1)  # four people's answers leave nearly everything open


def test_where_people_judged_all_there_is_nothing_to_correct():
    graded = pd.DataFrame({"item": list("abc"), "cluster": list("abc"), "score": [1, 1, 0]})
    line = review_scores.corrected("summary_accuracy", review_scores.people(judged(list("abc"), [1, 0, 0])), graded)
    assert line["value"] == pytest.approx(1 / 3)
    assert "nothing is left to correct" in line["note"]


def test_without_a_common_item_no_rate_is_made_up():
    graded = pd.DataFrame({"item": ["a"], "cluster": ["a"], "score": [math.nan]})
    line = review_scores.corrected("summary_accuracy", review_scores.people(judged(["a"], [1])), graded)
    assert line["value"] is None
    assert "no item" in line["note"]


def test_the_corrected_interval_is_that_of_the_mean_case():
    # 100 verdicts of mean 3/4 and 100 corrections of mean -1/4, each with variance 0.1875: standard error
    # sqrt((0.1875 + 0.1875) / 100 * 200/199) = 0.0613909, times t(199) 1.971957.
    alone, grader, people = [1, 1, 0, 1] * 25, [1, 1, 0, 0] * 25, [1, 0, 0, 0] * 25
    names = [f"{i}" for i in range(200)]
    value, low, high = prediction_powered.mean(alone, (grader, people), (names[:100], names[100:]))
    assert (value, low, high) == pytest.approx((0.5, 0.5 - 0.121060, 0.5 + 0.121060), abs=1e-5)


def test_the_same_row_twice_in_one_cluster_tells_nothing_new():
    alone, grader, people, names = [1, 0, 1, 1] * 6, [1, 0, 1, 0] * 6, [1, 0, 0, 0] * 6, [f"{i}" for i in range(48)]
    once = prediction_powered.mean(alone, (grader, people), (names[:24], names[24:]))
    twice = prediction_powered.mean(alone * 2, (grader * 2, people * 2), (names[:24] * 2, names[24:] * 2))
    assert twice == pytest.approx(once)


def test_answers_that_never_vary_have_no_kappa_and_say_why():
    graded = pd.DataFrame({"item": ["a", "b"], "cluster": ["a", "b"], "score": [1.0, 1.0]})
    (row,) = review_scores.agreement("summary_accuracy", judged(["a", "b"], [1.0, 1.0]), graded).to_dict("records")
    assert row["same"] == 1
    assert row["kappa"] is None
    assert "not defined" in row["note"]


def test_a_sheet_of_another_run_is_refused(run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    file = saved(tmp_path, make_sheet(make_run(other, hostile="!")), "Ann", A)
    done = clio("review", run, "--import", file)
    assert done.exit_code == 2
    assert "belongs to another run" in done.stderr


def test_answers_about_nothing_in_the_run_are_refused(run):
    sheet = make_sheet(run)
    file = saved(run.parent, sheet, "Ann", A, {"answers": {"0123456789abcdef": "yes"}})
    with pytest.raises(ReviewError, match=r"1 items that the run does not have: \['0123456789abcdef'\]"):
        reviewing.bring_in(run, [file])


def test_two_files_by_one_person_are_refused_and_of_two_kinds_are_not(run):
    sheet = make_sheet(run)
    files = [saved(run.parent, sheet, "Ann", A), saved(run.parent, sheet, " ann ", B)]
    with pytest.raises(ReviewError, match="are both by 'ann'"):
        reviewing.bring_in(run, files)
    titles = saved(run.parent, make_sheet(run, "clusters"), "Ann", "yynny")
    made = reviewing.bring_in(run, [files[0], titles])
    assert set(made["review_rates"]["measure"]) == {"summary_accuracy", "title_accuracy"}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"answers": {"x": "maybe"}}, r"one of \['yes', 'no', 'unsure'\], got \['maybe'\]"),
        ({"format": 2}, "wanted format 1"),
        ({"extra": 1}, "wanted format 1 with the fields"),
        ({"reviewer": "  "}, "must be a name"),
        ({"reviewer": "Grader"}, "must be a name, and none of"),
        ({"answers": []}, "each answer must be"),
    ],
)
def test_a_file_that_no_sheet_saved_is_refused(run, other, message):
    file = saved(run.parent, make_sheet(run), "Ann", A, other)
    with pytest.raises(ReviewError, match=message):
        review_answers.read(file)


def test_misused_options_are_told(run):
    (run.parent / "not.json").write_text("{", encoding="utf-8")
    for words, message in (
        (("--import",), "wants the files"),
        (("a.json",), "say --import"),
        (("--import", run.parent / "absent.json"), "is not there"),
        (("--import", run.parent / "not.json"), "is no file that a sheet saved"),
        (("--suite", "facets"), "--suite must be one of"),
        (("--suite", "clusters", "--n", "0"), "--n must be at least 1"),
    ):
        done = clio("review", run, *words)
        assert done.exit_code == 2, words
        assert message in done.stderr


@pytest.fixture
def browser(tmp_path):
    if not (CHROMIUM and DRIVER):
        pytest.skip("needs chromium and chromedriver on the path")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path / "downloads")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def typed(driver, keys):
    from selenium.webdriver.common.by import By

    for key in keys:
        driver.find_element(By.TAG_NAME, "body").send_keys(key)


@pytest.mark.slow  # starting a browser takes seconds
def test_a_sheet_is_filled_in_by_keyboard_saved_and_brought_in(run, browser, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    sheet = make_sheet(run)
    browser.get((tmp_path / "summaries.html").as_uri())
    typed(browser, "ynz" + A[1:4])  # the second answer is a slip, and undone
    typed(browser, [Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT])
    typed(browser, "s")  # nothing is saved before there is a name
    assert "Write your name" in browser.find_element(By.ID, "warning").text
    browser.find_element(By.ID, "reviewer").send_keys("Anny")  # y and n are letters here, not answers
    assert "Item 5 of 10, 4 answered" in browser.find_element(By.ID, "progress").text
    browser.refresh()
    assert browser.find_element(By.ID, "reviewer").get_attribute("value") == "Anny"
    assert "Item 5 of 10, 4 answered" in browser.find_element(By.ID, "progress").text
    typed(browser, A[4:] + "s")
    file = tmp_path / "downloads" / "review-summaries-Anny.json"
    for _ in range(100):
        if file.exists():
            break
        time.sleep(0.05)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    read = review_answers.read(file)
    words = {"y": 1.0, "n": 0.0, "u": None}
    assert read.given == {item["id"]: words[a] for item, a in zip(sheet["items"], A, strict=True)}
    done = clio("review", run, "--import", file, saved(tmp_path, sheet, "Bo", B))
    assert done.exit_code == 0, done.output
    pairs = pd.read_csv(run / "tables" / "review_agreement.csv").set_index(["one", "other"])
    assert pairs.loc[("Anny", "Bo"), "kappa"] == pytest.approx(KAPPA)
