"""The surrogate's samples, weights and fit: those of the lime package, for any players."""

from __future__ import annotations

import numpy as np
import pytest
from lime.lime_text import LimeTextExplainer

from study.game.surrogate import fit_ridge, sample_masks


def test_samples_have_lime_weights():
    present, weights = sample_masks(9, 200, seed=3)
    assert present.dtype == np.bool_
    assert present.shape == (200, 9)
    assert present[0].all()
    assert weights[0] == 1
    distance = 100 * (1 - np.sqrt(present.mean(axis=1)))
    assert weights == pytest.approx(np.sqrt(np.exp(-(distance**2) / 25**2)), abs=1e-12)
    removed = 9 - present[1:].sum(axis=1)
    assert set(removed) == set(range(1, 10))


def test_samples_are_those_of_the_package_on_text():
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
    seen = []

    def classify(texts):
        seen.extend([[word in text.split() for word in words] for text in texts])
        return np.zeros((len(texts), 2))

    explainer = LimeTextExplainer(bow=False, mask_string="MASKED", random_state=11)
    explainer.explain_instance(" ".join(words), classify, num_samples=150)
    present, _ = sample_masks(6, 150, seed=11)
    assert present.tolist() == seen
    assert sample_masks(6, 150, seed=12)[0].tolist() != seen


def test_the_fit_equals_lime_base_output_by_output():
    present, weights = sample_masks(7, 300, seed=4)
    values = np.random.default_rng(0).normal(size=(300, 3))
    distances = 100 * (1 - np.sqrt(present.mean(axis=1)))
    found = fit_ridge(present, values, weights)
    base = LimeTextExplainer(random_state=0).base
    for k in range(3):
        _, pairs, _, _ = base.explain_instance_with_data(
            present.astype(float), values, distances, k, 7, feature_selection="none"
        )
        assert found[:, k] == pytest.approx([weight for _, weight in sorted(pairs)], abs=1e-12)


def test_the_fit_is_the_ridge_in_closed_form():
    """(X'WX + I) b = X'Wy with X and y centred by their weighted means: the intercept is free of the penalty."""
    present, weights = sample_masks(4, 60, seed=5)
    y = np.random.default_rng(1).normal(size=60)
    x = present.astype(float)
    x, y = x - weights @ x / weights.sum(), y - weights @ y / weights.sum()
    closed = np.linalg.solve(x.T @ (weights[:, None] * x) + np.eye(4), x.T @ (weights * y))
    assert fit_ridge(present, y[:, None], weights)[:, 0] == pytest.approx(closed, abs=1e-12)


def test_one_player():
    present, weights = sample_masks(1, 20, seed=0)
    assert present[0].all()
    assert not present[1:].any()  # the number removed is uniform on 1..1
    assert fit_ridge(present, present * 2.0, weights).shape == (1, 1)
