"""Training: the same weights from the same seed, however often interrupted; early stopping; words masked at random."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from study.config import TrainingConfig
from study.errors import LedgerError
from study.model import training
from study.model.encoder import Encoder, build_encoder
from study.model.training import (
    TrainingState,
    batch_tensors,
    one_cycle,
    predict_logits,
    train_encoder,
)
from study.records import CLS_ID, MASK_ID, PAD_ID
from tests.tiny import N_TOKENS, TINY, largest, tiny_batch

CONFIG = TrainingConfig(max_epochs=4, min_steps=0, patience=4, batch_size=8, learning_rate=0.01)
TRAIN = tiny_batch(*[1 + i % 9 for i in range(20)])  # 3 batches an epoch, the last one short
VALIDATION = tiny_batch(*[1 + i % 5 for i in range(10)], seed=100)


def new_model():
    return build_encoder(TINY, N_TOKENS, 2, torch.Generator().manual_seed(0))


def train(config=CONFIG, seed=1, **hooks):
    model = new_model()
    history = train_encoder(model, TRAIN, VALIDATION, config, seed=seed, **hooks)
    return model.state_dict(), history


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def uninterrupted():
    states = []
    weights, history = train(after_epoch=states.append)
    return weights, history, states


def test_deterministic_by_seed(uninterrupted):
    weights, history, _ = uninterrupted
    again, history_again = train()
    assert equal(weights, again)
    assert history == history_again
    other, _ = train(seed=2)
    assert not equal(weights, other)
    assert not equal(weights, new_model().state_dict())


def test_does_not_depend_on_global_random_state_and_leaves_it_alone(uninterrupted):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        weights, _ = train()
        assert torch.equal(torch.get_rng_state(), before)
        assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert equal(weights, uninterrupted[0])


@pytest.mark.parametrize("n_done", [1, 2, 3, 4])
def test_resumed_after_any_epoch_ends_with_the_same_bits(uninterrupted, n_done):
    weights, history, states = uninterrupted
    state = TrainingState.from_bytes(states[n_done - 1].to_bytes(), "here")
    assert state.history == history[:n_done]
    later, steps = [], []
    resumed, full_history = train(
        resume=state, after_epoch=later.append, after_step=lambda done, total: steps.append((done, total))
    )
    assert equal(resumed, weights)
    assert full_history == history
    assert steps == [(i, 12) for i in range(3 * n_done + 1, 13)]
    assert [s.to_bytes() for s in later] == [s.to_bytes() for s in states[n_done:]]


def test_a_saved_state_does_not_change_while_training_goes_on(uninterrupted):
    saved = []
    train(after_epoch=lambda state: saved.append((state, state.to_bytes())))
    assert all(state.to_bytes() == data for state, data in saved)


def test_early_stopping_restores_the_best_epoch():
    config = CONFIG.model_copy(update={"learning_rate": 0.05, "max_epochs": 30, "patience": 2, "word_mask_rate": 0.0})
    states = []
    weights, history = train(config, after_epoch=states.append)
    losses = [r.validation_loss for r in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 1 + 2 < 30
    at_best = {n.removeprefix("weights."): t for n, t in states[best].tensors.items() if n.startswith("weights.")}
    at_end = {n.removeprefix("weights."): t for n, t in states[-1].tensors.items() if n.startswith("weights.")}
    assert equal(weights, at_best)
    assert not equal(weights, at_end)
    model = new_model()
    model.load_state_dict(weights)
    assert training._validate(model, VALIDATION) == (losses[best], history[best].validation_accuracy)
    resumed, resumed_history = train(config, resume=states[-1])  # out of patience already: no further epoch
    assert equal(resumed, weights)
    assert resumed_history == history


def test_learns_what_can_be_learned():
    """The label is whether token 5 is in the text."""
    batch = tiny_batch(*[4] * 64)
    has_it = (batch.token_ids == 5).any(1)
    ids = np.where(has_it[:, None], batch.token_ids, np.where(np.arange(64)[:, None] % 2, batch.token_ids, 5))
    ids[:, 0] = CLS_ID
    batch = replace(batch, token_ids=ids, label=(ids == 5).any(1).astype(int))
    assert 10 < batch.label.sum() < 54
    model = new_model()
    config = CONFIG.model_copy(update={"max_epochs": 15, "patience": 15, "word_mask_rate": 0.0})
    history = train_encoder(model, batch, batch, config, seed=0)
    assert history[-1].train_loss < history[0].train_loss
    assert (predict_logits(model, batch).argmax(1) == batch.label).mean() > 0.95
    assert not model.training


@pytest.mark.parametrize(
    "damage", ["empty", "cut", "header", "garbage", "no history", "one bit of a weight", "a digit of the history"]
)
def test_a_damaged_checkpoint_is_named(uninterrupted, damage):
    data = uninterrupted[2][0].to_bytes()
    bad = {
        "empty": b"",
        "cut": data[:-5],
        "header": data[:4] + b"\xff" + data[5:],
        "garbage": b"not a checkpoint at all" * 9,
        "one bit of a weight": data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
        "a digit of the history": data.replace(b"[[0, 0.", b"[[0, 1."),
        "no history": data.replace(b"history", b"hist0ry"),
    }[damage]
    assert bad != data
    with pytest.raises(LedgerError, match=r"some/where is damaged \(.*\); delete it"):
        TrainingState.from_bytes(bad, "some/where")


def test_one_cycle_closed_form():
    peak, n = 0.01, 100
    assert one_cycle(0, n, peak) == pytest.approx(peak / 25)
    assert one_cycle(15, n, peak) == pytest.approx((peak + peak / 25) / 2)
    assert one_cycle(30, n, peak) == pytest.approx(peak)
    assert one_cycle(65, n, peak) == pytest.approx((peak + peak / 1e5) / 2)
    assert one_cycle(100, n, peak) == pytest.approx(peak / 1e5)
    assert one_cycle(10, n, peak) == pytest.approx(peak * (1 - 0.96 * (1 + math.cos(math.pi / 3)) / 2))
    rates = [one_cycle(step, n, peak) for step in range(n)]
    assert rates == sorted(rates[:30]) + sorted(rates[30:], reverse=True)
    assert 0 < one_cycle(0, 1, peak) < peak


@pytest.fixture
def seen(monkeypatch):
    """(token_ids, attend) of every batch that the model was trained on."""
    batches = []
    plain = Encoder.forward

    def watched(self, token_ids, attend):
        batches.append((token_ids.numpy().copy(), attend.numpy().copy()))
        return plain(self, token_ids, attend)

    monkeypatch.setattr(Encoder, "forward", watched)
    return batches


def rows_of(batches):
    return sorted(tuple(ids[i, seen[i]].tolist()) for ids, seen in batches for i in range(len(ids)))


def test_every_text_is_read_once_an_epoch_in_a_new_order(seen):
    config = CONFIG.model_copy(update={"max_epochs": 2, "word_mask_rate": 0.0})
    train(config)
    expected = sorted(tuple(TRAIN.token_ids[i, TRAIN.attend[i]].tolist()) for i in range(20))
    assert rows_of(seen[:3]) == rows_of(seen[3:]) == expected
    assert [ids.tolist() for ids, _ in seen[:3]] != [ids.tolist() for ids, _ in seen[3:]]


def test_masking_hides_words_only(seen):
    config = CONFIG.model_copy(update={"word_mask_rate": 1.0, "max_epochs": 20, "patience": 20})
    train(config)
    n_masked = n_words = 0
    rates = []
    for ids, attend in seen:
        assert (ids[:, 0] == CLS_ID).all()
        assert (ids[~attend] == PAD_ID).all()
        assert (ids[attend] != PAD_ID).all()
        masked = (ids == MASK_ID) & attend
        n_masked, n_words = n_masked + masked.sum(), n_words + attend[:, 1:].sum()
        rates += [m.sum() / (a.sum() - 1) for m, a in zip(masked, attend, strict=True) if a.sum() == 10]
    assert n_masked / n_words == pytest.approx(0.5, abs=0.05)  # a text's rate is uniform below 1
    assert np.std(rates) > 0.25  # and differs between texts: sqrt(1/12 + 1/54) = 0.32, against 0.17 at a fixed rate


def test_nothing_is_masked_at_rate_zero(seen):
    train(CONFIG.model_copy(update={"word_mask_rate": 0.0, "max_epochs": 1}))
    assert not any((ids == MASK_ID).any() for ids, _ in seen)


def test_predictions_do_not_depend_on_chunks():
    model = new_model().double()
    whole = predict_logits(model, TRAIN)
    assert whole.shape == (20, 2)
    assert largest(whole - predict_logits(model, TRAIN, chunk_size=3)) < 1e-12


def test_batch_tensors_are_cut_to_their_longest_row():
    token_ids, attend = batch_tensors(TRAIN, np.array([2, 0]))
    assert token_ids.shape == (2, 4)
    assert attend.tolist() == [[True] * 4, [True, True, False, False]]
    assert token_ids[0].tolist() == TRAIN.token_ids[2, :4].tolist()


def test_few_texts_are_trained_for_more_epochs() -> None:
    config = CONFIG.model_copy(update={"max_epochs": 2, "patience": 2, "min_steps": 31, "learning_rate": 1e-4})
    _, history = train(config)  # 3 batches an epoch: 31 steps take 11 epochs, and patience is as long
    assert len(history) == 11


def with_truth():
    """Texts of nine words and two that have no position; the first and third are known to decide, and one cut off."""
    batch = tiny_batch(*[9] * 20, n_cut=2)
    known = tuple(i in (0, 2, 9) for i in range(11))
    return replace(batch, relevant=(known,) * 20)


@pytest.mark.parametrize(("rate", "single", "both"), [(0.0, 1 / 2, 1 / 3), (0.5, 1 / 4, 1 / 6), (1.0, 0, 0)])
def test_truth_words_stay_in_a_share_of_the_texts(seen, rate, single, both):
    """A text's masking rate u is uniform below 1: E[u] (1 - rate), and for two words of a text E[u^2] (1 - rate)."""
    config = CONFIG.model_copy(update={"word_mask_rate": 1.0, "max_epochs": 60, "patience": 60})
    batch = with_truth()
    train_encoder(new_model(), batch, VALIDATION, config.model_copy(update={"truth_shown_rate": rate}), seed=3)
    masked = np.concatenate([ids == MASK_ID for ids, _ in seen])[:, 1:]
    assert len(masked) == 20 * 60
    assert masked[:, [0, 2]].mean() == pytest.approx(single, abs=0.04)
    assert (masked[:, 0] & masked[:, 2]).mean() == pytest.approx(both, abs=0.04)  # by text: not each word for itself
    assert masked[:, [1, 3, 4, 5, 6, 7, 8]].mean() == pytest.approx(0.5, abs=0.04)  # the others as ever
