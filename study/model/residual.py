"""The residual stream as a running sum, read out as direct contributions to a class margin (METHODS, section 2).

Every component adds a vector to the stream at the readout position. The final LayerNorm, its scale taken at
the same input, is linear in that sum; so is the margin. What each component adds is its direct logit
attribution (Elhage et al. 2021; nostalgebraist 2020). A head that only acts through later layers has none.
"""

from __future__ import annotations

import torch
from torch import Tensor

from study.records import ComponentIndex


def encoder_components(n_layers: int, n_heads: int, *, has_mlp: bool) -> ComponentIndex:
    """The components of an encoder, in the order in which they are added to the stream."""
    rows: list[tuple[str, str, int, int]] = [("embed", "embed", -1, -1)]
    for layer in range(n_layers):
        rows += [(f"L{layer}H{head}", "head", layer, head) for head in range(n_heads)]
        rows.append((f"L{layer}.attn_bias", "attn_bias", layer, -1))
        if has_mlp:
            rows.append((f"L{layer}.mlp", "mlp", layer, -1))
    rows.append(("readout_bias", "readout_bias", -1, -1))
    names, kind, layers, heads = zip(*rows, strict=True)
    return ComponentIndex(names=names, kind=kind, layer=layers, head=heads)


def margin_directions(W_U: Tensor, target: Tensor) -> Tensor:
    """[example d_model]: the direction in the stream that raises the target's margin.

    W_U: [d_model class_]; the direction is the target's column minus the mean of the others.
    """
    columns = W_U.T[target]
    return columns - (W_U.sum(1) - columns) / (W_U.shape[1] - 1)


def margin_biases(b_U: Tensor, target: Tensor) -> Tensor:
    """[example]: the part of the margin that the class biases b_U [class_] give."""
    chosen = b_U[target]
    return chosen - (b_U.sum() - chosen) / (b_U.shape[0] - 1)


def layer_norm_scale(stream: Tensor, eps: float) -> Tensor:
    """[example]: the standard deviation by which LayerNorm divides the stream [example d_model]."""
    return torch.sqrt(stream.var(-1, correction=0) + eps)


def read_direction(direction: Tensor, gamma: Tensor) -> Tensor:
    """[... d_model]: u with w.(gamma * (o - mean(o))) = u.o, the margin direction w seen from before LayerNorm."""
    scaled = direction * gamma
    return scaled - scaled.mean(-1, keepdim=True)
