"""The margin after every layer: both views end at the margin, and each says what it claims of every prefix."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from study.heads.lens import margins_by_layer
from study.model.protocol import margins
from tests.tiny import TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model

BATCH = tiny_batch(9, 1, 4, 6, 0)
TOLERANCE = 1e-9  # METHODS: identities, float64


def both(config, n_classes=2, target=1):
    model = tiny_model(config, n_classes=n_classes)
    token_ids, attend = tensors(BATCH)
    targets = torch.full((len(BATCH),), target)
    return model, margins_by_layer(model, token_ids, attend, targets), (token_ids, attend, targets)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_both_views_end_at_the_margin(variant, n_classes):
    model, found, (token_ids, attend, target) = both(VARIANTS[variant], n_classes, n_classes - 2)
    margin = margins(model.logits(token_ids, attend), target).numpy()
    assert np.abs(margin).max() > 0.1
    assert largest(found.lens[:, -1] - margin) < TOLERANCE
    assert largest(found.adds.sum(1) + found.constant - margin) < TOLERANCE


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_lens_is_the_model_that_ends_after_the_step(variant):
    """Literally: the readout's own LayerNorm and classes on the stream that a plain forward pass has there."""
    model, found, (token_ids, attend, target) = both(VARIANTS[variant])
    stream, literal = model.embed(token_ids), []
    names, layers = ["embed"], [-1]

    def look(name, layer):
        literal.append(margins(model.norm_readout(stream[:, 0]) @ model.W_U + model.b_U, target))
        names.append(name)
        layers.append(layer)

    look("", 0)
    for i, block in enumerate(model.layers):
        stream = stream + block.attention(block.norm_attention(stream), attend)
        look(f"L{i}.attention", i)
        if block.mlp is not None:
            stream = stream + block.mlp(block.norm_mlp(stream))
            look(f"L{i}.mlp", i)
    assert found.steps == tuple(names[:1] + names[2:])
    assert found.layer.tolist() == layers[:1] + layers[2:]
    assert largest(found.lens - torch.stack(literal, 1).numpy()) < TOLERANCE


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_adds_what_its_components_add(variant):
    model, found, texts = both(VARIANTS[variant])
    parts, index = model.contributions(*texts).numpy(), model.index
    for step, name in enumerate(found.steps):
        kinds = {"embed": ("embed",), "attention": ("head", "attn_bias"), "mlp": ("mlp",)}[name.rsplit(".", 1)[-1]]
        mine = [k for k in range(len(index)) if index.kind[k] in kinds and index.layer[k] == found.layer[step]]
        assert largest(found.adds[:, step] - parts[:, mine].sum(1)) < TOLERANCE
    assert largest(found.constant - parts[:, -1]) < TOLERANCE


def test_the_two_views_are_different_numbers_unless_layer_norm_is_off():
    for variant, differ in (("two layers", True), ("LayerNorm off", False)):
        _, found, _ = both(VARIANTS[variant])
        gap = largest(np.diff(found.lens, axis=1) - found.adds[:, 1:])
        assert (gap > 1e-2) if differ else (gap < TOLERANCE)


def test_padding_changes_nothing():
    model, found, (token_ids, _, _) = both(TINY)
    alone = margins_by_layer(model, token_ids[1:2, :2], torch.ones(1, 2, dtype=torch.bool), torch.tensor([1]))
    assert largest(alone.lens - found.lens[1:2]) < 1e-12
    assert largest(alone.adds - found.adds[1:2]) < 1e-12


def test_the_record_is_read_only_and_checks_its_shapes():
    _, found, _ = both(TINY)
    with pytest.raises(ValueError, match="read-only"):
        found.lens[0, 0] = 1.0
    with pytest.raises(ValueError, match="adds has shape"):
        dataclasses.replace(found, adds=found.adds[:, 1:])
