"""MLPs split over neurons, and neurons over words: identities, a literal oracle, an intervention."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.errors import UnknownNameError
from study.game.coalitions import PlainGame
from study.game.heads import HeadSubject
from study.game.removals import (
    ATTEND_WORDS,
    DELETE_WORDS,
    MASK_WORDS,
    RESAMPLE_WORDS,
    draw_replacements,
    remove_words,
)
from study.game.shapley import all_coalitions, exact_weights
from study.heads.neurons import neuron_contributions, neuron_game, neuron_name, neuron_place
from study.model.ablation import zero_fill
from tests.tiny import N_TOKENS, TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model, tiny_text

BATCH = tiny_batch(9, 1, 4, 0)
TOLERANCE = 1e-9  # METHODS: identities, float64


def contributions(model, target=1):
    token_ids, attend = tensors(BATCH)
    targets = torch.full((len(BATCH),), target)
    found = neuron_contributions(model, token_ids, attend, targets)
    return found, model.contributions(token_ids, attend, targets).numpy()[:, model.index.where("mlp")]


def subject(model, n_words, removal=MASK_WORDS, target=1, chunk_size=5):
    replacements = draw_replacements(removal, n_words, np.arange(4, N_TOKENS), np.random.default_rng(0))
    return HeadSubject(
        example_id="t",
        words=tuple(f"w{i}" for i in range(n_words + 2)),
        n_players=n_words,
        target=target,
        model=model,
        token_ids=tiny_text(n_words),
        removal=removal,
        replacements=replacements,
        mean_fill=zero_fill(model),
        chunk_size=chunk_size,
    )


def all_neurons(model):
    return [(i, n) for i, block in enumerate(model.layers) if block.mlp for n in range(len(block.mlp.b_in))]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_neurons_and_the_bias_sum_to_the_mlp(variant, n_classes):
    model = tiny_model(VARIANTS[variant], n_classes=n_classes)
    found, mlps = contributions(model, target=n_classes - 2)
    assert found.values.shape[:2] == found.bias.shape == mlps.shape
    assert largest(found.values.sum(2) + found.bias - mlps) < TOLERANCE if mlps.size else True


def test_attention_only_has_no_neurons():
    found, _ = contributions(tiny_model(VARIANTS["attention only"]))
    assert found.values.shape == found.active.shape == (4, 0, 0)
    assert found.bias.shape == (4, 0)


def test_a_neuron_writes_its_activation_times_its_output_row():
    """Every neuron by hand, from the streams that the components' writes give."""
    model = tiny_model(VARIANTS["three layers"])
    found, _ = contributions(model)
    token_ids, attend = tensors(BATCH)
    writes = model.readout_writes(token_ids, attend)
    direction, _ = model.readout(torch.ones(4, dtype=torch.long))
    for row in range(4):
        scale = model.readout_scale(writes.sum(1))[row]
        for layer, block in enumerate(model.layers):
            before = writes[row, : model.index.names.index(f"L{layer}.mlp")].sum(0)
            for neuron in range(12):
                act = torch.relu(block.norm_mlp(before) @ block.mlp.W_in[:, neuron] + block.mlp.b_in[neuron])
                term = act * (block.mlp.W_out[neuron] @ direction[row]) / scale
                assert abs(float(term) - found.values[row, layer, neuron]) < 1e-12
                assert bool(act > 0) == found.active[row, layer, neuron]
            assert float(block.mlp.b_out @ direction[row] / scale) == pytest.approx(found.bias[row, layer], abs=1e-12)
    assert 0.2 < found.active.mean() < 0.8
    assert np.all(found.values[~found.active] == 0)


def test_a_neuron_that_writes_nothing_is_noticed():
    model = tiny_model()
    before, _ = contributions(model)
    busy = int(np.abs(before.values[:, 1]).max(0).argmax())
    model.layers[1].mlp.W_out[busy] = 0.0
    after, mlps = contributions(model)
    assert largest(before.values[:, 1, busy]) > 1e-3
    assert largest(after.values[:, 1, busy]) == 0
    assert largest(after.values.sum(2) + after.bias - mlps) < TOLERANCE


def test_the_identity_can_fail(monkeypatch):
    model = tiny_model()
    _, mlps = contributions(model)
    monkeypatch.setattr(type(model), "readout_scale", lambda self, stream: torch.ones_like(stream[:, 0]))
    wrong, _ = contributions(model)
    assert largest(wrong.values.sum(2) + wrong.bias - mlps) > 1e-2


REMOVALS = pytest.mark.parametrize("removal", [MASK_WORDS, DELETE_WORDS, ATTEND_WORDS, RESAMPLE_WORDS])


def bias_part(model, removal, game_subject, masks):
    """[coalition layer]: b_out's part, by the model's own components with W_out set to zero and scales kept."""
    rows, seen = remove_words(removal, game_subject.token_ids, masks, game_subject.replacements)
    parts = []
    for ids, attend in zip(rows, seen, strict=True):
        ids, attend = torch.tensor(ids), torch.tensor(attend)
        scale = model.readout_scale(model.readout_writes(ids, attend).sum(1))
        u, _ = model.readout(torch.full((len(ids),), game_subject.target))
        parts.append([(u @ block.mlp.b_out / scale).numpy() for block in model.layers])
    return np.mean(parts, axis=0).T


@REMOVALS
@pytest.mark.parametrize("variant", ["two layers", "one layer", "three layers", "LayerNorm off", "four wide heads"])
def test_all_neurons_and_the_bias_sum_to_the_mlp_of_the_word_game(variant, removal):
    model = tiny_model(VARIANTS[variant])
    one = subject(model, 4, removal)
    masks = all_coalitions(4)
    chosen = all_neurons(model)
    neurons = neuron_game(one, masks, chosen).reshape(len(masks), len(model.layers), -1).sum(2)
    game = PlainGame(
        model, one.token_ids, target=1, removal=removal, replacements=one.replacements, chunk_size=16
    ).value(masks)[:, model.index.where("mlp")]
    assert largest(neurons + bias_part(model, removal, one, masks) - game) < TOLERANCE
    assert game.std(0).min() > 1e-3


def test_words_and_neurons_sum_to_the_words_of_the_mlp():
    """Shapley values of words in all neurons, plus those in the bias's part, are the MLP's cells of the crosswalk."""
    model = tiny_model(n_classes=3)
    one = subject(model, 5, target=2)
    masks, phi = all_coalitions(5), exact_weights(5)
    cells = phi @ neuron_game(one, masks, all_neurons(model))  # [word neuron]
    rest = phi @ bias_part(model, MASK_WORDS, one, masks)
    game = PlainGame(
        model, one.token_ids, target=2, removal=MASK_WORDS, replacements=one.replacements, chunk_size=16
    ).value(masks)[:, model.index.where("mlp")]
    assert largest(cells.reshape(5, 2, -1).sum(2) + rest - phi @ game) < TOLERANCE


def test_the_full_text_is_the_neurons_contribution_and_choice_and_chunks_change_nothing():
    model = tiny_model()
    one = subject(model, 4)
    chosen = [(1, 7), (0, 2), (1, 0)]
    masks = all_coalitions(4)
    found = neuron_game(one, masks, chosen)
    token_ids = torch.tensor(one.token_ids)[None]
    whole = neuron_contributions(model, token_ids, torch.ones_like(token_ids, dtype=torch.bool), torch.tensor([1]))
    assert largest(found[-1] - [whole.values[0][place] for place in chosen]) < 1e-12
    assert np.abs(found).max(0).min() > 1e-4
    one_by_one = neuron_game(subject(model, 4, chunk_size=1), masks, chosen)
    assert largest(found - one_by_one) < 1e-12
    everything = dict(zip(all_neurons(model), neuron_game(one, masks, all_neurons(model)).T, strict=True))
    assert largest(found.T - [everything[place] for place in chosen]) < 1e-12


def test_no_words_no_choice_and_wrong_masks():
    model = tiny_model()
    assert neuron_game(subject(model, 0), np.ones((1, 0), dtype=bool), [(0, 1)]).shape == (1, 1)
    assert neuron_game(subject(model, 3), all_coalitions(3), []).shape == (8, 0)
    with pytest.raises(ValueError, match=r"word masks have shape \(4, 2\), wanted \(coalitions, 3\)"):
        neuron_game(subject(model, 3), all_coalitions(2), [(0, 1)])


def test_names():
    model = tiny_model()
    assert neuron_place(model, neuron_name(1, 11)) == (1, 11)
    for name in ("L2N0", "L0N12", "L0H1", "x"):
        with pytest.raises(UnknownNameError, match=f"unknown neuron '{name}': this model has layers 0-1, neurons 0-11"):
            neuron_place(model, name)
    with pytest.raises(UnknownNameError, match="L0N-1"):
        neuron_game(subject(model, 3), all_coalitions(3), [(0, -1)])
    with pytest.raises(UnknownNameError, match=r"this model has no MLPs \(d_mlp: 0\)"):
        neuron_place(tiny_model(TINY.model_copy(update={"d_mlp": 0})), "L0N1")
