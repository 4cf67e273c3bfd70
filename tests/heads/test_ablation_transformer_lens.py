"""transformer-lens as oracle: heads replaced by zero and by their means through its own hooks, on padded texts.

Its z holds the value bias, ours does not: in its model as it is, what stands for a head is `fill` plus b_V. Once its
own processing has folded value biases into b_O, it is `fill` itself, and ablation by zero is z = 0.
"""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
import torch

from study.heads.ablation import effects
from study.model.ablation import zero_fill
from study.model.protocol import margins
from tests.heads.batches import CONFIG, head_batch
from tests.model.test_transformer_lens import FOLD_VALUE_BIAS, TOLERANCE, to_transformer_lens
from tests.tiny import VARIANTS, largest, tiny_batch, tiny_model

PROCESSINGS = {"as is": {"no_processing": True}, "value biases folded": FOLD_VALUE_BIAS}


def replace(z, hook, *, fill, layer, heads, bias):
    """z [example pos head d_head] with `heads` mixing the layer's fill instead."""
    instead = fill.of_layer(layer, z.shape[1]).transpose(1, 2)
    changed = z.clone()
    changed[:, :, heads] = instead[:, :, heads] + bias[heads]
    return changed


def without(lens, batch, fill, removed, biases):
    """[example]: transformer-lens's margins without the heads `removed` [(layer, head)]."""
    hooks = [
        (
            f"blocks.{layer}.attn.hook_z",
            partial(replace, fill=fill, layer=layer, heads=[h for place, h in removed if place == layer], bias=bias),
        )
        for layer, bias in enumerate(biases)
    ]
    logits = lens.run_with_hooks(batch.token_ids, attention_mask=batch.attend.long(), fwd_hooks=hooks)
    return margins(logits[:, 0], batch.target).numpy()


@pytest.mark.parametrize("processing", PROCESSINGS)
@pytest.mark.parametrize("variant", ["two layers", "attention only", "three layers", "one head"])
def test_effects_agree(variant, processing):
    batch = head_batch(tiny_model(VARIANTS[variant]), tiny_batch(9, 4, 1))
    lens = to_transformer_lens(batch.model, VARIANTS[variant])
    lens.enable_compatibility_mode(disable_warnings=True, **PROCESSINGS[processing])
    biases = [block.attention.b_V for block in batch.model.layers]
    if processing != "as is":
        biases = [torch.zeros_like(bias) for bias in biases]
    places = list(itertools.product(*map(range, batch.shape)))
    groups = [[place] for place in places] + [[places[0], places[-1]], places]
    removed = np.array([[place in group for place in places] for group in groups])
    fills = {"zero": zero_fill(batch.model), "mean": batch.reference.mean_fill()}
    with torch.no_grad():
        for ablation, fill in fills.items():
            found = effects(batch, CONFIG, ablation, removed)
            margin = without(lens, batch, fill, [], biases)
            assert largest(margin - batch.margin) < TOLERANCE
            for column, group in enumerate(groups):
                expected = margin - without(lens, batch, fill, group, biases)
                assert largest(found[:, column] - expected) < TOLERANCE
                assert largest(expected) > 100 * TOLERANCE


def test_the_oracle_sees_a_value_bias_that_is_taken_along():
    """Setting z itself to zero in its model as it is also removes b_V W_O: not our ablation by zero."""
    batch = head_batch(tiny_model(), tiny_batch(9, 4, 1))
    lens = to_transformer_lens(batch.model, VARIANTS["two layers"])
    lens.enable_compatibility_mode(disable_warnings=True, **PROCESSINGS["as is"])
    none = [torch.zeros_like(block.attention.b_V) for block in batch.model.layers]
    found = effects(batch, CONFIG, "zero", np.eye(4, dtype=bool))
    with torch.no_grad():
        wrong = batch.margin - without(lens, batch, zero_fill(batch.model), [(0, 0)], none)
    assert largest(found[:, 0] - wrong) > 100 * TOLERANCE
