"""Label-blind pipelines: what every metric that has a chance level says once labels are dealt out at random.

Labels are shuffled over the conversations of a finished run, whose clusters and assignments stay as they are; the real
scoring functions score every shuffle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score

from evals import auditor_scores, group_test, multilingual, review_scores, seeds
from evals.reconstruction_scores import is_correct
from synthetic import auditor_set

FAR = 4.0  # standard errors; a sound harness is further off once in 16,000 checks
COLUMNS = ["suite", "metric", "chance", "mean", "low", "high", "run", "shuffles", "verdict"]


@dataclass(frozen=True, slots=True)
class Null:
    """One metric under shuffled labels.

    Attributes:
        suite, metric: whose it is.
        chance: what it is in the mean when labels are random.
        score: the metric after one shuffle with this generator.
        run: what it is for the run itself; NaN where the run has no such number.
        shuffles: how many.
    """

    suite: str
    metric: str
    chance: float
    score: Callable[[np.random.Generator], float]
    run: float = math.nan
    shuffles: int = 200


def table(nulls: Iterator[Null], seed: int = 0) -> pd.DataFrame:
    """A row a metric, columns `COLUMNS`: mean over the shuffles and their middle 95%, against the chance level."""
    return pd.DataFrame([_row(null, seed) for null in nulls], columns=COLUMNS)


def _row(null: Null, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    drawn = np.array([null.score(rng) for _ in range(null.shuffles)])
    mean, error = float(drawn.mean()), float(drawn.std(ddof=1)) / math.sqrt(null.shuffles)
    # Of yes and no there is no middle 95% to speak of.
    low, high = (None, None) if set(drawn) <= {0.0, 1.0} else np.quantile(drawn, [0.025, 0.975])
    row = {"suite": null.suite, "metric": null.metric, "chance": null.chance, "mean": mean, "low": low, "high": high}
    verdict = "PASS" if abs(mean - null.chance) <= FAR * error + 1e-12 else "FAIL"
    return {**row, "run": null.run, "shuffles": null.shuffles, "verdict": verdict}


def nulls(rows: pd.DataFrame) -> Iterator[Null]:
    """Every metric with a chance level that can be scored from a run's rows, or from a fixed set's labels alone.

    Args:
        rows: a row a conversation: language, category, predicted, base_cluster, top_cluster, spoken ("" where missing).
    """
    yield accuracy(rows)
    yield language_accuracy(rows)
    for level in ("base", "top"):
        if len(set(rows[f"{level}_cluster"]) - {""}) > 1:
            yield mutual_information(rows, "unsupervised", f"ami_{level}", f"{level}_cluster", "category")
            yield mutual_information(rows, "multilingual", f"ami_language_{level}", f"{level}_cluster", "language")
    if group_test_fits(rows):
        yield false_alarms(rows)
    yield rand_index(rows)
    if rows["category"].eq(rows["predicted"]).nunique() > 1:
        yield kappa(rows)
    yield from auditor()


def accuracy(rows: pd.DataFrame) -> Null:
    """Accuracy of reconstruction: by chance the sum over categories of true share times assigned share."""

    def score(rng: np.random.Generator) -> float:
        return float(is_correct(rows.assign(category=rng.permutation(rows["category"]))).mean())

    chance = met(rows["category"], rows["predicted"])
    return Null("supervised", "accuracy", chance, score, float(is_correct(rows).mean()), shuffles=1000)


def met(one: pd.Series, other: pd.Series) -> float:
    """Chance that two columns agree in a row once one of them is shuffled."""
    shares = one.value_counts(normalize=True)
    return float((shares * other.value_counts(normalize=True).reindex(shares.index, fill_value=0.0)).sum())


def language_accuracy(rows: pd.DataFrame) -> Null:
    """Share of conversations whose language was named rightly, languages shuffled."""
    truth = rows["language"].map(multilingual.named)

    def score(rng: np.random.Generator) -> float:
        return float((rng.permutation(truth) == rows["spoken"].to_numpy()).mean())

    run = float((truth == rows["spoken"]).mean())
    return Null("multilingual", "language_accuracy", met(truth, rows["spoken"]), score, run, shuffles=1000)


def mutual_information(rows: pd.DataFrame, suite: str, name: str, column: str, label: str) -> Null:
    """Adjusted mutual information of clusters with shuffled labels: 0, which is what "adjusted" means."""
    placed = rows[rows[column] != ""]
    labels, clusters = placed[label].to_numpy(dtype=str), placed[column].to_numpy(dtype=str)

    def score(rng: np.random.Generator) -> float:
        return float(adjusted_mutual_info_score(rng.permutation(labels), clusters))

    return Null(suite, name, 0.0, score, float(adjusted_mutual_info_score(labels, clusters)), shuffles=60)


def group_test_fits(rows: pd.DataFrame) -> bool:
    """Whether there are base clusters enough for the test of languages."""
    placed = rows[rows["base_cluster"] != ""]
    return placed["base_cluster"].nunique() > 2 * placed["language"].nunique() > 2


def false_alarms(rows: pd.DataFrame) -> Null:
    """How often the test of whether languages differ says so at 5% when languages are shuffled: in 5%."""
    placed = rows[rows["base_cluster"] != ""]
    right, clusters = is_correct(placed), placed["base_cluster"].to_numpy(dtype=str)
    languages = placed["language"].to_numpy(dtype=str)

    def score(rng: np.random.Generator) -> float:
        dealt = rng.permutation(languages)
        # 99 shuffles inside: p is then a multiple of 0.01, and at most 0.05 in exactly 5% of cases.
        return float(group_test.p_value(right, dealt, clusters, permutations=99, seed=int(rng.integers(2**31))) <= 0.05)

    return Null("multilingual", "languages_differ_p at most 0.05", 0.05, score, shuffles=150)


def rand_index(rows: pd.DataFrame) -> Null:
    """Adjusted Rand index of a partition with its own shuffled copy, as suite "seeds" has it: 0."""

    def score(rng: np.random.Generator) -> float:
        other = rows.assign(base_cluster=rng.permutation(rows["base_cluster"]))
        return float(seeds.agreement({(0, 0): rows, (1, 0): other})["adjusted_rand"].iloc[0])

    return Null("seeds", "adjusted_rand", 0.0, score, shuffles=60)


def kappa(rows: pd.DataFrame) -> Null:
    """Cohen's kappa between a person and one who gives the same answers in shuffled order, as in reviews: 0."""
    right = is_correct(rows)
    answers = pd.DataFrame({"key": rows["conversation"], "cluster": "", "who": "one", "said": right})

    def score(rng: np.random.Generator) -> float:
        said = pd.concat([answers, answers.assign(who="other", said=rng.permutation(right))])
        return float(review_scores.agreement("", said, None)["kappa"].iloc[0])

    return Null("reviews", "kappa", 0.0, score, shuffles=100)


def auditor() -> Iterator[Null]:
    """AUC and quadratic kappa of an auditor who hands out the labels' own ratings at random: 0.5 and 0."""
    rows = auditor_set.read().rows
    private = np.array([row.private for row in rows], dtype=int)
    label = np.array([row.rating for row in rows]) - 1
    found: Mapping[str, tuple[float, Callable[[Any], Any]]] = {
        "auc": (0.5, auditor_scores.auc),
        "quadratic_kappa": (0.0, auditor_scores.kappa),
    }
    for name, (chance, of_tables) in found.items():

        def score(rng: np.random.Generator, of_tables: Callable[[Any], Any] = of_tables) -> float:
            cells = np.zeros((1, 2, 5, 5))
            np.add.at(cells[0], (private, label, rng.permutation(label)), 1)
            return float(of_tables(cells)[0])

        yield Null("auditor", name, chance, score)
