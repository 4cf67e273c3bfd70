"""SHAP and LIME within one budget: as many evaluations as allowed, exact where all fit, NaN where none would do."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy.stats import spearmanr

from study.evaluation.budgets import measure_budgets
from study.evaluation.rows import COLUMNS
from study.evaluation.setting import attribute, subject_of
from study.evaluation.setting import under as changed
from study.seeds import rng_of
from tests.evaluation.cells import tiny_evaluation, tiny_setting
from tests.tiny import tiny_batch


def values_of(evaluation, row):
    found = measure_budgets(evaluation, row)
    assert all(tuple(r) == COLUMNS["budgets"] for r in found["budgets"])
    return {(r["rule"], r["metric"]): r for r in found["budgets"]}, found["evaluation_cost"][0]


def test_each_rule_asks_with_its_own_budget():
    evaluation = tiny_evaluation(tiny_setting(batch=tiny_batch(9)), fixed_evals=64, evals_per_word=10)
    found, cost = values_of(evaluation, 0)
    subject = subject_of(evaluation, 0)
    spent = 0
    for rule, budget, limit in (("fixed", 64, 6), ("per word", 90, 6)):
        assert {found[rule, m]["n_evals"] for m in ("spearman", "spearman_abs")} == {budget}
        config = changed(evaluation.setting, shapley_evals=budget, lime_samples=budget, exact_limit=limit).config
        shap, lime = (
            attribute(subject, method, config, rng_of(0, "t0", method, "budget", rule))
            for method in ("shapley", "lime")
        )
        assert shap.estimator == "odd-order regression"
        assert shap.n_evals <= budget
        assert lime.n_evals <= budget + 1  # the empty text, which its samples may lack
        spent += shap.n_evals + lime.n_evals
        assert found[rule, "spearman"]["value"] == pytest.approx(spearmanr(shap.scores, lime.scores).statistic)
        assert found[rule, "spearman"]["n_words"] == 9
    assert cost["n_evals"] == spent
    assert found["fixed", "spearman"]["value"] != found["per word", "spearman"]["value"]


@pytest.mark.parametrize(("n_words", "exact"), [(6, True), (7, False)])
def test_values_are_exact_where_all_coalitions_fit(n_words, exact, monkeypatch):
    asked = []
    evaluation = tiny_evaluation(tiny_setting(batch=tiny_batch(n_words), exact_limit=14), fixed_evals=64)
    real = attribute
    monkeypatch.setattr("study.evaluation.budgets.attribute", lambda *given: asked.append(real(*given)) or asked[-1])
    measure_budgets(evaluation, 0)
    assert asked[0].method == "shapley"
    assert (asked[0].estimator == "exact") is exact  # 2^6 fit, 2^7 do not, whatever explain.exact_limit says
    assert asked[0].n_evals <= 64


def test_a_budget_too_small_for_a_fit_has_no_value():
    evaluation = tiny_evaluation(tiny_setting(batch=tiny_batch(9)), fixed_evals=36)  # 4 (n + 1) = 40
    found, cost = values_of(evaluation, 0)
    assert math.isnan(found["fixed", "spearman"]["value"])
    assert math.isfinite(found["per word", "spearman"]["value"])
    assert cost["n_evals"] <= 2 * 72 + 1
    enough = replace(evaluation, config=evaluation.config.model_copy(update={"fixed_evals": 40}))
    assert math.isfinite(values_of(enough, 0)[0]["fixed", "spearman"]["value"])


@pytest.mark.parametrize("n_words", [0, 1])
def test_texts_too_short_to_rank_have_no_value(n_words):
    found, cost = values_of(tiny_evaluation(tiny_setting(batch=tiny_batch(n_words, 4))), 0)
    assert len(found) == 4
    assert all(math.isnan(row["value"]) for row in found.values())
    assert cost["n_evals"] == 0


def test_shap_or_lime_alone_agrees_with_nothing():
    assert measure_budgets(tiny_evaluation(tiny_setting(methods=("shapley", "occlusion"))), 0) == {}
    assert measure_budgets(tiny_evaluation(tiny_setting(methods=("occlusion", "lime"))), 0) == {}
