from __future__ import annotations

import asyncio
import shutil

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clio_core.publishing import Fate, Judged
from clio_core.runfolder import RunFolder, RunFolderError
from evals import (
    corruption,
    differences,
    execute,
    integrity,
    multilingual,
    runs,
    seeds,
    supervised,
    unsupervised,
)
from evals.corrupted_run import write_corrupted_run
from evals.suite import metric

ROWS = pd.DataFrame(
    {
        "conversation": ["h1", "f1", "h2", "h3", "f2", "h4"],
        "language": ["Hindi", "French", "Hindi", "Hindi", "French", "Hindi"],
        "category": ["a", "a", "b", "c", "b", "a"],
        "predicted": ["a", "a", "b", "c", "b", ""],
        "base_cluster": ["1", "1", "2", "3", "2", ""],
    }
)


def followed(rows):
    return list(zip(rows["predicted"], rows["base_cluster"], strict=True))


def test_everybody_gets_what_the_one_before_had():
    assert corruption.passed_on(["a", "b", "c"]) == {"a": "c", "b": "a", "c": "b"}


def test_one_by_itself_keeps_its_own():
    assert corruption.passed_on(["a"]) == {}


def test_a_shuffled_language_exchanges_summaries_and_all_that_follows_from_them():
    changed = corruption.shuffle_language(ROWS, "Hindi", 0)
    french, hindi = (ROWS["language"] == name for name in ("French", "Hindi"))
    pd.testing.assert_frame_equal(changed[french], ROWS[french])
    assert sorted(followed(changed[hindi])) == sorted(followed(ROWS[hindi]))
    # All four had something of their own, and none has kept it.
    assert not any(one == other for one, other in zip(followed(changed[hindi]), followed(ROWS[hindi]), strict=True))
    assert changed["category"].tolist() == ROWS["category"].tolist()


def test_the_same_summaries_change_hands_in_every_table_whatever_its_order():
    given = corruption.exchange(ROWS, 3, language="Hindi")
    turned = ROWS.iloc[::-1].reset_index(drop=True)
    assert corruption.exchange(turned, 3, language="Hindi") == given
    one, other = (corruption.moved(rows, given).set_index("conversation").sort_index() for rows in (ROWS, turned))
    pd.testing.assert_frame_equal(one, other)


def test_no_dose_changes_nothing():
    for broken in (
        corruption.shuffle_language(ROWS, "Hindi", 0, 0.0),
        corruption.shuffle_summaries(ROWS, 0, 0.0),
        corruption.swap_names(ROWS, 0, 0.0),
        corruption.delete_clusters(ROWS, 0, 0.0),
    ):
        pd.testing.assert_frame_equal(broken, ROWS)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.floats(0, 1), st.integers(0, 5))
def test_a_larger_dose_touches_whom_a_smaller_one_did(count, dose, seed):
    few, all_of_them = (corruption.victims(list(range(count)), seed, share) for share in (dose, 1.0))
    assert all_of_them[: len(few)] == few
    assert sorted(all_of_them) == list(range(count))
    assert len(few) >= dose * count


def test_swapped_names_take_their_categories_along_and_leave_the_partition_alone():
    changed = corruption.swap_names(ROWS, 0)
    assert changed["base_cluster"].tolist() == ROWS["base_cluster"].tolist()
    led = changed[changed["base_cluster"] != ""].groupby("base_cluster")["predicted"].unique()
    assert sorted(name for (name,) in led) == ["a", "b", "c"]
    assert [led["1"][0], led["2"][0], led["3"][0]] in (["b", "c", "a"], ["c", "a", "b"])
    assert changed["predicted"].iloc[5] == ""  # it has no cluster whose name could be swapped


def test_deleted_clusters_leave_their_conversations_behind():
    changed = corruption.delete_clusters(ROWS, 0, 0.4)  # two of three, rounded up
    gone = {"1", "2", "3"} - set(changed["base_cluster"])
    assert len(gone) == 2
    lost = ROWS["base_cluster"].isin(gone)
    assert set(followed(changed[lost])) == {("", "")}
    pd.testing.assert_frame_equal(changed[~lost], ROWS[~lost])


def test_duplicated_ids_stand_twice():
    made = corruption.duplicate(["a", "b", "c", "d"], 0, 0.5)
    assert made[:4] == ["a", "b", "c", "d"]
    assert len(made) == 6
    assert len(set(made[4:])) == 2


def test_what_was_held_back_is_passed_off_as_published_and_nothing_else():
    judged = Judged({"b0": Fate.HELD_BACK, "b1": Fate.REMOVED, "b2": Fate.HELD_BACK, "b3": Fate.FAILED}, ())
    fates = corruption.publish_held_back(judged, 0, 1.0).fates
    assert fates == {"b0": Fate.PUBLISHED, "b1": Fate.REMOVED, "b2": Fate.PUBLISHED, "b3": Fate.FAILED}
    assert judged.fates["b0"] is Fate.HELD_BACK


def test_a_dose_is_a_share():
    with pytest.raises(ValueError, match="got 25"):
        corruption.shuffle_summaries(ROWS, 0, 25)


def test_a_language_that_nobody_speaks_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"no conversation in 'Latin'; there are \['French', 'Hindi'\]"):
        corruption.shuffle_language(ROWS, "Latin", 0)


@pytest.fixture(scope="module")
def source(reference, tmp_path_factory):
    """The default run with every suite that a corrupted run scores anew, and one that it does not."""
    context, folder = reference.finished.context, tmp_path_factory.mktemp("source") / "run"
    shutil.copytree(reference.folder, folder)
    names = {c.id: c.name or c.id for level in context.result.levels for c in level}
    led = supervised.rows_of(context.dataset, context.result.base.members, context.assigned)
    measured = {
        "supervised": reference.finished.measured["supervised"],
        "unsupervised": unsupervised.of_rows(unsupervised.rows_of(context), names),
        "multilingual": asyncio.run(multilingual.measure(context)),
        "seeds": seeds.score({(0, 0): led}, context.dataset.categories),
        "integrity": asyncio.run(integrity.measure(context)),
    }
    measured["unsupervised"].metrics.append(metric("partition_ami_over_seeds", 0.8))
    execute.write_measured(RunFolder(folder), "regular", measured)
    return folder


@pytest.fixture(scope="module")
def corrupted(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corrupted") / "run"
    return folder, write_corrupted_run(source, folder, "Hindi", 0)


def number(folder, suite, metric, where="all"):
    rows = runs.read_metrics(folder / "metrics.csv")
    rows = rows[(rows["suite"] == suite) & (rows["metric"] == metric) & (rows["slice"] == where)]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def test_a_corrupted_run_has_lost_its_hindi_and_no_other_language(source, corrupted):
    folder, _ = corrupted
    languages = RunFolder(source).tables / "supervised_languages.csv"
    for language in pd.read_csv(languages)["language"]:
        before, after = (number(run, "supervised", "accuracy", f"language={language}") for run in (source, folder))
        if language == "Hindi":
            assert after < before - 0.4
        else:
            assert after == before


def test_every_suite_that_rests_on_summaries_is_scored_anew_and_others_stay(source, corrupted):
    folder, _ = corrupted
    for suite, name in (
        ("supervised", "macro_f1"),
        ("unsupervised", "ami_base"),
        ("unsupervised", "b3_precision_top"),
        ("seeds", "accuracy_over_seeds"),
    ):
        assert number(folder, suite, name) < number(source, suite, name)
    assert number(folder, "multilingual", "ami_base", "language=Hindi") < number(
        source, "multilingual", "ami_base", "language=Hindi"
    )
    for suite, name in (
        ("unsupervised", "partition_ami_over_seeds"),
        ("multilingual", "language_accuracy"),
        ("integrity", "conservation_violations"),
    ):
        assert number(folder, suite, name) == number(source, suite, name)
    metrics = [runs.read_metrics(run / "metrics.csv") for run in (source, folder)]
    keys = [set(zip(m["suite"], m["metric"], m["slice"], strict=True)) for m in metrics]
    assert keys[0] == keys[1]
    assert len(metrics[0]) == len(metrics[1])


def test_items_and_metrics_of_a_corrupted_run_agree(source, corrupted):
    folder, _ = corrupted
    items = runs.load(folder)["regular"].items
    before = runs.load(source)["regular"].items
    mine = items[(items["suite"] == "supervised") & (items["metric"] == "accuracy")]
    assert mine["score"].mean() == pytest.approx(number(folder, "supervised", "accuracy"))
    assert len(items) == len(before)


def test_two_runs_that_differ_in_hindi_alone_are_told_apart_in_hindi_alone(source, corrupted):
    pairs = runs.shared(runs.load(source), runs.load(corrupted[0]))
    found = differences.table(*pairs[0])
    found = found[(found["suite"] == "supervised") & (found["slice"].str.startswith("language="))]
    moved = found[found["difference"] != 0]
    assert moved["slice"].tolist() == ["language=Hindi"]
    assert moved["lost"].iloc[0] > moved["gained"].iloc[0]


def test_facets_members_and_map_move_with_the_summaries(source, corrupted):
    folder, given = corrupted
    assert set(given) == set(given.values())
    old, new = (RunFolder(run) for run in (source, folder))
    for name in ("facets", "base_members", "map"):
        before, after = old.read_table(name), new.read_table(name)
        if name == "facets":
            others = before["facet"] != "request"
            pd.testing.assert_frame_equal(before[others], after[others])
            before, after = before[~others], after[~others]
        before, after = before.set_index("conversation"), after.set_index("conversation")
        for conversation, donor in given.items():
            assert after.loc[conversation].tolist() == before.loc[donor].tolist()
        rest = before.index.difference(list(given))
        pd.testing.assert_frame_equal(before.loc[rest], after.loc[rest])


def test_a_corrupted_run_says_what_it_is_and_takes_no_journal_along(corrupted):
    folder, _ = corrupted
    assert RunFolder.open(folder).read_manifest()["corrupted"] == {
        "what": "summaries shuffled",
        "language": "Hindi",
        "seed": 0,
        "dose": 1.0,
    }
    assert not (folder / "calls.jsonl").exists()
    assert not (folder / "report.html").exists()


def test_a_folder_that_exists_is_not_overwritten(source, corrupted):
    with pytest.raises(RunFolderError, match="exists"):
        write_corrupted_run(source, corrupted[0], "Hindi", 0)


def test_a_session_is_no_run_to_corrupt(tmp_path):
    RunFolder(tmp_path / "session").write_json("manifest.json", {"parts": ["regular"]})
    with pytest.raises(RunFolderError, match="no reconstruction of one data set"):
        write_corrupted_run(tmp_path / "session", tmp_path / "out", "Hindi", 0)
