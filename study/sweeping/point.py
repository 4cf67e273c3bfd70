"""The stage of one point of a sweep: its texts explained under its removal operator with its budget, and measured."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from study import gates, tables
from study.cells import cell_name
from study.config import ExplainConfig
from study.dissecting import reference_means
from study.ledger import write_frame, write_json
from study.ledger.markers import partial_folder
from study.model.reference import gather_reference
from study.preparing import encoder_of, given, read_data, reference_texts, trained_setting
from study.stages import StageContext
from study.sweeping.text_rows import COLUMNS, PointSetting, other_removal, text_rows

PART_SIZE = 10  # texts measured between two saves: a killed sweep loses at most so many of a point


def measure_point(context: StageContext) -> list[str]:
    """Explains and measures the texts of the sweep at one point; rows a text, and the exactness gates."""
    point = _open(context)
    n_texts = len(point.setting.batch)
    parts = []
    for start in range(0, n_texts, PART_SIZE):
        context.progress(start, n_texts, "explaining and measuring")
        rows = range(start, min(start + PART_SIZE, n_texts))
        part_file = partial_folder(context.folder, "measure") / f"{start:05d}.json"
        parts.append(tables.resumed(part_file, partial(text_rows, point, rows)))
    frames = tables.join_parts(parts, COLUMNS)
    for name, frame in frames.items():
        write_frame(context.folder / f"{name}.parquet", frame)
    worst = gates.worst_of(gate for part in parts for gate in part.gates)
    write_json(context.folder / "gates.json", tables.gate_rows(worst, context.folder.name))
    return [*(f"{name}.parquet" for name in frames), "gates.json"]


def explain_settings(config: ExplainConfig, removal: str, budget: int, n_texts: int) -> ExplainConfig:
    """How a point explains: SHAP and LIME with at most `budget` evaluations each, SHAP exactly where 2^n are no more.

    LIME draws one sample less: the empty text, which its samples leave out, is evaluated as well.
    """
    asked = {"shapley_evals": budget, "lime_samples": budget - 1, "exact_limit": 0}
    return config.model_copy(
        update={"removal": removal, "n_texts": n_texts, "methods": ("shapley", "lime"), **asked},
    )


def _open(context: StageContext) -> PointSetting:
    """The trained model of the point's cell, ready to be asked as the point asks."""
    config = context.config
    dataset, model, seed = given(context.dataset), given(context.model), given(context.seed)
    removal, sweep = given(context.removal), given(config.sweep)
    explain = explain_settings(config.explain, removal, given(context.budget), sweep.n_texts)
    here = replace(
        context,
        config=config.model_copy(update={"explain": explain}),
        folder=context.run_folder / "cells" / cell_name(dataset.name, model.name, seed),
    )
    corpus, vocabulary = read_data(here)
    setting = trained_setting(here, corpus, vocabulary)
    encoder = encoder_of(here, setting)
    reference = reference_texts(here, corpus, vocabulary)
    return PointSetting(
        setting=setting,
        model=encoder,
        other_removal=other_removal(removal),
        heads=config.heads,
        reference=gather_reference(encoder, reference),
        reference_contributions=reference_means(encoder, reference),
    )
