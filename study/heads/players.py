"""The heads of one text as players on the effect of its words: one table of head subsets that several methods read.

The game is u(T) = v^T(all words) - v^T(no word): what the words do to the margin when only the heads in T work and
the others are replaced by their reference means. So a head's Shapley value is its column sum in the causal
crosswalk. The game v^T(all words) alone, what heads do to the margin itself, is another quantity (`shapley_margin`).

Sources: Shapley 1953; Grabisch and Roubens 1999 (interactions); METHODS, section 4.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from study.config import HeadsConfig
from study.config.limits import fewest_coalitions
from study.errors import ConfigError
from study.game.heads import HeadSubject
from study.game.shapley import ShapleyPlan, interaction_weights, make_plan
from study.records import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPlay:
    """The game over the heads of one text at the subsets of a plan, logits.

    full, empty: [subset], v^T(all words) and v^T(no word). n_evals: (word coalition, head subset) pairs evaluated.
    The methods of a text share this table; `shapley` counts its evaluations and seconds, the others do not.
    """

    plan: ShapleyPlan
    full: FloatArray
    empty: FloatArray
    n_evals: int
    seconds: float

    @property
    def words_effect(self) -> FloatArray:
        """u [subset]: what the words do with these heads at work."""
        return self.full - self.empty


def play_heads(subject: HeadSubject, config: HeadsConfig, rng: np.random.Generator) -> HeadPlay:
    """All subsets of up to `exact_limit` heads, else `head_coalitions` of them in complementary pairs drawn from rng.

    Raises: ConfigError when heads.head_coalitions is too small for the number of heads.
    """
    started = time.perf_counter()
    game = subject.new_game()
    try:
        plan = make_plan(game.n_heads, config.head_coalitions, config.exact_limit, rng)
    except ValueError as too_few:
        raise ConfigError(
            f"heads.head_coalitions is {config.head_coalitions}, too few for a model of {game.n_heads} heads: at least "
            f"{fewest_coalitions(game.n_heads)} are needed; raise heads.head_coalitions"
        ) from too_few
    empty, full = game.value(word_ends(game.n_words), plan.masks)
    return HeadPlay(plan=plan, full=full, empty=empty, n_evals=game.n_evals, seconds=time.perf_counter() - started)


def words_effects(subject: HeadSubject, play: HeadPlay, present: BoolArray) -> tuple[FloatArray, int]:
    """(u [subset] of any subsets of heads [subset head], the evaluations it took).

    From the table where that is complete, without evaluations; else the distinct subsets are evaluated.
    """
    if play.plan.exact:
        return play.words_effect[present @ (1 << np.arange(present.shape[1]))], 0  # the order of `all_coalitions`
    distinct, place = np.unique(present, axis=0, return_inverse=True)
    game = subject.new_game()
    empty, full = game.value(word_ends(game.n_words), distinct)
    return (full - empty)[place], game.n_evals


def word_ends(n_words: int) -> BoolArray:
    """[2 word]: no word, all words."""
    return np.array([[False], [True]]).repeat(n_words, axis=1)


def interactions(plan: ShapleyPlan, values: FloatArray) -> tuple[list[tuple[int, int]], FloatArray]:
    """The pairs of heads (numbered layer by layer), and their Shapley interactions [pair] in a game over heads, logits.

    values: [subset] of the plan, `HeadPlay.words_effect` or `HeadPlay.full`. Positive where two heads do more together
    than each adds alone, negative where one can stand in for the other (of heads that push up). Defined only where
    all subsets are known: NaN for every pair when the plan is sampled.
    """
    n_heads = plan.masks.shape[1]
    if not plan.exact:
        pairs = [(i, j) for i in range(n_heads) for j in range(i + 1, n_heads)]
        return pairs, np.full(len(pairs), np.nan)
    pairs, weights = interaction_weights(n_heads)
    return pairs, weights @ values
