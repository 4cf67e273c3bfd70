"""LIME over the heads of one text: its own sampled masks and kernel, on the game that the Shapley values share.

Source: Ribeiro, Singh and Guestrin 2016.
"""

from __future__ import annotations

import time

from study.config import HeadsConfig
from study.game.surrogate import fit_ridge, sample_masks
from study.heads.batch import HeadBatch, make_attributions
from study.heads.players import words_effects
from study.records import HeadAttribution
from study.seeds import rng_of


def attribute_lime(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Coefficients of a weighted ridge on u over `lime_samples` masks of heads, logits; absent heads are mean-ablated.

    Has neither an efficiency nor a null-player axiom: scores do not sum to u(all) - u(none), and a head that does
    nothing can get a score, because in the samples heads come and go together. Every sample but the first lacks a head
    or more, so of two heads the difference is seen well and the sum hardly. Where all subsets are known the table that
    `shapley` counts answers, and evaluations are 0; otherwise the distinct masks, with all words and with none.
    """
    scores, n_evals, seconds = [], [], []
    for subject, play in zip(batch.subjects, batch.plays, strict=True):
        started = time.perf_counter()
        seed = int(rng_of(batch.seed, subject.example_id, "lime").integers(2**31 - 1))  # the package takes 32 bits
        present, weights = sample_masks(play.plan.masks.shape[1], config.lime_samples, seed)
        effect, evaluated = words_effects(subject, play, present)
        scores.append(fit_ridge(present, effect[:, None], weights)[:, 0])
        n_evals.append(evaluated)
        seconds.append(time.perf_counter() - started)
    return make_attributions(batch, "lime", "causal", scores, ablation="mean", n_evals=n_evals, seconds=seconds)
