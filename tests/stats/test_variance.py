"""Variance components: statsmodels' mean squares, planted components, and what a design cannot tell."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from study.stats import variance_components


def draw(rng: np.random.Generator, shape: tuple[int, int, int], seed, example, both, repeat) -> np.ndarray:
    s, e, _ = shape
    return (
        seed * rng.normal(size=(s, 1, 1))
        + example * rng.normal(size=(1, e, 1))
        + both * rng.normal(size=(s, e, 1))
        + repeat * rng.normal(size=shape)
    )


def test_mean_squares_equal_statsmodels():
    values = draw(np.random.default_rng(0), (3, 5, 4), 1, 1, 1, 1)
    rows = [{"s": s, "e": e, "y": y} for (s, e, _), y in np.ndenumerate(values)]
    table = anova_lm(ols("y ~ C(s) * C(e)", pd.DataFrame(rows)).fit())
    seed, example, both, repeat = (table["sum_sq"] / table["df"]).loc[["C(s)", "C(e)", "C(s):C(e)", "Residual"]]
    wanted = ((seed - both) / 20, (example - both) / 12, (both - repeat) / 4, repeat)
    assert variance_components(values).estimated == pytest.approx(wanted)


def test_planted_components_come_back():
    """Mean of 400 estimates; seeds of four vary most, so their part is the least certain."""
    rng = np.random.default_rng(1)
    planted = (0.5, 1.0, 0.7, 0.3)
    found = np.mean([variance_components(draw(rng, (4, 12, 3), *planted)).estimated for _ in range(400)], axis=0)
    assert found == pytest.approx(np.square(planted), rel=0.15)


def test_shares_sum_to_one_and_scale_does_not_matter():
    split = variance_components(draw(np.random.default_rng(2), (3, 20, 3), 1, 1, 1, 1))
    scaled = variance_components(7 * draw(np.random.default_rng(2), (3, 20, 3), 1, 1, 1, 1))
    assert sum(split.share) == pytest.approx(1)
    assert scaled.share == pytest.approx(split.share)
    assert scaled.variance == pytest.approx([49 * v for v in split.variance])


def test_a_negative_estimate_is_cut_and_said():
    values = np.array([[[0.0], [1.0], [5.0]], [[1.0], [5.0], [0.0]]])  # seeds have the same mean
    split = variance_components(np.concatenate([values, values + 0.1], axis=2))
    assert split.estimated[0] < 0
    assert split.variance[0] == 0
    assert split.is_cut == (True, True, False, False)
    assert split.share == pytest.approx((0, 0, split.share[2], 1 - split.share[2]))


def test_one_repeat_cannot_tell_the_explainers_part():
    values = draw(np.random.default_rng(3), (3, 10, 1), 1, 1, 1, 1)
    split = variance_components(values)
    rest = values[:, :, 0] - values.mean(axis=(1, 2))[:, None] - values.mean(axis=(0, 2)) + values.mean()
    assert math.isnan(split.variance[3])
    assert math.isnan(split.share[3])
    assert split.variance[2] == pytest.approx((rest**2).sum() / 18)
    assert sum(split.share[:3]) == pytest.approx(1)


def test_one_seed_cannot_tell_the_seeds_part():
    values = draw(np.random.default_rng(3), (1, 10, 4), 1, 1, 1, 1)
    split = variance_components(values)
    within = values[0].var(axis=1, ddof=1).mean()
    assert split.estimated[1] == pytest.approx(values[0].mean(axis=1).var(ddof=1) - within / 4)
    assert split.estimated[3] == pytest.approx(within)
    assert [math.isnan(v) for v in split.variance] == [True, False, True, False]


def test_incomplete_examples_leave_in_all_seeds_and_repeats():
    values = draw(np.random.default_rng(4), (3, 6, 2), 1, 1, 1, 1)
    gaps = values.copy()
    gaps[1, 2, 0] = np.nan
    assert variance_components(gaps) == variance_components(np.delete(values, 2, axis=1))
    assert variance_components(gaps).n_examples == 5


@pytest.mark.parametrize("values", [np.full((2, 3, 2), np.nan), np.zeros((2, 1, 2)), np.empty((2, 0, 2))])
def test_nothing_to_tell(values):
    assert all(math.isnan(v) for v in variance_components(values).variance + variance_components(values).share)


def test_nothing_varies():
    split = variance_components(np.full((2, 3, 2), 0.5))
    assert split.variance == (0, 0, 0, 0)
    assert all(math.isnan(share) for share in split.share)
