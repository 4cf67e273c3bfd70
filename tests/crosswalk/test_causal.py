"""The causal crosswalk: its definition written out, its two margins, and heads planted so that the answer is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from study.config import HeadsConfig
from study.crosswalk.causal import build_causal, relative_error
from study.game import REMOVALS
from study.game.coalitions import PlainGame
from study.game.shapley import all_coalitions, exact_weights
from tests.game.test_heads import make_head_subject, plain_value
from tests.tiny import TINY, VARIANTS, largest, tiny_model

CONFIG = HeadsConfig()


def by_definition(values, n_words, n_heads):
    """cell[i, h] over all orders of the heads, phi over all orders of the words: nothing shared with the code."""

    def gains(table, n):
        """[player ...]: Shapley values along axis 0 of table [coalition ...]."""
        found = np.zeros((n, *table.shape[1:]))
        for order in itertools.permutations(range(n)):
            number = 0
            for player in order:
                found[player] += table[number | 1 << player] - table[number]
                number |= 1 << player
        return found / math.factorial(n)

    by_word = gains(values, n_words)
    return gains(by_word.T, n_heads).T


@pytest.mark.parametrize("variant", ["two layers", "one layer", "one head", "attention only, LayerNorm off"])
def test_cells_are_two_way_shapley_values(variant):
    subject = make_head_subject(tiny_model(VARIANTS[variant]))
    game = subject.new_game()
    values = plain_value(game, all_coalitions(4), all_coalitions(game.n_heads))
    split = build_causal(subject, CONFIG, np.random.default_rng(0))
    assert split.words.plan.exact
    assert split.heads.plan.exact
    wanted = by_definition(values, 4, game.n_heads)
    assert np.abs(wanted).max() > 1e-2
    assert largest(split.crosswalk.cells - wanted) < 1e-12


@pytest.mark.parametrize("removal", list(REMOVALS))
@pytest.mark.parametrize("variant", list(VARIANTS))
def test_rows_are_shap_and_columns_are_the_heads_shapley_values(variant, removal):
    subject = make_head_subject(tiny_model(VARIANTS[variant]), removal=REMOVALS.load(removal))
    split = build_causal(subject, CONFIG, np.random.default_rng(0))
    words = PlainGame(
        subject.model, subject.token_ids, target=1, removal=subject.removal, replacements=subject.replacements,
        chunk_size=64,
    )  # fmt: skip
    shap = exact_weights(4) @ words.value(all_coalitions(4)).sum(1)
    assert largest(split.crosswalk.cells.sum(1) - shap) < 1e-12
    assert largest(split.crosswalk.row_residual) < 1e-12
    game = subject.new_game()
    ends = np.array([[False] * 4, [True] * 4])
    values = plain_value(game, ends, all_coalitions(game.n_heads))
    heads = exact_weights(game.n_heads) @ (values[1] - values[0])
    assert largest(split.crosswalk.cells.sum(0) - heads) < 1e-12
    assert largest(split.crosswalk.column_residual) < 1e-12


def test_leave_one_out_is_what_ablation_takes_from_the_score():
    subject = make_head_subject(tiny_model())
    split = build_causal(subject, CONFIG, np.random.default_rng(0))
    game = subject.new_game()
    for head in range(4):
        kept = np.ones((2, 4), bool)
        kept[1, head] = False
        shap = exact_weights(4) @ plain_value(game, all_coalitions(4), kept)
        assert largest(split.leave_one_out[:, head] - (shap[:, 0] - shap[:, 1])) < 1e-12


def test_a_head_that_writes_nothing_has_an_empty_column_and_a_lonely_head_carries_all():
    model = tiny_model()
    with torch.no_grad():
        model.layers[0].attention.W_O[0] = 0
    split = build_causal(make_head_subject(model), CONFIG, np.random.default_rng(0))
    assert largest(split.crosswalk.cells[:, 0]) < 1e-15
    assert largest(split.leave_one_out[:, 0]) < 1e-15
    with torch.no_grad():
        for layer, head in ((0, 1), (1, 1)):
            model.layers[layer].attention.W_O[head] = 0
    lonely = build_causal(make_head_subject(model), CONFIG, np.random.default_rng(0))
    assert largest(lonely.crosswalk.cells[:, 2] - lonely.words.scores) < 1e-12
    assert largest(lonely.crosswalk.cells[:, [0, 1, 3]]) < 1e-12
    assert np.abs(lonely.words.scores).max() > 1e-2


def test_an_indirect_head_is_seen():
    """Layer 0's heads write off the readout at CLS, so their direct table is empty; the causal one is not."""
    model = tiny_model(TINY.model_copy(update={"d_mlp": 0}))
    direction, _ = model.readout(torch.tensor([1]))
    u = direction[0] / direction[0].norm()
    with torch.no_grad():
        attention = model.layers[0].attention
        attention.W_O -= torch.einsum("hed,d,f->hef", attention.W_O, u, u)
    subject = make_head_subject(model)
    ids = torch.tensor(subject.token_ids)[None]
    direct = model.contributions(ids, torch.ones_like(ids, dtype=torch.bool), torch.tensor([1]))[0, 1:3]
    assert largest(direct) < 1e-12
    split = build_causal(subject, CONFIG, np.random.default_rng(0))
    assert np.abs(split.crosswalk.cells[:, :2]).max() > 0.05 * np.abs(split.crosswalk.cells).max()


def test_sampled_over_words_and_heads_keeps_both_margins():
    config = CONFIG.model_copy(
        update={"crosswalk_exact_words": 3, "crosswalk_word_coalitions": 64, "crosswalk_exact_heads": 2,
                "crosswalk_head_coalitions": 40}
    )  # fmt: skip
    subject = make_head_subject(tiny_model(VARIANTS["four wide heads"]), n_words=8)
    split = build_causal(subject, config, np.random.default_rng(0))
    assert not split.words.plan.exact
    assert not split.heads.plan.exact
    assert len(split.words.plan.masks) == 64
    assert len(split.heads.plan.masks) == 40
    assert split.n_evals == 64 * (40 + 8)
    assert largest(split.crosswalk.row_residual) < 1e-9
    assert largest(split.crosswalk.column_residual) < 1e-9
    exact = build_causal(subject, CONFIG, np.random.default_rng(0))
    assert exact.words.plan.exact
    assert exact.heads.plan.exact
    assert 0 < relative_error(split.crosswalk.cells - exact.crosswalk.cells, exact.crosswalk.cells) < 0.5
    assert (split.words.error > 0).all()
    assert (split.heads.error > 0).all()
    assert (exact.words.error == 0).all()
    assert (exact.heads.error == 0).all()


@pytest.mark.parametrize(("n_words", "n_cut"), [(0, 0), (0, 2), (1, 0), (3, 2)])
def test_words_that_do_not_fit_have_no_cells(n_words, n_cut):
    split = build_causal(make_head_subject(tiny_model(), n_words, n_cut), CONFIG, np.random.default_rng(0))
    assert split.crosswalk.cells.shape == (n_words + n_cut, 4)
    assert np.isfinite(split.crosswalk.cells[:n_words]).all()
    assert np.isnan(split.crosswalk.cells[n_words:]).all()
    assert np.isnan(split.leave_one_out[n_words:]).all()
    assert np.isfinite(split.heads.scores).all()


def test_chunks_and_repetition_do_not_matter():
    model = tiny_model()
    one = build_causal(make_head_subject(model, 8), CONFIG, np.random.default_rng(0))
    two = build_causal(make_head_subject(model, 8, chunk_size=5), CONFIG, np.random.default_rng(0))
    assert largest(one.crosswalk.cells - two.crosswalk.cells) < 1e-12


def test_a_relative_error_of_nothing_is_undefined():
    assert np.isnan(relative_error(np.zeros(3), np.zeros(3)))
    assert relative_error(np.array([3.0, 4.0]), np.array([0.0, 10.0])) == pytest.approx(0.5)
