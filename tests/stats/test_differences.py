"""The difference of two means: against scipy's Welch test, against its own interval, and at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as distributions

from study.stats import crossed_mean, difference_of_means, mean_test
from study.stats.differences import LEAST_P


def test_independent_samples_give_what_scipy_gives() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.normal(0.0, 1.0, 9), rng.normal(0.7, 3.0, 23)
    upstream = distributions.ttest_ind(second, first, equal_var=False)
    found = difference_of_means(crossed_mean(first[None]), crossed_mean(second[None]))
    assert found.mean == pytest.approx(second.mean() - first.mean())
    assert mean_test(found) == pytest.approx(upstream.pvalue)
    assert found.interval(0.9)[1:] == pytest.approx(tuple(upstream.confidence_interval(0.9)))


def test_p_is_where_the_interval_touches_zero() -> None:
    rng = np.random.default_rng(2)
    for shift in (-2.0, -0.4, 0.1, 0.5, 3.0):
        values = shift + rng.normal(size=(3, 1)) * 0.3 + rng.normal(size=(1, 8)) + rng.normal(size=(3, 8))
        estimate = crossed_mean(values)
        p = mean_test(estimate)
        _, low, high = estimate.interval(1 - p)
        assert min(abs(low), abs(high)) == pytest.approx(0.0, abs=1e-6)
        assert 0 < p < 1


def test_what_is_known_exactly_and_what_is_not_known() -> None:
    exact, other = crossed_mean(np.full((1, 4), 1.0)), crossed_mean(np.full((1, 5), 1.5))
    difference = difference_of_means(exact, other)
    assert difference.interval(0.95) == (0.5, 0.5, 0.5)
    assert mean_test(difference) == 0.0
    assert mean_test(difference_of_means(exact, exact)) == 1.0
    single, nothing = crossed_mean(np.array([[2.0]])), crossed_mean(np.empty((1, 0)))
    assert difference_of_means(exact, single).mean == 1.0
    assert math.isnan(difference_of_means(exact, single).variance)
    assert math.isnan(mean_test(difference_of_means(exact, single)))
    assert math.isnan(difference_of_means(exact, nothing).mean)
    assert math.isnan(mean_test(difference_of_means(nothing, exact)))
    assert mean_test(crossed_mean(np.array([[1.0, 1.0 + 1e-9, 1.0]]))) == LEAST_P
