"""Closed-form intervals: by hand, upstream, edge cases. What they cover: test_coverage.py."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.proportion import proportion_confint

from study.stats import complete_examples, crossed_interval, crossed_mean, mean_interval, wilson_interval


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
    values = np.array([[1.0, 2.0, 6.0], [3.0, 7.0, 17.0]])  # mean 6; seeds 3, 9; examples 2, 4.5, 11.5
    ms_seed, ms_example = 3 * (3**2 * 2) / 1, 2 * (4**2 + 1.5**2 + 5.5**2) / 2
    rest = values - np.array([[3.0], [9.0]]) - np.array([2, 4.5, 11.5]) + 6
    ms_rest = (rest**2).sum() / 2
    found = crossed_mean(values)
    assert found.seed == pytest.approx(((ms_seed - ms_rest) / 6, 1))
    assert found.example == pytest.approx(((ms_example - ms_rest) / 6, 2))
    assert found.rest == pytest.approx((ms_rest / 6, 2))
    assert found.variance == pytest.approx((ms_seed + ms_example - ms_rest) / 6)
    t_seed, t_example = scipy.stats.t.ppf(0.975, [1, 2])
    half = math.sqrt((t_seed**2 * (ms_seed - ms_rest) + t_example**2 * ms_example) / 6)
    assert crossed_interval(values, 0.95) == pytest.approx((6, 6 - half, 6 + half))


def test_components_equal_statsmodels_anova():
    values = draw(np.random.default_rng(4), 4, 7, 1, 1, 0.5)
    rows = [{"seed": s, "example": e, "y": values[s, e]} for s in range(4) for e in range(7)]
    table = anova_lm(ols("y ~ C(seed) + C(example)", pd.DataFrame(rows)).fit())
    square = (table["sum_sq"] / table["df"]).to_numpy()
    found = crossed_mean(values)
    assert [found.seed.variance, found.example.variance, found.rest.variance] == pytest.approx(
        [(square[0] - square[2]) / 28, (square[1] - square[2]) / 28, square[2] / 28]
    )
    assert [found.seed.freedom, found.example.freedom, found.rest.freedom] == table["df"].tolist()


def test_a_negative_component_counts_as_zero():
    values = np.array([[0.0, 1.0, 5.0], [1.0, 5.0, 0.0]])  # both seeds have mean 2: MS 0, 3.5 and rest 10.5
    half = scipy.stats.t.ppf(0.975, 2) * math.sqrt(10.5 / 6)
    assert crossed_interval(values, 0.95) == pytest.approx((2, 2 - half, 2 + half))
    half = scipy.stats.t.ppf(0.975, 2) * math.sqrt(243.5 / 6)  # examples further apart: MS 0, 243.5 and rest 10.5
    assert crossed_interval(values + np.array([0, 10, 20]), 0.95) == pytest.approx((12, 12 - half, 12 + half))


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


def test_mean_interval_equals_scipy():
    values = np.array([0.2, 0.5, 0.9, 0.4])
    wanted = scipy.stats.t.interval(0.9, 3, loc=values.mean(), scale=scipy.stats.sem(values))
    assert mean_interval(values.mean(), values.std(ddof=1), 4, 0.9) == pytest.approx(wanted)
    assert all(math.isnan(x) for x in mean_interval(0.5, 0.0, 1, 0.9))
