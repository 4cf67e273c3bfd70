"""Tiny models and texts that many tests share. Every weight is random, so that nothing is trivially zero."""

from __future__ import annotations

import numpy as np
import torch

from study.config import ModelConfig
from study.model.encoder import Encoder, build_encoder
from study.records import CLS_ID, PAD_ID, SPECIAL_TOKENS, TextBatch

N_TOKENS = 20
TINY = ModelConfig(name="tiny", n_layers=2, n_heads=2, d_model=8, d_mlp=12, max_words=9)
VARIANTS = {  # every shape of encoder that the config allows
    "two layers": TINY,
    "one layer": TINY.model_copy(update={"n_layers": 1}),
    "three layers": TINY.model_copy(update={"n_layers": 3}),
    "attention only": TINY.model_copy(update={"d_mlp": 0}),
    "LayerNorm off": TINY.model_copy(update={"layer_norm": False}),
    "attention only, LayerNorm off": TINY.model_copy(update={"d_mlp": 0, "layer_norm": False}),
    "one layer, attention only, LayerNorm off": TINY.model_copy(
        update={"n_layers": 1, "d_mlp": 0, "layer_norm": False}
    ),
    "one head": TINY.model_copy(update={"n_heads": 1}),
    "four wide heads": TINY.model_copy(update={"n_heads": 4, "d_head": 5}),
}


def tiny_model(
    config: ModelConfig = TINY, *, n_classes: int = 2, seed: int = 0, dtype: torch.dtype = torch.float64
) -> Encoder:
    """An encoder in evaluation mode: drawn by `build_encoder`, then biases, LayerNorms and the padding row too."""
    generator = torch.Generator().manual_seed(seed)
    model = build_encoder(config, N_TOKENS, n_classes, generator)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            leaf = name.rsplit(".", 1)[-1]
            if leaf == "weight":  # of a LayerNorm
                parameter.normal_(1.0, 0.3, generator=generator)
            elif leaf == "bias" or leaf.startswith("b_"):
                parameter.normal_(0.0, 0.5, generator=generator)
        model.W_E[PAD_ID].normal_(0.0, 1.0, generator=generator)  # must not matter, and shows if it does
        model.W_pos.normal_(0.0, 0.3, generator=generator)
    return model.to(dtype).eval().requires_grad_(False)


def tiny_text(n_words: int, seed: int = 0) -> np.ndarray:
    """[pos], CLS and n_words random words, no padding."""
    words = np.random.default_rng([seed, n_words]).integers(len(SPECIAL_TOKENS), N_TOKENS, n_words)
    return np.concatenate([[CLS_ID], words]).astype(np.int64)


def tiny_batch(*n_words: int, n_cut: int = 0, n_classes: int = 2, seed: int = 0) -> TextBatch:
    """Random texts of these lengths, padded to the longest; each has n_cut more words that have no position."""
    rows = [tiny_text(n, seed + i) for i, n in enumerate(n_words)]
    token_ids = np.full((len(rows), 1 + max(n_words)), PAD_ID)
    word_of_token = np.full(token_ids.shape, -1)
    for i, row in enumerate(rows):
        token_ids[i, : len(row)] = row
        word_of_token[i, 1 : len(row)] = np.arange(len(row) - 1)
    return TextBatch(
        example_id=tuple(f"t{i}" for i in range(len(rows))),
        text=tuple(f"text {i}" for i in range(len(rows))),
        words=tuple(tuple(f"w{j}" for j in range(n + n_cut)) for n in n_words),
        token_ids=token_ids,
        attend=token_ids != PAD_ID,
        word_of_token=word_of_token,
        label=np.arange(len(rows)) % n_classes,
    )


def tensors(batch: TextBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """(token_ids, attend) of the whole batch."""
    return torch.tensor(batch.token_ids), torch.tensor(batch.attend)


def largest(difference: torch.Tensor | np.ndarray) -> float:
    """The largest absolute entry; NaN where there is one."""
    values = difference.detach().numpy() if isinstance(difference, torch.Tensor) else np.asarray(difference)
    return float(np.abs(values).max())
