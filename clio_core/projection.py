"""The projector (paper G.6): a place on a two-dimensional map for every conversation, by UMAP."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from clio_core.embedding import Matrix

NEIGHBOURS, MIN_DIST = 15, 0.0
_CELLS = 4_000_000  # distances held at a time, 16 MB


def exact_neighbours(vectors: Matrix, count: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The `count` nearest vectors of each by cosine distance, itself first; shapes (n, count) each.

    A blocked matrix product: exact, and a third of the time of UMAP's own approximate search.
    """
    n = len(vectors)
    indices = np.empty((n, count), dtype=np.int32)
    distances = np.empty((n, count), dtype=np.float32)
    step = max(1, _CELLS // n)
    for start in range(0, n, step):
        away = vectors[start : start + step] @ vectors.T
        np.subtract(1.0, away, out=away)
        rows = np.arange(len(away))
        away[rows, start + rows] = -1.0  # itself comes first, whatever duplicates there are
        near = np.argpartition(away, count - 1, axis=1)[:, :count]
        near = np.take_along_axis(near, np.argsort(np.take_along_axis(away, near, 1), axis=1, kind="stable"), 1)
        indices[start : start + step] = near
        distances[start : start + step] = np.clip(np.take_along_axis(away, near, 1), 0, None)
    return indices, distances


def project(vectors: Matrix, seed: int, *, most: int = 20_000) -> npt.NDArray[np.float32]:
    """Place unit vectors on a plane.

    Args:
        vectors: shape (n, d).
        seed: of UMAP.
        most: beyond this many, a seeded sample is placed and the others get NaN; the map stays readable.
    Returns:
        shape (n, 2). Fewer than five vectors are placed on a line, since UMAP needs neighbours.
    """
    placed = np.full((len(vectors), 2), np.nan, dtype=np.float32)
    chosen = np.arange(len(vectors))
    if len(vectors) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(vectors), most, replace=False))
    if len(chosen) < 5:
        placed[chosen] = np.column_stack([chosen, np.zeros(len(chosen))])
        return placed
    from umap import UMAP

    count = min(NEIGHBOURS, len(chosen) - 1)
    known = exact_neighbours(vectors[chosen], count)
    mapper = UMAP(
        n_neighbors=count,
        min_dist=MIN_DIST,
        metric="cosine",
        random_state=seed,
        n_jobs=1,
        init="random" if len(chosen) < 20 else "pca",
        precomputed_knn=(*known, None),
    )
    with warnings.catch_warnings():
        # UMAP says that it cannot place new points with neighbours handed in; none are ever placed.
        warnings.filterwarnings("ignore", message="precomputed_knn")
        placed[chosen] = mapper.fit_transform(vectors[chosen])
    return placed
