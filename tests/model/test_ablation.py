"""Heads taken out of the encoder: the shared walk over subsets against the plain forward pass, head by head."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from study.errors import UnknownNameError
from study.model.ablation import (
    HeadFill,
    head_outputs,
    head_place,
    margins_by_subset,
    margins_replaced,
    zero_fill,
)
from study.model.protocol import margins
from tests.tiny import TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model


def shape_of(model):
    return len(model.layers), model.layers[0].attention.W_Q.shape[0], model.layers[0].attention.W_Q.shape[2]


def random_fill(model, n_rows=1, n_words=1, seed=0):
    n_layers, n_heads, d_head = shape_of(model)
    generator = torch.Generator().manual_seed(seed)
    return HeadFill(
        readout=torch.randn(n_rows, n_layers, n_heads, d_head, generator=generator, dtype=torch.float64),
        words=torch.randn(n_rows, n_layers, n_heads, n_words, d_head, generator=generator, dtype=torch.float64),
    )


def some_subsets(n_layers, n_heads, seed=0):
    """All subsets where there are few, else a sample with none and all."""
    n = n_layers * n_heads
    if n <= 4:
        masks = np.array(list(itertools.product([False, True], repeat=n)))
    else:
        masks = np.random.default_rng(seed).random((12, n)) < 0.5
        masks[0], masks[1] = False, True
    return torch.tensor(masks).unflatten(1, (n_layers, n_heads))


def one_by_one(model, token_ids, attend, target, kept, fill):
    """The literal oracle: a forward pass a text and subset, every replaced head written out."""
    found = torch.empty(len(token_ids), len(kept), dtype=torch.float64)
    for row, ids in enumerate(token_ids):
        row_fill = HeadFill(
            readout=fill.readout[min(row, len(fill.readout) - 1)][None],
            words=fill.words[min(row, len(fill.words) - 1)][None],
        )
        for s, subset in enumerate(kept):
            stream = model.embed(ids[None])
            for layer, block in enumerate(model.layers):
                attention = block.attention
                x = block.norm_attention(stream)
                mixed = attention.mix(x, attention.pattern(x, attend[row : row + 1]))
                instead = row_fill.of_layer(layer, x.shape[1])
                written = attention.bias().expand_as(stream).clone()
                for head in range(len(subset[layer])):
                    z = mixed[0, head] if subset[layer, head] else instead[0, head]
                    written = written + z @ attention.W_O[head]
                stream = stream + written
                if block.mlp is not None:
                    stream = stream + block.mlp(block.norm_mlp(stream))
            logits = model.norm_readout(stream[:, 0]) @ model.W_U + model.b_U
            found[row, s] = margins(logits, target[row : row + 1])[0]
    return found


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n_words", [1, 9], ids=["one value for all words", "a value for each word"])
def test_subsets_equal_the_literal_oracle(variant, n_words):
    model = tiny_model(VARIANTS[variant], n_classes=3)
    token_ids, attend = tensors(tiny_batch(9, 1, 4))
    target = torch.tensor([0, 2, 1])
    fill = random_fill(model, n_rows=3 if n_words > 1 else 1, n_words=n_words)
    kept = some_subsets(*shape_of(model)[:2])
    ours = margins_by_subset(model, model.embed(token_ids), attend, target, kept, fill)
    wanted = one_by_one(model, token_ids, attend, target, kept, fill)
    assert (wanted.max(1).values - wanted.min(1).values).min() > 1e-3  # the subsets differ: nothing is trivial
    assert largest(ours - wanted) < 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_heads_at_work_is_the_plain_forward_pass(variant):
    model = tiny_model(VARIANTS[variant])
    token_ids, attend = tensors(tiny_batch(9, 3))
    target = torch.ones(2, dtype=torch.long)
    kept = torch.ones(1, *shape_of(model)[:2], dtype=torch.bool)
    ours = margins_by_subset(model, model.embed(token_ids), attend, target, kept, random_fill(model))
    assert largest(ours[:, 0] - margins(model.logits(token_ids, attend), target)) < 1e-12


def test_without_heads_the_words_do_not_matter():
    """Only attention moves words to the readout: the identity behind the rows of the causal crosswalk."""
    model = tiny_model(VARIANTS["three layers"])
    token_ids, attend = tensors(tiny_batch(5, 5))
    assert (token_ids[0] != token_ids[1]).any()
    none = torch.zeros(1, 3, 2, dtype=torch.bool)
    target = torch.ones(2, dtype=torch.long)
    found = margins_by_subset(model, model.embed(token_ids), attend, target, none, random_fill(model))
    assert largest(found[0] - found[1]) < 1e-12


def test_the_number_of_subsets_finished_together_does_not_matter(monkeypatch):
    model = tiny_model(VARIANTS["four wide heads"])
    token_ids, attend = tensors(tiny_batch(6, 2))
    arguments = (model, model.embed(token_ids), attend, torch.ones(2, dtype=torch.long), some_subsets(2, 4))
    together = margins_by_subset(*arguments, zero_fill(model))
    monkeypatch.setattr("study.model.ablation._ROWS", 1)
    assert largest(together - margins_by_subset(*arguments, zero_fill(model))) < 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
def test_replacing_outputs_by_themselves_changes_nothing_and_everywhere_is_ablation(variant):
    model = tiny_model(VARIANTS[variant])
    n_layers, n_heads, _ = shape_of(model)
    token_ids, attend = tensors(tiny_batch(7, 3))
    target = torch.ones(2, dtype=torch.long)
    embeddings = model.embed(token_ids)
    own = head_outputs(model, embeddings, attend)
    everywhere = torch.ones(own.shape[:-1], dtype=torch.bool)
    plain = margins(model.logits(token_ids, attend), target)
    assert largest(margins_replaced(model, embeddings, attend, target, own, everywhere) - plain) < 1e-12
    one = torch.zeros_like(everywhere)
    one[:, n_layers - 1, n_heads - 1] = True
    fill = random_fill(model)
    outputs = torch.stack([fill.of_layer(i, own.shape[3]).expand(2, -1, -1, -1) for i in range(n_layers)], 1)
    kept = torch.ones(1, n_layers, n_heads, dtype=torch.bool)
    kept[0, n_layers - 1, n_heads - 1] = False
    replaced = margins_replaced(model, embeddings, attend, target, outputs, one)
    ablated = margins_by_subset(model, embeddings, attend, target, kept, fill)[:, 0]
    assert largest(ablated - plain) > 1e-3
    assert largest(replaced - ablated) < 1e-12


def test_head_outputs_are_what_heads_write_at_the_readout():
    model = tiny_model(VARIANTS["three layers"])
    token_ids, attend = tensors(tiny_batch(6, 2))
    outputs = head_outputs(model, model.embed(token_ids), attend)
    weights = torch.stack([block.attention.W_O for block in model.layers])
    written = torch.einsum("nlhe,lhed->nlhd", outputs[:, :, :, 0], weights).flatten(1, 2)
    heads = model.index.where("head")
    assert largest(written - model.readout_writes(token_ids, attend)[:, heads]) < 1e-12


def test_padding_does_not_change_an_ablated_margin():
    model = tiny_model()
    token_ids, attend = tensors(tiny_batch(9, 3))
    target = torch.ones(2, dtype=torch.long)
    kept = some_subsets(2, 2)
    together = margins_by_subset(model, model.embed(token_ids), attend, target, kept, random_fill(model))
    alone = margins_by_subset(model, model.embed(token_ids[1:, :4]), None, target[1:], kept, random_fill(model))
    assert largest(together[1:] - alone) < 1e-12


def test_heads_have_names():
    model = tiny_model(VARIANTS["three layers"])
    assert head_place(model, "L2H1") == (2, 1)
    with pytest.raises(UnknownNameError, match=r"unknown head 'L2H9': this model has layers 0-2, heads 0-1"):
        head_place(model, "L2H9")
    with pytest.raises(UnknownNameError, match=r"unknown head 'L0.mlp'"):
        head_place(model, "L0.mlp")
    single = tiny_model(TINY.model_copy(update={"n_layers": 1, "n_heads": 1}))
    with pytest.raises(UnknownNameError, match=r"this model has layer 0 only, head 0 only"):
        head_place(single, "L1H0")
