"""What fools which method: every head of the hand-built models against scores derived by hand (derived_scores)."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from study.config import ExplainConfig
from study.features.attention import explain_attention
from study.game.removals import MASK_WORDS
from study.game.subject import make_subject
from study.heads.players import interactions
from study.records import MASK_ID
from study.tasks import TASKS
from study.tasks.language import BIAS, GAIN, N_WORDS, NOISE
from tests.heads.circuits import circuit, tensors_of, text_batch
from tests.heads.derived_scores import CLOSE, METHODS, rule_of, values
from tests.tiny import largest

NAMES = tuple(TASKS)
GAZED = {
    "single": ("plus", "minus"),
    "context": ("a", "b", "c"),
    "order": ("x", "y"),
    "negation": ("good", "bad"),
    "majority": ("p", "q"),
    "induction": ("plus", "minus"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NAMES)
def test_every_head_scores_what_is_derived_by_hand(name, method):
    found = circuit(name)
    for spec in found.task.heads:
        assert found.scores(method, spec.name) == pytest.approx(values(name, method, spec.name), abs=CLOSE), spec.name


@pytest.mark.parametrize("name", NAMES)
def test_the_texts_tell_the_cases_apart(name):
    found = circuit(name)
    for word in ("z", "n1"):
        assert {word in words for words in found.texts} == {True, False}
    assert {rule_of(name)(words) > 0 for words in found.texts} == {True, False}
    if name == "negation":
        assert len({values(name, "ablation_mean", "NegScope")[i] for i in range(len(found.texts))}) == 3
    if name == "context":
        assert set(values(name, "ablation_mean", "Context")) == {-2, 0, 2}


@pytest.mark.parametrize("name", NAMES)
def test_norm_fools_the_size_of_what_is_written_and_nothing_else(name):
    """Uniform attention, 30 for a noise word: 3 of each in the text, on four axes at right angles."""
    found = circuit(name)
    counts = [Counter(w for w in words if w in NOISE) for words in found.texts]
    norms = [3 * math.sqrt(sum(n * n for n in count.values())) for count in counts]
    assert found.raw("attention_norm", "Norm") == pytest.approx(norms, abs=CLOSE)
    others = [found.raw("attention_norm", spec.name) for spec in found.task.heads if spec.name != "Norm"]
    assert (found.raw("attention_norm", "Norm") > 1.1 * np.max(others, axis=0)).all()
    assert found.raw("attention_confidence", "Norm") == pytest.approx(1 / (N_WORDS + 1))
    for method in (*METHODS, "ablation_resample", "ablation_zero_pairs"):
        assert largest(found.scores(method, "Norm")) < CLOSE, method


@pytest.mark.parametrize("name", NAMES)
def test_bias_fools_what_looks_at_the_write_itself_and_zero(name):
    """It looks like more than the average head that answers; whatever compares with other texts sees nothing."""
    found = circuit(name)
    for method in ("direct_raw", "ablation_zero", "ablation_zero_pairs"):
        assert found.scores(method, "Bias") == pytest.approx(BIAS, abs=CLOSE)
    assert found.raw("attention_norm", "Bias") == pytest.approx(BIAS, abs=CLOSE)
    assert largest(found.raw("attention_confidence", "Bias")) < CLOSE
    for method in set(METHODS) - {"direct_raw", "ablation_zero"} | {"ablation_resample"}:
        assert largest(found.scores(method, "Bias")) < CLOSE, method


@pytest.mark.parametrize("name", NAMES)
def test_gazer_fools_attention_and_nothing_else(name):
    found = circuit(name)
    weights = [1 / sum(word in GAZED[name] for word in words) for words in found.texts]
    assert found.raw("attention_confidence", "Gazer") == pytest.approx(weights, abs=CLOSE)
    for method in (*METHODS, "ablation_resample", "ablation_zero_pairs"):
        assert largest(found.scores(method, "Gazer")) < CLOSE, method
    assert largest(found.raw("attention_norm", "Gazer")) < CLOSE


@pytest.mark.parametrize("name", NAMES)
def test_each_of_the_cancelling_heads_fools_every_score_of_single_heads(name):
    """Three times what a head that answers writes: in texts with z for what words do, without it beside the mean."""
    found = circuit(name)
    with_z = np.array(["z" in words for words in found.texts])
    share = np.mean(["z" in words for words in found.reference])
    assert 0.5 < share < 1
    for head, factor in (("Cancel+", 3), ("Cancel-", -3)):
        for method in ("shapley", "leave_one_out", "direct_raw", "direct_beyond_empty", "ablation_zero"):
            assert found.scores(method, head) == pytest.approx(factor * with_z, abs=CLOSE), method
        for method in ("direct_centred", "ablation_mean", "shapley_margin"):
            assert found.scores(method, head) == pytest.approx(factor * (with_z - share), abs=CLOSE), method
        assert found.raw("attention_norm", head) == pytest.approx(3 * with_z, abs=CLOSE)
        shared = [1 / words.count("z") if "z" in words else 0 for words in found.texts]
        assert found.raw("attention_confidence", head) == pytest.approx(shared, abs=CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_taken_out_together_the_cancelling_heads_do_nothing(name):
    found = circuit(name)
    for ablation in ("zero", "mean", "resample"):
        assert largest(found.group(ablation, "Cancel+", "Cancel-")) < CLOSE, ablation
        assert np.abs(found.scores(f"ablation_{ablation}", "Cancel+")).max() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_no_interaction_shows_the_cancelling_heads(name):
    found = circuit(name)
    pair = tuple(sorted((found.number("Cancel+"), found.number("Cancel-"))))
    for play in found.batch.plays:
        for game in (play.words_effect, play.full):
            pairs, value = interactions(play.plan, game)
            assert abs(value[pairs.index(pair)]) < CLOSE * GAIN


def attention_to_words(found, row):
    """[word], the explainer of words."""
    texts = text_batch(found.task, found.texts)
    subject = make_subject(
        found.batch.model,
        texts,
        row,
        target=1,
        removal=MASK_WORDS,
        replacements=np.full((1, N_WORDS), MASK_ID),
        chunk_size=64,
    )
    return explain_attention(subject, ExplainConfig(), np.random.default_rng(0)).scores


def blind(model, layer, head):
    """The head then looks everywhere alike."""
    model.layers[layer].attention.W_Q[head] = 0.0


@pytest.mark.parametrize("name", NAMES)
def test_gazer_pulls_the_attention_explainer_to_its_words(name):
    """By 1 / number of heads, shared among its words. No margin depends on it: attention is not explanation.

    It looks at words that decide, so attention finds these by a head that does nothing; it finds those of `single`,
    `order` and `majority` by this head alone, for the heads that answer there stand in the layer below.
    """
    found = circuit(name)
    n_heads = found.batch.shape[1]
    model = found.batch.model
    before = [attention_to_words(found, row) for row in range(3)]
    margin = model.logits(*tensors_of(found))
    weights = model.layers[1].attention.W_Q.clone()
    blind(model, *found.place("Gazer"))
    after = [attention_to_words(found, row) for row in range(3)]
    changed = model.logits(*tensors_of(found)) - margin
    model.layers[1].attention.W_Q.copy_(weights)
    assert largest(changed) == 0
    for words, with_it, without in zip(found.texts, before, after, strict=False):
        gazed = np.array([word in GAZED[name] for word in words])
        assert with_it - without == pytest.approx((gazed / gazed.sum() - 0.1) / n_heads, abs=CLOSE)
        if name in ("single", "order", "majority"):
            assert np.ptp(without) < CLOSE
            assert set(np.flatnonzero(with_it > with_it.min() + CLOSE)) == set(np.flatnonzero(gazed))
