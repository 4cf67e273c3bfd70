"""captum's and shapiq's samplers of Shapley values, on the signature of `study.features.samplers`.

shapiq is optional. Of its KernelSHAP there are two: as it comes, and with every coalition's complement (an option of
the package), so that the comparison is with the package at its best. Left out, because none comes
near the best of these on the games tried: StratifiedSamplingSV, UnbiasedKernelSHAP, SVARM-IQ, and kADDSHAP of order 3,
which has no stable solution below some 2,000 evaluations of 18 players.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from study.errors import StudyError
from study.features.randomness import isolated_random_state
from study.features.samplers import require
from study.features.tabulated import TabulatedGame
from study.records import FloatArray


def sample_captum_kernel(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """captum's KernelShap: least squares on coalitions drawn by the Shapley kernel; the ends are among n_evals."""
    from captum.attr import KernelShap

    require(n_evals, game.n_players + 2)
    return _captum(KernelShap, game, n_evals, seed, at_once=n_evals)


def sample_captum_sampling(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """captum's ShapleyValueSampling: mean gain over random orders of n evaluations each, and the empty coalition."""
    from captum.attr import ShapleyValueSampling

    n = game.n_players
    require(n_evals, n + 1)
    return _captum(ShapleyValueSampling, game, (n_evals - 1) // n, seed, at_once=n)


def _captum(method: Any, game: TabulatedGame, n_samples: int, seed: int, at_once: int) -> FloatArray:
    """[player] by one of captum's methods, which works in single precision."""
    ones = torch.ones(1, game.n_players)

    def forward(present: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(game.value(present.numpy() > 0.5))

    with isolated_random_state(seed % 2**32):
        scores = method(forward).attribute(
            ones, baselines=torch.zeros_like(ones), n_samples=n_samples, perturbations_per_eval=at_once
        )
    return np.asarray(scores[0].detach().numpy(), dtype=np.float64)


def sample_shapiq_kernel(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """shapiq's KernelSHAP."""
    require(n_evals, game.n_players + 2)
    return _shapiq(game, n_evals, seed, lambda shapiq, n, state: shapiq.KernelSHAP(n, random_state=state))


def sample_shapiq_kernel_paired(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """shapiq's KernelSHAP with every coalition's complement."""
    require(n_evals, 2 * (game.n_players + 1))
    return _shapiq(
        game, n_evals, seed, lambda shapiq, n, state: shapiq.KernelSHAP(n, pairing_trick=True, random_state=state)
    )


def sample_shapiq_kadd(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """shapiq's kADDSHAP of order 2: a regression with all pairs of players."""
    n = game.n_players
    require(n_evals, 1 + n + n * (n - 1) // 2)
    return _shapiq(game, n_evals, seed, lambda shapiq, n, state: shapiq.kADDSHAP(n, max_order=2, random_state=state))


def sample_shapiq_permutation(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """shapiq's PermutationSamplingSV: mean gain over random orders of n - 1 evaluations each, and the ends."""
    n = game.n_players
    require(n_evals, n + 1)
    return _shapiq(game, n_evals, seed, lambda shapiq, n, state: shapiq.PermutationSamplingSV(n, random_state=state))


def sample_shapiq_svarm(game: TabulatedGame, n_evals: int, seed: int) -> FloatArray:
    """shapiq's SVARM: strata with and without each player."""
    require(n_evals, 2 * (game.n_players + 1))
    return _shapiq(game, n_evals, seed, lambda shapiq, n, state: shapiq.SVARM(n, random_state=state))


def _shapiq(game: TabulatedGame, n_evals: int, seed: int, make: Callable[[Any, int, int], Any]) -> FloatArray:
    """[player] by one of shapiq's approximators. Raises: StudyError where the package is missing."""
    try:
        from shapiq import approximator
    except ImportError as missing:
        raise StudyError(
            "the samplers of the package shapiq are asked for (convergence.samplers), which is not installed: "
            "pip install -e '.[samplers]', or name samplers without shapiq"
        ) from missing

    def value(masks: Any) -> FloatArray:
        return game.value(np.atleast_2d(masks))

    n = game.n_players
    with isolated_random_state(seed % 2**32):
        found = make(approximator, n, seed % 2**32).approximate(n_evals, value)
    return np.array([found[(i,)] for i in range(n)])
