"""Attention: both views, the value bias, closed forms on hand-set weights, and torch's own attention as oracle."""

from __future__ import annotations

import torch
from torch import nn

from study.model.attention import Attention
from tests.tiny import largest


def random_attention(n_heads=3, d_model=6, d_head=4):
    generator = torch.Generator().manual_seed(0)
    attention = Attention(d_model, n_heads, d_head).double()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.normal_(0.0, 0.7, generator=generator)
    return attention.requires_grad_(False)


def random_stream(n=2, n_positions=5, d_model=6):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, n_positions, d_model, generator=generator, dtype=torch.float64)
    attend = torch.ones(n, n_positions, dtype=torch.bool)
    attend[1, 3:] = False
    return x, attend


def test_sum_of_heads_and_bias_is_the_concatenation_view():
    attention = random_attention()
    x, attend = random_stream()
    mixed = attention.mix(x, attention.pattern(x, attend))
    heads = attention.sum_view(mixed)
    assert heads.shape == (2, 5, 3, 6)
    assert largest(heads.sum(2) + attention.bias() - attention.concatenation_view(mixed)) < 1e-14
    assert largest(attention(x, attend) - attention.concatenation_view(mixed)) == 0


def test_each_head_uses_its_own_slice():
    attention = random_attention()
    x, attend = random_stream()
    mixed = attention.mix(x, attention.pattern(x, attend))
    before = attention.sum_view(mixed)
    attention.W_O[1] += 1.0
    changed = (attention.sum_view(mixed) - before).abs().amax((0, 1, 3)) > 0
    assert changed.tolist() == [False, True, False]


def test_rows_of_a_pattern_sum_to_one_over_the_attended_positions():
    attention = random_attention()
    x, attend = random_stream()
    pattern = attention.pattern(x, attend)
    assert largest(pattern.sum(-1) - 1) < 1e-14
    assert largest(pattern[1, :, :, 3:]) == 0
    assert pattern[0].min() > 0  # attention looks both ways


def test_scores_are_scaled_by_the_root_of_the_head_width():
    attention = Attention(1, 1, 4).double().requires_grad_(False)
    attention.W_Q[:] = attention.W_K[:] = 1.0
    x = torch.tensor([[[1.0], [2.0]]], dtype=torch.float64)
    expected = torch.tensor([4.0, 8.0], dtype=torch.float64).div(2).softmax(0)  # q.k = 4 x_0 x_s, over the root of 4
    assert largest(attention.pattern(x, torch.ones(1, 2, dtype=torch.bool))[0, 0, 0] - expected) < 1e-15


def test_value_bias_travels_with_weight_one():
    attention = random_attention()
    x, attend = random_stream()
    before, heads_before = attention(x, attend), attention.mix(x, attention.pattern(x, attend))
    shift = torch.randn(3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    attention.b_V += shift
    written = torch.einsum("he,hed->d", shift, attention.W_O)
    assert written.abs().min() > 0.01
    assert largest(attention(x, attend) - before - written) < 1e-13  # at every position, whatever it attends to
    assert largest(attention.mix(x, attention.pattern(x, attend)) - heads_before) == 0  # and in no head


def test_key_bias_does_not_change_the_pattern_but_the_query_bias_does():
    attention = random_attention()
    x, attend = random_stream()
    before = attention.pattern(x, attend)
    attention.b_K += 1.0
    assert largest(attention.pattern(x, attend) - before) < 1e-14
    attention.b_Q += 1.0
    assert largest(attention.pattern(x, attend) - before) > 1e-2


def test_a_head_that_attends_evenly_writes_the_mean_of_the_values():
    attention = random_attention(n_heads=1)
    attention.W_Q.zero_()
    attention.b_Q.zero_()
    x, attend = random_stream()
    written = attention.sum_view(attention.mix(x, attention.pattern(x, attend)))[1, 0, 0]
    expected = x[1, :3].mean(0) @ attention.W_V[0] @ attention.W_O[0]
    assert largest(written - expected) < 1e-14


def test_equals_torchs_multi_head_attention():
    attention = random_attention(n_heads=3, d_model=6, d_head=2)
    oracle = nn.MultiheadAttention(6, 3, batch_first=True, dtype=torch.float64).requires_grad_(False)
    weights = [W.permute(0, 2, 1).flatten(0, 1) for W in (attention.W_Q, attention.W_K, attention.W_V)]
    oracle.in_proj_weight[:] = torch.cat(weights)
    oracle.in_proj_bias[:] = torch.cat([b.flatten() for b in (attention.b_Q, attention.b_K, attention.b_V)])
    oracle.out_proj.weight[:] = attention.W_O.flatten(0, 1).T
    oracle.out_proj.bias[:] = attention.b_O
    x, attend = random_stream()
    expected, pattern = oracle(x, x, x, key_padding_mask=~attend, average_attn_weights=False)
    assert largest(attention(x, attend) - expected) < 1e-13
    assert largest(attention.pattern(x, attend) - pattern) < 1e-14
