"""Samplers against exact values: linear games at once, random games ever nearer, within the evaluations asked for."""

# ruff: noqa: NPY002, S311 - global random state is what these tests watch

from __future__ import annotations

import itertools
import math
import random
import sys

import numpy as np
import pytest
import torch
from lime.lime_text import LimeTextExplainer

from study.errors import StudyError
from study.features import SAMPLERS
from study.features.samplers import LIME_SAMPLERS, TooFewEvaluations, sample_scores
from study.features.tabulated import TabulatedGame, lime_of_table, shapley_of_table
from study.game.shapley import all_coalitions, exact_weights
from study.game.surrogate import fit_ridge, sample_masks

N = 7
SHAPLEY_SAMPLERS = [name for name in SAMPLERS if name not in LIME_SAMPLERS]
# All but SVARM, whose strata are drawn one by one, walk or fit exactly through a linear game
LINEAR_AT_ONCE = [name for name in SHAPLEY_SAMPLERS if name != "shapiq_svarm"]


def linear_table(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(table [2^n], coefficients [player]) of a linear game with an offset."""
    coefficients = np.random.default_rng(seed).normal(size=n)
    return 3.0 + all_coalitions(n) @ coefficients, coefficients


def curved_table(n: int, seed: int = 0) -> np.ndarray:
    """A smooth function of three random sums: interactions of every order, as trained models have them."""
    rng = np.random.default_rng(seed)
    return np.tanh(all_coalitions(n) @ rng.normal(scale=0.4, size=(n, 3))).sum(1) - 0.5


def exact_of(name: str, table: np.ndarray) -> np.ndarray:
    return lime_of_table(table) if name in LIME_SAMPLERS else shapley_of_table(table)


def mean_error(name: str, table: np.ndarray, n_evals: int, repeats: int = 4) -> float:
    exact = exact_of(name, table)
    found = [sample_scores(name, table, n_evals, seed)[0] for seed in range(repeats)]
    return float(np.mean([np.linalg.norm(f - exact) for f in found]) / np.linalg.norm(exact))


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_shapley_of_a_table_is_the_linear_map_of_the_game_room(n):
    table = curved_table(n)
    assert shapley_of_table(table) == pytest.approx(exact_weights(n) @ table, abs=1e-12)


def test_shapley_of_a_table_is_the_mean_gain_over_all_orders():
    table, gains = curved_table(4), np.zeros(4)
    for order in itertools.permutations(range(4)):
        row = 0
        for player in order:
            gains[player] += table[row + 2**player] - table[row]
            row += 2**player
    assert shapley_of_table(table) == pytest.approx(gains / 24, abs=1e-12)


@pytest.mark.parametrize("n", [4, 6])
def test_lime_of_a_table_is_least_squares_over_all_coalitions_weighed_as_lime_does(n):
    """Each coalition by the chance of lime's draw, times the package's own kernel on its own distance."""
    table, masks = curved_table(n), all_coalitions(n).astype(float)
    kernel = LimeTextExplainer(random_state=0).base.kernel_fn
    weights = np.zeros(len(masks))
    for row, mask in enumerate(masks):
        removed = n - int(mask.sum())
        cosine = mask.sum() / math.sqrt(mask.sum() * n) if mask.any() else 0.0
        chance = 1 / n / math.comb(n, removed) if removed else 0.0
        weights[row] = chance * kernel(100 * (1 - cosine))
    design = np.column_stack([np.ones(len(masks)), masks])
    fit = np.linalg.solve(design.T @ (weights[:, None] * design), design.T @ (weights * table))
    assert lime_of_table(table) == pytest.approx(fit[1:], abs=1e-9)


def test_lime_of_a_table_is_where_a_long_run_of_lime_ends():
    table, n = curved_table(N), N
    present, weights = sample_masks(n, 60_000, seed=0)
    long_run = fit_ridge(present, TabulatedGame(table).value(present)[:, None], weights)[:, 0]
    exact = lime_of_table(table)
    assert np.linalg.norm(long_run - exact) / np.linalg.norm(exact) < 0.02  # 1 / sqrt(60,000) times a few
    assert np.linalg.norm(long_run - shapley_of_table(table)) > 3 * np.linalg.norm(long_run - exact)


def test_a_table_reads_masks_by_their_bits_and_counts_repeats():
    game = TabulatedGame(np.arange(8.0))
    assert game.value(np.array([[True, False, False], [False, False, True], [True, False, False]])).tolist() == [
        1,
        4,
        1,
    ]
    assert game.n_evals == 3
    with pytest.raises(ValueError, match="a table of 6 values"):
        TabulatedGame(np.zeros(6))


@pytest.mark.parametrize("name", LINEAR_AT_ONCE)
def test_linear_game_is_exact_at_once(name):
    table, coefficients = linear_table(N)
    scores, _ = sample_scores(name, table, 48, seed=3)
    assert scores == pytest.approx(coefficients, abs=1e-5)  # captum works in single precision


def test_lime_of_a_linear_game_is_its_coefficients():
    table, coefficients = linear_table(N)
    assert lime_of_table(table) == pytest.approx(coefficients, abs=1e-9)


@pytest.mark.parametrize("name", SAMPLERS)
def test_error_falls_with_the_evaluations(name):
    table = curved_table(10)
    few, many = mean_error(name, table, 80), mean_error(name, table, 640)
    assert 0 < many < 0.7 * few  # halves to a third where errors fall with the root of the evaluations


def test_odd_order_regression_errs_less_than_every_library_sampler_at_equal_evaluations():
    """On a smooth game, whose interactions die out with their order."""
    table = curved_table(12)
    ours = mean_error("odd_order", table, 512)
    for name in SHAPLEY_SAMPLERS:
        if name != "odd_order":
            assert ours < mean_error(name, table, 512), name


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("n_evals", [49, 97])
def test_never_more_evaluations_than_asked_for_and_the_ends(name, n_evals):
    _, used = sample_scores(name, curved_table(N), n_evals, seed=1)
    assert 0.5 * n_evals < used <= n_evals + 2


def test_a_sampler_that_asks_for_more_is_caught(monkeypatch):
    def greedy(game, n_evals, seed):
        return game.value(np.ones((n_evals + 3, game.n_players), dtype=bool))[: game.n_players]

    monkeypatch.setattr("study.features.samplers.sample_odd_order", greedy)
    with pytest.raises(ValueError, match="'odd_order' asked for 51 values, allowed are 48"):
        sample_scores("odd_order", curved_table(N), 48, seed=0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_result_depends_on_the_seed_alone_and_global_random_state_stays(name):
    table = curved_table(N)
    np.random.seed(5)
    random.seed(5)
    torch.manual_seed(5)
    first = sample_scores(name, table, 48, seed=2**62 + 1)[0]
    drawn = np.random.random(), random.random(), float(torch.rand(()))
    second = sample_scores(name, table, 48, seed=2**62 + 1)[0]
    np.random.seed(5)
    random.seed(5)
    torch.manual_seed(5)
    assert (np.random.random(), random.random(), float(torch.rand(()))) == drawn
    assert first.tolist() == second.tolist()
    assert first.tolist() != sample_scores(name, table, 48, seed=2**62 + 2)[0].tolist()


@pytest.mark.parametrize("name", SAMPLERS)
def test_too_few_evaluations_are_told(name):
    with pytest.raises(TooFewEvaluations):
        sample_scores(name, curved_table(N), 5, seed=0)


@pytest.mark.parametrize(
    ("name", "n_evals"), [("shap_kernel", 23), ("shapiq_kernel", 12), ("shapiq_kernel_paired", 26)]
)
def test_nearly_singular_solve_is_told_and_no_score(name, n_evals):
    """Shapley values lie within the range of the game; some draws of few coalitions give 1e6 to 1e15 times it."""
    table, told = curved_table(10), []
    for seed in range(150):
        try:
            scores, _ = sample_scores(name, table, n_evals, seed)
        except TooFewEvaluations as few:
            told.append(str(few))
        else:
            assert np.abs(scores).max() < 100 * np.ptp(table)
    assert any(f"sampler '{name}' solved a nearly singular system" in message for message in told)
    assert len(told) < 50


@pytest.mark.parametrize("name", SAMPLERS)
def test_game_without_a_range_has_scores_of_zero(name):
    scores, _ = sample_scores(name, np.full(2**N, 0.1), 48, seed=0)
    assert scores == pytest.approx(np.zeros(N), abs=1e-6)


def test_missing_shapiq_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "shapiq", None)
    with pytest.raises(StudyError, match=r"pip install -e '\.\[samplers\]'"):
        sample_scores("shapiq_kernel", curved_table(N), 48, seed=0)
