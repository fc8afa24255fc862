"""Base clusters: k-means over facet embeddings (paper G.5), and what names are made from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from clio_core.embedding import Matrix

Labels = npt.NDArray[np.int32]
_TRAIN_PER_CENTROID = 64  # more points a centroid move inertia by under half a percent
_PLAIN_UP_TO = 256  # above this many clusters, k-means over all at once grows with the square of the data
_CELLS = 4_000_000  # distances held at a time, 16 MB


def default_k(n: int) -> int:
    """How many base clusters n conversations get unless the user says otherwise.

    The mean size is sqrt(n) / 2, held between 5 and 100 conversations; for 100,000 conversations this gives the
    1,000 base clusters of the paper's cost table (Table 3). The paper does not publish its own rule.
    """
    if n < 1:
        raise ValueError(f"clustering needs at least one conversation, got {n}")
    return max(1, round(n / min(100.0, max(5.0, math.sqrt(n) / 2))))


def kmeans(vectors: Matrix, k: int, seed: int) -> tuple[Labels, Matrix]:
    """Partition unit vectors into k clusters.

    Random initial centroids, because their labels were measured equal across threads and instruction sets, which
    those of k-means++ were not. Above 256 clusters the data is first parted into about sqrt(k) groups and each
    group is clustered on its own, which costs n * sqrt(k) instead of n * k; one pass over all then gives every
    point to its nearest centroid.

    Args:
        vectors: shape (n, d).
        k: number of clusters, 1 to n.
        seed: of the initial centroids.
    Returns:
        labels of shape (n,), numbered without gaps, and centroids of shape (number of labels, d).
    """
    if not 1 <= k <= len(vectors):
        raise ValueError(f"k must lie between 1 and the number of conversations ({len(vectors)}), got {k}")
    centroids = _fit(vectors, k, seed) if k <= _PLAIN_UP_TO else _fit_in_groups(vectors, k, seed)
    labels = nearest(vectors, centroids)
    used, inverse = np.unique(labels, return_inverse=True)
    labels = inverse.astype(np.int32)
    means = np.zeros((len(used), vectors.shape[1]), dtype=np.float32)
    np.add.at(means, labels, vectors)
    sizes = np.bincount(labels)[:, None].astype(np.float32)
    return labels, np.asarray(means / sizes, dtype=np.float32)


def _fit(vectors: Matrix, k: int, seed: int) -> Matrix:
    rng = np.random.default_rng(seed)
    most = _TRAIN_PER_CENTROID * k
    train = vectors[np.sort(rng.choice(len(vectors), most, replace=False))] if len(vectors) > most else vectors
    # Small data is cheap and k-means from random starts is fickle on it, so it gets more starts.
    starts, turns = (10, 100) if len(train) * k <= 200_000 else (1, 25)
    model = KMeans(k, init="random", n_init=starts, max_iter=turns, random_state=seed, algorithm="lloyd")
    model.fit(train)
    return np.asarray(model.cluster_centers_, dtype=np.float32)


def _fit_in_groups(vectors: Matrix, k: int, seed: int) -> Matrix:
    groups = nearest(vectors, _fit(vectors, math.isqrt(k), seed))
    sizes = np.bincount(groups)
    shares = np.minimum(np.maximum(1, np.floor(sizes / sizes.sum() * k)), sizes).astype(int)
    # Hand out what rounding left over to the groups with the most points a centroid.
    for _ in range(k - int(shares.sum())):
        shares[int(np.argmax(np.where(shares < sizes, sizes / np.maximum(shares, 1), -1.0)))] += 1
    # One for every tiny group may have come to more than k in all; the groups with the most give some up.
    for _ in range(int(shares.sum()) - k):
        shares[int(np.argmax(shares))] -= 1
    found = [
        _fit(vectors[groups == g], int(shares[g]), seed + 1 + g) for g in range(len(sizes)) if sizes[g] and shares[g]
    ]
    return np.concatenate(found)


def nearest(vectors: Matrix, centroids: Matrix) -> Labels:
    """Index of the nearest centroid of every vector, shape (n,); blocked, so memory stays bounded."""
    half_norms = 0.5 * np.einsum("ij,ij->i", centroids, centroids)
    labels = np.empty(len(vectors), dtype=np.int32)
    rows = max(1, _CELLS // len(centroids))
    for start in range(0, len(vectors), rows):
        block = vectors[start : start + rows] @ centroids.T
        block -= half_norms
        labels[start : start + rows] = np.argmax(block, axis=1)
    return labels


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What a cluster is named from: indices of some members and of the nearest conversations outside."""

    members: tuple[int, ...]
    contrast: tuple[int, ...]


def exhibits(
    vectors: Matrix, labels: Labels, centroids: Matrix, *, members: int = 50, contrast: int = 50, seed: int = 0
) -> list[Exhibit]:
    """Random members and nearest non-members of every cluster (paper: 50 and 50).

    Args:
        vectors: shape (n, d).
        labels: shape (n,).
        centroids: shape (k, d).
        members: how many members at most, drawn without replacement.
        contrast: how many non-members at most, by distance to the centroid.
        seed: of the draw; each cluster has its own stream, so one cluster's draw does not depend on the others.
    Returns:
        one exhibit a cluster, members in order of their index, contrast from near to far.
    """
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(len(centroids) + 1))
    norms = np.einsum("ij,ij->i", vectors, vectors)
    found: list[Exhibit] = []
    rows = max(1, _CELLS // len(vectors))
    for start in range(0, len(centroids), rows):
        distances = centroids[start : start + rows] @ vectors.T
        distances *= -2
        distances += norms
        for offset, row in enumerate(distances):
            cluster = start + offset
            own = order[bounds[cluster] : bounds[cluster + 1]]
            row[own] = np.inf
            outside = len(vectors) - len(own)
            wanted = min(contrast, outside)
            near = np.argpartition(row, wanted - 1)[:wanted] if wanted else np.empty(0, dtype=np.intp)
            near = near[np.lexsort((near, row[near]))]
            rng = np.random.default_rng([seed, cluster])
            drawn = np.sort(rng.choice(own, min(members, len(own)), replace=False))
            found.append(Exhibit(tuple(map(int, drawn)), tuple(map(int, near))))
    return found
