"""What the rest of the program needs of a model, whatever its architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from study.config import ModelConfig
from study.records import ComponentIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """All that a model family may build a model from.

    words: the vocabulary, special tokens included, in the order of its ids. task: the name of the data set's
    known-answer task, where it has one. word_vectors: [token d_model], start values of the embeddings, or None.
    """

    config: ModelConfig
    words: Sequence[str]
    n_classes: int
    task: str | None = None
    word_vectors: Tensor | None = None


class ClassifierModel(Protocol):
    """A text classifier whose class margins are sums over named components.

    Batches are token_ids [example pos] and attend [example pos] (True where there is a token);
    target [example] is the class whose margin is meant.
    """

    index: ComponentIndex
    n_classes: int
    max_positions: int

    @property
    def device(self) -> torch.device:
        """Where its weights are, and where batches must be."""
        ...

    def logits(self, token_ids: Tensor, attend: Tensor) -> Tensor:
        """[example class_], by the plain forward pass."""
        ...

    def contributions(self, token_ids: Tensor, attend: Tensor, target: Tensor) -> Tensor:
        """[example component], logits; sums over components to the margin of the target class."""
        ...

    def embed(self, token_ids: Tensor) -> Tensor:
        """[example pos d_model], token plus position embeddings."""
        ...

    def logits_of_embeddings(self, embeddings: Tensor, attend: Tensor) -> Tensor:
        """[example class_] from embeddings [example pos d_model]; differentiable."""
        ...

    def attention_patterns(self, token_ids: Tensor, attend: Tensor) -> Tensor:
        """[example layer head dest src], rows sum to one."""
        ...


def margins(logits: Tensor, target: Tensor) -> Tensor:
    """[example], the target class's logit minus the mean of the other classes' logits.

    logits: [example class_]; target: [example]. For two classes this is the difference of the two logits.
    """
    chosen = logits.gather(-1, target[:, None]).squeeze(-1)
    return chosen - (logits.sum(-1) - chosen) / (logits.shape[-1] - 1)


def target_classes(logits: Tensor) -> Tensor:
    """[example], the class explained: the second label for two classes, else the class predicted on the full text."""
    if logits.shape[-1] == 2:
        return torch.ones(len(logits), dtype=torch.long, device=logits.device)
    return logits.argmax(-1)
