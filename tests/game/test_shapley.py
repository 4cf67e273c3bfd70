"""Shapley values as a linear map: closed forms, brute force over orders, and sampled against exact."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from study.game.shapley import (
    _RIDGES,
    ShapleyPlan,
    _OddRegression,
    all_coalitions,
    exact_weights,
    interaction_weights,
    make_plan,
)


def by_orders(values, n):
    """The definition: the mean gain of each player over all orders."""
    phi = np.zeros(n)
    for order in itertools.permutations(range(n)):
        number = 0
        for player in order:
            phi[player] += values[number | 1 << player] - values[number]
            number |= 1 << player
    return phi / math.factorial(n)


def polynomial(n, degree, seed=0):
    """(values over all coalitions of a random game of +1/-1 products up to `degree`, its exact Shapley values)."""
    rng = np.random.default_rng(seed)
    x = np.where(all_coalitions(n), 1.0, -1.0)
    values, phi = np.full(len(x), 0.7), np.zeros(n)
    for size in range(1, degree + 1):
        for players in itertools.combinations(range(n), size):
            weight = rng.normal()
            values += weight * x[:, players].prod(1)
            if size % 2:
                phi[list(players)] += 2 * weight / size
    return values, phi


@pytest.mark.parametrize("n", [1, 2, 5])
def test_exact_weights_are_the_definition(n):
    values = np.random.default_rng(n).normal(size=2**n)
    np.testing.assert_allclose(exact_weights(n) @ values, by_orders(values, n), atol=1e-12)


def test_no_players_have_no_values():
    assert exact_weights(0).shape == (0, 1)
    plan = make_plan(0, 64, 9, np.random.default_rng(0))
    assert plan.exact
    assert plan.weights(np.zeros(1)).shape == (0, 1)


def test_closed_form_of_a_polynomial():
    values, phi = polynomial(6, 4)
    np.testing.assert_allclose(exact_weights(6) @ values, phi, atol=1e-10)


def test_interactions_of_a_made_up_game():
    """v = 3 x0 + 2 x0 x1 - x2 x3 + x0 x1 x2 of 0/1 players: the triple spreads half on each of its pairs."""
    m = all_coalitions(4).astype(float)
    values = 3 * m[:, 0] + 2 * m[:, 0] * m[:, 1] - m[:, 2] * m[:, 3] + m[:, 0] * m[:, 1] * m[:, 2]
    pairs, weights = interaction_weights(4)
    found = dict(zip(pairs, weights @ values, strict=True))
    wanted = {(0, 1): 2.5, (0, 2): 0.5, (0, 3): 0.0, (1, 2): 0.5, (1, 3): 0.0, (2, 3): -1.0}
    assert found.keys() == wanted.keys()
    for pair, value in wanted.items():
        assert found[pair] == pytest.approx(value, abs=1e-12), pair


def test_interactions_of_one_player_are_none():
    pairs, weights = interaction_weights(1)
    assert pairs == []
    assert weights.shape == (0, 2)


def values_of(plan, values):
    return values[plan.masks @ (1 << np.arange(plan.masks.shape[1]))]


@pytest.mark.parametrize("n", [10, 12])
@pytest.mark.parametrize("degree", [1, 2])
def test_sampled_values_are_exact_where_the_odd_part_is_linear(n, degree):
    values, phi = polynomial(n, degree)
    plan = make_plan(n, 128, 9, np.random.default_rng(0))
    assert not plan.exact
    sampled = values_of(plan, values)
    # The ridge holds degree 3 back but does not forbid it: what is left is rounding in a solve of 64 pairs
    np.testing.assert_allclose(plan.weights(sampled) @ sampled, phi, atol=1e-6)


@pytest.mark.parametrize(("noise", "seed"), [(0.0, 0), (0.3, 1), (3.0, 2)])
def test_the_chosen_ridge_predicts_pairs_left_out_best(noise, seed):
    """Against the literal loop: every pair but the ends left out in turn, and predicted by the others' fit."""
    rng = np.random.default_rng(seed)
    plan = make_plan(7, 64, 0, rng)
    regression = _OddRegression(plan.masks[: len(plan.masks) // 2])
    x = regression.x
    y = x @ rng.normal(size=7) + np.prod(x[:, :3], axis=1) + noise * rng.normal(size=len(x))
    errors = []
    for ridge in _RIDGES:
        error = 0.0
        for left in range(1, len(x)):
            used = np.arange(len(x)) != left
            dual, linear = regression._solve(float(ridge), used)
            told = regression.cubic[left, used] @ dual @ y[used] + x[left] @ linear @ y[used]
            error += regression.weight[left] * (y[left] - told) ** 2
        errors.append(error)
    assert regression.choose_ridge(y) == _RIDGES[int(np.argmin(errors))]


@pytest.mark.parametrize("ridge", [1e-3, 1.0, 30.0])
def test_the_fit_is_the_ridge_regression_it_says_it_is(ridge):
    """The literal problem: least squares on all products of one and three players, a penalty on the triples alone."""
    n, plan = 6, make_plan(6, 40, 2, np.random.default_rng(0))
    pairs = len(plan.masks) // 2
    y = np.random.default_rng(1).normal(size=pairs)
    fit = _OddRegression(plan.masks[:pairs])
    ours = fit.weights(ridge, np.ones(pairs, dtype=bool)) @ y

    size = plan.masks[1:pairs].sum(1)
    weight = 1.0 / (size * (n - size))
    penalty = ridge * weight.mean()
    weight = np.concatenate([[1e4 * weight.max()], weight])
    x = np.where(plan.masks[:pairs], 1.0, -1.0)
    triples = list(itertools.combinations(range(n), 3))
    features = np.column_stack([x, *(x[:, list(t)].prod(1) for t in triples)])
    penalty *= np.abs(features[:, n:] @ features[:, n:].T).max()
    lost = np.diag([0.0] * n + [penalty] * len(triples))
    solved = np.linalg.solve(features.T @ (weight[:, None] * features) + lost, features.T @ (weight * y))
    phi = 2 * solved[:n]
    for c, players in zip(solved[n:], triples, strict=True):
        phi[list(players)] += 2 * c / 3
    phi += (-2 * y[0] - phi.sum()) / n  # efficient: the first pair is (none, all)
    np.testing.assert_allclose(ours, phi, atol=1e-8)


def test_enough_pairs_of_a_cubic_game_give_its_values():
    values, phi = polynomial(8, 3)
    plan = make_plan(8, 220, 4, np.random.default_rng(0))  # 109 pairs for 8 + 56 odd terms
    assert not plan.exact
    sampled = values_of(plan, values)
    assert np.abs(plan.weights(sampled) @ sampled - phi).max() < 0.01 * np.abs(phi).max()
    fewer = make_plan(8, 60, 4, np.random.default_rng(0))
    sampled = values_of(fewer, values)
    assert np.abs(fewer.weights(sampled) @ sampled - phi).max() > 0.01 * np.abs(phi).max()


def test_sampled_values_are_efficient_linear_and_blind_to_constants():
    rng = np.random.default_rng(3)
    plan = make_plan(11, 200, 9, rng)
    guide, other = rng.normal(size=(2, len(plan.masks)))
    weights = plan.weights(guide)
    np.testing.assert_allclose(weights.sum(0)[[0, -1]], [-1, 1], atol=1e-9)
    np.testing.assert_allclose(weights.sum(0)[1:-1], 0, atol=1e-9)
    np.testing.assert_allclose(weights @ np.ones(len(plan.masks)), 0, atol=1e-9)
    np.testing.assert_allclose(weights @ (guide + 2 * other), weights @ guide + 2 * (weights @ other), atol=1e-9)


def test_pairs_exclude_each_other_and_differ():
    plan = make_plan(10, 300, 9, np.random.default_rng(0))
    assert len(plan.masks) == 300
    assert not plan.masks[0].any()
    assert plan.masks[-1].all()
    assert (plan.masks == ~plan.masks[::-1]).all()
    assert len(np.unique(plan.masks, axis=0)) == 300
    again = make_plan(10, 300, 9, np.random.default_rng(0))
    assert (plan.masks == again.masks).all()
    assert (plan.masks != make_plan(10, 300, 9, np.random.default_rng(1)).masks).any()


def test_where_all_coalitions_cost_no_more_all_are_taken():
    assert make_plan(7, 128, 3, np.random.default_rng(0)).exact
    assert len(make_plan(7, 128, 3, np.random.default_rng(0)).masks) == 128
    assert not make_plan(7, 127, 3, np.random.default_rng(0)).exact


def test_too_few_coalitions():
    with pytest.raises(ValueError, match=r"30 coalitions of 20 players: at least 84"):
        make_plan(20, 30, 9, np.random.default_rng(0))


def test_players_that_no_pair_parts_get_the_same():
    """Two players always together in the sample cannot be told apart: both get half of what they do."""
    n = 6
    masks = make_plan(n - 1, 24, 2, np.random.default_rng(0)).masks
    plan = ShapleyPlan(masks=np.concatenate([masks, masks[:, -1:]], axis=1), exact=False)
    values = plan.masks @ np.arange(1.0, n + 1)
    np.testing.assert_allclose(plan.weights(values) @ values, [1, 2, 3, 4, 5.5, 5.5], atol=1e-6)


@pytest.mark.parametrize(("n", "exact_limit"), [(5, 9), (8, 4), (12, 9), (20, 9)])
def test_a_linear_game_has_its_own_values(n, exact_limit):
    plan = make_plan(n, 128, exact_limit, np.random.default_rng(n))
    assert plan.exact == (n == 5)
    fit = plan.fit(np.random.default_rng(0).normal(size=len(plan.masks)))
    assert fit.linearity_error() < 1e-9
    mixed_up = replace(fit, weights=np.roll(fit.weights, 1, axis=0))  # sums as before
    assert mixed_up.linearity_error() > 0.5


@pytest.mark.parametrize("seed", range(20))
def test_the_pairs_of_a_small_sample_part_all_players(seed):
    plan = make_plan(7, 32, 3, np.random.default_rng(seed))
    assert len(plan.masks) == 32
    assert np.linalg.matrix_rank(np.where(plan.masks, 1.0, -1.0)) == 7


def test_the_standard_error_is_of_the_size_of_the_error():
    """Over many draws of coalitions: between half and three times the error that is really made."""
    values, phi = polynomial(10, 5, seed=4)
    errors, standard = [], []
    for seed in range(30):
        plan = make_plan(10, 160, 9, np.random.default_rng(seed))
        sampled = values_of(plan, values)
        errors.append(plan.weights(sampled) @ sampled - phi)
        standard.append(plan.standard_error(sampled))
    real, told = np.sqrt(np.mean(np.square(errors))), np.sqrt(np.mean(np.square(standard)))
    assert real > 0.01
    assert 0.5 < told / real < 3


def test_exact_values_have_no_error():
    plan = make_plan(5, 64, 9, np.random.default_rng(0))
    assert (plan.standard_error(np.random.default_rng(0).normal(size=32)) == 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_ridge_has_the_least_leave_one_out_error_by_refitting(seed):
    """Every pair but the ends left out in turn and predicted from the others, for every ridge."""
    n, rng = 6, np.random.default_rng(seed)
    values, _ = polynomial(n, 5, seed)
    plan = make_plan(n, 40, 0, rng)
    half = plan.masks[:20]
    found = values[plan.masks @ (1 << np.arange(n))] + rng.normal(scale=0.3 * seed, size=40)
    odd, y = _OddRegression(half), (found[:20] - found[::-1][:20]) / 2
    errors = []
    for ridge in _RIDGES:
        error = 0.0
        for left_out in range(1, 20):
            used = np.arange(20) != left_out
            dual, linear = odd._solve(float(ridge), used)
            predicted = odd.x[left_out] @ linear @ y[used] + odd.cubic[left_out, used] @ dual @ y[used]
            error += odd.weight[left_out] * (y[left_out] - predicted) ** 2
        errors.append(error)
    assert odd.choose_ridge(y) == _RIDGES[np.argmin(errors)]
    assert max(errors) > 1.01 * min(errors)
