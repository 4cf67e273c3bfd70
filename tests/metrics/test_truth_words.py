"""Scores of words against known truth: closed forms, and what each score can and cannot see on every task."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.metrics import WORD_SCORES
from study.metrics.ties import TruthScore
from study.metrics.truth import reversed_scores, score_words
from tests.metrics.known_texts import N_WORDS, TEXTS

SCORES: dict[str, TruthScore] = {name: WORD_SCORES.load(name) for name in WORD_SCORES}
N_DRAWS = 300
UNKNOWN = np.full(N_WORDS, np.nan)


def _better(name: str, a: float, b: float) -> bool:
    return a > b if SCORES[name].direction == "higher" else a < b


def _chance(task: str) -> dict[str, float]:
    """Every score of random scores, mean over many draws."""
    rng = np.random.default_rng(0)
    draws = [score_words(rng.standard_normal(N_WORDS), *TEXTS[task], signed=True) for _ in range(N_DRAWS)]
    return {name: float(np.mean([draw[name] for draw in draws])) for name in SCORES}


def _score(task: str, scores: np.ndarray, **options) -> dict[str, float]:
    return score_words(scores, *TEXTS[task], **{"signed": True} | options)


CHANCE = {task: _chance(task) for task in TEXTS}
BLIND = {  # one truth word that is owed anything: there is nothing to share out
    (task, "min_share_score")
    for task in ("single", "single, other side", "context, absent", "negation, in scope", "negation, decoy")
}


@pytest.mark.parametrize("task", TEXTS)
@pytest.mark.parametrize("name", SCORES)
def test_oracle_above_random_above_reversed(task, name):
    oracle = TEXTS[task][1]
    best, chance, worst = _score(task, oracle)[name], CHANCE[task][name], _score(task, reversed_scores(oracle))[name]
    if (task, name) in BLIND:
        assert math.isnan(best) and math.isnan(chance) and math.isnan(worst)  # noqa: PT018 - one statement
        return
    assert _better(name, best, chance)
    assert _better(name, chance, worst)


WRONG = {
    "sign flipped": lambda oracle: -oracle,
    "shifted by one word": lambda oracle: np.roll(oracle, 1),
    "constant": np.ones_like,
}


@pytest.mark.parametrize("task", TEXTS)
@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_explanation_is_caught_by_some_score(task, mistake):
    """Caught: it reaches no more than a twentieth of the way from chance to the oracle."""
    best, found = _score(task, TEXTS[task][1]), _score(task, WRONG[mistake](TEXTS[task][1]))
    reached = {n: (found[n] - CHANCE[task][n]) / (best[n] - CHANCE[task][n]) for n in SCORES if not np.isnan(best[n])}
    assert min(reached.values()) <= 0.05


def test_a_shift_keeps_precision_and_share_where_truth_words_stand_together():
    """Negation in scope, shifted: "not" gets nothing and the word all. Only signs and the oracle tell."""
    best, found = (
        _score("negation, in scope", f(TEXTS["negation, in scope"][1])) for f in (np.copy, WRONG["shifted by one word"])
    )
    for name in ("precision_at_truth_score", "average_precision_score", "attribution_share_score"):
        assert found[name] == best[name]
    assert found["sign_accuracy_score"] == 0.0
    assert found["oracle_spearman_score"] < 0


@pytest.mark.parametrize("task", TEXTS)
def test_the_oracle_reaches_the_bound_where_it_can(task):
    found = _score(task, 3.7 * TEXTS[task][1])
    assert found["sign_accuracy_score"] == 1.0
    assert found["oracle_spearman_score"] == pytest.approx(1.0)
    assert found["oracle_distance_error"] == pytest.approx(0.0, abs=1e-12)
    if task != "negation, in scope":
        assert found["precision_at_truth_score"] == 1.0
        assert found["average_precision_score"] == 1.0


@pytest.mark.parametrize("task", TEXTS)
def test_flipped_signs_turn_the_scores_that_look_at_signs_and_no_others(task):
    found, best = _score(task, -TEXTS[task][1]), _score(task, TEXTS[task][1])
    turned = {"sign_accuracy_score": 0.0, "oracle_spearman_score": -1.0, "oracle_distance_error": 1.0}
    assert found == pytest.approx(best | turned, nan_ok=True)


def test_negation_in_scope_is_the_number_worked_out_by_hand():
    found = _score("negation, in scope", TEXTS["negation, in scope"][1])
    assert found["precision_at_truth_score"] == (1 + 1 / 8) / 2
    places = [1 + 2 / place for place in range(2, N_WORDS + 1)]  # the word at each place with equal chance
    assert found["average_precision_score"] == pytest.approx(np.mean(places) / 2)
    assert found["attribution_share_score"] == 1.0


def test_leakage_of_hand_built_heads_changes_nothing():
    leaking = TEXTS["negation, in scope"][1] + np.linspace(-1e-5, 1e-5, N_WORDS)
    found, clean = _score("negation, in scope", leaking), _score("negation, in scope", TEXTS["negation, in scope"][1])
    for name in ("precision_at_truth_score", "average_precision_score", "sign_accuracy_score", "oracle_spearman_score"):
        assert found[name] == clean[name]


def test_context_share_is_that_of_the_oracle():
    assert _score("context", TEXTS["context"][1])["attribution_share_score"] == pytest.approx((10 / 6) / (14 / 6))


def test_min_share_is_relative_to_what_is_due():
    scores = np.zeros(N_WORDS)
    scores[[2, 6]] = [1.0, -1.0]  # due: 1.5 and -0.5
    assert _score("order", scores)["min_share_score"] == pytest.approx((1 / 1.5) / (1 / 0.5))
    scores[6] = 0.0
    assert _score("order", scores)["min_share_score"] == 0.0
    scores[[2, 3]] = [1e-9, 1.0]  # no truth word is told from nothing
    assert _score("order", scores)["min_share_score"] == 0.0


def test_min_share_without_an_oracle_is_the_plain_ratio():
    relevant, scores = TEXTS["order"][0], np.zeros(N_WORDS)
    scores[[2, 6]] = [-0.8, 0.2]
    assert score_words(scores, relevant, UNKNOWN, signed=True)["min_share_score"] == pytest.approx(0.25)


def test_a_score_of_nothing_has_the_wrong_sign():
    scores = TEXTS["majority of three"][1].copy()
    scores[3] = 5e-4
    assert _score("majority of three", scores)["sign_accuracy_score"] == pytest.approx(2 / 3)
    scores[3] = 2e-3
    assert _score("majority of three", scores)["sign_accuracy_score"] == 1.0


@pytest.mark.parametrize(("push", "wanted"), [(1.0, 0.5), (-1.0, 0.5), (math.nan, math.nan)])
def test_without_an_oracle_truth_words_ought_to_push_to_the_known_side(push, wanted):
    relevant, oracle = TEXTS["order"]
    found = score_words(oracle, relevant, UNKNOWN, signed=True, push=push)
    assert found["sign_accuracy_score"] == pytest.approx(wanted, nan_ok=True)
    assert math.isnan(found["oracle_spearman_score"])
    assert math.isnan(found["oracle_distance_error"])
    assert found["precision_at_truth_score"] == 1.0


def test_signs_of_unsigned_methods_mean_nothing():
    found = _score("order", np.abs(TEXTS["order"][1]), signed=False)
    undefined = {name for name, value in found.items() if math.isnan(value)}
    assert undefined == {"sign_accuracy_score", "oracle_spearman_score", "oracle_distance_error"}
    assert found["min_share_score"] == 1.0


def test_distance_is_the_sine_of_the_angle_to_the_oracle():
    scores = np.zeros(N_WORDS)
    scores[2] = 7.0
    relevant, oracle = TEXTS["order"]
    assert score_words(scores, relevant, oracle, signed=True)["oracle_distance_error"] == pytest.approx(0.5 / 2.5**0.5)
    assert score_words(-scores, relevant, oracle, signed=True)["oracle_distance_error"] == 1.0


def test_no_attribution_at_all():
    found = _score("order", np.zeros(N_WORDS))
    assert found["precision_at_truth_score"] == pytest.approx(2 / 9)
    assert found["sign_accuracy_score"] == 0.0
    assert found["oracle_distance_error"] == 1.0
    for name in ("attribution_share_score", "min_share_score", "oracle_spearman_score"):
        assert math.isnan(found[name])


def test_a_text_without_truth_words_is_undefined():
    found = score_words(np.ones(3), np.zeros(3, bool), np.array([1.0, 0.0, 0.0]), signed=True)
    assert list(found) == list(WORD_SCORES)
    assert np.isnan(list(found.values())).all()


def test_a_text_of_truth_words_alone_has_no_wrong_choice():
    found = score_words(np.array([3.0, 1.0]), np.ones(2, bool), np.ones(2), signed=True)
    for name in ("precision_at_truth_score", "average_precision_score", "attribution_share_score"):
        assert math.isnan(found[name])
    assert found["min_share_score"] == pytest.approx(1 / 3)


def test_words_beyond_the_model_are_left_out():
    relevant, oracle = TEXTS["order"]
    longer = [np.append(part, more) for part, more in ((oracle + 0.3, np.nan), (relevant, True), (oracle, 9.0))]
    assert score_words(*longer, signed=True) == pytest.approx(_score("order", oracle + 0.3))


@pytest.mark.parametrize(
    ("scores", "relevant", "oracle", "message"),
    [
        ([1.0, 2.0], [True], [1.0, 2.0], "2 scores, 1 truth marks and 2 oracle values"),
        ([1.0, np.inf], [True, False], [1.0, 0.0], "infinite"),
        ([1.0, 2.0], [True, False], [1.0, np.nan], "for all words of a text, or for none"),
    ],
)
def test_bad_input_is_refused(scores, relevant, oracle, message):
    with pytest.raises(ValueError, match=message):
        score_words(np.array(scores), np.array(relevant), np.array(oracle), signed=True)


WORDS = st.lists(st.tuples(st.integers(-8, 8), st.booleans(), st.integers(-4, 4)), min_size=1, max_size=9)


@settings(max_examples=80, deadline=None)
@given(WORDS, st.floats(1e-3, 1e3), st.randoms(use_true_random=False))
def test_scale_and_place_of_words_do_not_matter(words, scale, random):
    plain = score_words(*_columns(words), signed=True)
    scores, relevant, oracle = _columns(words)
    assert score_words(scale * scores, relevant, oracle, signed=True) == pytest.approx(plain, nan_ok=True, abs=1e-7)
    assert score_words(scores, relevant, scale * oracle, signed=True) == pytest.approx(plain, nan_ok=True, abs=1e-7)
    random.shuffle(words)
    assert score_words(*_columns(words), signed=True) == pytest.approx(plain, nan_ok=True, abs=1e-7)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.booleans(), st.floats(-9, 9)), min_size=1, max_size=9))
def test_every_score_keeps_its_bounds(words):
    for name, value in score_words(*_columns(words), signed=True).items():
        low, high = SCORES[name].bounds
        assert math.isnan(value) or low <= value <= high, name


def _columns(words) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, relevant, oracle = zip(*words, strict=True)
    return np.array(scores, dtype=float), np.array(relevant), np.array(oracle, dtype=float)


@pytest.mark.parametrize("name", SCORES)
def test_names_say_which_way_is_better(name):
    score = SCORES[name]
    assert score.name == name
    assert name.endswith({"higher": "_score", "lower": "_error"}[score.direction])
    assert score.means
    assert score.source


def test_rounding_gives_a_word_no_side():
    """Exact values of words that do nothing come out as 1e-17 now and then, of either sign."""
    assert reversed_scores(np.array([1e-17, 1.0, -1e-17])).tolist() == [1.0, 0.0, 1.0]
