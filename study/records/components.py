"""The summands of a margin: their names, and what each of them writes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.records.arrays import FloatArray, IntArray, read_only

BIAS_KINDS = frozenset({"attn_bias", "readout_bias"})  # components that write the same for every text


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
