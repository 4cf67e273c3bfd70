"""The encoder with some of its heads replaced: by zero, by their mean over reference texts, by another text's.

A head is replaced where it leaves attention, before its slice of W_O: what it mixed, without the value bias,
which stays in the layer's attention bias. So replacing by zero removes exactly what the components call that
head. Everything downstream reacts: later attention, MLPs and LayerNorms see the changed stream.

Two ways to the same number, compared by tests: `margins_by_subset` shares all work that subsets of heads have in
common, `margins_replaced` is the plain forward pass with any head replaced at any position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from study.config.limits import describe_heads
from study.errors import UnknownNameError
from study.model.encoder import Block, Encoder
from study.model.protocol import margins

_ROWS = 4096  # readout rows finished together: 4,096 x d_mlp 256 floats are 4 MiB, whatever the number of subsets


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFill:
    """What replaced heads mix instead. CLS and the words have values of their own: heads do different work there.

    readout: [row layer head d_head]; words: [row layer head pos d_head], pos counted from the first word.
    Row and pos may have length one and then hold for all.
    """

    readout: Tensor
    words: Tensor

    def of_layer(self, layer: int, n_positions: int) -> Tensor:
        """[row head pos d_head] of one layer, CLS first."""
        words = self.words[:, layer]
        words = words.expand(-1, -1, n_positions - 1, -1) if words.shape[2] == 1 else words[:, :, : n_positions - 1]
        readout = self.readout[:, layer, :, None].expand(words.shape[0], -1, -1, -1)
        return torch.cat([readout, words], 2)


def zero_fill(model: Encoder) -> HeadFill:
    """Heads that mix nothing."""
    n_heads, _, d_head = model.layers[0].attention.W_Q.shape
    readout = model.W_U.new_zeros(1, len(model.layers), n_heads, d_head)
    return HeadFill(readout=readout, words=readout[:, :, :, None])


def head_outputs(model: Encoder, embeddings: Tensor, attend: Tensor) -> Tensor:
    """[row layer head pos d_head]: what every head mixes at every position, excluding the value bias."""
    stream, found = embeddings, []
    for block in model.layers:
        attention = block.attention
        x = block.norm_attention(stream)
        mixed = attention.mix(x, attention.pattern(x, attend))
        found.append(mixed)
        stream = _after_heads(block, stream, mixed)
    return torch.stack(found, 1)


def margins_replaced(
    model: Encoder, embeddings: Tensor, attend: Tensor, target: Tensor, outputs: Tensor, where: Tensor
) -> Tensor:
    """[row]: margins when heads mix `outputs` instead of their own, at the places that `where` marks.

    embeddings: [row pos d_model]; attend: [row pos]; target: [row]; outputs: [row layer head pos d_head];
    where: [row layer head pos], True where the output is replaced. The plain forward pass, layer by layer.
    """
    stream = embeddings
    for layer, block in enumerate(model.layers):
        attention = block.attention
        x = block.norm_attention(stream)
        own = attention.mix(x, attention.pattern(x, attend))
        stream = _after_heads(block, stream, torch.where(where[:, layer, :, :, None], outputs[:, layer], own))
    return margins(model.norm_readout(stream[:, 0]) @ model.W_U + model.b_U, target)


def margins_by_subset(
    model: Encoder, embeddings: Tensor, attend: Tensor | None, target: Tensor, kept: Tensor, fill: HeadFill
) -> Tensor:
    """[row subset]: margins with only the heads of each subset at work, the others replaced by `fill`.

    embeddings: [row pos d_model]; attend: [row pos], None where every position may be attended to;
    target: [row]; kept: [subset layer head], True where the head works.

    The layer trick: a layer's heads are computed once for all subsets that agree on the layers below; of the last
    layer only the readout position is computed. Memory does not grow with the number of subsets but for the
    result.
    """
    direction, constant = model.readout(target)
    result = embeddings.new_empty(len(embeddings), len(kept))
    _descend(
        _Walk(model, attend, kept, fill, direction, constant, result),
        embeddings,
        0,
        torch.arange(len(kept), device=kept.device),
    )
    return result


@dataclass(frozen=True, slots=True)
class _Walk:
    """What every step of `margins_by_subset` needs."""

    model: Encoder
    attend: Tensor | None
    kept: Tensor
    fill: HeadFill
    direction: Tensor
    constant: Tensor
    result: Tensor


def _descend(walk: _Walk, stream: Tensor, layer: int, subsets: Tensor) -> None:
    """Fills the result of `subsets`, which share the stream [row pos d_model] that enters `layer`."""
    block = walk.model.layers[layer]
    x = block.norm_attention(stream)
    if layer == len(walk.model.layers) - 1:
        _finish(walk, block, stream[:, 0], block.attention.mix_readout(x, walk.attend), subsets)
        return
    seen = walk.attend if walk.attend is not None else x.new_ones(x.shape[:2], dtype=torch.bool)
    mixed = block.attention.mix(x, block.attention.pattern(x, seen))
    instead = walk.fill.of_layer(layer, x.shape[1]).to(mixed.dtype)
    for choice, members in _groups(walk.kept[subsets, layer], subsets):
        working = torch.where(choice[:, None, None], mixed, instead)
        _descend(walk, _after_heads(block, stream, working), layer + 1, members)


def _groups(choices: Tensor, subsets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """(choice [head], the subsets that make it) for each distinct row of choices [subset head]."""
    distinct, group = torch.unique(choices, dim=0, return_inverse=True)
    for number, choice in enumerate(distinct):
        yield choice, subsets[group == number]


def _finish(walk: _Walk, block: Block, stream: Tensor, mixed: Tensor, subsets: Tensor) -> None:
    """The last layer at the readout position [row d_model], for every subset of its heads."""
    attention, layer = block.attention, len(walk.model.layers) - 1
    own = torch.einsum("nhe,hed->nhd", mixed, attention.W_O)
    instead = torch.einsum("nhe,hed->nhd", walk.fill.readout[:, layer].to(mixed.dtype), attention.W_O)
    base = stream + instead.sum(1) + attention.bias()
    gain = own - instead
    step = max(1, _ROWS // len(stream))
    for some in subsets.split(step):
        chosen = walk.kept[some, layer].to(gain.dtype)
        ends = base[:, None] + torch.einsum("sh,nhd->nsd", chosen, gain)
        if block.mlp is not None:
            ends = ends + block.mlp(block.norm_mlp(ends))
        scale = walk.model.readout_scale(ends.flatten(0, 1)).view(ends.shape[:2])
        read = torch.einsum("nsd,nd->ns", ends, walk.direction) / scale
        walk.result[:, some] = read + walk.constant[:, None]


def _after_heads(block: Block, stream: Tensor, mixed: Tensor) -> Tensor:
    """The stream after a layer whose heads mixed `mixed` [row head pos d_head]."""
    stream = stream + block.attention.concatenation_view(mixed)
    return stream if block.mlp is None else stream + block.mlp(block.norm_mlp(stream))


def head_place(model: Encoder, name: str) -> tuple[int, int]:
    """(layer, head) of a head's name, "L0H1" say.

    Raises: UnknownNameError saying which layers and heads the model has.
    """
    index = model.index
    if name in index.names and index.kind[place := index.names.index(name)] == "head":
        return index.layer[place], index.head[place]
    n_layers, n_heads = len(model.layers), model.layers[0].attention.W_Q.shape[0]
    raise UnknownNameError(f"unknown head '{name}': this model has {describe_heads(n_layers, n_heads)}")
