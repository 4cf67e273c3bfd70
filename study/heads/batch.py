"""Some texts of one model, ready for every head method, and the records that the methods make of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from study.game.heads import HeadSubject
from study.heads.players import HeadPlay
from study.model.encoder import Encoder
from study.model.reference import HeadReference
from study.records import FloatArray, HeadAttribution, HeadKind


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadBatch:
    """Some texts of one model; all arrays in the order of `subjects`.

    token_ids, attend: [example pos], padded, on the model's device; target: [example]. margin: [example], logits.
    contributions: [example component], v_k(all words); empty: [example component], v_k(no word);
    reference_contributions: [class_ component], their means over the reference set for every class's margin;
    reference: what heads do on the reference set. plays: the heads of each text as players.
    seed: the training seed, keys what a method draws; data_seed keys what all training seeds share.

    Raises: ValueError when something has not one entry a text.
    """

    model: Encoder
    subjects: tuple[HeadSubject, ...]
    token_ids: Tensor
    attend: Tensor
    target: Tensor
    margin: FloatArray
    contributions: FloatArray
    empty: FloatArray
    reference_contributions: FloatArray
    reference: HeadReference
    plays: tuple[HeadPlay, ...]
    seed: int
    data_seed: int

    def __post_init__(self) -> None:
        names = ("token_ids", "attend", "target", "margin", "contributions", "empty", "plays")
        sizes = {name: len(getattr(self, name)) for name in names}
        wrong = {name: size for name, size in sizes.items() if size != len(self.subjects)}
        if wrong:
            raise ValueError(f"a batch of {len(self.subjects)} texts has {wrong}")

    def __len__(self) -> int:
        return len(self.subjects)

    @property
    def shape(self) -> tuple[int, int]:
        """(layers, heads a layer)."""
        return len(self.model.layers), self.model.layers[0].attention.W_Q.shape[0]


def make_attributions(
    batch: HeadBatch,
    method: str,
    kind: HeadKind,
    scores: Sequence[FloatArray],
    *,
    ablation: str | None = None,
    errors: Sequence[FloatArray | None] | None = None,
    n_evals: Sequence[int],
    seconds: Sequence[float],
) -> list[HeadAttribution]:
    """One record a text. scores: [head] of each text, numbered layer by layer; errors: the same or None, by text."""
    per_text = errors if errors is not None else [None] * len(batch)
    return [
        HeadAttribution(
            example_id=subject.example_id,
            scores=np.reshape(row, batch.shape),
            method=method,
            kind=kind,
            ablation=ablation,
            n_evals=evals,
            seconds=spent,
            error=None if error is None else np.reshape(error, batch.shape),
        )
        for subject, row, error, evals, spent in zip(batch.subjects, scores, per_text, n_evals, seconds, strict=True)
    ]


def even_seconds(batch: HeadBatch, started: float) -> list[float]:
    """For each text an equal share of the time since `started` (time.perf_counter()): what a batched method costs."""
    return [(time.perf_counter() - started) / len(batch)] * len(batch)


def rows_of_like_length(attend: Tensor, size: int) -> Iterator[Tensor]:
    """All rows of attend [example pos], shortest first, at most `size` at a time: little is spent on padding."""
    if len(attend):  # split would yield one empty chunk
        yield from torch.argsort(attend.sum(1), stable=True).split(size)
