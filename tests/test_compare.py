from __future__ import annotations

import json
import math
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from conftest import DEFAULTS
from scripted import crowd, hashing_compute, obey, scripted
from typer.testing import CliRunner

from clio_core import embedding
from clio_core.config import ROLES
from clio_core.loaders import Loaded
from clio_core.runfolder import RunFolder, RunFolderError
from evals import compare, compare_changes, compare_flips, compare_usage, compare_values, execute, runs, session
from evals.cli import app
from evals.costs import Prices
from evals.differences import COLUMNS
from evals.runs import NotComparableError, Part
from evals.suite import ITEM_COLUMNS, METRIC_COLUMNS, Measured, metric
from reports import comparison_figures
from synthetic.datasets import Dataset, Truth

# Dollars a million tokens.
PRICES = Prices("2026-01-31", {"big": {"input": 3.0, "output": 15.0}})
LANGUAGES = ("English", "Hindi", "Georgian")
COUNT = 30


def clio(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200", "NO_COLOR": "1"})


def part(*, path=Path("nowhere"), metrics=(), **manifest):
    """A part of a run with no more than is asked for."""
    frame = pd.DataFrame([{"suite": "supervised", "dataset": "made", **row} for row in metrics], columns=METRIC_COLUMNS)
    whole = {"dataset": {"name": "made", "sensitive": False}, "usage": [], **manifest}
    return Part("made", path, whole, frame, pd.DataFrame(columns=ITEM_COLUMNS), None, {})


# Clusters


def statuses(frame):
    return [(row["status"], row["base"], row["candidate"], row["shared"]) for row in frame.to_dict("records")]


def test_a_cluster_is_kept_where_half_of_all_members_are_shared():
    # p and x share 3 of 4 in all; q shares 1 with x (of 5) and 1 with y (of 3); y has 2, both less than half of all.
    base = {"a": "p", "b": "p", "c": "p", "d": "q", "e": "q"}
    candidate = {"a": "x", "b": "x", "c": "x", "d": "x", "e": "y", "f": "y"}
    found = compare_flips.matched(base, candidate)
    assert statuses(found) == [("kept", "p", "x", 3), ("vanished", "q", "y", 1), ("appeared", "q", "y", 1)]
    assert found["jaccard"].to_list() == pytest.approx([3 / 4, 1 / 3, 1 / 3])
    assert found[["base_size", "candidate_size"]].to_numpy().tolist() == [[3, 4], [2, 2], [2, 2]]


def test_a_cluster_cut_into_equal_halves_has_one_counterpart_not_two():
    base = dict.fromkeys("abcd", "p")
    candidate = {"a": "x", "b": "x", "c": "y", "d": "y"}
    assert statuses(compare_flips.matched(base, candidate)) == [("kept", "p", "x", 2), ("appeared", "p", "y", 2)]
    assert statuses(compare_flips.matched(candidate, base)) == [("kept", "x", "p", 2), ("vanished", "y", "p", 2)]


def test_the_names_of_clusters_do_not_matter_only_their_members():
    base, candidate = {"a": "1", "b": "1", "c": "2"}, {"a": "2", "b": "2", "c": "1"}
    assert statuses(compare_flips.matched(base, candidate)) == [("kept", "1", "2", 2), ("kept", "2", "1", 1)]


def test_a_cluster_whose_members_are_all_gone_has_no_nearest():
    (kept, gone) = compare_flips.matched({"a": "p", "b": "q"}, {"a": "x"}).to_dict("records")
    assert kept["status"] == "kept"
    assert (gone["status"], gone["base"], gone["candidate"], gone["jaccard"]) == ("vanished", "q", "", 0)


# Cost


def usage(stage, model="anthropic/big", **counts):
    return {"stage": stage, "model": model, "asked": 0, "input_tokens": 0, "output_tokens": 0, "seconds": 0.0, **counts}


def test_cost_is_set_side_by_side_for_every_stage_of_either_run():
    base = part(
        usage=[
            usage("name", calls=10, asked=10, input_tokens=1_000_000, output_tokens=100_000, seconds=20.0),
            usage("audit", calls=5, asked=5, input_tokens=200_000, output_tokens=0, seconds=5.0),
        ]
    )
    candidate = part(
        usage=[
            usage("name", calls=12, asked=2, input_tokens=900_000, output_tokens=100_000, seconds=12.0),
            usage("screen", "local/extractive", calls=3, asked=3),
        ]
    )
    table = compare_usage.table(base, candidate, PRICES).set_index("stage")
    assert list(table.index) == ["name", "audit", "screen", "all"]
    assert table["calls_more"].to_list() == [2, -5, 3, 0]
    assert table["dollars_base"].to_list() == pytest.approx([4.5, 0.6, 0, 5.1])  # 3 + 1.5; 0.2 x 3
    assert table["dollars_more"].to_list() == pytest.approx([-0.3, -0.6, 0, -0.9])
    assert table.loc["name", ["seconds_a_call_base", "seconds_a_call_candidate"]].to_list() == [2.0, 1.0]
    assert math.isnan(table.loc["audit", "seconds_a_call_candidate"])
    assert table.loc["all", "asked_candidate"] == 5


def test_a_model_without_a_price_makes_the_sum_unknown_and_not_smaller():
    base = part(usage=[usage("name", calls=1, input_tokens=1_000_000)])
    candidate = part(usage=[usage("name", "ollama/llama3", calls=1, input_tokens=1_000_000)])
    table = compare_usage.table(base, candidate, PRICES).set_index("stage")
    assert table.loc["all", "dollars_base"] == pytest.approx(3.0)
    assert math.isnan(table.loc["all", "dollars_candidate"])
    assert math.isnan(table.loc["all", "dollars_more"])


# Values without single scores


def with_seeds(folder, accuracies, metrics=()):
    (folder / "tables").mkdir(parents=True)
    rows = [
        {"seed": i, "repeat": 0, "accuracy": a, "macro_f1": 0.5, "weighted_f1": 0.5} for i, a in enumerate(accuracies)
    ]
    pd.DataFrame(rows).to_csv(folder / "tables" / "seeds.csv", index=False)
    made = part(path=folder, metrics=metrics)
    return Part(made.name, folder, made.manifest, made.metrics, made.items, pd.DataFrame(rows), {})


NOTHING_PAIRED = pd.DataFrame(columns=COLUMNS)


def test_what_is_no_mean_of_items_is_a_plain_difference_and_says_so():
    base = part(metrics=[metric("macro_f1", 0.7, n=10), metric("accuracy", 0.7), metric("random_baseline", 0.05)])
    candidate = part(metrics=[metric("macro_f1", 0.6, n=8), metric("accuracy", 0.6), metric("random_baseline", 0.05)])
    paired = pd.DataFrame([{"suite": "supervised", "metric": "accuracy", "slice": "all"}], columns=COLUMNS)
    (row,) = compare_values.table(base, candidate, paired).to_dict("records")
    assert (row["metric"], row["n"]) == ("macro_f1", 8)
    assert row["difference"] == pytest.approx(-0.1)
    assert math.isnan(row["low"])
    assert row["method"] == "difference of values, no interval: compare several seeds"


def test_with_seeds_in_both_runs_the_difference_is_welch_s_over_seeds(tmp_path):
    base = with_seeds(tmp_path / "a", [0.70, 0.72, 0.74], [metric("macro_f1", 0.7)])
    candidate = with_seeds(tmp_path / "b", [0.60, 0.64, 0.68], [metric("macro_f1", 0.6)])
    table = compare_values.table(base, candidate, NOTHING_PAIRED).set_index("metric")
    row = table.loc["accuracy_over_seeds"]
    # Variances 0.0004 and 0.0016 over three: error sqrt(0.002 / 3) = 0.0258199. Degrees of freedom
    # 2 x (0.002 / 3)^2 / ((0.0004 / 3)^2 + (0.0016 / 3)^2) = 2 x 4 / (0.16 + 2.56) = 2.941176; t(97.5%) is 3.219.
    assert row["difference"] == pytest.approx(-0.08)
    assert row["high"] - row["difference"] == pytest.approx(3.2190 * 0.0258199, abs=2e-4)
    assert row["method"] == "Welch over 3 and 3 seeds of the same facets"
    assert row["note"] == "inconclusive: 3 and 3 seeds, 5 wanted"
    assert table.loc["macro_f1", "method"] == "difference of values, no interval: see macro_f1_over_seeds"
    # Nothing varies, so nothing can be said.
    assert table.loc["macro_f1_over_seeds", "note"] == "no interval: every seed gave the same value"
    assert math.isnan(table.loc["macro_f1_over_seeds", "low"])


def test_seeds_in_one_run_alone_are_no_comparison(tmp_path):
    base = with_seeds(tmp_path / "a", [0.70, 0.72])
    assert compare_values.over_seeds(base, part()).empty


# What changed


def made_with(**changes):
    manifest = {
        "config": {"seed": 0, "k": None, "model": "x", "models": {}, "width": 50, "facets": ["request"]},
        "models": {"namer": {"name": "anthropic/big", "prefill": True}},
        "prompts": {},
        "versions": {"python": "3.11.7"},
        "commit": "abc",
        "unrecorded": 0,
    }
    return part(**{**manifest, **changes})


def test_every_change_is_a_row_and_what_is_the_same_is_none():
    base = made_with()
    config = {**base.manifest["config"], "seed": 1, "width": 9}
    candidate = made_with(
        config=config,
        models={"namer": {"name": "anthropic/small", "prefill": False}},
        versions={"python": "3.11.7", "numpy": "2.4"},
        unrecorded=7,
    )
    table = compare_changes.table(base, candidate)
    assert table[["kind", "name", "base", "candidate"]].to_numpy().tolist() == [
        ["setting", "seed", "0", "1"],
        ["setting", "width", "50", "9"],
        ["model", "namer", "anthropic/big with prefill", "anthropic/small"],
        ["answers", "by local/extractive", "0", "7"],
        ["version", "numpy", "(not there)", "2.4"],
    ]
    # The width of the pool changes no answer.
    assert compare_changes.together(table) == [
        "settings (seed)",
        "models (namer)",
        "answers by local/extractive",
        "packages (numpy)",
    ]
    assert compare_changes.table(base, base).empty


def prompted(**texts):
    made = made_with()
    return Part(made.name, made.path, made.manifest, made.metrics, made.items, None, texts)


def test_a_prompt_that_changed_has_versions_digest_and_diff():
    old, new = 'version = 1\ntext = "x"\n', 'version = 1\ntext = "y"\n'
    base = prompted(**{"parts/a.toml": old, "parts/only_here.toml": old})
    candidate = prompted(**{"parts/a.toml": new})
    (change,) = compare_changes.prompts(base, candidate)  # a file that one release ships alone is no change
    assert change.name == "parts/a.toml"
    assert change.same_version
    assert '-text = "x"\n+text = "y"\n' in change.diff
    (row,) = compare_changes.table(base, candidate).to_dict("records")
    assert (row["kind"], row["note"]) == ("prompt", "same version")


def test_a_run_that_kept_no_texts_is_held_against_by_its_digests():
    base = made_with(prompts={"audit": {"version": 1, "digest": "old"}, "screen": {"version": 1, "digest": "s"}})
    candidate = made_with(prompts={"audit": {"version": 2, "digest": "new"}, "screen": {"version": 1, "digest": "s"}})
    (change,) = compare_changes.prompts(base, candidate)
    assert (change.name, change.versions, change.digests) == ("audit.txt", (1, 2), ("old", "new"))


# Whole runs


def data(count=COUNT, sensitive=False, name="made"):
    people = tuple(crowd(count))
    truth = {c.id: Truth(("even", "odd")[i % 2], "", LANGUAGES[i % 3]) for i, c in enumerate(people)}
    return Dataset(name, Loaded(people, (), f"hash-{count}", "clio"), truth, ("even", "odd"), sensitive=sensitive)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Makes finished runs with a scripted model; the same settings give the same folder."""
    made = {}

    def go(seed=0, **settings):
        key = (seed, *sorted(settings.items()))
        if key not in made:
            made[key] = tmp_path_factory.mktemp("runs") / f"seed{seed}"
            model = scripted(script=obey)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(embedding, "compute", hashing_compute)
                patch.setattr(execute, "models_for", lambda config, pending: dict.fromkeys(ROLES, model))
                config = DEFAULTS.__class__(
                    k=6, seed=seed, project=0, min_conversations=2, min_accounts=1, name_held_back=True, quote=True
                )
                execute.run(data(**settings), config, made[key])
        return made[key]

    return go


def test_a_comparison_leaves_its_tables_the_diff_and_a_page(ran, tmp_path):
    out = tmp_path / "out"
    done = clio("compare", ran(0), ran(1), "--out", out)
    assert done.exit_code == 0, done.output
    assert f"Comparison: {out / 'report.html'}" in done.output
    assert {file.stem for file in (out / "tables").glob("*.csv")} == {
        "changes",
        "metrics",
        "languages",
        "flips",
        "clusters",
        "usage",
    }
    said = " ".join(done.output.split())
    assert "setting: seed 0 1" in said
    assert "supervised: accuracy" in said
    assert "diagnosis and no test" in said
    page = (out / "report.html").read_text(encoding="utf-8")
    for name in ("languages", "flips", "clusters"):
        assert page.count(f'id="plot-part0-{name}"') == 1
        assert (out / "figures" / f"part0-{name}.png").stat().st_size > 5000
    ids = [piece.split('"')[0] for piece in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    assert "help with" in page  # a summary: the data is declared not sensitive


def test_without_html_there_are_tables_and_no_pictures(ran, tmp_path):
    done = clio("compare", ran(0), ran(1), "--out", tmp_path / "out", "--no-html")
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["comparison.json", "prompts.diff", "tables"]


def test_the_default_folder_is_named_after_both_runs(ran, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = clio("compare", ran(0), ran(1), "--no-html")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "results" / "comparisons" / "seed0-vs-seed1" / "comparison.json").exists()


def test_numbers_of_a_comparison_are_those_of_the_two_runs(ran):
    found = compare.compare(ran(0), ran(1), PRICES)
    parts = [next(iter(runs.load(ran(seed)).values())) for seed in (0, 1)]
    metrics = found.tables["metrics"].set_index(["metric", "slice"])
    for name, where in (("accuracy", "all"), ("macro_f1", "all"), ("accuracy", "language=Hindi")):
        values = [p.metrics.set_index(["metric", "slice"]).loc[(name, where), "value"] for p in parts]
        assert metrics.loc[(name, where), "base"] == pytest.approx(values[0])
        assert metrics.loc[(name, where), "candidate"] == pytest.approx(values[1])
    flips = found.tables["flips"]
    row = metrics.loc[("accuracy", "all")]
    assert (flips["change"] == "gained").sum() == row["gained"]
    assert (flips["change"] == "lost").sum() == row["lost"]
    assert row["gained"] + row["lost"] > 0
    for flip in flips.to_dict("records"):
        right = flip["assigned_candidate"] if flip["change"] == "gained" else flip["assigned_base"]
        wrong = flip["assigned_base"] if flip["change"] == "gained" else flip["assigned_candidate"]
        assert right == flip["category"] != wrong
        assert flip["summary_base"] == flip["summary_candidate"] != ""
    clusters = found.tables["clusters"]
    assert clusters.loc[clusters["status"] != "appeared", "base_size"].sum() == COUNT
    assert clusters.loc[clusters["status"] != "vanished", "candidate_size"].sum() == COUNT


def test_a_run_against_itself_differs_in_nothing(ran):
    found = compare.compare(ran(0), ran(0), PRICES)
    assert (found.tables["metrics"]["difference"] == 0).all()
    assert found.tables["changes"].empty
    assert found.tables["flips"].empty
    assert (found.tables["clusters"]["status"] == "kept").all()
    assert found.about["parts"][0]["together"] == []


def test_a_run_against_itself_still_has_a_page(ran, tmp_path):
    done = clio("compare", ran(0), ran(0), "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "Nothing changed that could make a difference" in said
    assert "in both runs, and no score changed" in said
    assert "All 6 base clusters hold the very same conversations in both runs." in said


def test_different_data_is_refused_with_the_reason(ran, tmp_path):
    done = clio("compare", ran(0), ran(0, count=24), "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "hash-30 (30 conversations) against hash-24 (24 conversations)" in done.stderr
    assert not (tmp_path / "out").exists()
    with pytest.raises(NotComparableError, match="share no data set"):
        compare.compare(ran(0), ran(0, name="other"), PRICES)


def test_what_is_no_run_is_named(ran, tmp_path):
    with pytest.raises(RunFolderError, match=r"no manifest\.json"):
        compare.compare(ran(0), tmp_path, PRICES)


def test_nothing_of_a_sensitive_record_reaches_tables_or_page(ran, tmp_path):
    out = tmp_path / "out"
    done = clio("compare", ran(0, sensitive=True), ran(1, sensitive=True), "--out", out)
    assert done.exit_code == 0, done.output
    flips = pd.read_csv(out / "tables" / "flips.csv", keep_default_na=False)
    assert len(flips)
    assert set(flips["summary_base"]) == set(flips["summary_candidate"]) == {""}
    for file in (*out.glob("tables/*.csv"), out / "report.html", out / "comparison.json"):
        assert "in case" not in file.read_text(encoding="utf-8")  # every summary says "help with ... in case ..."
    assert "summaries are left out" in (out / "report.html").read_text(encoding="utf-8")


def test_one_run_s_word_that_the_data_is_sensitive_is_enough(ran):
    found = compare.compare(ran(0), ran(1, sensitive=True), PRICES)
    assert found.about["parts"][0]["sensitive"]
    assert set(found.tables["flips"]["summary_base"]) == {""}


def changed_copy(folder, to, **manifest):
    """A copy of a run whose manifest says otherwise in some places."""
    shutil.copytree(folder, to)
    held = json.loads((to / "manifest.json").read_text(encoding="utf-8"))
    (to / "manifest.json").write_text(json.dumps({**held, **manifest}), encoding="utf-8")
    return to


def test_names_of_sensitive_data_are_those_of_published_clusters_and_never_quotations(ran, tmp_path):
    folder = ran(0, sensitive=True)
    (part_,) = runs.load(folder).values()
    table = RunFolder(folder).read_table("clusters")
    published = set(table.loc[(table["level"] == 0) & (table["fate"] == "published"), "cluster"])
    everything = set(table.loc[table["level"] == 0, "cluster"])
    assert set(compare_flips.names(part_, closed=True)) == published
    assert set(compare_flips.names(part_, closed=False)) == everything
    models = {**part_.manifest["models"], "namer": {"name": "local/extractive"}}
    (quoting,) = runs.load(changed_copy(folder, tmp_path / "quoting", models=models)).values()
    assert compare_flips.names(quoting, closed=True) == {}


def test_a_language_that_fell_alone_is_named_on_terminal_and_page_and_marked_in_the_picture(ran, tmp_path):
    for name, hindi in (("before", 1.0), ("after", 0.0)):
        shutil.copytree(ran(0), tmp_path / name)
        file = tmp_path / name / "tables" / "items.parquet"
        items = pd.read_parquet(file)
        items.loc[items["language"] == "Hindi", "score"] = hindi
        items.to_parquet(file)
    done = clio("compare", tmp_path / "before", tmp_path / "after", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    told = "Set apart from the other languages (Holm, 5%): Hindi in accuracy (-100.0 pp; the others differ by +0.0 pp)."
    assert told in " ".join(done.output.split())
    assert told in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    table = pd.read_csv(tmp_path / "out" / "tables" / "languages.csv")
    assert table.loc[table["p_holm"] < 0.05, "language"].to_list() == ["Hindi"]
    drawn = comparison_figures.languages(table, -1 / 3, "accuracy", share=True)
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()][-1] == "set apart from the others (Holm, 5%)"


def test_answers_that_stood_in_are_told_before_any_number(ran, tmp_path):
    mixed = changed_copy(ran(1), tmp_path / "mixed", unrecorded=12)
    done = clio("compare", ran(0), mixed, "--out", tmp_path / "out")
    said = " ".join(done.output.split())
    assert "answered by local/extractive: made, candidate run 12." in said
    assert said.index("candidate run 12.") < said.index("Accuracy was")
    assert "The difference is that of all of these together." in said


def test_sessions_are_compared_part_by_part_and_a_part_alone_is_named(ran, tmp_path):
    for number, names in enumerate((("made", "other"), ("made",))):
        folder = tmp_path / f"session{number}"
        for name in names:
            shutil.copytree(ran(number, name=name) if name != "made" else ran(number), folder / name)
        session.close(folder, list(names), datetime(2026, 1, 1, tzinfo=UTC), {})
    done = clio("compare", tmp_path / "session0", tmp_path / "session1", "--out", tmp_path / "out", "--no-html")
    assert done.exit_code == 0, done.output
    assert "Only the base run has other; left out here." in done.output
    about = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert [p["dataset"] for p in about["parts"]] == ["made"]


def test_what_a_session_says_of_all_its_data_sets_together_is_compared_too(ran, tmp_path):
    for number, value in enumerate((0.8, 0.7)):
        for name in ("made", "other"):
            shutil.copytree(ran(number) if name == "made" else ran(number, name=name), tmp_path / f"s{number}" / name)
        combined = {"stages": Measured({}, [metric("summary_accuracy", value, n=200)])}
        session.close(tmp_path / f"s{number}", ["made", "other"], datetime(2026, 1, 1, tzinfo=UTC), combined)
    done = clio("compare", tmp_path / "s0", tmp_path / "s1", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    metrics = pd.read_csv(tmp_path / "out" / "tables" / "metrics.csv").set_index("dataset")
    assert metrics.loc["combined", "difference"] == pytest.approx(-0.1)
    assert '<td data-value="-0.1' in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_two_parts_stand_on_one_page_under_ids_of_their_own(ran, tmp_path):
    for number in (0, 1):
        for name in ("made", "other"):
            shutil.copytree(ran(number) if name == "made" else ran(number, name=name), tmp_path / f"s{number}" / name)
        session.close(tmp_path / f"s{number}", ["made", "other"], datetime(2026, 1, 1, tzinfo=UTC), {})
    done = clio("compare", tmp_path / "s0", tmp_path / "s1", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count('id="plot-part0-languages"') == page.count('id="plot-part1-languages"') == 1
    ids = [piece.split('"')[0] for piece in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    changes = pd.read_csv(tmp_path / "out" / "tables" / "changes.csv")
    assert changes["dataset"].to_list() == ["made, other"]  # the same change in both is told once
