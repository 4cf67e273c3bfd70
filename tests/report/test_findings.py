"""The rules behind the findings: verdicts follow the intervals, numbers follow the tables."""

from __future__ import annotations

import pytest

from study.report.controls import untrained_finding
from study.report.findings import (
    agreement_finding,
    answer,
    correctness_finding,
    least_agreeing_finding,
)
from tests.report.conftest import Written
from tests.report.edits import set_estimates, set_rows, with_rows


@pytest.mark.parametrize(
    ("wrong", "lead", "doubt"),
    [
        ((0.5, 0.4, 0.6), "agree less.", ""),
        ((0.99, 0.98, 1.0), "agree more.", ""),
        ((0.9, 0.8, 0.97), "stays open", " Inconclusive: the intervals overlap."),
        ((0.5, float("nan"), float("nan")), "stays open", " Inconclusive: there are too few texts for an interval."),
    ],
)
def test_a_difference_needs_intervals_that_part(
    small: Written, wrong: tuple[float, float, float], lead: str, doubt: str
) -> None:
    run = set_estimates(small.run, "spearman", "shapley", "lime", "correct", (0.95, 0.94, 0.96))
    found = correctness_finding(set_estimates(run, "spearman", "shapley", "lime", "wrong", wrong))
    assert lead in found.lead
    assert found.text.endswith(doubt)
    assert ("Inconclusive" in found.text) is bool(doubt)


def test_one_model_of_two_does_not_speak_for_the_other(written: Written) -> None:
    run = set_estimates(written.run, "spearman", "shapley", "lime", "correct", (0.95, 0.94, 0.96))
    run = set_estimates(run, "spearman", "shapley", "lime", "wrong", (0.9, 0.8, 0.97))
    run = set_estimates(run, "spearman", "shapley", "lime", "wrong", (0.5, 0.4, 0.6), model="encoder")
    found = correctness_finding(run)
    assert "agree less, in part of the models" in found.lead
    assert "Inconclusive" not in found.text


@pytest.mark.parametrize(
    ("rho", "words"), [(0.95, "almost alike"), (0.75, "much alike"), (0.5, "partly alike"), (-0.2, "differently")]
)
def test_words_for_agreement_follow_its_size(small: Written, rho: float, words: str) -> None:
    run = set_estimates(small.run, "spearman", "shapley", "lime", "all", (rho, rho - 0.01, rho + 0.01))
    assert words in agreement_finding(run).lead
    assert words in answer(run)


def test_the_least_agreeing_method_is_the_lowest_estimate(written: Written) -> None:
    run = set_estimates(written.run, "spearman", "shapley", "occlusion", "all", (-0.9, -0.95, -0.85))
    assert least_agreeing_finding(run).lead == "Occlusion agrees least with SHAP."


def test_a_method_without_signs_is_said_to_be_ordered_by_size(written: Written, small: Written) -> None:
    run = set_estimates(written.run, "spearman_abs", "shapley", "attention", "all", (-0.95, -0.99, -0.9))
    found = least_agreeing_finding(run)
    assert found.lead == "Attention (by size) agrees least with SHAP."
    assert "of sizes where a method has no sign" in found.text
    signed = set_rows(written.run, "estimates", "estimate", float("nan"), metric="spearman_abs")
    assert "of sizes" not in least_agreeing_finding(signed).text


def test_missing_evidence_is_said(small: Written) -> None:
    run = with_rows(small.run, "estimates", small.run.tables["estimates"].iloc[:0])
    for rule in (agreement_finding, correctness_finding, least_agreeing_finding, untrained_finding):
        assert rule(run).text == "This run has no evidence."
