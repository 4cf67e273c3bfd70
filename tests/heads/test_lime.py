"""LIME over heads against the lime package's own fit on the same masks."""

from __future__ import annotations

import numpy as np
import pytest
from lime.lime_text import LimeTextExplainer

from study.game.surrogate import sample_masks
from study.heads.lime import attribute_lime
from study.heads.players import words_effects
from study.seeds import rng_of
from tests.heads.batches import CONFIG, head_batch
from tests.heads.test_players import EIGHT, SAMPLED
from tests.tiny import TINY, VARIANTS, tiny_batch, tiny_model


@pytest.mark.parametrize("config", [CONFIG, SAMPLED], ids=["all subsets known", "sampled subsets"])
def test_equal_to_lime_base(config):
    model = tiny_model(EIGHT)
    batch, known = head_batch(model, config=config, seed=7), head_batch(model)
    base = LimeTextExplainer(random_state=0).base
    for subject, play, found in zip(batch.subjects, known.plays, attribute_lime(batch, config), strict=True):
        seed = int(rng_of(7, subject.example_id, "lime").integers(2**31 - 1))
        present, _ = sample_masks(8, config.lime_samples, seed)
        effect = play.words_effect[present @ (1 << np.arange(8))]
        distances = 100 * (1 - np.sqrt(present.mean(axis=1)))
        _, pairs, _, _ = base.explain_instance_with_data(
            present.astype(float), effect[:, None], distances, 0, 8, feature_selection="none"
        )
        expected = [weight for _, weight in sorted(pairs)]
        assert found.scores.ravel() == pytest.approx(expected, abs=1e-12)
        assert np.abs(expected).max() > 1e-2
        assert found.n_evals == (0 if config is CONFIG else 2 * len(np.unique(present, axis=0)))
        assert found.error is None


def test_a_game_that_is_a_sum_gives_its_terms():
    """LayerNorm off and one attention-only layer: every head adds to the margin on its own."""
    model = tiny_model(VARIANTS["one layer, attention only, LayerNorm off"].model_copy(update={"n_heads": 4}))
    batch = head_batch(model, tiny_batch(6))
    u = batch.plays[0].words_effect
    found = attribute_lime(batch, CONFIG.model_copy(update={"lime_samples": 8000}))[0].scores.ravel()
    assert found == pytest.approx([u[1] - u[0], u[2] - u[0], u[4] - u[0], u[8] - u[0]], abs=0.01)


def test_one_head():
    model = tiny_model(TINY.model_copy(update={"n_layers": 1, "n_heads": 1}))
    batch = head_batch(model, config=CONFIG)
    found = attribute_lime(batch, CONFIG.model_copy(update={"lime_samples": 2000}))
    for record, play in zip(found, batch.plays, strict=True):
        assert record.scores.shape == (1, 1)
        effect, _ = words_effects(batch.subjects[0], play, np.array([[True], [False]]))
        assert np.sign(record.scores[0, 0]) == np.sign(effect[0] - effect[1])
