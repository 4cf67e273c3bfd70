"""Weights drawn anew from the top down: each step alone, nothing else; explanations asked about the right model."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from study.evaluation.rows import COLUMNS
from study.evaluation.sanity import measure_sanity, randomise
from tests.evaluation.cells import METHODS, tiny_evaluation, tiny_setting
from tests.tiny import VARIANTS, tiny_batch, tiny_model

STEPS = ["readout", "layer 1", "layer 0", "embeddings"]


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_step_draws_its_part_and_all_above_it(variant):
    model, fresh = (tiny_model(VARIANTS[variant], seed=seed) for seed in (0, 1))
    before = weights(model)
    found = randomise(model, fresh)
    layers = [f"layer {i}" for i in reversed(range(VARIANTS[variant].n_layers))]
    assert list(found) == ["readout", *layers, "embeddings"]
    changed = {
        step: {name for name, tensor in own.state_dict().items() if not torch.equal(tensor, before[name])}
        for step, own in found.items()
    }
    top = {"W_U", "b_U", *(f"norm_readout.{leaf}" for leaf in ("weight", "bias") if VARIANTS[variant].layer_norm)}
    assert changed["readout"] == top
    last = VARIANTS[variant].n_layers - 1
    assert changed[f"layer {last}"] == top | {name for name in before if name.startswith(f"blocks.{last}.")}
    assert changed["layer 0"] == set(before) - {"W_E", "W_pos"}
    assert changed["embeddings"] == set(before)  # nothing of the model is left
    for own in found.values():
        for name, tensor in own.state_dict().items():
            assert torch.equal(tensor, before[name]) or torch.equal(tensor, fresh.state_dict()[name])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_scores_of_every_step_are_held_against_those_of_the_trained_model():
    evaluation = tiny_evaluation()
    steps = randomise(evaluation.setting.model, tiny_model(seed=5))
    shuffled = tiny_setting(tiny_model(seed=9))
    evaluation = replace(evaluation, randomised=steps, shuffled=shuffled)
    tables = measure_sanity(evaluation, 0)
    rows = tables["sanity"]
    assert all(tuple(row) == COLUMNS["sanity"] for row in rows)
    assert list(dict.fromkeys((row["order"], row["randomised"]) for row in rows)) == [
        *enumerate(STEPS),
        (4, "labels"),
    ]
    assert {row["method"] for row in rows} == set(METHODS)
    assert {row["method"] for row in rows if row["metric"] == "spearman"} == set(METHODS) - {"attention"}
    assert tables["evaluation_cost"][0]["n_evals"] > 5 * 48
    for name, model in {**steps, "labels": shuffled.model}.items():  # occlusion draws nothing: by hand
        scores = tiny_evaluation(tiny_setting(model)).scores["t0"]["occlusion"][:6]
        before = evaluation.scores["t0"]["occlusion"][:6]
        own = {
            row["metric"]: row["value"] for row in rows if row["randomised"] == name and row["method"] == "occlusion"
        }
        assert own["spearman"] == pytest.approx(spearmanr(before, scores).statistic)
        assert own["spearman_abs"] == pytest.approx(spearmanr(np.abs(before), np.abs(scores)).statistic)


def test_the_class_asked_about_stays_that_of_the_trained_model():
    batch = tiny_batch(6, n_classes=3)
    evaluation = tiny_evaluation(tiny_setting(tiny_model(n_classes=3), batch, methods=("occlusion",)))
    target = int(evaluation.setting.contributions.target[0])
    other = copy.deepcopy(evaluation.setting.model)
    order = [c for c in range(3) if c != target]
    with torch.no_grad():  # predicts another class, the target's logit as it was
        other.b_U[order[0]] += 100.0
    rows = measure_sanity(replace(evaluation, randomised={"readout": other}), 0)["sanity"]
    assert rows[0]["value"] == pytest.approx(1.0)


def test_only_the_first_texts_are_explained_on_random_weights():
    evaluation = tiny_evaluation(sanity_texts=1)
    evaluation = replace(evaluation, randomised=randomise(evaluation.setting.model, tiny_model(seed=5)))
    assert measure_sanity(evaluation, 1) == {}
    assert measure_sanity(evaluation, 0)["sanity"]


def test_explanations_of_the_same_model_stay_the_same():
    evaluation = tiny_evaluation(tiny_setting(methods=("occlusion", "attention")))
    rows = measure_sanity(replace(evaluation, randomised={"readout": evaluation.setting.model}), 0)["sanity"]
    assert [row["value"] for row in rows] == pytest.approx([1.0] * 3)
