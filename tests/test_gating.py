from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evals import gating, planning
from evals.gating import Verdict
from evals.policy import Gate, Policy
from evals.runs import Part
from evals.suite import ITEM_COLUMNS, METRIC_COLUMNS, item, metric

LANGUAGES = ("English", "Hindi", "Georgian")


def gate(kind="non_inferiority", **fields):
    start = {"name": kind, "suite": "supervised", "metric": "accuracy", "dataset": "regular", "kind": kind}
    return Gate(**{**start, **fields})


def part(metrics=(), items=(), seeds=None):
    rows = [{"suite": "supervised", "dataset": "regular", **row} for row in metrics]
    scored = [{"suite": "supervised", **row} for row in items]
    frame = pd.DataFrame(rows, columns=METRIC_COLUMNS)
    for column in ("value", "low", "high", "n", "clusters", "paper"):
        frame[column] = pd.to_numeric(frame[column])
    manifest = {"dataset": {"name": "regular", "hash": "h", "conversations": len(scored), "sensitive": False}}
    return Part("regular", Path("run"), manifest, frame, pd.DataFrame(scored, columns=ITEM_COLUMNS), seeds, {})


def run(rates, *, n=3000, clusters=300, seed=0, shift=0):
    """A run whose languages are right so often, over base clusters of its own."""
    rng = np.random.default_rng(seed)
    ids = np.arange(n)
    spoken = np.array(LANGUAGES)[ids % len(LANGUAGES)]
    right = rng.random(n) < np.array([rates[lang] for lang in spoken])
    cluster = (ids * 7 + shift) % clusters
    scores = [
        item("accuracy", f"c{i}", float(r), language=lang, category="x", cluster=f"b{c}")
        for i, r, lang, c in zip(ids, right, spoken, cluster, strict=True)
    ]
    value = float(right.mean())
    return part([metric("accuracy", value, ends=(value - 0.02, value + 0.02), n=n, clusters=clusters)], scores)


def even(rate):
    return dict.fromkeys(LANGUAGES, rate)


def judged(one, base, candidate):
    (found,) = gating.judge(Policy("p", "", (one,)), {"regular": base}, {"regular": candidate})
    return found


def test_a_run_against_its_like_passes_and_against_a_much_worse_one_fails():
    base = run(even(0.8))
    assert judged(gate(margin=0.05), base, run(even(0.8), seed=1, shift=3)).verdict is Verdict.PASS
    worse = judged(gate(margin=0.05), base, run(even(0.6), seed=1, shift=3))
    assert worse.verdict is Verdict.FAIL
    assert worse.difference == pytest.approx(-0.2, abs=0.03)


def test_a_loss_within_the_margin_passes_although_it_is_sure():
    found = judged(gate(margin=0.10), run(even(0.8)), run(even(0.75), seed=1))
    assert found.high < 0
    assert found.verdict is Verdict.PASS


def test_what_shows_neither_is_inconclusive_and_says_what_would_settle_it():
    found = judged(gate(margin=0.01), run(even(0.8)), run(even(0.795), seed=1, shift=3))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "conversations in" in found.wanted
    assert "5 seeds on either side" in found.wanted


def test_few_clusters_never_pass_but_a_collapse_still_fails():
    base = run(even(0.8), n=600, clusters=40)
    same = judged(gate(margin=0.2), base, run(even(0.8), n=600, clusters=40, seed=1))
    assert same.verdict is Verdict.INCONCLUSIVE
    assert "100" in same.wanted
    or_worse = judged(gate(margin=0.05), base, run(even(0.1), n=600, clusters=40, seed=1))
    assert or_worse.verdict is Verdict.FAIL


def test_where_lower_is_better_a_rise_is_the_loss():
    rising = judged(gate(margin=0.05, higher_is_better=False), run(even(0.2)), run(even(0.4), seed=1))
    assert rising.verdict is Verdict.FAIL
    falling = judged(gate(margin=0.05, higher_is_better=False), run(even(0.4)), run(even(0.2), seed=1))
    assert falling.verdict is Verdict.PASS


def test_one_language_that_falls_blocks_by_its_name_and_no_other_does():
    found = judged(gate("languages", margin=0.1), run(even(0.8)), run({**even(0.8), "Hindi": 0.3}, seed=1, shift=3))
    assert found.verdict is Verdict.FAIL
    assert found.named == ("Hindi",)


def test_languages_that_all_fall_are_all_named():
    found = judged(gate("languages", margin=0.1), run(even(0.8)), run(even(0.2), seed=1, shift=3))
    assert found.verdict is Verdict.FAIL
    assert set(found.named) == set(LANGUAGES)


def test_languages_that_move_together_a_little_block_nothing():
    found = judged(gate("languages", margin=0.1), run(even(0.8)), run(even(0.78), seed=1, shift=3))
    assert found.verdict is Verdict.PASS
    assert found.named == ()


def numbers(name, value, low, high, n=1000, clusters=None):
    return part([metric(name, value, ends=(low, high), n=n, clusters=clusters)])


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.95, 0.99, Verdict.PASS), (0.90, 0.94, Verdict.FAIL), (0.93, 0.97, Verdict.INCONCLUSIVE)],
)
def test_a_floor_is_passed_by_the_lower_end_and_failed_by_the_upper(low, high, verdict):
    candidate = numbers("sensitivity", (low + high) / 2, low, high)
    found = judged(gate("floor", metric="sensitivity", value=0.95), part(), candidate)
    assert found.verdict is verdict
    assert bool(found.wanted) is (verdict is Verdict.INCONCLUSIVE)


def test_a_floor_over_few_clusters_is_inconclusive_with_the_number_that_is_wanted():
    found = judged(gate("floor", value=0.5), part(), numbers("accuracy", 0.7, 0.61, 0.78, n=600, clusters=49))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "about 1,225 items in 100 clusters" in found.wanted  # 600 * 100 / 49 = 1,224.5


def test_nothing_in_two_hundred_passes_with_the_bound_that_it_gives():
    none = judged(gate("zero", metric="facts_published"), part(), part([metric("facts_published", 0, n=200)]))
    assert none.verdict is Verdict.PASS
    assert "below 1.49%" in none.said
    some = judged(gate("zero", metric="facts_published"), part(), part([metric("facts_published", 0.01, n=200)]))
    assert some.verdict is Verdict.FAIL
    nothing = judged(gate("zero", metric="facts_published"), part(), part([metric("facts_published", 0, n=0)]))
    assert nothing.verdict is Verdict.INCONCLUSIVE


def test_nothing_in_too_few_clusters_is_inconclusive_with_the_number_that_is_wanted():
    held = part([metric("found_published", 0, n=375, clusters=13)])
    few = judged(gate("zero", metric="found_published", value=0.05), part(), held)
    assert few.verdict is Verdict.INCONCLUSIVE
    assert "below 20.58%" in few.said  # 1 - 0.05 ^ (1 / 13): facts of one cluster are one try
    assert "59 clusters without a hit (now 13)" in few.wanted  # ln 0.05 / ln 0.95 = 58.4
    enough = part([metric("found_published", 0, n=375, clusters=60)])
    assert judged(gate("zero", metric="found_published", value=0.05), part(), enough).verdict is Verdict.PASS


def test_a_metric_that_was_never_measured_is_inconclusive_or_skipped_and_says_how_to_measure_it():
    found = judged(gate("floor", suite="auditor", dataset="auditor", value=0.9), part(), part())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.wanted == "run it: clio-evals run auditor"
    assert judged(gate("floor", value=0.9, required=False), part(), part()).skipped


def seeded(accuracies):
    """Rows of suite "seeds": 100 conversations a seed, so many of them right."""
    rows = [
        {
            "seed": seed,
            "repeat": 0,
            "conversation": f"c{i}",
            "language": "English",
            "category": "x",
            "predicted": "x" if i < round(100 * accuracy) else "y",
            "base_cluster": f"b{i % 10}",
        }
        for seed, accuracy in enumerate(accuracies)
        for i in range(100)
    ]
    return part([metric("accuracy", accuracies[0], n=100, clusters=10)], seeds=pd.DataFrame(rows))


def test_seeds_on_both_sides_decide_by_welch():
    base = seeded([0.70, 0.71, 0.69, 0.72, 0.70])
    assert judged(gate(margin=0.05), base, seeded([0.70, 0.70, 0.71, 0.69, 0.71])).verdict is Verdict.PASS
    found = judged(gate(margin=0.05), base, seeded([0.50, 0.52, 0.51, 0.49, 0.50]))
    assert found.verdict is Verdict.FAIL
    assert "Welch over 5 and 5 seeds" in found.method


def test_too_few_seeds_are_inconclusive_with_the_number_that_is_wanted():
    found = judged(gate(margin=0.02), seeded([0.70, 0.74]), seeded([0.70, 0.73]))
    assert found.verdict is Verdict.INCONCLUSIVE
    # Variances 0.0008 and 0.00045, mean 0.000625: 2 * 0.000625 * (2.4865 / 0.02)^2 = 19.3.
    assert "20 seeds on either side (now 2" in found.wanted


def test_seeds_and_effects_by_the_formula():
    assert pytest.approx(2.4865, abs=1e-4) == planning.IN_ERRORS
    assert planning.smallest_effect(0.0083, 5) == pytest.approx(2.4865 * 0.0083 * math.sqrt(0.4), abs=1e-6)
    assert planning.seeds_needed(0.0083, 0.02) == 5  # 2.1 by the formula, 5 at the least
    assert planning.seeds_needed(0.0083, 0.005) == 35  # 2 * (0.0083 * 2.4865 / 0.005)^2 = 34.07
    with pytest.raises(ValueError, match="above 0"):
        planning.seeds_needed(0.01, 0)


def outcome(*verdicts):
    pairs = [(gate("zero", name=str(i), tier=tier), verdict) for i, (tier, verdict) in enumerate(verdicts)]
    return gating.overall([gating.Judgement(one, verdict, "") for one, verdict in pairs])


def test_the_whole_fails_before_it_is_inconclusive_and_warns_before_it_passes():
    assert outcome(("block", Verdict.PASS), ("warn", Verdict.PASS)) is Verdict.PASS
    assert outcome(("block", Verdict.PASS), ("warn", Verdict.FAIL)) is Verdict.WARN
    assert outcome(("block", Verdict.PASS), ("warn", Verdict.INCONCLUSIVE)) is Verdict.WARN
    assert outcome(("block", Verdict.INCONCLUSIVE), ("block", Verdict.FAIL)) is Verdict.FAIL
    assert outcome(("block", Verdict.INCONCLUSIVE), ("block", Verdict.PASS)) is Verdict.INCONCLUSIVE
    skipped = gating.Judgement(gate("zero"), Verdict.INCONCLUSIVE, "", skipped=True)
    assert gating.overall([skipped]) is Verdict.INCONCLUSIVE  # a policy that looked at nothing passed nothing


def test_exit_codes_leave_one_to_crashes_and_two_to_usage():
    assert gating.EXIT_CODES == {"PASS": 0, "WARN": 0, "FAIL": 100, "INCONCLUSIVE": 101}
