from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import door, hashing_compute, obey, scripted

from clio_core import embedding
from clio_core.embedding import Store
from evals import oracle, oracle_placing, oracle_scores, oracle_texts, spending
from reports.sections import Run
from reports.sections.oracle import section
from synthetic.datasets import Truth

# Eight conversations in three clusters: 1 = a1 a2 b1, 2 = b2 b3 a3, 3 = a4 b4.
TRUTH = {
    "a1": Truth("Fruit", "Pears", "French"),
    "a2": Truth("Fruit", "Apples", "Hindi"),
    "a3": Truth("Fruit", "Apples", "French"),
    "a4": Truth("Fruit", "Pears", "Hindi"),
    "b1": Truth("Tools", "Saws", "French"),
    "b2": Truth("Tools", "Saws", "Hindi"),
    "b3": Truth("Tools", "Hammers", "French"),
    "b4": Truth("Tools", "DIY kits", "Hindi"),
}
CATEGORIES = ("Tools", "Fruit")
MEMBERS = {"a1": "1", "a2": "1", "b1": "1", "a3": "2", "b2": "2", "b3": "2", "a4": "3", "b4": "3"}


def rows(clusters, assigned):
    """Reconstruction rows of the eight conversations."""
    return pd.DataFrame(
        [
            {
                "conversation": i,
                "language": known.language,
                "category": known.category,
                "subcategory": known.subcategory,
                "predicted": assigned.get(clusters[i], ""),
                "base_cluster": clusters[i],
            }
            for i, known in TRUTH.items()
        ]
    )


def worked_systems():
    """Right: 3 as it is (a1 a2 in 1, a3 in 2), 4 under true names, 5 by majority, then 6 and 7 of 8."""
    knows = dict.fromkeys(["a1", "a2", "a3", "b1"], "x") | dict.fromkeys(["a4", "b2", "b3", "b4"], "y")
    told = dict.fromkeys(["a1", "a2", "a3", "a4", "b1"], "x") | dict.fromkeys(["b2", "b3", "b4"], "y")
    true = {i: "x" if i.startswith("a") else "y" for i in TRUTH}
    best = {"x": "Fruit", "y": "Tools"}
    return {
        "run": rows(MEMBERS, {"1": "Fruit", "2": "Fruit"}),  # the assignment of 3 failed
        "oracle_names": rows(MEMBERS, {"1": "Fruit", "2": "Tools"}),
        "oracle_assignment": rows(MEMBERS, {"1": "Fruit", "2": "Tools", "3": "Tools"}),
        "oracle_clustering": rows(knows, best),
        "oracle_facets": rows(told, best),
        "told_kmeans": rows(MEMBERS, {"1": "Fruit", "2": "Tools", "3": "Fruit"}),
        "true_kmeans": rows(true, best),
        "true_oracle": rows(true, best),
    }


def test_the_losses_of_eight_conversations_in_three_clusters():
    fall = oracle_scores.waterfall(worked_systems()).set_index("stage")
    assert list(fall.index) == ["embedding", "facets", "clustering", "assignment", "naming"]
    assert fall["loss"].tolist() == [1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 8]
    assert fall["lower"].tolist() == [7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8]
    assert fall["upper"].tolist() == [1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8]
    assert fall["loss"].sum() == 1 - 3 / 8


def test_a_stage_that_does_better_than_its_oracle_has_a_loss_below_zero():
    systems = worked_systems()
    systems["oracle_names"] = rows(MEMBERS, {"1": "Tools"})  # b1 alone is right
    fall = oracle_scores.waterfall(systems).set_index("stage")
    assert fall.loc["naming", "loss"] == 1 / 8 - 3 / 8
    assert fall.loc["assignment", "loss"] == 5 / 8 - 1 / 8
    assert fall["loss"].sum() == 1 - 3 / 8


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_losses_always_add_up_to_what_the_run_lost(data):
    def any_system():
        clusters = {i: data.draw(st.sampled_from("123")) for i in TRUTH}
        return rows(clusters, {c: data.draw(st.sampled_from([*CATEGORIES, ""])) for c in "123"})

    systems = {name: any_system() for name in worked_systems()}
    fall = oracle_scores.waterfall(systems)
    right = (systems["run"]["category"] == systems["run"]["predicted"]).sum()
    assert fall["loss"].sum() == pytest.approx(1 - right / 8, abs=1e-12)


def test_one_stage_at_a_time_is_held_against_the_run_or_against_its_majority():
    alone = oracle_scores.single(worked_systems())
    assert alone["stage"].tolist() == ["facets", "facets", "clustering", "naming", "assignment"]
    assert alone["without"].tolist() == [5 / 8, 5 / 8, 5 / 8, 3 / 8, 3 / 8]
    assert alone["gain"].tolist() == [0, 3 / 8, 1 / 8, 1 / 8, 2 / 8]


def test_systems_that_agree_on_everything_have_no_interval_and_say_why():
    same = oracle_scores.loss(worked_systems()["run"], worked_systems()["run"])
    assert (same["loss"], same["low"], same["note"]) == (0, None, "no conversation differs")


def test_a_single_cluster_gives_no_interval():
    one = rows(dict.fromkeys(TRUTH, "1"), {"1": "Fruit"})
    assert oracle_scores.level(one, CATEGORIES)["low"] is None
    assert oracle_scores.loss(None, one)["note"] == "1 cluster: no interval, one clump has no spread"


def test_what_changes_in_few_clusters_is_marked():
    systems = worked_systems()
    found = oracle_scores.loss(systems["oracle_names"], systems["run"])
    assert "change in 1 clusters, 5 wanted" in found["note"]  # cluster 2: b2 and b3 won, a3 lost


def test_the_majority_of_a_cluster_and_its_subcategories_by_frequency():
    found = oracle_texts.majorities(MEMBERS, TRUTH, CATEGORIES)
    assert found["1"] == oracle_texts.Majority("Fruit", ("Apples", "Pears"))  # one each, so by alphabet
    assert found["2"] == oracle_texts.Majority("Tools", ("Hammers", "Saws"))
    assert found["3"] == oracle_texts.Majority(
        "Tools", ("DIY kits",)
    )  # one each of two categories: the first known one


def test_conversations_without_a_cluster_have_no_majority():
    assert oracle_texts.majorities({"a1": None, "b1": ""}, TRUTH, CATEGORIES) == {}


def test_a_true_name_is_made_of_subcategories_and_not_of_the_category():
    node = oracle_texts.true_node("3", oracle_texts.Majority("Tools", ("DIY kits", "A bought saw")))
    assert node.name == "Ask about DIY kits"
    assert node.description == "Users asked about: DIY kits; a bought saw."


def test_a_summary_that_is_told_its_subject_keeps_its_own_words_and_a_missing_one_has_the_subject_alone():
    assert (
        oracle_texts.told("They compared two pears.", TRUTH["a1"]) == "They compared two pears. The subject was pears."
    )
    assert oracle_texts.told("", TRUTH["a1"]) == "The subject was pears."


def test_true_summaries_say_subject_and_field_and_stay_the_same():
    made = {oracle_texts.true_summary(str(i), TRUTH["a1"], {"Fruit": "What grows on trees."}) for i in range(60)}
    assert len(made) == len(oracle_texts.WORDINGS)
    assert all("pears" in text and "What grows on trees." in text for text in made)


@pytest.mark.parametrize(
    ("sizes", "k", "wanted"),
    [
        ([6, 3, 1], 5, [3, 1, 1]),
        ([4, 4], 3, [2, 1]),
        ([5, 1, 4], 2, [1, 0, 1]),
        ([10, 1, 1, 1], 5, [2, 1, 1, 1]),
        ([2, 2], 4, [2, 2]),
    ],
)
def test_centroids_are_shared_in_proportion(sizes, k, wanted):
    assert oracle_placing.shares(sizes, k) == wanted


def test_more_centroids_than_conversations_are_refused():
    with pytest.raises(ValueError, match="got 9"):
        oracle_placing.shares([4, 4], 9)


def on_a_line(*points):
    return np.array(points, dtype=np.float32)[:, None]


def test_a_vector_near_another_category_is_lost_to_it_even_where_its_own_pull_would_hold_it():
    # The first three have their mean at 1.8: 5.4 lies 3.6 from it and 4.6 from the other one, at 10. Without itself
    # its own mean is 0, and 10 is nearer.
    labels = oracle_placing.placed(on_a_line(0, 0, 5.4, 10, 10), ["a", "a", "a", "b", "b"], 2, 0)
    assert labels[0] == labels[1] != labels[2]
    assert labels[2] == labels[3] == labels[4]


def test_categories_that_lie_apart_are_parted_without_a_fault():
    labels = oracle_placing.placed(on_a_line(0, 1, 20, 21, 10, 11), list("aabbcc"), 3, 0)
    assert len({(label, name) for label, name in zip(labels, "aabbcc", strict=True)}) == 3


def test_a_vector_that_is_a_category_by_itself_stays_by_itself():
    labels = oracle_placing.placed(on_a_line(5, 10, 11), ["a", "b", "b"], 2, 0)
    assert labels[0] not in labels[1:]


def test_a_category_without_a_centroid_goes_to_the_nearest_other():
    labels = oracle_placing.placed(on_a_line(0, 1, 2, 8, 9, 10, 7), list("aaabbbc"), 2, 0)
    assert labels[6] == labels[4]


@pytest.fixture(scope="module")
def found(reference):
    """The suite over the default run, true names assigned by a scripted model, embedded without torch."""
    model = scripted(script=obey)
    context = reference.finished.context
    tools = replace(context.tools, door=door(model), store=Store())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "compute", hashing_compute)
        measured = asyncio.run(oracle.measure(replace(context, tools=tools)))
    return measured, model


def test_the_suite_asks_once_a_base_cluster_and_its_losses_add_up(reference, found):
    measured, model = found
    assert len(model.api.history) == len(reference.finished.result.base.clusters)
    summary = reference.finished.supervised.summary.set_index("metric")
    fall = measured.tables["oracle_waterfall"]
    assert fall["loss"].sum() == pytest.approx(1 - summary.loc["accuracy", "value"], abs=1e-12)
    losses = {row["slice"]: row["value"] for row in measured.metrics if row["metric"] == "loss"}
    assert losses["all"] == pytest.approx(sum(v for where, v in losses.items() if where != "all"), abs=1e-12)


def test_no_category_stands_in_a_true_name(reference, found):
    for messages in found[1].api.history:
        asked = messages[-2].text if messages[-1].role == "assistant" else messages[-1].text
        shown = asked.split("<specific>")[1].split("</specific>")[0]
        assert not any(name in shown for name in reference.dataset.categories)


def test_every_level_is_the_mean_of_its_items(found):
    measured, _ = found
    items = pd.DataFrame(measured.items)
    levels = measured.tables["oracle_levels"].set_index("system")["accuracy"]
    for name in oracle_scores.REPLACED:
        scores = items.loc[items["metric"] == f"accuracy_{name}", "score"]
        assert len(scores) == 600
        assert scores.mean() == pytest.approx(levels[name])


def test_the_default_run_loses_more_to_clustering_than_a_clusterer_that_knows_the_truth(found):
    levels = found[0].tables["oracle_levels"].set_index("system")["accuracy"]
    assert levels["oracle_clustering"] > levels["oracle_assignment"] + 0.1
    assert levels["oracle_assignment"] >= levels["run"]


def test_data_without_a_shipped_taxonomy_is_not_measured_and_says_so(reference):
    context = reference.finished.context
    own = replace(context, dataset=replace(context.dataset, shipped=False))
    measured = asyncio.run(oracle.measure(own))
    assert not measured.tables
    assert measured.metrics[0]["note"].startswith("not measured")


def test_the_section_names_the_stage_that_loses_most(tmp_path, found):
    from clio_core.runfolder import RunFolder

    folder = RunFolder(tmp_path)
    for name, table in found[0].tables.items():
        table.to_csv(folder.tables / f"{name}.csv", index=False)
    made = section(Run(folder, {"dataset": {"name": "regular", "sensitive": False}}))
    assert made is not None
    fall = found[0].tables["oracle_waterfall"].set_index("stage")["loss"]
    assert f"fall to {fall.idxmax()}" in made.sentences[0]
    assert [picture.name for picture in made.pictures] == ["oracle_waterfall", "oracle_single"]
    assert all(picture.draw().axes for picture in made.pictures)


def test_what_the_suite_asks_is_no_part_of_what_a_run_costs():
    stages = ("assign:1", oracle.STAGE)
    assert [spending._is_pipeline(stage) for stage in stages] == [True, False]
