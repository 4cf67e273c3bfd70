"""Shapley values of heads: brute force, efficiency, null and like heads, and the sampled estimate's error."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from study.heads.ablation import attribute_mean
from study.heads.leave_one_out import attribute_leave_one_out
from study.heads.shapley import attribute_shapley, attribute_shapley_margin
from tests.heads.batches import CONFIG, head_batch
from tests.heads.test_players import EIGHT, SAMPLED, made_up
from tests.tiny import TINY, VARIANTS, largest, tiny_batch, tiny_model

METHODS = {attribute_shapley: "words_effect", attribute_shapley_margin: "full"}


def over_all_orders(values, n):
    """Mean gain of each player over all orders, values by the number of the coalition."""
    phi = np.zeros(n)
    orders = list(itertools.permutations(range(n)))
    for order in orders:
        number = 0
        for player in order:
            phi[player] += values[number | 1 << player] - values[number]
            number |= 1 << player
    return phi / len(orders)


@pytest.mark.parametrize("method", METHODS, ids=METHODS.values())
def test_three_heads_by_brute_force(method):
    model = tiny_model(TINY.model_copy(update={"n_layers": 3, "n_heads": 1}))
    batch = head_batch(model)
    for play, found in zip(batch.plays, method(batch, CONFIG), strict=True):
        expected = over_all_orders(getattr(play, METHODS[method]), 3)
        assert np.abs(expected).max() > 1e-3
        assert largest(found.scores.ravel() - expected) < 1e-12


def test_a_made_up_game_is_put_at_the_right_heads():
    """u = 1 with head 1 (L0H1), + 4 with heads 2 and 3 together (L1H0, L1H1)."""
    batch = head_batch(tiny_model(), tiny_batch(4))
    masks = batch.plays[0].plan.masks
    play = made_up(masks[:, 1] + 4.0 * (masks[:, 2] & masks[:, 3]))
    found = attribute_shapley(dataclasses.replace(batch, plays=(play,)), CONFIG)[0]
    assert found.scores == pytest.approx(np.array([[0.0, 1.0], [2.0, 2.0]]), abs=1e-12)


@pytest.mark.parametrize("config", [CONFIG, SAMPLED], ids=["exact", "sampled"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_efficiency(variant, config):
    batch = head_batch(tiny_model(VARIANTS[variant]), tiny_batch(9, 1, 0), config=config)
    for method, game in METHODS.items():
        for play, found in zip(batch.plays, method(batch, config), strict=True):
            u = getattr(play, game)
            assert found.scores.sum() == pytest.approx(u[-1] - u[0], abs=1e-9)


def test_efficiency_in_terms_of_the_model():
    """The words' effect of the whole model, since without heads the words have none."""
    batch = head_batch(tiny_model())
    for row, found in enumerate(attribute_shapley(batch, CONFIG)):
        assert found.scores.sum() == pytest.approx(batch.margin[row] - batch.empty[row].sum(), abs=1e-12)


def test_the_sampled_estimate_is_near_and_says_how_far():
    model = tiny_model(EIGHT)
    texts = tiny_batch(9, 5, 7, 8, 6)
    for method, game in METHODS.items():
        exact = np.array([found.scores for found in method(head_batch(model, texts), CONFIG)])
        sampled_batch = head_batch(model, texts, config=SAMPLED)
        found = method(sampled_batch, SAMPLED)
        off = np.array([record.scores for record in found]) - exact
        errors = np.array([record.error for record in found])
        assert errors.shape == exact.shape
        assert (errors > 0).all()
        assert 0 < np.linalg.norm(off) < 0.2 * np.linalg.norm(exact)
        assert 0.3 < np.linalg.norm(off) / np.linalg.norm(errors) < 3
        for play, record in zip(sampled_batch.plays, found, strict=True):
            expected = play.plan.standard_error(getattr(play, game)).reshape(2, 4)
            assert np.array_equal(record.error, expected)


def test_the_table_is_counted_once():
    for config, n_subsets in ((CONFIG, 256), (SAMPLED, 64)):
        batch = head_batch(tiny_model(EIGHT), config=config)
        for play, own, margin in zip(
            batch.plays, attribute_shapley(batch, config), attribute_shapley_margin(batch, config), strict=True
        ):
            assert (own.n_evals, margin.n_evals) == (2 * n_subsets, 0)
            assert own.seconds > play.seconds


@pytest.mark.parametrize("config", [CONFIG, SAMPLED], ids=["exact", "sampled"])
def test_leave_one_out_is_the_last_gain(config):
    model = tiny_model(EIGHT)
    batch, known = head_batch(model, config=config), head_batch(model)
    for play, found in zip(known.plays, attribute_leave_one_out(batch, config), strict=True):
        expected = [play.words_effect[255] - play.words_effect[255 - (1 << h)] for h in range(8)]
        assert largest(found.scores.ravel() - np.array(expected)) < 1e-12
        assert found.n_evals == (0 if config is CONFIG else 2 * 8)


def test_leave_one_out_is_mean_ablation_less_what_it_does_to_the_empty_text():
    """A text made of masks is its own empty text: the margin moves, the words' effect does not."""
    texts = tiny_batch(4)
    texts = dataclasses.replace(texts, token_ids=np.where(texts.word_of_token >= 0, 2, texts.token_ids))
    batch = head_batch(tiny_model(), texts)
    assert largest(attribute_leave_one_out(batch, CONFIG)[0].scores) < 1e-12
    assert largest(attribute_mean(batch, CONFIG)[0].scores) > 1e-3
    words = head_batch(tiny_model(), tiny_batch(4))
    play, ablated = words.plays[0], attribute_mean(words, CONFIG)[0].scores.ravel()
    on_empty = np.array([play.empty[15] - play.empty[15 - (1 << h)] for h in range(4)])
    found = attribute_leave_one_out(words, CONFIG)[0].scores.ravel()
    assert largest(found - (ablated - on_empty)) < 1e-12
    assert largest(on_empty) > 1e-3
