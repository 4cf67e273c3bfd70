"""Activation patching: identities with the twin's margin, and a literal forward pass head by head."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.heads.patching import Patching, patch_heads
from study.model.ablation import head_outputs, margins_replaced
from study.model.protocol import margins
from tests.tiny import VARIANTS, largest, tiny_model, tiny_text

EXACT = 1e-12  # float64, tiny models: a few roundings
N_WORDS = (1, 6)
EVERY = pytest.mark.parametrize("variant", VARIANTS)


def twins(n_words, place=-1):
    """A text and its twin, which has another word at `place`."""
    text = tiny_text(n_words)
    twin = text.copy()
    twin[place] = 4 + (text[place] - 4 + 5) % 16
    return text, twin


def margin_of(model, token_ids, target):
    ids = torch.tensor(token_ids)[None]
    return margins(model.logits(ids, torch.ones_like(ids, dtype=torch.bool)), torch.tensor([target])).item()


def literal_run(model, token_ids, instead=None, heads=()):
    """(logits at CLS, {(layer, head): mixed}) by a loop over heads; (layer, head, pos) in `heads` mix `instead`'s."""
    stream = model.W_E[torch.tensor(token_ids)] + model.W_pos[: len(token_ids)]
    mixed_by = {}
    for layer, block in enumerate(model.layers):
        attention, x = block.attention, block.norm_attention(stream)
        stream = stream + attention.b_O
        for head in range(attention.W_Q.shape[0]):
            query, key, value = (
                x @ weight[head] + bias[head]
                for weight, bias in (
                    (attention.W_Q, attention.b_Q),
                    (attention.W_K, attention.b_K),
                    (attention.W_V, torch.zeros_like(attention.b_V)),
                )
            )
            mixed = (query @ key.T / query.shape[1] ** 0.5).softmax(-1) @ value
            for pos in range(len(token_ids)):
                if (layer, head, pos) in heads:
                    mixed[pos] = instead[layer, head][pos]
            mixed_by[layer, head] = mixed
            stream = stream + (mixed + attention.b_V[head]) @ attention.W_O[head]
        if block.mlp is not None:
            stream = stream + block.mlp(block.norm_mlp(stream))
    return model.norm_readout(stream[0]) @ model.W_U + model.b_U, mixed_by


@EVERY
@pytest.mark.parametrize("n_words", N_WORDS)
def test_a_literal_loop_over_heads_and_positions_gives_the_same(variant, n_words):
    model, (text, twin), target = tiny_model(VARIANTS[variant], n_classes=3), twins(n_words), 2
    found = patch_heads(model, text, twin, target, chunk_size=7)
    _, instead = literal_run(model, twin)

    def effect(heads):
        logits, _ = literal_run(model, text, instead, heads)
        return margins(logits[None], torch.tensor([target])).item() - found.margin

    positions = range(len(text))
    assert found.by_position.shape == (*found.whole.shape, len(text))
    assert abs(found.whole).max() > 1e-3
    for layer, head in np.ndindex(*found.whole.shape):
        assert found.whole[layer, head] == pytest.approx(effect({(layer, head, p) for p in positions}), abs=EXACT)
        for pos in positions:
            assert found.by_position[layer, head, pos] == pytest.approx(effect({(layer, head, pos)}), abs=EXACT)


@EVERY
def test_margins_are_those_of_the_plain_forward_pass(variant):
    model, (text, twin) = tiny_model(VARIANTS[variant]), twins(6)
    found = patch_heads(model, text, twin, 1)
    assert found.margin == pytest.approx(margin_of(model, text, 1), abs=EXACT)
    assert found.twin_margin == pytest.approx(margin_of(model, twin, 1), abs=EXACT)
    assert abs(found.twin_margin - found.margin) > 1e-4


@EVERY
@pytest.mark.parametrize("n_words", N_WORDS)
def test_patching_from_itself_moves_nothing(variant, n_words):
    text = tiny_text(n_words)
    found = patch_heads(tiny_model(VARIANTS[variant]), text, text, 1)
    assert largest(found.whole) < EXACT
    assert largest(found.by_position) < EXACT
    assert found.margin == pytest.approx(found.twin_margin, abs=EXACT)


@EVERY
def test_all_heads_together_give_the_twin(variant):
    """CLS's own embedding is the twin's, and only heads move words there: patched at CLS alone, in all layers, they
    make its stream the twin's layer by layer, MLPs included. Without the last layer they do not."""
    model, (text, twin) = tiny_model(VARIANTS[variant]), twins(6, place=3)
    ids = torch.tensor(np.stack([text, twin]))
    attend = torch.ones_like(ids, dtype=torch.bool)
    embeddings, target = model.embed(ids), torch.tensor([1])
    outputs = head_outputs(model, embeddings, attend)[1:]
    found = patch_heads(model, text, twin, 1)

    def patched(where):
        return margins_replaced(model, embeddings[:1], attend[:1], target, outputs, where).item()

    everywhere = torch.ones(outputs.shape[:-1], dtype=torch.bool)
    readout = torch.zeros_like(everywhere)
    readout[..., 0] = True
    assert patched(everywhere) == pytest.approx(found.twin_margin, abs=EXACT)
    assert patched(readout) == pytest.approx(found.twin_margin, abs=EXACT)
    readout[:, -1] = False
    assert abs(patched(readout) - found.twin_margin) > 1e-4


def test_one_head_in_one_layer_carries_everything():
    config = VARIANTS["one layer"].model_copy(update={"n_heads": 1})
    found = patch_heads(tiny_model(config), *twins(5), 1)
    assert found.whole.item() == pytest.approx(found.twin_margin - found.margin, abs=EXACT)
    assert abs(found.whole.item()) > 1e-3


def test_effects_sum_where_the_model_is_linear_in_its_heads():
    found = patch_heads(tiny_model(VARIANTS["one layer, attention only, LayerNorm off"]), *twins(5), 1)
    assert found.whole.sum() == pytest.approx(found.twin_margin - found.margin, abs=EXACT)
    assert (abs(found.whole) > 1e-4).all()


@EVERY
def test_the_last_layer_is_read_at_cls_alone(variant):
    found = patch_heads(tiny_model(VARIANTS[variant]), *twins(6), 1)
    assert np.array_equal(found.by_position[-1, :, 0], found.whole[-1])
    assert not found.by_position[-1, :, 1:].any()
    assert (found.by_position[:-1, :, 1:] != 0).all()


@pytest.mark.parametrize("chunk_size", [1, 3, 1000])
def test_chunks_do_not_matter(chunk_size):
    model, pair = tiny_model(VARIANTS["three layers"]), twins(9)
    whole, chunked = patch_heads(model, *pair, 1), patch_heads(model, *pair, 1, chunk_size=chunk_size)
    assert largest(whole.by_position - chunked.by_position) < EXACT
    assert largest(whole.whole - chunked.whole) < EXACT


def test_a_text_without_words_is_its_own_twin():
    found = patch_heads(tiny_model(), tiny_text(0), tiny_text(0), 1)
    assert found.by_position.shape == (2, 2, 1)
    assert largest(found.by_position) < EXACT


def test_bad_shapes_are_refused():
    with pytest.raises(ValueError, match=r"text and twin have shapes \(4,\) and \(5,\)"):
        patch_heads(tiny_model(), tiny_text(3), tiny_text(4), 1)
    with pytest.raises(ValueError, match="by_position has shape"):
        Patching(margin=0.0, twin_margin=0.0, whole=np.zeros((2, 3)), by_position=np.zeros((2, 2, 5)))
