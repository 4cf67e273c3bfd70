"""The game of one text with two kinds of players: which words are present, and which heads work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from study.game.removals import Removal, remove_words
from study.model.ablation import HeadFill, margins_by_subset
from study.model.encoder import Encoder
from study.records import BoolArray, ComponentIndex, FloatArray, IntArray


class HeadGame:
    """v^T(S): the margin, logits, with the words in S present and the heads in T at work, the others replaced.

    token_ids: [pos], CLS first, no padding. replacements: [draw word]. fill: what replaced heads mix instead.
    Heads are numbered layer by layer. Word coalitions are evaluated `chunk_size` at a time and share all work
    that head subsets have in common, so memory grows with neither number but for the result. `n_evals` counts
    (word coalition, head subset) pairs.
    """

    def __init__(
        self,
        model: Encoder,
        token_ids: IntArray,
        *,
        target: int,
        removal: Removal,
        replacements: IntArray,
        fill: HeadFill,
        chunk_size: int,
    ) -> None:
        self.model = model
        self.token_ids = token_ids
        self.target = target
        self.removal = removal
        self.replacements = replacements
        self.fill = fill
        self.chunk_size = chunk_size
        self.n_words = len(token_ids) - 1
        self.n_layers = len(model.layers)
        self.n_heads = self.n_layers * model.layers[0].attention.W_Q.shape[0]
        self.n_evals = 0

    def value(self, words: BoolArray, heads: BoolArray) -> FloatArray:
        """[coalition subset], float64, for words [coalition word] and heads [subset head].

        Raises: ValueError when a mask does not have one column per player.
        """
        words, heads = np.ascontiguousarray(words, dtype=bool), np.ascontiguousarray(heads, dtype=bool)
        for kind, masks, n in (("word", words, self.n_words), ("head", heads, self.n_heads)):
            if masks.ndim != 2 or masks.shape[1] != n:
                raise ValueError(f"{kind} masks have shape {masks.shape}, wanted (coalitions, {n})")
        kept = torch.as_tensor(heads, device=self.model.device).unflatten(1, (self.n_layers, -1))
        chunks = [words[i : i + self.chunk_size] for i in range(0, len(words), self.chunk_size)]
        self.n_evals += len(words) * len(heads)
        return np.concatenate([self._evaluate(chunk, kept) for chunk in chunks])

    def _evaluate(self, words: BoolArray, kept: Tensor) -> FloatArray:
        rows, seen = remove_words(self.removal, self.token_ids, words, self.replacements)
        device = self.model.device
        target = torch.full((len(words),), self.target, device=device)
        with torch.no_grad():
            draws = [
                margins_by_subset(
                    self.model,
                    self.model.embed(torch.tensor(ids, device=device)),
                    None if attend.all() else torch.tensor(attend, device=device),
                    target,
                    kept,
                    self.fill,
                )
                for ids, attend in zip(rows, seen, strict=True)
            ]
        return np.asarray(torch.stack(draws).double().mean(0).cpu().numpy())


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSubject:
    """One text whose heads are explained. Players are words[:n_players] and all heads, numbered layer by layer.

    token_ids: [pos], CLS first, no padding. mean_fill: the reference means. replacements, removal, target: as in
    the word game of the same text, whose v(S) is this game's v^T(S) with all heads at work.
    """

    example_id: str
    words: tuple[str, ...]
    n_players: int
    target: int
    model: Encoder
    token_ids: IntArray
    removal: Removal
    replacements: IntArray
    mean_fill: HeadFill
    chunk_size: int

    @property
    def head_index(self) -> ComponentIndex:
        """The heads alone, in the order of the players."""
        index = self.model.index
        places = index.where("head")
        return ComponentIndex(
            names=tuple(index.names[k] for k in places),
            kind=("head",) * len(places),
            layer=tuple(index.layer[k] for k in places),
            head=tuple(index.head[k] for k in places),
        )

    def new_game(self) -> HeadGame:
        """A fresh game; heads that do not work write their reference means."""
        return HeadGame(
            self.model,
            self.token_ids,
            target=self.target,
            removal=self.removal,
            replacements=self.replacements,
            fill=self.mean_fill,
            chunk_size=self.chunk_size,
        )
