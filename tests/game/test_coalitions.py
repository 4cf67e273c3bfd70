"""What every game does, plain or fast: counts, remembers, cuts into chunks, and refuses masks that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.game.coalitions import PlainGame
from study.game.fast import FastEncoderGame
from study.game.removals import MASK_WORDS
from study.records import MASK_ID
from tests.tiny import largest, tiny_model, tiny_text

N_WORDS = 9
GAMES = pytest.mark.parametrize("game_type", [PlainGame, FastEncoderGame])


def new_game(game_type, chunk_size=4, n_words=N_WORDS, dtype=None):
    model = tiny_model() if dtype is None else tiny_model(dtype=dtype)
    replacements = np.full((1, n_words), MASK_ID)
    return game_type(
        model, tiny_text(n_words), target=1, removal=MASK_WORDS, replacements=replacements, chunk_size=chunk_size
    )


def coalitions(n, seed=0, n_words=N_WORDS):
    return np.random.default_rng(seed).random((n, n_words)) < 0.5


@GAMES
def test_values_are_float64_one_row_per_coalition(game_type):
    game = new_game(game_type)
    values = game.value(coalitions(6))
    assert values.dtype == np.float64
    assert values.shape == (6, len(game.index))
    assert values.std(0)[[1, 2, 4, 5]].min() > 1e-4  # heads do see the words
    assert game.n_players == N_WORDS


@GAMES
def test_duplicates_are_evaluated_and_counted_once(game_type, monkeypatch):
    game = new_game(game_type)
    evaluated = []
    plain = game_type._evaluate
    monkeypatch.setattr(game_type, "_evaluate", lambda self, masks: evaluated.append(masks) or plain(self, masks))
    masks = coalitions(5)
    twice = masks[[0, 1, 0, 2, 2, 3, 4, 1]]
    values = game.value(twice)
    assert game.n_evals == 5
    assert largest(values - game.value(masks)[[0, 1, 0, 2, 2, 3, 4, 1]]) == 0
    assert game.n_evals == 5
    game.value(~masks[:2])
    assert game.n_evals == 7
    assert sum(map(len, evaluated)) == 7
    assert len(np.unique(np.concatenate(evaluated), axis=0)) == 7


@GAMES
def test_memory_is_bounded_by_the_chunk(game_type, monkeypatch):
    game = new_game(game_type, chunk_size=7)
    sizes = []
    plain = game_type._evaluate
    monkeypatch.setattr(game_type, "_evaluate", lambda self, masks: sizes.append(len(masks)) or plain(self, masks))
    game.value(coalitions(20))
    few = max(sizes)
    game.value(coalitions(300, seed=1))
    assert max(sizes) == few == 7
    assert sum(sizes) == game.n_evals


@GAMES
def test_chunk_size_and_order_do_not_change_values(game_type):
    masks = coalitions(50)
    values = new_game(game_type, chunk_size=64).value(masks)
    for chunk_size in (1, 3, 50):
        assert largest(new_game(game_type, chunk_size=chunk_size).value(masks) - values) < 1e-12
    backwards = new_game(game_type, chunk_size=8).value(masks[::-1])[::-1]
    assert largest(backwards - values) < 1e-12


@GAMES
def test_chunk_size_in_float32(game_type):
    masks = coalitions(50)
    values = new_game(game_type, chunk_size=64, dtype=torch.float32).value(masks)
    assert largest(new_game(game_type, chunk_size=3, dtype=torch.float32).value(masks) - values) < 1e-5


@GAMES
def test_masks_that_look_alike_when_packed_are_kept_apart(game_type):
    """Nine players pack into two bytes, the second one nearly empty."""
    game = new_game(game_type)
    values = game.value(np.eye(N_WORDS, dtype=bool))
    assert game.n_evals == N_WORDS
    assert len(np.unique(values.sum(1).round(9))) == N_WORDS


@GAMES
@pytest.mark.parametrize("shape", [(3, 8), (3, 10), (9,), (1, 1, 9), (9, 3)])
def test_masks_of_another_shape_are_an_error(game_type, shape):
    game = new_game(game_type)
    with pytest.raises(ValueError, match=r"masks have shape .*, wanted \(coalitions, 9\)"):
        game.value(np.ones(shape, dtype=bool))
    assert game.n_evals == 0


@GAMES
def test_no_coalitions_no_values(game_type):
    game = new_game(game_type)
    assert game.value(np.empty((0, N_WORDS), dtype=bool)).shape == (0, len(game.index))
    assert game.n_evals == 0


@GAMES
def test_a_text_without_words_has_one_coalition(game_type):
    game = new_game(game_type, n_words=0)
    values = game.value(np.empty((2, 0), dtype=bool))
    assert values.shape == (2, len(game.index))
    assert game.n_evals == 1
    assert largest(values[0] - values[1]) == 0


@GAMES
def test_numbers_serve_as_masks(game_type):
    game = new_game(game_type)
    masks = coalitions(4)
    assert largest(game.value(masks.astype(float)) - game.value(masks)) == 0
    assert game.n_evals == len(np.unique(masks, axis=0))
