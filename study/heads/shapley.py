"""Shapley values of the heads of one text, in the effect of its words and in the margin itself.

Sources: Shapley 1953; METHODS, section 4.
"""

from __future__ import annotations

import time

from study.config import HeadsConfig
from study.heads.batch import HeadBatch, make_attributions
from study.records import FloatArray, HeadAttribution


def attribute_shapley(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Every head's Shapley value in u, what the words do to the margin, logits; heads not at work are mean-ablated.

    Efficient: the values of a text sum to u(all heads) - u(no head). Exact up to `exact_limit` heads, odd-order
    regression on sampled pairs above, with its standard error. Counts the evaluations and seconds of the table of
    subsets, which the other methods on this game read too.
    """
    return _attribute(batch, "shapley", [play.words_effect for play in batch.plays], counts_table=True)


def attribute_shapley_margin(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Every head's Shapley value in v^T(all words), the margin itself, logits; heads not at work are mean-ablated.

    Not the effect of the words: what a head does to the empty text too is in it. Sums to m(all heads) - m(no head).
    Reads the table that `shapley` counts, so its own evaluations are 0.
    """
    return _attribute(batch, "shapley_margin", [play.full for play in batch.plays], counts_table=False)


def _attribute(batch: HeadBatch, method: str, values: list[FloatArray], *, counts_table: bool) -> list[HeadAttribution]:
    """values: the game of each text, [subset]."""
    scores, errors, seconds = [], [], []
    for play, game in zip(batch.plays, values, strict=True):
        started = time.perf_counter()
        scores.append(play.plan.weights(game) @ game)
        errors.append(None if play.plan.exact else play.plan.standard_error(game))
        seconds.append(time.perf_counter() - started + (play.seconds if counts_table else 0.0))
    return make_attributions(
        batch,
        method,
        "causal",
        scores,
        ablation="mean",
        errors=errors,
        n_evals=[play.n_evals if counts_table else 0 for play in batch.plays],
        seconds=seconds,
    )
