"""What every registered explainer must do, on a synthetic game and on a small real model."""

# ruff: noqa: NPY002 - global random state is what these tests watch

from __future__ import annotations

import numpy as np
import pytest
import torch

from study.config import ExplainConfig, ModelConfig
from study.config.limits import SHAPLEY_METHODS, primary_shapley
from study.features import EXPLAINERS
from study.game.removals import MASK_WORDS
from study.game.subject import Subject
from study.game.subject import make_subject as make_real_subject
from study.model.encoder import Encoder
from study.records import TextBatch
from tests.features.synthetic import make_subject

CONFIG = ExplainConfig(exact_limit=5, shapley_evals=64, shap_evals=64, lime_samples=64, ig_steps=8)
BUDGET = {
    "shapley": 64,
    "shap": 64,
    "lime": 64,
    "occlusion": 9,
    "gradient_x_input": 1,
    "integrated_gradients": 8,
    "attention": 1,
    "rollout": 1,
    "random": 0,
}


def real_subject(n_players: int, n_cut: int = 0) -> Subject:
    """One text before an untrained encoder of 2 layers, 2 heads, width 8, in float64."""
    model = Encoder(ModelConfig(name="tiny", n_layers=2, n_heads=2, d_model=8, d_mlp=16), n_tokens=40, n_classes=2)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    model = model.double().eval()
    n_positions = n_players + 1
    batch = TextBatch(
        example_id=("real",),
        text=("",),
        words=(tuple(f"w{i}" for i in range(n_players + n_cut)),),
        token_ids=np.array([[1, *range(4, 4 + n_players)]]),
        attend=np.ones((1, n_positions), dtype=bool),
        word_of_token=np.arange(-1, n_players)[None],
        label=np.array([1]),
    )
    replacements = np.full((1, n_players), 2)
    return make_real_subject(model, batch, 0, target=1, removal=MASK_WORDS, replacements=replacements, chunk_size=32)


SUBJECTS = {"synthetic": make_subject, "real": real_subject}


@pytest.fixture(params=SUBJECTS)
def subjects(request):
    return SUBJECTS[request.param]


def explain(method: str, subject: Subject, seed: int = 0):
    return EXPLAINERS.load(method)(subject, CONFIG, np.random.default_rng(seed))


@pytest.mark.parametrize("method", EXPLAINERS)
def test_one_score_per_word_within_budget(method, subjects):
    for n in (0, 1, 2, 7):
        attribution = explain(method, subjects(n, n_cut=3))
        assert attribution.method == method
        assert attribution.scores.shape == (n + 3,)
        assert np.isfinite(attribution.scores[:n]).all()
        assert np.isnan(attribution.scores[n:]).all()
        assert attribution.n_evals <= BUDGET.get(method, CONFIG.lime_samples) + 2
        assert attribution.seconds > 0
        if attribution.by_component is not None:
            assert np.isnan(attribution.by_component[n:]).all()
            rows = attribution.by_component[:n].sum(axis=1)
            assert rows == pytest.approx(attribution.scores[:n], abs=1e-9)


@pytest.mark.parametrize("method", EXPLAINERS)
def test_ends_are_those_of_the_game(method, subjects):
    subject = subjects(7)
    attribution = explain(method, subject)
    base, output = subject.new_game().value(np.array([[False] * 7, [True] * 7]))
    assert attribution.base_by_component == pytest.approx(base, abs=1e-12)
    assert attribution.output_by_component == pytest.approx(output, abs=1e-12)
    assert (attribution.base, attribution.output) == pytest.approx((base.sum(), output.sum()))


@pytest.mark.parametrize("method", EXPLAINERS)
def test_the_seed_decides_and_global_state_does_not(method):
    subject = make_subject(9)
    np.random.seed(1)
    torch.manual_seed(1)
    first = explain(method, subject, seed=5)
    np.random.seed(2)
    torch.manual_seed(2)
    untouched = np.random.get_state()[1].tolist()
    again = explain(method, subject, seed=5)
    assert np.array_equal(first.scores, again.scores)
    assert first.seed == again.seed
    assert np.random.get_state()[1].tolist() == untouched
    other = explain(method, subject, seed=6)
    assert np.array_equal(first.scores, other.scores) == (first.seed is None)


@pytest.mark.parametrize("method", EXPLAINERS)
def test_documented(method):
    assert len(EXPLAINERS.load(method).__doc__) > 80


@pytest.mark.parametrize("method", SHAPLEY_METHODS)
def test_shapley_values_sum_to_the_margins_rise_on_the_real_model(method):
    for n in (5, 12):  # exact, and sampled
        attribution = explain(method, real_subject(n))
        assert attribution.scores.sum() == pytest.approx(attribution.output - attribution.base, abs=1e-9)
        gain = attribution.output_by_component - attribution.base_by_component
        assert attribution.by_component.sum(axis=0) == pytest.approx(gain, abs=1e-8)  # shap zeroes below 1e-10


def test_sampled_shapley_values_are_near_the_exact_ones_on_the_real_model():
    exact = EXPLAINERS.load("shapley")(real_subject(12), ExplainConfig(), np.random.default_rng(0))
    config = ExplainConfig(exact_limit=8, shapley_evals=512)
    sampled = [EXPLAINERS.load("shapley")(real_subject(12), config, np.random.default_rng(seed)) for seed in range(3)]
    assert {a.estimator for a in sampled} == {"odd-order regression"}
    errors = [np.linalg.norm(a.scores - exact.scores) / np.linalg.norm(exact.scores) for a in sampled]
    assert 1e-6 < np.mean(errors) < 0.03


def test_the_studys_own_shapley_values_come_first():
    assert primary_shapley(("lime", "shap", "shapley")) == "shapley"
    assert primary_shapley({"lime": 1, "shap": 2}) == "shap"
    assert primary_shapley(()) == "shapley"
    assert next(iter(EXPLAINERS)) == ExplainConfig().methods[0] == "shapley"
    assert set(SHAPLEY_METHODS) <= set(EXPLAINERS)


def test_integrated_gradients_complete_on_the_real_model():
    attribution = EXPLAINERS.load("integrated_gradients")(
        real_subject(6), ExplainConfig(ig_steps=200), np.random.default_rng(0)
    )
    assert attribution.scores.sum() == pytest.approx(attribution.output - attribution.base, abs=1e-4)
