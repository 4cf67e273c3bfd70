"""A small pre-LayerNorm transformer encoder, read out at its first position.

Token and learned position embeddings; per layer x += attention(LN(x)), then x += mlp(LN(x)) unless the
variant is attention-only; a final LayerNorm; logits = stream at CLS times W_U. LayerNorm can be off.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from study.config import ModelConfig
from study.errors import StudyError
from study.model.attention import Attention
from study.model.protocol import ModelSource
from study.model.residual import (
    encoder_components,
    layer_norm_scale,
    margin_biases,
    margin_directions,
    read_direction,
)
from study.records import PAD_ID


class Mlp(nn.Module):
    """ReLU(x W_in + b_in) W_out + b_out. W_in: [d_model d_mlp]; W_out: [d_mlp d_model]."""

    def __init__(self, d_model: int, d_mlp: int) -> None:
        super().__init__()
        self.W_in = nn.Parameter(torch.zeros(d_model, d_mlp))
        self.b_in = nn.Parameter(torch.zeros(d_mlp))
        self.W_out = nn.Parameter(torch.zeros(d_mlp, d_model))
        self.b_out = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Tensor) -> Tensor:
        hidden = nn.functional.linear(x, self.W_in.T, self.b_in).relu_()
        return nn.functional.linear(hidden, self.W_out.T, self.b_out)


class Block(nn.Module):
    """One layer: what it adds to the stream, given the stream. `mlp` is None in the attention-only variant."""

    def __init__(self, config: ModelConfig, d_head: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.d_model) if config.layer_norm else nn.Identity()
        self.attention = Attention(config.d_model, config.n_heads, d_head)
        self.norm_mlp = nn.LayerNorm(config.d_model) if config.layer_norm and config.d_mlp else nn.Identity()
        self.mlp = Mlp(config.d_model, config.d_mlp) if config.d_mlp else None
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, stream: Tensor, attend: Tensor) -> Tensor:
        stream = stream + self.dropout(self.attention(self.norm_attention(stream), attend))
        if self.mlp is not None:
            stream = stream + self.dropout(self.mlp(self.norm_mlp(stream)))
        return stream


class Encoder(nn.Module):
    """The classifier; implements `study.model.protocol.ClassifierModel`.

    Shapes: W_E [token d_model], W_pos [pos d_model], W_U [d_model class_], b_U [class_].
    """

    def __init__(self, config: ModelConfig, n_tokens: int, n_classes: int) -> None:
        super().__init__()
        d_head = config.d_head or config.d_model // config.n_heads
        self.index = encoder_components(config.n_layers, config.n_heads, has_mlp=config.d_mlp > 0)
        self.n_classes = n_classes
        self.max_positions = config.max_words + 1
        self.W_E = nn.Parameter(torch.zeros(n_tokens, config.d_model))
        self.W_pos = nn.Parameter(torch.zeros(self.max_positions, config.d_model))
        self.blocks = nn.ModuleList(Block(config, d_head) for _ in range(config.n_layers))
        self.norm_readout = nn.LayerNorm(config.d_model) if config.layer_norm else nn.Identity()
        self.W_U = nn.Parameter(torch.zeros(config.d_model, n_classes))
        self.b_U = nn.Parameter(torch.zeros(n_classes))
        self.dropout = nn.Dropout(config.dropout)

    @property
    def layers(self) -> list[Block]:
        """The blocks, typed."""
        return [block for block in self.blocks if isinstance(block, Block)]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.W_E.device

    def embed(self, token_ids: Tensor) -> Tensor:
        """[example pos d_model], token plus position embeddings.

        Raises: StudyError when a row is longer than the model has positions.
        """
        if token_ids.shape[-1] > self.max_positions:
            raise StudyError(
                f"a text of {token_ids.shape[-1]} positions does not fit a model of {self.max_positions}; "
                "cut it to max_words or raise max_words and train again"
            )
        return self.W_E[token_ids] + self.W_pos[: token_ids.shape[-1]]

    def logits_of_embeddings(self, embeddings: Tensor, attend: Tensor) -> Tensor:
        """[example class_] from embeddings [example pos d_model]."""
        stream = self.dropout(embeddings)
        for block in self.layers:
            stream = block(stream, attend)
        return self.norm_readout(stream[:, 0]) @ self.W_U + self.b_U

    def logits(self, token_ids: Tensor, attend: Tensor) -> Tensor:
        """[example class_], by the plain forward pass."""
        return self.logits_of_embeddings(self.embed(token_ids), attend)

    forward = logits

    def attention_patterns(self, token_ids: Tensor, attend: Tensor) -> Tensor:
        """[example layer head dest src], rows sum to one."""
        stream = self.embed(token_ids)
        patterns = []
        for block in self.layers:
            patterns.append(block.attention.pattern(block.norm_attention(stream), attend))
            stream = block(stream, attend)
        return torch.stack(patterns, 1)

    def readout_writes(self, token_ids: Tensor, attend: Tensor) -> Tensor:
        """[example component d_model]: what every component but `readout_bias` adds to the stream at CLS.

        Heads by the sum view; in the order of `index`. Their sum is the stream that the readout sees.
        """
        stream = self.embed(token_ids)
        writes = [stream[:, 0]]
        for block in self.layers:
            attention = block.attention
            x = block.norm_attention(stream)
            mixed = attention.mix(x, attention.pattern(x, attend))
            heads = attention.sum_view(mixed[:, :, :1])  # heads one by one at the readout only, where they are read
            stream = stream + torch.einsum("nhpe,hed->npd", mixed, attention.W_O) + attention.bias()
            writes += [*heads[:, 0].unbind(1), attention.bias().expand(len(stream), -1)]
            if block.mlp is not None:
                added = block.mlp(block.norm_mlp(stream))
                stream = stream + added
                writes.append(added[:, 0])
        return torch.stack(writes, 1)

    def readout(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """(u [example d_model], constant [example]) with margin = u.stream / scale + constant.

        The constant gathers the final LayerNorm's shift and the class biases.
        """
        direction = margin_directions(self.W_U, target)
        constant = margin_biases(self.b_U, target)
        if isinstance(self.norm_readout, nn.LayerNorm):
            constant = constant + direction @ self.norm_readout.bias
            direction = read_direction(direction, self.norm_readout.weight)
        return direction, constant

    def readout_scale(self, stream: Tensor) -> Tensor:
        """[example]: the final LayerNorm's divisor at this stream [example d_model]; one when LayerNorm is off."""
        if isinstance(self.norm_readout, nn.LayerNorm):
            return layer_norm_scale(stream, self.norm_readout.eps)
        return torch.ones_like(stream[:, 0])

    def contributions(self, token_ids: Tensor, attend: Tensor, target: Tensor) -> Tensor:
        """[example component], logits: direct logit attribution of every component; sums to the margin."""
        writes = self.readout_writes(token_ids, attend)
        direction, constant = self.readout(target)
        scale = self.readout_scale(writes.sum(1))
        parts = torch.einsum("nkd,nd->nk", writes, direction) / scale[:, None]
        return torch.cat([parts, constant[:, None]], 1)


def build_encoder(
    config: ModelConfig, n_tokens: int, n_classes: int, generator: torch.Generator, word_vectors: Tensor | None = None
) -> Encoder:
    """An untrained encoder, its weights drawn from `generator` alone.

    word_vectors: [token d_model] start values of W_E; rows of zeros (special or unseen words) are drawn.
    """
    model = Encoder(config, n_tokens, n_classes)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "W_E":
                parameter.normal_(0.0, 0.3, generator=generator)
            elif name == "W_pos":
                parameter.normal_(0.0, 0.05, generator=generator)
            elif parameter.dim() > 1 and not name.rsplit(".", 1)[-1].startswith("b_"):
                fan_in = parameter.shape[-2] * (parameter.shape[0] if name.endswith("W_O") else 1)
                parameter.normal_(0.0, fan_in**-0.5, generator=generator)
        if word_vectors is not None:
            known = word_vectors.abs().sum(1) > 0
            model.W_E[known] = word_vectors[known].to(model.W_E.dtype)
        model.W_E[PAD_ID] = 0.0
    return model


def build_from_source(source: ModelSource, generator: torch.Generator) -> Encoder:
    """`build_encoder` for the registry of model families."""
    return build_encoder(source.config, len(source.words), source.n_classes, generator, source.word_vectors)
