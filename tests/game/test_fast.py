"""The fast game equals the plain forward pass, component by component, wherever it is used."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from study.game import REMOVALS
from study.game.coalitions import PlainGame
from study.game.fast import FastEncoderGame
from study.game.removals import DELETE_WORDS, MASK_WORDS, draw_replacements
from study.model.attention import Attention
from study.model.encoder import Encoder
from tests.tiny import TINY, VARIANTS, largest, tiny_model, tiny_text

FAST = ["mask", "attend", "resample"]


def both(model, n_words, removal_name, target=1, chunk_size=16):
    removal = REMOVALS.load(removal_name)
    drawn = draw_replacements(removal, n_words, np.arange(4, 20), np.random.default_rng(n_words))
    return [
        game_type(model, tiny_text(n_words), target=target, removal=removal, replacements=drawn, chunk_size=chunk_size)
        for game_type in (FastEncoderGame, PlainGame)
    ]


def coalitions(n_words, n=24):
    rng = np.random.default_rng(n_words)
    sampled = rng.random((n, n_words)) < rng.random((n, 1))
    return np.concatenate([np.zeros((1, n_words), bool), np.ones((1, n_words), bool), sampled])


@pytest.mark.parametrize("n_words", [0, 1, 9])
@pytest.mark.parametrize("removal", FAST)
@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_the_plain_game(variant, removal, n_words):
    fast, plain = both(tiny_model(VARIANTS[variant]), n_words, removal)
    masks = coalitions(n_words)
    values = fast.value(masks)
    assert largest(values - plain.value(masks)) < 1e-12
    assert fast.n_evals == plain.n_evals
    if n_words == 9:
        assert np.ptp(values.sum(1)) > 0.01  # the words matter, so the comparison is not between constants


@pytest.mark.parametrize("removal", FAST)
@pytest.mark.parametrize("variant", ["two layers", "three layers", "attention only", "LayerNorm off"])
def test_equals_the_plain_game_in_float32(variant, removal):
    fast, plain = both(tiny_model(VARIANTS[variant], dtype=torch.float32), 9, removal)
    masks = coalitions(9)
    values = plain.value(masks)
    assert largest(fast.value(masks) - values) < 1e-5 * max(1.0, np.abs(values.sum(1)).max())


@pytest.mark.parametrize("target", [0, 1, 3])
@pytest.mark.parametrize("variant", ["two layers", "one layer", "attention only, LayerNorm off"])
def test_equals_the_plain_game_for_many_classes(variant, target):
    fast, plain = both(tiny_model(VARIANTS[variant], n_classes=4), 7, "mask", target)
    masks = coalitions(7)
    assert largest(fast.value(masks) - plain.value(masks)) < 1e-12


def test_the_scale_is_recomputed_for_every_coalition():
    """Freezing the final LayerNorm at the full text would explain a different function (METHODS section 3)."""
    fast, plain = both(tiny_model(), 9, "mask")
    masks = coalitions(9)
    scales = []
    recompute = Encoder.readout_scale

    class Frozen(Encoder):
        def readout_scale(self, stream):
            scales.append(recompute(self, stream))
            return scales[0][:1].expand(len(stream))

    fast.encoder.__class__ = Frozen
    wrong = fast.value(masks[[1, *range(len(masks))]])
    fast.encoder.__class__ = Encoder
    assert torch.cat(scales).std() > 0.01
    assert largest(wrong[1:] - plain.value(masks)) > 1e-2


def test_the_plain_forward_pass_is_not_used(monkeypatch):
    """Layer 0's attention comes from tables; the last layer is computed at the readout only."""
    fast, _ = both(tiny_model(), 9, "mask")
    monkeypatch.setattr(Attention, "pattern", None)
    monkeypatch.setattr(Encoder, "contributions", None)
    assert np.isfinite(fast.value(coalitions(9))).all()


def test_refuses_what_it_cannot_do_exactly():
    drawn = np.full((1, 3), 2)
    with pytest.raises(ValueError, match="keeps positions"):
        FastEncoderGame(tiny_model(), tiny_text(3), target=1, removal=DELETE_WORDS, replacements=drawn, chunk_size=4)
    other_family = SimpleNamespace(index=tiny_model().index, device=torch.device("cpu"))
    with pytest.raises(ValueError, match="needs an Encoder"):
        FastEncoderGame(other_family, tiny_text(3), target=1, removal=MASK_WORDS, replacements=drawn, chunk_size=4)


def test_a_text_as_long_as_the_model_and_repeated_words():
    model = tiny_model()
    text = np.array([1, *[7] * TINY.max_words])
    drawn = np.full((1, TINY.max_words), 2)
    fast, plain = (
        game_type(model, text, target=1, removal=MASK_WORDS, replacements=drawn, chunk_size=5)
        for game_type in (FastEncoderGame, PlainGame)
    )
    masks = coalitions(TINY.max_words)
    assert largest(fast.value(masks) - plain.value(masks)) < 1e-12
