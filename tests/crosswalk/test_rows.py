"""What a row hides: closed forms of spread and cancellation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from study.crosswalk.rows import ROW_METRICS, cancellation, effective_components


def test_effective_components_counts_equal_shares_whatever_their_sign():
    cells = np.array([[2.0, 0, 0, 0], [1, -1, 0, 0], [1, 1, -1, 1], [0, 0, 0, 0], [np.nan] * 4])
    assert effective_components(cells) == pytest.approx([1, 2, 4, np.nan, np.nan], nan_ok=True)


def test_effective_components_of_unequal_shares():
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert effective_components(np.array([[3.0, -1.0]])) == pytest.approx([np.exp(entropy)])


@given(arrays.arrays(np.float64, (3, 5), elements=st.floats(-10, 10).filter(lambda x: x == 0 or abs(x) > 1e-3)))
def test_effective_components_bounds_and_scale(cells):
    counts = effective_components(cells)
    defined = np.isfinite(counts)
    assert np.array_equal(defined, np.abs(cells).sum(axis=1) > 0)
    assert ((counts[defined] >= 1 - 1e-9) & (counts[defined] <= 5 + 1e-9)).all()
    assert effective_components(-3 * cells) == pytest.approx(counts, nan_ok=True)


def test_cancellation_closed_form():
    cells = np.array([[1.0, 1.0], [1.0, -1.0], [0.0, 0.0], [np.nan, np.nan]])
    assert cancellation(cells, 0.0, 0.5) == pytest.approx([2 / 2.01, 2 / 0.01, 0, np.nan], nan_ok=True)
    assert cancellation(cells, -1.0, 3.0) == pytest.approx([2 / 2.04, 2 / 0.04, 0, np.nan], nan_ok=True)


@pytest.mark.parametrize("name", ROW_METRICS)
def test_no_words_no_values(name):
    assert ROW_METRICS[name](np.empty((0, 4)), 0.0, 1.0).shape == (0,)
