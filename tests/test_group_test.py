from __future__ import annotations

import numpy as np
import pytest

from evals import group_test


def test_the_wald_statistic_of_four_rows_that_stand_alone():
    # Means 0.5 and 1. Residuals of the first group are 0.5 and -0.5, a half of each counts: 2 * 0.25^2 = 0.125.
    found = group_test.statistics(np.array([1.0, 0.0, 1.0, 1.0]), np.array([[0, 0, 1, 1]]), np.arange(4))
    assert found.tolist() == pytest.approx([0.5**2 / 0.125])


def test_rows_that_fall_together_count_once():
    # Two clumps of two with residuals 0.5, 0.5 and -0.5, -0.5 over four rows: 2 * (2 * 0.5 / 4)^2 = 0.125, and the
    # second group's mean of 1 lies 0.5 away.
    values = np.array([1.0, 1, 0, 0, 1, 1])
    found = group_test.statistics(values, np.array([[0, 0, 0, 0, 1, 1]]), np.array([0, 0, 1, 1, 2, 3]))
    assert found.tolist() == pytest.approx([2.0])


def test_the_order_of_the_groups_does_not_matter():
    rng = np.random.default_rng(2)
    values, groups, clumps = rng.random(90), rng.permutation(np.arange(90) % 3), np.arange(90) % 10
    found = group_test.statistics(values, np.array([groups, (groups + 1) % 3]), clumps)
    assert found[0] == pytest.approx(found[1])


def test_a_group_that_fails_throughout_is_found_and_a_p_value_is_never_zero():
    rng = np.random.default_rng(0)
    groups, clusters = np.arange(300) % 3, rng.integers(0, 40, 300)
    right = np.where(groups == 1, 0.0, (rng.random(300) < 0.8).astype(float))
    assert group_test.p_value(right, groups, clusters, permutations=99) == 1 / 100


def test_groups_dealt_out_at_random_are_seldom_called_different_where_f_would_often():
    # 30 clumps that are right or wrong together and 12 groups: the F test at 5% cries in far more than 5% of cases.
    rng = np.random.default_rng(1)
    clusters = np.arange(360) // 12
    right = np.repeat((rng.random(30) < 0.6).astype(float), 12)
    groups = np.arange(360) % 12
    found = [group_test.p_value(right, rng.permutation(groups), clusters, permutations=99, seed=i) for i in range(120)]
    assert np.mean(np.array(found) <= 0.05) < 0.12  # 0.05 and three and a half standard errors


def test_without_clusters_enough_there_is_no_test():
    with pytest.raises(ValueError, match="got 2 groups, 4 clusters"):
        group_test.p_value([1, 0, 1, 0], [0, 0, 1, 1], [0, 1, 2, 3])
