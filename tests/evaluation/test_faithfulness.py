"""The grid of explainers and operators on tiny cells: against plain forward passes, and what it costs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from study.evaluation.faithfulness import measure_faithfulness
from study.evaluation.rows import COLUMNS
from study.evaluation.setting import Evaluation, attribute, subject_of, under
from study.metrics import FAITHFULNESS
from study.metrics.faithfulness import draw_removals
from study.model.protocol import margins
from study.records import MASK_ID
from study.seeds import rng_of
from tests.evaluation.cells import METHODS, tiny_evaluation, tiny_setting, with_seed
from tests.tiny import TINY, tiny_batch, tiny_model

OPERATORS = ("mask", "delete", "resample")


def evaluation_of(*n_words: int, **changed) -> Evaluation:
    setting = tiny_setting(batch=tiny_batch(*(n_words or (6, 3)), n_cut=1))
    return tiny_evaluation(setting, **{"removals": OPERATORS, "explained_under": ("delete",)} | changed)


@pytest.fixture(scope="module")
def evaluation():
    return evaluation_of()


@pytest.fixture(scope="module")
def tables(evaluation):
    return measure_faithfulness(evaluation, 0)


def by_key(tables, metric):
    return {
        (r["method"], r["explained_under"], r["removed_by"]): r["value"]
        for r in tables["faithfulness"]
        if r["metric"] == metric
    }


def plain_margin(evaluation, row, present, removal):
    """Towards the predicted class, by a forward pass of its own; present: [word]."""
    model, batch = evaluation.setting.model, evaluation.setting.batch
    n = len(present)
    ids = batch.token_ids[row, : n + 1].copy()
    if removal == "delete":
        ids = ids[np.concatenate([[True], present])]
    else:
        ids[1:][~present] = MASK_ID
    tokens, target = torch.tensor(ids[None]), torch.tensor(evaluation.setting.contributions.target[row : row + 1])
    margin = float(margins(model.logits(tokens, torch.ones_like(tokens, dtype=torch.bool)), target)[0])
    return np.sign(evaluation.setting.contributions.margin[row]) * margin


def test_every_explainer_under_every_operator(evaluation, tables):
    explainers = [*((m, "mask") for m in METHODS), ("shapley", "delete"), ("lime", "delete")]
    keys = [(r["method"], r["explained_under"], r["removed_by"], r["metric"]) for r in tables["faithfulness"]]
    assert keys == [(*e, operator, m) for operator in OPERATORS for e in explainers for m in FAITHFULNESS]
    for name, rows in tables.items():
        assert all(set(row) == set(COLUMNS[name]) for row in rows)
        assert {row["example_id"] for row in rows} == {"t0"}
    for row in tables["faithfulness"]:
        unsigned = row["method"] == "attention" and row["metric"] == "infidelity_error"
        assert math.isnan(row["value"]) == unsigned
        low, high = FAITHFULNESS.load(row["metric"]).bounds
        assert unsigned or low <= row["value"] <= high


@pytest.mark.parametrize("operator", ["mask", "delete"])
@pytest.mark.parametrize("row", [0, 1])
def test_values_are_those_of_plain_forward_passes(evaluation, operator, row):
    found = measure_faithfulness(evaluation, row)
    example_id = f"t{row}"
    n, sign = (6, 3)[row], np.sign(evaluation.setting.contributions.margin[row])
    rng = rng_of(evaluation.setting.data_seed, example_id, "random removals")
    removed = draw_removals(n, evaluation.config.infidelity_samples, rng)
    full = plain_margin(evaluation, row, np.ones(n, dtype=bool), operator)
    for method in ("shapley", "lime", "attention"):
        scores = evaluation.scores[example_id][method][:n]
        support = np.abs(scores) if method == "attention" else sign * scores
        order = np.argsort(-support)
        sizes = [math.ceil(n * tenth / 10) for tenth in (1, 2, 3, 4, 5)]
        without = [plain_margin(evaluation, row, ~np.isin(np.arange(n), order[:k]), operator) for k in sizes]
        only = [plain_margin(evaluation, row, np.isin(np.arange(n), order[:k]), operator) for k in sizes]
        key = (method, "mask", operator)
        assert by_key(found, "comprehensiveness_score")[key] == pytest.approx(full - np.mean(without))
        assert by_key(found, "sufficiency_error")[key] == pytest.approx(full - np.mean(only))
        if method != "attention":
            lost = [full - plain_margin(evaluation, row, ~gone, operator) for gone in removed]
            assert by_key(found, "infidelity_error")[key] == pytest.approx(np.mean((removed @ support - lost) ** 2))


def test_explained_under_another_operator_are_that_operators_scores(evaluation, tables):
    """The scores the rows are about: asked again under `delete`, and different from those under `mask`."""
    setting = evaluation.setting
    config, subject = under(setting, removal="delete").config, subject_of(evaluation, 0, "delete")
    scores = {m: attribute(subject, m, config, rng_of(0, "t0", m, "under", "delete")).scores for m in METHODS[:2]}
    only_these = evaluation.config.model_copy(update={"explained_under": ()})
    changed = replace(evaluation, scores={"t0": scores}, config=only_these)
    for metric in ("comprehensiveness_score", "infidelity_error", "deletion_area_error"):
        expected, found = by_key(measure_faithfulness(changed, 0), metric), by_key(tables, metric)
        for method in METHODS[:2]:
            for operator in OPERATORS:
                assert found[method, "delete", operator] == pytest.approx(expected[method, "mask", operator])
                assert found[method, "delete", operator] != pytest.approx(found[method, "mask", operator])


def test_the_studys_own_operator_is_not_explained_twice():
    found = measure_faithfulness(evaluation_of(explained_under=("mask",)), 0)
    assert {r["explained_under"] for r in found["faithfulness"]} == {"mask"}
    assert len(found["faithfulness"]) == len(METHODS) * len(OPERATORS) * len(FAITHFULNESS)


def test_curves_start_and_end_with_the_full_and_the_empty_text(evaluation, tables):
    points = [r for r in tables["perturbation_curves"] if r["method"] == "lime" and r["explained_under"] == "mask"]
    assert len(points) == 3 * 2 * 11
    full, empty = (plain_margin(evaluation, 0, np.full(6, kept), "mask") for kept in (True, False))
    masked = [r for r in points if r["removed_by"] == "mask"]
    deletion, insertion = ([r for r in masked if r["order"] == order] for order in ("deletion", "insertion"))
    assert [r["fraction"] for r in deletion] == [r["fraction"] for r in insertion] == [k / 10 for k in range(11)]
    assert [r["n_removed"] for r in deletion] == [0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6]
    assert [r["n_removed"] for r in insertion] == [6, 5, 4, 4, 3, 3, 2, 1, 1, 0, 0]
    assert [deletion[0]["margin"], deletion[-1]["margin"]] == pytest.approx([full, empty])
    assert [insertion[0]["margin"], insertion[-1]["margin"]] == pytest.approx([empty, full])


def test_deterministic_and_the_same_removals_in_every_training_seed(evaluation, tables):
    again, other = measure_faithfulness(evaluation, 0), measure_faithfulness(with_seed(evaluation, 5), 0)
    assert str(again["faithfulness"]) == str(tables["faithfulness"])  # NaN and all
    first, second = (by_key(t, "infidelity_error") for t in (tables, other))
    assert first["occlusion", "mask", "delete"] == second["occlusion", "mask", "delete"]
    assert first["lime", "delete", "delete"] != second["lime", "delete", "delete"]  # drawn anew


def test_the_cost_counts_every_evaluation(evaluation, tables):
    """Explaining again, and all coalitions of six words once under each operator."""
    config, subject = under(evaluation.setting, removal="delete").config, subject_of(evaluation, 0, "delete")
    again = sum(attribute(subject, m, config, rng_of(0, "t0", m, "under", "delete")).n_evals for m in METHODS[:2])
    (cost,) = tables["evaluation_cost"]
    assert cost["n_evals"] == again + 3 * 2**6
    assert cost["seconds"] > 0
    assert (cost["trained"], cost["method"]) == (True, "faithfulness")


def test_a_text_without_words_and_one_with_a_single_word():
    found = evaluation_of(0, 1)
    nothing, single = (measure_faithfulness(found, row) for row in (0, 1))
    assert all(math.isnan(r["value"]) for r in nothing["faithfulness"])
    assert nothing["perturbation_curves"] == []
    assert all(math.isfinite(v) for v in by_key(single, "comprehensiveness_score").values())
    assert all(math.isnan(v) for v in by_key(single, "comprehensiveness_normalised_score").values())


def test_a_margin_of_zero_predicts_nothing():
    model = tiny_model()
    model.W_U.zero_()
    model.b_U.zero_()
    found = measure_faithfulness(tiny_evaluation(tiny_setting(model), removals=("mask",), explained_under=()), 0)
    assert all(math.isnan(r["value"]) for r in found["faithfulness"])


def test_more_than_two_classes():
    """The target is the predicted class: its margin is upwards already."""
    setting = tiny_setting(tiny_model(n_classes=3), tiny_batch(5, n_classes=3))
    found = measure_faithfulness(tiny_evaluation(setting, removals=("mask",), explained_under=()), 0)
    start = next(r for r in found["perturbation_curves"] if r["fraction"] == 0)
    assert start["margin"] == pytest.approx(float(setting.contributions.margin[0]))
    assert start["margin"] > 0


def test_long_texts_are_measured_by_beam_search():
    """Twelve words: fewer evaluations than there are coalitions, and normalised values within their bounds."""
    model = tiny_model(TINY.model_copy(update={"max_words": 12}))
    setting = tiny_setting(model, tiny_batch(12), shapley_evals=288)
    found = measure_faithfulness(tiny_evaluation(setting, removals=("mask",), explained_under=()), 0)
    assert found["evaluation_cost"][0]["n_evals"] < 800
    values = by_key(found, "comprehensiveness_normalised_score")
    assert all(0 <= v <= 1 for v in values.values())
    assert values["shapley", "mask", "mask"] > values["random", "mask", "mask"]
