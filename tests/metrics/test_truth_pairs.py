"""Pairs of heads that undo each other: found by antiparallel columns, confirmed by taking both out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from study.metrics.cancelling_pairs import ColumnPair, compare_columns, is_cancelling

N_ROWS = 40
OPPOSITE = ColumnPair(a=0, b=1, cosine=-1.0, norm_ratio=1.0, antiparallel=True)


def _columns(*columns: np.ndarray) -> dict[tuple[int, int], ColumnPair]:
    return {(pair.a, pair.b): pair for pair in compare_columns(np.stack(columns, axis=1))}


@pytest.fixture
def column():
    return np.random.default_rng(0).standard_normal(N_ROWS)


def test_a_planted_pair_is_the_only_one_found(column):
    rng = np.random.default_rng(1)
    others = [rng.standard_normal(N_ROWS) for _ in range(4)]
    noise = 0.1 * rng.standard_normal((2, N_ROWS))
    pairs = _columns(others[0], column + noise[0], others[1], -column + noise[1], others[2], others[3])
    assert len(pairs) == 15
    assert [key for key, pair in pairs.items() if pair.antiparallel] == [(1, 3)]


def test_cosine_and_norm_ratio_by_hand():
    pair = _columns(np.array([3.0, 0.0]), np.array([-4.0, 3.0]))[0, 1]
    assert pair.cosine == pytest.approx(-0.8)
    assert pair.norm_ratio == pytest.approx(0.6)


@pytest.mark.parametrize(("factor", "found"), [(-1.0, True), (-0.85, True), (-1.2, True), (-0.7, False), (-2.0, False)])
def test_norms_must_be_alike(column, factor, found):
    """-2: a head that takes back twice what another writes, as in negation, is at work and no pair."""
    pair = _columns(column, factor * column)[0, 1]
    assert pair.cosine == pytest.approx(-1.0)
    assert pair.antiparallel is found


@pytest.mark.parametrize(("angle", "found"), [(180, True), (165, True), (160, False), (90, False), (0, False)])
def test_directions_must_be_opposite(angle, found):
    turned = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    assert _columns(np.array([1.0, 0.0]), turned)[0, 1].antiparallel is found


@pytest.mark.parametrize(("size", "found"), [(0.03, True), (0.01, False)])
def test_columns_of_noise_are_no_pair(column, size, found):
    longest = np.roll(column, 7)
    assert _columns(longest, size * column, -size * column)[1, 2].antiparallel is found


def test_a_column_of_nothing_has_no_direction(column):
    pair = _columns(column, np.zeros(N_ROWS))[0, 1]
    assert math.isnan(pair.cosine)
    assert math.isnan(pair.norm_ratio)
    assert not pair.antiparallel
    assert not _columns(np.zeros(3), np.zeros(3))[0, 1].antiparallel


def test_words_beyond_the_model_are_left_out(column):
    stacked = np.vstack([np.stack([column, -column], axis=1), [[np.nan, np.nan]]])
    assert compare_columns(stacked)[0].cosine == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("single_a", "single_b", "joint", "found"),
    [(3.0, 3.0, 0.0, True), (3.0, 1.0, 0.29, True), (3.0, 3.0, 0.31, False), (0.0, 0.0, 0.0, False)],
)
def test_a_pair_is_confirmed_by_taking_both_out(single_a, single_b, joint, found):
    assert is_cancelling(OPPOSITE, single_a, single_b, joint) is found


def test_unknown_effects_confirm_nothing():
    assert not is_cancelling(OPPOSITE, 3.0, 3.0, math.nan)
    assert is_cancelling(OPPOSITE, 3.0, 3.0, 0.1)
    for singles in ((math.nan, math.nan), (math.nan, 3.0), (3.0, math.nan)):
        assert not is_cancelling(OPPOSITE, *singles, 0.1)


def test_taking_both_out_does_not_make_a_pair_of_others():
    other = ColumnPair(a=0, b=1, cosine=-0.2, norm_ratio=1.0, antiparallel=False)
    assert not is_cancelling(other, 3.0, 3.0, 0.0)
