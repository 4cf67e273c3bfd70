"""Shapley values of the words, for the margin and for every component at once.

Exact by subset sums for short texts, otherwise sampled: by odd-order regression (`shapley`), or by the shap package
on the game of word masks (`shap`). Every estimate is linear in the game, so the components' values add up to the
margin's, word by word.

Sources: Shapley 1953; Fumagalli et al. 2026 (odd-order regression); Lundberg and Lee 2017 (KernelExplainer); Castro
et al. 2009 and Mitchell et al. 2022 (antithetic permutations, PermutationExplainer).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from study.config import ExplainConfig
from study.config.limits import fewest_coalitions
from study.errors import ConfigError
from study.features.assemble import Ends, evaluate_ends, make_attribution, with_margin
from study.features.randomness import draw_seed, isolated_random_state
from study.game.shapley import all_coalitions, exact_weights, is_runaway, make_plan
from study.game.subject import Subject
from study.records import FeatureAttribution, FloatArray, Game

_SLICE = 4096  # coalitions asked of the game at once: 16 words x 4096 masks are 64 KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapleyEstimate:
    """Shapley values, logits. by_component: [word component]; scores: [word], of the margin, estimated beside them."""

    by_component: FloatArray
    scores: FloatArray
    ends: Ends


def explain_shapley(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """Shapley values of the words: exact up to `exact_limit` words, odd-order regression above.

    Exact also where all coalitions are no more than `shapley_evals`. Evaluations: 2^n when exact, otherwise at most
    shapley_evals.
    """
    started = time.perf_counter()
    game = subject.new_game()
    seed = None
    if game.n_players <= config.exact_limit or 2**game.n_players <= config.shapley_evals:
        estimator, estimate = "exact", compute_exact(game)
    else:
        seed = draw_seed(rng)
        estimator, estimate = "odd-order regression", estimate_odd_order(game, config.shapley_evals, seed)
    return make_attribution(
        subject,
        method="shapley",
        estimator=estimator,
        scores=estimate.scores,
        by_component=estimate.by_component,
        ends=estimate.ends,
        seed=seed,
        n_evals=game.n_evals,
        started=started,
    )


def explain_shap(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """Shapley values of the words by the shap package's KernelExplainer; exact up to `exact_limit` words.

    KernelExplainer, because on trained models it errs less than PermutationExplainer at the default number
    of evaluations (`make bench` measures both; on games of low order, an untrained model's say, the order
    is reversed). Evaluations: 2^n when exact, otherwise at most shap_evals + 2.
    """
    started = time.perf_counter()
    game = subject.new_game()
    seed = None
    if game.n_players <= config.exact_limit:
        estimator, estimate = "exact", compute_exact(game)
    else:
        seed = draw_seed(rng)
        estimator, estimate = "shap KernelExplainer", estimate_kernel(game, config.shap_evals, seed)
    return make_attribution(
        subject,
        method="shap",
        estimator=estimator,
        scores=estimate.scores,
        by_component=estimate.by_component,
        ends=estimate.ends,
        seed=seed,
        n_evals=game.n_evals,
        started=started,
    )


def compute_exact(game: Game) -> ShapleyEstimate:
    """Exact Shapley values from all 2^n coalitions, one linear map of their values (`study.game.shapley`).

    Memory is 2^n x (components + words) numbers.
    """
    table = _tabulate(game)
    phi = exact_weights(game.n_players) @ table
    return ShapleyEstimate(
        by_component=phi[:, :-1], scores=phi[:, -1], ends=Ends(base=table[0, :-1], output=table[-1, :-1])
    )


def _tabulate(game: Game) -> FloatArray:
    """v of all 2^n coalitions, [coalition component+margin]; bit i of the row number says whether word i is present."""
    n = game.n_players
    masks = all_coalitions(n)
    return np.concatenate([with_margin(game.value(masks[i : i + _SLICE])) for i in range(0, 2**n, _SLICE)])


def estimate_odd_order(game: Game, n_evals: int, seed: int) -> ShapleyEstimate:
    """Shapley values by odd-order regression on complementary pairs of coalitions (`study.game.shapley`).

    At most n_evals evaluations; exact where these are all coalitions. The ridge is chosen on the margin and the same
    weights serve every component, so the components' values add up to the margin's; efficiency holds by construction.

    Raises: ConfigError when n_evals is too small for the number of words.
    """
    n = game.n_players
    if n_evals < fewest_coalitions(n):
        raise _too_few("shapley_evals", n_evals, n, fewest_coalitions(n))
    plan = make_plan(n, n_evals, 0, np.random.default_rng(seed))
    values = with_margin(game.value(plan.masks))
    phi = plan.weights(values[:, -1]) @ values
    return ShapleyEstimate(
        by_component=phi[:, :-1], scores=phi[:, -1], ends=Ends(base=values[0, :-1], output=values[-1, :-1])
    )


def estimate_kernel(game: Game, n_evals: int, seed: int) -> ShapleyEstimate:
    """Shapley values by shap's KernelExplainer: least squares on sampled coalitions with the Shapley kernel.

    At most n_evals + 2 evaluations. Efficiency holds by construction: the package solves under the
    constraint, for the margin and for each component, all from the same samples and weights. It sets
    values below 1e-10 to zero.

    Raises: ConfigError when n_evals is too small for the number of words: below 2n + 1, or where the coalitions drawn
    leave the solve singular, or so nearly that its values lie far beyond the game's.
    """
    from shap import KernelExplainer  # takes seconds to import

    _check_budget(game, n_evals)
    n = game.n_players
    with isolated_random_state(seed), warnings.catch_warnings(), np.printoptions(threshold=0, edgeitems=1):
        # printoptions: shap formats arrays for its debug log even when nobody reads it, a third of its time
        warnings.filterwarnings("error", message="Linear regression equation is singular")
        seen = _Range(_as_function(game))
        explainer = KernelExplainer(seen, np.zeros((1, n)))
        try:
            phi = explainer.shap_values(np.ones((1, n)), nsamples=n_evals, l1_reg=False, silent=True)[0]
        except UserWarning as singular:
            raise _too_few("shap_evals", n_evals, n, n_evals + 1) from singular
    if is_runaway(phi, seen.low, seen.high):
        raise _too_few("shap_evals", n_evals, n, n_evals + 1)
    ends = Ends(base=explainer.fnull[:-1], output=explainer.fx[:-1])
    return ShapleyEstimate(by_component=phi[:, :-1], scores=phi[:, -1], ends=ends)


def estimate_permutation(game: Game, n_evals: int, seed: int) -> ShapleyEstimate:
    """Shapley values by shap's PermutationExplainer: mean gain of each word over random orders, walked both ways.

    At most n_evals + 2 evaluations, in sweeps of 2n + 1. Efficiency holds sweep by sweep.

    Raises: ConfigError when n_evals is below one sweep.
    """
    from shap import PermutationExplainer  # takes seconds to import, and numba compiles on the first call

    _check_budget(game, n_evals)
    n = game.n_players
    ends = evaluate_ends(game)
    with isolated_random_state(seed):
        explainer = PermutationExplainer(_as_function(game), _keep_present, seed=seed)
        phi = explainer(np.ones((1, n)), max_evals=n_evals, batch_size=2 * n + 1, silent=True).values[0]
    return ShapleyEstimate(by_component=phi[:, :-1], scores=phi[:, -1], ends=ends)


def _as_function(game: Game) -> Callable[[FloatArray], FloatArray]:
    """The game as shap wants it: [coalition word] of 0 and 1 -> [coalition component+margin]."""
    return lambda masks: with_margin(game.value(np.asarray(masks) > 0.5))


class _Range:
    """A function that remembers the least and the largest value it has given, over all components and the margin."""

    def __init__(self, function: Callable[[FloatArray], FloatArray]) -> None:
        self.function = function
        self.low, self.high = np.inf, -np.inf

    def __call__(self, masks: FloatArray) -> FloatArray:
        values = self.function(masks)
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        return values


def _keep_present(mask: FloatArray, ones: FloatArray) -> FloatArray:
    """shap's masker of the game: an absent word is 0."""
    return (mask * ones).reshape(1, -1)


def _check_budget(game: Game, n_evals: int) -> None:
    n = game.n_players
    if n_evals < 2 * n + 1:  # one sweep of permutations; all coalitions of size 1 and n-1
        raise _too_few("shap_evals", n_evals, n, 2 * n + 1)


def _too_few(key: str, n_evals: int, n_words: int, least: int) -> ConfigError:
    return ConfigError(
        f"explain.{key} is {n_evals}, too few for a text of {n_words} words: at least {least} are needed, "
        f"{24 * n_words} give useful values; raise explain.{key} or lower the model's max_words"
    )
