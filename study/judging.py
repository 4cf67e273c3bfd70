"""Who is right? Every explanation of a run against the words and heads that are known to decide (stage `score`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.limits import SHAPLEY_METHODS
from study.failing import FAILURE_COLUMNS, SCORED_COLUMNS, count_scored, failure_rates, find_failures
from study.known import PAD, Known, Row, has_truth, heads_of, known_texts, rung_of, truth_heads, truth_words
from study.ledger import read_frame
from study.metrics.cancelling_pairs import compare_columns, is_cancelling
from study.metrics.score_card import make_score_card
from study.metrics.truth import reversed_scores, score_words
from study.metrics.truth_heads import (
    TRUTH_ONLY,
    crosswalk_head_scores,
    oracle_head_scores,
    reversed_head_scores,
    score_heads,
)
from study.records import UNSIGNED_METHODS, FloatArray
from study.stages import Progress, cells, models_of
from study.tasks import TASKS
from study.tasks.language import Task
from study.verifying import verify_run

ORACLE, REVERSED = "oracle", "reversed"
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
    rows: dict[str, list[Row]] = {name: [] for name in _COLUMNS}
    places = [(name, cell) for name, cell in cells(config).items() if has_truth(cell[0])]
    for done, (name, (dataset, model, seed)) in enumerate(places):
        progress(done, len(places), f"scoring {name}")
        where = {"dataset": dataset.name, "model": model.name, "seed": seed}
        for table, found in _judge_cell(run_folder / "cells" / name, dataset, model, known[dataset.name]).items():
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


def _judge_cell(folder: Path, dataset: DatasetConfig, model: ModelConfig, known: Known) -> dict[str, list[Row]]:
    features = read_frame(folder / "features.parquet")
    features = features[features["trained"]]
    crosswalk = read_frame(folder / "crosswalk.parquet")
    task: Task | None = TASKS.load(dataset.task) if dataset.task is not None else None
    scores, heads = score_word_methods(features, known), heads_of(dataset, model)
    pairs: list[Row] = []
    if heads:
        causal = read_frame(folder / "causal_crosswalk.parquet")
        causal = causal[causal["method"] == TWO_WAY]
        direct = crosswalk[crosswalk["method"].isin(SHAPLEY_METHODS)]
        scored = read_frame(folder / "heads.parquet")
        scores += score_head_methods(scored, {"direct": direct, "causal": causal}, heads, known)
        pairs = find_pairs(causal, scored, read_frame(folder / "ablations.parquet"), heads)
    relevant = {example_id: text.relevant for example_id, text in known.items()}
    failures = find_failures(features, crosswalk, relevant, task)
    return {
        "truth_scores": scores,
        "pairs": pairs,
        "failures": failures,
        "scored": count_scored(features, set(crosswalk["method"]), relevant),
    }


def score_word_methods(features: pd.DataFrame, known: Known) -> list[Row]:
    """Rows of truth_scores on words: every method, the oracle, and the oracle turned round (a check of the scores)."""
    rows: list[Row] = []
    for (example_id, method), part in features.groupby(["example_id", "method"], sort=False):
        scores = part.sort_values("word_index")["score"].to_numpy(dtype=np.float64)
        text = known[example_id]
        found = score_words(scores, text.relevant, text.oracle, signed=method not in UNSIGNED_METHODS, push=text.push)
        rows += _score_rows(example_id, "words", method, found)
    for example_id, part in features.groupby("example_id", sort=False):
        text = known[example_id]
        ideal = text.oracle if text.solved else np.where(text.relevant, text.push, 0.0)
        beyond = part.groupby("word_index")["score"].count().to_numpy() == 0  # no ceiling for what nobody can score
        for method, best in ((ORACLE, ideal), (REVERSED, reversed_scores(ideal))):
            scores = np.where(beyond, np.nan, best)
            found = score_words(scores, text.relevant, text.oracle, signed=True, push=text.push)
            rows += _score_rows(example_id, "words", method, found)
    return rows


def score_head_methods(
    scored: pd.DataFrame, crosswalks: Mapping[str, pd.DataFrame], heads: list[Row], known: Known
) -> list[Row]:
    """Rows of truth_scores on heads: every method, the columns of both crosswalks, the oracle and its reverse."""
    names, roles = [row["component"] for row in heads], [row["role"] for row in heads]
    rows: list[Row] = []
    for (example_id, method), part in scored.groupby(["example_id", "method"], sort=False):
        scores = part.set_index("component")["score"].reindex(names).to_numpy(dtype=np.float64)
        rows += _score_rows(example_id, "heads", method, score_heads(scores, roles))
    for kind, table in crosswalks.items():
        for example_id, part in table.groupby("example_id", sort=False):
            cells = _cells(part, names)
            for name, words in (
                (f"crosswalk_{kind}", None),
                (f"crosswalk_{kind}{TRUTH_ONLY}", known[example_id].relevant),
            ):
                scores = crosswalk_head_scores(cells, words)
                rows += _score_rows(example_id, "heads", name, score_heads(scores, roles))
    for example_id in dict.fromkeys(scored["example_id"]):
        for method, scores in ((ORACLE, oracle_head_scores(roles)), (REVERSED, reversed_head_scores(roles))):
            rows += _score_rows(example_id, "heads", method, score_heads(scores, roles))
    return rows


def find_pairs(causal: pd.DataFrame, scored: pd.DataFrame, ablations: pd.DataFrame, heads: list[Row]) -> list[Row]:
    """Rows of `pairs`: every two heads, whether the crosswalk says that they undo each other, and whether they do."""
    acting = [row for row in heads if row["role"] != PAD]
    names = [row["component"] for row in acting]
    if causal.empty:
        return []
    columns = np.concatenate([_cells(part, names) for _, part in causal.groupby("example_id")])
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


def _cells(part: pd.DataFrame, names: list[str]) -> FloatArray:
    """[word head]: a text's rows of a crosswalk as a matrix, the columns of the heads named."""
    wide = part.pivot(index="word_index", columns="component", values="value")  # noqa: PD010
    return wide[names].to_numpy(dtype=np.float64)


def _score_rows(example_id: str, unit: str, method: str, found: Mapping[str, float]) -> list[Row]:
    key = {"example_id": example_id, "unit": unit, "method": method}
    return [{**key, "metric": metric, "value": value} for metric, value in found.items()]
