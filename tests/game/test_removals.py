"""Removal operators: the rows that the model reads, and what they are equal to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.game import REMOVALS
from study.game.coalitions import PlainGame
from study.game.removals import (
    ATTEND_WORDS,
    DELETE_WORDS,
    MASK_WORDS,
    RESAMPLE_WORDS,
    draw_replacements,
    remove_words,
)
from study.model.protocol import margins
from study.records import CLS_ID, MASK_ID, PAD_ID
from tests.tiny import VARIANTS, tiny_model, tiny_text

TEXT = np.array([CLS_ID, 10, 11, 12])
PRESENT = np.array([[True, True, True], [False, True, False], [False, False, False]])
REFERENCE = np.array([5, 5, 5, 6])


def rows(removal, present=PRESENT):
    rng = np.random.default_rng(0)
    token_ids, attend = remove_words(removal, TEXT, present, draw_replacements(removal, 3, REFERENCE, rng))
    assert token_ids.shape == attend.shape == (removal.n_draws, len(present), 4)
    assert attend[:, :, 0].all()  # CLS can always be attended to
    assert (token_ids[:, :, 0] == CLS_ID).all()
    return token_ids, attend


def test_mask_puts_the_mask_token_in_place():
    token_ids, attend = rows(MASK_WORDS)
    assert token_ids[0].tolist() == [[1, 10, 11, 12], [1, MASK_ID, 11, MASK_ID], [1, MASK_ID, MASK_ID, MASK_ID]]
    assert attend.all()


def test_delete_closes_up_and_renumbers():
    token_ids, attend = rows(DELETE_WORDS)
    assert token_ids[0].tolist() == [[1, 10, 11, 12], [1, 11, PAD_ID, PAD_ID], [1, PAD_ID, PAD_ID, PAD_ID]]
    assert attend[0].tolist() == [[True] * 4, [True, True, False, False], [True, False, False, False]]


def test_delete_keeps_the_order_of_what_is_left():
    token_ids, _ = rows(DELETE_WORDS, np.array([[True, False, True]]))
    assert token_ids[0, 0].tolist() == [1, 10, 12, PAD_ID]


def test_attend_hides_words_where_they_are():
    token_ids, attend = rows(ATTEND_WORDS)
    assert (token_ids[0] == TEXT).all()
    assert attend[0].tolist() == [[True] * 4, [True, False, True, False], [True, False, False, False]]


def test_resample_puts_the_same_draws_in_every_coalition():
    token_ids, attend = rows(RESAMPLE_WORDS)
    assert attend.all()
    assert (token_ids[:, 0] == TEXT).all()
    assert (token_ids[:, 1, 2] == 11).all()
    assert np.isin(token_ids[:, 2, 1:], REFERENCE).all()
    assert (token_ids[:, 1, [1, 3]] == token_ids[:, 2, [1, 3]]).all()
    assert len({tuple(draw) for draw in token_ids[:, 2].tolist()}) > 1


def test_replacements_are_fixed_by_the_generator_and_follow_the_counts():
    first, again, other = (
        draw_replacements(RESAMPLE_WORDS, 40, REFERENCE, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (8, 40)
    assert (first == again).all()
    assert (first != other).any()
    assert (first == 5).mean() == pytest.approx(0.75, abs=0.08)


@pytest.mark.parametrize("removal", [MASK_WORDS, DELETE_WORDS, ATTEND_WORDS])
def test_the_others_draw_nothing(removal):
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert draw_replacements(removal, 3, np.array([], dtype=int), rng).tolist() == [[MASK_ID] * 3]
    assert rng.bit_generator.state == before


def value(model, removal, text, present, replacements):
    game = PlainGame(model, text, target=1, removal=removal, replacements=replacements, chunk_size=64)
    return game.value(present).sum(1)


def margin_of(model, token_ids):
    token_ids = torch.as_tensor(np.asarray(token_ids))[None]
    logits = model.logits(token_ids, torch.ones_like(token_ids, dtype=torch.bool))
    return float(margins(logits, torch.tensor([1])))


@pytest.mark.parametrize("variant", ["two layers", "attention only, LayerNorm off"])
def test_values_are_those_of_the_texts_that_the_operators_stand_for(variant):
    model, text = tiny_model(VARIANTS[variant]), tiny_text(6)
    present = np.array([[1, 0, 0, 1, 1, 0], [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]], dtype=bool)
    kept = np.concatenate([np.ones((4, 1), bool), present], 1)
    drawn = draw_replacements(RESAMPLE_WORDS, 6, np.arange(4, 20), np.random.default_rng(0))
    mask = draw_replacements(MASK_WORDS, 6, drawn, np.random.default_rng(0))

    deleted = [margin_of(model, text[k]) for k in kept]  # the shorter text itself, at its own positions
    assert value(model, DELETE_WORDS, text, present, mask) == pytest.approx(deleted, abs=1e-12)
    masked = [margin_of(model, np.where(k, text, MASK_ID)) for k in kept]
    assert value(model, MASK_WORDS, text, present, mask) == pytest.approx(masked, abs=1e-12)
    resampled = [np.mean([margin_of(model, np.where(k, text, [CLS_ID, *draw])) for draw in drawn]) for k in kept]
    assert value(model, RESAMPLE_WORDS, text, present, drawn) == pytest.approx(resampled, abs=1e-12)
    assert len({round(v, 6) for v in (*deleted[:3], *masked[:3], *resampled[:3])}) == 9  # really different games


@pytest.mark.parametrize("variant", ["two layers", "three layers", "attention only, LayerNorm off"])
def test_attend_equals_taking_the_words_out_at_their_old_positions(variant):
    """Without the absent rows' embeddings altogether: hiding a position and not having it are one."""
    model, text = tiny_model(VARIANTS[variant]), tiny_text(6)
    present = np.array([[1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1]], dtype=bool)
    embeddings = model.embed(torch.tensor(text)[None])
    expected = []
    for kept in np.concatenate([np.ones((2, 1), bool), present], 1):
        rest = embeddings[:, torch.tensor(kept)]
        logits = model.logits_of_embeddings(rest, torch.ones(rest.shape[:2], dtype=torch.bool))
        expected.append(float(margins(logits, torch.tensor([1]))))
    mask = np.full((1, 6), MASK_ID)
    found = value(model, ATTEND_WORDS, text, present, mask)
    assert found == pytest.approx(expected, abs=1e-12)
    assert np.abs(found - value(model, DELETE_WORDS, text, present, mask)).min() > 1e-4  # positions do count


def test_every_operator_leaves_the_full_text_alone():
    model, text = tiny_model(), tiny_text(5)
    full = np.ones((1, 5), dtype=bool)
    for name in REMOVALS:
        removal = REMOVALS.load(name)
        drawn = draw_replacements(removal, 5, REFERENCE, np.random.default_rng(0))
        assert removal.name == name
        assert value(model, removal, text, full, drawn)[0] == pytest.approx(margin_of(model, text), abs=1e-12)
