"""Texts: labelled, split into a corpus, and as a model reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from study.records.arrays import BoolArray, IntArray, read_only

PAD, CLS, MASK, UNKNOWN = "[PAD]", "[CLS]", "[MASK]", "[UNK]"
SPECIAL_TOKENS = (PAD, CLS, MASK, UNKNOWN)
PAD_ID, CLS_ID, MASK_ID, UNKNOWN_ID = range(4)


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
