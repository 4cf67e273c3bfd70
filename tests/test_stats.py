"""Intervals: closed forms, edge cases, and the coverage they reach."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from study.stats import complete_examples, crossed_interval, wilson_interval


def draw(rng, n_seeds, n_examples, seed_sd, example_sd, rest_sd):
    return (
        seed_sd * rng.normal(size=(n_seeds, 1))
        + example_sd * rng.normal(size=(1, n_examples))
        + rest_sd * rng.normal(size=(n_seeds, n_examples))
    )


def test_one_seed_is_the_t_interval_over_examples():
    values = np.array([0.2, 0.5, 0.9, 0.4])
    wanted = scipy.stats.t.interval(0.9, 3, loc=values.mean(), scale=scipy.stats.sem(values))
    assert crossed_interval(values[None], 0.9) == pytest.approx((0.5, *wanted))
    assert crossed_interval(values[:, None], 0.9) == pytest.approx((0.5, *wanted))


def test_two_way_components_by_hand():
    values = np.array([[1.0, 2.0, 6.0], [3.0, 7.0, 8.0]])  # mean 4.5; seeds 3, 6; examples 2, 4.5, 7
    ms_seed, ms_example = 3 * (1.5**2 * 2) / 1, 2 * (2.5**2 * 2) / 2
    rest = values - np.array([[3.0], [6.0]]) - np.array([2, 4.5, 7]) + 4.5
    ms_rest = (rest**2).sum() / 2
    total = ms_seed + ms_example - ms_rest
    freedom = total**2 / (ms_seed**2 / 1 + ms_example**2 / 2 + ms_rest**2 / 2)
    half = scipy.stats.t.ppf(0.975, max(freedom, 1)) * math.sqrt(total / 6)
    assert crossed_interval(values, 0.95) == pytest.approx((4.5, 4.5 - half, 4.5 + half))


def test_a_negative_component_counts_as_zero():
    values = np.array([[0.0, 1.0, 5.0], [1.0, 5.0, 0.0]])  # both seeds have mean 2: MS 0, 3.5 and rest 10.5
    half = scipy.stats.t.ppf(0.975, 2) * math.sqrt(3.5 / 6)
    assert crossed_interval(values, 0.95) == pytest.approx((2, 2 - half, 2 + half))
    half = scipy.stats.t.ppf(0.975, 2) * math.sqrt(243.5 / 6)  # examples further apart: MS 0, 243.5 and rest 10.5
    assert crossed_interval(values + np.array([0, 10, 20]), 0.95) == pytest.approx((12, 12 - half, 12 + half))


@pytest.mark.parametrize("spread", [(0.0, 1.0, 1.0), (0.3, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, 0.0, 1.0)])
def test_coverage_with_three_seeds(spread):
    """95 % intervals from 3 seeds and 60 examples cover 92.5 to 97.1 % over these spreads (20,000 studies each).

    Least where seeds vary as much as examples: three seeds say little about by how much. The bounds here
    are three standard errors (0.6 % each for 2,000 studies) outside that range.
    """
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(2000):
        _, low, high = crossed_interval(draw(rng, 3, 60, *spread), 0.95)
        hits.append(low <= 0 <= high)
    assert 0.907 <= np.mean(hits) <= 0.985


def test_treating_all_numbers_as_independent_would_not_cover():
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(300):
        _, low, high = crossed_interval(draw(rng, 3, 60, 0.3, 1, 1).reshape(1, -1), 0.95)
        hits.append(low <= 0 <= high)
    assert np.mean(hits) < 0.8


def test_seed_variance_widens_the_interval():
    rng = np.random.default_rng(1)
    values = draw(rng, 3, 50, 0, 1, 0.1)
    _, low, high = crossed_interval(values, 0.95)
    _, wide_low, wide_high = crossed_interval(values + np.array([[-1.0], [0.0], [1.0]]), 0.95)
    assert wide_high - wide_low > 3 * (high - low)


def test_undefined_examples_leave_in_all_seeds():
    values = np.array([[1.0, np.nan, 3.0, 5.0], [2.0, 4.0, 2.0, 6.0]])
    assert complete_examples(values).tolist() == [True, False, True, True]
    assert crossed_interval(values, 0.95) == pytest.approx(crossed_interval(values[:, [0, 2, 3]], 0.95))


@pytest.mark.parametrize("values", [np.empty((2, 0)), np.full((2, 3), np.nan)])
def test_nothing_defined(values):
    assert all(math.isnan(x) for x in crossed_interval(values, 0.95))


def test_one_number_has_no_interval_and_equal_numbers_a_point():
    estimate, low, high = crossed_interval(np.array([[0.4]]), 0.95)
    assert estimate == 0.4
    assert math.isnan(low)
    assert math.isnan(high)
    assert crossed_interval(np.full((3, 5), 0.25), 0.95) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (7, 10), (789, 1000), (10, 10)])
def test_wilson_equals_statsmodels(successes, n):
    low, high = proportion_confint(successes, n, alpha=0.1, method="wilson")
    assert wilson_interval(successes, n, 0.9) == pytest.approx((successes / n, low, high))


def test_wilson_of_nothing():
    assert all(math.isnan(x) for x in wilson_interval(0, 0, 0.95))


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_wilson_never_leaves_the_range_of_a_proportion(level):
    """Rounding alone would: without a success the formula can end at -1e-17, without a failure above 1."""
    for n in (1, 2, 3, 7, 10, 37, 60, 500, 1999):
        for successes in {0, 1, n / 3, n - 1, n}:
            share, low, high = wilson_interval(successes, n, level)
            assert 0.0 <= low <= share + 1e-12
            assert share - 1e-12 <= high <= 1.0
