"""What a head does when another one is missing: the effect that a backup has, and a head that has a backup."""

from __future__ import annotations

import time

import numpy as np

from study.config import HeadsConfig
from study.heads.ablation import trial_ablations
from study.heads.batch import HeadBatch, even_seconds, make_attributions
from study.model.ablation import zero_fill
from study.records import FloatArray, HeadAttribution


def attribute_zero_pairs(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Every head's largest effect with nobody or one other head missing, by zero, logits: m(-j) - m(-j and -h).

    The one of the largest size, its sign kept; so never smaller than `ablation_zero`'s, and it grows with the number
    of partners to choose from. By zero, since the mean of a head may carry the sign that keeps its backup asleep;
    like all of zero ablation it takes a constant write for an effect. Blind to a third head that would stand in.
    Sources: Wang et al. 2023 (backup heads show once others are knocked out); McGrath et al. 2023 (self-repair).
    """
    started = time.perf_counter()
    model = batch.model
    margin = trial_ablations(model, batch.token_ids, batch.attend, batch.target, zero_fill(model))
    n_heads = margin.shape[1] - 1
    return make_attributions(
        batch,
        "ablation_zero_pairs",
        "causal",
        list(largest_effects(margin)),
        ablation="zero",
        n_evals=[1 + n_heads + n_heads * (n_heads - 1) // 2] * len(batch),
        seconds=even_seconds(batch, started),
    )


def largest_effects(margin: FloatArray) -> FloatArray:
    """[example head] from margins without two heads [example 1+head 1+head], as `trial_ablations` gives them."""
    effect = margin[:, :, :1] - margin[:, :, 1:]  # [example partner head]; a head beside itself: 0
    largest = np.abs(effect).argmax(1)[:, None]
    return np.take_along_axis(effect, largest, 1)[:, 0]
