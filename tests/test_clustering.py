from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from clio_core import clustering
from clio_core.clustering import default_k, exhibits, kmeans, nearest


def cloud(n: int, d: int = 32, seed: int = 0):
    """Unit vectors in all directions."""
    made = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@st.composite
def clustered(draw):
    """Vectors, some of them equal, with a number of clusters that they allow."""
    n = draw(st.integers(1, 30))
    vectors = cloud(n, 4, draw(st.integers(0, 1000)))
    vectors = vectors[draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=n))]
    return vectors, draw(st.integers(1, n)), draw(st.integers(0, 9))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@settings(deadline=None, max_examples=60)
@given(clustered())
def test_labels_have_no_gaps_and_never_more_than_k(drawn):
    vectors, k, seed = drawn
    labels, centroids = kmeans(vectors, k, seed)
    assert labels.shape == (len(vectors),)
    assert sorted(set(labels)) == list(range(len(centroids)))
    assert 1 <= len(centroids) <= k
    for label, centroid in enumerate(centroids):
        np.testing.assert_allclose(centroid, vectors[labels == label].mean(axis=0), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@settings(deadline=None, max_examples=60)
@given(clustered(), st.integers(1, 8), st.integers(0, 8))
def test_exhibits_show_members_from_inside_and_contrast_from_outside_near_ones_first(drawn, members, contrast):
    vectors, k, seed = drawn
    labels, centroids = kmeans(vectors, k, seed)
    shown = exhibits(vectors, labels, centroids, members=members, contrast=contrast, seed=seed)
    assert len(shown) == len(centroids)
    for cluster, exhibit in enumerate(shown):
        size = int((labels == cluster).sum())
        assert len(set(exhibit.members)) == len(exhibit.members) == min(members, size)
        assert len(set(exhibit.contrast)) == len(exhibit.contrast) == min(contrast, len(vectors) - size)
        assert {labels[i] for i in exhibit.members} == {cluster}
        assert cluster not in {labels[i] for i in exhibit.contrast}
        assert list(exhibit.members) == sorted(exhibit.members)
        far = [float(((vectors[i] - centroids[cluster]) ** 2).sum()) for i in exhibit.contrast]
        assert all(a <= b + 1e-5 for a, b in pairwise(far))
        left = [i for i in range(len(vectors)) if labels[i] != cluster and i not in exhibit.contrast]
        if far and left:
            assert max(far) <= min(float(((vectors[i] - centroids[cluster]) ** 2).sum()) for i in left) + 1e-5


@given(st.integers(1, 300_000), st.integers(0, 5_000))
def test_more_conversations_never_get_fewer_clusters(n, more):
    assert 1 <= default_k(n) <= default_k(n + more)
    assert default_k(n) <= n


def test_the_number_of_clusters_worked_by_hand():
    assert default_k(100_000) == 1_000  # Table 3
    assert default_k(1) == 1
    assert default_k(100) == 20  # 5 a cluster
    assert default_k(2_500) == 100  # sqrt(2500) / 2 = 25 a cluster
    assert default_k(40_000) == 400  # 100 a cluster, and no more
    with pytest.raises(ValueError, match="got 0"):
        default_k(0)


@pytest.mark.parametrize("k", [40, 300])
def test_labels_do_not_depend_on_the_number_of_threads(k):
    vectors, found = cloud(1_500), []
    for threads in (1, 2, 3):
        with threadpool_limits(limits=threads):
            found.append(kmeans(vectors, k, seed=3)[0])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("k", [40, 300])
def test_labels_do_not_depend_on_how_many_rows_are_compared_at_a_time(monkeypatch, k):
    vectors = cloud(1_000)
    with threadpool_limits(limits=1):
        whole, _ = kmeans(vectors, k, seed=3)
        for rows in (7, 999):
            monkeypatch.setattr(clustering, "_CELLS", rows * k)
            np.testing.assert_array_equal(kmeans(vectors, k, seed=3)[0], whole)


def test_many_tiny_groups_beside_large_ones_do_not_make_more_clusters_than_were_asked_for(monkeypatch):
    # 257 clusters are first parted into 16 groups: six of 99 points and ten of one. By its size each large group gets
    # 99 of 604 parts of 257, which is 42.1, so 42, and a tiny one 0.4, raised to 1: 6 * 42 + 10 = 262, five too many.
    corners = np.eye(16, dtype=np.float32)
    tight = np.repeat(corners[:6], 99, axis=0) + cloud(594, 16) * np.float32(0.01)
    real = clustering._fit
    monkeypatch.setattr(clustering, "_fit", lambda v, k, seed: corners if len(v) == 604 else real(v, k, seed))
    with threadpool_limits(limits=1):
        labels, centroids = kmeans(np.concatenate([tight, corners[6:]]), 257, seed=0)
    assert len(centroids) == 257
    assert len(set(labels[594:].tolist())) == 10


def test_clear_groups_are_found():
    corners = np.eye(3, dtype=np.float32)
    vectors = np.repeat(corners, 5, axis=0)
    labels, _ = kmeans(vectors, 3, seed=0)
    assert [len(set(labels[i : i + 5])) for i in (0, 5, 10)] == [1, 1, 1]
    assert len(set(labels)) == 3


def test_the_nearest_centroid_is_by_distance_and_not_by_direction_alone():
    centroids = np.array([[1.0, 0.0], [0.4, 0.4]], dtype=np.float32)
    # (0.3, 0.2) is sqrt(.53) from the first and sqrt(.05) from the second.
    assert nearest(np.array([[0.3, 0.2], [0.9, 0.1]], dtype=np.float32), centroids).tolist() == [1, 0]


def test_a_draw_of_one_cluster_does_not_depend_on_the_others():
    vectors = cloud(60)
    labels = np.repeat(np.arange(3), 20).astype(np.int32)
    centroids = np.stack([vectors[labels == i].mean(axis=0) for i in range(3)])
    three = exhibits(vectors, labels, centroids, members=5, seed=1)
    two = exhibits(vectors, np.minimum(labels, 1), centroids[:2], members=5, seed=1)
    assert three[0].members == two[0].members
    assert three[0].members != exhibits(vectors, labels, centroids, members=5, seed=2)[0].members


@pytest.mark.parametrize("k", [0, 6])
def test_more_clusters_than_conversations_or_none_at_all_is_an_error(k):
    with pytest.raises(ValueError, match=rf"between 1 and the number of conversations \(5\), got {k}"):
        kmeans(cloud(5), k, 0)
