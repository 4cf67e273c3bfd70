"""The table of head subsets of one text, the interactions read off it, and the subsets beyond it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from study.errors import ConfigError
from study.game.removals import ATTEND_WORDS, DELETE_WORDS, MASK_WORDS, RESAMPLE_WORDS
from study.game.shapley import ShapleyPlan, all_coalitions
from study.heads.players import HeadPlay, interactions, play_heads, word_ends, words_effects
from tests.heads.batches import CONFIG, head_batch
from tests.heads.test_ablation import margin_without
from tests.tiny import TINY, VARIANTS, largest, tensors, tiny_batch, tiny_model

SAMPLED = CONFIG.model_copy(update={"exact_limit": 3, "head_coalitions": 64})
EIGHT = VARIANTS["four wide heads"]


def play_interactions(play):
    """In the effect of the words."""
    return interactions(play.plan, play.words_effect)


def made_up(values) -> HeadPlay:
    """A play whose words' effect is `values`, spread over its two ends."""
    values = np.asarray(values, dtype=float)
    n = int(math.log2(len(values)))
    empty = np.random.default_rng(0).normal(size=len(values))
    plan = ShapleyPlan(masks=all_coalitions(n), exact=True)
    return HeadPlay(plan=plan, full=values + empty, empty=empty, n_evals=0, seconds=0.0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_table_equals_plain_forward_passes(variant):
    """Every subset of heads, on the text and on the text with every word masked."""
    model = tiny_model(VARIANTS[variant], n_classes=3)
    texts = tiny_batch(4, 0)
    batch = head_batch(model, texts)
    masked = type(texts)(
        **{name: getattr(texts, name) for name in ("example_id", "text", "words", "attend", "word_of_token", "label")},
        token_ids=np.where(texts.word_of_token >= 0, 2, texts.token_ids),
    )
    empty_batch = type(batch)(
        **{name: getattr(batch, name) for name in batch.__slots__ if name != "token_ids"},
        token_ids=tensors(masked)[0],
    )
    fill = batch.reference.mean_fill()
    places = list(itertools.product(*map(range, batch.shape)))
    for row, play in enumerate(batch.plays):
        assert play.plan.exact
        assert len(play.full) == 2 ** len(places)
        assert play.n_evals == 2 * len(play.full)
        assert play.seconds > 0
        for subset in range(0, len(play.full), max(1, len(play.full) // 16)):
            removed = [place for place, kept in zip(places, play.plan.masks[subset], strict=True) if not kept]
            full, empty = (margin_without(some, row, removed, fill) for some in (batch, empty_batch))
            assert play.full[subset] == pytest.approx(full, abs=1e-12)
            assert play.empty[subset] == pytest.approx(empty, abs=1e-12)
            assert play.words_effect[subset] == pytest.approx(full - empty, abs=1e-12)
    assert largest(batch.plays[1].words_effect) == 0  # no words, no effect
    assert batch.plays[0].full[-1] == pytest.approx(batch.margin[0], abs=1e-12)
    assert batch.plays[0].empty[-1] == pytest.approx(batch.empty[0].sum(), abs=1e-12)


@pytest.mark.parametrize("removal", [MASK_WORDS, DELETE_WORDS, ATTEND_WORDS, RESAMPLE_WORDS], ids=lambda r: r.name)
def test_without_heads_words_do_nothing(removal):
    """With every head at its mean nothing reaches the readout; the game's other subsets see the removal operator."""
    batch = head_batch(tiny_model(), removal=removal)
    for play in batch.plays:
        assert abs(play.words_effect[0]) < 1e-12
        assert np.abs(play.words_effect[1:]).max() > 1e-4


def test_above_the_limit_the_asked_number_of_subsets_in_pairs():
    model = tiny_model(EIGHT)
    batch = head_batch(model, config=SAMPLED)
    exact = head_batch(model)
    for play, known in zip(batch.plays, exact.plays, strict=True):
        assert not play.plan.exact
        assert play.plan.masks.shape == (64, 8)
        assert play.n_evals == 2 * 64
        assert np.array_equal(play.plan.masks, ~play.plan.masks[::-1])
        numbers = play.plan.masks @ (1 << np.arange(8))
        assert len(set(numbers.tolist())) == 64
        assert largest(play.full - known.full[numbers]) < 1e-12
        assert largest(play.empty - known.empty[numbers]) < 1e-12
    first, second = (play_heads(batch.subjects[0], SAMPLED, np.random.default_rng(s)).plan.masks for s in (0, 1))
    assert not np.array_equal(first, second)


def test_too_few_subsets_for_the_heads():
    model = tiny_model(TINY.model_copy(update={"n_layers": 3, "n_heads": 8, "d_head": 2}))
    subject = head_batch(model, config=SAMPLED.model_copy(update={"head_coalitions": 512})).subjects[0]
    message = "heads.head_coalitions is 64, too few for a model of 24 heads: at least 100 are needed; raise"
    with pytest.raises(ConfigError, match=message):
        play_heads(subject, SAMPLED, np.random.default_rng(0))


def test_word_ends():
    assert word_ends(3).tolist() == [[False] * 3, [True] * 3]
    assert word_ends(0).shape == (2, 0)


@pytest.mark.parametrize("config", [CONFIG, SAMPLED], ids=["from the table", "evaluated"])
def test_effects_of_any_subsets(config):
    model = tiny_model(EIGHT)
    batch, known = head_batch(model, config=config), head_batch(model).plays[0]
    asked = np.random.default_rng(0).random((40, 8)) < 0.5
    asked[20:30] = asked[:10]  # repeats
    found, n_evals = words_effects(batch.subjects[0], batch.plays[0], asked)
    assert largest(found - known.words_effect[asked @ (1 << np.arange(8))]) < 1e-12
    assert n_evals == (0 if config is CONFIG else 2 * len(np.unique(asked, axis=0)))


def test_interactions_in_closed_form():
    """u = sum of products: a product of k heads gives each of its pairs coefficient / (k - 1)."""
    masks = all_coalitions(4)
    terms = {(0,): 5.0, (0, 1): 2.0, (1, 2): -3.0, (0, 1, 3): 1.5, (0, 1, 2, 3): 0.6}
    u = sum(c * masks[:, list(term)].all(axis=1) for term, c in terms.items())
    pairs, found = play_interactions(made_up(u))
    expected = {pair: sum(c / (len(term) - 1) for term, c in terms.items() if set(pair) <= set(term)) for pair in pairs}
    assert pairs == list(itertools.combinations(range(4), 2))
    assert found == pytest.approx(list(expected.values()), abs=1e-12)


def test_interactions_of_two_heads_are_what_they_do_together_beyond_each_alone():
    pairs, found = play_interactions(made_up([1.0, 3.0, 4.0, 10.0]))
    assert pairs == [(0, 1)]
    assert found == pytest.approx([10 - 3 - 4 + 1])


def test_one_head_has_no_pairs():
    pairs, found = play_interactions(made_up([0.0, 1.0]))
    assert pairs == []
    assert found.shape == (0,)


def test_interactions_are_undefined_where_subsets_are_sampled():
    play = head_batch(tiny_model(EIGHT), config=SAMPLED).plays[0]
    pairs, found = play_interactions(play)
    assert pairs == list(itertools.combinations(range(8), 2))
    assert found.shape == (28,)
    assert np.isnan(found).all()
    assert np.isfinite(play_interactions(head_batch(tiny_model(EIGHT)).plays[0])[1]).all()
