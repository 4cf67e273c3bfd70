"""Words and heads on one scale: margin lost when the top part of them, by one method's scores, is removed.

Words go by the word game's removal operator, with all heads at work; heads by mean ablation, with all words present.
Both are changes of the same margin, so one axis serves words and heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from study.game.heads import HeadSubject
from study.records import BoolArray, FloatArray
from study.support import order_by_support

FRACTIONS = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalPoint:
    """One point of a curve. unit: "words" or "heads"; n_removed = ceil(fraction x n_units).

    margin_lost: sign(m) (m - m after), logits, positive where the predicted class lost; NaN where there is nothing to
    remove, or the margin is 0 and no class is predicted.
    """

    example_id: str
    unit: str
    method: str
    fraction: float
    n_removed: int
    n_units: int
    margin_lost: float


def removal_curves(
    subject: HeadSubject, word_scores: Mapping[str, FloatArray], head_scores: Mapping[str, FloatArray]
) -> list[RemovalPoint]:
    """The curves of one text by every method: word_scores [word] and head_scores [layer head] by method name.

    Removed first is what supports the predicted class most by the method's own account (`order_by_support`). Scores of
    NaN, words beyond the model's length say, are no units: they are neither removed nor counted.

    Raises: ValueError when there are fewer scores than players.
    """
    game = subject.new_game()
    all_words, all_heads = np.ones((1, game.n_words), dtype=bool), np.ones((1, game.n_heads), dtype=bool)
    margin = float(game.value(all_words, all_heads)[0, 0])

    def without_words(present: BoolArray) -> FloatArray:
        return game.value(present, all_heads)[:, 0]

    def without_heads(present: BoolArray) -> FloatArray:
        return game.value(all_words, present)[0]

    words = _curves(subject.example_id, "words", word_scores, game.n_words, margin, without_words)
    return words + _curves(subject.example_id, "heads", head_scores, game.n_heads, margin, without_heads)


def _curves(
    example_id: str,
    unit: str,
    scores: Mapping[str, FloatArray],
    n_players: int,
    margin: float,
    margins_after: Callable[[BoolArray], FloatArray],
) -> list[RemovalPoint]:
    """All methods of one unit; margins_after: [coalition player] of those left -> [coalition]."""
    orders = {method: _order(row, method, unit, n_players, margin) for method, row in scores.items()}
    keys = [(method, fraction) for method in orders for fraction in FRACTIONS]
    if not keys:
        return []
    counts = [math.ceil(fraction * len(orders[method])) for method, fraction in keys]
    present = np.ones((len(keys), n_players), dtype=bool)
    for row, (method, _) in enumerate(keys):
        present[row, orders[method][: counts[row]]] = False
    distinct, place = np.unique(present, axis=0, return_inverse=True)  # all methods agree on removing everything
    lost = np.sign(margin) * (margin - margins_after(distinct)[place])
    return [
        RemovalPoint(
            example_id=example_id,
            unit=unit,
            method=method,
            fraction=fraction,
            n_removed=count,
            n_units=len(orders[method]),
            margin_lost=float(change) if orders[method] and margin != 0 else math.nan,
        )
        for (method, fraction), count, change in zip(keys, counts, lost, strict=True)
    ]


def _order(scores: FloatArray, method: str, unit: str, n_players: int, margin: float) -> list[int]:
    flat = np.asarray(scores, dtype=np.float64).ravel()
    if len(flat) < n_players:
        raise ValueError(f"{method} has {len(flat)} scores for {n_players} {unit}")
    return order_by_support(flat[:n_players], method, margin)
