"""What every registered head method must do, on every shape of encoder."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from study.config import HeadsConfig
from study.heads import HEAD_METHODS
from study.records import UNSIGNED_HEAD_METHODS
from tests.heads.batches import CONFIG, TEXTS, head_batch
from tests.tiny import VARIANTS, largest, tiny_batch, tiny_model

KINDS = {
    **dict.fromkeys(("direct_raw", "direct_centred", "direct_beyond_empty"), "direct"),
    **dict.fromkeys(("ablation_zero", "ablation_mean", "ablation_resample", "ablation_zero_pairs"), "causal"),
    **dict.fromkeys(("leave_one_out", "shapley", "lime", "shapley_margin"), "causal"),
    **dict.fromkeys(("attention_norm", "attention_confidence", "random"), "other"),
}
DRAWING = {"random", "lime"}  # from the training seed


@pytest.fixture(scope="module")
def batches():
    texts = tiny_batch(9, 1, 0, 4, n_cut=2)
    return {
        (name, n): head_batch(tiny_model(config, n_classes=n), texts, config=CONFIG)
        for name, config in VARIANTS.items()
        for n in (2, 3)
    }


def scores_of(method, batch, config=CONFIG):
    return np.array([found.scores for found in HEAD_METHODS.load(method)(batch, config)])


def test_the_config_lists_them_all_by_default():
    assert tuple(HEAD_METHODS) == HeadsConfig().methods
    assert set(HEAD_METHODS) == set(KINDS)
    assert set(HEAD_METHODS) >= UNSIGNED_HEAD_METHODS


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_one_record_a_text_one_score_a_head(batches, variant, n_classes):
    batch = batches[variant, n_classes]
    for method in HEAD_METHODS:
        found = HEAD_METHODS.load(method)(batch, CONFIG)
        assert [r.example_id for r in found] == ["t0", "t1", "t2", "t3"]
        for record in found:
            assert record.method == method
            assert record.kind == KINDS[method]
            assert (record.ablation is not None) == (record.kind == "causal")
            assert record.scores.shape == batch.shape
            assert np.isfinite(record.scores).all()
            assert record.error is None  # all subsets are known here
            assert record.seconds >= 0
        assert np.abs(found[0].scores).min() > 1e-8, method


@pytest.mark.parametrize("method", HEAD_METHODS)
def test_a_texts_scores_do_not_depend_on_the_others_in_its_batch(method):
    """Nor on their length, which is its padding: each text alone, in another order, and beside longer ones."""
    model = tiny_model()
    together = scores_of(method, head_batch(model))
    for row in range(3):
        one = type(TEXTS)(
            example_id=TEXTS.example_id[row : row + 1],
            text=TEXTS.text[row : row + 1],
            words=TEXTS.words[row : row + 1],
            token_ids=TEXTS.token_ids[row : row + 1, : TEXTS.attend[row].sum()],
            attend=TEXTS.attend[row : row + 1, : TEXTS.attend[row].sum()],
            word_of_token=TEXTS.word_of_token[row : row + 1, : TEXTS.attend[row].sum()],
            label=TEXTS.label[row : row + 1],
        )
        assert largest(scores_of(method, head_batch(model, one))[0] - together[row]) < 1e-12


@pytest.mark.parametrize("method", HEAD_METHODS)
def test_the_training_seed_decides_what_is_drawn_and_nothing_else(method):
    model = tiny_model()
    first = scores_of(method, head_batch(model))
    assert np.array_equal(first, scores_of(method, head_batch(model)))
    assert np.array_equal(first, scores_of(method, head_batch(model, seed=1))) == (method not in DRAWING)
    shared_draws = scores_of(method, head_batch(model, data_seed=1))
    assert np.array_equal(first, shared_draws) == (method != "ablation_resample")


@pytest.mark.parametrize("method", HEAD_METHODS)
def test_documented(method):
    assert len(inspect.getdoc(HEAD_METHODS.load(method))) > 50
