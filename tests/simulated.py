"""A small world of embeddings in which the truth is known, with the clumps that a clustering makes.

A category is a point, its topics lie around it, conversations lie around their topic, a little aside with their
language, and a few ambiguous topics lie most of the way to the nearest other category. A run sees the conversations
with the noise of its own summaries, makes a few rounds of k-means from random starts, and gives each base cluster its
commonest true category, or now and then (a slip) the one nearest to that. Errors so come in clumps: ambiguous topics,
clusters that straddle two categories, clusters assigned wrongly as a whole; and two runs cut the same conversations
differently. What a run is out to estimate is its expected score over data sets and seeds, taken here as the mean over
all that were drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evals.reconstruction_scores import COLUMNS
from evals.runs import Part
from evals.suite import ITEM_COLUMNS, METRIC_COLUMNS

CATEGORIES = 20
TOPICS_EACH = 25
LANGUAGES = 15
DIMENSIONS = 32
AMBIGUOUS = 0.045
ROUNDS = 4
USUAL_SLIPS = 0.012

Rng = np.random.Generator
Places = NDArray[np.float32]
Labels = NDArray[np.intp]


def normal(seed: int, rows: int, scale: float) -> Places:
    return np.random.default_rng(seed).normal(0, scale, (rows, DIMENSIONS)).astype(np.float32)


CENTRES = normal(20, CATEGORIES, 1.0)
ASIDE = normal(15, LANGUAGES, 0.1)
CATEGORY_NAMES = np.array([f"category {i:02d}" for i in range(CATEGORIES)], dtype=object)
LANGUAGE_NAMES = np.array([f"language {i:02d}" for i in range(LANGUAGES)], dtype=object)


@dataclass(frozen=True, slots=True)
class Conversations:
    """A data set: shapes (n, DIMENSIONS), (n,) and (n,), the latter two being numbers of categories and languages."""

    places: Places
    truth: Labels
    language: Labels


@dataclass(frozen=True, slots=True)
class Led:
    """One run over a data set, both of shape (n,): category each conversation was led to, and its base cluster."""

    category: Labels
    cluster: Labels


def nearest(places: Places, centres: Places) -> Labels:
    """Index of the centre closest to each place; the squared length of the place itself does not matter."""
    return np.asarray(np.argmax(places @ centres.T - (centres**2).sum(axis=1) / 2, axis=1), dtype=np.intp)


def nearest_other() -> Labels:
    apart = ((CENTRES[:, None] - CENTRES[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(apart, np.inf)
    return np.asarray(np.argmin(apart, axis=1), dtype=np.intp)


def noise(rng: Rng, rows: int, scale: float) -> Places:
    return rng.standard_normal((rows, DIMENSIONS), dtype=np.float32) * np.float32(scale)


def draw_conversations(rng: Rng, n: int) -> Conversations:
    """`n` conversations about topics that are drawn anew for each data set."""
    home = np.repeat(np.arange(CATEGORIES), TOPICS_EACH)
    pull = np.where(rng.random(len(home)) < AMBIGUOUS, np.float32(0.65), np.float32(0))[:, None]
    topics = (1 - pull) * CENTRES[home] + pull * CENTRES[nearest_other()[home]] + noise(rng, len(home), 0.55)
    topic, language = rng.integers(0, len(home), n), rng.integers(0, LANGUAGES, n)
    places = topics[topic] + ASIDE[language] + noise(rng, n, 0.65)
    return Conversations(np.asarray(places, dtype=np.float32), home[topic], np.asarray(language, dtype=np.intp))


def run_once(rng: Rng, drawn: Conversations, k: int, slips: float) -> Led:
    """One run of the pipeline under a seed of its own.

    Args:
        rng: the seed.
        drawn: the data set.
        k: base clusters asked for; a few may stay empty.
        slips: share of base clusters that are given the category nearest to their own.
    """
    n = len(drawn.truth)
    seen = drawn.places + noise(rng, n, 0.25)
    centres = seen[rng.choice(n, k, replace=False)]
    for _ in range(ROUNDS):
        cluster = nearest(seen, centres)
        members = csr_array((np.ones(n, dtype=np.float32), (cluster, np.arange(n))), shape=(k, n))
        centres = (members @ seen) / np.maximum(np.bincount(cluster, minlength=k), 1)[:, None].astype(np.float32)
    counts = np.bincount(cluster * CATEGORIES + drawn.truth, minlength=k * CATEGORIES).reshape(k, CATEGORIES)
    assigned = counts.argmax(axis=1)
    assigned = np.where(rng.random(k) < slips, nearest_other()[assigned], assigned)
    return Led(assigned[cluster], cluster)


def draw_arms(
    n: int, k: int, datasets: int, *, slips: Sequence[float], seeds: int = 1, seed: int = 0
) -> Iterator[tuple[Conversations, list[list[Led]]]]:
    """Data sets, each with `seeds` runs of every pipeline; `slips` has one a pipeline (twice the same: A/A)."""
    rng = np.random.default_rng(seed)
    for _ in range(datasets):
        drawn = draw_conversations(rng, n)
        yield drawn, [[run_once(rng, drawn, k, share) for _ in range(seeds)] for share in slips]


def as_frame(drawn: Conversations, led: Led) -> pd.DataFrame:
    """The rows of a run as the suite has them."""
    columns = (
        np.arange(len(drawn.truth)).astype(str),
        LANGUAGE_NAMES[drawn.language],
        CATEGORY_NAMES[drawn.truth],
        CATEGORY_NAMES[led.category],
        led.cluster.astype(str),
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def as_part(drawn: Conversations, arm: Sequence[Led], *, with_seeds: bool) -> Part:
    """An arm as the gate gets it: single scores of its first run, and the rows of all its runs `with_seeds`."""
    frames = [as_frame(drawn, led) for led in arm]
    first = frames[0]
    right = (first["category"] == first["predicted"]).astype(float)
    items = first.rename(columns={"conversation": "item", "base_cluster": "cluster"})
    items = items.assign(suite="supervised", metric="accuracy", score=right, group="")[ITEM_COLUMNS]
    head = {"suite": "supervised", "dataset": "regular", "slice": "all", "n": len(first), "value": float(right.mean())}
    # The gate asks whether a run has the metric; what it then judges by are the single scores or the seeds.
    metrics = pd.DataFrame([{**head, "metric": name} for name in ("accuracy", "macro_f1")], columns=METRIC_COLUMNS)
    seeds = pd.concat([frame.assign(seed=i, repeat=0) for i, frame in enumerate(frames)]) if with_seeds else None
    return Part("regular", Path("simulated"), {}, metrics, items, seeds, {})
