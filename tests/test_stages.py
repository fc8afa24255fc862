from __future__ import annotations

import asyncio
import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import DEFAULTS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scripted import crowd, door, hashing_compute, obey, scripted, stage_of

from clio_core import embedding
from clio_core.door import UnrecordedError
from clio_core.embedding import Store
from clio_core.loaders import Loaded
from clio_core.pipeline import Tools
from clio_core.runfolder import RunFolder
from evals import execute, paper, rank_correlation, session, stages, stages_rows, stages_scores
from evals.gathering import gathered
from evals.stages_rows import COLUMNS, Rows
from evals.suites import chosen
from reports import blocks, page, sections
from synthetic.datasets import Dataset, DatasetError, Truth, open_dataset, shipped


def correlation(first, second):
    counts = np.zeros((1, 5, 5))
    for one, two in zip(first, second, strict=True):
        counts[0, one - 1, two - 1] += 1
    return float(rank_correlation.of_counts(counts)[0])


def test_ties_get_their_middle_rank():
    # Ranks 1.5 1.5 3 4 and 1 2.5 2.5 4: products of the deviations sum to 3.75, squares to 4.5 and 4.5.
    assert correlation([1, 1, 2, 3], [1, 2, 2, 3]) == pytest.approx(3.75 / 4.5)
    assert correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


def test_a_scale_that_does_not_vary_has_no_correlation():
    assert math.isnan(correlation([1, 1, 1], [1, 2, 3]))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=3, max_size=30))
def test_the_correlation_of_a_table_is_that_of_its_rows(pairs):
    first, second = zip(*pairs, strict=True)
    if len(set(first)) > 1 and len(set(second)) > 1:
        assert correlation(first, second) == pytest.approx(stats.spearmanr(first, second).statistic)


def test_the_interval_of_a_correlation_resamples_whole_clusters():
    scores = list(range(1, 6)) * 8
    clusters = [str(i // 5) for i in range(40)]
    found = rank_correlation.interval(scores, scores, clusters)
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
    alone = rank_correlation.interval(scores, scores, ["only"] * 40)
    assert alone.value == pytest.approx(1)
    assert math.isnan(alone.low)


def frame(rows, *more):
    columns = [*COLUMNS, *more]
    return pd.DataFrame([{**dict.fromkeys(columns, ""), **row} for row in rows], columns=columns)


def graded(*scores, cluster="b0"):
    return [
        {
            "item": f"{cluster}-{i}",
            "language": "x",
            "category": "c",
            "cluster": cluster,
            "score": score,
            "outcome": "ok",
        }
        for i, score in enumerate(scores)
    ]


def test_a_failed_grading_is_counted_and_is_in_no_share():
    found = stages_scores.share(frame([*graded(1.0, 1.0), *graded(0.0, None, cluster="b1")]))
    assert found.value == pytest.approx(2 / 3)
    assert (found.n, found.failed, found.clusters) == (3, 1, 2)
    assert found.low < 2 / 3 < found.high
    assert "inconclusive: 2 clusters, 100 wanted" in found.note


def test_where_nothing_was_graded_there_is_no_value():
    found = stages_scores.share(frame(graded(None, None)))
    assert (found.value, found.n, found.failed, found.note) == (None, 0, 2, "inconclusive: nothing was graded")


def test_the_share_of_strangers_is_what_is_left_and_its_interval_is_turned_round():
    belongs = stages_scores.share(frame([*graded(1.0, 1.0, 1.0, 0.0), *graded(1.0, 1.0, 1.0, 1.0, cluster="b1")]))
    found = stages_scores.complement(belongs)
    assert found.value == pytest.approx(1 / 8)
    assert found.low == pytest.approx(1 - belongs.high)
    assert found.high == pytest.approx(1 - belongs.low)


def labelled(pairs, sampled=1.0):
    rows = [
        {**row, "label": label, "facet": facet, "sampled": sampled, "score": None if facet is None else label == facet}
        for (label, facet), (row,) in zip(pairs, (graded(1.0, cluster=f"b{i}") for i in range(99)), strict=False)
    ]
    return frame(rows, "label", "facet", "sampled")


def test_concern_is_counted_by_label_and_score_and_failures_apart():
    counts = stages_scores.concern_counts(labelled([(1, 1.0), (1, 1.0), (1, 2.0), (4, 5.0), (4, None)]))
    assert counts["label"].tolist() == [1, 2, 3, 4, 5]
    assert counts.loc[0, ["rated_1", "rated_2", "failed"]].tolist() == [2, 1, 0]
    assert counts.loc[3, ["rated_5", "failed"]].tolist() == [1, 1]


def test_labels_that_are_all_the_same_give_no_correlation_and_say_so():
    found = stages_scores.correlation(labelled([(1, 1.0), (1, 2.0), (1, None)]))
    assert (found.value, found.n, found.failed) == (None, 2, 1)
    assert found.note.startswith("not defined")


@pytest.fixture
def small(monkeypatch):
    """A run of suite "stages" over 30 made conversations; `script` may answer before the obedient model does."""
    monkeypatch.setattr(embedding, "compute", hashing_compute)

    def go(folder, script=obey, *, name="made", truth_language="English", labels=None, suites=("stages",)):
        model = scripted(script=script, can_vary=False)
        people = tuple(crowd(30))
        truth = {c.id: Truth(("even", "odd")[i % 2], "", truth_language) for i, c in enumerate(people)}
        loaded = Loaded(people, (), "hash", "clio")
        data = Dataset(name, loaded, truth, ("even", "odd"), sensitive=False, concern=labels or {})
        config = replace(DEFAULTS, k=4, project=0)

        def tools(config, run_folder, **_):
            return Tools(config, door(model, run_folder.journal()), Store(), run_folder)

        monkeypatch.setattr(execute, "tools_for", tools)
        return execute.run(data, config, folder, suites=chosen(suites)), model

    return go


def components(finished):
    return finished.measured["stages"].tables["stages_components"].set_index("component")


def test_an_obedient_grader_finds_everything_accurate(small, tmp_path):
    finished, _ = small(tmp_path / "run")
    found = components(finished)
    assert found.loc["summary_accuracy", ["value", "n", "failed"]].tolist() == [1, 30, 0]
    assert found.loc["title_accuracy", ["value", "n"]].tolist() == [1, 4]
    assert found.loc["members_not_belonging", ["value", "n"]].tolist() == [0, 30]
    assert found.loc["language_accuracy", ["value", "n"]].tolist() == [1, 30]
    assert found.loc["assignment_accuracy", "value"] == 1
    assert found.loc["parent_title_accuracy", "value"] == 1
    # No labels and no screening question whose answer these data know: those stages are left out, not made up.
    assert not {"concern_spearman", "screener_accuracy"} & set(found.index)


def objecting(messages):
    """Objects to summaries of tomatoes, loses its form over poems, and finds the first member of a cluster strange."""
    turns = [(m.role, m.text) for m in messages]
    stage, text = stage_of(turns), "\n".join(body for _, body in turns)
    if stage == "grade_summary" and "help with tomatoes" in text:
        return "Wrong subject.</reason><answer>inaccurate</answer>"
    if stage == "grade_summary" and "help with poems" in text:
        return "I cannot decide."
    if stage == "grade_base_cluster":
        return "One is out.</reason><strangers>1</strangers><answer>inaccurate</answer>"
    return obey(messages)


def test_objections_count_failures_do_not_and_both_are_shown(small, tmp_path):
    finished, _ = small(tmp_path / "run", objecting)
    found = components(finished)
    # 30 conversations over five subjects: 6 of tomatoes wrong, 6 of poems without a verdict.
    assert found.loc["summary_accuracy", ["n", "failed"]].tolist() == [24, 6]
    assert found.loc["summary_accuracy", "value"] == pytest.approx(18 / 24)
    assert found.loc["members_not_belonging", "value"] == pytest.approx(4 / 30)
    assert found.loc["title_accuracy", "value"] == 0
    objections = finished.measured["stages"].tables["stages_objections"]
    assert objections["component"].value_counts().to_dict() == {"summary_accuracy": 6, "title_accuracy": 4}
    row = next(r for r in finished.measured["stages"].metrics if r["metric"] == "summary_accuracy")
    assert "6 failed" in row["note"]


def test_every_scored_conversation_is_an_item_and_the_mean_of_items_is_the_metric(small, tmp_path):
    finished, _ = small(tmp_path / "run", objecting)
    items = pd.DataFrame(finished.measured["stages"].items)
    for name, value in components(finished)["value"].items():
        if name in set(items["metric"]):
            assert items.loc[items["metric"] == name, "score"].mean() == pytest.approx(value), name
    assert set(items["metric"]) == {"summary_accuracy", "members_not_belonging", "language_accuracy"}


def test_a_facet_that_names_another_language_is_wrong(small, tmp_path):
    finished, _ = small(tmp_path / "run", truth_language="French")
    assert components(finished).loc["language_accuracy", ["value", "n"]].tolist() == [0, 30]
    rows = finished.measured["stages"].tables["stages_languages"]
    assert set(rows["reason"]) == {"said English"}


def test_no_truth_and_no_label_reaches_a_grader(small, tmp_path):
    labels = {f"conv-id-{i:03d}": 1 + i % 5 for i in range(30)}
    _, model = small(tmp_path / "run", labels=labels, truth_language="Quenya")
    asked = [m for m in model.api.history if m[0].metadata["clio"]["stage"].startswith("grade:")]
    assert len(asked) > 30
    for messages in asked:
        text = "\n".join(m.text for m in messages)
        for hidden in ("Quenya", "conv-id", "acct-id", "meta-secret", "odd", "even"):
            assert not re.search(rf"\b{hidden}\b", text)


def test_labels_of_a_user_s_own_rows_are_correlated(small, tmp_path):
    labels = {f"conv-id-{i:03d}": 1 + i % 5 for i in range(30)}
    finished, _ = small(tmp_path / "run", labels=labels)
    found = components(finished)
    assert found.loc["concern_agreement", "value"] == pytest.approx(6 / 30)  # the model says 1 to everything
    assert math.isnan(found.loc["concern_spearman", "value"])
    assert found.loc["concern_spearman", "note"].startswith("not defined")


def test_what_was_written_is_read_back_as_it_was(small, tmp_path):
    finished, _ = small(tmp_path / "run", objecting)
    measured = finished.measured["stages"].tables
    read = stages_rows.read(RunFolder(tmp_path / "run"))
    assert stages_scores.components(read, "made").equals(measured["stages_components"])
    assert read.titles["name"].tolist() == measured["stages_titles"]["name"].tolist()


def test_sets_are_put_together_with_their_clusters_kept_apart(small, tmp_path):
    small(tmp_path / "regular", name="regular", labels={f"conv-id-{i:03d}": 1 for i in range(30)})
    small(tmp_path / "concerning", objecting, name="concerning", labels={f"conv-id-{i:03d}": 4 for i in range(30)})
    folders = {name: RunFolder(tmp_path / name) for name in ("regular", "concerning")}
    whole = stages.combine(folders)
    found = whole.tables["stages_combined"].set_index(["set", "component"])
    assert found.loc[("combined", "summary_accuracy"), "value"] == pytest.approx((30 + 18) / 54)
    assert found.loc[("combined", "title_accuracy"), ["value", "clusters"]].tolist() == [0.5, 8]
    assert found.loc[("combined", "summary_accuracy"), "paper"] == 0.96
    assert found.loc[("concerning", "title_accuracy"), "paper"] == 0.96
    assert math.isnan(found.loc[("combined", "concern_spearman"), "value"])  # the model says 1 to everything
    wide = whole.tables["stages_table4"].set_index("component").loc["parent_title_accuracy"]
    assert wide[["combined_paper", "regular_paper", "concerning_paper"]].tolist() == [0.97, 0.95, 0.99]
    assert stages.combine({"regular": folders["regular"]}) is None


def test_only_conversations_whose_summaries_were_drawn_count_for_the_combined_correlation():
    drawn, rest = labelled([(1, 1.0), (4, 4.0)]), labelled([(1, 5.0)] * 5, sampled=0.0)
    empty = {name: frame([]) for name in Rows.__slots__ if name != "concern"}
    empty |= {"screened": frame([], "question", "truth", "answer")}
    rows = Rows(**empty, concern=pd.concat([drawn, rest]))
    found = stages.combined({"a": rows, "b": rows}).tables["stages_combined"].set_index(["set", "component"])
    assert found.loc[("combined", "concern_spearman"), ["value", "n"]].tolist() == pytest.approx([1, 4])
    assert found.loc[("a", "concern_agreement"), "value"] == pytest.approx(2 / 7)


def test_the_section_shows_ours_beside_the_paper_s_and_draws_its_pictures(small, tmp_path):
    labels = {f"conv-id-{i:03d}": 1 + i % 5 for i in range(30)}
    small(tmp_path / "run", objecting, name="regular", labels=labels)
    (section,) = [s for s in sections.read(tmp_path / "run") if s.suite == "stages"]
    assert [picture.name for picture in section.pictures] == ["stages_components", "stages_concern", "stages_languages"]
    tables = {block.caption: block for block in section.blocks if isinstance(block, blocks.Table)}
    shares = tables["Stage by stage"]
    written = {row["component"]: [c.written(row) for c in shares.columns] for row in shares.frame.to_dict("records")}
    assert written["Summaries accurate"][1].startswith("75.0% (")
    assert written["Summaries accurate"][2:5] == ["93.0%", "24", "6"]
    assert "What the grader objected to" in tables
    text = page.write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "Wrong subject." in text


def test_reasons_of_sensitive_data_stay_out_of_the_page(small, tmp_path):
    small(tmp_path / "run", objecting)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    manifest["dataset"]["sensitive"] = True
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert "Wrong subject." not in page.write_report(tmp_path / "run").read_text(encoding="utf-8")


def test_a_session_says_what_its_sets_come_to_together(small, tmp_path):
    for name in ("regular", "concerning"):
        small(tmp_path / name, objecting, name=name)
    datasets = [replace(open_dataset(name)) for name in ("regular", "concerning")]
    parts = session.parts_of(chosen(["stages"]), datasets, lambda d: DEFAULTS)
    combined = session.together(parts, tmp_path)
    began = pd.Timestamp.now(tz="UTC").to_pydatetime()
    session.close(tmp_path, [part.name for part in parts], began, combined)
    metrics = pd.read_csv(tmp_path / "metrics.csv")
    assert set(metrics["dataset"]) == {"regular", "concerning", "combined"}
    (section,) = sections.together(tmp_path)
    assert section.pictures[0].name == "stages_combined"


def test_the_labels_cover_the_concerning_set_and_the_everyday_one_is_all_ones():
    concerning = open_dataset("concerning")
    assert set(concerning.concern) == {c.id for c in concerning.conversations}
    assert set(concerning.concern.values()) == {1, 2, 3, 4, 5}
    assert set(open_dataset("regular").concern.values()) == {1}
    assert set(concerning.first(20).concern) == {c.id for c in concerning.first(20).conversations}


def test_a_label_off_the_scale_is_refused(tmp_path):
    row = {"id": "a", "account": "b", "category": "c", "language": "English", "concern": 7}
    row["messages"] = [{"role": "user", "content": "Hello"}]
    (tmp_path / "own.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="'concern' must be 1 to 5, got 7"):
        open_dataset(str(tmp_path / "own.jsonl"))
    (tmp_path / "own.jsonl").write_text(json.dumps({**row, "concern": 2}) + "\n", encoding="utf-8")
    assert open_dataset(str(tmp_path / "own.jsonl")).concern == {"a": 2}


def test_the_paper_s_figures_are_those_of_its_table_4():
    assert [paper.stage("summary_accuracy", name) for name in ("combined", "regular", "concerning")] == [
        0.96,
        0.93,
        0.98,
    ]
    assert paper.stage("concern_spearman", "combined") == 0.84
    assert paper.stage("concern_spearman", "regular") is None
    assert paper.stage("assignment_accuracy", "combined") is None
    assert "private" not in shipped() or paper.stage("summary_accuracy", "private") is None


def test_what_several_steps_lack_is_one_error_and_other_faults_go_first():
    async def lacking(stage, count):
        raise UnrecordedError(stage, count, 10, "pending.jsonl", "reference")

    async def fine():
        return 1

    async def broken():
        raise KeyError("bug")

    assert asyncio.run(gathered(fine(), fine())) == [1, 1]
    with pytest.raises(UnrecordedError, match=r"grade:base, grade:summary.*7 of 20 calls"):
        asyncio.run(gathered(lacking("grade:base", 3), fine(), lacking("grade:summary", 4)))
    with pytest.raises(KeyError):
        asyncio.run(gathered(lacking("grade:base", 3), broken()))
