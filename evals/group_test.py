"""Whether a score depends on a group at all, where errors come in clumps: a Wald statistic against shuffled groups.

The Wald statistic allows for clumps, but its F distribution does not hold with few of them: with 49 base clusters and
15 languages, groups dealt out at random came out "significant at 5%" in 36% of cases. Held against the same statistic
under shuffled groups it keeps its level with any number of clumps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics import FloatArray, IntArray, check_scores, cluster_codes

PERMUTATIONS = 499


def p_value(
    scores: ArrayLike, groups: ArrayLike, clusters: ArrayLike, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """Chance of groups that lie as far apart as these, or further, were they dealt out at random.

    Args:
        scores: shape (n,), 0 to 1.
        groups: shape (n,), label of each row's group, at least two.
        clusters: shape (n,), what each row stands or falls with.
        permutations: shuffles of the groups over the rows.
        seed: of the shuffles.
    Returns:
        (1 + shuffles whose statistic is at least as large) / (1 + shuffles).
    Raises:
        ValueError: fewer than two groups, or no more than twice as many clusters as groups.
    Source: Chung and Romano 2013, Ann. Stat. 41(2), permutation tests of studentised statistics.
    """
    values = check_scores(scores, "scores")
    codes, count = cluster_codes(groups, len(values))
    clumps, number = cluster_codes(clusters, len(values))
    if count < 2 or number <= 2 * count:
        raise ValueError(
            f"a test wants 2 groups and more than 2 clusters for each, got {count} groups, {number} clusters"
        )
    rng = np.random.default_rng(seed)
    dealt = rng.permuted(np.tile(codes, (permutations, 1)), axis=1)
    found = statistics(values, np.concatenate([codes[None, :], dealt]), clumps)
    # Shuffles that move nothing give the same statistic up to rounding.
    return float(1 + np.sum(found[1:] >= found[0] * (1 - 1e-9))) / (1 + permutations)


def statistics(values: FloatArray, groups: IntArray, clumps: IntArray) -> FloatArray:
    """Wald statistics of equal means of groups, clustered.

    Args:
        values: shape (n,).
        groups: shape (b, n), numbers of groups from 0, all of them in every row.
        clumps: shape (n,), numbers of clusters from 0.
    Returns:
        shape (b,).
    """
    count, number, rows = int(groups.max()) + 1, int(clumps.max()) + 1, len(groups)
    sizes = np.bincount(groups[0], minlength=count)
    at = np.arange(rows)[:, None] * count + groups
    means = np.bincount(at.ravel(), weights=np.tile(values, rows), minlength=rows * count).reshape(rows, count) / sizes
    left = values - np.take_along_axis(means, groups, axis=1)
    cell = at * number + clumps
    sums = np.bincount(cell.ravel(), weights=left.ravel(), minlength=rows * count * number)
    pulls = sums.reshape(rows, count, number) / sizes[:, None]
    covariance = pulls @ pulls.transpose(0, 2, 1)
    apart = (means[:, 1:] - means[:, :1])[:, :, None]
    contrast = np.concatenate([-np.ones((count - 1, 1)), np.eye(count - 1)], axis=1)
    # The pseudo-inverse: where two groups do not vary at all there is nothing to divide by.
    inverse = np.linalg.pinv(contrast @ covariance @ contrast.T, hermitian=True)
    return np.asarray((apart.transpose(0, 2, 1) @ inverse @ apart)[:, 0, 0], dtype=np.float64)
