"""LIME against the lime package run on text, and against its one-output fit."""

from __future__ import annotations

import string

import numpy as np
import pytest
from lime.lime_text import LimeTextExplainer

from study.config import ExplainConfig
from study.features.assemble import with_margin
from study.features.lime import explain_lime
from study.game.surrogate import fit_ridge, sample_masks
from tests.features.synthetic import make_subject

WORDS = list(string.ascii_lowercase)


def explain_with_the_package(game, n_samples: int, seed: int, output: int):
    """LimeTextExplainer on a text of distinct words, each sample a string that is read back into a mask."""
    words = WORDS[: game.n_players]

    def classify(texts):
        masks = np.array([[word in text.split() for word in words] for text in texts])
        values = game.value(masks)
        return np.concatenate([values, values.sum(axis=1, keepdims=True)], axis=1)

    explainer = LimeTextExplainer(bow=False, feature_selection="none", mask_string="MASKED", random_state=seed)
    explanation = explainer.explain_instance(
        " ".join(words), classify, labels=(output,), num_features=len(words), num_samples=n_samples
    )
    return np.array([weight for _, weight in sorted(explanation.as_map()[output])])


@pytest.mark.parametrize("n", [2, 7, 20])
def test_every_output_equals_the_package_on_text(n):
    subject = make_subject(n)
    ours = explain_lime(subject, ExplainConfig(lime_samples=300), np.random.default_rng(1))
    for output in (0, 4):
        theirs = explain_with_the_package(subject.new_game(), 300, ours.seed, output)
        assert ours.by_component[:, output] == pytest.approx(theirs, abs=1e-9)
    theirs = explain_with_the_package(subject.new_game(), 300, ours.seed, 5)
    assert ours.scores == pytest.approx(theirs, abs=1e-9)


def test_one_ridge_equals_lime_base_per_component():
    game = make_subject(12).new_game()
    present, weights = sample_masks(12, 400, seed=2)
    values = with_margin(game.value(present))
    base = LimeTextExplainer(random_state=0).base
    distances = 100 * (1 - np.sqrt(present.mean(axis=1)))  # cosine distance of 0/1 rows to all ones
    together = fit_ridge(present, values, weights)
    for k in range(len(game.index) + 1):
        _, pairs, _, _ = base.explain_instance_with_data(
            present.astype(float), values, distances, k, 12, feature_selection="none"
        )
        assert together[:, k] == pytest.approx([weight for _, weight in sorted(pairs)], abs=1e-9)


def test_repeats_are_evaluated_once_but_keep_their_weight():
    subject = make_subject(3)
    attribution = explain_lime(subject, ExplainConfig(lime_samples=500), np.random.default_rng(0))
    assert attribution.n_evals <= 8
    present, weights = sample_masks(3, 500, attribution.seed)
    assert len(present) == 500
    rows, first = np.unique(present, axis=0, return_index=True)
    values = with_margin(subject.new_game().value(rows))
    assert np.abs(fit_ridge(rows, values, weights[first])[:, -1] - attribution.scores).max() > 1e-3


def test_rows_add_up_but_words_need_not():
    attribution = explain_lime(make_subject(10), ExplainConfig(), np.random.default_rng(0))
    assert attribution.by_component.sum(axis=1) == pytest.approx(attribution.scores, abs=1e-9)
    assert abs(attribution.scores.sum() - (attribution.output - attribution.base)) > 1e-3


def test_budget():
    attribution = explain_lime(make_subject(25), ExplainConfig(lime_samples=64), np.random.default_rng(0))
    assert attribution.n_evals <= 64 + 2
