"""The pigeonhole bootstrap: a literal oracle, Owen's closed form of its variance, and where the interval ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from study.stats import crossed_interval, crossed_mean, interval_of_mean, pigeonhole_interval
from study.stats.bootstrap import resampled_means


def make_values(n_seeds: int = 12, n_examples: int = 30, seed_sd: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(7)
    return (
        seed_sd * rng.normal(size=(n_seeds, 1))
        + rng.normal(size=(1, n_examples))
        + rng.normal(size=(n_seeds, n_examples))
    )


def literal_means(values: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    """Rows and columns drawn by their index, and copied out."""
    n_seeds, n_examples = values.shape
    draws = ((rng.integers(0, n_seeds, n_seeds), rng.integers(0, n_examples, n_examples)) for _ in range(n))
    return np.array([values[np.ix_(seeds, examples)].mean() for seeds, examples in draws])


def test_resampled_means_are_distributed_as_copied_rows_and_columns():
    values = make_values(seed_sd=1.0)
    found = resampled_means(values, np.random.default_rng(0), 4_000)
    wanted = literal_means(values, np.random.default_rng(1), 4_000)
    assert scipy.stats.ks_2samp(found, wanted).pvalue > 0.01
    only_examples = values.mean(axis=0)[np.random.default_rng(2).integers(0, 30, (4_000, 30))].mean(axis=1)
    assert scipy.stats.ks_2samp(found, only_examples).pvalue < 1e-6


def test_variance_of_resampling_has_owens_closed_form():
    """Seeds and examples drawn independently: E over both of a product of weights gives three sums of squares."""
    values = make_values()
    n_seeds, n_examples = values.shape
    seed, example, mean = values.mean(axis=1), values.mean(axis=0), values.mean()
    rest = values - seed[:, None] - example + mean
    wanted = seed.var() / n_seeds + example.var() / n_examples + (rest**2).mean() / (n_seeds * n_examples)
    found = resampled_means(values, np.random.default_rng(0), 40_000)
    assert found.var() == pytest.approx(wanted, rel=0.03)  # SE 0.7 %
    assert found.mean() == pytest.approx(mean, abs=4 * math.sqrt(wanted / 40_000))


def test_the_number_of_resamples_need_not_fill_the_last_block():
    means = resampled_means(make_values(), np.random.default_rng(0), 1_234)
    assert means.shape == (1_234,)
    assert np.ptp(means[-234:]) > 0


def test_the_interval_reaches_as_far_as_the_t_interval():
    """Normal values: the same ends up to simulation, though plain percentiles end a sixth earlier."""
    values = make_values(seed_sd=3.0)
    _, low, high = pigeonhole_interval(values, 0.95, np.random.default_rng(0), n_resamples=20_000)
    mean, t_low, t_high = crossed_interval(values, 0.95)
    assert (mean - low, high - mean) == pytest.approx((mean - t_low, t_high - mean), rel=0.1)
    plain = np.quantile(resampled_means(values, np.random.default_rng(0), 20_000), [0.025, 0.975])
    assert np.ptp(plain) < 0.87 * (high - low)


def test_the_interval_leans_with_skewed_values():
    rng = np.random.default_rng(3)
    values = np.exp(1.5 * rng.normal(size=(1, 60))) + 0.1 * rng.normal(size=(10, 60))
    mean, low, high = pigeonhole_interval(values, 0.95, np.random.default_rng(0))
    assert high - mean > 1.15 * (mean - low)
    mirrored = pigeonhole_interval(-values, 0.95, np.random.default_rng(0))
    assert mirrored == pytest.approx((-mean, -high, -low))


def test_draws_depend_on_the_generator_alone():
    values = make_values()
    assert pigeonhole_interval(values, 0.9, np.random.default_rng(5)) == pigeonhole_interval(
        values, 0.9, np.random.default_rng(5)
    )
    assert pigeonhole_interval(values, 0.9, np.random.default_rng(6)) != pigeonhole_interval(
        values, 0.9, np.random.default_rng(5)
    )


def test_undefined_examples_leave_in_all_seeds():
    values = make_values()
    gaps = values.copy()
    gaps[3, [0, 7]] = np.nan
    rng, again = np.random.default_rng(0), np.random.default_rng(0)
    assert pigeonhole_interval(gaps, 0.95, rng) == pigeonhole_interval(np.delete(values, [0, 7], axis=1), 0.95, again)


def test_edges():
    rng = np.random.default_rng(0)
    assert all(math.isnan(x) for x in pigeonhole_interval(np.full((10, 3), np.nan), 0.95, rng))
    mean, low, high = pigeonhole_interval(np.array([[0.5]]), 0.95, rng)
    assert (mean, math.isnan(low), math.isnan(high)) == (0.5, True, True)
    assert pigeonhole_interval(np.full((10, 4), 0.25), 0.95, rng) == (0.25, 0.25, 0.25)
    one_example = make_values(n_examples=1)
    mean, low, high = pigeonhole_interval(one_example, 0.95, rng)
    assert low < mean < high


def test_ten_seeds_are_resampled_and_nine_are_not():
    ten, nine = make_values(10), make_values(9)
    assert interval_of_mean(nine, 0.95, np.random.default_rng(0)) == crossed_interval(nine, 0.95)
    assert interval_of_mean(ten, 0.95, np.random.default_rng(0)) == pigeonhole_interval(
        ten, 0.95, np.random.default_rng(0)
    )
    assert interval_of_mean(ten, 0.95, np.random.default_rng(0))[1] != crossed_interval(ten, 0.95)[1]
    assert interval_of_mean(ten, 0.95, np.random.default_rng(0))[0] == crossed_mean(ten).mean
