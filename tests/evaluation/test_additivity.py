"""The additive share: 1 for sums, known fractions for products, nothing for constants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from study.evaluation import additivity
from study.evaluation.additivity import additive_share, measure_additivity
from study.evaluation.rows import COLUMNS
from study.game.shapley import all_coalitions
from study.game.surrogate import sample_masks
from tests.evaluation.cells import tiny_evaluation, tiny_setting
from tests.tiny import VARIANTS, tiny_batch, tiny_model

rng = np.random.default_rng(0)


def parts(n, game, weight=None):
    """All coalitions for the fit and for the trial."""
    masks = all_coalitions(n)
    both = (masks, game(masks), np.ones(len(masks)) if weight is None else weight)
    return both, both


def test_additive_games_have_share_one_also_on_new_masks():
    effects = rng.normal(size=12)
    fit, held_out = ((*sample_masks(12, n, seed), None) for n, seed in ((60, 0), (40, 1)))
    tables = [(present, 3.0 + present @ effects, weight) for present, weight, _ in (fit, held_out)]
    assert additive_share(*tables) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("n_factors", "expected"), [(2, 2 / 3), (3, 3 / 7), (4, 4 / 15)])
def test_products_of_words_have_the_share_that_their_main_effects_have(n_factors, expected):
    """x1...xk over all coalitions alike: variance (2^k - 1) / 4^k, of which k / 4^k is additive."""
    share = additive_share(*parts(5, lambda masks: masks[:, :n_factors].all(axis=1).astype(float)))
    assert share == pytest.approx(expected)


def test_pure_interactions_have_share_nought_and_mixtures_their_part():
    signs = np.where(all_coalitions(4), 1.0, -1.0)
    parity = signs[:, 0] * signs[:, 1]
    assert additive_share(*parts(4, lambda _: parity)) == pytest.approx(0.0, abs=1e-12)
    for size in (0.5, 2.0):
        mixed = 5.0 + signs[:, 0] + size * parity
        assert additive_share(*parts(4, lambda _, v=mixed: v)) == pytest.approx(1 / (1 + size**2))


def test_weights_count_in_the_fit_and_in_the_trial():
    masks = all_coalitions(2)
    both = masks.all(axis=1).astype(float)
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    design = np.column_stack([masks, np.ones(4)])
    beta = np.linalg.solve(design.T @ (weight[:, None] * design), design.T @ (weight * both))  # normal equations
    rest, trial = both - design @ beta, np.array([4.0, 1.0, 1.0, 2.0])

    def variance(v):
        return np.average((v - np.average(v, weights=trial)) ** 2, weights=trial)

    share = additive_share((masks, both, weight), (masks, both, trial))
    assert share == pytest.approx(1 - variance(rest) / variance(both))
    assert share != pytest.approx(2 / 3, abs=0.01)


def test_what_was_fitted_is_tried_elsewhere():
    drawn = np.random.default_rng(1)
    noise, masks = drawn.normal(size=40), drawn.random((40, 12)) < 0.5
    half = [(masks[rows], noise[rows], np.ones(20)) for rows in (slice(20), slice(20, 40))]
    assert additive_share(half[0], half[0]) > 0.1  # fits the noise
    assert additive_share(*half) < 0.0  # which misleads elsewhere


@pytest.mark.parametrize("level", [0.0, 3.0, -400.0])
def test_constant_games_have_no_share(level):
    jitter = 1e-7 * level * rng.normal(size=16)  # of single precision
    assert math.isnan(additive_share(*parts(4, lambda masks: level + jitter)))


def test_rows_are_reproducible_and_tried_on_fresh_masks(monkeypatch):
    evaluation = tiny_evaluation(tiny_setting(batch=tiny_batch(8, 0)))
    seen = []
    monkeypatch.setattr(
        additivity, "sample_masks", lambda n, k, seed: seen.append((n, k, seed)) or sample_masks(n, k, seed)
    )
    found = measure_additivity(evaluation, 0)
    row = found["additivity"][0]
    assert tuple(row) == COLUMNS["additivity"]
    assert (row["n_words"], row["n_masks"]) == (8, 64)
    assert 0 < row["additive_share"] < 1
    assert [(n, k) for n, k, _ in seen] == [(8, 64), (8, 64)]
    assert seen[0][2] != seen[1][2]
    assert measure_additivity(evaluation, 0)["additivity"] == [row]
    assert 64 < found["evaluation_cost"][0]["n_evals"] <= 128
    empty = measure_additivity(evaluation, 1)["additivity"][0]
    assert math.isnan(empty["additive_share"])


def test_a_model_whose_heads_cannot_interact_is_additive():
    """Attention off and everything linear: the margin is a constant and one number a word."""
    model = tiny_model(VARIANTS["one layer, attention only, LayerNorm off"])
    evaluation = tiny_evaluation(tiny_setting(model, tiny_batch(8)))
    assert measure_additivity(evaluation, 0)["additivity"][0]["additive_share"] < 0.999
    model.blocks[0].attention.W_Q.zero_()
    model.blocks[0].attention.b_Q.zero_()  # every word is looked at alike
    uniform = tiny_evaluation(tiny_setting(model, tiny_batch(8)))
    assert measure_additivity(uniform, 0)["additivity"][0]["additive_share"] == pytest.approx(1.0, abs=1e-9)
