"""The direct crosswalk: its identities, and that breaking them shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from study.config import ExplainConfig
from study.crosswalk.direct import build_direct
from study.features.lime import explain_lime
from study.features.occlusion import explain_occlusion
from study.features.shapley import explain_shap, explain_shapley
from tests.features.synthetic import make_subject

CONFIG = ExplainConfig(exact_limit=6, shapley_evals=100, shap_evals=100, lime_samples=100)


@pytest.mark.parametrize("n", [1, 6, 12])  # exact, and sampled
@pytest.mark.parametrize(("method", "explain"), [("shapley", explain_shapley), ("shap", explain_shap)])
def test_shap_rows_and_columns(method, explain, n):
    subject = make_subject(n, n_cut=2)
    attribution = explain(subject, CONFIG, np.random.default_rng(0))
    crosswalk = build_direct(attribution, subject.index)
    assert (crosswalk.method, crosswalk.kind) == (method, "direct")
    assert np.abs(crosswalk.row_residual[:n]).max() < 1e-9
    assert np.abs(crosswalk.column_residual).max() < 1e-9
    assert np.isnan(crosswalk.cells[n:]).all()
    assert np.isnan(crosswalk.row_residual[n:]).all()


@pytest.mark.parametrize("explain", [explain_lime, explain_occlusion])
def test_others_have_rows_but_no_columns(explain):
    subject = make_subject(8)
    crosswalk = build_direct(explain(subject, CONFIG, np.random.default_rng(0)), subject.index)
    assert np.abs(crosswalk.row_residual).max() < 1e-9
    assert np.isnan(crosswalk.column_residual).all()


def test_a_wrong_score_or_cell_shows_in_the_residuals():
    subject = make_subject(6)
    attribution = explain_shap(subject, CONFIG, np.random.default_rng(0))
    cells = attribution.by_component.copy()
    cells[2, 1] += 0.5
    broken = build_direct(replace(attribution, by_component=cells), subject.index)
    assert broken.row_residual == pytest.approx([0, 0, -0.5, 0, 0, 0], abs=1e-9)
    assert broken.column_residual == pytest.approx([0, -0.5, 0, 0, 0], abs=1e-9)


def test_a_text_without_words():
    subject = make_subject(0)
    crosswalk = build_direct(explain_shap(subject, CONFIG, np.random.default_rng(0)), subject.index)
    assert crosswalk.cells.shape == (0, 5)
    assert crosswalk.column_residual == pytest.approx(np.zeros(5))


def test_a_method_without_components_is_refused():
    subject = make_subject(4)
    attribution = replace(explain_shap(subject, CONFIG, np.random.default_rng(0)), by_component=None, method="rollout")
    with pytest.raises(ValueError, match="'rollout' does not split over components"):
        build_direct(attribution, subject.index)
