"""Explaining the texts of one cell: every method on every text, as rows of the tables of the results contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from study import gates, identities
from study.config import ExplainConfig
from study.config.limits import primary_shapley
from study.crosswalk.direct import EFFICIENT, build_direct
from study.features import EXPLAINERS
from study.game import REMOVALS
from study.game.coalitions import WordGame
from study.game.removals import Removal, draw_replacements
from study.game.subject import Subject, make_subject
from study.model.protocol import ClassifierModel, margins, target_classes
from study.model.training import batch_tensors
from study.records import (
    UNKNOWN_ID,
    Contributions,
    Crosswalk,
    FeatureAttribution,
    Gate,
    IntArray,
    TextBatch,
)
from study.seeds import rng_of

Row = dict[str, Any]
_TEXT = ("trained", "example_id")
COLUMNS: Mapping[str, tuple[str, ...]] = {  # of the tables of a cell, also where a table has no rows
    "texts": (
        *(*_TEXT, "text", "label", "predicted", "target", "margin", "empty_margin"),
        *("n_words", "n_words_cut", "n_unknown"),
    ),
    "features": (*_TEXT, "word_index", "word", "unknown", "method", "estimator", "score", "n_evals"),
    "crosswalk": ("example_id", "word_index", "word", "component", "method", "kind", "value"),
    "components": (
        *("example_id", "component", "kind_of_component", "layer", "head", "contribution", "empty_contribution"),
    ),
    "cost": (*_TEXT, "method", "n_evals", "seconds"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What one part of a cell's texts gave: rows of the tables, and the gates measured on the way."""

    tables: dict[str, list[Row]]
    gates: list[Gate]


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


def explain_rows(setting: Setting, rows: Iterable[int]) -> Explained:
    """All methods on the texts at `rows` of the batch."""
    tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    measured: list[Gate] = []
    for row in rows:
        subject = text_subject(setting, row)
        attributions = [_attribute(subject, method, setting) for method in setting.config.methods]
        split = crosswalk_methods(setting.config)
        crosswalks = {a.method: build_direct(a, subject.index) for a in attributions if a.method in split}
        _add_rows(tables, setting, row, subject, attributions, crosswalks)
        measured += _text_gates(setting, subject, attributions, crosswalks)
    return Explained(tables=tables, gates=gates.worst_of(measured))


def crosswalk_methods(config: ExplainConfig) -> frozenset[str]:
    """The methods split over components: LIME, and one of those that estimate Shapley values.

    The shap package's answer is split only where the study's own Shapley values are not asked for.
    """
    return frozenset({primary_shapley(config.methods), "lime"} & set(config.methods))


def batch_gates(setting: Setting, where: str) -> list[Gate]:
    """The gates of the model on all explained texts at once: views, components, padding."""
    target = torch.tensor(setting.contributions.target, device=setting.model.device)
    return [
        *identities.attention_view_gates(setting.model, setting.batch, where, setting.dtype),
        *identities.component_gates(setting.contributions, where, setting.dtype),
        *identities.padding_gates(setting.model, setting.batch, target, where, setting.dtype),
    ]


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


def load_removal(setting: Setting) -> Removal:
    """The removal operator of the config."""
    return cast(Removal, REMOVALS.load(setting.config.removal))


def replacements_of(setting: Setting, row: int) -> IntArray:
    """[draw word]: what stands in for absent words of the text at `row`; the same for every training seed."""
    batch = setting.batch
    n_players = int(batch.attend[row].sum()) - 1
    rng = rng_of(setting.data_seed, "replacements", batch.example_id[row])
    return draw_replacements(load_removal(setting), n_players, setting.reference_tokens, rng)


def _attribute(subject: Subject, method: str, setting: Setting) -> FeatureAttribution:
    """One method on one text, its randomness keyed by training seed, text, method and whether it is the control."""
    rng = rng_of(setting.seed, subject.example_id, method, "trained" if setting.trained else "untrained")
    return cast(FeatureAttribution, EXPLAINERS.load(method)(subject, setting.config, rng))


def _text_gates(
    setting: Setting,
    subject: Subject,
    attributions: list[FeatureAttribution],
    crosswalks: dict[str, Crosswalk],
) -> list[Gate]:
    where = f"{'trained' if setting.trained else 'untrained'} model, text {subject.example_id}"
    rng = rng_of(setting.seed, subject.example_id, "gates")
    game = cast(WordGame, subject.new_game())
    found = identities.game_gates(subject, game, game.removal, rng, where, setting.dtype)
    for a in attributions:
        if a.method in crosswalks:
            efficient = a.method in EFFICIENT
            found += gates.attribution_gates(
                a,
                crosswalks[a.method],
                where,
                n_players=subject.n_players,
                dtype=setting.dtype,
                efficient=efficient,
            )
    return found


def _add_rows(
    tables: dict[str, list[Row]],
    setting: Setting,
    row: int,
    subject: Subject,
    attributions: list[FeatureAttribution],
    crosswalks: dict[str, Crosswalk],
) -> None:
    batch, names = setting.batch, setting.class_names
    key: Row = {"trained": setting.trained, "example_id": subject.example_id}
    unknown = batch.token_ids[row, 1 : subject.n_players + 1] == UNKNOWN_ID
    tables["texts"].append(
        key
        | {
            "text": batch.text[row],
            "label": names[batch.label[row]],
            "predicted": names[setting.predicted[row]],
            "target": names[subject.target],
            "margin": float(setting.contributions.margin[row]),
            "empty_margin": attributions[0].base,
            "n_words": len(subject.words),
            "n_words_cut": len(subject.words) - subject.n_players,
            "n_unknown": int(unknown.sum()),
        }
    )
    flags = [*unknown.tolist(), *[False] * (len(subject.words) - subject.n_players)]
    for a in attributions:
        scored = zip(subject.words, flags, a.scores.tolist(), strict=True)
        tables["features"] += [
            key
            | {"word_index": i, "word": word, "unknown": flag, "method": a.method, "estimator": a.estimator}
            | {"score": score, "n_evals": a.n_evals}
            for i, (word, flag, score) in enumerate(scored)
        ]
        tables["cost"].append(key | {"method": a.method, "n_evals": a.n_evals, "seconds": a.seconds})
    if setting.trained:
        _add_component_rows(tables, setting, row, subject, attributions[0], crosswalks)


def _add_component_rows(
    tables: dict[str, list[Row]],
    setting: Setting,
    row: int,
    subject: Subject,
    first: FeatureAttribution,
    crosswalks: dict[str, Crosswalk],
) -> None:
    """Rows on components, for the trained model only; its untrained control has word scores only."""
    index, key = subject.index, {"example_id": subject.example_id}
    places = list(zip(index.names, index.kind, index.layer, index.head, strict=True))
    for k, (name, kind, layer, head) in enumerate(places):
        full, empty = float(setting.contributions.values[row, k]), float(first.base_by_component[k])
        tables["components"].append(
            key
            | {"component": name, "kind_of_component": kind, "layer": layer, "head": head}
            | {"contribution": full, "empty_contribution": empty}
        )
    for crosswalk in crosswalks.values():
        tables["crosswalk"] += [
            key
            | {"word_index": i, "word": word, "component": name}
            | {"method": crosswalk.method, "kind": crosswalk.kind, "value": float(crosswalk.cells[i, k])}
            for i, word in enumerate(subject.words)
            for k, name in enumerate(index.names)
        ]
