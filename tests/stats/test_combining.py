"""The mean of independent estimates: Welch's test, simulated data sets, and what is not known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from study.stats import combine_means, crossed_interval, crossed_mean


def make_values(rng: np.random.Generator, n_seeds: int, n_examples: int) -> np.ndarray:
    return rng.normal(size=(n_seeds, 1)) + rng.normal(size=(1, n_examples)) + rng.normal(size=(n_seeds, n_examples))


def test_one_estimate_comes_back():
    values = make_values(np.random.default_rng(0), 3, 20)
    found = combine_means([crossed_mean(values)])
    assert found.interval(0.95) == pytest.approx(crossed_interval(values, 0.95))


def test_two_means_equal_welchs_interval():
    """Half the sum of two means is half the difference of one and the other's negative."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 12), rng.normal(2, 3, 7)
    wanted = scipy.stats.ttest_ind(a, -b, equal_var=False).confidence_interval(0.9)
    mean, low, high = combine_means([crossed_mean(a[None]), crossed_mean(b[None])]).interval(0.9)
    assert (low, high) == pytest.approx((wanted.low / 2, wanted.high / 2))
    assert mean == pytest.approx((a.mean() + b.mean()) / 2)


def test_the_mean_of_four_data_sets_covers():
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(800):
        _, low, high = combine_means([crossed_mean(make_values(rng, 3, 30)) for _ in range(4)]).interval(0.95)
        hits.append(low <= 0 <= high)
    assert 0.95 <= np.mean(hits) <= 0.988  # 96.9 % of 8,000 such studies; SE 0.6 % here


def test_what_is_not_known():
    nothing, alone = crossed_mean(np.empty((3, 0))), crossed_mean(np.array([[0.4]]))
    known = crossed_mean(np.array([[0.1, 0.3, 0.8]]))
    assert combine_means([nothing, known]).interval(0.9) == pytest.approx(known.interval(0.9))
    mean, low, high = combine_means([alone, known]).interval(0.9)
    assert mean == pytest.approx(0.4)
    assert math.isnan(low)
    assert math.isnan(high)
    assert all(math.isnan(x) for x in combine_means([nothing]).interval(0.9))
    exact = crossed_mean(np.full((3, 4), 0.5))
    assert combine_means([exact, exact]).interval(0.9) == (0.5, 0.5, 0.5)
