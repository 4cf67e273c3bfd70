"""transformer-lens as oracle: the same patch through its own hooks moves its margin by the same amount."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from study.heads.patching import patch_heads
from study.model.protocol import margins
from tests.heads.test_patching import twins
from tests.model.test_transformer_lens import TOLERANCE, to_transformer_lens
from tests.tiny import VARIANTS, tiny_model

TARGET = torch.tensor([1])


def patch(z, hook, *, source, head, positions):
    """What the head hands on [example pos head d_head], taken from `source` at `positions`."""
    changed = z.clone()
    changed[:, positions, head] = source[:, positions, head]
    return changed


@pytest.mark.parametrize("variant", ["two layers", "attention only", "three layers", "one head"])
def test_patched_margins_agree(variant):
    model, (text, twin) = tiny_model(VARIANTS[variant]), twins(5, place=2)
    lens = to_transformer_lens(model, VARIANTS[variant])
    lens.enable_compatibility_mode(disable_warnings=True, no_processing=True)
    ids, twin_ids = torch.tensor(text)[None], torch.tensor(twin)[None]
    found = patch_heads(model, text, twin, 1)
    with torch.no_grad():
        margin = margins(lens(ids)[:, 0], TARGET).item()
        logits, cache = lens.run_with_cache(twin_ids)
        assert margin == pytest.approx(found.margin, abs=TOLERANCE)
        assert margins(logits[:, 0], TARGET).item() == pytest.approx(found.twin_margin, abs=TOLERANCE)

        def effect(layer, head, positions):
            name = f"blocks.{layer}.attn.hook_z"
            hook = partial(patch, source=cache[name], head=head, positions=positions)
            return margins(lens.run_with_hooks(ids, fwd_hooks=[(name, hook)])[:, 0], TARGET).item() - margin

        for layer, head in np.ndindex(*found.whole.shape):
            assert found.whole[layer, head] == pytest.approx(effect(layer, head, slice(None)), abs=TOLERANCE)
            for pos in range(len(text)):
                assert found.by_position[layer, head, pos] == pytest.approx(effect(layer, head, [pos]), abs=TOLERANCE)
    assert abs(found.whole).max() > 1e-2
    assert abs(found.by_position[:-1]).max() > 100 * TOLERANCE
