from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai.scorer import SampleScore, Score, ci_wilson
from scipy import stats
from statsmodels.api import OLS

from evals.comparison import benjamini_hochberg, holm, paired_difference, welch_noninferiority
from evals.rates import rogan_gladen, rogan_gladen_interval, zero_bound
from evals.statistics import FloatArray, Interval, cluster_bootstrap, cluster_codes, cluster_interval, wilson_interval

# Three clusters all right, one all wrong; two rows each.
CLUMPED = [1, 1, 1, 1, 1, 1, 0, 0]
CLUMPS = ["a", "a", "b", "b", "c", "c", "d", "d"]

# Rows of (right, cluster), with at least two clusters.
rows = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=60).filter(
    lambda found: len({cluster for _, cluster in found}) > 1
)

# The first call of some scipy functions is slow, and the machine may be busy.
unhurried = settings(deadline=None)


def interval(clusters: int, wrong: int) -> Interval:
    return Interval(0.9, 0.8, 0.95, 5_000, clusters, wrong, 10.0, 500.0)


def test_wilson_gives_the_textbook_interval_for_eight_of_ten() -> None:
    # z^2 = 3.841459; middle .8 + z^2/20 = .992073; half z * sqrt(.016 + z^2/400) = .313616; both over 1 + z^2/10.
    assert wilson_interval(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)


def test_wilson_refuses_more_successes_than_tries() -> None:
    with pytest.raises(ValueError, match="got 11 of 10"):
        wilson_interval(11, 10)


def test_a_level_given_as_a_percentage_is_an_error() -> None:
    with pytest.raises(ValueError, match="got 95"):
        cluster_interval(CLUMPED, CLUMPS, level=95)


def test_the_clustered_interval_agrees_with_arithmetic_by_hand() -> None:
    # Mean 3/4. Deviations sum to 1/2, 1/2, 1/2, -3/2 by cluster; squares sum to 3. Variance 3 * 4/3 / 8^2 = 1/16.
    # Independent rows: 3/16 / 8 = 3/128, so the design effect is 8/3 and the effective n is 3/16 * 16 = 3.
    # t at 3 degrees of freedom is 3.182446, t^2 = 10.127965; Wilson at n = 3:
    # (.75 + 1.687994 -+ 3.182446 * sqrt(.0625 + .281332)) / (1 + 3.375988) = (2.437994 -+ 1.866094) / 4.375988.
    found = cluster_interval(CLUMPED, CLUMPS)
    assert (found.value, found.n, found.clusters, found.wrong_clusters) == (0.75, 8, 4, 1)
    assert found.design_effect == pytest.approx(8 / 3)
    assert found.effective_n == pytest.approx(3)
    assert (found.low, found.high) == pytest.approx((0.13069, 0.98357), abs=2e-5)


@given(rows, st.sampled_from([0.8, 0.95, 0.99]))
@unhurried
def test_the_clustered_interval_is_the_one_that_inspect_computes(found: list[tuple[bool, int]], level: float) -> None:
    ours = cluster_interval([right for right, _ in found], [cluster for _, cluster in found], level=level)
    theirs = ci_wilson(level=level, cluster="cluster")(
        # Inspect's protocol says Score; its metrics are called with SampleScore.
        [SampleScore(score=Score(value=int(right)), sample_metadata={"cluster": c}) for right, c in found]  # type: ignore[misc]
    )
    assert isinstance(theirs, dict)
    assert (ours.low, ours.high) == pytest.approx((theirs["lower"], theirs["upper"]), abs=1e-9)


@given(rows)
@unhurried
def test_the_clustered_interval_holds_its_estimate_and_stays_within_zero_and_one(
    found: list[tuple[bool, int]],
) -> None:
    result = cluster_interval([right for right, _ in found], [cluster for _, cluster in found])
    assert 0 <= result.low <= result.value <= result.high <= 1
    assert 0 < result.effective_n <= result.n


@given(rows, st.randoms(use_true_random=False))
@unhurried
def test_the_order_of_rows_changes_nothing(found: list[tuple[bool, int]], random: Random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    first, second = (cluster_interval(*zip(*order, strict=True)) for order in (found, shuffled))
    fields = ("value", "low", "high", "design_effect", "effective_n")
    assert [getattr(first, name) for name in fields] == pytest.approx(
        [getattr(second, name) for name in fields], nan_ok=True
    )
    assert (first.clusters, first.wrong_clusters) == (second.clusters, second.wrong_clusters)


@given(st.integers(1, 399))
@unhurried
def test_rows_that_are_each_their_own_cluster_give_about_the_naive_interval(right: int) -> None:
    found = cluster_interval([1] * right + [0] * (400 - right), range(400))
    assert (found.low, found.high) == pytest.approx(wilson_interval(right, 400), abs=0.001)
    assert found.design_effect == pytest.approx(400 / 399)


def test_one_cluster_is_an_error_because_one_clump_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least 2 clusters, got 1 with 3 rows"):
        cluster_interval([1, 0, 1], ["a", "a", "a"])


def test_a_row_without_a_cluster_is_an_error_that_counts_the_rows() -> None:
    with pytest.raises(ValueError, match="2 of 3 have none"):
        cluster_interval([1, 0, 1], np.array(["a", None, None]))


@pytest.mark.parametrize("score", [math.nan, 2.0, -1.0])
def test_a_score_outside_zero_to_one_is_an_error(score: float) -> None:
    with pytest.raises(ValueError, match="correct must lie in 0 to 1"):
        cluster_interval([1, score], ["a", "b"])


def test_all_rows_right_has_no_design_effect_and_no_verdict() -> None:
    found = cluster_interval([1] * 400, range(400))
    assert math.isnan(found.design_effect)
    assert (found.value, found.high, found.wrong_clusters) == (1, 1, 0)
    assert not found.conclusive


@pytest.mark.parametrize(("clusters", "wrong", "verdict"), [(100, 5, True), (99, 5, False), (100, 4, False)])
def test_an_interval_is_conclusive_from_a_hundred_clusters_and_five_with_an_error(
    clusters: int, wrong: int, verdict: bool
) -> None:
    assert interval(clusters, wrong).conclusive is verdict


def test_an_inconclusive_interval_says_what_is_missing() -> None:
    assert interval(40, 3).doubts == ("40 clusters, 100 wanted", "3 clusters with an error, 5 wanted")


def mean_of(scores: list[int], clusters: list[str]) -> Callable[[FloatArray], FloatArray]:
    codes, count = cluster_codes(clusters)
    sums, sizes = np.bincount(codes, weights=scores, minlength=count), np.bincount(codes, minlength=count)

    def statistic(weights: FloatArray) -> FloatArray:
        return np.asarray((weights @ sums) / (weights @ sizes))

    return statistic


@pytest.mark.parametrize(("level", "ends"), [(0.40, (0.5, 0.5)), (0.60, (0.0, 1.0)), (0.95, (0.0, 1.0))])
def test_the_bootstrap_of_two_clusters_has_the_three_means_they_can_give(
    level: float, ends: tuple[float, float]
) -> None:
    # Drawn twice with replacement, "a" (right) and "b" (wrong) give 0, 1/2 and 1 with chances 1/4, 1/2 and 1/4. The
    # 30th and 70th percentiles are therefore 1/2, the 20th and 80th 0 and 1.
    found = cluster_bootstrap(mean_of([1, 0], ["a", "b"]), ["a", "b"], level=level)
    assert (found.value, found.low, found.high, found.clusters) == (0.5, *ends, 2)


def test_the_bootstrap_weighs_each_resample_to_as_many_clusters_as_there_are() -> None:
    seen = []

    def statistic(weights: FloatArray) -> FloatArray:
        seen.append(weights)
        return weights[:, 0]

    found = cluster_bootstrap(statistic, [7, 7, 7, 8, 9], replicates=50)
    drawn, data = seen
    assert drawn.shape == (50, 3)
    assert (drawn.sum(axis=1) == 3).all()
    assert data.tolist() == [[1, 1, 1]]
    assert found.value == 1


def test_the_bootstrap_gives_the_same_interval_twice_and_in_any_order_of_rows() -> None:
    generator = np.random.default_rng(5)
    scores, clusters = generator.integers(0, 2, 200), generator.integers(0, 20, 200).astype(str)
    order = generator.permutation(200)
    one = cluster_bootstrap(mean_of(list(scores), list(clusters)), clusters, replicates=300)
    two = cluster_bootstrap(
        mean_of(list(scores[order]), list(clusters[order])),
        clusters[order],
        replicates=300,
    )
    assert one == two
    assert one.low < one.value < one.high


def test_the_bootstrap_interval_is_widened_to_its_own_estimate() -> None:
    # A cluster drawn twice is worth 1 here, but no cluster is drawn twice in the data as they are.
    found = cluster_bootstrap(lambda w: (w.max(axis=1) > 1).astype(float), range(200), replicates=100)
    assert (found.value, found.low, found.high) == (0, 0, 1)


def test_a_statistic_undefined_on_some_resample_is_an_error_that_counts_them() -> None:
    with pytest.raises(ValueError, match="100 undefined of 100 replicates"):
        cluster_bootstrap(lambda w: w[:, 0] * math.nan, ["a", "b"], replicates=100)


def test_two_runs_are_compared_with_the_clumps_of_both_by_hand() -> None:
    # The candidate loses one of four. Residuals -3/4, 1/4, 1/4, 1/4. By cluster of either run they sum to -1/2 and
    # 1/2: variance (1/2) * 2/1 / 4^2 = 1/16. By pair of clusters each row stands alone: (3/4) * 4/3 / 4^2 = 1/16.
    # Two-way 1/16 + 1/16 - 1/16, so the error is 1/4. t = -1 at 1 degree of freedom has p = 1/2 (Cauchy).
    # Half-width 12.706205 / 4 = 3.176551.
    found = paired_difference([1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1])
    assert (found.value, found.lost, found.gained, found.clusters, found.changed_clusters) == (-0.25, 1, 0, 2, 1)
    assert found.standard_error == pytest.approx(0.25)
    assert found.p_value == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((-3.426551, 2.926551), abs=1e-5)


def test_the_two_way_error_is_that_of_a_regression_on_a_constant() -> None:
    generator = np.random.default_rng(3)
    n = 3_000
    place = generator.random(n)
    first, second = (np.searchsorted(np.sort(generator.random(29)), place) for _ in range(2))
    a, b = (generator.random((2, n)) < 0.6 + 0.3 * generator.random(30)[np.stack([first, second])]).astype(float)
    found = paired_difference(a, b, first, second)
    fit = OLS(b - a, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": np.c_[first, second]}, use_t=True)
    assert found.standard_error == pytest.approx(fit.bse[0])
    assert found.p_value == pytest.approx(fit.pvalues[0])
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int(0.05)[0]))


def test_changes_that_cancel_within_every_cluster_are_not_taken_for_precision() -> None:
    # Changes -1, 1, 1, -1 sum to 0 in each cluster of either run, and the two-way variance is negative. Four
    # independent changes have variance 4 / (4 * 3) = 1/3.
    found = paired_difference([1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1])
    assert (found.value, found.lost, found.gained) == (0, 2, 2)
    assert found.standard_error == pytest.approx(math.sqrt(1 / 3))


def test_a_run_compared_with_itself_shows_no_difference_and_can_be_judged() -> None:
    scores, clusters = [1, 0] * 200, list(range(200)) * 2
    found = paired_difference(scores, scores, clusters, clusters)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert found.conclusive


@pytest.mark.parametrize(("clusters", "changed", "verdict"), [(100, 5, True), (100, 4, False), (99, 5, False)])
def test_a_difference_needs_a_hundred_clusters_and_a_change_in_five(clusters: int, changed: int, verdict: bool) -> None:
    before = np.ones(clusters * 3)
    after = before.copy()
    after[:changed] = 0
    found = paired_difference(before, after, np.arange(clusters * 3) % clusters, np.arange(clusters * 3) % clusters)
    assert found.changed_clusters == changed
    assert found.conclusive is verdict


def test_the_smallest_effect_a_pair_can_show_is_two_and_a_half_errors() -> None:
    found = paired_difference([1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1])
    assert found.smallest_effect == pytest.approx(0.25 * (1.644854 + 0.841621), abs=1e-6)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4), st.integers(0, 4)), max_size=40))
@unhurried
def test_swapping_the_runs_turns_the_difference_around(found: list[tuple[bool, bool, int, int]]) -> None:
    a, b, first, second = zip(*found, (True, True, 5, 5), (False, False, 6, 6), strict=True)
    there, back = paired_difference(a, b, first, second), paired_difference(b, a, second, first)
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert there.low <= there.value <= there.high
    assert 0 <= there.p_value <= 1


def test_runs_over_different_conversations_are_an_error() -> None:
    with pytest.raises(ValueError, match="got 2 and 3"):
        paired_difference([1, 0], [1, 0, 1], [0, 1], [0, 1, 2])


def test_seeds_are_compared_by_welch_against_an_accepted_loss() -> None:
    # Means .92 and .93, both variances .0004: error sqrt(.0004/3 * 2) = .0163299 at 4 degrees of freedom, where t for
    # a two-sided 90% is 2.131847. Half-width .0348130.
    found = welch_noninferiority([0.90, 0.92, 0.94], [0.91, 0.93, 0.95], margin=0.03)
    assert (found.value, found.low, found.high) == pytest.approx((0.01, -0.024813, 0.044813), abs=1e-6)
    assert found.non_inferior
    assert not found.worse
    assert not found.conclusive  # three seeds, not five
    assert not welch_noninferiority([0.90, 0.92, 0.94], [0.91, 0.93, 0.95], margin=0.02).non_inferior


def test_a_candidate_that_lost_on_every_seed_is_worse() -> None:
    found = welch_noninferiority([0.94, 0.95, 0.96, 0.95, 0.94], [0.84, 0.85, 0.86, 0.85, 0.84], margin=0.02)
    assert found.worse
    assert not found.non_inferior
    assert found.conclusive


def test_seeds_that_never_differ_give_no_spread_to_judge_by() -> None:
    found = welch_noninferiority([0.9] * 5, [0.9] * 5, margin=0.02)
    assert (found.value, found.low, found.high, found.varies, found.conclusive) == (0, 0, 0, False, False)


def test_a_single_seed_or_a_margin_of_zero_is_an_error() -> None:
    with pytest.raises(ValueError, match="b_seeds must hold at least 2"):
        welch_noninferiority([0.9, 0.91], [0.9], margin=0.02)
    with pytest.raises(ValueError, match="margin must be a loss above 0"):
        welch_noninferiority([0.9, 0.91], [0.9, 0.92], margin=0)


def test_holm_multiplies_by_the_hypotheses_that_are_left() -> None:
    # .01 * 3, .03 * 2, and .04 * 1 raised to the .06 before it.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_benjamini_and_hochberg_divide_by_the_rank() -> None:
    # .01 * 3/1, .03 * 3/2 = .045 lowered to the .04 * 3/3 after it.
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_no_p_values_stay_none_and_a_missing_one_is_an_error(adjust: Callable[[list[float]], FloatArray]) -> None:
    assert len(adjust([])) == 0
    with pytest.raises(ValueError, match="p-values"):
        adjust([0.01, math.nan])


# One try: .95. Two: 1 - sqrt(.05). 200: ln .05 = -2.995732, over 200 = -.01497866, 1 - exp of it = .01486704.
@pytest.mark.parametrize(("n", "bound"), [(1, 0.95), (2, 0.7763932), (200, 0.01486704)])
def test_no_hit_in_n_tries_still_allows_a_rate(n: int, bound: float) -> None:
    assert zero_bound(n) == pytest.approx(bound, abs=1e-7)


@given(st.integers(1, 100_000), st.floats(0.5, 0.999))
@unhurried
def test_the_bound_for_no_hit_is_the_exact_one(n: int, level: float) -> None:
    assert zero_bound(n, level) == pytest.approx(stats.beta.ppf(level, 1, n), rel=1e-6)


def test_a_bound_without_tries_is_an_error() -> None:
    with pytest.raises(ValueError, match="got 0"):
        zero_bound(0)


def test_a_rate_is_corrected_for_the_judge() -> None:
    # (.10 + .95 - 1) / (.90 + .95 - 1) = .05 / .85
    assert rogan_gladen(0.10, 0.90, 0.95) == pytest.approx(0.0588235, abs=1e-7)


def test_a_rate_under_the_false_positives_is_corrected_to_zero_and_no_further() -> None:
    # (.015 + .98 - 1) / .96 is negative.
    assert rogan_gladen(0.015, 0.98, 0.98) == 0


def test_a_rate_above_what_the_judge_can_miss_is_corrected_to_one_and_no_further() -> None:
    assert rogan_gladen(0.99, 0.90, 0.95) == 1


def test_a_judge_no_better_than_a_coin_corrects_nothing() -> None:
    with pytest.raises(ValueError, match="exceed 1"):
        rogan_gladen(0.1, 0.5, 0.5)


def test_the_corrected_interval_carries_the_error_of_the_judge() -> None:
    # 1.5% flagged by a judge that clears 98.0% of 607 clean cases: nothing, or at the most about half a percent.
    low, high = rogan_gladen_interval((75, 5_000), (617, 630), (595, 607))
    assert low == 0
    assert 0.003 < high < 0.008
    # A judge measured on ten cases of each kind can say much less.
    assert rogan_gladen_interval((75, 5_000), (10, 10), (10, 10))[1] > high


def test_a_judge_that_may_be_no_better_than_a_coin_leaves_everything_open() -> None:
    assert rogan_gladen_interval((50, 100), (1, 2), (1, 2)) == (0, 1)


@given(st.floats(0, 1), st.floats(0.6, 1), st.floats(0.6, 1))
@unhurried
def test_a_corrected_rate_is_a_rate(rate: float, sensitivity: float, specificity: float) -> None:
    assert 0 <= rogan_gladen(rate, sensitivity, specificity) <= 1
