"""One model and all that is needed to explain texts with it: their words, or its heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch

from study.config import ExplainConfig
from study.game import REMOVALS
from study.game.heads import HeadSubject
from study.game.removals import Removal, draw_replacements
from study.game.subject import Subject, make_subject
from study.model.encoder import Encoder
from study.model.protocol import ClassifierModel, margins, target_classes
from study.model.reference import HeadReference
from study.model.training import batch_tensors
from study.records import Contributions, IntArray, TextBatch
from study.seeds import rng_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One model and all that is needed to explain texts with it.

    batch: the texts; contributions: of the same texts, in order; reference_tokens: the word tokens of the
    reference set, in one row; seed: the training seed, keys all drawing; data_seed keys what all seeds share.
    """

    model: ClassifierModel
    trained: bool
    batch: TextBatch
    class_names: tuple[str, ...]
    contributions: Contributions
    predicted: IntArray
    reference_tokens: IntArray
    config: ExplainConfig
    seed: int
    data_seed: int
    dtype: str


def contribute(model: ClassifierModel, batch: TextBatch, *, chunk_size: int = 128) -> tuple[Contributions, IntArray]:
    """Direct contributions of all texts to their target's margin, and the predicted classes [example]."""
    values, margin, targets, predicted = [], [], [], []
    with torch.no_grad():
        for start in range(0, len(batch), chunk_size):
            rows = np.arange(start, min(start + chunk_size, len(batch)))
            token_ids, attend = (tensor.to(model.device) for tensor in batch_tensors(batch, rows))
            logits = model.logits(token_ids, attend)
            target = target_classes(logits)
            values.append(model.contributions(token_ids, attend, target).double().cpu().numpy())
            margin.append(margins(logits, target).double().cpu().numpy())
            targets.append(target.cpu().numpy())
            predicted.append(logits.argmax(-1).cpu().numpy())
    record = Contributions(
        index=model.index,
        values=np.concatenate(values),
        margin=np.concatenate(margin),
        target=np.concatenate(targets),
    )
    return record, np.concatenate(predicted)


def text_subject(setting: Setting, row: int) -> Subject:
    """The text at `row` of the batch, ready to be explained."""
    return make_subject(
        setting.model,
        setting.batch,
        row,
        target=int(setting.contributions.target[row]),
        removal=load_removal(setting),
        replacements=replacements_of(setting, row),
        chunk_size=setting.config.chunk_size,
    )


def head_subject(setting: Setting, model: Encoder, reference: HeadReference, row: int) -> HeadSubject:
    """The text at `row` of the batch, ready to have its heads taken out. model: the setting's own, as an encoder.

    reference: what stands in for heads that are taken out.
    """
    batch, length = setting.batch, int(setting.batch.attend[row].sum())
    return HeadSubject(
        example_id=batch.example_id[row],
        words=batch.words[row],
        n_players=length - 1,
        target=int(setting.contributions.target[row]),
        model=model,
        token_ids=np.array(batch.token_ids[row, :length]),
        removal=load_removal(setting),
        replacements=replacements_of(setting, row),
        mean_fill=reference.mean_fill(),
        chunk_size=setting.config.chunk_size,
    )


def load_removal(setting: Setting) -> Removal:
    """The removal operator of the config."""
    return cast(Removal, REMOVALS.load(setting.config.removal))


def replacements_of(setting: Setting, row: int) -> IntArray:
    """[draw word]: what stands in for absent words of the text at `row`; the same for every training seed."""
    batch = setting.batch
    n_players = int(batch.attend[row].sum()) - 1
    rng = rng_of(setting.data_seed, "replacements", batch.example_id[row])
    return draw_replacements(load_removal(setting), n_players, setting.reference_tokens, rng)
