"""Controls: explanations that know nothing. A metric on which they do well measures something else."""

from __future__ import annotations

import time

import numpy as np

from study.config import ExplainConfig
from study.features.assemble import evaluate_ends, make_attribution
from study.features.randomness import draw_seed
from study.game.subject import Subject
from study.records import FeatureAttribution


def explain_random(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """Independent standard normal scores: what chance agreement looks like. Evaluations: the game's two ends."""
    started = time.perf_counter()
    seed = draw_seed(rng)
    game = subject.new_game()
    ends = evaluate_ends(game)
    return make_attribution(
        subject,
        method="random",
        estimator="standard normal",
        scores=np.random.default_rng(seed).standard_normal(game.n_players),
        by_component=None,
        ends=ends,
        seed=seed,
        n_evals=game.n_evals,
        started=started,
    )
