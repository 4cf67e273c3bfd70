"""The rules behind the findings: verdicts follow the intervals, numbers follow the tables."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from study.report.findings import (
    accuracy_finding,
    agreement_finding,
    answer,
    correctness_finding,
    least_agreeing_finding,
    untrained_finding,
)
from study.report.inputs import RunTables
from tests.report.conftest import Written


def with_rows(run: RunTables, table: str, frame: pd.DataFrame) -> RunTables:
    """The run with another table."""
    parts = {key: rows for key, rows in run.parts.items() if key[0] != table}
    parts |= {(table, *v): rows for v, rows in frame.groupby(["dataset", "model"])}
    return dataclasses.replace(run, tables={**run.tables, table: frame}, parts=parts)


def set_estimates(
    run: RunTables, metric: str, a: str, b: str, subset: str, values: tuple[float, float, float]
) -> RunTables:
    """The run with estimate, low and high of one metric set to `values` in every variant."""
    frame = run.tables["estimates"].copy()
    rows = (frame.metric == metric) & (frame.method_a == a) & (frame.method_b == b) & (frame.subset == subset)
    assert rows.any()
    frame.loc[rows, ["estimate", "low", "high"]] = values
    return with_rows(run, "estimates", frame)


@pytest.mark.parametrize(
    ("wrong", "lead", "doubt"),
    [
        ((0.5, 0.4, 0.6), "agree less", False),
        ((0.99, 0.98, 1.0), "agree more", False),
        ((0.9, 0.8, 0.97), "stays open", True),
        ((0.5, float("nan"), float("nan")), "stays open", True),
    ],
)
def test_a_difference_needs_intervals_that_part(
    small: Written, wrong: tuple[float, float, float], lead: str, doubt: bool
) -> None:
    run = set_estimates(small.run, "spearman", "shap", "lime", "correct", (0.95, 0.94, 0.96))
    found = correctness_finding(set_estimates(run, "spearman", "shap", "lime", "wrong", wrong))
    assert lead in found.lead
    assert ("Inconclusive" in found.text) is doubt


@pytest.mark.parametrize(
    ("rho", "words"), [(0.95, "almost alike"), (0.75, "much alike"), (0.5, "partly alike"), (-0.2, "differently")]
)
def test_words_for_agreement_follow_its_size(small: Written, rho: float, words: str) -> None:
    run = set_estimates(small.run, "spearman", "shap", "lime", "all", (rho, rho - 0.01, rho + 0.01))
    assert words in agreement_finding(run).lead
    assert words in answer(run)


def test_a_model_below_the_baseline_is_not_praised(small: Written) -> None:
    frame = small.run.tables["accuracy"].copy()
    frame.loc[frame.kind == "tfidf_logreg", ["accuracy", "low", "high"]] = (0.9, 0.89, 0.91)
    assert accuracy_finding(with_rows(small.run, "accuracy", frame)).lead == "Not every model beats the baseline."
    frame.loc[frame.kind == "tfidf_logreg", ["accuracy", "low", "high"]] = (0.6, 0.59, 0.61)
    clear = accuracy_finding(with_rows(small.run, "accuracy", frame))
    assert clear.lead == "Every model beats the baseline."


@pytest.mark.parametrize(("low", "certain"), [(0.01, True), (-0.01, False)])
def test_a_lead_is_certain_only_where_the_paired_interval_is(small: Written, low: float, certain: bool) -> None:
    gains = [
        {"dataset": d, "model": m, "metric": "accuracy_gain", "method_a": "model", "method_b": "tfidf_logreg"}
        | {"subset": "all", "estimate": 0.02, "low": low, "high": 0.05}
        for d, m in small.run.variants
    ]
    frame = pd.concat([small.run.tables["estimates"], pd.DataFrame(gains)], ignore_index=True)
    found = accuracy_finding(with_rows(small.run, "estimates", frame))
    assert "2.0 [" in found.text
    assert ("not certain" not in found.text) is certain


def test_a_method_that_ignores_the_weights_is_named(small: Written) -> None:
    assert "no method keeps" in untrained_finding(small.run).lead
    run = set_estimates(small.run, "spearman_untrained", "lime", "lime", "all", (0.9, 0.8, 0.95))
    assert untrained_finding(run).lead.startswith("LIME would say much the same")


def test_the_least_agreeing_method_is_the_lowest_estimate(written: Written) -> None:
    run = set_estimates(written.run, "spearman", "shap", "occlusion", "all", (-0.9, -0.95, -0.85))
    assert least_agreeing_finding(run).lead == "Occlusion agrees least with SHAP."


def test_missing_evidence_is_said(small: Written) -> None:
    run = with_rows(small.run, "estimates", small.run.tables["estimates"].iloc[:0])
    for rule in (agreement_finding, correctness_finding, least_agreeing_finding, untrained_finding):
        assert rule(run).text == "This run has no evidence."
