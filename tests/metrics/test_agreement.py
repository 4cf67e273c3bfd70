"""Agreement metrics: closed forms, literal definitions, and properties that every registered metric must have."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from study.metrics import METRICS
from study.metrics.agreement import Metric
from study.metrics.ranking import rank_words
from study.records import UNSIGNED_METHODS

A = np.array([5.0, -4.0, 3.0, 2.0, -1.0, 0.5])
BROKEN_TIE = np.array([5.0, 4.0, -6.0, 2.0, -1.0, 0.5])  # top 3 by size: 2, 0, 1


def load(name: str) -> Metric:
    return METRICS.load(name)


def compute(name: str, a, b, k: int = 3) -> float:
    metric = load(name)
    return metric.compute(np.asarray(a, float), np.asarray(b, float), k if metric.at_k else None)


CLOSED_FORMS = {
    "feature_agreement": [(A, A, 1), (A, BROKEN_TIE, 1), (A, A[::-1], 0), ([3, 2, 1, 0.1], [3, 0.1, 2, 1], 2 / 3)],
    "feature_agreement_chance_adjusted": [(A, A, 1), (A, A[::-1], -1), ([3, 2, 1, 0.1], [3, 0.1, 2, 1], -1 / 3)],
    "rank_agreement": [(A, A, 1), (A, BROKEN_TIE, 0), (A, -A, 1), ([3, 2, 1, 0.1], [3, 0.1, 2, 1], 1 / 3)],
    "sign_agreement": [(A, A, 1), (A, -A, 0), (A, BROKEN_TIE, 1 / 3)],
    "signed_rank_agreement": [(A, A, 1), (A, -A, 0), (A, [5.0, 4, 3, 2, 1, 0], 2 / 3)],
    "pairwise_rank_agreement": [(A, A, 1), (A, -A, 1), (A, A[::-1], 0), ([3, 2, 1], [3, 1, 2], 2 / 3)],
    "spearman": [(A, A, 1), (A, -A, -1), ([1, 2, 3], [1, 3, 2], 0.5)],
    "spearman_abs": [(A, A, 1), (A, -A, 1), (A, A[::-1], -1)],
    "kendall_tau_b": [(A, A, 1), (A, -A, -1), ([1, 2, 3], [1, 3, 2], 1 / 3)],
    "kendall_tau_b_abs": [(A, -A, 1), (A, A[::-1], -1)],
}


def test_every_metric_has_closed_forms():
    assert set(CLOSED_FORMS) == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_closed_forms(name):
    for a, b, wanted in CLOSED_FORMS[name]:
        assert compute(name, a, b) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_metrics_say_what_they_are(name):
    metric = load(name)
    assert metric.name == name
    assert metric.direction == "higher"
    assert metric.bounds[0] < metric.bounds[1]
    assert metric.source


distinct = st.lists(st.integers(-1000, 1000), min_size=4, max_size=12, unique_by=abs).map(
    lambda xs: np.array(xs, float)
)
any_scores = st.lists(st.integers(-3, 3), min_size=4, max_size=9).map(lambda xs: np.array(xs, float))


@st.composite
def pairs(draw, scores=any_scores):
    """Two explanations of the same words: one a reordering of the other, or unrelated."""
    a = draw(scores)
    unrelated = st.lists(st.integers(-3, 3), min_size=len(a), max_size=len(a))
    return a, np.array(draw(st.one_of(st.permutations(a.tolist()), unrelated)), float)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=50, deadline=None)
@given(pair=pairs(), order=st.randoms(use_true_random=False), scale=st.sampled_from([0.5, 8]))
def test_symmetric_in_bounds_and_blind_to_word_order_and_scale(name, pair, order, scale):
    a, b = pair
    value = compute(name, a, b)
    low, high = load(name).bounds
    assert math.isnan(value) or low - 1e-12 <= value <= high + 1e-12
    assert compute(name, b, a) == pytest.approx(value, nan_ok=True)
    words = list(range(len(a)))
    order.shuffle(words)
    assert compute(name, a[words], b[words]) == pytest.approx(value, nan_ok=True)
    assert compute(name, scale * a, b) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=30, deadline=None)
@given(scores=distinct)
def test_an_explanation_agrees_with_itself(name, scores):
    assert compute(name, scores, scores) == pytest.approx(1)


@pytest.mark.parametrize("name", METRICS)
def test_oracle_above_random_above_reversed(name):
    rng = np.random.default_rng(0)
    truth = np.array([9.0, -8, 7, 0.6, -0.5, 0.4, 0.3, -0.2, 0.1])
    if name in ("spearman", "kendall_tau_b"):  # order signed scores, so reversed means the other sign
        reversed_scores = -truth
    else:
        by_size = np.argsort(np.argsort(-np.abs(truth)))  # the largest gets the smallest size, and the other sign
        reversed_scores = -np.sign(truth) * np.sort(np.abs(truth))[by_size]
    oracle = [compute(name, truth, truth + rng.normal(size=9) * 0.01) for _ in range(20)]
    chance = [compute(name, truth, rng.normal(size=9)) for _ in range(200)]
    assert np.mean(oracle) > np.mean(chance) + 0.2
    assert np.mean(chance) > compute(name, truth, reversed_scores) + 0.05


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_rank_correlations_equal_scipy(pair):
    for name, reference, change in (
        ("spearman", scipy.stats.spearmanr, np.asarray),
        ("spearman_abs", scipy.stats.spearmanr, np.abs),
        ("kendall_tau_b", scipy.stats.kendalltau, np.asarray),
        ("kendall_tau_b_abs", scipy.stats.kendalltau, np.abs),
    ):
        a, b = (change(x) for x in pair)
        constant = np.ptp(a) == 0 or np.ptp(b) == 0
        wanted = math.nan if constant else reference(a, b).statistic
        assert compute(name, *pair) == pytest.approx(wanted, nan_ok=True)


def literal_orders(scores):
    """Every way to order the words by size, ties broken in all ways: lists of word numbers."""
    return [o for o in itertools.permutations(range(len(scores))) if all(np.diff(np.abs(scores)[list(o)]) <= 0)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-2, 2), min_size=5, max_size=5), st.lists(st.integers(-2, 2), min_size=5, max_size=5))
def test_ties_count_as_the_mean_over_all_ways_to_break_them(a, b):
    k = 3
    sums = dict.fromkeys(("feature_agreement", "rank_agreement", "sign_agreement", "signed_rank_agreement"), 0.0)
    orders_a, orders_b = literal_orders(a), literal_orders(b)
    for one, other in itertools.product(orders_a, orders_b):
        same_sign = {w for w in range(5) if np.sign(a[w]) == np.sign(b[w])}
        common = set(one[:k]) & set(other[:k])
        aligned = {one[i] for i in range(k) if one[i] == other[i]}
        sums["feature_agreement"] += len(common)
        sums["sign_agreement"] += len(common & same_sign)
        sums["rank_agreement"] += len(aligned)
        sums["signed_rank_agreement"] += len(aligned & same_sign)
    for name, total in sums.items():
        assert compute(name, a, b, k) == pytest.approx(total / k / len(orders_a) / len(orders_b))


def test_two_constant_explanations_agree_as_much_as_chance():
    constant = np.ones(10)
    assert compute("feature_agreement", constant, constant, 3) == pytest.approx(0.3)
    assert compute("feature_agreement_chance_adjusted", constant, constant, 3) == pytest.approx(0, abs=1e-12)


def test_chance_adjustment_is_zero_on_average_for_random_scores():
    rng = np.random.default_rng(0)
    values = [
        compute("feature_agreement_chance_adjusted", rng.normal(size=12), rng.normal(size=12)) for _ in range(1500)
    ]
    assert np.mean(values) == pytest.approx(0, abs=0.03)  # three standard errors


@pytest.mark.parametrize("name", METRICS)
def test_undefined_is_nan(name):
    metric = load(name)
    one = np.array([2.0])
    assert math.isnan(compute(name, [], []))
    assert math.isnan(compute(name, one, one))
    if metric.at_k:
        assert math.isnan(compute(name, A[:2], A[:2], 3))
    elif name != "pairwise_rank_agreement":
        assert math.isnan(compute(name, np.ones(4), A[:4]))
    adjusted = compute("feature_agreement_chance_adjusted", A[:3], A[:3], 3)
    assert math.isnan(adjusted)  # the top 3 of 3 words are all words


@pytest.mark.parametrize("name", METRICS)
def test_misuse_is_an_error(name):
    metric = load(name)
    k = 3 if metric.at_k else None
    with pytest.raises(ValueError, match="same words"):
        metric.compute(A, A[:3], k)
    with pytest.raises(ValueError, match="finite"):
        metric.compute(A, np.where(A > 4, np.nan, A), k)
    with pytest.raises(ValueError, match=r"k$"):
        metric.compute(A, A, None if metric.at_k else 3)


def test_unsigned_methods_are_explainers_of_the_study():
    assert {"attention", "rollout"} == UNSIGNED_METHODS


def test_places_of_tied_words():
    ranking = rank_words(np.array([1.0, -2.0, 2.0, 0.0]))
    assert ranking.place.tolist() == [[0, 0, 1, 0], [0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 1]]
    assert ranking.among_top[:, 1].tolist() == [0, 1, 1, 0]
