"""Ablation of heads: the change of the margin when heads are replaced, alone, in pairs and in groups.

The effect of a head is m(all heads) - m(without it): positive where the head pushes towards the target class. Heads are
replaced where they leave attention, before W_O, and the value bias stays; everything downstream reacts. By zero (off
distribution: it takes a head's constant write too), by its mean over the reference set (the default), or by what it
does on other reference texts, averaged over draws (resample).

Sources: Michel et al. 2019 (zero); Wang et al. 2023 (mean); Chan et al. 2022 (resample); METHODS, section 4.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from study.config import HeadsConfig
from study.heads.batch import HeadBatch, even_seconds, make_attributions, rows_of_like_length
from study.model.ablation import HeadFill, margins_by_subset, zero_fill
from study.model.encoder import Encoder
from study.records import BoolArray, FloatArray, HeadAttribution
from study.seeds import rng_of

ABLATIONS = ("zero", "mean", "resample")
_CHUNK = 64  # rows in one forward pass


def attribute_zero(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Effect of every head alone, logits: margin minus the margin with the head's output replaced by zero."""
    return _attribute(batch, config, "zero")


def attribute_mean(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Effect of every head alone, logits: margin minus the margin with the head replaced by its reference means."""
    return _attribute(batch, config, "mean")


def attribute_resample(batch: HeadBatch, config: HeadsConfig) -> list[HeadAttribution]:
    """Effect of every head alone, logits: margin minus its mean over `resample_draws` other texts' outputs."""
    return _attribute(batch, config, "resample")


def effects(batch: HeadBatch, config: HeadsConfig, ablation: str, removed: BoolArray) -> FloatArray:
    """[example group]: m(all heads) - m(without the heads of the group), logits; removed: [group head].

    ablation: one of ABLATIONS. Draws of `resample` depend on the data seed and the text alone, and are the same for
    every group.
    """
    kept = kept_heads(batch.model, removed)
    if ablation == "resample":
        margin = _resampled_margins(batch, kept, config.resample_draws)
    else:
        fill = zero_fill(batch.model) if ablation == "zero" else batch.reference.mean_fill()
        margin = ablate(batch.model, batch.token_ids, batch.attend, batch.target, kept, fill)
    return margin[:, :1] - margin[:, 1:]


def kept_heads(model: Encoder, removed: BoolArray) -> Tensor:
    """[1+group layer head], on the model's device: first all heads, then all but those of each group [group head]."""
    all_and_without = np.concatenate([np.ones((1, removed.shape[1]), dtype=bool), ~removed])
    return torch.as_tensor(all_and_without, device=model.device).unflatten(1, (len(model.layers), -1))


def ablate(
    model: Encoder, token_ids: Tensor, attend: Tensor, target: Tensor, kept: Tensor, fill: HeadFill
) -> FloatArray:
    """[example subset], float64, logits: margins with only the heads of each subset at work, the others replaced.

    token_ids, attend: [example pos], padded; target: [example]; kept: [subset layer head], True where the head works;
    fill: what replaced heads mix, one row for all texts or a row a text. All subsets share their common work, and
    texts run together with others of like length.
    """
    margin = np.empty((len(token_ids), len(kept)))
    with torch.no_grad():
        for rows in rows_of_like_length(attend, _CHUNK):
            seen = attend[rows]
            seen = seen[:, : int(seen.sum(1).max())]
            embeddings = model.embed(token_ids[rows, : seen.shape[1]])
            found = margins_by_subset(
                model, embeddings, None if bool(seen.all()) else seen, target[rows], kept, _rows_of(fill, rows)
            )
            margin[rows.cpu().numpy()] = found.double().cpu().numpy()
    return margin


def trial_ablations(model: Encoder, token_ids: Tensor, attend: Tensor, target: Tensor, fill: HeadFill) -> FloatArray:
    """[example 1+head 1+head], logits: the margin without two heads, m_{-i-j}; 0 stands for nobody, 1 + i for head i.

    So [:, 0, 0] is the margin with all heads, [:, 0, 1 + i] without head i alone. Heads are numbered layer by layer.
    """
    n = sum(kind == "head" for kind in model.index.kind)
    first, second = np.triu_indices(n + 1)  # of nobody and the heads; (i, i) stands for i alone
    removed = np.zeros((len(first), n + 1), dtype=bool)
    removed[np.arange(len(first)), first] = removed[np.arange(len(first)), second] = True
    margin = ablate(model, token_ids, attend, target, kept_heads(model, removed[:, 1:])[1:], fill)
    without = np.empty((len(margin), n + 1, n + 1))
    without[:, first, second] = without[:, second, first] = margin
    return without


def _attribute(batch: HeadBatch, config: HeadsConfig, ablation: str) -> list[HeadAttribution]:
    started = time.perf_counter()
    n_layers, n_heads = batch.shape
    scores = effects(batch, config, ablation, np.eye(n_layers * n_heads, dtype=bool))
    draws = config.resample_draws if ablation == "resample" else 1
    return make_attributions(
        batch,
        f"ablation_{ablation}",
        "causal",
        list(scores),
        ablation=ablation,
        n_evals=[draws * (1 + n_layers * n_heads)] * len(batch),
        seconds=even_seconds(batch, started),
    )


def _resampled_margins(batch: HeadBatch, kept: Tensor, n_draws: int) -> FloatArray:
    """[example subset]: mean margins over `n_draws` fills a text, drawn for the text's own length and then padded."""
    margin = np.empty((len(batch), len(kept)))
    for rows in rows_of_like_length(batch.attend, max(1, _CHUNK // n_draws)):
        fills = [_draw_fill(batch, int(row), n_draws) for row in rows]
        length = max(fill.words.shape[3] for fill in fills)
        fill = HeadFill(
            readout=torch.cat([fill.readout for fill in fills]),
            words=torch.cat([_pad_words(fill.words, length) for fill in fills]),
        )
        repeated = rows.repeat_interleave(n_draws)
        found = ablate(
            batch.model, batch.token_ids[repeated], batch.attend[repeated], batch.target[repeated], kept, fill
        )
        margin[rows.cpu().numpy()] = found.reshape(len(rows), n_draws, -1).mean(1)
    return margin


def _draw_fill(batch: HeadBatch, row: int, n_draws: int) -> HeadFill:
    """The replacements of one text, a row a draw; they depend on nothing but the data seed and the text."""
    subject = batch.subjects[row]
    rng = rng_of(batch.data_seed, "head replacements", subject.example_id)
    return batch.reference.resample_fill(n_draws, subject.n_players, rng)


def _pad_words(words: Tensor, length: int) -> Tensor:
    """words [row layer head pos d_head] with zeros up to `length` positions, which padding never reads."""
    return torch.nn.functional.pad(words, (0, 0, 0, length - words.shape[3]))


def _rows_of(fill: HeadFill, rows: Tensor) -> HeadFill:
    """The fill of some texts; what has one row holds for all."""
    readout = fill.readout if len(fill.readout) == 1 else fill.readout[rows]
    return HeadFill(readout=readout, words=fill.words if len(fill.words) == 1 else fill.words[rows])
