"""Each head alone taken from the effect of the words: the cheap cousin of the heads' Shapley values.

It understates what heads share: where one can stand in for another, neither is missed. Source: METHODS, section 5.
"""

from __future__ import annotations

import time

import numpy as np

from study.config import HeadsConfig
from study.heads.batch import HeadBatch, make_attributions
from study.heads.players import words_effects
from study.records import HeadAttribution


def attribute_leave_one_out(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """u(all heads) - u(all but this one), logits; the missing head is mean-ablated. u: what the words do.

    The column sum of the leave-one-head-out crosswalk; `ablation_mean` is the same in the margin itself. Answered by
    the table that `shapley` counts where all subsets are known; otherwise two evaluations a head more.
    """
    scores, n_evals, seconds = [], [], []
    for subject, play in zip(batch.subjects, batch.plays, strict=True):
        started = time.perf_counter()
        effect, evaluated = words_effects(subject, play, ~np.eye(play.plan.masks.shape[1], dtype=bool))
        scores.append(play.words_effect[-1] - effect)
        n_evals.append(evaluated)
        seconds.append(time.perf_counter() - started)
    return make_attributions(
        batch, "leave_one_out", "causal", scores, ablation="mean", n_evals=n_evals, seconds=seconds
    )
