"""What is asked about heads and neurons on all texts of a cell at once: layers, neurons, attention, trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from study import gates
from study.explaining import Setting
from study.heads.ablation import trial_ablations
from study.heads.lens import margins_by_layer
from study.heads.neurons import NeuronContributions, neuron_contributions
from study.model.encoder import Encoder
from study.model.protocol import target_classes
from study.model.reference import HeadReference
from study.model.training import batch_tensors
from study.records import FloatArray, Gate, TextBatch

WHERE = "trained model"


def survey_layers(setting: Setting, model: Encoder) -> tuple[pd.DataFrame, list[Gate]]:
    """One row a text and step: the margin by the logit lens after it, and what it adds; and the gate of their sum."""
    token_ids, attend, target = _tensors(setting, model)
    found = margins_by_layer(model, token_ids, attend, target)
    margin = setting.contributions.margin
    gap = (found.adds.sum(1) + found.constant - margin) / np.maximum(1.0, np.abs(margin))
    n_texts, n_steps = found.lens.shape
    frame = pd.DataFrame(
        {
            "example_id": np.repeat(setting.batch.example_id, n_steps),
            "step": np.tile(found.steps, n_texts),
            "order": np.tile(np.arange(n_steps), n_texts),
            "layer": np.tile(found.layer, n_texts),
            "lens_margin": found.lens.ravel(),
            "contribution": found.adds.ravel(),
        }
    )
    return frame, [gates.make_gate(gates.STEPS, gap, WHERE, dtype=setting.dtype)]


def survey_neurons(setting: Setting, model: Encoder) -> tuple[pd.DataFrame, list[Gate]]:
    """One row a neuron, its direct contribution over all texts; and the gate of their sum. No rows without MLPs.

    size: mean |contribution - its mean over texts|, what of it depends on the text; share: of the layer's sizes;
    rank: 1 for the largest of its layer; active_rate: share of texts on which it fires at CLS.
    """
    found = neuron_contributions(model, *_tensors(setting, model))
    frames = [_neurons_of_layer(found, layer) for layer in range(found.values.shape[1])]
    columns = ["layer", "neuron", "size", "mean", "active_rate", "share", "rank"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    whole = setting.contributions.values[:, setting.contributions.index.where("mlp")]
    gap = found.values.sum(2) + found.bias - whole
    relative = gap / np.maximum(1.0, np.abs(setting.contributions.margin))[:, None]
    measured = [gates.make_gate(gates.NEURONS, relative, WHERE, dtype=setting.dtype)] if gap.size else []
    return frame[columns], measured


def _neurons_of_layer(found: NeuronContributions, layer: int) -> pd.DataFrame:
    values = found.values[:, layer]
    size = np.abs(values - values.mean(0)).mean(0)
    order = np.argsort(-size, kind="stable")
    rank = np.empty(len(size), dtype=np.int64)
    rank[order] = np.arange(1, len(size) + 1)
    return pd.DataFrame(
        {
            "layer": layer,
            "neuron": np.arange(len(size)),
            "size": size,
            "mean": values.mean(0),
            "active_rate": found.active[:, layer].mean(0),
            "share": size / size.sum() if size.sum() > 0 else np.nan,
            "rank": rank,
        }
    )


def survey_attention(setting: Setting, model: Encoder) -> pd.DataFrame:
    """One row a text and head: where the readout looks. to_cls: its weight on itself; entropy: of its row, nats."""
    token_ids, attend, _ = _tensors(setting, model)
    with torch.no_grad():
        row = model.attention_patterns(token_ids, attend)[:, :, :, 0].flatten(1, 2).double().cpu().numpy()
    entropy = -(row * np.log(np.where(row > 0, row, 1.0))).sum(-1)
    names = [model.index.names[k] for k in model.index.where("head")]
    return pd.DataFrame(
        {
            "example_id": np.repeat(setting.batch.example_id, len(names)),
            "component": np.tile(names, len(row)),
            "to_cls": row[:, :, 0].ravel(),
            "entropy": entropy.ravel(),
        }
    )


def try_heads(model: Encoder, fresh: TextBatch, reference: HeadReference) -> pd.DataFrame:
    """Every head mean-ablated, alone and beside every other, on texts that decided nothing about it.

    One row a head and partner ("" alone): mean and standard deviation over texts of |change of the margin|, logits.
    """
    names = [model.index.names[k] for k in model.index.where("head")]
    rows = []
    change = _fresh_changes(model, fresh, reference) if len(fresh) else np.empty((0, len(names), len(names) + 1))
    for h, name in enumerate(names):
        for p, partner in enumerate(["", *names]):
            if partner != name and len(change):
                values = change[:, h, p]
                rows.append(
                    (name, partner, len(values), values.mean(), values.std(ddof=1) if len(values) > 1 else np.nan)
                )
    return pd.DataFrame(rows, columns=["component", "partner", "n_texts", "mean_abs_change", "sd"])


def _fresh_changes(model: Encoder, fresh: TextBatch, reference: HeadReference) -> FloatArray:
    """[example head partner], |change|; see `trial_ablations`."""
    token_ids, attend = (t.to(model.device) for t in batch_tensors(fresh, np.arange(len(fresh))))
    with torch.no_grad():
        target = target_classes(model.logits(token_ids, attend))
    return trial_ablations(model, token_ids, attend, target, reference.mean_fill())


def _tensors(setting: Setting, model: Encoder) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(token_ids, attend, target) of all explained texts."""
    token_ids, attend = batch_tensors(setting.batch, np.arange(len(setting.batch)))
    target = torch.tensor(setting.contributions.target, device=model.device)
    return token_ids.to(model.device), attend.to(model.device), target
