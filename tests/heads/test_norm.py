"""Methods that do not look at the margin: the norm of what heads write, and random scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.heads.controls import attribute_random
from study.heads.norm import attribute_norm
from tests.heads.batches import CONFIG, head_batch
from tests.tiny import VARIANTS, largest, tensors, tiny_batch, tiny_model


@pytest.mark.parametrize("variant", VARIANTS)
def test_norms_are_those_of_the_writes_at_cls(variant):
    """`readout_writes` is the stream's own account, head by head."""
    model = tiny_model(VARIANTS[variant])
    texts = tiny_batch(9, 1, 0, 4)
    writes = model.readout_writes(*tensors(texts))[:, model.index.where("head")[:]]
    found = np.array([record.scores.ravel() for record in attribute_norm(head_batch(model, texts), CONFIG)])
    assert largest(found - torch.linalg.vector_norm(writes, dim=-1).numpy()) < 1e-12
    assert found.min() > 0


def test_a_head_can_be_large_and_mean_nothing():
    """What a head writes at right angles to everything that reads it changes the norm and no margin."""
    model = tiny_model(VARIANTS["attention only, LayerNorm off"])
    unread = torch.zeros(8, dtype=torch.float64)
    unread[0] = 1.0
    model.W_U[0] = 0.0
    model.layers[1].attention.W_O[0] = torch.ones(4, 1, dtype=torch.float64) * unread
    batch = head_batch(model)
    assert attribute_norm(batch, CONFIG)[0].scores[1, 0] > 0.1
    assert abs(batch.contributions[0, model.index.names.index("L1H0")]) < 1e-12


def test_random_scores_are_standard_normal():
    batch = head_batch(tiny_model(), tiny_batch(*[0] * 200))
    scores = np.array([record.scores for record in attribute_random(batch, CONFIG)])
    assert abs(scores.mean()) < 0.15
    assert abs(scores.std() - 1) < 0.1
    assert len(np.unique(scores)) == scores.size
