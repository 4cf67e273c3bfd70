"""Removal curves: which words and heads go first, what is lost, on one scale for both."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from study.game.removals import DELETE_WORDS
from study.heads import HEAD_METHODS
from study.heads.removal import FRACTIONS, removal_curves
from study.model.protocol import margins
from study.records import MASK_ID
from study.support import order_by_support
from tests.heads.batches import CONFIG, head_batch
from tests.heads.test_ablation import margin_without
from tests.tiny import VARIANTS, tiny_batch, tiny_model

EIGHT = tiny_model(VARIANTS["four wide heads"], seed=1)


def curves_of(batch, row, words=None, heads=None):
    return removal_curves(batch.subjects[row], words or {}, heads or {})


def by_method(points):
    return {(p.unit, p.method): [q for q in points if (q.unit, q.method) == (p.unit, p.method)] for p in points}


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_the_literal_oracle(seed):
    """Words masked and heads replaced one by one in a plain forward pass; some texts are negative, some positive."""
    rng = np.random.default_rng(seed)
    batch = head_batch(tiny_model(VARIANTS["four wide heads"], seed=seed), tiny_batch(9, 5, seed=seed))
    fill = batch.reference.mean_fill()
    for row, subject in enumerate(batch.subjects):
        m, n = float(batch.margin[row]), subject.n_players
        words, heads = rng.normal(size=n), rng.normal(size=(2, 4))
        found = by_method(curves_of(batch, row, {"shap": words}, {"shapley": heads}))
        for k, fraction in enumerate(FRACTIONS):
            gone = sorted(range(n), key=lambda i: -math.copysign(1, m) * words[i])[: math.ceil(fraction * n)]
            ids = batch.token_ids[row : row + 1, : n + 1].clone()
            ids[0, [1 + i for i in gone]] = MASK_ID
            target = batch.target[row : row + 1]
            after = float(margins(batch.model.logits(ids, torch.ones_like(ids, dtype=torch.bool)), target)[0])
            point = found["words", "shap"][k]
            assert point.margin_lost == pytest.approx(math.copysign(1, m) * (m - after), abs=1e-12)
            assert (point.fraction, point.n_removed, point.n_units) == (fraction, len(gone), n)
            flat = heads.ravel()
            gone = sorted(range(8), key=lambda h: -math.copysign(1, m) * flat[h])[: math.ceil(fraction * 8)]
            after = margin_without(batch, row, [divmod(h, 4) for h in gone], fill)
            point = found["heads", "shapley"][k]
            assert point.margin_lost == pytest.approx(math.copysign(1, m) * (m - after), abs=1e-12)
            assert (point.fraction, point.n_removed, point.n_units) == (fraction, len(gone), 8)


def test_all_removed_is_the_same_whatever_the_method():
    """All words: the margin falls to the empty text's. All heads: the words do nothing either."""
    batch = head_batch(EIGHT)
    rng = np.random.default_rng(0)
    m, empty = batch.margin[0], batch.empty[0].sum()
    points = curves_of(
        batch,
        0,
        {name: rng.normal(size=9) for name in ("shap", "attention")},
        {name: rng.normal(size=(2, 4)) for name in ("shapley", "attention_norm")},
    )
    last = {(p.unit, p.method): p.margin_lost for p in points if p.fraction == 1.0}
    without_words, without_heads = (np.sign(m) * (m - after) for after in (empty, batch.plays[0].full[0]))
    for unit, methods, lost in (
        ("words", ("shap", "attention"), without_words),
        ("heads", ("shapley", "attention_norm"), without_heads),
    ):
        assert [last[unit, method] for method in methods] == pytest.approx([lost, lost], abs=1e-12)


@pytest.mark.parametrize("margin", [2.0, -2.0])
def test_support_is_for_the_predicted_class(margin):
    scores = np.array([0.5, -3.0, np.nan, 2.0, -0.1])
    assert order_by_support(scores, "shap", 2.0) == [3, 0, 4, 1]
    assert order_by_support(scores, "shap", -2.0) == [1, 4, 0, 3]
    for unsigned in ("attention", "rollout", "attention_norm", "attention_confidence"):
        assert order_by_support(scores, unsigned, margin) == [1, 3, 0, 4]


def test_ties_go_in_order():
    assert order_by_support(np.zeros(5), "shap", -1.0) == [0, 1, 2, 3, 4]
    assert order_by_support(np.array([1.0, 2.0, 1.0, 2.0]), "shap", 1.0) == [1, 3, 0, 2]


def test_words_that_do_not_fit_are_no_units():
    batch = head_batch(EIGHT, tiny_batch(8, n_cut=3))
    scores = np.array([*np.arange(8.0), *[np.nan] * 3])
    points = curves_of(batch, 0, {"shap": scores})
    assert [p.n_removed for p in points] == [1, 2, 3, 4, 6, 8]
    assert {p.n_units for p in points} == {8}
    assert np.isfinite([p.margin_lost for p in points]).all()
    scores[0] = np.nan  # a word without a score stays, even when all are removed
    points = curves_of(batch, 0, {"shap": scores})
    assert [p.n_removed for p in points] == [1, 2, 3, 4, 6, 7]
    present = np.zeros((1, 8), dtype=bool)
    present[0, 0] = True
    game = batch.subjects[0].new_game()
    after = game.value(present, np.ones((1, 8), dtype=bool))[0, 0]
    m = batch.margin[0]
    assert points[-1].margin_lost == pytest.approx(np.sign(m) * (m - after), abs=1e-12)


def test_nothing_to_remove_is_undefined():
    batch = head_batch(EIGHT, tiny_batch(0, 1))
    points = curves_of(batch, 0, {"shap": np.array([])}, {"shapley": np.ones((2, 4))})
    assert [p.n_removed for p in points if p.unit == "words"] == [0] * 6
    assert all(math.isnan(p.margin_lost) for p in points if p.unit == "words")
    assert all(math.isfinite(p.margin_lost) for p in points if p.unit == "heads")
    one = curves_of(batch, 1, {"shap": np.array([1.0])})
    assert [p.n_removed for p in one] == [1] * 6
    assert np.ptp([p.margin_lost for p in one]) < 1e-12


def test_a_margin_of_zero_predicts_nothing():
    model = tiny_model()
    model.W_U.zero_()
    model.b_U.zero_()
    points = curves_of(head_batch(model), 0, {"shap": np.ones(9)}, {"shapley": np.ones((2, 2))})
    assert len(points) == 12
    assert all(math.isnan(p.margin_lost) for p in points)


def test_words_go_by_the_removal_operator_of_the_word_game():
    batch = head_batch(EIGHT, removal=DELETE_WORDS)
    scores = np.zeros(9)
    scores[[2, 5]] = np.sign(batch.margin[0]) * np.array([2.0, 1.0])
    point = curves_of(batch, 0, {"shap": scores})[1]
    assert point.n_removed == 3  # the two, then the first of the ties
    left = batch.token_ids[0, :10][[0, 2, 4, 5, 7, 8, 9]][None]
    after = float(margins(EIGHT.logits(left, torch.ones_like(left, dtype=torch.bool)), batch.target[:1])[0])
    m = float(batch.margin[0])
    assert point.margin_lost == pytest.approx(np.sign(m) * (m - after), abs=1e-12)


def test_too_few_scores():
    batch = head_batch(EIGHT)
    with pytest.raises(ValueError, match="shap has 8 scores for 9 words"):
        curves_of(batch, 0, {"shap": np.ones(8)})
    with pytest.raises(ValueError, match="lime has 4 scores for 8 heads"):
        curves_of(batch, 0, {}, {"lime": np.ones((2, 2))})


def test_the_best_heads_lose_more_than_random_and_the_worst_less():
    """Over several texts, at half the heads: Shapley order, a random one, and Shapley reversed."""
    batch = head_batch(EIGHT, tiny_batch(9, 5, 7, 8, 6, 9))
    lost = {name: [] for name in ("shapley", "random", "reversed")}
    rows = zip(*(HEAD_METHODS.load(name)(batch, CONFIG) for name in ("shapley_margin", "random")), strict=True)
    for row, (shapley, random) in enumerate(rows):
        heads = {"shapley": shapley.scores, "random": random.scores, "reversed": -shapley.scores}
        for point in curves_of(batch, row, {}, heads):
            if point.fraction == 0.5:
                lost[point.method].append(point.margin_lost)
    means = {name: np.mean(values) for name, values in lost.items()}
    assert means["shapley"] > means["random"] + 0.01
    assert means["random"] > means["reversed"] + 0.01


def test_points_know_their_text():
    batch = head_batch(EIGHT)
    points = curves_of(batch, 1, {"shap": np.ones(1)})
    assert {(p.example_id, p.unit, p.method) for p in points} == {("t1", "words", "shap")}
    with pytest.raises(dataclasses.FrozenInstanceError):
        points[0].fraction = 0.0
