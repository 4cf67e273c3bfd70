"""From scores of the players to the record of a whole text: the steps that every explainer shares."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from study.game.subject import Subject, WhiteBox
from study.records import FeatureAttribution, FloatArray, Game


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The game at its two ends, logits. base: v(empty), output: v(all words), both [component]."""

    base: FloatArray
    output: FloatArray


def evaluate_ends(game: Game) -> Ends:
    """v(empty) and v(all words) by component, in one call: two evaluations, one for a game without players."""
    masks = np.stack([np.zeros(game.n_players, dtype=np.bool_), np.ones(game.n_players, dtype=np.bool_)])
    base, output = game.value(masks)
    return Ends(base=base, output=output)


def with_margin(values: FloatArray) -> FloatArray:
    """[... component] -> [... component+1], the last place being the margin, the sum over components.

    The margin is explained beside its components, as one output more, instead of adding up their
    explanations afterwards: the crosswalk's rows then test that the explainer is linear.
    """
    return np.concatenate([values, values.sum(axis=-1, keepdims=True)], axis=-1)


def make_attribution(
    subject: Subject,
    *,
    method: str,
    estimator: str,
    scores: FloatArray,
    by_component: FloatArray | None,
    ends: Ends,
    seed: int | None,
    n_evals: int,
    started: float,
) -> FeatureAttribution:
    """The record of one text, from the scores of its players.

    scores: [player] and by_component: [player component] or None; words beyond the model's length are
    added as NaN. started: time.perf_counter() when the explainer began.
    """
    n_words = len(subject.words)
    return FeatureAttribution(
        example_id=subject.example_id,
        method=method,
        estimator=estimator,
        scores=_widen(scores, n_words),
        by_component=None if by_component is None else _widen(by_component, n_words),
        base=float(ends.base.sum()),
        output=float(ends.output.sum()),
        base_by_component=ends.base,
        output_by_component=ends.output,
        seed=seed,
        n_evals=n_evals,
        seconds=time.perf_counter() - started,
    )


def attribute_positions(
    subject: Subject, started: float, method: str, estimator: str, by_position: FloatArray, *, n_passes: int
) -> FeatureAttribution:
    """The record of a method that looks inside the model, from its scores by position [pos].

    n_passes: forward (and backward) passes it took; the two ends of the game are counted on top.
    """
    game = subject.new_game()
    ends = evaluate_ends(game)
    return make_attribution(
        subject,
        method=method,
        estimator=estimator,
        scores=sum_positions(by_position, subject.white_box, subject.n_players),
        by_component=None,
        ends=ends,
        seed=None,
        n_evals=game.n_evals + n_passes,
        started=started,
    )


def sum_positions(by_position: FloatArray, box: WhiteBox, n_players: int) -> FloatArray:
    """[pos] -> [player]: what the positions of each word add up to; CLS belongs to no word and is left out."""
    word = np.asarray(box.word_of_position)
    scores = np.zeros(n_players)
    np.add.at(scores, word[word >= 0], by_position[word >= 0])
    return scores


def _widen(values: FloatArray, n_words: int) -> FloatArray:
    """[player ...] -> [word ...], NaN for the words that are no players."""
    wide = np.full((n_words, *values.shape[1:]), np.nan)
    wide[: len(values)] = values
    return wide
