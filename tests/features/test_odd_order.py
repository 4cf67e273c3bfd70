"""Odd-order regression: against all coalitions and closed forms, beside the shap package, and what always holds."""

from __future__ import annotations

import numpy as np
import pytest

from study.config import ExplainConfig
from study.config.limits import fewest_coalitions
from study.errors import ConfigError
from study.features.shapley import compute_exact, estimate_kernel, estimate_odd_order, explain_shapley
from tests.features.synthetic import PolynomialGame, literal_shapley, make_subject, random_terms


def make_game(n: int, seed: int = 0, **options: int) -> PolynomialGame:
    return PolynomialGame(n, random_terms(n, 4, np.random.default_rng(seed), **options))


class SmoothGame(PolynomialGame):
    """Components tanh(w_k . S) of all orders, as a network has them."""

    def __init__(self, n_players: int, seed: int) -> None:
        super().__init__(n_players, {(): np.zeros(3)})
        self.slopes = np.random.default_rng(seed).normal(size=(n_players, 3)) / np.sqrt(n_players)

    def value(self, masks):
        super().value(masks)  # counts
        return np.tanh(np.asarray(masks) @ self.slopes + 0.3)


def relative_errors(estimate, game, exact, n_evals, seeds=range(4)):
    found = [estimate(game, n_evals, seed=seed).scores for seed in seeds]
    return np.array([np.linalg.norm(scores - exact) / np.linalg.norm(exact) for scores in found])


@pytest.mark.parametrize("n", [0, 1, 5])
def test_up_to_the_limit_it_is_the_literal_loop_over_subsets(n):
    subject = make_subject(n, n_cut=1)
    found = explain_shapley(subject, ExplainConfig(exact_limit=5, shapley_evals=16), np.random.default_rng(0))
    assert (found.method, found.estimator, found.seed, found.n_evals) == ("shapley", "exact", None, 2**n)
    assert found.by_component[:n] == pytest.approx(literal_shapley(subject.new_game()), abs=1e-12)


def test_just_above_the_limit_it_is_sampled_unless_that_is_all():
    subject, rng = make_subject(7), np.random.default_rng(0)
    sampled = explain_shapley(subject, ExplainConfig(exact_limit=6, shapley_evals=100), rng)
    assert (sampled.estimator, sampled.n_evals) == ("odd-order regression", 100)
    assert sampled.seed is not None
    whole = explain_shapley(subject, ExplainConfig(exact_limit=6, shapley_evals=128), rng)
    assert (whole.estimator, whole.seed, whole.n_evals) == ("exact", None, 128)
    assert whole.scores == pytest.approx(compute_exact(subject.new_game()).scores, abs=1e-12)


def test_what_words_do_alone_and_in_pairs_is_found_exactly_from_few_coalitions():
    game = make_game(30, max_order=2, n_high=60)
    estimate = estimate_odd_order(game, fewest_coalitions(30), seed=0)
    assert estimate.by_component == pytest.approx(game.closed_form(), abs=1e-6)


def test_three_words_together_are_found_with_coalitions_enough():
    game = make_game(9, max_order=3)
    estimate = estimate_odd_order(game, 400, seed=0)  # 200 pairs for 9 words and 84 triples
    assert estimate.by_component == pytest.approx(game.closed_form(), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("game", [make_game(20, n_high=60), SmoothGame(17, 0)], ids=["polynomial", "smooth"])
def test_it_is_efficient_linear_and_within_budget(game):
    estimate = estimate_odd_order(game, 301, seed=0)
    assert game.n_evals == 300  # in pairs
    n = game.n_players
    base, output = game.value(np.array([[False] * n, [True] * n]))
    assert estimate.ends.base == pytest.approx(base, abs=1e-12)
    assert estimate.ends.output == pytest.approx(output, abs=1e-12)
    assert estimate.by_component.sum(axis=0) == pytest.approx(output - base, abs=1e-9)
    assert estimate.scores.sum() == pytest.approx((output - base).sum(), abs=1e-9)
    assert estimate.scores == pytest.approx(estimate.by_component.sum(axis=1), abs=1e-9)


def test_its_error_falls_with_evaluations():
    game = SmoothGame(13, 3)
    exact = compute_exact(game).scores
    errors = [relative_errors(estimate_odd_order, game, exact, n).mean() for n in (64, 256, 1024)]
    assert errors[0] > 1.5 * errors[1] > 2.25 * errors[2] > 0
    assert errors[2] < 0.01


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_errs_less_than_the_shap_package_from_as_many_evaluations(seed):
    game = SmoothGame(12, seed)
    exact = compute_exact(game).scores
    ours, theirs = (relative_errors(e, game, exact, 512).mean() for e in (estimate_odd_order, estimate_kernel))
    assert ours < 0.7 * theirs


def test_it_depends_on_its_seed_alone():
    game = make_game(18)
    first = estimate_odd_order(game, 100, seed=3)
    np.random.random()  # noqa: NPY002 - it must not read the global state
    assert np.array_equal(first.by_component, estimate_odd_order(game, 100, seed=3).by_component)
    assert not np.array_equal(first.scores, estimate_odd_order(game, 100, seed=4).scores)


def test_too_small_a_budget_is_a_clear_error():
    wanted = r"explain.shapley_evals is 80, too few for a text of 20 words: at least 84 are needed, .* or lower"
    with pytest.raises(ConfigError, match=wanted):
        estimate_odd_order(make_game(20), 80, seed=0)
    estimate_odd_order(make_game(20), 84, seed=0)
