"""The rule that turns an interval and an adjusted p into a verdict, row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from study.metrics.hypotheses.verdicts import (
    adjust_over_hypotheses,
    equivalence_p,
    judge_effect,
    judge_no_effect,
    weakest_part,
)
from study.stats import crossed_mean, holm

SMALLEST, BAND = 0.3, 0.1


@pytest.mark.parametrize(
    ("low", "high", "p", "verdict", "says"),
    [
        (0.35, 0.50, 0.001, "supported", "at least the smallest effect of interest, 0.3"),
        (0.30, 0.50, 0.049, "supported", "(0.300 to 0.500)"),
        (0.35, 0.50, 0.050, "inconclusive", "p adjusted for all tests is 0.050"),
        (0.29, 0.50, 0.001, "inconclusive", "above 0, but its interval (0.290 to 0.500) does not lie beyond 0.3"),
        (0.11, 0.25, 0.001, "inconclusive", "above 0"),  # surely small, but no effect it is not
        (-0.50, -0.01, 0.001, "contradicted", "other side of 0"),
        (-0.50, -0.01, 0.900, "contradicted", "other side of 0"),
        (-0.50, 0.00, 0.04, "inconclusive", "The estimate is below 0"),
        (-0.10, 0.10, 0.9, "contradicted", "within 0.1 of 0"),
        (0.01, 0.09, 0.001, "contradicted", "within 0.1 of 0"),
        (-0.09, -0.01, 0.001, "contradicted", "other side of 0"),
        (-0.05, 0.11, 0.5, "inconclusive", "holds 0 and does not lie within 0.1 of it"),
        (-0.20, 0.60, 0.5, "inconclusive", "holds 0"),
        (math.nan, math.nan, 0.5, "not tested", "undefined"),
        (0.35, 0.50, math.nan, "not tested", "undefined"),
    ],
)
def test_an_effect(low, high, p, verdict, says):
    found = judge_effect(((low + high) / 2, low, high), p, SMALLEST, BAND)
    assert found.verdict == verdict
    assert says in found.reason


@pytest.mark.parametrize(
    ("low", "high", "p", "verdict", "says"),
    [
        (-0.09, 0.08, 0.01, "supported", "counts as none"),
        (-0.10, 0.10, 0.049, "supported", "(-0.100 to 0.100)"),
        (-0.09, 0.08, 0.05, "inconclusive", "p adjusted for all tests is 0.050"),
        (-0.11, 0.08, 0.01, "inconclusive", "neither within 0.1 of 0 nor wholly beyond it"),
        (0.05, 0.30, 0.9, "inconclusive", "neither"),
        (0.11, 0.30, 0.9, "contradicted", "there is an effect"),
        (-0.30, -0.11, 0.9, "contradicted", "there is an effect"),
        (math.nan, math.nan, 0.01, "not tested", "undefined"),
    ],
)
def test_no_effect(low, high, p, verdict, says):
    found = judge_no_effect(((low + high) / 2, low, high), p, BAND)
    assert found.verdict == verdict
    assert says in found.reason


@pytest.mark.parametrize(
    ("parts", "p", "verdict", "decides"),
    [
        (["supported", "supported"], [0.01, 0.02], "supported", 1),
        (["supported", "supported"], [0.02, 0.01], "supported", 0),
        (["supported", "inconclusive"], [0.04, 0.01], "inconclusive", 1),
        (["inconclusive", "contradicted"], [0.5, 0.1], "contradicted", 1),
        (["contradicted", "not tested"], [0.5, math.nan], "contradicted", 0),
        (["supported", "not tested"], [0.01, math.nan], "inconclusive", 1),
        (["not tested", "inconclusive"], [math.nan, 0.2], "inconclusive", 1),
        (["not tested", "not tested"], [math.nan, math.nan], "not tested", 0),
        (["not tested"], [math.nan], "not tested", 0),
    ],
)
def test_a_hypothesis_is_its_weakest_part(parts, p, verdict, decides):
    assert weakest_part(parts, p) == (verdict, decides)


def test_holm_counts_hypotheses_and_a_hypothesis_is_its_largest_p():
    """Three hypotheses, the second of two parts: 0.04 stands for it. A fourth was half tested and is no member."""
    found = adjust_over_hypotheses([[0.01], [0.001, 0.04], [0.03], [0.002, math.nan]])
    assert found[0] == pytest.approx([0.03])
    assert found[1] == pytest.approx([0.003, 0.06])  # 3 x 0.001 in the place of 0.04; as large as that of 2 x 0.03
    assert found[2] == pytest.approx([0.06])
    assert found[3] == pytest.approx([4 * 0.002, math.nan], nan_ok=True)


def test_a_hypothesis_is_significant_where_all_its_parts_are():
    """The part of the largest p has what its hypothesis gets, whatever the others are."""
    for trial in range(50):
        p = [list(np.random.default_rng((trial, i)).uniform(0, 0.1, n)) for i, n in enumerate((2, 1, 3, 1))]
        whole = holm([max(parts) for parts in p])
        found = adjust_over_hypotheses(p)
        assert [max(parts) for parts in found] == pytest.approx(whole.tolist())


@pytest.mark.parametrize("shift", [-0.15, -0.05, 0.0, 0.02, 0.08, 0.12])
def test_equivalence_is_two_one_sided_t_tests(shift):
    values = np.random.default_rng(0).normal(0, 0.3, 200)
    values += shift - values.mean()
    above = ttest_1samp(values, -0.1, alternative="greater").pvalue
    below = ttest_1samp(values, 0.1, alternative="less").pvalue
    assert equivalence_p(crossed_mean(values[None]), 0.1) == pytest.approx(max(above, below), rel=1e-6)


def test_equivalence_of_numbers_that_are_exact_or_unknown():
    assert equivalence_p(crossed_mean(np.full((1, 9), 0.05)), 0.1) == 0
    assert equivalence_p(crossed_mean(np.full((1, 9), 0.5)), 0.1) == 1
    assert math.isnan(equivalence_p(crossed_mean(np.full((1, 1), 0.05)), 0.1))
