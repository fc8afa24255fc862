"""Inputs broken on purpose, at a dose: what a metric claims to see it has to see here.

Pure functions over rows of a finished run. A dose is the share of conversations or clusters that is touched, 0 to 1;
the same seed gives the same victims, and a larger dose touches those of a smaller one too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd

from clio_core.publishing import Fate, Judged

T = TypeVar("T")
# What a conversation has because of its summary, and loses with it.
FOLLOWS = ("predicted", "base_cluster", "top_cluster", "value", "outcome", "cluster", "x", "y")


def victims(candidates: Sequence[T], seed: int, dose: float) -> list[T]:
    """So many of the candidates as the dose says, rounded up, so that any dose above 0 has one; in a drawn order.

    Raises:
        ValueError: a dose outside 0 to 1.
    """
    if not 0 <= dose <= 1:
        raise ValueError(f"a dose is a share, 0 to 1, got {dose}")
    order = np.random.default_rng(seed).permutation(len(candidates))
    return [candidates[place] for place in order[: math.ceil(dose * len(candidates))]]


def passed_on(chosen: Sequence[T]) -> dict[T, T]:
    """From whom each of the chosen gets what: the one before it, the first from the last, so that none keeps its own.

    One by itself has nobody to give to and keeps its own.
    """
    return {one: chosen[place - 1] for place, one in enumerate(chosen)} if len(chosen) > 1 else {}


def exchange(rows: pd.DataFrame, seed: int, *, dose: float = 1.0, language: str | None = None) -> dict[str, str]:
    """Whose summary each conversation gets.

    Args:
        rows: with conversation and language.
        seed: of the draw.
        dose: share of the conversations concerned.
        language: only conversations of this one; None for all.
    Returns:
        donor by conversation, for those that get another's.
    Raises:
        ValueError: no conversation has that language.
    """
    concerned = rows if language is None else rows[rows["language"] == language]
    if concerned.empty:
        raise ValueError(f"no conversation in {language!r}; there are {sorted(set(rows['language']))}")
    return passed_on(victims(sorted(concerned["conversation"]), seed, dose))


def moved(rows: pd.DataFrame, given: Mapping[str, str]) -> pd.DataFrame:
    """The rows after summaries changed hands: what follows from a summary goes with it, all else stays.

    Args:
        rows: with conversation, each once, and any of `FOLLOWS`.
        given: donor by conversation, as `exchange` makes it; every donor has a row.
    """
    ids = pd.Index(rows["conversation"])
    source = ids.get_indexer(pd.Index([given.get(conversation, conversation) for conversation in ids]))
    return rows.assign(**{name: rows[name].to_numpy()[source] for name in FOLLOWS if name in rows.columns})


def shuffle_language(rows: pd.DataFrame, language: str, seed: int, dose: float = 1.0) -> pd.DataFrame:
    """Summaries of one language change hands among its conversations; other languages are left alone."""
    return moved(rows, exchange(rows, seed, dose=dose, language=language))


def shuffle_summaries(rows: pd.DataFrame, seed: int, dose: float = 1.0) -> pd.DataFrame:
    """Summaries change hands among all conversations."""
    return moved(rows, exchange(rows, seed, dose=dose))


def swap_names(rows: pd.DataFrame, seed: int, dose: float = 1.0) -> pd.DataFrame:
    """Clusters pass on their names, and with a name the category that it was assigned to."""
    led = dict(zip(rows["base_cluster"], rows["predicted"], strict=True))
    led.pop("", None)
    given = passed_on(victims(sorted(led), seed, dose))
    after = {cluster: led[given.get(cluster, cluster)] for cluster in led}
    return rows.assign(predicted=[after.get(cluster, "") for cluster in rows["base_cluster"]])


def delete_clusters(rows: pd.DataFrame, seed: int, dose: float = 1.0) -> pd.DataFrame:
    """Clusters are lost; their conversations stay, without cluster and category."""
    gone = set(victims(sorted(set(rows["base_cluster"]) - {""}), seed, dose))
    return without(rows, gone)


def without(rows: pd.DataFrame, gone: set[str]) -> pd.DataFrame:
    """The rows once those base clusters are lost."""
    lost = rows["base_cluster"].isin(gone)
    columns = rows.columns.intersection(["predicted", "base_cluster", "top_cluster"])
    return rows.assign(**{column: rows[column].mask(lost, "") for column in columns})


def duplicate(ids: Sequence[str], seed: int, dose: float = 1.0) -> list[str]:
    """Ids of a sample in which some conversations stand twice."""
    return [*ids, *victims(sorted(ids), seed, dose)]


def publish_held_back(judged: Judged, seed: int, dose: float = 1.0) -> Judged:
    """Clusters that a threshold held back are passed off as published; their conversations' fates are left alone."""
    small = sorted(cluster for cluster, fate in judged.fates.items() if fate is Fate.HELD_BACK)
    freed = dict.fromkeys(victims(small, seed, dose), Fate.PUBLISHED)
    return replace(judged, fates={**judged.fates, **freed})
