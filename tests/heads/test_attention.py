"""Attention confidence: how sharply a head looks at words from the readout position."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from study.heads.attention import attribute_confidence
from study.model.encoder import Encoder
from tests.heads.batches import CONFIG, head_batch
from tests.tiny import N_TOKENS, TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model


def confidence(batch):
    """[example layer head]."""
    return np.array([record.scores for record in attribute_confidence(batch, CONFIG)])


@pytest.mark.parametrize("variant", VARIANTS)
def test_largest_weight_of_the_models_own_patterns(variant):
    """Word by word, from the patterns of each text alone."""
    model = tiny_model(VARIANTS[variant])
    texts = tiny_batch(9, 1, 4)
    found = confidence(head_batch(model, texts))
    for row, n_words in enumerate((9, 1, 4)):
        token_ids = torch.tensor(texts.token_ids[row : row + 1, : n_words + 1])
        pattern = model.attention_patterns(token_ids, torch.ones_like(token_ids, dtype=torch.bool))[0]
        expected = [[max(float(h[0, 1 + i]) for i in range(n_words)) for h in layer] for layer in pattern]
        assert largest(found[row] - np.array(expected)) < 1e-12


def test_closed_form():
    """Head 0 gives CLS the score 2, the words 0; head 1 all alike: 1 / (n + e^2) and 1 / (n + 1) for n words."""
    model = Encoder(
        TINY.model_copy(update={"n_layers": 1, "layer_norm": False, "d_mlp": 0, "d_head": 1}), N_TOKENS, 2
    ).double()
    model.requires_grad_(False)
    model.W_E[1, 0] = 1.0  # CLS
    attention = model.layers[0].attention
    attention.W_Q[0, 0, 0], attention.W_K[0, 0, 0] = 1.0, 2.0
    found = confidence(head_batch(model.eval(), tiny_batch(9, 1)))
    assert found[0, 0] == pytest.approx([1 / (9 + math.e**2), 1 / 10])
    assert found[1, 0] == pytest.approx([1 / (1 + math.e**2), 1 / 2])


def test_one_word_gets_all_that_the_readout_does_not_keep():
    model = tiny_model()
    texts = tiny_batch(1)
    own = model.attention_patterns(*tensors(texts))[0, :, :, 0, 0].numpy()
    assert largest(confidence(head_batch(model, texts))[0] - (1 - own)) < 1e-12


def test_no_words_is_zero_alone_and_beside_others():
    for texts, row in ((tiny_batch(0), 0), (tiny_batch(4, 0), 1)):
        assert largest(confidence(head_batch(tiny_model(), texts))[row]) == 0


def test_padding_gets_no_attention_whatever_stands_there():
    model = tiny_model()
    before = confidence(head_batch(model, tiny_batch(2, 9)))
    model.W_E[0] = 100.0  # [PAD]
    assert largest(confidence(head_batch(model, tiny_batch(2, 9))) - before) == 0
    assert largest(confidence(head_batch(model, tiny_batch(2)))[0] - before[0]) < 1e-12


def test_what_heads_write_does_not_matter():
    """A head of the last layer that writes nothing looks as sharply as before."""
    model = tiny_model()
    before = confidence(head_batch(model))
    model.layers[1].attention.W_O.zero_()
    assert largest(confidence(head_batch(model)) - before) == 0
