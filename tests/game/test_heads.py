"""The game of words and heads against the plain forward pass, for every removal operator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.game import REMOVALS
from study.game.coalitions import PlainGame
from study.game.heads import HeadGame, HeadSubject
from study.game.removals import MASK_WORDS, draw_replacements, remove_words
from study.game.shapley import all_coalitions
from study.model.ablation import margins_replaced
from study.model.encoder import Mlp
from study.model.reference import gather_reference
from tests.tiny import VARIANTS, largest, tiny_batch, tiny_model, tiny_text

N_WORDS = 4


def make_game(model, removal=MASK_WORDS, n_words=N_WORDS, chunk_size=128):
    replacements = draw_replacements(removal, n_words, np.arange(4, 20), np.random.default_rng(0))
    return HeadGame(
        model,
        tiny_text(n_words),
        target=1,
        removal=removal,
        replacements=replacements,
        fill=gather_reference(model, tiny_batch(9, 4, 6, seed=50)).mean_fill(),
        chunk_size=chunk_size,
    )


def some_heads(n_heads):
    masks = np.random.default_rng(1).random((5, n_heads)) < 0.5
    masks[0], masks[-1] = False, True
    return masks


def plain_value(game, words, heads):
    """[coalition subset] by the plain forward pass with heads replaced, averaged over draws."""
    model = game.model
    rows, seen = remove_words(game.removal, game.token_ids, words, game.replacements)
    found = np.zeros((len(words), len(heads)))
    for ids, attend in zip(rows, seen, strict=True):
        for s, subset in enumerate(heads):
            tokens, mask = torch.tensor(ids), torch.tensor(attend)
            n_positions = tokens.shape[1]
            outputs = torch.stack([game.fill.of_layer(i, n_positions) for i in range(game.n_layers)], 1)
            off = ~torch.tensor(subset).view(1, game.n_layers, -1, 1).expand(len(words), -1, -1, n_positions)
            target = torch.full((len(words),), game.target)
            found[:, s] += margins_replaced(model, model.embed(tokens), mask, target, outputs, off).numpy() / len(rows)
    return found


@pytest.mark.parametrize("removal", list(REMOVALS))
@pytest.mark.parametrize("variant", ["two layers", "one layer", "three layers", "attention only"])
def test_the_game_equals_the_plain_forward_pass_with_heads_replaced(removal, variant):
    game = make_game(tiny_model(VARIANTS[variant]), REMOVALS.load(removal))
    words, heads = all_coalitions(N_WORDS), some_heads(game.n_heads)
    ours = game.value(words, heads)
    wanted = plain_value(game, words, heads)
    assert np.ptp(wanted, axis=0)[-1] > 1e-2  # words matter ...
    assert np.ptp(wanted, axis=1)[-1] > 1e-2  # ... and heads do
    assert largest(ours - wanted) < 1e-12
    assert game.n_evals == len(words) * len(heads)


@pytest.mark.parametrize("removal", list(REMOVALS))
def test_with_all_heads_it_is_the_word_game(removal):
    game = make_game(tiny_model(), REMOVALS.load(removal))
    plain = PlainGame(
        game.model, game.token_ids, target=1, removal=game.removal, replacements=game.replacements, chunk_size=64
    )
    words = all_coalitions(N_WORDS)
    everything = game.value(words, np.ones((1, game.n_heads), dtype=bool))
    assert largest(everything[:, 0] - plain.value(words).sum(1)) < 1e-12


def test_chunks_do_not_matter():
    words = all_coalitions(N_WORDS)
    model = tiny_model()
    heads = some_heads(4)
    assert largest(make_game(model).value(words, heads) - make_game(model, chunk_size=3).value(words, heads)) < 1e-12


def test_no_tensor_grows_with_the_number_of_coalitions_or_subsets(monkeypatch):
    """The largest input of any MLP, the widest thing that is ever held, is the same for ten times as many."""
    sizes = []
    plain = Mlp.forward
    monkeypatch.setattr(Mlp, "forward", lambda self, x: sizes.append(x.numel()) or plain(self, x))
    monkeypatch.setattr("study.model.ablation._ROWS", 64)
    game = make_game(tiny_model(VARIANTS["three layers"]), n_words=9, chunk_size=16)
    rng = np.random.default_rng(0)
    words, heads = rng.random((300, 9)) < 0.5, rng.random((200, 6)) < 0.5
    game.value(words[:30], heads[:20])
    few = max(sizes)
    game.value(words, heads)
    assert max(sizes) == few


def test_a_text_without_words():
    game = make_game(tiny_model(), n_words=0)
    values = game.value(np.empty((1, 0), dtype=bool), all_coalitions(4))
    assert values.shape == (1, 16)
    assert np.isfinite(values).all()


def test_masks_must_fit():
    game = make_game(tiny_model())
    with pytest.raises(ValueError, match=r"word masks have shape \(1, 3\), wanted \(coalitions, 4\)"):
        game.value(np.ones((1, 3), bool), np.ones((1, 4), bool))
    with pytest.raises(ValueError, match=r"head masks have shape \(1, 5\)"):
        game.value(np.ones((1, 4), bool), np.ones((1, 5), bool))


def make_head_subject(model, n_words=N_WORDS, n_cut=0, removal=MASK_WORDS, chunk_size=128):
    game = make_game(model, removal, n_words)
    return HeadSubject(
        example_id="t0",
        words=tuple(f"w{i}" for i in range(n_words + n_cut)),
        n_players=n_words,
        target=1,
        model=model,
        token_ids=game.token_ids,
        removal=removal,
        replacements=game.replacements,
        mean_fill=game.fill,
        chunk_size=chunk_size,
    )


def test_a_subject_names_its_heads_and_fills_with_means():
    subject = make_head_subject(tiny_model())
    assert subject.head_index.names == ("L0H0", "L0H1", "L1H0", "L1H1")
    masks = all_coalitions(4)
    words = np.ones((1, N_WORDS), bool)
    assert largest(subject.new_game().value(words, masks) - make_game(subject.model).value(words, masks)) == 0
