"""LIME on word masks: one ridge for all components on the lime package's samples (`study.game.surrogate`).

Source: Ribeiro, Singh and Guestrin 2016.
"""

from __future__ import annotations

import time

import numpy as np

from study.config import ExplainConfig
from study.features.assemble import evaluate_ends, make_attribution, with_margin
from study.features.randomness import draw_seed
from study.game.subject import Subject
from study.game.surrogate import fit_ridge, sample_masks
from study.records import FeatureAttribution


def explain_lime(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """LIME coefficients of the words: a weighted ridge (alpha 1, free intercept) on `lime_samples` word masks.

    Linear in the function explained, so components add up to the margin's coefficients; not efficient:
    the coefficients do not add up to v(all) - v(empty). Repeated samples are evaluated once and keep
    their weight. Evaluations: at most lime_samples + 1.
    """
    started = time.perf_counter()
    seed = draw_seed(rng)
    game = subject.new_game()
    ends = evaluate_ends(game)
    if game.n_players:
        present, weights = sample_masks(game.n_players, config.lime_samples, seed)
        coefficients = fit_ridge(present, with_margin(game.value(present)), weights)
    else:
        coefficients = np.empty((0, len(game.index) + 1))
    return make_attribution(
        subject,
        method="lime",
        estimator="lime samples and kernel, one sklearn Ridge",
        scores=coefficients[:, -1],
        by_component=coefficients[:, :-1],
        ends=ends,
        seed=seed,
        n_evals=game.n_evals,
        started=started,
    )
