"""Effect sizes of paired differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from study.stats import paired_d


def test_it_is_the_t_statistic_over_the_root_of_n():
    values = np.random.default_rng(0).normal(0.3, 1, size=(3, 25))
    statistic = scipy.stats.ttest_1samp(values.mean(axis=0), 0).statistic
    assert paired_d(values) == pytest.approx(statistic / 5)


def test_by_hand_with_an_incomplete_example():
    assert paired_d(np.array([[1.0, 3.0, np.nan], [1.0, 3.0, 9.0]])) == pytest.approx(2 / math.sqrt(2))


def test_scale_does_not_matter_and_sign_does():
    values = np.random.default_rng(1).normal(0.3, 1, size=(2, 10))
    assert paired_d(-1e-9 * values) == pytest.approx(-paired_d(values))


@pytest.mark.parametrize(
    "values",
    [
        np.full((2, 5), 0.1 + 0.2),
        np.array([[0.1 + 0.2, 0.3, 0.3]]),  # equal but for rounding
        np.zeros((2, 4)),
        np.array([[1.0], [2.0]]),
        np.empty((2, 0)),
        np.full((2, 3), np.nan),
    ],
)
def test_undefined_where_examples_do_not_differ(values):
    assert math.isnan(paired_d(values))
