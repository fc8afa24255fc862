"""Do the intervals cover what they claim, on data with the clumps that a clustering makes?

A small world on a plane: a category is a place, its topics lie around it, conversations lie around their topic.
A run drops k random centres among the conversations; the conversations nearest to one are its base cluster, and
the whole cluster is assigned its commonest true category, or now and then its second. Errors so come from clumps
that straddle two categories and from clumps assigned wrongly, and two runs cut the same conversations
differently. What a run is out to estimate is its expected accuracy over data sets and seeds, taken here as the
mean over all replicates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import binomtest

from evals.comparison import paired_difference
from evals.statistics import cluster_interval, wilson_interval

pytestmark = pytest.mark.slow

CATEGORIES = 20
TOPICS_EACH = 25
SLIP = 0.03

Rng = np.random.Generator
Places = NDArray[np.float64]
Labels = NDArray[np.intp]


@dataclass(frozen=True)
class Rates:
    """Shares of replicates: intervals that cover the truth, and A/A pairs called different at 5%."""

    naive_coverage: float
    clustered_coverage: float
    mcnemar_alarms: float
    two_way_alarms: float
    design_effect: float
    accuracy: float


def draw_conversations(rng: Rng, n: int) -> tuple[Places, Labels]:
    """Places and true categories of `n` conversations; the category centres are a fixed 5 x 4 grid."""
    centres = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(CATEGORIES, 2)
    topics = np.repeat(centres, TOPICS_EACH, axis=0) + rng.normal(0, 0.19, (CATEGORIES * TOPICS_EACH, 2))
    topic = rng.integers(0, len(topics), n)
    return topics[topic] + rng.normal(0, 0.09, (n, 2)), topic // TOPICS_EACH


def run_once(rng: Rng, places: Places, truth: Labels, k: int) -> tuple[NDArray[np.bool_], Labels]:
    """One run of the pipeline: whether each conversation came back to its category, and its base cluster."""
    centres = places[rng.choice(len(places), k, replace=False)]
    cluster = cKDTree(centres).query(places)[1]
    counts = np.bincount(cluster * CATEGORIES + truth, minlength=k * CATEGORIES).reshape(k, CATEGORIES)
    # The jitter breaks ties, so that a slip in a pure cluster is a slip to any category.
    ranked = np.argsort(counts + rng.random(counts.shape) / 2, axis=1)
    assigned = np.where(rng.random(k) < SLIP, ranked[:, -2], ranked[:, -1])
    return assigned[cluster] == truth, cluster


def simulate(n: int, k: int, replicates: int, seed: int) -> Rates:
    rng = np.random.default_rng(seed)
    means, clustered, naive, effects, mcnemar, two_way = [], [], [], [], [], []
    for _ in range(replicates):
        places, truth = draw_conversations(rng, n)
        (right_a, cluster_a), (right_b, cluster_b) = (run_once(rng, places, truth, k) for _ in range(2))
        found = cluster_interval(right_a, cluster_a)
        means += [right_a.mean(), right_b.mean()]
        effects.append(found.design_effect)
        clustered.append((found.low, found.high))
        naive.append(wilson_interval(right_a.sum(), n))
        two_way.append(paired_difference(right_a, right_b, cluster_a, cluster_b).p_value < 0.05)
        lost, gained = int(np.sum(right_a & ~right_b)), int(np.sum(~right_a & right_b))
        mcnemar.append(binomtest(lost, lost + gained).pvalue < 0.05)
    expected = float(np.mean(means))

    def coverage(intervals: list[tuple[float, float]]) -> float:
        low, high = np.array(intervals).T
        return float(np.mean((low <= expected) & (expected <= high)))

    return Rates(
        naive_coverage=coverage(naive),
        clustered_coverage=coverage(clustered),
        mcnemar_alarms=float(np.mean(mcnemar)),
        two_way_alarms=float(np.mean(two_way)),
        design_effect=float(np.median(effects)),
        accuracy=expected,
    )
