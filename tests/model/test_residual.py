"""Components of the margin: closed forms on hand-set weights, and the sum that must hold for every shape of model."""

from __future__ import annotations

import pytest
import torch

from study.model.encoder import Encoder
from study.model.protocol import margins
from study.model.residual import (
    encoder_components,
    layer_norm_scale,
    margin_biases,
    margin_directions,
    read_direction,
)
from tests.tiny import N_TOKENS, TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model

BARE = VARIANTS["one layer, attention only, LayerNorm off"]


def test_components_in_the_order_in_which_they_are_added():
    index = encoder_components(2, 2, has_mlp=True)
    names = "embed L0H0 L0H1 L0.attn_bias L0.mlp L1H0 L1H1 L1.attn_bias L1.mlp readout_bias"
    assert index.names == tuple(names.split())
    layer = ("head", "head", "attn_bias", "mlp")
    assert index.kind == ("embed", *layer, *layer, "readout_bias")
    assert index.layer == (-1, 0, 0, 0, 0, 1, 1, 1, 1, -1)
    assert index.head == (-1, 0, 1, -1, -1, 0, 1, -1, -1, -1)
    assert encoder_components(1, 1, has_mlp=False).names == ("embed", "L0H0", "L0.attn_bias", "readout_bias")


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("variant", VARIANTS)
def test_contributions_sum_to_the_margin_of_every_class(variant, n_classes):
    model = tiny_model(VARIANTS[variant], n_classes=n_classes)
    token_ids, attend = tensors(tiny_batch(9, 4, 1, 0))
    logits = model.logits(token_ids, attend)
    for class_ in range(n_classes):
        target = torch.full((4,), class_)
        parts = model.contributions(token_ids, attend, target)
        assert parts.shape == (4, len(model.index))
        assert parts.abs().amax(0).min() > 1e-4  # no component is trivially zero
        assert largest(parts.sum(1) - margins(logits, target)) < 1e-12


def test_float32_contributions_sum_to_the_margin():
    model = tiny_model(dtype=torch.float32)
    token_ids, attend = tensors(tiny_batch(9, 4))
    target = torch.ones(2, dtype=torch.long)
    parts = model.contributions(token_ids, attend, target)
    assert parts.dtype == torch.float32
    assert largest(parts.sum(1) - margins(model.logits(token_ids, attend), target)) < 1e-5


def test_the_other_class_sees_every_component_with_the_other_sign():
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(5))
    one, zero = (model.contributions(token_ids, attend, torch.tensor([class_])) for class_ in (1, 0))
    assert largest(one + zero) < 1e-13


def copying_model():
    """Head 0 copies the value of token 5 wherever it stands; head 1 writes nothing. No LayerNorm, no MLP.

    Token 5 has embedding e_1 (all others 0); CLS asks for e_1 so strongly that it attends to token 5 alone.
    """
    model = Encoder(BARE, N_TOKENS, 2).double().eval().requires_grad_(False)
    attention = model.layers[0].attention
    model.W_E[5, 1] = 1.0
    attention.b_Q[0, 0] = 100.0
    attention.W_K[0, 1, 0] = 100.0
    attention.W_V[0, 1, 2] = 3.0  # reads e_1 into place 2 of the head ...
    attention.W_O[0, 2, 4] = 0.5  # ... and writes it to e_4
    model.W_U[4, 1] = 2.0
    return model


def test_a_head_that_copies_one_word_contributes_what_it_writes():
    model = copying_model()
    token_ids = torch.tensor([[1, 7, 5, 8], [1, 7, 9, 8]])
    attend = torch.ones_like(token_ids, dtype=torch.bool)
    parts = model.contributions(token_ids, attend, torch.tensor([1, 1]))
    assert model.index.names == ("embed", "L0H0", "L0H1", "L0.attn_bias", "readout_bias")
    expected = torch.tensor([[0, 3.0 * 0.5 * 2.0, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.float64)
    assert largest(parts - expected) < 1e-12


def test_biases_stand_in_their_own_components():
    model = copying_model()
    attention = model.layers[0].attention
    attention.b_V[0, 2] = 10.0  # weight one: 10 x 0.5 x 2
    attention.b_O[4] = 0.25  # 0.25 x 2
    model.b_U[:] = torch.tensor([1.0, 8.0])  # 8 - 1
    model.W_E[1, 4] = 0.75  # CLS itself: 0.75 x 2
    parts = model.contributions(torch.tensor([[1, 7, 5]]), torch.ones(1, 3, dtype=torch.bool), torch.tensor([1]))
    assert largest(parts - torch.tensor([[1.5, 3.0, 0.0, 10.5, 7.0]])) < 1e-12


def test_without_layer_norm_a_contribution_is_the_write_along_the_margin_direction():
    model = tiny_model(VARIANTS["LayerNorm off"], n_classes=3)
    token_ids, attend = tensors(tiny_batch(6, 2))
    writes = model.readout_writes(token_ids, attend)
    w = model.W_U[:, 2] - (model.W_U[:, 0] + model.W_U[:, 1]) / 2
    parts = model.contributions(token_ids, attend, torch.tensor([2, 2]))
    assert largest(parts[:, :-1] - writes @ w) < 1e-13
    assert largest(parts[:, -1] - (model.b_U[2] - model.b_U[:2].mean())) < 1e-14


def test_with_layer_norm_a_contribution_is_the_centred_scaled_write():
    """METHODS section 2 written out: w.[gamma (o - mean(o))] / sigma, sigma of the whole stream."""
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(6, 2))
    writes = model.readout_writes(token_ids, attend)
    stream, norm = writes.sum(1), model.norm_readout
    w = model.W_U[:, 1] - model.W_U[:, 0]
    sigma = torch.sqrt(((stream - stream.mean(1, keepdim=True)) ** 2).mean(1) + norm.eps)
    expected = (norm.weight * (writes - writes.mean(-1, keepdim=True))) @ w / sigma[:, None]
    parts = model.contributions(token_ids, attend, torch.tensor([1, 1]))
    assert largest(parts[:, :-1] - expected) < 1e-13
    assert largest(parts[:, -1] - (w @ norm.bias + model.b_U[1] - model.b_U[0])) < 1e-14


def test_heads_and_bias_are_what_attention_adds_at_the_readout():
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(6, 2))
    writes = model.readout_writes(token_ids, attend)
    block = model.layers[0]
    x = block.norm_attention(model.embed(token_ids))
    assert largest(writes[:, 1:4].sum(1) - block.attention(x, attend)[:, 0]) < 1e-13
    stream = block(model.embed(token_ids), attend)
    assert largest(writes[:, :5].sum(1) - stream[:, 0]) < 1e-13


def test_margin_directions_and_biases():
    W_U = torch.tensor([[1.0, 2.0, 6.0], [0.0, 3.0, 0.0]])
    assert margin_directions(W_U, torch.tensor([2, 1])).tolist() == [[4.5, -1.5], [-1.5, 3.0]]
    assert margin_biases(torch.tensor([1.0, 2.0, 6.0]), torch.tensor([2, 0])).tolist() == [4.5, -3.0]
    assert margin_directions(W_U[:, :2], torch.tensor([1])).tolist() == [[1.0, 3.0]]


def test_reading_a_direction_before_layer_norm():
    generator = torch.Generator().manual_seed(0)
    w, gamma, write, stream = (torch.randn(8, generator=generator, dtype=torch.float64) for _ in range(4))
    u = read_direction(w, gamma)
    assert largest(u @ write - w @ (gamma * (write - write.mean()))) < 1e-13
    norm = torch.nn.functional.layer_norm(stream, (8,), weight=gamma, eps=1e-5)
    assert largest(u @ stream / layer_norm_scale(stream[None], 1e-5) - w @ norm) < 1e-13


def test_a_pad_row_or_a_cut_word_adds_nothing():
    """The tiny model's padding embedding is random; no component may see it."""
    model = tiny_model(TINY)
    token_ids, attend = tensors(tiny_batch(9, 3))
    target = torch.tensor([1, 1])
    before = model.contributions(token_ids, attend, target)
    model.W_E[0] += 5.0
    assert largest(model.contributions(token_ids, attend, target) - before) == 0
