"""Effects of ablated heads against plain forward passes, one text and one head at a time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from study.heads import HEAD_METHODS
from study.heads.ablation import ABLATIONS, ablate, effects, kept_heads, trial_ablations
from study.model.ablation import HeadFill, head_outputs, margins_replaced, zero_fill
from study.seeds import rng_of
from tests.heads.batches import CONFIG, REFERENCE, TEXTS, head_batch
from tests.tiny import TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model


def margin_without(batch, row, removed, fill):
    """m of one text without the heads `removed` [(layer, head)], by a plain forward pass, unpadded; fill of one row."""
    n = int(batch.attend[row].sum())
    embeddings = batch.model.embed(batch.token_ids[row : row + 1, :n])
    attend = batch.attend[row : row + 1, :n]
    outputs = head_outputs(batch.model, embeddings, attend)
    where = torch.zeros(outputs.shape[:4], dtype=torch.bool)
    for layer, head in removed:
        where[0, layer, head] = True
        outputs[0, layer, head, 0] = fill.readout[0, layer, head]
        for pos in range(1, n):
            outputs[0, layer, head, pos] = fill.words[0, layer, head, min(pos - 1, fill.words.shape[3] - 1)]
    target = batch.target[row : row + 1]
    return float(margins_replaced(batch.model, embeddings, attend, target, outputs, where)[0])


def fills_of(batch, row, ablation):
    """The fills whose margins are averaged, literally: what stands for the heads of one text."""
    if ablation == "zero":
        return [zero_fill(batch.model)]
    if ablation == "mean":
        outputs = [
            head_outputs(batch.model, batch.model.embed(ids[None, :n]), seen[None, :n])[0]
            for ids, seen, n in ((ids, seen, int(seen.sum())) for ids, seen in zip(*tensors(REFERENCE), strict=True))
        ]
        readout = torch.stack([o[:, :, 0] for o in outputs]).mean(0)
        words = torch.cat([o[:, :, 1:] for o in outputs], 2).mean(2)
        return [HeadFill(readout=readout[None], words=words[None, :, :, None])]
    rng = rng_of(batch.data_seed, "head replacements", batch.subjects[row].example_id)
    drawn = batch.reference.resample_fill(CONFIG.resample_draws, int(batch.attend[row].sum()) - 1, rng)
    return [
        HeadFill(readout=drawn.readout[d : d + 1], words=drawn.words[d : d + 1]) for d in range(CONFIG.resample_draws)
    ]


def literal_effect(batch, row, removed, ablation):
    without = [margin_without(batch, row, removed, fill) for fill in fills_of(batch, row, ablation)]
    return float(batch.margin[row]) - sum(without) / len(without)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("ablation", ABLATIONS)
def test_single_heads_equal_the_literal_oracle(variant, ablation):
    batch = head_batch(tiny_model(VARIANTS[variant], n_classes=3), tiny_batch(9, 1, 0, 4))
    found = HEAD_METHODS.load(f"ablation_{ablation}")(batch, CONFIG)
    n_layers, n_heads = batch.shape
    for row, record in enumerate(found):
        oracle = [
            [literal_effect(batch, row, [(layer, head)], ablation) for head in range(n_heads)]
            for layer in range(n_layers)
        ]
        assert largest(record.scores - np.array(oracle)) < 1e-12
        assert np.abs(oracle).max() > 1e-3
        assert record.ablation == ablation
        draws = CONFIG.resample_draws if ablation == "resample" else 1
        assert record.n_evals == draws * (1 + n_layers * n_heads)


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_groups_equal_the_literal_oracle(ablation):
    batch = head_batch(tiny_model(VARIANTS["three layers"]))
    removed = np.random.default_rng(0).random((7, 6)) < 0.5
    removed[0], removed[1] = False, True
    found = effects(batch, CONFIG, ablation, removed)
    for row, group in itertools.product(range(3), range(7)):
        places = [divmod(int(h), 2) for h in np.flatnonzero(removed[group])]
        assert found[row, group] == pytest.approx(literal_effect(batch, row, places, ablation), abs=1e-12)
    assert np.array_equal(found[:, 0], np.zeros(3))  # nothing taken out, nothing lost


def test_kept_heads_start_with_all_and_follow_the_numbers():
    kept = kept_heads(tiny_model(VARIANTS["three layers"]), np.eye(6, dtype=bool)[[0, 3]])
    assert kept.shape == (3, 3, 2)
    assert kept[0].all()
    assert (~kept[1]).nonzero().tolist() == [[0, 0]]
    assert (~kept[2]).nonzero().tolist() == [[1, 1]]


def test_many_texts_run_in_chunks_and_come_back_in_their_order():
    """More texts than a forward pass takes, of all lengths, each with a fill of its own."""
    model = tiny_model(n_classes=3)
    texts = tiny_batch(*np.random.default_rng(0).integers(0, 10, 150).tolist())
    token_ids, attend = tensors(texts)
    target = torch.arange(150) % 3
    generator = torch.Generator().manual_seed(0)
    fill = HeadFill(
        readout=torch.randn(150, 2, 2, 4, generator=generator, dtype=torch.float64),
        words=torch.randn(150, 2, 2, 9, 4, generator=generator, dtype=torch.float64),
    )
    kept = torch.rand(5, 2, 2, generator=generator) < 0.5
    found = ablate(model, token_ids, attend, target, kept, fill)
    assert found.dtype == np.float64
    for row in range(0, 150, 7):
        own = HeadFill(readout=fill.readout[row : row + 1], words=fill.words[row : row + 1])
        some = slice(row, row + 1)
        alone = ablate(model, token_ids[some], attend[some], target[some], kept, own)
        assert largest(found[row] - alone[0]) < 1e-12
    assert ablate(model, token_ids[:0], attend[:0], target[:0], kept, zero_fill(model)).shape == (0, 5)


def test_resample_draws_differ_from_text_to_text_and_do_not_look_at_the_batch():
    model = tiny_model()
    same = tiny_batch(5, 5)
    same = type(same)(
        example_id=("a", "b"),
        text=same.text,
        words=same.words,
        token_ids=same.token_ids[[0, 0]],
        attend=same.attend,
        word_of_token=same.word_of_token,
        label=same.label,
    )
    first, second = (r.scores for r in HEAD_METHODS.load("ablation_resample")(head_batch(model, same), CONFIG))
    assert largest(first - second) > 1e-4  # one text under two ids: other draws
    config = CONFIG.model_copy(update={"resample_draws": 4000})
    many = [r.scores for r in HEAD_METHODS.load("ablation_resample")(head_batch(model, same), config)]
    assert largest(many[0] - many[1]) < largest(first - second) / 5  # ... of the same average


@pytest.mark.parametrize("variant", ["two layers", "one head", "one layer", "four wide heads"])
def test_trials_equal_the_literal_oracle(variant):
    batch = head_batch(tiny_model(VARIANTS[variant]), tiny_batch(4, 0))
    fill = batch.reference.mean_fill()
    found = trial_ablations(batch.model, batch.token_ids, batch.attend, batch.target, fill)
    places = list(itertools.product(*map(range, batch.shape)))
    assert found.shape == (2, len(places) + 1, len(places) + 1)
    for row in range(2):
        assert found[row, 0, 0] == pytest.approx(float(batch.margin[row]), abs=1e-12)
        for (i, first), (j, second) in itertools.product(enumerate(places, 1), repeat=2):
            wanted = margin_without(batch, row, [first, second], fill)
            assert found[row, i, j] == pytest.approx(wanted, abs=1e-12)
            alone = margin_without(batch, row, [first], fill)
            assert found[row, 0, i] == found[row, i, 0] == pytest.approx(alone, abs=1e-12)


def test_trials_of_no_texts():
    batch = head_batch(tiny_model())
    none = (batch.token_ids[:0], batch.attend[:0], batch.target[:0])
    assert trial_ablations(batch.model, *none, batch.reference.mean_fill()).shape == (0, 5, 5)


def test_a_constant_write_is_missed_by_zero_only():
    """LayerNorm off, and a head that mixes the same on every text: only ablation by zero takes it away."""
    model = tiny_model(VARIANTS["LayerNorm off"])
    model.W_pos.zero_()
    model.W_E[:, 0] = 1.0
    head = model.layers[0].attention
    head.W_V[0] = head.W_Q[0] = 0.0
    head.W_V[0, 0] = 1.0
    batch = head_batch(model)
    effect = {a: effects(batch, CONFIG, a, np.eye(4, dtype=bool))[:, 0] for a in ABLATIONS}
    assert np.abs(effect["zero"]).min() > 1e-3
    assert largest(effect["mean"]) < 1e-12
    assert largest(effect["resample"]) < 1e-12


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_float32_models_give_float64_effects(ablation):
    batch32, batch64 = (head_batch(tiny_model(TINY, dtype=d), TEXTS) for d in (torch.float32, torch.float64))
    found = [effects(b, CONFIG, ablation, np.eye(4, dtype=bool)) for b in (batch32, batch64)]
    assert found[0].dtype == np.float64
    assert 0 < largest(found[0] - found[1]) < 1e-5
