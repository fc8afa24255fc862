from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from conftest import DEFAULTS
from scripted import crowd, door, hashing_compute, obey, scripted

from clio_core import embedding
from clio_core.embedding import Store
from clio_core.loaders import Loaded
from clio_core.pipeline import Tools
from clio_core.runfolder import RunFolder, RunFolderError
from evals import execute, seeds
from evals.suites import chosen
from synthetic.datasets import Dataset, Truth


def table(rows):
    return pd.DataFrame(rows, columns=["seed", "repeat", "accuracy"])


def test_without_repeats_the_spread_is_that_of_the_seeds():
    found = seeds.variance_split(table([(0, 0, 0.5), (1, 0, 0.7), (2, 0, 0.6)]), "accuracy")
    assert found["mean"] == pytest.approx(0.6)
    assert found["sd_seed"] == found["sd_total"] == pytest.approx(0.1)  # deviations -0.1, 0.1, 0 over two degrees
    assert math.isnan(found["sd_sampling"])


def test_repeats_part_the_model_s_sampling_from_the_seed():
    # Seed 0: 0.5 and 0.7, seed 1: 0.8 and 1.0. Within each: variance 0.02. Means 0.6 and 0.9: variance 0.045.
    found = seeds.variance_split(table([(0, 0, 0.5), (0, 1, 0.7), (1, 0, 0.8), (1, 1, 1.0)]), "accuracy")
    assert found["sd_sampling"] == pytest.approx(math.sqrt(0.02))
    assert found["sd_seed"] == pytest.approx(math.sqrt(0.045 - 0.02 / 2))


def test_seeds_that_differ_no_more_than_repeats_do_have_no_spread_of_their_own():
    found = seeds.variance_split(table([(0, 0, 0.4), (0, 1, 0.8), (1, 0, 0.8), (1, 1, 0.4)]), "accuracy")
    assert found["sd_seed"] == 0
    assert found["sd_sampling"] == pytest.approx(math.sqrt(0.08))


def reconstruction(predicted, clusters):
    return pd.DataFrame(
        {
            "conversation": ["a", "b", "c", "d"],
            "language": ["English"] * 4,
            "category": ["x", "x", "y", "y"],
            "subcategory": [""] * 4,
            "predicted": predicted,
            "base_cluster": clusters,
        }
    )


def test_every_pair_of_seeds_is_a_difference_of_the_same_pipeline():
    runs = {
        (0, 0): reconstruction(["x", "x", "y", "y"], ["1", "1", "2", "2"]),
        (1, 0): reconstruction(["x", "x", "x", "y"], ["1", "1", "1", "2"]),
        (2, 0): reconstruction(["y", "y", "y", "y"], ["3", "3", "4", "4"]),
    }
    found = seeds.score(runs, ("x", "y"))
    null = found.tables["seeds_null"].query("metric == 'accuracy'")
    assert null["difference"].tolist() == pytest.approx([-0.25, -0.5, -0.25])  # 1, 0.75 and 0.5
    agreement = found.tables["seeds_agreement"].set_index(["seed_a", "seed_b"])
    assert agreement.loc[(0, 2), "adjusted_rand"] == 1  # the same parts under other names
    assert agreement.loc[(0, 1), "same_category"] == 0.75
    accuracy = next(row for row in found.metrics if row["metric"] == "accuracy_over_seeds")
    # Mean 0.75, SD 0.25, t(2) at 97.5% is 4.3027: half-width 4.3027 * 0.25 / sqrt(3).
    assert accuracy["value"] == pytest.approx(0.75)
    assert accuracy["high"] - accuracy["value"] == pytest.approx(0.621037, abs=1e-5)
    assert accuracy["note"] == "inconclusive: 3 seeds, 5 wanted"


@pytest.fixture
def asked(monkeypatch):
    """A model that obeys, and a run over 30 conversations with it."""
    monkeypatch.setattr(embedding, "compute", hashing_compute)
    model = scripted(script=obey)
    people = tuple(crowd(30))
    truth = {c.id: Truth(("even", "odd")[i % 2], "", "English") for i, c in enumerate(people)}
    data = Dataset("made", Loaded(people, (), "hash", "clio"), truth, ("even", "odd"), sensitive=False)

    def go(folder, **settings):
        config = replace(DEFAULTS, k=4, project=0, **settings)

        def tools(config, run_folder, **_):
            return Tools(config, door(model, run_folder.journal()), Store(), run_folder)

        monkeypatch.setattr(execute, "tools_for", tools)
        model.api.history.clear()
        finished = execute.run(data, config, folder, suites=chosen(["supervised", "seeds"]))
        stages = [message[0].metadata["clio"]["stage"] for message in model.api.history]
        return finished, {stage: stages.count(stage) for stage in set(stages)}

    return go


def test_more_seeds_repeat_no_facet_call(asked, tmp_path):
    _, one = asked(tmp_path / "run")
    finished, more = asked(tmp_path / "run", seeds=3)
    assert one["facet:request"] == 30
    assert set(more) == {"name", "assign:categories"}  # the journal held everything else
    assert more["assign:categories"] <= 8  # two further seeds of four clusters
    assert finished.measured["seeds"].tables["seeds"]["seed"].tolist() == [0, 1, 2]


def test_repeats_ask_the_same_questions_again(asked, tmp_path):
    finished, calls = asked(tmp_path / "run", repeats=2)
    assert calls["name"] == calls["assign:categories"] == 8
    assert calls["facet:request"] == 30
    assert finished.measured["seeds"].tables["seeds"][["seed", "repeat"]].to_numpy().tolist() == [[0, 0], [0, 1]]


def test_the_tables_of_the_run_are_those_of_its_own_seed(asked, tmp_path):
    asked(tmp_path / "one")
    asked(tmp_path / "more", seeds=3)
    for name in ("base_members", "base_clusters", "clusters"):
        before, after = (RunFolder(tmp_path / place).read_table(name) for place in ("one", "more"))
        pd.testing.assert_frame_equal(before, after)


def test_another_seed_in_the_same_folder_is_still_refused(asked, tmp_path):
    asked(tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"\['seed'\]"):
        asked(tmp_path / "run", seed=5)
