"""One word swapped for one like it: which word, where, and that the model still says the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from study.evaluation.edits import MARGIN_CHANGE, find_edits, stand_ins
from study.model.protocol import margins, target_classes
from study.records import SPECIAL_TOKENS, UNKNOWN_ID
from tests.evaluation.cells import tiny_evaluation, tiny_setting, with_seed
from tests.tiny import N_TOKENS, tiny_batch, tiny_model

ALL = np.ones(N_TOKENS, dtype=bool)


def directions(*angles):
    """[token 2]: after the special tokens, one row a word at these degrees, of different lengths."""
    turned = np.radians([0.0] * len(SPECIAL_TOKENS) + list(angles))
    return np.stack([np.cos(turned), np.sin(turned)], 1) * np.linspace(1, 5, len(turned))[:, None]


def test_the_stand_in_has_the_highest_cosine_whatever_its_length():
    rows = directions(0, 30, 50, 55, 300)
    tokens = np.array([4, 5, 6, 7, 8])
    assert stand_ins(tokens, rows, ALL[: len(rows)]).tolist() == [5, 6, 7, 6, 4]


def test_special_unseen_and_unlike_words_stand_in_for_nothing():
    rows = directions(0, 1, 90, 180)  # the special tokens point where word 4 does
    seen = np.ones(len(rows), dtype=bool)
    assert stand_ins(np.array([4]), rows, seen).tolist() == [5]
    seen[5] = False
    assert stand_ins(np.array([4, 5]), rows, seen).tolist() == [UNKNOWN_ID, 4]  # right angles: no likeness
    assert stand_ins(np.array([UNKNOWN_ID, 1]), rows, seen).tolist() == [UNKNOWN_ID] * 2
    rows[4] = 0.0
    assert stand_ins(np.array([4]), rows, ALL[: len(rows)]).tolist() == [UNKNOWN_ID]
    one_a_word = np.eye(N_TOKENS)
    assert set(stand_ins(np.arange(4, N_TOKENS), one_a_word, ALL)) == {UNKNOWN_ID}


def test_ties_go_to_the_more_frequent_word():
    rows = directions(0, 20, -20, 20)
    assert stand_ins(np.array([4]), rows, ALL[: len(rows)]).tolist() == [5]


def test_edits_keep_the_prediction_and_the_margin_by_the_plain_forward_pass():
    model = tiny_model(n_classes=3, seed=2)
    model.W_U.mul_(3.0)  # large margins, so that words matter
    evaluation = tiny_evaluation(tiny_setting(model, tiny_batch(8, 5, n_classes=3)), edits=8)
    kept = dropped = 0
    for row in (0, 1):
        candidates, edits = find_edits(evaluation, row)
        batch = evaluation.setting.batch
        margin, predicted = plain(model, batch.token_ids[row], batch.attend[row])
        for edit in edits:
            token_ids = np.array(batch.token_ids[row])
            token_ids[edit.index + 1] = evaluation.vocabulary.encode([edit.new_word])[0]
            assert token_ids[edit.index + 1] != batch.token_ids[row, edit.index + 1]
            edited, same = plain(model, token_ids, batch.attend[row])
            assert (edit.margin, edit.edited_margin) == pytest.approx((margin, edited))
            assert same == predicted
            assert abs(edited - margin) <= MARGIN_CHANGE * max(1.0, abs(margin))
            assert candidates.batch.token_ids[edit.row].tolist() == token_ids.tolist()
            assert candidates.batch.words[edit.row][edit.index] == edit.new_word
            assert candidates.batch.example_id[edit.row] == batch.example_id[row]
        kept += len(edits)
        dropped += len(candidates.batch) - 1 - len(edits)
    assert kept > 2
    assert dropped > 0


def test_edits_that_turn_the_prediction_are_dropped_however_small():
    model = tiny_model()
    model.W_U.mul_(0.01)
    setting = tiny_setting(model, tiny_batch(8))
    model.b_U[1] -= setting.contributions.margin[0] - 1e-5  # on the edge
    evaluation = tiny_evaluation(tiny_setting(model, tiny_batch(8)), edits=8)
    candidates, edits = find_edits(evaluation, 0)
    margin = candidates.contributions.margin[1:]
    assert np.abs(margin).max() < MARGIN_CHANGE
    assert 0 < (margin < 0).sum() < len(margin)
    assert {edit.row for edit in edits} == set(1 + np.flatnonzero(margin > 0))


def plain(model, token_ids, attend):
    length = int(attend.sum())
    logits = model.logits(torch.tensor(token_ids[None, :length]), torch.ones(1, length, dtype=torch.bool))
    return margins(logits, target_classes(logits)).item(), logits.argmax(-1).item()


def test_candidates_are_the_same_in_every_training_seed_and_others_in_another_text():
    evaluation = tiny_evaluation(tiny_setting(batch=tiny_batch(9, 9)), edits=9)
    places = [[e.index for e in find_edits(with_seed(evaluation, seed), 0)[1]] for seed in (0, 1)]
    assert places[0] == places[1]
    assert places[0] != sorted(places[0])  # drawn, not read from the left
    batch = evaluation.setting.batch
    twin = replace(batch, token_ids=np.repeat(batch.token_ids[:1], 2, axis=0))  # the same words under another id
    same_words = tiny_evaluation(tiny_setting(batch=twin), edits=9)
    drawn = [[e.index for e in find_edits(same_words, row)[1]] for row in (0, 1)]
    assert sorted(drawn[0]) == sorted(drawn[1])
    assert drawn[0] != drawn[1]
    few = replace(evaluation, config=evaluation.config.model_copy(update={"edits": 2}))
    assert [e.index for e in find_edits(few, 0)[1]] == places[0][:2]
    none = replace(evaluation, config=evaluation.config.model_copy(update={"edits": 0}))
    assert find_edits(none, 0)[1] == []


def test_words_that_training_never_saw_are_not_put_in():
    evaluation = tiny_evaluation(tiny_setting(batch=tiny_batch(9)), edits=9)
    _, edits = find_edits(evaluation, 0)
    seen = np.array([word not in {edit.new_word for edit in edits} for word in evaluation.vocabulary.words])
    _, others = find_edits(replace(evaluation, seen=seen), 0)
    assert edits
    assert others
    assert not {edit.new_word for edit in edits} & {edit.new_word for edit in others}
