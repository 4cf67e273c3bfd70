"""Ties: what counts as one, and rankings with ties in expectation, against all orders one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from study.metrics.ties import (
    TIE_TOLERANCE,
    area_under_curve,
    expected_average_precision,
    expected_precision,
    size_levels,
)

SMALL = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6)


def _orders(levels: np.ndarray) -> list[tuple[int, ...]]:
    """Every order of the items, highest level first, that ties allow."""
    everything = itertools.permutations(range(len(levels)))
    return [order for order in everything if all(levels[a] >= levels[b] for a, b in itertools.pairwise(order))]


def _average_precision(order: tuple[int, ...], relevant: np.ndarray) -> float:
    hits = [place for place, item in enumerate(order, start=1) if relevant[item]]
    return float(np.mean([found / place for found, place in enumerate(hits, start=1)]))


@settings(max_examples=60, deadline=None)
@given(SMALL)
def test_precision_is_its_mean_over_all_orders_of_ties(items):
    levels, relevant = (np.array(part) for part in zip(*items, strict=True))
    for k in range(1, len(items) + 1):
        wanted = np.mean([relevant[list(order[:k])].mean() for order in _orders(levels)])
        assert expected_precision(levels, relevant, k) == pytest.approx(wanted)


@settings(max_examples=60, deadline=None)
@given(SMALL)
def test_average_precision_is_its_mean_over_all_orders_of_ties(items):
    levels, relevant = (np.array(part) for part in zip(*items, strict=True))
    found = expected_average_precision(levels, relevant)
    if not relevant.any():
        assert math.isnan(found)
        return
    assert found == pytest.approx(np.mean([_average_precision(order, relevant) for order in _orders(levels)]))


def test_without_ties_scikit_learn_says_the_same():
    rng = np.random.default_rng(0)
    levels, relevant = rng.permutation(12), rng.random(12) < 0.4
    assert expected_average_precision(levels, relevant) == pytest.approx(average_precision_score(relevant, levels))


def test_area_under_the_curve_is_that_of_scikit_learn_with_ties():
    rng = np.random.default_rng(1)
    levels, relevant = rng.integers(0, 4, 30), rng.random(30) < 0.3
    wanted = roc_auc_score(relevant, levels)
    assert area_under_curve(levels[relevant], levels[~relevant]) == pytest.approx(wanted)


def test_area_under_the_curve_needs_both_groups():
    assert math.isnan(area_under_curve(np.array([], dtype=int), np.array([1])))
    assert math.isnan(area_under_curve(np.array([1]), np.array([], dtype=int)))


def test_levels_by_hand():
    scores = np.array([0.0, -2.0, 5e-4, 1.0, -1.0015, 1.001, -1e-3])
    assert size_levels(scores).tolist() == [0, 2, 0, 1, 1, 1, 0]  # tolerance 0.002


def test_a_chain_of_near_sizes_is_not_one_tie():
    sizes = np.array([0.5, 0.5008, 0.5016, 0.5024, 1.0])  # each within the tolerance of the next
    assert size_levels(sizes).tolist() == [1, 1, 2, 2, 3]


def test_all_below_the_tolerance_of_zero_are_one_tie_whatever_lies_between():
    sizes = np.array([1.0, 9e-4, 5e-4, 1e-5, 0.0, 1.1e-3])
    assert size_levels(sizes).tolist() == [2, 0, 0, 0, 0, 1]


def test_nothing_at_all_is_one_tie():
    assert size_levels(np.zeros(3)).tolist() == [0, 0, 0]
    assert size_levels(np.zeros(0)).tolist() == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=12))
def test_levels_span_at_most_the_tolerance_and_keep_the_order(scores):
    sizes, levels = np.abs(scores), size_levels(np.array(scores))
    for level in set(levels.tolist()):
        assert np.ptp(sizes[levels == level]) <= TIE_TOLERANCE * sizes.max()
    for a, b in itertools.permutations(range(len(sizes)), 2):
        assert levels[a] >= levels[b] or sizes[a] < sizes[b]
