"""One text, ready to be explained: its players, a fresh game, and a look inside the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from study.game.coalitions import PlainGame, WordGame
from study.game.fast import FastEncoderGame
from study.game.removals import Removal
from study.model.encoder import Encoder
from study.model.protocol import ClassifierModel, margins
from study.records import MASK_ID, ComponentIndex, FloatArray, Game, IntArray, TextBatch


class WhiteBox(Protocol):
    """What gradient and attention explainers need of one text; positions are CLS and the words, no padding."""

    @property
    def word_of_position(self) -> IntArray:
        """[pos], the word at a position, -1 for CLS."""
        ...

    def embeddings(self) -> Tensor:
        """[pos d_model], token plus position embeddings of the text."""
        ...

    def baseline_embeddings(self) -> Tensor:
        """[pos d_model], the same positions with the mask token for every word; CLS unchanged."""
        ...

    def margin(self, embeddings: Tensor) -> Tensor:
        """[example] from embeddings [example pos d_model], logits; differentiable."""
        ...

    def attention(self) -> FloatArray:
        """[layer head dest src], rows sum to one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWhiteBox:
    """`WhiteBox` of any `ClassifierModel`. token_ids: [pos], CLS first."""

    model: ClassifierModel
    token_ids: Tensor
    target: int
    word_of_position: IntArray

    def embeddings(self) -> Tensor:
        return self.model.embed(self.token_ids[None])[0].detach()

    def baseline_embeddings(self) -> Tensor:
        masked = torch.full_like(self.token_ids, MASK_ID)
        masked[0] = self.token_ids[0]
        return self.model.embed(masked[None])[0].detach()

    def margin(self, embeddings: Tensor) -> Tensor:
        attend = torch.ones(embeddings.shape[:2], dtype=torch.bool, device=embeddings.device)
        target = torch.full((len(embeddings),), self.target, device=embeddings.device)
        return margins(self.model.logits_of_embeddings(embeddings, attend), target)

    def attention(self) -> FloatArray:
        attend = torch.ones_like(self.token_ids, dtype=torch.bool)
        with torch.no_grad():
            return self.model.attention_patterns(self.token_ids[None], attend[None])[0].cpu().numpy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One text to be explained. Players are words[:n_players]; the rest do not fit the model.

    target: the class whose margin is explained, fixed for all coalitions.
    """

    example_id: str
    words: tuple[str, ...]
    n_players: int
    target: int
    index: ComponentIndex
    new_game: Callable[[], Game]
    white_box: WhiteBox


def make_subject(
    model: ClassifierModel,
    batch: TextBatch,
    row: int,
    *,
    target: int,
    removal: Removal,
    replacements: IntArray,
    chunk_size: int,
) -> Subject:
    """The subject of one row of a batch.

    replacements: [draw word] from `draw_replacements`. Games of operators that keep positions use the exact
    fast evaluation where the model family has one (`study.game.fast`), else the plain forward pass.
    """
    length = int(batch.attend[row].sum())
    token_ids = np.array(batch.token_ids[row, :length])
    game_type: type[WordGame] = FastEncoderGame if isinstance(model, Encoder) and removal.keeps_positions else PlainGame

    def new_game() -> Game:
        return game_type(
            model, token_ids, target=target, removal=removal, replacements=replacements, chunk_size=chunk_size
        )

    return Subject(
        example_id=batch.example_id[row],
        words=batch.words[row],
        n_players=length - 1,
        target=target,
        index=model.index,
        new_game=new_game,
        white_box=ModelWhiteBox(
            model=model,
            token_ids=torch.as_tensor(token_ids, device=model.device),
            target=target,
            word_of_position=np.array(batch.word_of_token[row, :length]),
        ),
    )
