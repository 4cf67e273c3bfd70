"""Models built by hand whose heads do known work: two that can stand in for each other, one that does nothing."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from study.config import ModelConfig
from study.heads import HEAD_METHODS
from study.heads.ablation import trial_ablations
from study.heads.groups import group_effects
from study.heads.players import interactions
from study.model.encoder import Encoder
from tests.heads.batches import CONFIG, head_batch
from tests.tiny import N_TOKENS, TINY, VARIANTS, largest, tiny_batch, tiny_model

STRONG = 4  # the only word that says anything


def redundant_model() -> Encoder:
    """margin = min(1, sum over two like heads of 4 x the share of STRONG among the positions).

    Either head alone saturates the MLP on a text of CLS and STRONG: dimension 0 holds the word, 1 what heads write,
    2 the result, 1 - ReLU(1 - x).
    """
    config = ModelConfig(
        name="hand", n_layers=1, n_heads=2, d_model=4, d_head=1, d_mlp=1, layer_norm=False, max_words=9
    )
    model = Encoder(config, N_TOKENS, 2).double().eval().requires_grad_(False)
    model.W_E[STRONG, 0] = 1.0
    block = model.layers[0]
    block.attention.W_V[:, 0, 0] = 1.0
    block.attention.W_O[:, 0, 1] = 4.0
    block.mlp.W_in[1, 0], block.mlp.b_in[0] = -1.0, 1.0
    block.mlp.W_out[0, 2], block.mlp.b_out[2] = -1.0, 1.0
    model.W_U[2, 1] = 1.0
    return model


def text_of(token: int):
    texts = tiny_batch(1)
    return dataclasses.replace(texts, token_ids=np.where(texts.word_of_token >= 0, token, texts.token_ids))


def redundant_batch():
    """On the text STRONG; the reference set never says it, so means are zero."""
    return head_batch(redundant_model(), text_of(STRONG), reference=text_of(STRONG + 1))


def test_like_heads_look_useless_one_by_one_and_not_together():
    batch = redundant_batch()
    assert batch.margin == pytest.approx([1.0])
    for ablation in ("zero", "mean", "resample"):
        assert largest(HEAD_METHODS.load(f"ablation_{ablation}")(batch, CONFIG)[0].scores) == 0
    assert largest(HEAD_METHODS.load("leave_one_out")(batch, CONFIG)[0].scores) == 0
    by_ablation = {effects.ablation: effects for effects in group_effects(batch, CONFIG)}
    assert by_ablation["mean"].groups[0] == "L0H0+L0H1"
    for effects in by_ablation.values():
        assert effects.effect == pytest.approx(np.ones_like(effects.effect))


def test_like_heads_share_the_effect_and_interact_negatively():
    batch = redundant_batch()
    assert batch.plays[0].words_effect == pytest.approx([0.0, 1.0, 1.0, 1.0])
    assert HEAD_METHODS.load("shapley")(batch, CONFIG)[0].scores == pytest.approx(np.array([[0.5, 0.5]]))
    pairs, found = interactions(batch.plays[0].plan, batch.plays[0].words_effect)
    assert pairs == [(0, 1)]
    assert found == pytest.approx([-1.0])


def test_trials_find_the_backup():
    batch = redundant_batch()
    fill = batch.reference.mean_fill()
    margin = trial_ablations(batch.model, batch.token_ids, batch.attend, batch.target, fill)[0]
    assert margin[0, 0] - margin[0, 1:] == pytest.approx([0.0, 0.0])
    assert abs(margin[1, 2] - margin[0, 1]) == pytest.approx(1.0)


def test_heads_do_not_interact_where_the_mlp_does_not_saturate():
    """Half the weight: two heads together just reach the bend."""
    batch = redundant_batch()
    batch.model.layers[0].attention.W_O /= 4
    weaker = head_batch(batch.model, text_of(STRONG), reference=text_of(STRONG + 1))
    assert interactions(weaker.plays[0].plan, weaker.plays[0].words_effect)[1] == pytest.approx([0.0], abs=1e-12)
    assert HEAD_METHODS.load("ablation_mean")(weaker, CONFIG)[0].scores == pytest.approx(np.array([[0.5, 0.5]]))


def without_a_write(model, layer, head):
    model.layers[layer].attention.W_O[head] = 0.0


def without_values(model, layer, head):
    model.layers[layer].attention.W_V[head] = 0.0


@pytest.mark.parametrize("make_null", [without_a_write, without_values])
@pytest.mark.parametrize("variant", ["two layers", "attention only", "LayerNorm off", "three layers"])
def test_a_head_that_does_nothing_is_null_in_every_causal_method(variant, make_null):
    model = tiny_model(VARIANTS[variant])
    make_null(model, 0, 1)
    batch = head_batch(model, tiny_batch(9, 4))
    others = np.ones(batch.shape, dtype=bool)
    others[0, 1] = False
    for method in ("ablation_zero", "ablation_mean", "ablation_resample", "leave_one_out", "shapley", "shapley_margin"):
        for record in HEAD_METHODS.load(method)(batch, CONFIG):
            assert abs(record.scores[0, 1]) < 1e-13, method
            assert np.abs(record.scores[others]).min() > 1e-6, method
    for record in HEAD_METHODS.load("lime")(batch, CONFIG.model_copy(update={"lime_samples": 4000})):
        assert abs(record.scores[0, 1]) < 0.3 * np.abs(record.scores).max()  # small, but it has no such axiom
    for play in batch.plays:
        for pair, value in zip(*interactions(play.plan, play.words_effect), strict=True):
            assert (abs(value) < 1e-13) == (1 in pair)
    margin = trial_ablations(model, batch.token_ids, batch.attend, batch.target, batch.reference.mean_fill())
    change = np.abs(margin[:, :, [0]] - margin[:, :, 1:])  # [example partner head]
    assert change[:, :, 1].max() < 1e-13
    assert change[:, 0, others.ravel()].min() > 1e-8


def test_like_heads_get_like_scores():
    """Symmetry: swapping two heads of a layer swaps their scores, and equal heads have equal ones."""
    model = tiny_model(TINY)
    for name in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V"):
        weights = getattr(model.layers[0].attention, name)
        weights[1] = weights[0]
    batch = head_batch(model)
    for method in ("ablation_zero", "ablation_mean", "ablation_resample", "leave_one_out", "shapley", "attention_norm"):
        for record in HEAD_METHODS.load(method)(batch, CONFIG):
            assert record.scores[0, 0] == pytest.approx(record.scores[0, 1], abs=1e-12)
            assert abs(record.scores[1, 0] - record.scores[1, 1]) > 1e-6


def test_groups_and_subsets_are_one_account():
    """m - m(without a pair) from the ablations equals the same difference in the table of subsets."""
    batch = head_batch(tiny_model())
    mean = next(effects for effects in group_effects(batch, CONFIG) if effects.ablation == "mean")
    for column, (i, j) in enumerate(itertools.combinations(range(4), 2)):
        for row, play in enumerate(batch.plays):
            expected = play.full[15] - play.full[15 - (1 << i) - (1 << j)]
            assert mean.effect[row, column] == pytest.approx(expected, abs=1e-12)


def test_the_model_by_hand_is_what_its_docstring_says():
    model = redundant_model()
    for words, margin in (([STRONG], 1.0), ([STRONG + 1], 0.0), ([STRONG] + [STRONG + 1] * 8, 0.8)):
        ids = torch.tensor([[1, *words]])
        logits = model.logits(ids, torch.ones_like(ids, dtype=torch.bool))[0]
        assert float(logits[1] - logits[0]) == pytest.approx(margin)
