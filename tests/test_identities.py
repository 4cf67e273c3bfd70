"""What the identities are measured on: which coalitions, which texts, which paddings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study import gates, identities
from study.game import REMOVALS
from study.game.coalitions import PlainGame
from study.game.removals import MASK_WORDS
from study.game.subject import make_subject
from study.records import MASK_ID, Contributions
from tests.tiny import TINY, tiny_batch, tiny_model


def subject_and_game(model, removal, n_words=6, target=1):
    batch = tiny_batch(n_words)
    replacements = np.random.default_rng(0).integers(4, 20, (removal.n_draws, n_words))
    if removal.n_draws == 1:
        replacements[:] = MASK_ID
    subject = make_subject(model, batch, 0, target=target, removal=removal, replacements=replacements, chunk_size=8)
    return subject, subject.new_game()


def measure(model, removal, seed=0, **options):
    subject, game = subject_and_game(model, removal, **options)
    rng = np.random.default_rng(seed)
    return identities.game_gates(subject, game, removal, rng, "here", "float64"), game


@pytest.mark.parametrize("n_players", [0, 1, 12])
def test_the_sampled_coalitions_hold_the_empty_and_the_full_one(n_players):
    present = identities._sample_coalitions(n_players, np.random.default_rng(0))
    assert present.shape == (identities.N_COALITIONS + 2, n_players)
    assert not present[0].any()
    assert present[-1].all()
    if n_players == 12:
        sizes = present[1:-1].sum(1)
        assert sizes.min() <= 3
        assert sizes.max() >= 9


@pytest.mark.parametrize("target", [0, 1, 2])
@pytest.mark.parametrize("name", REMOVALS)
def test_the_game_holds_for_every_operator_and_class(name, target):
    found, game = measure(tiny_model(n_classes=3), REMOVALS.load(name), target=target)
    assert [gate.name for gate in found] == [gates.FAST_GAME, gates.GAME_SUM]
    assert all(gate.passed and gate.value < 1e-12 for gate in found)
    assert 10 < game.n_evals <= identities.N_COALITIONS + 2


def test_the_sum_is_compared_with_the_models_logits_not_with_its_contributions(monkeypatch):
    """Contributions are made to sum to something else: only an independent margin can notice."""
    model = tiny_model()
    plain = type(model).contributions
    subject, _ = subject_and_game(model, MASK_WORDS)
    game = PlainGame(
        model,
        np.asarray(subject.white_box.token_ids),
        target=1,
        removal=MASK_WORDS,
        replacements=np.full((1, 6), MASK_ID),
        chunk_size=8,
    )
    monkeypatch.setattr(type(model), "contributions", lambda *args: plain(*args) + 1e-3)
    fast, total = identities.game_gates(subject, game, MASK_WORDS, np.random.default_rng(0), "here", "float64")
    assert fast.passed
    assert total.value == pytest.approx(1e-3 * len(model.index))
    assert not total.passed


def test_an_error_is_measured_in_units_of_the_larger_end(monkeypatch):
    model = tiny_model()
    model.W_U *= 100.0
    found, game = measure(model, MASK_WORDS)
    ends = np.abs(game.value(np.array([[False] * 6, [True] * 6])).sum(1)).max()
    assert ends > 10
    plain = type(game).value
    monkeypatch.setattr(
        type(game), "value", lambda self, masks: plain(self, masks) + 1e-3 * isinstance(self, type(game))
    )
    found, _ = measure(model, MASK_WORDS)
    assert found[0].value == pytest.approx(1e-3 / ends)


def test_a_nan_at_one_coalition_fails(monkeypatch):
    model = tiny_model()
    plain = PlainGame.value

    def broken(self, masks):
        values = plain(self, masks)
        values[3, 2] = np.nan
        return values

    monkeypatch.setattr(PlainGame, "value", broken)
    assert [gate.passed for gate in measure(model, MASK_WORDS)[0]] == [False, True]


def test_views_are_compared_in_every_layer_at_padded_positions_too(monkeypatch):
    model, batch = tiny_model(), tiny_batch(8, 3)
    (gate,) = identities.attention_view_gates(model, batch, "here", "float64")
    assert gate.passed
    for layer, row, pos in [(0, 0, 5), (1, 0, 8), (0, 1, 7), (1, 1, 0)]:
        attention = model.layers[layer].attention
        plain = type(attention).sum_view

        def broken(self, mixed, layer=layer, row=row, pos=pos, plain=plain):
            heads = plain(self, mixed)
            if self is model.layers[layer].attention:
                heads[row, pos, 0, 0] += 1e-6
            return heads

        with monkeypatch.context() as patch:
            patch.setattr(type(attention), "sum_view", broken)
            (gate,) = identities.attention_view_gates(model, batch, "here", "float64")
        assert gate.value == pytest.approx(1e-6)
        assert not gate.passed


def test_only_an_encoder_has_two_views():
    assert identities.attention_view_gates(object(), tiny_batch(3), "here", "float64") == []


def test_components_are_relative_to_their_margin():
    model = tiny_model()
    values = np.zeros((2, len(model.index)))
    values[:, 0] = [200.0, 0.1]
    contributions = Contributions(
        index=model.index, values=values, margin=np.array([201.0, 0.1]), target=np.array([1, 1])
    )
    (gate,) = identities.component_gates(contributions, "here", "float32")
    assert gate.value == pytest.approx(1 / 201)
    assert not gate.passed


def test_no_texts_is_an_error():
    empty = Contributions(
        index=tiny_model().index,
        values=np.empty((0, len(tiny_model().index))),
        margin=np.empty(0),
        target=np.empty(0, dtype=int),
    )
    with pytest.raises(ValueError, match="nothing to check"):
        identities.component_gates(empty, "here", "float64")


@pytest.mark.parametrize("lengths", [(3, 1), (8, 2), (9, 4)], ids=["seven more", "one more", "none left"])
def test_padding_is_added_as_far_as_there_are_positions_else_taken_away(lengths, monkeypatch):
    model, batch = tiny_model(), tiny_batch(*lengths)
    target = torch.tensor([1, 0])
    shapes = []
    plain = type(model).logits

    def watched(self, token_ids, attend):
        shapes.append(tuple(token_ids.shape))
        return plain(self, token_ids, attend)

    monkeypatch.setattr(type(model), "logits", watched)
    (gate,) = identities.padding_gates(model, batch, target, "here", "float64")
    assert gate.passed
    n = 1 + lengths[0]
    longest = TINY.max_words + 1
    expected = [(2, n), (2, min(n + 7, longest))] if n < longest else [(2, 10), (1, 10), (1, 5)]
    assert shapes == expected
    monkeypatch.setattr(type(model), "logits", lambda self, ids, attend: plain(self, ids, torch.ones_like(attend)))
    assert not identities.padding_gates(model, batch, target, "here", "float64")[0].passed
