"""Direct contributions of heads, raw and centred, in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.explaining import contribute, reference_means
from study.heads import HEAD_METHODS
from study.heads.direct import attribute_centred, attribute_raw, mean_contributions
from study.model.protocol import margins
from study.model.residual import encoder_components
from study.records import Contributions
from tests.tiny import VARIANTS, largest, tensors, tiny_batch, tiny_model

INDEX = encoder_components(2, 2, has_mlp=True)
BATCH = tiny_batch(7, 4, 2, 5)


def record(values, target=(1,)):
    values = np.asarray(values, dtype=float)
    return Contributions(index=INDEX, values=values, margin=values.sum(1), target=np.asarray(target))


def test_heads_at_their_places_layer_by_head():
    contributions = record([np.arange(10), 10 * np.arange(10)], (1, 1))
    found = attribute_raw(contributions, np.zeros((2, 10)), "some id", 1)
    assert found.scores.tolist() == [[10.0, 20.0], [50.0, 60.0]]
    assert (found.example_id, found.method, found.kind, found.ablation) == ("some id", "direct_raw", "direct", None)


def test_centred_is_minus_the_mean_for_the_same_classs_margin():
    reference = np.stack([np.full(10, 100.0), np.arange(10) / 2])
    contributions = record([np.arange(10), np.arange(10)], (1, 0))
    found = attribute_centred(contributions, reference, "id", 0)
    assert found.scores.tolist() == [[0.5, 1.0], [2.5, 3.0]]
    assert found.method == "direct_centred"
    assert attribute_centred(contributions, reference, "id", 1).scores.tolist() == [[-99.0, -98.0], [-95.0, -94.0]]


def test_reference_means_are_taken_per_class():
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert mean_contributions(values).tolist() == [[4.0, 5.0, 6.0, 7.0], [16.0, 17.0, 18.0, 19.0]]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_centred_scores_average_to_zero_over_the_reference_set_itself(n_classes):
    model = tiny_model(n_classes=n_classes)
    reference = reference_means(model, BATCH)
    assert reference.shape == (n_classes, len(model.index))
    token_ids, attend = tensors(BATCH)
    for class_ in range(n_classes):
        target = torch.full((4,), class_)
        contributions = Contributions(
            index=model.index,
            values=model.contributions(token_ids, attend, target).numpy(),
            margin=margins(model.logits(token_ids, attend), target).numpy(),
            target=target.numpy(),
        )
        scores = [attribute_centred(contributions, reference, "id", row).scores for row in range(4)]
        assert largest(np.mean(scores, axis=0)) < 1e-14
        assert largest(np.array(scores)) > 1e-3


def test_a_head_that_writes_the_same_for_every_text_explains_nothing():
    """LayerNorm off, and a head with a pattern and values of its own making: the same write everywhere."""
    model = tiny_model(VARIANTS["LayerNorm off"])
    last = model.layers[1].attention
    model.W_pos.zero_()
    last.W_Q[0] = last.W_V[0] = 0.0
    last.b_V[0] = 1.0  # travels in the bias
    raw, centred = scores_of(model)
    assert largest(raw[:, 1, 0]) < 1e-14  # a value bias alone is no write of the head
    assert largest(centred[:, 1, 0]) < 1e-14
    model.W_E[:, 0] = 1.0  # one dimension says the same in every word ...
    model.layers[0].attention.W_V[0] = model.layers[0].attention.W_Q[0] = 0.0
    model.layers[0].attention.W_V[0, 0] = 1.0  # ... and this head reads it alone
    raw, centred = scores_of(model)
    assert np.abs(raw[:, 0, 0]).min() > 1e-2
    assert largest(centred[:, 0, 0]) < 1e-13
    assert np.abs(centred[:, 0, 1]).max() > 1e-2


def scores_of(model):
    """Raw and centred [example layer head], with the batch as its own reference set."""
    contributions, _ = contribute(model, BATCH)
    reference = reference_means(model, BATCH)
    return (
        np.array([method(contributions, reference, "id", row).scores for row in range(len(BATCH))])
        for method in (attribute_raw, attribute_centred)
    )


def test_raw_heads_and_the_other_components_sum_to_the_margin():
    model = tiny_model()
    contributions, predicted = contribute(model, BATCH, chunk_size=3)
    raw, _ = scores_of(model)
    others = np.delete(contributions.values, model.index.where("head"), axis=1).sum(1)
    assert largest(raw.sum((1, 2)) + others - contributions.margin) < 1e-12
    token_ids, attend = tensors(BATCH)
    assert predicted.tolist() == model.logits(token_ids, attend).argmax(1).tolist()


def test_registered_under_their_own_names():
    contributions = record([np.arange(10)])
    for name in HEAD_METHODS:
        found = HEAD_METHODS.load(name)(contributions, np.zeros((2, 10)), "id", 0)
        assert found.method == name
        assert found.kind == "direct"
