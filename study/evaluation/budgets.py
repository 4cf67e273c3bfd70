"""SHAP and LIME when both may ask the model equally often: a fixed number of times, or so many times per word.

Longer texts need more evaluations for the same precision, so agreement may fall with length for no reason but a fixed
budget (hypothesis H6).
"""

from __future__ import annotations

import time

from study.errors import ConfigError
from study.evaluation.setting import Evaluation, Row, Tables, attribute, cost_row, subject_of, under
from study.game.subject import Subject
from study.metrics.stability import rank_correlations
from study.records import FeatureAttribution
from study.seeds import rng_of

METRICS = ("spearman", "spearman_abs")


def measure_budgets(evaluation: Evaluation, row: int) -> Tables:
    """Rows of `budgets` for the text at `row`: rank correlation of SHAP and LIME within each of two budgets.

    n_words: those that the model reads; n_evals: evaluations allowed to each method. Values are exact only where all
    2^n coalitions fit the budget; NaN where it is too small for a fit, or there are fewer than two words. No rows where
    the config asks for SHAP or LIME alone.
    """
    if len(evaluation.drawing) < 2:
        return {}
    started = time.perf_counter()
    subject = subject_of(evaluation, row)
    n, config = subject.n_players, evaluation.config
    rows: list[Row] = []
    spent = 0
    for rule, budget in (("fixed", config.fixed_evals), ("per word", config.evals_per_word * n)):
        found = _explain_within(evaluation, subject, rule, budget) if n > 1 else []
        spent += sum(a.n_evals for a in found)
        compared = dict.fromkeys(METRICS, float("nan"))
        if len(found) == len(evaluation.drawing):
            compared = rank_correlations(found[0].scores, found[1].scores, evaluation.shap)
        key: Row = {"example_id": subject.example_id, "n_words": n, "rule": rule, "n_evals": budget}
        rows += [key | {"metric": metric, "value": compared[metric]} for metric in METRICS]
    return {"budgets": rows, "evaluation_cost": [cost_row(subject.example_id, "budgets", spent, started)]}


def _explain_within(evaluation: Evaluation, subject: Subject, rule: str, budget: int) -> list[FeatureAttribution]:
    """SHAP's and LIME's answers within a budget; only the first ones where the budget is too small for the next.

    exact_limit: the most words whose 2^n coalitions fit.
    """
    setting = under(
        evaluation.setting,
        shapley_evals=budget,
        shap_evals=budget,
        lime_samples=budget,
        exact_limit=budget.bit_length() - 1,
    )
    found: list[FeatureAttribution] = []
    for method in evaluation.drawing:
        rng = rng_of(setting.seed, subject.example_id, method, "budget", rule)
        try:
            found.append(attribute(subject, method, setting.config, rng))
        except ConfigError:  # how explainers say that their evaluations are too few for so many words
            break
    return found
