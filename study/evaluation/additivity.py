"""How much of what a model does with a text is a sum over its words, so that a linear explanation can say it.

Hypothesis H1: SHAP and LIME agree as far as the model is additive around the text, whether it is right or not.
"""

from __future__ import annotations

import time

import numpy as np

from study.evaluation.setting import Evaluation, Tables, cost_row, subject_of
from study.features.randomness import draw_seed
from study.game.surrogate import sample_masks
from study.records import BoolArray, FloatArray
from study.seeds import rng_of

_CONSTANT = 1e-5  # standard deviation, in units of the largest value or one logit: single precision leaves less


def measure_additivity(evaluation: Evaluation, row: int) -> Tables:
    """The row of `additivity` for the text at `row`: the additive share of its game around the full text.

    Fitted on as many masks as LIME draws, with its own sampling and weights, and tried on `additivity_masks` new ones
    (n_masks). n_words: those that the model reads.
    """
    started = time.perf_counter()
    setting, subject = evaluation.setting, subject_of(evaluation, row)
    n, n_masks = subject.n_players, evaluation.config.additivity_masks
    share, game = float("nan"), subject.new_game()
    if n:
        parts = []
        for purpose, n_samples in (("fit", setting.config.lime_samples), ("held out", n_masks)):
            seed = draw_seed(rng_of(setting.seed, subject.example_id, "additivity", purpose))
            present, weights = sample_masks(n, n_samples, seed)
            parts.append((present, game.value(present).sum(axis=1), weights))
        share = additive_share(*parts)
    found = {"example_id": subject.example_id, "n_words": n, "additive_share": share, "n_masks": n_masks}
    cost = cost_row(subject.example_id, "additivity", game.n_evals, started)
    return {"additivity": [found], "evaluation_cost": [cost]}


def additive_share(
    fit: tuple[BoolArray, FloatArray, FloatArray], held_out: tuple[BoolArray, FloatArray, FloatArray]
) -> float:
    """1 - Var(v - a) / Var(v) on held-out coalitions, a the best weighted additive fit to the others; at most 1.

    1: v is a constant plus one number a word. 0: the words' own effects say nothing; less: the fit misleads elsewhere.
    NaN for a constant game. fit, held_out: (present [coalition word], v [coalition], weight [coalition]); variances
    are weighted as well. No ridge: what is asked is what additive functions can say, not what LIME's penalty lets them.
    """
    present, values, weight = held_out
    if np.sqrt(_variance(values, weight)) <= _CONSTANT * max(1.0, float(np.abs(values).max(initial=0.0))):
        return float("nan")
    root = np.sqrt(fit[2])
    design, _, _, _ = np.linalg.lstsq(root[:, None] * _with_constant(fit[0]), root * fit[1], rcond=None)
    rest = values - _with_constant(present) @ design
    return 1.0 - _variance(rest, weight) / _variance(values, weight)


def _with_constant(present: BoolArray) -> FloatArray:
    return np.concatenate([present.astype(np.float64), np.ones((len(present), 1))], axis=1)


def _variance(values: FloatArray, weight: FloatArray) -> float:
    return float(np.average((values - np.average(values, weights=weight)) ** 2, weights=weight))
