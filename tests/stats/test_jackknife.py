"""Pseudo-values: what they are for a mean, a variance and a correlation; and for pairs of seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from study.stats import crossed_mean, pseudo_values, seed_pair_pseudo_values


def test_pseudo_values_of_a_mean_are_the_values():
    values = np.random.default_rng(0).normal(size=(3, 8))
    np.testing.assert_allclose(pseudo_values(lambda kept: values[:, kept].mean(axis=1), 8), values)


def test_their_mean_takes_out_the_bias_of_a_variance():
    """The variance that divides by n is biased by (n - 1) / n; its jackknife is the one that divides by n - 1."""
    values = np.random.default_rng(0).normal(size=(2, 9))
    found = pseudo_values(lambda kept: values[:, kept].var(axis=1), 9)
    np.testing.assert_allclose(found.mean(axis=1), values.var(axis=1, ddof=1))


def test_their_variance_is_the_jackknife_variance_of_a_correlation():
    """Spelled out: (n - 1) / n times the sum of squares of the leave-one-out correlations about their mean."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=40)
    y = 0.6 * x + rng.normal(size=40)
    found = pseudo_values(lambda kept: np.array([scipy.stats.spearmanr(x[kept], y[kept]).statistic]), 40)
    without = np.array([scipy.stats.spearmanr(np.delete(x, i), np.delete(y, i)).statistic for i in range(40)])
    wanted = 39 / 40 * ((without - without.mean()) ** 2).sum()
    assert crossed_mean(found).variance == pytest.approx(wanted)
    assert wanted == pytest.approx((1 - 0.51**2) ** 2 / 40, rel=0.5)  # about Fisher's variance of a correlation


def test_undefined_stays_undefined():
    values = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 2.0]])

    def spread_or_nan(kept: np.ndarray) -> np.ndarray:
        spread = np.ptp(values[:, kept], axis=1)
        return np.where(spread > 0, spread, np.nan)

    found = pseudo_values(spread_or_nan, 3)
    assert np.isnan(found).tolist() == [[False] * 3, [False, False, True]]


def all_pairs(n_seeds: int) -> list[tuple[int, int]]:
    return list(itertools.combinations(range(n_seeds), 2))


def test_a_mean_of_both_seeds_gives_every_seed_its_own_value():
    """Pair value (a + b) / 2: the U-statistic is the mean over seeds, so pseudo-values are the seeds' values."""
    values = np.random.default_rng(0).normal(size=(5, 4))
    of_pairs = np.array([(values[a] + values[b]) / 2 for a, b in all_pairs(5)])
    np.testing.assert_allclose(seed_pair_pseudo_values(of_pairs, all_pairs(5)), values)


@pytest.mark.parametrize("n_seeds", [3, 4, 7])
def test_their_mean_over_seeds_is_the_mean_over_pairs(n_seeds):
    pairs = all_pairs(n_seeds)
    values = np.random.default_rng(0).normal(size=(len(pairs), 6))
    values[0, 2] = np.nan
    found = seed_pair_pseudo_values(values, pairs)
    assert found.shape == (n_seeds, 6)
    np.testing.assert_allclose(found.mean(axis=0), values.mean(axis=0))
    assert np.isnan(found[:, 2]).any()


def test_the_order_of_pairs_and_of_their_seeds_does_not_matter():
    pairs = all_pairs(4)
    values = np.random.default_rng(0).normal(size=(6, 3))
    order = [3, 0, 5, 1, 4, 2]
    turned = [(pairs[i][1], pairs[i][0]) for i in order]
    np.testing.assert_allclose(seed_pair_pseudo_values(values[order], turned), seed_pair_pseudo_values(values, pairs))


def test_two_seeds_give_one_row():
    values = np.array([[0.3, 0.5]])
    np.testing.assert_array_equal(seed_pair_pseudo_values(values, [(0, 1)]), values)


@pytest.mark.parametrize(
    "pairs", [[(0, 1), (0, 2)], [(0, 1), (0, 2), (0, 1)], [(0, 1), (1, 2), (2, 2)], [], [(0, 1), (0, 2), (1, 3)]]
)
def test_pairs_that_are_not_all_pairs_are_refused(pairs):
    with pytest.raises(ValueError, match=r"every pair of \d seeds is needed once"):
        seed_pair_pseudo_values(np.zeros((3, 2)), pairs)
