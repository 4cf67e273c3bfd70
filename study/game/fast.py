"""The encoder's game without the work that coalitions share. Exact: it equals `PlainGame` (a gate).

Three savings, all for operators that leave the other words in place:
- In layer 0 a position is in one of few states (its word present or absent). Attention scores between all
  states, and every state's value pushed through its head's slice of W_O, are computed once per text; a
  coalition only selects among them.
- The last layer is needed at the readout position only (`Attention.mix_readout`).
- Contributions are read along one direction, so no head needs a vector of width d_model on its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from study.game.coalitions import WordGame
from study.model.attention import Attention
from study.model.encoder import Block, Encoder
from study.records import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class StateTables:
    """Layer 0 of one replacement draw, by state. States: CLS, each word present, each word absent.

    stream: [state d_model] embeddings; scores: [state head state], scaled; written: [head*state d_model],
    values through W_O; read: [head state], the same along the readout direction.
    """

    stream: Tensor
    scores: Tensor
    written: Tensor
    read: Tensor


class FastEncoderGame(WordGame):
    """`WordGame` of an `Encoder` for removal operators that keep positions."""

    def _prepare(self) -> None:
        """Reads the readout and tabulates layer 0. Raises: ValueError where the game would not be exact."""
        model = self.model
        if not isinstance(model, Encoder) or not self.removal.keeps_positions:
            raise ValueError("the fast game needs an Encoder and a removal operator that keeps positions")
        self.encoder = model
        with torch.no_grad():
            direction, constant = model.readout(torch.tensor([self.target], device=model.device))
            self.direction, self.constant = direction[0], float(constant[0])
            draws = [None] if self.removal.hides else list(self.replacements)
            self.tables = [self._tabulate(absent) for absent in draws]

    def _tabulate(self, absent: IntArray | None) -> StateTables:
        """The tables of one draw; `absent` [word] are stand-in tokens, None when absent words are only hidden."""
        model, attention = self.encoder, self.encoder.layers[0].attention
        stream = model.embed(torch.as_tensor(self.token_ids, device=model.device)[None])[0]
        if absent is not None:
            stand_in = model.W_E[torch.as_tensor(absent, device=model.device)]
            stream = torch.cat([stream, stand_in + model.W_pos[1 : self.n_players + 1]])
        x = model.layers[0].norm_attention(stream)
        query = torch.einsum("sd,hde->hse", x, attention.W_Q) + attention.b_Q[:, None]
        key = torch.einsum("sd,hde->hse", x, attention.W_K) + attention.b_K[:, None]
        scores = query @ key.transpose(1, 2) / math.sqrt(attention.W_Q.shape[-1])
        written = torch.einsum("sd,hde,hef->hsf", x, attention.W_V, attention.W_O)
        return StateTables(
            stream=stream,
            scores=scores.transpose(0, 1).contiguous(),
            written=written.flatten(0, 1),
            read=written @ self.direction,
        )

    def _evaluate(self, masks: BoolArray) -> FloatArray:
        present = torch.as_tensor(masks, device=self.encoder.device)
        with torch.no_grad():
            parts = [self._components(table, present) for table in self.tables]
        return torch.stack(parts).double().mean(0).cpu().numpy()

    def _components(self, table: StateTables, present: Tensor) -> Tensor:
        """[coalition component] for present [coalition word] under one draw."""
        layers, n = self.encoder.layers, len(present)
        one_layer = len(layers) == 1
        kept = torch.cat([present.new_ones(n, 1), present], 1)
        attended = kept if self.removal.hides else None
        stream, heads = self._first_layer(table, kept, readout_only=one_layer)
        parts = [(table.stream[0] @ self.direction).expand(n), *heads]
        parts += self._bias_and_mlp(layers[0], stream)
        for block in layers[1:-1]:
            parts += self._middle_layer(block, stream, attended)
        if not one_layer:
            stream, last = self._last_layer(layers[-1], stream, attended)
            parts += last
            parts += self._bias_and_mlp(layers[-1], stream)
        scale = self.encoder.readout_scale(stream[:, 0])
        scaled = torch.stack(parts, 1) / scale[:, None]
        return torch.cat([scaled, scaled.new_full((n, 1), self.constant)], 1)

    def _first_layer(self, table: StateTables, kept: Tensor, *, readout_only: bool) -> tuple[Tensor, list[Tensor]]:
        """The stream after layer 0's heads [coalition pos d_model] and each head's read-out [coalition]."""
        n, n_words = len(kept), self.n_players
        position = torch.arange(n_words + 1, device=kept.device)
        if self.removal.hides:
            state, shown = position.expand(n, -1), kept
        else:
            state = torch.where(kept, position, position + n_words)
            shown = torch.cat([kept, ~kept[:, 1:]], 1)
        if readout_only:
            state = state[:, :1]
        scores = table.scores[state.flatten()].unflatten(0, state.shape)
        hidden = torch.zeros(shown.shape, dtype=scores.dtype, device=kept.device).masked_fill_(~shown, -torch.inf)
        pattern = (scores + hidden[:, None, None]).softmax(-1)
        stream = torch.addmm(table.stream[state.flatten()], pattern.flatten(2).flatten(0, 1), table.written).unflatten(
            0, state.shape
        )
        heads = torch.einsum("nhs,hs->hn", pattern[:, 0], table.read)
        return stream, list(heads)

    def _bias_and_mlp(self, block: Block, stream: Tensor) -> list[Tensor]:
        """Adds the attention bias and the MLP to the stream in place; their read-outs, each [coalition]."""
        bias = block.attention.bias()
        stream += bias
        parts = [(bias @ self.direction).expand(len(stream))]
        if block.mlp is not None:
            added = block.mlp(block.norm_mlp(stream))
            stream += added
            parts.append(added[:, 0] @ self.direction)
        return parts

    def _middle_layer(self, block: Block, stream: Tensor, attended: Tensor | None) -> list[Tensor]:
        """Adds a layer between the first and the last to the stream in place; its read-outs."""
        attention = block.attention
        x = block.norm_attention(stream)
        seen = torch.ones(stream.shape[:2], dtype=torch.bool, device=stream.device) if attended is None else attended
        mixed = attention.mix(x, attention.pattern(x, seen))
        stream += torch.einsum("nhpe,hed->npd", mixed, attention.W_O)
        heads = torch.einsum("nhe,hed,d->hn", mixed[:, :, 0], attention.W_O, self.direction)
        return [*heads, *self._bias_and_mlp(block, stream)]

    def _last_layer(self, block: Block, stream: Tensor, attended: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """The stream at CLS after the last layer's heads [coalition 1 d_model] and each head's read-out."""
        attention: Attention = block.attention
        mixed = attention.mix_readout(block.norm_attention(stream), attended)
        heads = torch.einsum("nhe,hed,d->hn", mixed, attention.W_O, self.direction)
        return stream[:, :1] + torch.einsum("nhe,hed->nd", mixed, attention.W_O)[:, None], list(heads)
