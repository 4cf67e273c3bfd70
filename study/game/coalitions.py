"""The game of one text: masks in, components of the margin out; deduplicated, chunked, counted.

`PlainGame` works for every model and removal operator: it builds the rows and runs the plain forward pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch

from study.game.removals import Removal, remove_words
from study.model.protocol import ClassifierModel
from study.records import BoolArray, FloatArray, IntArray


class WordGame(ABC):
    """Players are the words of one text; see `study.records.Game` for the meaning of `value`.

    token_ids: [pos], CLS first, no padding. replacements: [draw word]. Coalitions are evaluated
    `chunk_size` at a time, so memory does not grow with their number, and each distinct one only once.
    """

    def __init__(
        self,
        model: ClassifierModel,
        token_ids: IntArray,
        *,
        target: int,
        removal: Removal,
        replacements: IntArray,
        chunk_size: int,
    ) -> None:
        self.model = model
        self.index = model.index
        self.token_ids = token_ids
        self.target = target
        self.removal = removal
        self.replacements = replacements
        self.chunk_size = chunk_size
        self.n_players = len(token_ids) - 1
        self.n_evals = 0
        self._place: dict[bytes, int] = {}
        self._known = np.empty((0, len(self.index)))
        self._prepare()

    def _prepare(self) -> None:  # noqa: B027 - optional
        """What a game computes once, before its first coalition; nothing by default."""

    def value(self, masks: BoolArray) -> FloatArray:
        """[coalition component] for masks [coalition word]; float64, logits.

        Raises: ValueError when masks do not have one column per player.
        """
        masks = np.ascontiguousarray(masks, dtype=bool)
        if masks.ndim != 2 or masks.shape[1] != self.n_players:
            raise ValueError(f"masks have shape {masks.shape}, wanted (coalitions, {self.n_players})")
        keys = [row.tobytes() for row in np.packbits(masks, axis=1)]
        new: dict[bytes, int] = {}  # coalition -> its first row in masks
        for i, key in enumerate(keys):
            if key not in self._place:
                new.setdefault(key, i)
        if new:
            rows = list(new.values())
            chunks = [masks[rows[i : i + self.chunk_size]] for i in range(0, len(rows), self.chunk_size)]
            self._known = np.concatenate([self._known, *(self._evaluate(chunk) for chunk in chunks)])
            self._place |= {key: self.n_evals + i for i, key in enumerate(new)}
            self.n_evals += len(new)
        return self._known[[self._place[key] for key in keys]]

    @abstractmethod
    def _evaluate(self, masks: BoolArray) -> FloatArray:
        """[coalition component] of one chunk of distinct coalitions."""


class PlainGame(WordGame):
    """The game by the model's own forward pass: any model, any removal operator."""

    def _evaluate(self, masks: BoolArray) -> FloatArray:
        token_ids, attend = remove_words(self.removal, self.token_ids, masks, self.replacements)
        device = self.model.device
        target = torch.full((len(masks),), self.target, device=device)
        with torch.no_grad():
            parts = [
                self.model.contributions(torch.tensor(ids, device=device), torch.tensor(seen, device=device), target)
                .double()
                .cpu()
                .numpy()
                for ids, seen in zip(token_ids, attend, strict=True)
            ]
        return np.mean(parts, axis=0)
