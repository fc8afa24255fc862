"""What people said, how far they agree with each other and the grader, and what that makes of the grader's rate."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pandas as pd
from sklearn.metrics import cohen_kappa_score

from evals import prediction_powered
from evals.stages_scores import share

GRADER, TOGETHER, CORRECTED = "grader", "people together", "grader, corrected"
_RATES = ["measure", "who", "value", "low", "high", "n", "unsure", "clusters", "note"]
_AGREEMENT = ["measure", "one", "other", "kappa", "same", "n", "note"]


def people(said: pd.DataFrame) -> pd.DataFrame:
    """One row an item that somebody was sure of: key, cluster, score (mean over those people), 0 to 1."""
    sure = said[said["said"].notna()]
    return sure.groupby(["key", "cluster"]).agg(score=("said", "mean")).reset_index()


def rates(measure: str, said: pd.DataFrame, graded: pd.DataFrame | None) -> pd.DataFrame:
    """Rates of one measure.

    Args:
        measure: its name.
        said: a row an answer: key, cluster, who, said (1, 0, missing where unsure).
        graded: the grader's rows: item, cluster, score (missing where it failed); None where it was not run.
    Returns:
        a row for each person, for all of them together if there are several, for the grader, and for the grader's rate
        corrected by what people said.
    """
    rows = [_rate(measure, who, part.rename(columns={"said": "score"})) for who, part in said.groupby("who")]
    together = people(said)
    if said["who"].nunique() > 1:
        rows.append(_rate(measure, TOGETHER, together))
    if graded is not None:
        rows += [_rate(measure, GRADER, graded), corrected(measure, together, graded)]
    return pd.DataFrame(rows, columns=_RATES)


def _rate(measure: str, who: Any, rows: pd.DataFrame) -> dict[str, Any]:
    found = share(rows)
    # What a person was unsure of, and what the grader gave no answer to, are in no rate.
    line = {**found.row(), "measure": measure, "who": str(who), "unsure": found.failed}
    return {name: line[name] for name in _RATES}


def corrected(measure: str, together: pd.DataFrame, graded: pd.DataFrame) -> dict[str, Any]:
    """The grader's rate over all that it graded, corrected by prediction-powered inference."""
    line: dict[str, Any] = dict.fromkeys(_RATES, None)
    line |= {"measure": measure, "who": CORRECTED, "n": 0, "unsure": 0, "clusters": 0, "note": ""}
    verdicts = graded[graded["score"].notna()]
    both = together.merge(verdicts[["item", "score"]], left_on="key", right_on="item", suffixes=("", "_grader"))
    alone = verdicts[~verdicts["item"].isin(set(both["key"]))]
    line |= {"n": len(both), "clusters": int(pd.concat([alone["cluster"], both["cluster"]]).nunique())}
    if both.empty:
        return {**line, "note": "no item was judged by people and by the grader"}
    if alone.empty:
        found = share(both)
        note = "people judged all that was graded, so nothing is left to correct"
        return {**line, "value": found.value, "low": found.low, "high": found.high, "note": note}
    if line["clusters"] < 2:
        return {**line, "note": "one cluster, which has no spread"}
    value, low, high = prediction_powered.mean(
        alone["score"], (both["score_grader"], both["score"]), (list(alone["cluster"]), list(both["cluster"]))
    )
    return {**line, "value": value, "low": low, "high": high}


def agreement(measure: str, said: pd.DataFrame, graded: pd.DataFrame | None) -> pd.DataFrame:
    """Cohen's kappa of every two people, and of each with the grader, over what both were sure of."""
    sure = said[said["said"].notna()]
    voices = {str(who): part.set_index("key")["said"] for who, part in sure.groupby("who")}
    if graded is not None:
        verdicts = graded[graded["score"].notna()]
        voices[GRADER] = verdicts.set_index("item")["score"]
    rows = [
        _pair(measure, (one, voices[one]), (other, voices[other])) for one, other in itertools.combinations(voices, 2)
    ]
    return pd.DataFrame(rows, columns=_AGREEMENT)


def _pair(measure: str, one: tuple[str, pd.Series], other: tuple[str, pd.Series]) -> dict[str, Any]:
    both = pd.concat([one[1].rename("one"), other[1].rename("other")], axis=1, join="inner")
    line: dict[str, Any] = {"measure": measure, "one": one[0], "other": other[0], "n": len(both)}
    if both.empty:
        return {**line, "kappa": None, "same": None, "note": "no item that both were sure of"}
    same = float((both["one"] == both["other"]).mean())
    if both.nunique().max() < 2:
        # Where neither ever changes their answer, chance alone gives full agreement and kappa is 0 / 0.
        return {**line, "kappa": None, "same": same, "note": "kappa not defined: neither gave more than one answer"}
    kappa = float(cohen_kappa_score(both["one"].astype(int), both["other"].astype(int)))
    return {**line, "kappa": None if math.isnan(kappa) else kappa, "same": same, "note": ""}
