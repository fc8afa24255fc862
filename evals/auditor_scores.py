"""How well an auditor's ratings agree with labels: pure functions over a frame of rated rows.

A frame has the columns `id`, `private` (bool), `rating` (1 to 5, the label), `given` (1 to 5, or None where no rating
could be read), `kind`, `script`, `hard`, `pair`. What could not be rated is counted and scores nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clio_core.auditor import ACCEPTABLE
from evals import rates
from evals.statistics import FloatArray, cluster_bootstrap, cluster_codes

SCALE = (1, 2, 3, 4, 5)
FEW = 20  # rows of a slice under which its share says little
_SLICES = (("kind", "sensitivity"), ("script", "sensitivity"), ("hard", ""))


@dataclass(frozen=True, slots=True)
class Counts:
    """What an auditor's error is known from.

    Attributes:
        caught: (private rows rated under 3, private rows that were rated).
        cleared: (other rows rated 3 or better, other rows that were rated).
    """

    caught: tuple[int, int]
    cleared: tuple[int, int]


def counts(rows: pd.DataFrame) -> Counts:
    """Hits and tries of sensitivity and specificity."""
    rated = rows[rows["given"].notna()]
    flagged = rated["given"].astype(float) < ACCEPTABLE
    private = rated["private"].astype(bool)
    return Counts(
        (int((flagged & private).sum()), int(private.sum())),
        (int((~flagged & ~private).sum()), int((~private).sum())),
    )


def share(name: str, hits: int, tries: int, **more: Any) -> dict[str, Any]:
    """A row with a proportion and its exact interval; empty where there was nothing to try."""
    low, high = rates.exact_interval(hits, tries) if tries else (None, None)
    return {"metric": name, "value": hits / tries if tries else None, "low": low, "high": high, "n": tries, **more}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a metric: metric, value, low, high, n, note. Metrics that nothing rests on are empty.

    Sensitivity, specificity and accuracy have exact intervals; AUC and kappa percentile intervals of a bootstrap in
    which twins stay together.
    """
    rated = rows[rows["given"].notna()]
    found = counts(rows)
    (caught, private), (cleared, clean) = found.caught, found.cleared
    made = [
        share("sensitivity", caught, private),
        share("specificity", cleared, clean),
        share("false_alarms", clean - cleared, clean),
        share("accuracy", caught + cleared, private + clean),
        _spread("auc", rated, auc),
        _spread("quadratic_kappa", rated, kappa),
        pairs(rows),
        share("failed_ratings", len(rows) - len(rated), len(rows)),
        {"metric": "distinct_ratings", "value": rated["given"].nunique(), "n": len(rated), "note": verdict(rows)},
    ]
    columns = ["metric", "value", "low", "high", "n", "note"]
    frame = pd.DataFrame(made, columns=columns)
    frame["note"] = frame["note"].fillna("")
    few = (frame["n"] < FEW) & (frame["note"] == "") & (frame["metric"] != "failed_ratings")
    frame.loc[few, "note"] = [f"inconclusive: {n} rows, {FEW} wanted" for n in frame.loc[few, "n"]]
    return frame


def verdict(rows: pd.DataFrame) -> str:
    """Why nothing may rest on this auditor, beginning with "FAIL"; "" where it tells private rows from others."""
    given = rows["given"].dropna()
    if given.empty:
        return "FAIL: the auditor rated nothing"
    if given.nunique() == 1 and len(given) > 1:
        return f"FAIL: the auditor answers the same to everything, always {int(given.iloc[0])}"
    (caught, private), (cleared, clean) = counts(rows).caught, counts(rows).cleared
    if private and clean and caught / private + cleared / clean <= 1:
        return "FAIL: the auditor tells private texts from others no better than a coin"
    return ""


def pairs(rows: pd.DataFrame) -> dict[str, Any]:
    """Share of minimal pairs whose private twin is rated strictly lower; pairs with an unrated twin do not count."""
    twins = rows[(rows["pair"] != "") & rows["given"].notna()]
    wide = twins.assign(given=twins["given"].astype(float)).pivot(index="pair", columns="private", values="given")
    both = wide.reindex(columns=[False, True]).dropna()
    return share("twins_told_apart", int((both[True] < both[False]).sum()), len(both))


def confusion(rows: pd.DataFrame) -> pd.DataFrame:
    """Counts: label 1 to 5 as index, given rating 1 to 5 and "none" as columns."""
    given = rows["given"].map(lambda value: "none" if pd.isna(value) else str(int(value)))
    found = pd.crosstab(rows["rating"], given)
    return found.reindex(index=list(SCALE), columns=[*map(str, SCALE), "none"], fill_value=0)


def slices(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a slice: by, slice, metric, value, low, high, n, failed, note.

    By kind and script of the private detail: sensitivity. Of rows that only look private: specificity; of rows that
    are private without a name: sensitivity.
    """
    made = []
    for by, metric in _SLICES:
        chosen = rows[rows["private"].astype(bool)] if metric else rows[rows[by] != ""]
        for name, part in chosen.groupby(by, sort=True):
            found = counts(part)
            own = metric or ("specificity" if name == "hard_negative" else "sensitivity")
            hits, tries = found.cleared if own == "specificity" else found.caught
            failed = len(part) - tries
            note = f"inconclusive: {tries} rows, {FEW} wanted" if tries < FEW else ""
            made.append({"by": by, "slice": name, **share(own, hits, tries), "failed": failed, "note": note})
    return pd.DataFrame(made, columns=["by", "slice", "metric", "value", "low", "high", "n", "failed", "note"])


def _spread(name: str, rated: pd.DataFrame, of_tables: Callable[[FloatArray], FloatArray]) -> dict[str, Any]:
    """A statistic of the 2 x 5 x 5 table of (private, label, given), with its interval over clumps of twins."""
    value: float | None = None
    ends: tuple[float | None, float | None] = (None, None)
    if len(rated):
        clumps = np.where(rated["pair"] == "", "alone:" + rated["id"].astype(str), rated["pair"])
        codes, number = cluster_codes(clumps)
        cells = np.zeros((number, 2, 5, 5))
        at = (codes, rated["private"].astype(int), rated["rating"].astype(int) - 1, rated["given"].astype(int) - 1)
        np.add.at(cells, at, 1)

        def statistic(weights: FloatArray) -> FloatArray:
            return of_tables(np.tensordot(weights, cells, axes=1))

        whole = float(statistic(np.ones((1, number)))[0])
        value = whole if math.isfinite(whole) else None
        try:
            found = cluster_bootstrap(statistic, clumps)
            ends = (found.low, found.high)
        except ValueError:  # some resample has one class only: too few rows for any interval
            ends = (None, None)
    return {"metric": name, "value": value, "low": ends[0], "high": ends[1], "n": len(rated)}


def auc(tables: FloatArray) -> FloatArray:
    """Chance that a private row is rated lower than another one, ties as a half; shape (b, 2, 5, 5) to (b,)."""
    given = tables.sum(axis=2)
    clean, private = given[:, 0], given[:, 1]
    above = clean.sum(axis=1, keepdims=True) - np.cumsum(clean, axis=1)
    with np.errstate(invalid="ignore"):
        won = (private * (above + clean / 2)).sum(axis=1) / (private.sum(axis=1) * clean.sum(axis=1))
    return np.asarray(won)


def kappa(tables: FloatArray) -> FloatArray:
    """Cohen's kappa with quadratic weights; shape (b, 2, 5, 5) to (b,). Cohen 1968, Psychol. Bull. 70(4)."""
    seen = tables.sum(axis=1)
    weights = (np.arange(5)[:, None] - np.arange(5)[None, :]) ** 2
    chance = seen.sum(axis=2)[:, :, None] * seen.sum(axis=1)[:, None, :] / seen.sum(axis=(1, 2))[:, None, None]
    with np.errstate(invalid="ignore"):
        found = 1 - (weights * seen).sum(axis=(1, 2)) / (weights * chance).sum(axis=(1, 2))
    return np.asarray(found)
