"""Proof of what is attributed: take out exactly what a number claims to be, run the model, look at the margin.

Every item is taken out twice. *Frozen*: at this text's attention patterns and LayerNorm scales, with everything else
that is written held as it is; this must give the item's term of the sum, and is computed by running the layers, not
by the formula of the sum. *Live*: the same removal, and everything downstream reacts; what the sum does not see.
Path patching: Goldowsky-Dill et al. 2023; Wang et al. 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from study.heads.frozen import FrozenText, freeze
from study.heads.neurons import neuron_contributions, neuron_place
from study.heads.path_list import path_term
from study.heads.paths import trace_frozen
from study.model.ablation import head_place
from study.model.encoder import Block, Encoder
from study.model.protocol import margins

ItemKind = Literal["head", "neuron", "path"]
NO_WORD = -2  # the word index of an item that starts at no word


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is taken out: a head's or a neuron's write at CLS, or one path from one position.

    name: "L0H1"; "L0N17"; a path as it is listed, "L0H1 > L1H2", "L1H2", "L0.mlp > L1H2" or "L1.mlp".
    word_index: where a path starts, -1 for CLS; NO_WORD for heads and neurons.
    """

    kind: ItemKind
    name: str
    word_index: int = NO_WORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """One item of one text, logits: margin with it minus margin without it.

    predicted: its term of the sum; frozen: measured with everything else held at the text; live: with everything
    downstream reacting. For a path into a head, live removes it from all that the head reads: queries and keys too.
    """

    kind: ItemKind
    name: str
    word_index: int
    predicted: float
    frozen: float
    live: float


@dataclass(frozen=True, slots=True)
class _Removal:
    """What is taken out and where it enters.

    layer: of the component concerned. head: it takes something from one head: what it reads, `piece` [pos d_model],
    or, where there is none, all it writes at CLS. neuron: that neuron at CLS. Neither: the whole MLP at CLS.
    """

    layer: int
    head: int | None = None
    neuron: int | None = None
    piece: Tensor | None = None


def intervene(model: Encoder, token_ids: Tensor, target: int, items: Sequence[Item]) -> list[Intervention]:
    """Takes each item out of one text, token_ids [pos], CLS first and no padding, and measures class `target`'s margin.

    Raises: UnknownNameError for a head, neuron, path or word that the model or the text does not have.
    """
    frozen = freeze(model, token_ids, target)
    predicted = _predictions(frozen, items)
    found = []
    with torch.no_grad():
        full = _frozen_margin(frozen, None), _live_margin(frozen, None)
        for item, term in zip(items, predicted, strict=True):
            removal = _removal(frozen, item)
            found.append(
                Intervention(
                    kind=item.kind,
                    name=item.name,
                    word_index=item.word_index,
                    predicted=term,
                    frozen=full[0] - _frozen_margin(frozen, removal),
                    live=full[1] - _live_margin(frozen, removal),
                )
            )
    return found


def _predictions(frozen: FrozenText, items: Sequence[Item]) -> list[float]:
    """Each item's term, as the program reports it."""
    model, ids = frozen.model, frozen.token_ids[None]
    attend, target = torch.ones_like(ids, dtype=torch.bool), torch.tensor([frozen.target], device=ids.device)
    with torch.no_grad():
        components = model.contributions(ids, attend, target)[0]
    neurons = neuron_contributions(model, ids, attend, target).values[0]
    paths = trace_frozen(frozen)
    found = []
    for item in items:
        if item.kind == "path":
            found.append(path_term(paths, model.index, item.name, item.word_index))
        elif item.kind == "head":
            head_place(model, item.name)
            found.append(float(components[model.index.names.index(item.name)]))
        else:
            found.append(float(neurons[neuron_place(model, item.name)]))
    return found


def _removal(frozen: FrozenText, item: Item) -> _Removal:
    """What the item, known to exist, takes out."""
    model = frozen.model
    if item.kind == "neuron":
        layer, neuron = neuron_place(model, item.name)
        return _Removal(layer, neuron=neuron)
    *source, end = item.name.split(" > ")
    if end in (mlps := [f"L{layer}.mlp" for layer in range(len(frozen.layers))]):
        return _Removal(mlps.index(end))
    layer, head = head_place(model, end)
    if item.kind == "head":
        return _Removal(layer, head=head)
    piece, pos = torch.zeros_like(frozen.embeddings), item.word_index + 1
    if not source:
        piece[pos] = frozen.embeddings[pos]
    elif source[0] in mlps:
        added = frozen.layers[mlps.index(source[0])].added
        piece[pos] = 0.0 if added is None else added[pos]
    else:
        first, mover = head_place(model, source[0])
        earlier = frozen.layers[first]
        attention = earlier.block.attention
        value = earlier.normed(earlier.stream)[pos] @ attention.W_V[mover] @ attention.W_O[mover]
        piece = earlier.pattern[mover, :, pos, None] * value
    return _Removal(layer, head=head, piece=piece)


def _frozen_margin(frozen: FrozenText, removal: _Removal | None) -> float:
    """The margin, layer by layer, when the removal changes one component's write at CLS and nothing reads the change.

    The stream that components read stays the text's own; what reaches the readout is summed up beside it.
    """
    model, stream = frozen.model, frozen.embeddings
    at_readout = stream[0].clone()
    for number, layer in enumerate(frozen.layers):
        here = removal if removal is not None and removal.layer == number else None
        attention = layer.block.attention
        x = layer.normed(stream) + layer.shift()
        mixed = torch.einsum("hps,sd,hde->hpe", layer.pattern, x, attention.W_V)
        at_cls = mixed[:, 0].clone()
        if here is not None and here.head is not None:
            at_cls[here.head] = 0.0
            if here.piece is not None:
                x = layer.normed(stream - here.piece) + layer.shift()
                at_cls[here.head] = layer.pattern[here.head, 0] @ x @ attention.W_V[here.head]
        at_readout = at_readout + torch.einsum("he,hed->d", at_cls, attention.W_O) + attention.bias()
        stream = stream + attention.concatenation_view(mixed[None])[0]
        if layer.added is not None:
            lost = here is not None and here.head is None
            at_readout = at_readout + (_mlp_without(layer.block, stream[0], here) if lost else layer.added[0])
            stream = stream + layer.added
    norm = model.norm_readout
    if isinstance(norm, nn.LayerNorm):
        at_readout = norm.weight * (at_readout - at_readout.mean()) / frozen.scale + norm.bias
    return _margin(frozen, at_readout)


def _live_margin(frozen: FrozenText, removal: _Removal | None) -> float:
    """The margin by the plain forward pass with the removal made, everything after it reacting."""
    model, stream = frozen.model, frozen.embeddings[None]
    attend = torch.ones_like(frozen.token_ids, dtype=torch.bool)[None]
    for number, block in enumerate(model.layers):
        here = removal if removal is not None and removal.layer == number else None
        attention = block.attention
        x = block.norm_attention(stream)
        mixed = attention.mix(x, attention.pattern(x, attend))
        if here is not None and here.head is not None:
            if here.piece is None:
                mixed[:, here.head, 0] = 0.0
            else:
                x = block.norm_attention(stream - here.piece)
                mixed[:, here.head] = attention.mix(x, attention.pattern(x, attend))[:, here.head]
        stream = stream + attention.concatenation_view(mixed)
        if block.mlp is not None:
            added = block.mlp(block.norm_mlp(stream))
            if here is not None and here.head is None:
                added[0, 0] = _mlp_without(block, stream[0, 0], here)
            stream = stream + added
    return _margin(frozen, model.norm_readout(stream[0, 0]))


def _mlp_without(block: Block, stream: Tensor, removal: _Removal | None) -> Tensor:
    """[d_model]: what the MLP writes at CLS without the removal's neuron; nothing when the whole MLP is removed."""
    mlp = block.mlp
    if mlp is None or removal is None or removal.neuron is None:
        return torch.zeros_like(stream)
    acts = (block.norm_mlp(stream) @ mlp.W_in + mlp.b_in).relu()
    acts[removal.neuron] = 0.0
    return acts @ mlp.W_out + mlp.b_out


def _margin(frozen: FrozenText, normed: Tensor) -> float:
    """The target's margin from the stream at CLS [d_model] after the final LayerNorm."""
    logits = normed @ frozen.model.W_U + frozen.model.b_U
    return float(margins(logits[None], torch.tensor([frozen.target], device=logits.device))[0])
