"""One text ready to be explained: its players, its games, and the look inside the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.game import REMOVALS
from study.game.coalitions import PlainGame
from study.game.fast import FastEncoderGame
from study.game.removals import MASK_WORDS
from study.game.subject import make_subject
from study.model.encoder import Encoder
from study.records import MASK_ID
from tests.tiny import largest, tiny_batch, tiny_model

BATCH = tiny_batch(7, 4, 0, n_cut=2)


def subject_of(row, removal=MASK_WORDS, model=None, target=1):
    n_words = int(BATCH.attend[row].sum()) - 1
    return make_subject(
        model or tiny_model(),
        BATCH,
        row,
        target=target,
        removal=removal,
        replacements=np.full((removal.n_draws, n_words), MASK_ID),
        chunk_size=16,
    )


def test_players_are_the_words_that_fit_without_padding():
    subject = subject_of(1)
    assert subject.example_id == "t1"
    assert subject.words == ("w0", "w1", "w2", "w3", "w4", "w5")
    assert subject.n_players == 4
    assert subject.new_game().n_players == 4
    assert subject.white_box.word_of_position.tolist() == [-1, 0, 1, 2, 3]
    assert subject.index is subject.new_game().index


def test_every_game_is_fresh():
    subject = subject_of(0)
    first, second = subject.new_game(), subject.new_game()
    first.value(np.ones((1, 7), dtype=bool))
    assert (first.n_evals, second.n_evals) == (1, 0)


@pytest.mark.parametrize("name", REMOVALS)
def test_the_fast_game_where_it_is_exact(name):
    game = subject_of(0, REMOVALS.load(name)).new_game()
    assert isinstance(game, PlainGame if name == "delete" else FastEncoderGame)


def test_another_model_family_gets_the_plain_game():
    class Wrapped:
        """All that the protocol asks for, and no Encoder."""

        def __init__(self, model):
            self.index, self.n_classes, self.device = model.index, model.n_classes, model.device
            self.contributions = model.contributions

    model = tiny_model()
    game = subject_of(0, model=Wrapped(model)).new_game()
    assert isinstance(game, PlainGame)
    masks = np.array([[True] * 7, [False] * 7])
    assert largest(game.value(masks) - subject_of(0, model=model).new_game().value(masks)) < 1e-12


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("target", [0, 1])
def test_the_white_box_agrees_with_the_game_at_both_ends(row, target):
    subject = subject_of(row, target=target)
    box, n = subject.white_box, subject.n_players
    ends = torch.stack([box.baseline_embeddings(), box.embeddings()])
    values = subject.new_game().value(np.array([[False] * n, [True] * n]).reshape(2, n)).sum(1)
    assert box.margin(ends).numpy() == pytest.approx(values, abs=1e-12)
    if n:
        assert abs(values[0] - values[1]) > 1e-4


def test_the_baseline_masks_every_word_and_leaves_cls_and_positions():
    model = tiny_model()
    box = subject_of(0, model=model).white_box
    difference = box.embeddings() - box.baseline_embeddings()
    assert largest(difference[0]) == 0
    expected = model.W_E[torch.tensor(BATCH.token_ids[0, 1:8])] - model.W_E[MASK_ID]
    assert largest(difference[1:] - expected) < 1e-15


def test_the_margin_is_differentiable_and_embeddings_carry_no_graph():
    model = tiny_model().requires_grad_(True)
    box = subject_of(0, model=model).white_box
    embeddings = box.embeddings()
    assert not embeddings.requires_grad
    assert not box.baseline_embeddings().requires_grad
    point = embeddings[None].clone().requires_grad_(True)
    box.margin(point).sum().backward()
    step = 1e-6 * torch.randn(point.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    slope = (box.margin(point + step) - box.margin(point - step)).detach() / 2
    assert float(slope) == pytest.approx(float((point.grad * step).sum()), rel=1e-4)


def test_attention_is_that_of_the_text_without_padding():
    model = tiny_model()
    attention = subject_of(1, model=model).white_box.attention()
    assert attention.shape == (2, 2, 5, 5)
    assert largest(attention.sum(-1) - 1) < 1e-14
    padded = model.attention_patterns(torch.tensor(BATCH.token_ids), torch.tensor(BATCH.attend))
    assert largest(attention - padded[1, :, :, :5, :5].numpy()) < 1e-14
    assert isinstance(model, Encoder)
