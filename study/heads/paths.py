"""The margin as a sum over paths: word -> head -> margin, and word -> head -> later head -> margin.

With attention patterns and LayerNorm scales held at x, a head reads the stream linearly, so its write to the margin
splits over what the stream is made of: embeddings, what earlier heads moved from each position, what MLPs wrote
(nodes, not expanded) and what is the same for every word (Elhage et al. 2021, "path expansion"). Exact for any
depth; the terms are effects of edges when everything else is held, not of removing a word or a head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from study.heads.frozen import FrozenLayer, FrozenText, freeze
from study.model.encoder import Encoder
from study.model.residual import read_direction
from study.records import FloatArray, read_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """One text's margin, logits, as a sum over paths. Heads are numbered layer by layer; position 0 is CLS.

    one_hop: [pos head], the embedding at pos through the head.
    two_hop: [pos head head], what the first head moved from pos (to any position) and the second read there; zero
    unless the first is in an earlier layer. In layer 0 it moves the embedding at pos, exactly a word's; in a deeper
    layer it moves the whole stream at pos, MLPs and earlier heads included: only the last pair of heads is expanded.
    mlp_to_head: [layer pos head], what the layer's MLP wrote at pos, through the head; no layers without MLPs.
    bias_to_head: [head], what the head passes on whatever it attends to: the shift of its own LayerNorm, and the
    biases and shifts of earlier attention. Together: one head's direct contribution, `L1H2` say.
    embed: the embedding at CLS, directly. mlp: [layer], what MLPs write at CLS. bias: attention biases at CLS and the
    readout's constant. Everything sums to margin (by the plain forward pass).
    """

    one_hop: FloatArray
    two_hop: FloatArray
    mlp_to_head: FloatArray
    bias_to_head: FloatArray
    embed: float
    mlp: FloatArray
    bias: float
    margin: float

    def __post_init__(self) -> None:
        n_positions, n_heads = np.shape(self.one_hop)
        shapes: dict[str, tuple[int | None, ...]] = {
            "one_hop": (n_positions, n_heads),
            "two_hop": (n_positions, n_heads, n_heads),
            "mlp_to_head": (len(self.mlp), n_positions, n_heads),
            "bias_to_head": (n_heads,),
            "mlp": (None,),
        }
        for name, shape in shapes.items():
            object.__setattr__(self, name, read_only(getattr(self, name), dtype=np.float64, shape=shape, name=name))

    def by_head(self) -> FloatArray:
        """[head]: all that ends in a head; equals its direct contribution."""
        return np.asarray(
            self.one_hop.sum(0) + self.two_hop.sum((0, 1)) + self.mlp_to_head.sum((0, 1)) + self.bias_to_head
        )

    def total(self) -> float:
        """The sum over everything; equals margin."""
        return float(self.by_head().sum() + self.embed + self.mlp.sum() + self.bias)


def trace_paths(model: Encoder, token_ids: Tensor, target: int) -> Paths:
    """The paths of one text, token_ids [pos], CLS first and no padding, to the margin of class `target`."""
    return trace_frozen(freeze(model, token_ids, target))


def trace_frozen(frozen: FrozenText) -> Paths:
    """The paths of a text that has been run already."""
    layers = frozen.layers
    ends = [_Ends.of(layer, frozen) for layer in layers]
    n_heads = len(layers[0].pattern)
    n_mlps = sum(layer.added is not None for layer in layers)
    one_hop, bias_to_head = [], []
    two_hop = frozen.embeddings.new_zeros(len(frozen.embeddings), n_heads * len(layers), n_heads * len(layers))
    mlp_to_head = frozen.embeddings.new_zeros(n_mlps, *two_hop.shape[:2])
    for later, end in enumerate(ends):
        columns = slice(later * n_heads, (later + 1) * n_heads)
        one_hop.append(end.read(frozen.embeddings))
        constant = end.shift
        for earlier, layer in enumerate(layers[:later]):
            constant = constant + end.weight.sum(1) * (end.direction @ _constant_write(layer))
            two_hop[:, earlier * n_heads : (earlier + 1) * n_heads, columns] = end.read_heads(layer)
            if layer.added is not None:
                mlp_to_head[earlier, :, columns] = end.read(layer.added)
        bias_to_head.append(constant)
    return Paths(
        one_hop=_numpy(torch.cat(one_hop, 1)),
        two_hop=_numpy(two_hop),
        mlp_to_head=_numpy(mlp_to_head),
        bias_to_head=_numpy(torch.cat(bias_to_head)),
        embed=float(frozen.read(frozen.embeddings[0])),
        mlp=np.array([float(frozen.read(layer.added[0])) for layer in layers if layer.added is not None]),
        bias=float(sum(frozen.read(layer.block.attention.bias()) for layer in layers) + frozen.constant),
        margin=float(frozen.margin),
    )


@dataclass(frozen=True, slots=True)
class _Ends:
    """How the heads of one layer read the stream at every source, for the margin.

    weight: [head src], attention from CLS over the LayerNorm's divisor; direction: [head d_model], what a head's OV
    map and the readout make of the stream; shift: [head], the LayerNorm's shift through both.
    """

    weight: Tensor
    direction: Tensor
    shift: Tensor

    @classmethod
    def of(cls, layer: FrozenLayer, frozen: FrozenText) -> _Ends:
        attention = layer.block.attention
        through = torch.einsum("hde,hef,f->hd", attention.W_V, attention.W_O, frozen.readout)
        gamma = getattr(layer.block.norm_attention, "weight", None)  # None where LayerNorm is off
        return cls(
            weight=layer.pattern[:, 0] / layer.scale,
            direction=through if gamma is None else read_direction(through, gamma),
            shift=through @ layer.shift(),
        )

    def read(self, part: Tensor) -> Tensor:
        """[pos head] of a part of the stream [pos d_model]."""
        return torch.einsum("hp,pd,hd->ph", self.weight, part, self.direction)

    def read_heads(self, layer: FrozenLayer) -> Tensor:
        """[pos head head]: what each head of an earlier layer moved from pos, read wherever it put it."""
        attention = layer.block.attention
        values = torch.einsum("jd,ade->aje", layer.normed(layer.stream), attention.W_V)
        content = torch.einsum("aje,aed,bd->jab", values, attention.W_O, self.direction)
        return content * torch.einsum("bp,apj->jab", self.weight, layer.pattern)


def _constant_write(layer: FrozenLayer) -> Tensor:
    """[d_model]: what attention adds at every position whatever it attends to: its biases and its LayerNorm's shift."""
    attention = layer.block.attention
    return attention.bias() + torch.einsum("d,hde,hef->f", layer.shift(), attention.W_V, attention.W_O)


def _numpy(values: Tensor) -> FloatArray:
    return np.asarray(values.double().cpu().numpy())
