"""Who is right? Every explanation of a run against the words and heads that are known to decide (stage `score`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from study.cells import cells, models_of
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.limits import SHAPLEY_METHODS
from study.failing import FAILURE_COLUMNS, SCORED_COLUMNS, count_scored, failure_rates, find_failures
from study.known import (
    PAD,
    TRAINED,
    Known,
    Row,
    has_truth,
    heads_of,
    known_texts,
    roles_of,
    rung_of,
    truth_heads,
    truth_words,
)
from study.ledger import read_frame
from study.metrics.cancelling_pairs import compare_columns, is_cancelling
from study.metrics.score_card import make_score_card
from study.scoring import Chance, head_cells, score_head_methods, score_word_methods
from study.stages import Progress
from study.tasks import TASKS
from study.tasks.language import Task
from study.verifying import verify_run

TWO_WAY = "two_way_shapley"  # method of the causal crosswalk
_CELL = ("dataset", "model", "seed")
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "truth_scores": ("example_id", "unit", "method", "metric", "value"),
    "pairs": (
        *("component_a", "component_b", "name_a", "name_b", "cosine", "norm_ratio"),
        *("single_a", "single_b", "joint", "found", "truth"),
    ),
    "failures": FAILURE_COLUMNS,
    "scored": SCORED_COLUMNS,
}


def judge(run_folder: Path, config: StudyConfig, progress: Progress) -> dict[str, pd.DataFrame]:
    """The tables of a run in which something is known: what is, how every explanation scores, and where they fail.

    No tables for a run in which nothing is known.
    """
    known = {d.name: known_texts(run_folder, config, d) for d in config.datasets if has_truth(d)}
    if not known:
        return {}
    verification = verify_run(run_folder, config, progress)
    chance = Chance()
    rows: dict[str, list[Row]] = {name: [] for name in _COLUMNS}
    places = [(name, cell) for name, cell in cells(config).items() if has_truth(cell[0])]
    for done, (name, (dataset, model, seed)) in enumerate(places):
        progress(done, len(places), f"scoring {name}")
        where = {"dataset": dataset.name, "model": model.name, "seed": seed}
        for table, found in _judge_cell(
            run_folder / "cells" / name, dataset, model, known[dataset.name], chance
        ).items():
            rows[table] += [{**where, **row} for row in found]
    joined = {name: pd.DataFrame(rows[name], columns=[*_CELL, *columns]) for name, columns in _COLUMNS.items()}
    scored = joined.pop("scored")
    rungs = {(d.name, m.name): rung_of(d, m) for d in config.datasets if has_truth(d) for m in models_of(d, config)}
    return {
        "truth_words": truth_words(known),
        "truth_heads": truth_heads(config),
        **joined,
        "failure_rates": failure_rates(scored, joined["failures"], config.compare.level),
        "score_card": make_score_card(joined["truth_scores"], verification, rungs, config.compare.level),
        "verification": verification,
    }


def _judge_cell(
    folder: Path, dataset: DatasetConfig, model: ModelConfig, known: Known, chance: Chance
) -> dict[str, list[Row]]:
    features = read_frame(folder / "features.parquet")
    features = features[features["trained"]]
    crosswalk = read_frame(folder / "crosswalk.parquet")
    direct = crosswalk[crosswalk["method"].isin(SHAPLEY_METHODS)]
    task: Task | None = TASKS.load(dataset.task) if dataset.task is not None else None
    if rung_of(dataset, model) == TRAINED:
        known = {example_id: text.without_values() for example_id, text in known.items()}
    scores, heads = score_word_methods(features, direct, known, chance), heads_of(dataset, model)
    pairs: list[Row] = []
    if heads and task is not None:
        causal = read_frame(folder / "causal_crosswalk.parquet")
        causal = causal[causal["method"] == TWO_WAY]
        scored = read_frame(folder / "heads.parquet")
        names, roles_in = [row["component"] for row in heads], partial(roles_of, task, model)
        scores += score_head_methods(scored, {"direct": direct, "causal": causal}, names, roles_in, known, chance)
        pairs = find_pairs(causal, scored, read_frame(folder / "ablations.parquet"), heads)
    relevant = {example_id: text.relevant for example_id, text in known.items()}
    failures = find_failures(features, crosswalk, relevant, task)
    return {
        "truth_scores": scores,
        "pairs": pairs,
        "failures": failures,
        "scored": count_scored(features, set(crosswalk["method"]), relevant),
    }


def find_pairs(causal: pd.DataFrame, scored: pd.DataFrame, ablations: pd.DataFrame, heads: list[Row]) -> list[Row]:
    """Rows of `pairs`: every two heads, whether the crosswalk says that they undo each other, and whether they do."""
    acting = [row for row in heads if row["role"] != PAD]
    names = [row["component"] for row in acting]
    if causal.empty:
        return []
    columns = np.concatenate([head_cells(part, names) for _, part in causal.groupby("example_id")])
    single = scored[scored["method"] == "ablation_mean"].assign(size=lambda f: f["score"].abs())
    alone = single.groupby("component")["size"].mean().reindex(names)  # NaN in a run without that method
    pairs = ablations[ablations["ablation"] == "mean"].assign(size=lambda f: f["effect"].abs())
    together = pairs.groupby("group")["size"].mean()
    rows = []
    for pair in compare_columns(columns):
        a, b = acting[pair.a], acting[pair.b]
        sizes = {"single_a": float(alone[names[pair.a]]), "single_b": float(alone[names[pair.b]])}
        sizes["joint"] = float(together[f"{names[pair.a]}+{names[pair.b]}"])
        rows.append(
            {"component_a": a["component"], "component_b": b["component"], "name_a": a["name"], "name_b": b["name"]}
            | {"cosine": pair.cosine, "norm_ratio": pair.norm_ratio, **sizes}
            | {"found": is_cancelling(pair, sizes["single_a"], sizes["single_b"], sizes["joint"])}
            | {"truth": a["undoes"] == b["name"] or b["undoes"] == a["name"]}
        )
    return rows
