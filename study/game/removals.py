"""Removal operators: what a text looks like to the model when some of its words are absent (METHODS, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.records import MASK_ID, BoolArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """How absent words are removed.

    keeps_positions: the other words stay where they are. hides: absent words cannot be attended to.
    n_draws: how many replacement texts are averaged (1 unless absent words are resampled).
    """

    name: str
    keeps_positions: bool = True
    hides: bool = False
    n_draws: int = 1


MASK_WORDS = Removal(name="mask")
DELETE_WORDS = Removal(name="delete", keeps_positions=False)
ATTEND_WORDS = Removal(name="attend", hides=True)
RESAMPLE_WORDS = Removal(name="resample", n_draws=8)


def draw_replacements(removal: Removal, n_words: int, reference_tokens: IntArray, rng: np.random.Generator) -> IntArray:
    """[draw word]: the token ids that stand in for absent words.

    The mask token, except for `resample`: there, words drawn by their counts in the reference set
    (`reference_tokens`, all its word tokens in one row). Drawn once per text, so that v is deterministic.
    """
    if removal.n_draws == 1:
        return np.full((1, n_words), MASK_ID, dtype=np.int64)
    return rng.choice(reference_tokens, size=(removal.n_draws, n_words))


def remove_words(
    removal: Removal, token_ids: IntArray, present: BoolArray, replacements: IntArray
) -> tuple[IntArray, BoolArray]:
    """The rows that the model reads: token_ids and attend, each [draw coalition pos].

    token_ids: [pos] of the full text, CLS first, no padding; present: [coalition word];
    replacements: [draw word]. CLS is always there and can always be attended to.
    """
    n_coalitions = len(present)
    cls_present = np.ones((n_coalitions, 1), dtype=bool)
    kept = np.concatenate([cls_present, present], axis=1)
    n_draws = len(replacements)
    if removal.hides:
        rows = np.broadcast_to(token_ids, kept.shape)
        return rows[None], kept[None]
    if not removal.keeps_positions:
        order = np.argsort(~kept, axis=1, kind="stable")
        closed_up = np.where(np.take_along_axis(kept, order, 1), token_ids[order], 0)
        return closed_up[None], np.take_along_axis(kept, order, 1)[None]
    stand_in = np.concatenate([np.full((n_draws, 1), token_ids[0]), replacements], axis=1)
    rows = np.where(kept[None], token_ids, stand_in[:, None, :])
    return rows, np.ones(rows.shape, dtype=bool)
