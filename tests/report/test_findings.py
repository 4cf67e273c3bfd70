"""The rules behind the findings: verdicts follow the intervals, numbers follow the tables."""

from __future__ import annotations

import pandas as pd
import pytest

from study.report.answers.parting import parting_answer
from study.report.controls import untrained_finding
from study.report.findings import alike_text, answer, correctness_finding, least_agreeing_finding
from tests.report.answer_blocks import first
from tests.report.conftest import Written
from tests.report.edits import set_estimates, set_rows, with_rows

NAN = float("nan")


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
    ("values", "words"),
    [
        ((0.95, 0.94, 0.96), "almost alike"),
        ((0.75, 0.74, 0.76), "much alike"),
        ((0.5, 0.41, 0.59), "partly alike"),
        ((-0.2, -0.3, -0.1), "differently"),
        ((0.6, 0.5, 0.95), "partly to almost alike"),
        ((0.4, 0.2, 0.6), "a little to partly alike"),
    ],
)
def test_words_for_agreement_follow_both_ends_of_the_interval(
    small: Written, values: tuple[float, float, float], words: str
) -> None:
    run = set_estimates(small.run, "spearman", "shapley", "lime", "all", values)
    assert first(parting_answer(run)).lead == f"SHAP and LIME rank words {words}."
    assert f"rank the words of a text {words} (Spearman" in answer(run)


@pytest.mark.parametrize("values", [(0.6, -0.1, 1.0), (0.9, NAN, NAN)])
def test_an_interval_that_holds_zero_tells_no_agreement(small: Written, values: tuple[float, float, float]) -> None:
    run = set_estimates(small.run, "spearman", "shapley", "lime", "all", values)
    assert first(parting_answer(run)).lead.startswith("Whether SHAP and LIME rank words alike stays open")
    assert "may or may not rank" in answer(run)
    one = set_estimates(run, "spearman", "shapley", "lime", "all", (0.95, 0.94, 0.96), model="encoder")
    assert first(parting_answer(one)).lead == "SHAP and LIME rank words almost alike; in other models it stays open."
    many = [pd.Series({"low": low, "high": low + 0.05}) for low in (0.92, 0.75, 0.5)]
    assert alike_text(many[:2]) == "SHAP and LIME rank words almost alike or much alike."
    assert alike_text(many) == "How alike SHAP and LIME rank words depends on the model."


def test_the_least_agreeing_method_is_the_lowest_estimate(written: Written) -> None:
    run = set_estimates(written.run, "spearman", "shapley", "occlusion", "all", (-0.9, -0.95, -0.85))
    assert least_agreeing_finding(run).lead == "Occlusion agrees least with SHAP."
    near = set_estimates(run, "spearman", "shapley", "lime", "all", (-0.88, -0.93, -0.8), model="encoder")
    told = "Which method agrees least with SHAP stays open: Occlusion or LIME, whose intervals meet."
    assert least_agreeing_finding(near).lead == told
    unknown = set_estimates(run, "spearman", "shapley", "occlusion", "all", (-0.9, NAN, NAN))
    assert "stays open: Occlusion or Attention (by size) or LIME" in least_agreeing_finding(unknown).lead


def test_a_method_without_signs_is_said_to_be_ordered_by_size(written: Written, small: Written) -> None:
    run = set_estimates(written.run, "spearman_abs", "shapley", "attention", "all", (-0.95, -0.99, -0.9))
    found = least_agreeing_finding(run)
    assert found.lead == "Attention (by size) agrees least with SHAP."
    assert "of sizes where a method has no sign" in found.text
    signed = set_rows(written.run, "estimates", "estimate", float("nan"), metric="spearman_abs")
    assert "of sizes" not in least_agreeing_finding(signed).text


def test_missing_evidence_is_said(small: Written) -> None:
    run = with_rows(small.run, "estimates", small.run.tables["estimates"].iloc[:0])
    for rule in (correctness_finding, least_agreeing_finding, untrained_finding):
        assert rule(run).text == "This run has no evidence."
