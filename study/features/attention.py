"""Attention as an explanation: how much the readout position looks at each word.

Unsigned: these scores say where the model looks, not which class a word speaks for, so they are compared
by absolute value only and left out of sign metrics. They are no logits and split over no components.
"""

from __future__ import annotations

import time

import numpy as np

from study.config import ExplainConfig
from study.features.assemble import attribute_positions
from study.game.subject import Subject
from study.records import FeatureAttribution, FloatArray


def explain_attention(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """Attention of the readout position in the last layer, mean over heads; unsigned, in [0, 1]; nothing is drawn.

    What the readout pays to itself (CLS) is left out, so scores sum to one minus that. Evaluations: one
    forward pass, and the game's two ends.
    """
    started = time.perf_counter()
    readout_row = subject.white_box.attention()[-1].mean(axis=0)[0]
    return attribute_positions(subject, started, "attention", "last layer, mean over heads", readout_row, n_passes=1)


def explain_rollout(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """Attention rollout to the readout position; unsigned, in [0, 1]; nothing is drawn.

    Per layer 0.5 A + 0.5 I, A the mean over heads, rows made to sum to one, multiplied from the first
    layer to the last. Excludes MLPs and what the values do. Evaluations: one forward pass, and the
    game's two ends. Source: Abnar and Zuidema 2020, section 3.
    """
    started = time.perf_counter()
    flow = roll_out(subject.white_box.attention())
    return attribute_positions(subject, started, "rollout", "Abnar and Zuidema 2020", flow[0], n_passes=1)


def roll_out(attention: FloatArray) -> FloatArray:
    """[layer head dest src] -> [dest src], how much of each first-layer input reaches each output."""
    n_positions = attention.shape[-1]
    flow = np.eye(n_positions)
    for by_head in attention:
        mixed = 0.5 * by_head.mean(axis=0) + 0.5 * np.eye(n_positions)
        flow = mixed / mixed.sum(axis=-1, keepdims=True) @ flow
    return flow
