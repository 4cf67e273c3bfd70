"""The encoder: torch's own layers as oracle, padding, lengths, and weights drawn from one generator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from study.errors import StudyError
from study.model.encoder import Encoder, build_encoder
from study.model.protocol import margins, target_classes
from study.records import CLS_ID, MASK_ID, PAD_ID
from tests.tiny import N_TOKENS, TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model


def torch_layer(block, d_model, n_heads):
    """nn.TransformerEncoderLayer (pre-LayerNorm, relu) with a block's weights."""
    layer = nn.TransformerEncoderLayer(
        d_model, n_heads, block.mlp.W_in.shape[1], dropout=0.0, batch_first=True, norm_first=True, dtype=torch.float64
    ).requires_grad_(False)
    attention = block.attention
    names = ("Q", "K", "V")
    weights = [getattr(attention, f"W_{n}").permute(0, 2, 1).flatten(0, 1) for n in names]
    layer.self_attn.in_proj_weight[:] = torch.cat(weights)
    layer.self_attn.in_proj_bias[:] = torch.cat([getattr(attention, f"b_{n}").flatten() for n in names])
    layer.self_attn.out_proj.weight[:] = attention.W_O.flatten(0, 1).T
    layer.self_attn.out_proj.bias[:] = attention.b_O
    layer.linear1.weight[:], layer.linear1.bias[:] = block.mlp.W_in.T, block.mlp.b_in
    layer.linear2.weight[:], layer.linear2.bias[:] = block.mlp.W_out.T, block.mlp.b_out
    layer.norm1.load_state_dict(block.norm_attention.state_dict())
    layer.norm2.load_state_dict(block.norm_mlp.state_dict())
    return layer.train()  # evaluation mode takes a fused path with rounding of its own


def test_logits_equal_torchs_transformer_encoder_layers():
    model = tiny_model(n_classes=3)
    token_ids, attend = tensors(tiny_batch(9, 4, 1))
    stream = model.W_E[token_ids] + model.W_pos
    for block in model.layers:
        stream = torch_layer(block, 8, 2)(stream, src_key_padding_mask=~attend)
    expected = model.norm_readout(stream[:, 0]) @ model.W_U + model.b_U
    assert expected.std() > 0.1
    assert largest(model.logits(token_ids, attend) - expected) < 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_does_not_change_logits_or_contributions(variant):
    model = tiny_model(VARIANTS[variant])
    batch = tiny_batch(9, 4, 1, 0)
    token_ids, attend = tensors(batch)
    target = torch.ones(4, dtype=torch.long)
    together = model.logits(token_ids, attend)
    parts = model.contributions(token_ids, attend, target)
    for i, n in enumerate(attend.sum(1).tolist()):
        ids, seen = token_ids[i : i + 1, :n], attend[i : i + 1, :n]
        assert largest(model.logits(ids, seen) - together[i]) < 1e-12
        assert largest(model.contributions(ids, seen, target[:1]) - parts[i]) < 1e-12


def test_what_stands_in_a_hidden_position_does_not_matter_and_what_stands_in_a_seen_one_does():
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(9, 4))
    before = model.logits(token_ids, attend)
    changed = token_ids.masked_fill(~attend, 17)
    assert largest(model.logits(changed, attend) - before) == 0
    changed = token_ids.clone()
    changed[:, 4] = 4 + (token_ids[:, 4] - 3) % 16  # another word; attention looks both ways, so CLS sees it
    assert ((model.logits(changed, attend) - before).abs().amax(1) > 1e-3).all()


def test_word_order_matters():
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(5))
    swapped = token_ids[:, [0, 2, 1, 3, 4, 5]]
    assert largest(model.logits(swapped, attend) - model.logits(token_ids, attend)) > 1e-4


def test_a_text_longer_than_the_model_is_an_error_that_says_what_to_do():
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(10))
    with pytest.raises(StudyError, match=r"11 positions does not fit a model of 10; .*max_words"):
        model.logits(token_ids, attend)
    with pytest.raises(StudyError, match="11 positions"):
        model.contributions(token_ids, attend, torch.tensor([1]))


def test_embeddings_give_the_same_logits_and_a_gradient():
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(5))
    embeddings = model.embed(token_ids).requires_grad_(True)
    logits = model.logits_of_embeddings(embeddings, attend)
    assert largest((logits - model(token_ids, attend)).detach()) == 0
    logits[0, 0].backward()
    assert embeddings.grad.abs().amax(-1).min() > 0


def test_attention_patterns_of_every_layer():
    model = tiny_model(VARIANTS["three layers"])
    token_ids, attend = tensors(tiny_batch(6, 3))
    patterns = model.attention_patterns(token_ids, attend)
    assert patterns.shape == (2, 3, 2, 7, 7)
    assert largest(patterns.sum(-1) - 1) < 1e-14
    assert largest(patterns[1, ..., 4:]) == 0
    stream = model.layers[0](model.embed(token_ids), attend)
    second = model.layers[1]
    assert largest(patterns[:, 1] - second.attention.pattern(second.norm_attention(stream), attend)) == 0


def test_dropout_acts_in_training_only():
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(5))
    assert largest(model(token_ids, attend) - model(token_ids, attend)) == 0
    model.train()
    with torch.random.fork_rng(devices=[]):
        assert largest(model(token_ids, attend) - model(token_ids, attend)) > 1e-3


def test_weights_are_drawn_from_the_generator_alone():
    state = torch.get_rng_state()
    first, again, other = (
        build_encoder(TINY, N_TOKENS, 2, torch.Generator().manual_seed(seed)).state_dict() for seed in (5, 5, 6)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], again[name]) for name in first)
    for name in first:
        drawn = not name.rsplit(".", 1)[-1].startswith("b_") and "norm" not in name
        assert (not torch.equal(first[name], other[name])) == drawn, name
    assert largest(first["W_E"][PAD_ID]) == 0
    assert largest(first["blocks.1.attention.b_V"]) == 0


def test_word_vectors_start_the_embedding_where_there_are_any():
    vectors = torch.zeros(N_TOKENS, 8)
    vectors[7:] = torch.arange(8.0)
    with_vectors = build_encoder(TINY, N_TOKENS, 2, torch.Generator().manual_seed(0), vectors)
    without = build_encoder(TINY, N_TOKENS, 2, torch.Generator().manual_seed(0))
    assert torch.equal(with_vectors.W_E[7:], vectors[7:])
    assert torch.equal(with_vectors.W_E[:7], without.W_E[:7])
    assert with_vectors.W_E[[CLS_ID, MASK_ID]].abs().min() > 0
    assert torch.equal(with_vectors.W_pos, without.W_pos)


def test_layer_norm_off_and_attention_only_have_no_such_weights():
    names = set(Encoder(VARIANTS["attention only, LayerNorm off"], N_TOKENS, 2).state_dict())
    assert not [name for name in names if "norm" in name or "mlp" in name]


def test_margin_is_the_logit_minus_the_mean_of_the_others():
    logits = torch.tensor([[1.0, 4.0, 7.0], [0.0, 3.0, 0.0]])
    assert margins(logits, torch.tensor([2, 1])).tolist() == [4.5, 3.0]
    assert margins(logits[:, :2], torch.tensor([0, 1])).tolist() == [-3.0, 3.0]


def test_target_is_the_second_of_two_classes_else_the_predicted_one():
    assert target_classes(torch.tensor([[9.0, 1.0], [1.0, 9.0]])).tolist() == [1, 1]
    assert target_classes(torch.tensor([[9.0, 1.0, 0.0], [1.0, 2.0, 9.0]])).tolist() == [0, 2]
