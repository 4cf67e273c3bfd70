"""Explanations of one text: scores of words, scores of heads, and the crosswalk between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from study.records.arrays import BoolArray, FloatArray, read_only
from study.records.components import ComponentIndex

Kind = Literal["direct", "causal"]
HeadKind = Literal["direct", "causal", "other"]

UNSIGNED_METHODS = frozenset({"attention", "rollout"})  # explainers whose scores have no sign: compared by size only
NOT_IN_LOGITS = UNSIGNED_METHODS | {"random"}  # explainers whose scores have a scale of their own
UNSIGNED_HEAD_METHODS = frozenset({"attention_norm", "attention_confidence"})  # the same of head methods


class Game(Protocol):
    """The words of one text as players: v_k(S), component k of the margin with only the words in S.

    A game counts the coalitions it evaluates (`n_evals`, duplicates once) and is used by one method only,
    so that its numbers do not depend on what ran before.
    """

    n_players: int
    index: ComponentIndex
    n_evals: int

    def value(self, masks: BoolArray) -> FloatArray:
        """[coalition word] -> [coalition component], float64, logits; sums over components to v(S)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureAttribution:
    """One score per word of one text, by one method; explains the margin in logits.

    scores: [word], NaN for words beyond the model's length. by_component: [word component] when the
    method is linear in the function explained, else None; its rows sum to scores.
    base and output: v(empty) and v(all words); base_by_component, output_by_component: [component].
    estimator: how it was computed ("exact", "odd-order regression", ...). seed: None where nothing is drawn.
    """

    example_id: str
    method: str
    estimator: str
    scores: FloatArray
    by_component: FloatArray | None
    base: float
    output: float
    base_by_component: FloatArray
    output_by_component: FloatArray
    seed: int | None
    n_evals: int
    seconds: float

    def __post_init__(self) -> None:
        scores = read_only(self.scores, dtype=np.float64, shape=(None,), name="scores")
        object.__setattr__(self, "scores", scores)
        base = read_only(self.base_by_component, dtype=np.float64, shape=(None,), name="base_by_component")
        object.__setattr__(self, "base_by_component", base)
        out = read_only(self.output_by_component, dtype=np.float64, shape=base.shape, name="output_by_component")
        object.__setattr__(self, "output_by_component", out)
        if self.by_component is not None:
            cells = read_only(
                self.by_component, dtype=np.float64, shape=(*scores.shape, *base.shape), name="by_component"
            )
            object.__setattr__(self, "by_component", cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadAttribution:
    """One score per head of one text. scores: [layer head], logits unless kind is `other`.

    kind: `direct` (what the head writes to the margin), `causal` (what happens without it) or `other` (neither:
    controls, and sizes that do not look at the margin); never mixed. error: [layer head], standard error of an
    estimate from sampled coalitions, None where nothing was sampled or no error is defined.
    """

    example_id: str
    scores: FloatArray
    method: str
    kind: HeadKind
    ablation: str | None
    n_evals: int
    seconds: float
    error: FloatArray | None = None

    def __post_init__(self) -> None:
        scores = read_only(self.scores, dtype=np.float64, shape=(None, None), name="scores")
        object.__setattr__(self, "scores", scores)
        if self.error is not None:
            error = read_only(self.error, dtype=np.float64, shape=scores.shape, name="error")
            object.__setattr__(self, "error", error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosswalk:
    """Words x components of one text, logits. cells: [word component].

    row_residual: [word], score minus row sum. column_residual: [component], v_k(N) - v_k(empty) minus
    column sum; NaN for LIME, which has no efficiency axiom.
    """

    example_id: str
    method: str
    kind: Kind
    index: ComponentIndex
    cells: FloatArray
    row_residual: FloatArray
    column_residual: FloatArray

    def __post_init__(self) -> None:
        cells = read_only(self.cells, dtype=np.float64, shape=(None, len(self.index)), name="cells")
        object.__setattr__(self, "cells", cells)
        rows = read_only(self.row_residual, dtype=np.float64, shape=cells.shape[:1], name="row_residual")
        object.__setattr__(self, "row_residual", rows)
        columns = read_only(self.column_residual, dtype=np.float64, shape=cells.shape[1:], name="column_residual")
        object.__setattr__(self, "column_residual", columns)
