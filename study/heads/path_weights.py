"""How much of what a head moves reaches the margin directly, and how much through heads of later layers.

Read off the weights with attention patterns and LayerNorm scales held at x, so nothing is ablated: a predictor of the
gap between direct contribution and ablation effect that is not made of either (hypothesis H3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from study.heads.frozen import FrozenText
from study.heads.paths import Paths
from study.records import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PathWeights:
    """Sizes of a head's paths, [head], logits, numbered layer by layer.

    direct: sum over positions of |what the head moves from there to CLS, read by the margin|. later: sum over
    positions and heads of later layers of |what it moves from there and that head reads and writes|. Sizes, so paths
    of opposite signs do not cancel. Left out: paths through MLPs (not linear), through two later heads, and what the
    head passes on whatever the text is (biases, the shift of its LayerNorm). Blind to a head that tells others where to
    look: with their patterns held, nothing that it moves is read, so it may have no weight at all.
    """

    direct: FloatArray
    later: FloatArray


def weigh_paths(frozen: FrozenText, paths: Paths) -> PathWeights:
    """The weights of one text; paths: those of `trace_frozen(frozen)`."""
    direct = np.abs(direct_writes(frozen)).sum(0)
    return PathWeights(direct=direct, later=np.abs(paths.two_hop).sum((0, 2)))


def direct_writes(frozen: FrozenText) -> FloatArray:
    """[pos head]: what every head moves from pos to CLS, as the margin reads it there, logits.

    Sums over positions to the head's direct contribution without the shift of its LayerNorm.
    """
    found = []
    for layer in frozen.layers:
        attention = layer.block.attention
        values = torch.einsum("pd,hde->hpe", layer.normed(layer.stream), attention.W_V)
        content = torch.einsum("hpe,hef,f->hp", values, attention.W_O, frozen.readout)
        found.append((content * layer.pattern[:, 0]).T)
    return np.asarray(torch.cat(found, 1).detach().double().cpu().numpy())
