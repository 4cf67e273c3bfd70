"""The causal crosswalk: which heads a word needs. Two-way Shapley values over words and heads (METHODS, section 5).

With v^T the game in which only the heads in T work, cell [i, h] is the Shapley value of head h in the game
T -> phi_i(v^T). Both steps are linear, so their order does not matter: cells = words' weights x values x heads'
weights. Unlike the direct table it counts what a head does through later layers, and what others would do in its
place.

Source: Shapley 1953; two-way values: Liu et al. 2023.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from study.config import HeadsConfig
from study.game.heads import HeadSubject
from study.game.shapley import ShapleyFit, make_plan
from study.records import Crosswalk, FloatArray

METHOD = "two_way_shapley"


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalSplit:
    """The causal crosswalk of one text and how it was found.

    crosswalk: cells [word head], logits; NaN for words beyond the model's length. leave_one_out: [word head],
    phi_i(v) - phi_i(v without h), the cheap cousin that understates what heads share. words: the fit over words with
    all heads at work, whose scores [player] the rows sum to; heads: the fit over heads of the words' effect
    v^T(N) - v^T(empty), whose scores [head] the columns sum to.
    """

    crosswalk: Crosswalk
    leave_one_out: FloatArray
    words: ShapleyFit
    heads: ShapleyFit
    n_evals: int
    seconds: float


def build_causal(subject: HeadSubject, config: HeadsConfig, rng: np.random.Generator) -> CausalSplit:
    """The causal crosswalk of one text: heads out of play write their reference means.

    Exact over words up to `crosswalk_exact_words`, else on `crosswalk_word_coalitions` sampled ones, the same for
    every head subset; over heads alike. The row residual is phi_i(v) minus the row sum: phi_i of the game without
    heads, zero for a first-position readout, where nothing but attention moves words. The column residual is the
    head's Shapley value, from the two ends of the words alone, minus the column sum.
    """
    started = time.perf_counter()
    game = subject.new_game()
    words = make_plan(subject.n_players, config.crosswalk_word_coalitions, config.crosswalk_exact_words, rng)
    heads = make_plan(game.n_heads, config.crosswalk_head_coalitions, config.crosswalk_exact_heads, rng)
    without_one = ~np.eye(game.n_heads, dtype=bool)
    values = game.value(words.masks, np.concatenate([heads.masks, without_one]))
    by_subset, by_absence = values[:, : len(heads.masks)], values[:, len(heads.masks) :]

    word_fit = words.fit(by_subset[:, -1])  # the column of all heads
    head_fit = heads.fit(by_subset[-1] - by_subset[0])  # all words beyond none
    cells = word_fit.weights @ by_subset @ head_fit.weights.T
    n_words = len(subject.words)
    return CausalSplit(
        crosswalk=Crosswalk(
            example_id=subject.example_id,
            method=METHOD,
            kind="causal",
            index=subject.head_index,
            cells=_widen(cells, n_words),
            row_residual=_widen(word_fit.scores - cells.sum(1), n_words),
            column_residual=head_fit.scores - cells.sum(0),
        ),
        leave_one_out=_widen(word_fit.scores[:, None] - word_fit.weights @ by_absence, n_words),
        words=word_fit,
        heads=head_fit,
        n_evals=game.n_evals,
        seconds=time.perf_counter() - started,
    )


def relative_error(error: FloatArray, values: FloatArray) -> float:
    """Length of `error` over length of `values`; NaN for values that are all zero, 0 / 0 included."""
    length = float(np.linalg.norm(values))
    return float(np.linalg.norm(error)) / length if length > 0 else float("nan")


def _widen(values: FloatArray, n_words: int) -> FloatArray:
    """[player ...] -> [word ...], NaN for the words that are no players."""
    wide = np.full((n_words, *values.shape[1:]), np.nan)
    wide[: len(values)] = values
    return wide
