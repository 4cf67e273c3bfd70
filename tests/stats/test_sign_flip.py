"""The sign-flip test: scipy's exact test, a count by hand, its level, and what flips together."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from study.stats import sign_flip_test


def upstream(example_mean: np.ndarray) -> float:
    return float(scipy.stats.permutation_test((example_mean,), np.mean, permutation_type="samples").pvalue)


@pytest.mark.parametrize("shift", [0.0, 0.4, 1.0])
def test_exact_equals_scipy(shift):
    values = np.random.default_rng(0).normal(shift, 1, size=(3, 10))
    assert sign_flip_test(values, np.random.default_rng(0)) == pytest.approx(upstream(values.mean(axis=0)))


def test_counted_by_hand():
    """Means 3, 2, 1: of eight patterns only all plus and all minus reach a sum of 6."""
    rng = np.random.default_rng(0)
    assert sign_flip_test(np.array([[2.0, 2.0, 1.0], [4.0, 2.0, 1.0]]), rng) == 2 / 8
    assert sign_flip_test(np.array([[3.0, 2.0, -1.0]]), rng) == 4 / 8


def test_seeds_of_an_example_flip_together():
    """Many seeds of three examples are three examples: p cannot fall below a quarter."""
    values = np.random.default_rng(0).normal(1.0, 0.01, size=(50, 3))
    assert sign_flip_test(values, np.random.default_rng(0)) == 1 / 4


def test_monte_carlo_is_near_the_exact_p():
    values = np.random.default_rng(1).normal(0.45, 1, size=(2, 15))  # one more than are enumerated
    exact = scipy.stats.permutation_test(
        (values.mean(axis=0),), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    found = sign_flip_test(values, np.random.default_rng(0))
    assert 0.001 < exact < 0.2
    assert found == pytest.approx(exact, abs=4 * math.sqrt(exact / 9_999))


def test_the_least_p_of_monte_carlo_counts_the_pattern_seen():
    assert sign_flip_test(np.full((1, 100), 1.0), np.random.default_rng(0), n_flips=499) == 1 / 500


def test_ties_but_for_rounding_count():
    """0.1 + 0.2 + 0.3 and its parts in another order differ in the last bit; all equal means tie often."""
    values = np.array([[0.1, 0.2, 0.3, 0.3]])
    assert sign_flip_test(values, np.random.default_rng(0)) == upstream(np.array([1.0, 2, 3, 3]))
    assert sign_flip_test(values * np.array([1, 1, -1, 1]), np.random.default_rng(0)) == upstream(
        np.array([1.0, 2, -3, 3])
    )


def test_it_rejects_as_often_as_it_says_and_finds_what_is_there():
    rng = np.random.default_rng(2)
    p = [sign_flip_test(rng.standard_t(3, size=(1, 30)), rng, n_flips=199) for _ in range(600)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)  # SE 0.9 %
    found = [sign_flip_test(rng.normal(0.8, 1, size=(1, 30)), rng, n_flips=199) for _ in range(60)]
    assert np.mean(np.array(found) <= 0.05) > 0.9


def test_edges():
    rng = np.random.default_rng(0)
    assert math.isnan(sign_flip_test(np.full((2, 3), np.nan), rng))
    assert math.isnan(sign_flip_test(np.empty((2, 0)), rng))
    assert sign_flip_test(np.zeros((2, 5)), rng) == 1.0
    assert sign_flip_test(np.zeros((2, 50)), rng) == 1.0
    gaps = np.array([[1.0, np.nan, 2.0], [1.0, 5.0, 2.0]])
    assert sign_flip_test(gaps, rng) == sign_flip_test(gaps[:, [0, 2]], rng) == 1 / 2
