"""How the margin grows from layer to layer, seen in two ways that answer different questions.

The logit lens (nostalgebraist 2020) reads the stream so far as if the model ended there: its final LayerNorm is
computed anew on every prefix, so steps rescale what came before them. What a step adds is its direct contribution
at the scale of the whole stream: it sums to the margin, and is the sum of the step's components.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from study.model.encoder import Encoder
from study.records import ComponentIndex, FloatArray, IntArray, read_only


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMargins:
    """The margin after every step, logits, and what every step adds.

    steps: "embed", "L0.attention", "L0.mlp" (where there is one), "L1.attention", ...; layer: [step], -1 for embed.
    lens: [example step], the readout applied to the stream after the step; the last one is the margin.
    adds: [example step], direct contribution at the final scale; attention is its heads and its bias.
    constant: [example], the readout's own part. adds summed over steps, plus constant, is the margin.
    """

    steps: tuple[str, ...]
    layer: IntArray
    lens: FloatArray
    adds: FloatArray
    constant: FloatArray

    def __post_init__(self) -> None:
        wide = (len(self.constant), len(self.steps))
        object.__setattr__(self, "layer", read_only(self.layer, shape=wide[1:], name="layer"))
        for name, shape in (("lens", wide), ("adds", wide), ("constant", wide[:1])):
            object.__setattr__(self, name, read_only(getattr(self, name), shape=shape, name=name))


def margins_by_layer(model: Encoder, token_ids: Tensor, attend: Tensor, target: Tensor) -> LayerMargins:
    """Both views of texts token_ids, attend [example pos] for the margin of target [example], at CLS."""
    steps, step_of = _steps(model.index)
    with torch.no_grad():
        writes = model.readout_writes(token_ids, attend)
        added = writes.new_zeros(len(writes), len(steps), writes.shape[-1])
        added.index_add_(1, torch.tensor(step_of, device=writes.device), writes)
        streams = added.cumsum(1)
        direction, constant = model.readout(target)
        scales = model.readout_scale(streams.flatten(0, 1)).view(streams.shape[:2])
        lens = torch.einsum("nsd,nd->ns", streams, direction) / scales + constant[:, None]
        adds = torch.einsum("nsd,nd->ns", added, direction) / scales[:, -1:]
    return LayerMargins(
        steps=tuple(name for name, _ in steps),
        layer=np.array([layer for _, layer in steps]),
        lens=lens.double().cpu().numpy(),
        adds=adds.double().cpu().numpy(),
        constant=constant.double().cpu().numpy(),
    )


def _steps(index: ComponentIndex) -> tuple[list[tuple[str, int]], list[int]]:
    """(name, layer) of every step, and the step of every component but the last, `readout_bias`."""
    steps: list[tuple[str, int]] = []
    step_of = []
    for kind, layer in zip(index.kind[:-1], index.layer[:-1], strict=True):
        name = "embed" if kind == "embed" else f"L{layer}.{'mlp' if kind == 'mlp' else 'attention'}"
        if not steps or steps[-1][0] != name:
            steps.append((name, layer))
        step_of.append(len(steps) - 1)
    return steps, step_of
