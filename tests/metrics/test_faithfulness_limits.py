"""Lowest and highest comprehensiveness and sufficiency: against all orders, and the beam against the exact."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from study.metrics import faithfulness, faithfulness_limits
from study.metrics.faithfulness import make_claim, measure, perturb
from study.metrics.faithfulness_limits import (
    EXACT_WORDS,
    Limits,
    beam_limits,
    counted_sizes,
    exact_limits,
    find_limits,
)
from tests.metrics.perturbed_games import additive, polynomial


def literal_limits(margins_of, n):
    """Comprehensiveness and sufficiency of every order."""
    full = margins_of(np.ones((1, n), dtype=bool))[0]
    values = []
    for order in itertools.permutations(range(n)):
        first = [np.isin(np.arange(n), order[:k]) for k in counted_sizes(n)]
        values.append([np.mean(full - margins_of(present)) for present in (~np.array(first), np.array(first))])
    return np.min(values, axis=0), np.max(values, axis=0)


def test_counted_sizes_are_rounded_up():
    assert [counted_sizes(n).tolist() for n in (1, 3, 10, 11, 21)] == [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 2, 2],
        [1, 2, 3, 4, 5],
        [2, 3, 4, 5, 6],
        [3, 5, 7, 9, 11],
    ]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6])
def test_exact_limits_equal_those_of_all_orders(n):
    for seed in range(2):
        margins_of = polynomial(n, seed)
        lowest, highest = literal_limits(margins_of, n)
        found = exact_limits(margins_of, n)
        assert found.exact
        assert found.comprehensiveness == pytest.approx((lowest[0], highest[0]))
        assert found.sufficiency == pytest.approx((lowest[1], highest[1]))


def test_a_chain_is_not_the_best_set_of_every_size():
    """The best single word is in no good pair: an order has to choose."""

    def margins_of(present):
        gone = ~present
        return 10 - (3.0 * gone[:, 0] + 5 * (gone[:, 1] & gone[:, 2]) - 9 * (gone[:, 0] & gone[:, 1:].any(axis=1)))

    lowest, highest = literal_limits(margins_of, 4)
    assert exact_limits(margins_of, 4).comprehensiveness == pytest.approx((lowest[0], highest[0]))
    assert highest[0] < (3 + 3 + 5 + 5 + 5) / 5  # sizes 1, 1, 2, 2, 2


@pytest.mark.parametrize("n", [11, 14, 30])
def test_beam_limits_of_an_additive_game_are_the_sorted_sums(n):
    values = np.random.default_rng(n).normal(size=n)
    found = beam_limits(additive(values), n)
    sums = np.cumsum(np.sort(values)[::-1])
    low_sums = np.cumsum(np.sort(values))
    sizes = counted_sizes(n) - 1
    assert not found.exact
    assert found.comprehensiveness == pytest.approx((low_sums[sizes].mean(), sums[sizes].mean()))
    assert found.sufficiency == pytest.approx((sums[-1] - sums[sizes].mean(), sums[-1] - low_sums[sizes].mean()))


def test_beam_limits_are_reached_and_near_the_exact_ones():
    """Never beyond the exact limits, and within 5 % of their range on the mean of games with terms of three words."""
    missed = []
    for seed in range(6):
        margins_of = polynomial(11, seed)
        exact, beam = exact_limits(margins_of, 11), beam_limits(margins_of, 11)
        for (low, high), (beam_low, beam_high) in (
            (exact.comprehensiveness, beam.comprehensiveness),
            (exact.sufficiency, beam.sufficiency),
        ):
            assert low - 1e-9 <= beam_low < beam_high <= high + 1e-9
            missed += [(beam_low - low) / (high - low), (high - beam_high) / (high - low)]
    assert np.mean(missed) < 0.05


def test_a_wider_beam_that_tries_every_word_is_exact(monkeypatch):
    monkeypatch.setattr(faithfulness_limits, "WIDTH", 10_000)
    monkeypatch.setattr(faithfulness_limits, "TRIED", 8)
    for seed in range(3):
        exact, beam = (find(polynomial(8, seed), 8) for find in (exact_limits, beam_limits))
        assert beam.comprehensiveness == pytest.approx(exact.comprehensiveness)
        assert beam.sufficiency == pytest.approx(exact.sufficiency)


def test_a_set_is_kept_once_however_it_is_reached():
    """Two words that matter, in either order: the second place is left for another set."""
    asked = []

    def margins_of(present):
        asked.append(present.copy())
        return present @ np.array([9.0, 8.0, *np.linspace(1, 0, 10)])

    beam_limits(margins_of, 12)
    third = asked[4]  # the ends, single words, sizes 1, 2 and 3
    taken = {tuple(np.flatnonzero(~row)) for row in third if (~row).sum() == 3}
    assert any(0 in words and 1 not in words for words in taken)


def test_a_wider_beam_finds_more(monkeypatch):
    ranges = []
    for width, tried in ((1, 1), (2, 6)):
        monkeypatch.setattr(faithfulness_limits, "WIDTH", width)
        monkeypatch.setattr(faithfulness_limits, "TRIED", tried)
        found = [beam_limits(polynomial(14, seed), 14) for seed in range(4)]
        ranges.append(sum(limits.comprehensiveness[1] - limits.comprehensiveness[0] for limits in found))
    assert ranges[1] > 1.05 * ranges[0]


def test_short_texts_are_exact_and_long_ones_cheap():
    asked = []

    def margins_of(present):
        asked.append(len(present))
        return present.sum(axis=1).astype(float)

    assert find_limits(margins_of, EXACT_WORDS).exact
    assert sum(asked) == 2**EXACT_WORDS
    asked.clear()
    assert not find_limits(margins_of, 40).exact
    assert sum(asked) <= 2 + 2 * 40 + 20 * 4 * 2 * 6  # to half the words: four searches of two chains, six words each
    with pytest.raises(ValueError, match="without words"):
        exact_limits(margins_of, 0)


def test_limits_are_no_narrower_than_what_a_claim_reaches(monkeypatch):
    """A search that finds little cannot push a value beyond 0 to 1."""
    nothing = Limits(comprehensiveness=(np.inf, -np.inf), sufficiency=(np.inf, -np.inf), exact=False)
    monkeypatch.setattr(faithfulness, "find_limits", lambda margins_of, n_words: nothing)
    margins_of, rng = polynomial(12, 1), np.random.default_rng(0)
    claims = [make_claim(rng.normal(size=12), "lime", 1.0) for _ in range(6)]
    found = [measure(p) for p in perturb(claims, rng.random((5, 12)) < 0.5, margins_of)]
    for name in ("comprehensiveness_normalised_score", "sufficiency_normalised_error"):
        values = sorted(values[name] for values in found)
        assert values[0] == 0
        assert values[-1] == 1
        assert 0 < values[2] < 1
