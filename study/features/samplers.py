"""Samplers: Shapley values or LIME coefficients of one game from a limited number of evaluations.

A sampler is a function (game, n_evals, seed) -> scores [player] that asks the game at most n_evals + 2 times: the
two ends, no player and all, come on top where a library counts so. These are our own, lime's and shap's; captum's
and shapiq's stand in `study.features.library_samplers`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import cast

import numpy as np

from study.config.limits import fewest_coalitions
from study.features import SAMPLERS
from study.features.randomness import isolated_random_state
from study.features.tabulated import TabulatedGame
from study.game.shapley import is_runaway, make_plan
from study.game.surrogate import fit_ridge, sample_masks
from study.records import FloatArray

Sampler = Callable[[TabulatedGame, int, int], FloatArray]
LIME_SAMPLERS = ("lime",)  # all others estimate Shapley values


class TooFewEvaluations(ValueError):
    """A sampler has no estimate from so few evaluations."""


def sample_scores(name: str, table: FloatArray, n_evals: int, seed: int) -> tuple[FloatArray, int]:
    """(scores [player], evaluations used) of the sampler called `name` on the game with these values [2^n].

    Depends on `seed` alone, and moves no global random state.
    Raises: TooFewEvaluations, also where scores far beyond the game's range tell of a nearly singular solve.
    ValueError for a sampler that asks for more than n_evals + 2.
    """
    game = TabulatedGame(table)
    scores = cast(Sampler, SAMPLERS.load(name))(game, n_evals, seed)
    if game.n_evals > n_evals + 2:
        raise ValueError(f"sampler '{name}' asked for {game.n_evals} values, allowed are {n_evals} + 2")
    if is_runaway(scores, float(table.min()), float(table.max())):
        raise TooFewEvaluations(f"{n_evals} evaluations: sampler '{name}' solved a nearly singular system")
    return scores, game.n_evals


def sample_odd_order(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """Shapley values by regression on complementary pairs, degree 1 and 3 (`study.game.shapley`)."""
    n = game.n_players
    require(n_evals, fewest_coalitions(n))
    plan = make_plan(n, n_evals, exact_limit=0, rng=np.random.default_rng(seed))
    values = game.value(plan.masks)
    return plan.weights(values) @ values


def sample_lime(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """LIME coefficients from lime's own samples and kernel (`study.game.surrogate`)."""
    require(n_evals, game.n_players + 2)  # as many as unknowns, and one
    present, weights = sample_masks(game.n_players, n_evals, seed % 2**32)
    return fit_ridge(present, game.value(present)[:, None], weights)[:, 0]


def sample_shap_kernel(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """shap's KernelExplainer without feature selection: least squares with the Shapley kernel; the ends on top."""
    from shap import KernelExplainer  # takes seconds to import

    n = game.n_players
    require(n_evals, 2 * n + 1)
    with isolated_random_state(seed % 2**32), warnings.catch_warnings(), np.printoptions(threshold=0, edgeitems=1):
        # printoptions: shap formats arrays for its debug log even when nobody reads it
        warnings.filterwarnings("error", message="Linear regression equation is singular")
        explainer = KernelExplainer(lambda masks: game.value(np.asarray(masks) > 0.5), np.zeros((1, n)))
        try:
            phi = explainer.shap_values(np.ones((1, n)), nsamples=n_evals, l1_reg=False, silent=True)[0]
        except UserWarning as singular:
            raise TooFewEvaluations(str(singular)) from singular
    return np.asarray(phi, dtype=np.float64)


def sample_shap_permutation(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """shap's PermutationExplainer: mean gain over random orders, walked both ways, in sweeps of 2n + 1."""
    from shap import PermutationExplainer  # takes seconds to import, and numba compiles on the first call

    n = game.n_players
    require(n_evals, 2 * n + 1)
    with isolated_random_state(seed % 2**32):
        explainer = PermutationExplainer(
            lambda masks: game.value(np.asarray(masks) > 0.5),
            lambda mask, ones: (mask * ones).reshape(1, -1),
            seed=seed % 2**32,
        )
        explained = explainer(np.ones((1, n)), max_evals=n_evals, batch_size=2 * n + 1, silent=True)
    return np.asarray(explained.values[0], dtype=np.float64)


def require(n_evals: int, least: int) -> None:
    """Raises: TooFewEvaluations below the least number that a sampler works with."""
    if n_evals < least:
        raise TooFewEvaluations(f"{n_evals} evaluations: at least {least} are needed")
