"""Proof by removal: what is predicted happens in the frozen model, and the live model is another thing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.errors import UnknownNameError
from study.heads import interventions
from study.heads.interventions import Item, intervene
from study.heads.path_list import list_paths
from study.heads.paths import trace_paths
from study.model.ablation import head_outputs, margins_replaced
from study.model.protocol import margins
from tests.tiny import TINY, VARIANTS, largest, tiny_model, tiny_text


def text(n_words):
    return torch.tensor(tiny_text(n_words))


def all_items(model, token_ids, target=1):
    """Every head, every neuron and every path of a text."""
    index = model.index
    words = tuple("w" * len(token_ids))
    paths = list_paths(trace_paths(model, token_ids, target), words, index, 10_000)
    items = [Item(kind="head", name=index.names[k]) for k in index.where("head")]
    for layer, block in enumerate(model.layers):
        n = 0 if block.mlp is None else len(block.mlp.b_in)
        items += [Item(kind="neuron", name=f"L{layer}N{neuron}") for neuron in range(n)]
    return items + [Item(kind="path", name=path.path, word_index=path.word_index) for path in paths]


def columns(found):
    return (np.array([getattr(one, name) for one in found]) for name in ("predicted", "frozen", "live"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_head_neuron_and_path_does_what_is_predicted(variant):
    model = tiny_model(VARIANTS[variant])
    items = all_items(model, text(3))
    found = intervene(model, text(3), 1, items)
    predicted, frozen, live = columns(found)
    assert [(one.kind, one.name, one.word_index) for one in found] == [(i.kind, i.name, i.word_index) for i in items]
    assert largest(predicted - frozen) < 1e-9
    assert np.abs(predicted).max() > 0.05
    if variant == "one layer, attention only, LayerNorm off":  # nothing is downstream but the readout, which is linear
        heads = [one for one in found if one.kind == "head"]
        assert largest(np.array([one.live - one.frozen for one in heads])) < 1e-12
    else:
        assert largest(live - frozen) > 1e-3


@pytest.mark.parametrize(("n_words", "target"), [(0, 0), (1, 2), (7, 1)])
def test_other_lengths_and_classes(n_words, target):
    model = tiny_model(n_classes=3)
    items = all_items(model, text(n_words), target)
    predicted, frozen, _ = columns(intervene(model, text(n_words), target, items[:: 1 + n_words]))
    assert largest(predicted - frozen) < 1e-9


def test_float32_reproduces_the_prediction():
    model = tiny_model(dtype=torch.float32)
    predicted, frozen, _ = columns(intervene(model, text(5), 1, all_items(model, text(5))))
    assert largest(predicted - frozen) < 1e-5


def test_live_removal_of_a_head_is_the_ablation_of_its_write_at_cls():
    model, token_ids = tiny_model(VARIANTS["three layers"]), text(5)
    embeddings, target = model.embed(token_ids[None]), torch.tensor([1])
    attend = torch.ones(1, 6, dtype=torch.bool)
    outputs = torch.zeros_like(head_outputs(model, embeddings, attend))
    full = margins(model.logits(token_ids[None], attend), target)
    for layer in range(3):
        for head in range(2):
            where = torch.zeros(outputs.shape[:-1], dtype=torch.bool)
            where[:, layer, head, 0] = True
            effect = full - margins_replaced(model, embeddings, attend, target, outputs, where)
            (found,) = intervene(model, token_ids, 1, [Item(kind="head", name=f"L{layer}H{head}")])
            assert found.live == pytest.approx(float(effect), abs=1e-12)


def test_live_removal_of_a_neuron_is_the_model_without_it_where_only_cls_is_read():
    """In the last layer nothing but CLS is read, so setting the neuron's output row to zero is the same removal."""
    model, token_ids = tiny_model(), text(5)
    items = [Item(kind="neuron", name=f"L1N{neuron}") for neuron in range(12)]
    live = [one.live for one in intervene(model, token_ids, 1, items)]
    attend = torch.ones(1, 6, dtype=torch.bool)
    full = float(margins(model.logits(token_ids[None], attend), torch.tensor([1])))
    for neuron in range(12):
        lame = tiny_model()
        lame.layers[1].mlp.W_out[neuron] = 0.0
        without = float(margins(lame.logits(token_ids[None], attend), torch.tensor([1])))
        assert live[neuron] == pytest.approx(full - without, abs=1e-12)
    assert largest(np.array(live)) > 1e-3


def test_live_paths_are_exact_where_nothing_reacts():
    """Uniform attention that nothing can change, no LayerNorm, last head: the frozen model is the live one."""
    model = tiny_model(VARIANTS["attention only, LayerNorm off"])
    for block in model.layers:
        block.attention.W_Q.zero_()
        block.attention.b_Q.zero_()
    items = [item for item in all_items(model, text(3)) if item.kind == "path" and item.name.split(" > ")[-1][1] == "1"]
    predicted, _, live = columns(intervene(model, text(3), 1, items))
    assert largest(live - predicted) < 1e-12
    assert largest(predicted) > 1e-3


def test_a_wrong_prediction_or_a_wrong_removal_is_seen(monkeypatch):
    model, token_ids = tiny_model(), text(3)
    items = [Item(kind="path", name="L0H1 > L1H0", word_index=1), Item(kind="path", name="L1H0", word_index=1)]
    right = intervene(model, token_ids, 1, items)
    made = interventions._removal

    def of_the_next_word(frozen, item):
        return made(frozen, Item(kind=item.kind, name=item.name, word_index=item.word_index + 1))

    monkeypatch.setattr(interventions, "_removal", of_the_next_word)
    for one, other in zip(right, intervene(model, token_ids, 1, items), strict=True):
        assert other.predicted == one.predicted
        assert abs(other.frozen - one.predicted) > 1e-4


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (Item(kind="head", name="L2H9"), "unknown head 'L2H9': this model has layers 0-1, heads 0-1"),
        (Item(kind="neuron", name="L0N99"), "unknown neuron 'L0N99': this model has layers 0-1, neurons 0-11"),
        (Item(kind="path", name="L1H0 > L0H1", word_index=0), "unknown path 'L1H0 > L0H1'"),
        (Item(kind="path", name="L1H0", word_index=3), "unknown start 3 of path 'L1H0'"),
        (Item(kind="path", name="L1H0"), "unknown start -2 of path 'L1H0'"),
    ],
)
def test_unknown_items_are_named(item, message):
    with pytest.raises(UnknownNameError) as caught:
        intervene(tiny_model(TINY), text(3), 1, [item])
    assert message in str(caught.value)
