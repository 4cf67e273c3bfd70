"""Shapley values against closed forms, literal loops, axioms, and other libraries."""

# ruff: noqa: NPY002, S311 - global random state is what these tests watch

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from study.config import ExplainConfig
from study.errors import ConfigError
from study.features.randomness import isolated_random_state
from study.features.shapley import compute_exact, estimate_kernel, estimate_permutation, explain_shap
from tests.features.synthetic import PolynomialGame, literal_shapley, make_subject, random_terms

ESTIMATORS = {"kernel": estimate_kernel, "permutation": estimate_permutation}


def make_game(n: int, seed: int = 0, **options: int) -> PolynomialGame:
    return PolynomialGame(n, random_terms(n, 4, np.random.default_rng(seed), **options))


class FunctionGame(PolynomialGame):
    """A game with one component, from any function of masks."""

    def __init__(self, n_players, function):
        super().__init__(n_players, {(): np.zeros(1)})
        self.function = function

    def value(self, masks):
        return np.asarray(self.function(masks), dtype=np.float64)[:, None]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_exact_equals_the_literal_loop_over_subsets(n):
    game = make_game(n)
    assert compute_exact(game).by_component == pytest.approx(literal_shapley(game), abs=1e-12)


def test_exact_equals_the_mean_gain_over_all_orders():
    game = make_game(4)
    gains = np.zeros((4, 4))
    for order in itertools.permutations(range(4)):
        present = np.zeros(4, dtype=bool)
        for word in order:
            before = game.value(present[None])[0]
            present[word] = True
            gains[word] += game.value(present[None])[0] - before
    assert compute_exact(game).by_component == pytest.approx(gains / 24, abs=1e-12)


@pytest.mark.parametrize("n", [9, 13])  # 13 words are more coalitions than one slice
def test_exact_equals_the_closed_form_and_asks_for_bounded_slices(n):
    game = make_game(n, max_order=5)
    estimate = compute_exact(game)
    assert estimate.by_component == pytest.approx(game.closed_form(), abs=1e-11)
    assert estimate.scores == pytest.approx(game.closed_form().sum(axis=1), abs=1e-11)
    assert game.n_evals == 2**n
    assert game.largest_call <= 4096


def test_exact_on_the_games_that_shapiq_publishes():
    from shapiq_games import synthetic

    interaction = np.array([0, 1, 0, 1, 1])
    unanimity = compute_exact(FunctionGame(5, synthetic.UnanimityGame(interaction)))
    assert unanimity.scores == pytest.approx(interaction / 3, abs=1e-12)
    dummy = compute_exact(FunctionGame(5, synthetic.DummyGame(5, interaction=(1, 2))))
    assert dummy.scores == pytest.approx([0.2, 0.7, 0.7, 0.2, 0.2], abs=1e-12)
    soum = synthetic.SOUM(7, n_basis_games=20, random_state=1)
    theirs = soum.exact_values(index="SV", order=1)
    wanted = [theirs[(i,)] for i in range(7)]
    assert compute_exact(FunctionGame(7, soum)).scores == pytest.approx(wanted, abs=1e-12)


def test_exact_equals_captum_over_all_permutations():
    from captum.attr import ShapleyValues

    game = make_game(4)
    for component in range(4):

        def forward(x, component=component):
            return torch.as_tensor(game.value(x.numpy() > 0.5)[:, component])

        theirs = ShapleyValues(forward).attribute(torch.ones(1, 4), baselines=0)[0].numpy()
        assert compute_exact(game).by_component[:, component] == pytest.approx(theirs, abs=1e-6)


def test_exact_and_permutations_against_shap_itself():
    """The one test that waits for numba: ExactExplainer, and one sweep on a game of order two, where it is exact."""
    from shap import ExactExplainer

    game = make_game(6)
    explainer = ExactExplainer(lambda masks: game.value(masks > 0.5), lambda mask, x: (mask * x).reshape(1, -1))
    theirs = explainer(np.ones((1, 6)), max_evals=64, silent=True).values[0]
    assert compute_exact(game).by_component == pytest.approx(theirs, abs=1e-9)

    pairs = make_game(10, max_order=2)
    sweep = estimate_permutation(pairs, 21, seed=5)
    assert sweep.by_component == pytest.approx(pairs.closed_form(), abs=1e-9)
    assert sweep.ends.output - sweep.ends.base == pytest.approx(sweep.by_component.sum(axis=0), abs=1e-9)
    assert pairs.n_evals <= 21 + 2

    high = make_game(10, max_order=4)
    again = [estimate_permutation(high, 42, seed=s).scores for s in (5, 5, 6)]
    assert np.array_equal(again[0], again[1])
    assert not np.array_equal(again[0], again[2])


coefficients = st.floats(-5, 5, allow_nan=False).map(lambda x: round(x, 3))
games = st.dictionaries(
    st.lists(st.integers(0, 4), max_size=4, unique=True).map(lambda term: tuple(sorted(term))),
    coefficients.map(lambda c: np.array([c])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(games, games)
def test_axiom_linearity(one, other):
    total = {t: one.get(t, np.zeros(1)) + 2 * other.get(t, np.zeros(1)) for t in one | other}
    phi_one, phi_other, phi = (compute_exact(PolynomialGame(5, terms)).scores for terms in (one, other, total))
    assert phi == pytest.approx(phi_one + 2 * phi_other, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(games)
def test_axioms_efficiency_and_dummy(terms):
    without_four = {t: c for t, c in terms.items() if 4 not in t} or {(0,): np.ones(1)}
    estimate = compute_exact(PolynomialGame(5, without_four))
    assert estimate.scores[4] == pytest.approx(0, abs=1e-12)
    assert estimate.scores.sum() == pytest.approx((estimate.ends.output - estimate.ends.base).sum(), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(games)
def test_axiom_symmetry(terms):
    swap = {0: 1, 1: 0}
    twin: dict[tuple[int, ...], np.ndarray] = {}
    for term, c in terms.items():
        for name in (term, tuple(sorted(swap.get(i, i) for i in term))):
            twin[name] = twin.get(name, np.zeros(1)) + c
    phi = compute_exact(PolynomialGame(5, twin)).scores
    assert phi[0] == pytest.approx(phi[1], abs=1e-9)


def test_kernel_with_all_coalitions_is_exact():
    game = make_game(8, max_order=4)
    assert estimate_kernel(game, 300, seed=0).by_component == pytest.approx(game.closed_form(), abs=1e-8)


def test_kernel_is_efficient_linear_and_within_budget():
    game = make_game(20, n_high=60)
    estimate = estimate_kernel(game, 300, seed=0)
    assert game.n_evals <= 302
    gain = estimate.ends.output - estimate.ends.base
    assert estimate.by_component.sum(axis=0) == pytest.approx(gain, abs=1e-9)
    assert estimate.scores.sum() == pytest.approx(gain.sum(), abs=1e-9)
    assert estimate.scores == pytest.approx(estimate.by_component.sum(axis=1), abs=1e-9)
    assert game.value(np.array([[False] * 20, [True] * 20])) == pytest.approx(
        np.stack([estimate.ends.base, estimate.ends.output])
    )


def test_kernel_error_falls_with_evaluations():
    game = make_game(20, n_high=100)
    exact = game.closed_form()
    errors = [
        np.mean([np.linalg.norm(estimate_kernel(game, n, seed=s).by_component - exact) for s in range(4)])
        for n in (64, 256, 1024)
    ]
    assert errors[0] > 1.5 * errors[1] > 2.25 * errors[2] > 0


def test_kernel_depends_on_its_seed_alone():
    game = make_game(18)
    first = estimate_kernel(game, 100, seed=3).scores
    np.random.random()
    assert np.array_equal(first, estimate_kernel(game, 100, seed=3).scores)
    assert not np.array_equal(first, estimate_kernel(game, 100, seed=4).scores)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_too_small_a_budget_is_a_clear_error(name):
    with pytest.raises(ConfigError, match=r"explain.shap_evals is 30, too few for a text of 20 words: at least 41"):
        ESTIMATORS[name](make_game(20), 30, seed=0)


def test_singular_regression_is_an_error_not_a_warning(monkeypatch):
    import shap

    def warn(self, *args, **options):
        import warnings

        warnings.warn("Linear regression equation is singular, a least squares", stacklevel=1)

    monkeypatch.setattr(shap.KernelExplainer, "shap_values", warn)
    with pytest.raises(ConfigError, match="too few"):
        estimate_kernel(make_game(20), 64, seed=0)


@pytest.mark.parametrize(("n_evals", "seed"), [(37, 35), (40, 15)])  # values of 1e15 and 5e15 without the check
def test_nearly_singular_regression_is_an_error_not_a_number(n_evals, seed):
    with pytest.raises(ConfigError, match=rf"shap_evals is {n_evals}, too few .* at least {n_evals + 1} are needed"):
        estimate_kernel(make_game(18), n_evals, seed=seed)


def test_constant_game_is_no_runaway():
    found = estimate_kernel(FunctionGame(18, lambda masks: np.full(len(masks), 0.1)), 64, seed=0)
    assert found.scores == pytest.approx(np.zeros(18), abs=1e-9)


def test_explain_shap_chooses_by_length():
    config = ExplainConfig(exact_limit=6, shap_evals=100)
    short = explain_shap(make_subject(6), config, np.random.default_rng(0))
    assert (short.estimator, short.seed, short.n_evals) == ("exact", None, 64)
    long = explain_shap(make_subject(12), config, np.random.default_rng(0))
    assert long.estimator == "shap KernelExplainer"
    assert long.seed is not None
    assert long.n_evals <= 102


@pytest.mark.parametrize("n", [1, 2, 3])
def test_kernel_on_the_shortest_texts_is_exact(n):
    config = ExplainConfig(exact_limit=0, shap_evals=16)
    subject = make_subject(n)
    attribution = explain_shap(subject, config, np.random.default_rng(0))
    assert attribution.estimator == "shap KernelExplainer"
    assert attribution.by_component == pytest.approx(subject.new_game().closed_form(), abs=1e-9)


def test_random_state_is_put_back_even_after_an_error():
    def states():
        return np.random.get_state()[1].tolist(), random.getstate(), torch.random.get_rng_state().tolist()

    before = states()
    draws = []

    def draw_and_fail():
        with isolated_random_state(1):
            draws.append((np.random.random(), random.random(), torch.rand(1).item()))
            raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            draw_and_fail()
        assert states() == before
    assert draws[0] == draws[1]
    estimate_kernel(make_game(18), 64, seed=0)
    assert states() == before


def test_nothing_is_printed(capfd):
    estimate_kernel(make_game(18), 64, seed=0)
    assert capfd.readouterr() == ("", "")
