"""Faithfulness metrics of one explanation: closed forms, a literal oracle, what is undefined, and self-tests."""

from __future__ import annotations

import math

import numpy as np
import pytest

from study.features.shapley import compute_exact
from study.game import REMOVALS
from study.game.coalitions import PlainGame
from study.game.fast import FastEncoderGame
from study.game.removals import draw_replacements
from study.metrics import FAITHFULNESS
from study.metrics.faithfulness import draw_removals, make_claim, measure, perturb
from study.tasks import TASKS
from tests.metrics.perturbed_games import (
    additive,
    assert_oracle_beats_random_beats_flipped,
    perturbed,
    polynomial,
    shapley_of,
    values_of,
)
from tests.tasks.hand_built import NAMES, build, draw_texts, token_rows

FIVE = np.array([3.0, -1.0, 2.0, 0.5, 0.0])  # sums to 4.5


def test_registry_knows_what_each_metric_is():
    for name in FAITHFULNESS:
        metric = FAITHFULNESS.load(name)
        assert metric.name == name
        assert name.endswith("_score" if metric.direction == "higher" else "_error")
        assert metric.bounds[0] < metric.bounds[1]
        assert metric.means
        assert metric.source


def test_closed_form_of_an_additive_game():
    """Words go as 0, 2, 3, 4, 1; 10 to 50 % of five words are 1, 1, 2, 2, 3."""
    (found,) = values_of(additive(FIVE), FIVE)
    assert found["comprehensiveness_score"] == pytest.approx((3 + 3 + 5 + 5 + 5.5) / 5)
    assert found["sufficiency_error"] == pytest.approx((1.5 + 1.5 - 0.5 - 0.5 - 1.0) / 5)
    assert found["deletion_area_error"] == pytest.approx((4.5 / 2 + 1.5 - 0.5 - 1 - 1 + 0) / 5)
    assert found["insertion_area_score"] == pytest.approx((0 + 3 + 5 + 5.5 + 5.5 + 4.5 / 2) / 5)
    assert found["infidelity_error"] == pytest.approx(0, abs=1e-12)
    assert found["infidelity_scaled_error"] == pytest.approx(0, abs=1e-12)
    assert found["comprehensiveness_normalised_score"] == pytest.approx(1)
    assert found["sufficiency_normalised_error"] == pytest.approx(0, abs=1e-12)


def test_the_reverse_of_the_best_order_is_the_worst():
    (found,) = values_of(additive(FIVE), -FIVE)
    assert found["comprehensiveness_normalised_score"] == pytest.approx(0, abs=1e-12)
    assert found["sufficiency_normalised_error"] == pytest.approx(1)
    assert found["infidelity_scaled_error"] == pytest.approx(1)  # no scale of 0 or more helps


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_the_literal_oracle(seed):
    """Words taken out one by one, sums written out."""
    rng = np.random.default_rng(seed)
    n, margins_of = 7 + seed, polynomial(7 + seed, seed)
    scores = rng.normal(size=n)
    (p,) = perturbed(margins_of, scores)
    found = measure(p)

    def margin(words):
        return float(margins_of(np.isin(np.arange(n), list(words))[None])[0])

    order = sorted(range(n), key=lambda i: -scores[i])
    without = [margin(set(range(n)) - set(order[:k])) for k in range(n + 1)]
    only = [margin(order[:k]) for k in range(n + 1)]
    sizes = [math.ceil(n * f / 10) for f in (1, 2, 3, 4, 5)]
    full = without[0]
    assert found["comprehensiveness_score"] == pytest.approx(np.mean([full - without[k] for k in sizes]))
    assert found["sufficiency_error"] == pytest.approx(np.mean([full - only[k] for k in sizes]))
    assert found["deletion_area_error"] == pytest.approx(np.trapezoid(without) / n)
    assert found["insertion_area_score"] == pytest.approx(np.trapezoid(only) / n)
    wrong = [
        (sum(scores[i] for i in range(n) if gone[i]) - full + margin(np.flatnonzero(~gone))) ** 2 for gone in p.removed
    ]
    assert found["infidelity_error"] == pytest.approx(np.mean(wrong))


def test_scaled_infidelity_ignores_scale_and_is_what_a_regression_leaves():
    margins_of, scores = polynomial(8, 4), np.random.default_rng(2).random(8)
    a, b = perturbed(margins_of, scores, 1000 * scores)
    found = measure(a)["infidelity_scaled_error"]
    assert found == pytest.approx(measure(b)["infidelity_scaled_error"])
    claimed = (a.removed @ scores)[:, None]
    left = np.linalg.lstsq(claimed, a.lost, rcond=None)[1][0]
    assert 0 < found < 1
    assert found == pytest.approx(left / (a.lost**2).sum())


def test_support_is_for_the_predicted_class():
    """The mirror image of a text and its explanation has the same metrics."""
    margins_of, scores = polynomial(6), np.random.default_rng(0).normal(size=6)
    removed = draw_removals(6, 30, np.random.default_rng(1))
    up, down = make_claim(scores, "shap", 2.0), make_claim(-scores, "shap", -2.0)
    first, second = (measure(p) for p in perturb([up, down], removed, margins_of))
    assert first == second


def test_scores_without_a_sign_go_by_size():
    margins_of, scores = polynomial(6), np.random.default_rng(0).normal(size=6)
    for margin in (2.0, -2.0):
        claim = make_claim(scores, "attention", margin)
        assert claim.order.tolist() == np.argsort(-np.abs(scores)).tolist()
    by_size, unsigned = (values_of(margins_of, s, method=m)[0] for s, m in ((abs(scores), "shap"), (scores, "rollout")))
    assert math.isnan(unsigned.pop("infidelity_error"))  # its scores are no logits
    assert by_size.pop("infidelity_error") > 0
    assert by_size == unsigned


@pytest.mark.parametrize(
    ("scores", "margin", "says_nothing"),
    [
        ([0.5, 0.5, 0.5], 1.0, False),
        ([0.0, 1e-17, 0.0], 1.0, False),
        ([1.0, np.nan, 2.0], 1.0, True),
        ([1.0, 2.0, 3.0], 0.0, True),
        ([2.0, 2.0, 2.0], 0.0, True),
    ],
    ids=["all equal", "all zero but for rounding", "a word without a score", "margin 0", "margin 0, all equal"],
)
def test_no_order_is_undefined_and_leaves_others_alone(scores, margin, says_nothing):
    removed = draw_removals(3, 20, np.random.default_rng(0))
    nothing, good = make_claim(np.array(scores), "lime", margin), make_claim(np.arange(3.0), "lime", 1.0)
    assert nothing.order is None
    undefined, defined = (measure(p) for p in perturb([nothing, good], removed, additive(np.ones(3) * 2)))
    assert make_claim(np.arange(3.0), "attention", 0.0).order is None  # also where a size needs no predicted class
    assert list(undefined) == list(FAITHFULNESS)
    ordered = {name: v for name, v in undefined.items() if says_nothing or not name.startswith("infidelity")}
    assert all(math.isnan(v) for v in ordered.values())
    assert defined["comprehensiveness_score"] == pytest.approx(2 * (1 + 1 + 1 + 2 + 2) / 5)


def test_infidelity_needs_no_order():
    """The same score everywhere: nothing to go by first, but a claim of what each removal costs."""
    margins_of, constant = polynomial(6), np.full(6, 0.4)
    lime, attention = (perturbed(margins_of, constant, method=m)[0] for m in ("lime", "attention"))
    assert lime.claim.order is None
    found, unsigned = measure(lime), measure(attention)
    claimed = 0.4 * lime.removed.sum(axis=1)
    assert found["infidelity_error"] == pytest.approx(np.mean((claimed - lime.lost) ** 2))
    left = np.linalg.lstsq(claimed[:, None], lime.lost, rcond=None)[1][0] / (lime.lost**2).sum()
    assert found["infidelity_scaled_error"] == unsigned["infidelity_scaled_error"] == pytest.approx(left)
    assert math.isnan(unsigned["infidelity_error"])
    assert all(math.isnan(v) for name, v in found.items() if not name.startswith("infidelity"))


@pytest.mark.parametrize("noise", [0.0, 1e-17])
def test_a_claim_of_nothing_is_as_wrong_as_the_margin_that_removals_cost(noise):
    p = perturbed(polynomial(6), noise * np.arange(6))[0]
    found = measure(p)
    assert found["infidelity_error"] == pytest.approx(np.mean(p.lost**2))
    assert math.isnan(found["infidelity_scaled_error"])  # and no scale makes more of rounding


def test_no_words_and_one_word():
    (empty,) = values_of(lambda present: np.ones(len(present)), np.zeros(0))
    assert all(math.isnan(v) for v in empty.values())
    (one,) = values_of(additive([2.0], empty=0.5), [0.3])
    assert one["comprehensiveness_score"] == one["sufficiency_error"] + 2.0 == 2.0
    assert math.isnan(one["comprehensiveness_normalised_score"])  # one order alone: nothing to compare with
    assert math.isnan(one["sufficiency_normalised_error"])


def test_a_model_that_ignores_its_words_has_no_range():
    (found,) = values_of(lambda present: np.full(len(present), 3.0), np.arange(4.0))
    assert found["comprehensiveness_score"] == 0
    for name in ("comprehensiveness_normalised_score", "sufficiency_normalised_error", "infidelity_scaled_error"):
        assert math.isnan(found[name])


def test_random_removals():
    removed = draw_removals(9, 4000, np.random.default_rng(0))
    counts = np.bincount(removed.sum(axis=1), minlength=10)
    assert counts[0] == 0
    assert counts[1:] / 4000 == pytest.approx(np.full(9, 1 / 9), abs=0.02)
    assert removed.mean(axis=0) == pytest.approx(np.full(9, 5 / 9), abs=0.03)
    assert np.array_equal(removed, draw_removals(9, 4000, np.random.default_rng(0)))
    assert draw_removals(0, 3, np.random.default_rng(0)).shape == (3, 0)


def test_one_call_for_all_claims_where_no_limits_are_searched():
    calls = []

    def margins_of(present):
        calls.append(len(present))
        return present.sum(axis=1).astype(float)

    perturbed(margins_of, np.arange(4.0), np.arange(4.0)[::-1], n_samples=30)
    assert calls == [1 + 30 + 2 * 2 * 5, 2**4]  # the text, removals, two curves of each; then all coalitions


def test_oracle_random_flipped_on_polynomial_games():
    games = [polynomial(7, seed) for seed in range(12)]
    assert_oracle_beats_random_beats_flipped([(game, shapley_of(game, 7)) for game in games])


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("task", NAMES)
def test_oracle_random_flipped_on_hand_built_models(task, removal):
    """Exact Shapley values of the tested game against the same on other words, and turned round."""
    planted, operator, model, games = TASKS.load(task), REMOVALS.load(removal), build(task), []
    reference = token_rows(planted, [text.words for text in draw_texts(planted, 40, seed=5)])[:, 1:].ravel()
    for number, text in enumerate(draw_texts(planted, 6, telling=True)):
        replacements = draw_replacements(operator, len(text.words), reference, np.random.default_rng(number))
        ids = token_rows(planted, [text.words])[0]
        kind = FastEncoderGame if operator.keeps_positions else PlainGame
        game = kind(model, ids, target=1, removal=operator, replacements=replacements, chunk_size=128)
        sign = np.sign(game.value(np.ones((1, len(text.words)), dtype=bool)).sum())
        oracle = sign * compute_exact(game).by_component.sum(axis=1)
        games.append((lambda present, game=game, sign=sign: sign * game.value(present).sum(axis=1), oracle))
    if (task, removal) == ("induction", "delete"):  # its rule reads the last place, which any deletion empties
        assert all(make_claim(oracle, "shap", 1.0).order is None for _, oracle in games)
    else:
        assert_oracle_beats_random_beats_flipped(games, n_random=4)
