"""What is asked about heads and neurons on all texts of a cell at once: layers, neurons, attention, trials."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from study import gates
from study.heads.ablation import trial_ablations
from study.heads.lens import margins_by_layer
from study.heads.neurons import neuron_contributions
from study.model.encoder import Encoder
from study.model.protocol import target_classes
from study.model.reference import HeadReference
from study.model.training import batch_tensors
from study.records import BoolArray, FloatArray, Gate, IntArray, TextBatch
from study.setting import Setting

WHERE = "trained model"
CHUNK = 128  # texts in one forward pass: memory does not grow with their number


def survey(
    setting: Setting, model: Encoder, reference: HeadReference, fresh: TextBatch
) -> tuple[dict[str, pd.DataFrame], list[Gate]]:
    """The tables layers, neurons, head_attention, readout_attention and trials of a cell, and the gates on the way."""
    layers, of_layers = survey_layers(setting, model)
    neurons, of_neurons = survey_neurons(setting, model)
    readout = survey_readout(setting, model)
    attention = sum_attention(readout)
    frames = {"layers": layers, "neurons": neurons, "head_attention": attention, "readout_attention": readout}
    return frames | {"trials": try_heads(model, fresh, reference)}, [*of_layers, *of_neurons]


def survey_layers(setting: Setting, model: Encoder) -> tuple[pd.DataFrame, list[Gate]]:
    """One row a text and step: the margin by the logit lens after it, and what it adds; and the gate of their sum."""
    found = [margins_by_layer(model, *tensors) for tensors in _chunks(setting, model)]
    lens, adds = (np.concatenate([getattr(part, name) for part in found]) for name in ("lens", "adds"))
    margin = setting.contributions.margin
    gap = adds.sum(1) + np.concatenate([part.constant for part in found]) - margin
    n_texts, n_steps = lens.shape
    frame = pd.DataFrame(
        {
            "example_id": np.repeat(setting.batch.example_id, n_steps),
            "step": np.tile(found[0].steps, n_texts),
            "order": np.tile(np.arange(n_steps), n_texts),
            "layer": np.tile(found[0].layer, n_texts),
            "lens_margin": lens.ravel(),
            "contribution": adds.ravel(),
        }
    )
    relative = gap / np.maximum(1.0, np.abs(margin))
    return frame, [gates.make_gate(gates.STEPS, relative, WHERE, dtype=setting.dtype)]


def survey_neurons(setting: Setting, model: Encoder) -> tuple[pd.DataFrame, list[Gate]]:
    """One row a neuron, its direct contribution over all texts; and the gate of their sum. No rows without MLPs.

    size: mean |contribution - its mean over texts|, what of it depends on the text; share: of the layer's sizes;
    rank: 1 for the largest of its layer; active_rate: share of texts on which it fires at CLS.
    """
    parts = [neuron_contributions(model, *tensors) for tensors in _chunks(setting, model)]
    values, bias, active = (np.concatenate([getattr(p, name) for p in parts]) for name in ("values", "bias", "active"))
    frames = [_neurons_of_layer(values[:, layer], active[:, layer], layer) for layer in range(values.shape[1])]
    columns = ["layer", "neuron", "size", "mean", "active_rate", "share", "rank"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    whole = setting.contributions.values[:, setting.contributions.index.where("mlp")]
    gap = values.sum(2) + bias - whole
    relative = gap / np.maximum(1.0, np.abs(setting.contributions.margin))[:, None]
    measured = [gates.make_gate(gates.NEURONS, relative, WHERE, dtype=setting.dtype)] if gap.size else []
    return frame[columns], measured


def _neurons_of_layer(values: FloatArray, active: BoolArray, layer: int) -> pd.DataFrame:
    """values, active: [example neuron]."""
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
            "active_rate": active.mean(0),
            "share": size / size.sum() if size.sum() > 0 else np.nan,
            "rank": rank,
        }
    )


def survey_readout(setting: Setting, model: Encoder) -> pd.DataFrame:
    """One row a text, head and word: the weight of the readout's attention there; they sum to 1 per text and head.

    word_index: -1 for the readout's own position, CLS. Words beyond the model's length have no row.
    """
    names = np.array([model.index.names[k] for k in model.index.where("head")])
    example_id, word_of_token = np.array(setting.batch.example_id), setting.batch.word_of_token
    frames, start = [], 0
    with torch.no_grad():
        for token_ids, attend, _ in _chunks(setting, model):
            weights = model.attention_patterns(token_ids, attend)[:, :, :, 0].flatten(1, 2).double().cpu().numpy()
            seen = np.broadcast_to(attend.cpu().numpy()[:, None], weights.shape)
            example, head, src = np.nonzero(seen)
            columns = {"example_id": example_id[start + example], "component": names[head]}
            columns |= {"word_index": word_of_token[start + example, src], "weight": weights[seen]}
            frames.append(pd.DataFrame(columns))
            start += len(weights)
    return pd.concat(frames, ignore_index=True)


def sum_attention(readout: pd.DataFrame) -> pd.DataFrame:
    """One row a text and head: where the readout looks. to_cls: its weight on itself; entropy: of its row, nats.

    readout: the table that `survey_readout` makes.
    """
    weight = readout["weight"]
    entropy = -(weight * np.log(weight.where(weight > 0, 1.0)))  # 0 log 0 is 0
    parts = readout.assign(to_cls=weight.where(readout["word_index"] == -1, 0.0), entropy=entropy)
    return parts.groupby(["example_id", "component"], sort=False)[["to_cls", "entropy"]].sum().reset_index()


def try_heads(model: Encoder, fresh: TextBatch, reference: HeadReference) -> pd.DataFrame:
    """Every head mean-ablated, alone and beside every other, on texts that decided nothing about it.

    One row a head and partner ("" alone), what taking the head out changes where the partner is out already: mean
    and standard deviation over texts of |change of the margin|, logits; flipped: the share of texts that are then
    predicted otherwise; accuracy_lost: the share of right predictions lost, below 0 where some are gained.
    """
    names = [model.index.names[k] for k in model.index.where("head")]
    columns = ["component", "partner", "n_texts", "mean_abs_change", "sd", "flipped", "accuracy_lost"]
    if not len(fresh):
        return pd.DataFrame(columns=columns)
    margin, predicted = _trials(model, fresh, reference)
    right = predicted == fresh.label[:, None, None]
    rows = []
    for h, name in enumerate(names, start=1):
        for p, partner in enumerate(["", *names]):
            if partner == name:
                continue
            change = np.abs(margin[:, p, 0] - margin[:, p, h])
            deviation = change.std(ddof=1) if len(change) > 1 else np.nan
            flipped = (predicted[:, p, 0] != predicted[:, p, h]).mean()
            lost = right[:, p, 0].mean() - right[:, p, h].mean()
            rows.append((name, partner, len(change), change.mean(), deviation, flipped, lost))
    return pd.DataFrame(rows, columns=columns)


def _trials(model: Encoder, fresh: TextBatch, reference: HeadReference) -> tuple[FloatArray, IntArray]:
    """Margin of the target class and predicted class without any two heads, both as `trial_ablations` lays them out."""
    fill, found, classes = reference.mean_fill(), [], []
    for start in range(0, len(fresh), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(fresh)))
        token_ids, attend = (t.to(model.device) for t in batch_tensors(fresh, rows))
        with torch.no_grad():
            target = target_classes(model.logits(token_ids, attend)).cpu().numpy()
        # a class's margin grows with its logit alone, so the largest margin is the largest logit
        by_class = np.stack(
            [
                trial_ablations(model, token_ids, attend, torch.full((len(rows),), c, device=model.device), fill)
                for c in range(model.n_classes)
            ]
        )
        found.append(by_class[target, np.arange(len(rows))])
        classes.append(by_class.argmax(0))
    return np.concatenate(found), np.concatenate(classes)


def _chunks(setting: Setting, model: Encoder) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(token_ids, attend, target) of all explained texts, some at a time, in order."""
    for start in range(0, len(setting.batch), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(setting.batch)))
        token_ids, attend = batch_tensors(setting.batch, rows)
        target = torch.tensor(setting.contributions.target[rows], device=model.device)
        yield token_ids.to(model.device), attend.to(model.device), target
