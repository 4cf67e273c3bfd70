"""The size of what a head writes, whatever it does to the margin."""

from __future__ import annotations

import time

import numpy as np
import torch

from study.config import HeadsConfig
from study.heads.batch import HeadBatch, even_seconds, make_attributions, rows_of_like_length
from study.model.ablation import head_outputs
from study.records import HeadAttribution

_CHUNK = 64  # texts in one forward pass


def attribute_norm(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """L2 norm of what every head writes to the stream at CLS (its mix through W_O), excluding the value bias.

    Unsigned and no logits: a large write may leave the margin alone. Evaluations: one forward pass.
    Source: Kobayashi et al. 2020, section 3, the norm of a head's weighted sum of transformed vectors.
    """
    started = time.perf_counter()
    norms = np.empty((len(batch), *batch.shape))
    W_O = torch.stack([block.attention.W_O for block in batch.model.layers])
    with torch.no_grad():
        for rows in rows_of_like_length(batch.attend, _CHUNK):
            attend = batch.attend[rows]
            attend = attend[:, : int(attend.sum(1).max())]
            embeddings = batch.model.embed(batch.token_ids[rows, : attend.shape[1]])
            mixed = head_outputs(batch.model, embeddings, attend)[:, :, :, 0]
            written = torch.einsum("nlhe,lhed->nlhd", mixed, W_O)
            norms[rows.cpu().numpy()] = written.norm(dim=-1).double().cpu().numpy()
    seconds = even_seconds(batch, started)
    return make_attributions(batch, "attention_norm", "other", list(norms), n_evals=[1] * len(batch), seconds=seconds)
