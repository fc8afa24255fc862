"""What a clusterer that knows the truth makes of given vectors with a given number of clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

from clio_core import clustering
from clio_core.clustering import Labels
from clio_core.embedding import Matrix


def shares(sizes: Sequence[int], k: int) -> list[int]:
    """Split k centroids over categories in proportion to their sizes (largest remainder).

    Args:
        sizes: conversations of each category, at least 1 each.
        k: centroids, 1 to the sum of `sizes`.
    Returns:
        centroids of each category: at least one each and never more than it has conversations. Where k is smaller
        than the number of categories, the k largest (the first of equal ones) get one and the others none.
    """
    if not 1 <= k <= sum(sizes):
        raise ValueError(f"k must lie between 1 and the number of conversations ({sum(sizes)}), got {k}")
    wanted = np.asarray(sizes, dtype=np.float64) * k / sum(sizes)
    if k < len(sizes):
        largest = np.argsort(-wanted, kind="stable")[:k]
        return [int(place in set(largest.tolist())) for place in range(len(sizes))]
    given = np.clip(np.floor(wanted), 1, sizes)
    while given.sum() != k:
        # Whoever is furthest below what it should have gets one more; where the least of one each came to more than
        # k, whoever is furthest above gives one up.
        if given.sum() < k:
            given[np.argmax(np.where(given < sizes, wanted - given, -np.inf))] += 1
        else:
            given[np.argmax(np.where(given > 1, given - wanted, -np.inf))] -= 1
    return [int(n) for n in given]


def placed(vectors: Matrix, truth: Sequence[str], k: int, seed: int) -> Labels:
    """Partition vectors around k centroids that were found within the true categories.

    K-means runs within each category by itself, with its share of k. Then every vector goes to the nearest of all
    centroids, none of which it helped to make: its own is taken without it. A vector that lies near another
    category's centroid is thus lost to it, whatever the clusterer knows. With a dozen vectors a centroid, in hundreds
    of dimensions, a vector's own part in its centroid would otherwise hold nearly all of them where they are.

    Args:
        vectors: shape (n, d).
        truth: shape (n,), category of each.
        k: number of centroids, 1 to n.
        seed: of k-means.
    Returns:
        shape (n,), index of the centroid of each vector; a centroid that loses all of its vectors leaves a gap.
    """
    names, codes = np.unique(np.asarray(truth, dtype=np.str_), return_inverse=True)
    own = np.full(len(vectors), -1)
    centroids: list[Matrix] = []
    for code, count in zip(range(len(names)), shares(np.bincount(codes).tolist(), k), strict=True):
        if count:
            labels, found = clustering.kmeans(vectors[codes == code], count, seed)
            own[codes == code] = labels + sum(map(len, centroids))
            centroids.append(found)
    distances = euclidean_distances(vectors, np.concatenate(centroids), squared=True)
    inside = np.flatnonzero(own >= 0)
    sizes = np.bincount(own[inside])[own[inside]]
    # Without itself the mean of s vectors is s / (s - 1) times as far away; one that is alone stays by itself.
    distances[inside, own[inside]] *= np.where(sizes > 1, sizes / np.maximum(sizes - 1, 1), 1.0) ** 2
    return np.asarray(np.argmin(distances, axis=1), dtype=np.int32)
