"""How small a circuit of heads still does what the model does: the margin with only a method's top k heads at work.

The heads outside the circuit are replaced by their reference means, all words are present, k grows from none to all.
Source: MIB, Mueller et al. 2025, section 3 (faithfulness of circuits, CPR and CMD).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from study.game.heads import HeadSubject
from study.heads.players import HeadPlay
from study.records import BoolArray, FloatArray
from study.support import order_by_support

SUPPORT, SIZE = "support", "size"  # heads kept first: most signed support for the predicted class, or largest |score|
NEGLIGIBLE = 0.01  # of max(1, |m(all)|): heads that move a margin less have nothing to be faithful to


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitPoint:
    """One size of one method's circuit on one text.

    order: SUPPORT (for CPR) or SIZE (for CMD). fraction: n_kept / n_heads. margin: m with these heads at work, logits,
    times the sign of m(all), so towards the predicted class; NaN where m(all) is 0. faithfulness: (m(kept) - m(none))
    / (m(all) - m(none)): 0 without heads, 1 with all, below 0 or above 1 where the kept heads push the wrong way or
    too far. NaN where |m(all) - m(none)| < NEGLIGIBLE max(1, |m(all)|): a hundredth of a logit changes a probability
    by a quarter of a percent at most, and a ratio to it is noise.
    """

    example_id: str
    method: str
    order: str
    n_kept: int
    n_heads: int
    fraction: float
    faithfulness: float
    margin: float


def circuit_curves(subject: HeadSubject, play: HeadPlay, head_scores: Mapping[str, FloatArray]) -> list[CircuitPoint]:
    """The circuits of one text by every method in both orders, k = 0 to all heads; head_scores: [layer head] by method.

    Margins are read off the table of head subsets where that is complete; else the subsets needed are evaluated.
    Heads with equal scores are kept in the order of the heads; a score of NaN comes last.

    Raises: ValueError when a method has not one score a head.
    """
    n_heads, whole = play.plan.masks.shape[1], float(play.full[-1])  # the last subset of every plan has all heads
    keys = [(method, order) for method in head_scores for order in (SUPPORT, SIZE)]
    if not keys:
        return []
    places = [_order(head_scores[method], method, order, n_heads, whole) for method, order in keys]
    rank = np.argsort(np.array(places), axis=1)  # [curve head]
    kept = rank[:, None, :] < np.arange(n_heads + 1)[:, None]  # [curve size head]
    margins = _margins(subject, play, kept.reshape(-1, n_heads)).reshape(len(keys), n_heads + 1)
    faithfulness = faithfulness_of(margins)
    sign = np.sign(whole) or math.nan
    return [
        CircuitPoint(
            example_id=subject.example_id,
            method=method,
            order=order,
            n_kept=k,
            n_heads=n_heads,
            fraction=k / n_heads,
            faithfulness=float(faithfulness[curve, k]),
            margin=float(sign * margins[curve, k]),
        )
        for curve, (method, order) in enumerate(keys)
        for k in range(n_heads + 1)
    ]


def faithfulness_of(margins: FloatArray) -> FloatArray:
    """[curve size]: f of margins [curve size], the first size no head, the last all; NaN curves where nothing is moved.

    Source: MIB, Mueller et al. 2025, equation 1.
    """
    none, whole = margins[:, :1], margins[:, -1:]
    moved = whole - none
    known = np.abs(moved) >= NEGLIGIBLE * np.maximum(1.0, np.abs(whole))
    return np.divide(
        margins - none, moved, out=np.full(margins.shape, np.nan), where=np.broadcast_to(known, margins.shape)
    )


def _order(scores: FloatArray, method: str, order: str, n_heads: int, margin: float) -> list[int]:
    """All heads, the one to keep first first."""
    flat = np.asarray(scores, dtype=np.float64).ravel()
    if len(flat) != n_heads:
        raise ValueError(f"{method} has {len(flat)} scores for {n_heads} heads")
    if order == SUPPORT:
        found = order_by_support(flat, method, margin)
        return found + [int(h) for h in np.flatnonzero(np.isnan(flat))]
    return [int(h) for h in np.argsort(-np.abs(flat), kind="stable")]  # NaN comes last


def _margins(subject: HeadSubject, play: HeadPlay, present: BoolArray) -> FloatArray:
    """[subset], v^T(all words) for the heads at work, present [subset head]."""
    if play.plan.exact:
        return play.full[present @ (1 << np.arange(present.shape[1]))]  # the order of `all_coalitions`
    distinct, place = np.unique(present, axis=0, return_inverse=True)
    game = subject.new_game()
    return game.value(np.ones((1, game.n_words), dtype=bool), distinct)[0][place]
