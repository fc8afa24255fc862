"""How often the product's own intervals, tests and gates are right in the simulated world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from simulated import CATEGORY_NAMES, USUAL_SLIPS, Conversations, Led, as_frame, as_part, draw_arms
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from evals import gating, policy
from evals.comparison import paired_difference, welch_noninferiority
from evals.gating import Verdict
from evals.reconstruction_scores import f1_interval
from evals.statistics import cluster_interval, wilson_interval

ACCURACY = policy.load("model-upgrade").gates[0]
WHOLE_POLICY_EVERY = 5  # data sets; its gate on languages takes longer than all the rest


@dataclass(frozen=True, slots=True)
class Size:
    """Conversations, base clusters, data sets drawn, and seeds a side (fewer than two: no gate is asked)."""

    n: int
    k: int
    datasets: int
    seeds: int = 1


@dataclass(frozen=True, slots=True)
class World:
    """What came of many data sets.

    Attributes:
        size: of each, and how many.
        runs: a row a run of the baseline's pipeline and an interval: interval, value, low, high, conclusive.
        pairs: a row a data set: difference, and for each way of comparing whether it called the candidate different
            (tests) or failed it (gates).
    """

    size: Size
    runs: pd.DataFrame
    pairs: pd.DataFrame

    def coverage(self, interval: str, factor: float = 1.0) -> float:
        """Share of the intervals, taken `factor` times as wide, that hold the expected value."""
        rows = self.runs[self.runs["interval"] == interval]
        expected = rows["value"].mean()
        low = rows["value"] - factor * (rows["value"] - rows["low"])
        high = rows["value"] + factor * (rows["high"] - rows["value"])
        return float(((low <= expected) & (expected <= high)).mean())

    def asked(self, test: str) -> int:
        """On how many data sets a test or gate was asked."""
        return int(self.pairs[test].notna().sum())

    def rate(self, test: str) -> float:
        """Share of those data sets on which it spoke against the candidate."""
        return float(self.pairs[test].dropna().astype(float).mean())


def simulate(
    size: Size, slips: Sequence[float] = (USUAL_SLIPS, USUAL_SLIPS), *, with_f1: bool = False, seed: int = 0
) -> World:
    """Run two pipelines over many data sets; with the same share of slips they are one and the same."""
    runs, pairs = [], []
    same = slips[0] == slips[1]
    # Matrices this small gain nothing from more threads, and on a busy machine the threads wait for each other.
    with threadpool_limits(1):
        drawn_arms = draw_arms(size.n, size.k, size.datasets, slips=slips, seeds=size.seeds, seed=seed)
        for number, (drawn, arms) in enumerate(drawn_arms):
            for arm in arms if same else arms[:1]:
                for i, led in enumerate(arm):
                    # Macro F1 takes longer than the rest together, so that one run an arm has to do.
                    runs += intervals(drawn, led, with_f1=with_f1 and i == 0)
            row = tests(drawn, arms[0][0], arms[1][0])
            if size.seeds > 1:
                row |= gates(drawn, arms, whole=number % WHOLE_POLICY_EVERY == 0)
            pairs.append(row)
    return World(size, pd.DataFrame(runs), pd.DataFrame(pairs))


def intervals(drawn: Conversations, led: Led, *, with_f1: bool) -> list[dict[str, object]]:
    """The interval of the accuracy that takes conversations for independent, the clustered one, that of macro F1."""
    right = led.category == drawn.truth
    ours = cluster_interval(right, led.cluster)
    found = [
        ("naive", ours.value, *wilson_interval(int(right.sum()), len(right)), False),
        ("clustered", ours.value, ours.low, ours.high, ours.conclusive),
    ]
    if with_f1:
        f1 = f1_interval(as_frame(drawn, led), list(CATEGORY_NAMES), "macro")
        found.append(("macro F1", f1.value, f1.low, f1.high, ours.conclusive))
    return [dict(zip(("interval", "value", "low", "high", "conclusive"), row, strict=True)) for row in found]


def tests(drawn: Conversations, base: Led, candidate: Led) -> dict[str, object]:
    """Whether each test of one run against another, two-sided at 5%, calls them different."""
    before, after = base.category == drawn.truth, candidate.category == drawn.truth
    lost, gained = int(np.sum(before & ~after)), int(np.sum(~before & after))
    change = after.astype(float) - before.astype(float)
    return {
        "difference": float(change.mean()),
        "two-way": paired_difference(before, after, base.cluster, candidate.cluster).p_value < 0.05,
        "McNemar": bool(lost + gained) and stats.binomtest(lost, lost + gained).pvalue < 0.05,
        "paired t": bool(change.any()) and stats.ttest_1samp(change, 0).pvalue < 0.05,
    }


def by_seeds(drawn: Conversations, arms: Sequence[Sequence[Led]], margin: float) -> dict[str, object]:
    """Whether all seeds of either side call the candidate worse (Welch), and whether the gate would fail it by them."""
    scores = [[float(np.mean(led.category == drawn.truth)) for led in arm] for arm in arms]
    found = welch_noninferiority(scores[0], scores[1], margin)
    return {"Welch": found.worse, "accuracy gate by seeds": found.worse and found.value <= -margin}


def gates(drawn: Conversations, arms: Sequence[Sequence[Led]], *, whole: bool) -> dict[str, object]:
    """Whether the gates of "model-upgrade" fail the candidate: accuracy alone, or the `whole` policy, which is slow."""
    parts = [{"regular": as_part(drawn, arm[:1], with_seeds=False)} for arm in arms]
    read = policy.load("model-upgrade")
    judged = gating.judge(read if whole else replace(read, gates=(ACCURACY,)), *parts)
    found = {"accuracy gate": judged[0].verdict is Verdict.FAIL, **by_seeds(drawn, arms, float(ACCURACY.margin or 0))}
    if not whole:
        return found
    languages = next(one for one in judged if one.gate.kind == "languages")
    # Five seeds through the gate as well, so that the shorter way above is known to say what the gate says.
    seeds = [{"regular": as_part(drawn, arm, with_seeds=True)} for arm in arms]
    (again,) = gating.judge(replace(read, gates=(ACCURACY,)), *seeds)
    assert again.method.startswith("Welch")
    assert (again.verdict is Verdict.FAIL) == found["accuracy gate by seeds"]
    return {
        **found,
        "language gate": languages.verdict is Verdict.FAIL,
        "whole policy": gating.overall(judged) is Verdict.FAIL,
    }
