"""The types that flow between rooms.

All are frozen and keyword-only; their arrays are read-only. Shapes are checked on creation. The sums
that must hold between their numbers are *gates* (`study.gates`), so that a broken identity is
measured and reported instead of hiding behind the first exception.

Dimension words: example, word, pos, layer, head, component, coalition, class_.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]
Kind = Literal["direct", "causal"]
HeadKind = Literal["direct", "causal", "other"]

PAD, CLS, MASK, UNKNOWN = "[PAD]", "[CLS]", "[MASK]", "[UNK]"
SPECIAL_TOKENS = (PAD, CLS, MASK, UNKNOWN)
PAD_ID, CLS_ID, MASK_ID, UNKNOWN_ID = range(4)

UNSIGNED_METHODS = frozenset({"attention", "rollout"})  # explainers whose scores have no sign: compared by size only
UNSIGNED_HEAD_METHODS = frozenset({"attention_norm", "attention_confidence"})  # the same of head methods
BIAS_KINDS = frozenset({"attn_bias", "readout_bias"})  # components that write the same for every text


def read_only(array: Any, *, dtype: Any = None, shape: tuple[int | None, ...], name: str) -> Any:
    """A read-only copy of `array`, after its shape is checked (None matches any length).

    Raises: ValueError naming the array, its shape and the shape wanted.
    """
    copy = np.array(array, dtype=dtype)
    matches = copy.ndim == len(shape) and all(w is None or w == g for w, g in zip(shape, copy.shape, strict=True))
    if not matches:
        raise ValueError(f"{name} has shape {copy.shape}, wanted {shape}")
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTexts:
    """Texts with one label each, in a fixed order.

    label: [example] class numbers 0..n_classes-1. relevant: [example][word], True for the words that are known to
    decide the label, or None where that is not known. own_label: [example], the class a text had before something
    that dictates its label was planted in it, or None where nothing is planted.
    """

    example_id: tuple[str, ...]
    text: tuple[str, ...]
    label: IntArray
    relevant: tuple[tuple[bool, ...], ...] | None = None
    own_label: IntArray | None = None

    def __post_init__(self) -> None:
        n = len(self.example_id)
        if len(self.text) != n:
            raise ValueError(f"{len(self.text)} texts for {n} ids")
        if len(set(self.example_id)) != n:
            raise ValueError("example ids must differ from each other")
        if self.relevant is not None and len(self.relevant) != n:
            raise ValueError(f"truth words of {len(self.relevant)} texts for {n} ids")
        object.__setattr__(self, "label", read_only(self.label, dtype=np.int64, shape=(n,), name="label"))
        if self.own_label is not None:
            own = read_only(self.own_label, dtype=np.int64, shape=(n,), name="own_label")
            object.__setattr__(self, "own_label", own)

    def __len__(self) -> int:
        return len(self.example_id)

    def take(self, rows: Any) -> LabelledTexts:
        """The examples at `rows`, in that order."""
        return LabelledTexts(
            example_id=tuple(self.example_id[i] for i in rows),
            text=tuple(self.text[i] for i in rows),
            label=self.label[np.asarray(rows, dtype=np.int64)],
            relevant=None if self.relevant is None else tuple(self.relevant[i] for i in rows),
            own_label=None if self.own_label is None else self.own_label[np.asarray(rows, dtype=np.int64)],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """One labelled data set with its fixed split.

    class_names: [class_]; for two classes the second one is the positive side of every margin.
    card: what the report's data card shows: source, hashes, counts kept and dropped, plain JSON values.
    """

    name: str
    class_names: tuple[str, ...]
    train: LabelledTexts
    validation: LabelledTexts
    test: LabelledTexts
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def n_classes(self) -> int:
        return len(self.class_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBatch:
    """Texts on the word axis and as token ids; position 0 of every row is CLS.

    words: every word of the text; those beyond the model's length have no position.
    token_ids: [example pos]; attend: [example pos], True where there is a token;
    word_of_token: [example pos], the word a position belongs to, -1 for CLS and padding;
    relevant: [example][word] truth of known-answer tasks, or None.
    """

    example_id: tuple[str, ...]
    text: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    token_ids: IntArray
    attend: BoolArray
    word_of_token: IntArray
    label: IntArray
    relevant: tuple[tuple[bool, ...], ...] | None = None

    def __post_init__(self) -> None:
        n = len(self.example_id)
        sizes = {"text": len(self.text), "words": len(self.words)}
        for name, size in (sizes if self.relevant is None else sizes | {"relevant": len(self.relevant)}).items():
            if size != n:
                raise ValueError(f"{name} has {size} entries for {n} ids")
        ids = read_only(self.token_ids, dtype=np.int64, shape=(n, None), name="token_ids")
        object.__setattr__(self, "token_ids", ids)
        for name, dtype in (("attend", np.bool_), ("word_of_token", np.int64)):
            object.__setattr__(self, name, read_only(getattr(self, name), dtype=dtype, shape=ids.shape, name=name))
        object.__setattr__(self, "label", read_only(self.label, dtype=np.int64, shape=(n,), name="label"))

    def __len__(self) -> int:
        return len(self.example_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentIndex:
    """The ordered names of the summands of a margin.

    names: `embed`, `L0H0`, ..., `L0.attn_bias`, `L0.mlp`, ..., `readout_bias`;
    kind: embed, head, attn_bias, mlp or readout_bias; layer and head: -1 where there is none.
    """

    names: tuple[str, ...]
    kind: tuple[str, ...]
    layer: tuple[int, ...]
    head: tuple[int, ...]

    def __post_init__(self) -> None:
        if len({len(self.names), len(self.kind), len(self.layer), len(self.head)}) != 1:
            raise ValueError("names, kind, layer and head must have one length")
        if len(set(self.names)) != len(self.names):
            raise ValueError("component names must differ from each other")

    def __len__(self) -> int:
        return len(self.names)

    def where(self, kind: str) -> IntArray:
        """The places of all components of one kind, in order."""
        return np.array([i for i, k in enumerate(self.kind) if k == kind], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributions:
    """Direct contribution of every component to the margin, in logits.

    values: [example component]; margin: [example], computed independently by the plain forward pass;
    target: [example], the class whose margin it is. values sum to margin over components (a gate).
    """

    index: ComponentIndex
    values: FloatArray
    margin: FloatArray
    target: IntArray

    def __post_init__(self) -> None:
        values = read_only(self.values, shape=(None, len(self.index)), name="values")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "margin", read_only(self.margin, shape=values.shape[:1], name="margin"))
        object.__setattr__(self, "target", read_only(self.target, shape=values.shape[:1], name="target"))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One identity, measured: `value` is the largest error found, `where` the place it was found at."""

    name: str
    value: float
    tolerance: float
    passed: bool
    where: str
