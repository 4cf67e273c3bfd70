"""Activation patching: which head, and where, carries the difference that one word makes.

A text and its twin differ in one word. The model runs on the text, but one head's output is taken from its run on
the twin; everything downstream reacts. How far the margin moves towards the twin's is what that head carries.
Source: Vig et al. (2020), Investigating gender bias in language models using causal mediation analysis (the natural
indirect effect of a head); Zhang and Nanda (2024), Towards best practices of activation patching.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from study.model.ablation import head_outputs, margins_replaced
from study.model.encoder import Encoder
from study.records import FloatArray, IntArray, read_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Patching:
    """What moves when heads of a text give the outputs they have on its twin, logits.

    margin, twin_margin: of the target class, of the text and of the twin.
    whole: [layer head], margin with the head's output taken from the twin at every position, minus `margin`;
    by_position: [layer head pos], the same at one position alone; 0 in the last layer but at CLS, where it is read.
    + pushes towards the target class. Effects of single heads do not sum to twin_margin - margin, except in a single
    attention-only layer without LayerNorm.
    """

    margin: float
    twin_margin: float
    whole: FloatArray
    by_position: FloatArray

    def __post_init__(self) -> None:
        whole = read_only(self.whole, dtype=np.float64, shape=(None, None), name="whole")
        object.__setattr__(self, "whole", whole)
        cells = read_only(self.by_position, dtype=np.float64, shape=(*whole.shape, None), name="by_position")
        object.__setattr__(self, "by_position", cells)


def patch_heads(
    model: Encoder, token_ids: IntArray, twin_ids: IntArray, target: int, *, chunk_size: int = 128
) -> Patching:
    """Every head of the text patched from its twin, everywhere and at every single position.

    token_ids, twin_ids: [pos], CLS first, no padding; target: the class whose margin it is, of both. Patched runs
    are evaluated `chunk_size` at a time.

    Raises: ValueError when text and twin differ in length: a position of one would not be that of the other.
    """
    if np.shape(token_ids) != np.shape(twin_ids) or np.ndim(token_ids) != 1:
        raise ValueError(f"text and twin have shapes {np.shape(token_ids)} and {np.shape(twin_ids)}, wanted one (pos,)")
    pair = torch.as_tensor(np.stack([token_ids, twin_ids]), device=model.device)
    with torch.no_grad():
        embeddings = model.embed(pair)
        outputs = head_outputs(model, embeddings, torch.ones_like(pair, dtype=torch.bool))
        where = _places(*outputs.shape[1:4]).to(model.device)
        twin_margin = _patched(model, embeddings[1], outputs[1], target, where[:1], chunk_size)[0]
        found = _patched(model, embeddings[0], outputs[1], target, where, chunk_size)
    n_layers, n_heads, n_positions = outputs.shape[1:4]
    effects = found[1:] - found[0]
    whole = effects[: n_layers * n_heads].reshape(n_layers, n_heads)
    by_position = np.zeros((n_layers, n_heads, n_positions))
    by_position[:-1] = effects[n_layers * n_heads :].reshape(n_layers - 1, n_heads, n_positions)
    by_position[-1, :, 0] = whole[-1]
    return Patching(margin=float(found[0]), twin_margin=float(twin_margin), whole=whole, by_position=by_position)


def _places(n_layers: int, n_heads: int, n_positions: int) -> Tensor:
    """[row layer head pos]: nothing patched; each head everywhere; below the last layer, at each position.

    Of the last layer CLS alone is read, so there a head patched everywhere is the head patched at CLS.
    """
    n_all, n_below = n_layers * n_heads, (n_layers - 1) * n_heads * n_positions
    nothing = torch.zeros(1, n_all, n_positions, dtype=torch.bool)
    whole = torch.eye(n_all, dtype=torch.bool)[:, :, None].expand(-1, -1, n_positions)
    single = torch.eye(n_all * n_positions, dtype=torch.bool)[:n_below].unflatten(1, (n_all, n_positions))
    return torch.cat([nothing, whole, single]).unflatten(1, (n_layers, n_heads))


def _patched(
    model: Encoder, embeddings: Tensor, outputs: Tensor, target: int, where: Tensor, chunk_size: int
) -> FloatArray:
    """[row], float64: margins of one text [pos d_model] with heads' outputs replaced where each row of `where` says."""
    n_positions = len(embeddings)
    found = []
    for rows in where.split(chunk_size):
        n = len(rows)
        found.append(
            margins_replaced(
                model,
                embeddings.expand(n, -1, -1),
                torch.ones(n, n_positions, dtype=torch.bool, device=model.device),
                torch.full((n,), target, device=model.device),
                outputs.expand(n, -1, -1, -1, -1),
                rows,
            )
        )
    return np.asarray(torch.cat(found).double().cpu().numpy())
