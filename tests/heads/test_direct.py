"""Direct contributions of heads, raw, centred and beyond the empty text, in closed form."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from study.dissecting import reference_means
from study.heads.ablation import attribute_mean
from study.heads.direct import attribute_beyond_empty, attribute_centred, attribute_raw, mean_contributions
from study.records import MASK_ID
from study.setting import contribute
from tests.heads.batches import CONFIG, head_batch
from tests.tiny import TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model

TEXTS = tiny_batch(7, 4, 2, 5)


def made_up(values, *, target=None, reference=None, empty=None):
    """Two texts of a model of 2 layers x 2 heads (10 components) with these contributions."""
    batch = head_batch(tiny_model(), tiny_batch(4, 2))
    values = np.asarray(values, dtype=float)
    return dataclasses.replace(
        batch,
        contributions=values,
        empty=np.zeros((2, 10)) if empty is None else empty,
        reference_contributions=np.zeros((2, 10)) if reference is None else reference,
        target=batch.target if target is None else torch.tensor(target),
    )


def scores_of(method, batch):
    return np.array([record.scores for record in method(batch, CONFIG)])


def test_heads_at_their_places_layer_by_head():
    first, second = attribute_raw(made_up([np.arange(10), 10 * np.arange(10)]), CONFIG)
    assert first.scores.tolist() == [[1.0, 2.0], [5.0, 6.0]]
    assert second.scores.tolist() == [[10.0, 20.0], [50.0, 60.0]]
    assert (second.example_id, second.method, second.kind, second.ablation) == ("t1", "direct_raw", "direct", None)


def test_centred_is_minus_the_mean_for_the_same_classs_margin():
    reference = np.stack([np.full(10, 100.0), np.arange(10) / 2])
    batch = made_up([np.arange(10), np.arange(10)], target=[1, 0], reference=reference)
    first, second = attribute_centred(batch, CONFIG)
    assert first.scores.tolist() == [[0.5, 1.0], [2.5, 3.0]]
    assert first.method == "direct_centred"
    assert second.scores.tolist() == [[-99.0, -98.0], [-95.0, -94.0]]


def test_beyond_empty_is_minus_the_texts_own_empty_text():
    empty = np.stack([np.full(10, 1.0), np.arange(10) * 9.0])
    first, second = attribute_beyond_empty(made_up([np.arange(10), 10 * np.arange(10)], empty=empty), CONFIG)
    assert first.scores.tolist() == [[0.0, 1.0], [4.0, 5.0]]
    assert second.scores.tolist() == [[1.0, 2.0], [5.0, 6.0]]
    assert (first.method, first.kind, first.n_evals) == ("direct_beyond_empty", "direct", 2)


@pytest.mark.parametrize("variant", VARIANTS)
def test_beyond_empty_is_nothing_where_the_words_say_nothing(variant):
    """A text of mask tokens is its own empty text: its heads write, and nothing of it is due to words."""
    texts = dataclasses.replace(TEXTS, token_ids=np.where(TEXTS.word_of_token >= 0, MASK_ID, TEXTS.token_ids))
    model = tiny_model(VARIANTS[variant])
    assert largest(scores_of(attribute_beyond_empty, head_batch(model, texts))) < 1e-12
    assert largest(scores_of(attribute_raw, head_batch(model, texts))) > 1e-3
    assert np.abs(scores_of(attribute_beyond_empty, head_batch(model, TEXTS))).max((0, 1)).min() > 1e-4


def test_reference_means_are_taken_per_class():
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert mean_contributions(values).tolist() == [[4.0, 5.0, 6.0, 7.0], [16.0, 17.0, 18.0, 19.0]]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_centred_scores_average_to_zero_over_the_reference_set_itself(n_classes):
    model = tiny_model(n_classes=n_classes)
    reference = reference_means(model, TEXTS)
    assert reference.shape == (n_classes, len(model.index))
    token_ids, attend = tensors(TEXTS)
    batch = head_batch(model, TEXTS)
    for class_ in range(n_classes):
        target = torch.full((4,), class_)
        for_class = dataclasses.replace(
            batch,
            target=target,
            contributions=model.contributions(token_ids, attend, target).numpy(),
            reference_contributions=reference,
        )
        scores = scores_of(attribute_centred, for_class)
        assert largest(scores.mean(axis=0)) < 1e-14
        assert largest(scores) > 1e-3


def test_a_head_that_writes_the_same_for_every_text_explains_nothing():
    """LayerNorm off, and a head with a pattern and values of its own making: the same write everywhere."""
    model = tiny_model(VARIANTS["LayerNorm off"])
    last = model.layers[1].attention
    model.W_pos.zero_()
    last.W_Q[0] = last.W_V[0] = 0.0
    last.b_V[0] = 1.0  # travels in the bias
    raw, centred, beyond = all_scores(model)
    for scores in (raw, centred, beyond):
        assert largest(scores[:, 1, 0]) < 1e-14  # a value bias alone is no write of the head
    model.W_E[:, 0] = 1.0  # one dimension says the same in every word ...
    model.layers[0].attention.W_V[0] = model.layers[0].attention.W_Q[0] = 0.0
    model.layers[0].attention.W_V[0, 0] = 1.0  # ... and this head reads it alone
    raw, centred, beyond = all_scores(model)
    assert np.abs(raw[:, 0, 0]).min() > 1e-2
    for scores in (centred, beyond):
        assert largest(scores[:, 0, 0]) < 1e-13
        assert np.abs(scores[:, 0, 1]).max() > 1e-2


def all_scores(model):
    """Raw, centred and beyond empty, each [example layer head], with the batch as its own reference set."""
    batch = head_batch(model, TEXTS, reference=TEXTS)
    return tuple(scores_of(method, batch) for method in (attribute_raw, attribute_centred, attribute_beyond_empty))


def test_raw_heads_and_the_other_components_sum_to_the_margin():
    model = tiny_model()
    contributions, predicted = contribute(model, TEXTS, chunk_size=3)
    raw = scores_of(attribute_raw, head_batch(model, TEXTS))
    others = np.delete(contributions.values, model.index.where("head"), axis=1).sum(1)
    assert largest(raw.sum((1, 2)) + others - contributions.margin) < 1e-12
    token_ids, attend = tensors(TEXTS)
    assert predicted.tolist() == model.logits(token_ids, attend).argmax(1).tolist()


def test_a_head_that_acts_through_the_next_layer_has_no_direct_contribution():
    """What L0H0 writes lies where the readout does not look; the next layer reads it. Directly 0, causally not."""
    model = tiny_model(TINY.model_copy(update={"layer_norm": False, "d_mlp": 0}))
    model.W_U[0] = 0.0
    model.layers[0].attention.W_O[0, :, 1:] = 0.0
    batch = head_batch(model, TEXTS)
    assert largest(scores_of(attribute_raw, batch)[:, 0, 0]) < 1e-14
    assert np.abs(scores_of(attribute_mean, batch)[:, 0, 0]).min() > 1e-4
