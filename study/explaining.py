"""Explaining the texts of one cell: every method on every text, as rows of the tables of the results contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch

from study import gates, identities
from study.config import ExplainConfig
from study.config.limits import primary_shapley
from study.crosswalk.direct import EFFICIENT, build_direct
from study.features import EXPLAINERS
from study.game.coalitions import WordGame
from study.game.subject import Subject
from study.records import (
    UNKNOWN_ID,
    Crosswalk,
    FeatureAttribution,
    Gate,
)
from study.seeds import rng_of
from study.setting import Setting, text_subject

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
class ExplainedText:
    """What the methods of the config say of one text: in their order; crosswalks by method; the gates of the text."""

    subject: Subject
    attributions: tuple[FeatureAttribution, ...]
    crosswalks: Mapping[str, Crosswalk]
    gates: list[Gate]


def explain_rows(setting: Setting, rows: Iterable[int]) -> Explained:
    """All methods on the texts at `rows` of the batch."""
    tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    measured: list[Gate] = []
    for row in rows:
        found = explain_text(setting, row)
        _add_rows(tables, setting, row, found)
        measured += found.gates
    return Explained(tables=tables, gates=gates.worst_of(measured))


def explain_text(setting: Setting, row: int) -> ExplainedText:
    """All methods of the config on the text at `row` of the batch."""
    subject = text_subject(setting, row)
    attributions = tuple(_attribute(subject, method, setting) for method in setting.config.methods)
    split = crosswalk_methods(setting.config)
    crosswalks = {a.method: build_direct(a, subject.index) for a in attributions if a.method in split}
    measured = _text_gates(setting, subject, attributions, crosswalks)
    return ExplainedText(subject=subject, attributions=attributions, crosswalks=crosswalks, gates=measured)


def rows_of_text(setting: Setting, row: int, found: ExplainedText) -> dict[str, list[Row]]:
    """The rows of one text in the tables of a cell."""
    tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    _add_rows(tables, setting, row, found)
    return tables


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


def _attribute(subject: Subject, method: str, setting: Setting) -> FeatureAttribution:
    """One method on one text, its randomness keyed by training seed, text, method and whether it is the control."""
    rng = rng_of(setting.seed, subject.example_id, method, "trained" if setting.trained else "untrained")
    return cast(FeatureAttribution, EXPLAINERS.load(method)(subject, setting.config, rng))


def _text_gates(
    setting: Setting,
    subject: Subject,
    attributions: Iterable[FeatureAttribution],
    crosswalks: Mapping[str, Crosswalk],
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


def _add_rows(tables: dict[str, list[Row]], setting: Setting, row: int, found: ExplainedText) -> None:
    batch, names = setting.batch, setting.class_names
    subject, attributions = found.subject, found.attributions
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
        _add_component_rows(tables, setting, row, found)


def _add_component_rows(tables: dict[str, list[Row]], setting: Setting, row: int, found: ExplainedText) -> None:
    """Rows on components, for the trained model only; its untrained control has word scores only."""
    subject, first = found.subject, found.attributions[0]
    index, key = subject.index, {"example_id": subject.example_id}
    places = list(zip(index.names, index.kind, index.layer, index.head, strict=True))
    for k, (name, kind, layer, head) in enumerate(places):
        full, empty = float(setting.contributions.values[row, k]), float(first.base_by_component[k])
        tables["components"].append(
            key
            | {"component": name, "kind_of_component": kind, "layer": layer, "head": head}
            | {"contribution": full, "empty_contribution": empty}
        )
    for crosswalk in found.crosswalks.values():
        tables["crosswalk"] += [
            key
            | {"word_index": i, "word": word, "component": name}
            | {"method": crosswalk.method, "kind": crosswalk.kind, "value": float(crosswalk.cells[i, k])}
            for i, word in enumerate(subject.words)
            for k, name in enumerate(index.names)
        ]
