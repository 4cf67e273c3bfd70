"""One text run through the encoder, with what the study freezes at it: attention patterns and LayerNorm scales.

With those held the attention part of the model is a linear map of the stream, and a margin is a sum over paths
(Elhage et al. 2021). A LayerNorm's divisor is held; its centring is linear already and is not. MLPs are not
linear: what they write is held.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from study.model.encoder import Block, Encoder
from study.model.protocol import margins
from study.model.residual import layer_norm_scale


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenLayer:
    """One layer at one text.

    stream: [pos d_model] that enters it; pattern: [head dest src]; scale: [pos], the divisor of the LayerNorm
    before attention; added: [pos d_model], what its MLP writes, None where there is no MLP.
    """

    block: Block
    stream: Tensor
    pattern: Tensor
    scale: Tensor
    added: Tensor | None

    def normed(self, part: Tensor) -> Tensor:
        """[... pos d_model]: a part of the stream as attention sees it, at this text's scale, without the shift.

        Linear: parts that sum to the stream give what sums, with `shift`, to the LayerNorm's output.
        """
        norm = self.block.norm_attention
        if not isinstance(norm, nn.LayerNorm):
            return part
        return norm.weight * (part - part.mean(-1, keepdim=True)) / self.scale[:, None]

    def shift(self) -> Tensor:
        """[d_model]: what the LayerNorm before attention adds whatever the stream is."""
        norm = self.block.norm_attention
        return norm.bias if isinstance(norm, nn.LayerNorm) else torch.zeros_like(self.stream[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenText:
    """One text and the readout of one class's margin at it: margin = read(stream at CLS) + constant.

    embeddings: [pos d_model]; readout: [d_model], the direction at this text's final scale (read_direction / scale);
    constant: the final LayerNorm's shift and the class biases; margin: by the plain forward pass.
    """

    model: Encoder
    token_ids: Tensor
    target: int
    embeddings: Tensor
    layers: tuple[FrozenLayer, ...]
    readout: Tensor
    scale: Tensor
    constant: Tensor
    margin: Tensor

    def read(self, write: Tensor) -> Tensor:
        """[...]: logits that a write at CLS [... d_model] adds to the margin at this text's final scale."""
        return write @ self.readout


def freeze(model: Encoder, token_ids: Tensor, target: int) -> FrozenText:
    """The text token_ids [pos], CLS first and no padding, and the margin of class `target` at it."""
    with torch.no_grad():
        embeddings = model.embed(token_ids[None])
        attend = torch.ones_like(token_ids, dtype=torch.bool)[None]
        stream, layers = embeddings, []
        for block in model.layers:
            x = block.norm_attention(stream)
            pattern = block.attention.pattern(x, attend)
            middle = stream + block.attention.concatenation_view(block.attention.mix(x, pattern))
            added = None if block.mlp is None else block.mlp(block.norm_mlp(middle))
            layers.append(
                FrozenLayer(
                    block=block,
                    stream=stream[0],
                    pattern=pattern[0],
                    scale=_scale(block.norm_attention, stream[0]),
                    added=None if added is None else added[0],
                )
            )
            stream = middle if added is None else middle + added
        direction, constant = model.readout(torch.tensor([target], device=token_ids.device))
        scale = model.readout_scale(stream[:, 0])[0]
        logits = model.norm_readout(stream[:, 0]) @ model.W_U + model.b_U
        margin = margins(logits, torch.tensor([target], device=token_ids.device))[0]
    return FrozenText(
        model=model,
        token_ids=token_ids,
        target=target,
        embeddings=embeddings[0],
        layers=tuple(layers),
        readout=direction[0] / scale,
        scale=scale,
        constant=constant[0],
        margin=margin,
    )


def _scale(norm: nn.Module, stream: Tensor) -> Tensor:
    """[pos]: the divisor of a LayerNorm at stream [pos d_model]; ones where LayerNorm is off."""
    return layer_norm_scale(stream, norm.eps) if isinstance(norm, nn.LayerNorm) else torch.ones_like(stream[:, 0])
