"""The types that flow between rooms.

All are frozen and keyword-only; their arrays are read-only. Shapes are checked on creation. The sums
that must hold between their numbers are *gates* (`study.gates`), so that a broken identity is
measured and reported instead of hiding behind the first exception.

Dimension words: example, word, pos, layer, head, component, coalition, class_.
"""

from __future__ import annotations

from study.records.arrays import BoolArray, FloatArray, IntArray, read_only
from study.records.components import BIAS_KINDS, ComponentIndex, Contributions
from study.records.explanations import (
    NOT_IN_LOGITS,
    UNSIGNED_HEAD_METHODS,
    UNSIGNED_METHODS,
    Crosswalk,
    FeatureAttribution,
    Game,
    HeadAttribution,
    HeadKind,
    Kind,
)
from study.records.gate import Gate
from study.records.texts import (
    CLS,
    CLS_ID,
    MASK,
    MASK_ID,
    PAD,
    PAD_ID,
    SPECIAL_TOKENS,
    UNKNOWN,
    UNKNOWN_ID,
    Corpus,
    LabelledTexts,
    TextBatch,
)

__all__ = [
    "BIAS_KINDS",
    "CLS",
    "CLS_ID",
    "MASK",
    "MASK_ID",
    "NOT_IN_LOGITS",
    "PAD",
    "PAD_ID",
    "SPECIAL_TOKENS",
    "UNKNOWN",
    "UNKNOWN_ID",
    "UNSIGNED_HEAD_METHODS",
    "UNSIGNED_METHODS",
    "BoolArray",
    "ComponentIndex",
    "Contributions",
    "Corpus",
    "Crosswalk",
    "FeatureAttribution",
    "FloatArray",
    "Game",
    "Gate",
    "HeadAttribution",
    "HeadKind",
    "IntArray",
    "Kind",
    "LabelledTexts",
    "TextBatch",
    "read_only",
]
