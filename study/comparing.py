"""What a run's tables say when held against each other: accuracy, agreement, profiles of heads, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from study.cells import cell_name, models_of, seeds_of
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.limits import primary_shapley
from study.crosswalk.rows import LEAVE_ONE_OUT, ROW_METRICS, cancellation
from study.data import read_lexicon
from study.ledger import read_frame
from study.metrics.circuits import measure_circuits
from study.metrics.compare import (
    measure_agreement,
    measure_agreement_on_truth,
    measure_completeness,
    measure_rows,
    measure_untrained,
)
from study.metrics.disagreement import explain_disagreement
from study.metrics.estimates import estimate
from study.metrics.heads import measure_head_agreement, measure_indirectness, measure_layers
from study.metrics.hypotheses.judge import judge_hypotheses
from study.metrics.matching import match_heads
from study.metrics.measure_evaluation import measure_faithfulness_rows
from study.metrics.paired import compare_methods
from study.metrics.plausibility import Ratings, estimate_rating_spearman, measure_plausibility, tabulate_ratings
from study.metrics.profiles import profile_heads, profile_words
from study.metrics.rated import rated_accuracy
from study.metrics.removal import measure_removal
from study.metrics.stability import measure_seed_agreement, measure_stability_rows
from study.metrics.variance import split_variance
from study.records import FloatArray
from study.stats import crossed_interval, wilson_interval

_OF_SCORE = ("truth_words", "truth_scores", "verification")  # what hypotheses on known answers look at


def compare(run: dict[str, pd.DataFrame], run_folder: Path, config: StudyConfig) -> dict[str, pd.DataFrame]:
    """The tables that are made from those of the cells: accuracy, measurements and estimates, profiles of heads."""
    crosswalks = run["crosswalk"][run["crosswalk"]["method"] != LEAVE_ONE_OUT]  # no table that rows split over
    lexicons, known = rated_words(config), known_tables(run_folder)
    measurements = pd.concat(
        [
            measure_agreement(run["features"], config.compare.top_k),
            measure_untrained(run["features"]),
            measure_completeness(run["features"], run["texts"]),
            measure_rows(crosswalks, run["components"], ROW_METRICS),
            measure_head_agreement(run["heads"]),
            measure_indirectness(run["heads"], run["components"]),
            measure_layers(run["layers"]),
            measure_removal(run["removal_curves"]),
            measure_circuits(run["circuit_curves"]),
            measure_plausibility(run["features"], lexicons),
            *_evaluations(run, config),
            *_on_truth(run, known, config),
        ],
        ignore_index=True,
    )
    level = config.compare.level
    estimates = [
        estimate(measurements, run["texts"], level),
        measure_seed_agreement(run["features"], run["texts"], level),
        estimate_rating_spearman(run["features"], run["texts"], lexicons, level),
        accuracy_gains(run_folder, config),
    ]
    accuracy = [accuracy_of(run_folder, config, dataset) for dataset in config.datasets]
    measured = run | {"measurements": measurements} | known
    return {
        "accuracy": pd.concat(accuracy, ignore_index=True),
        "measurements": measurements,
        "estimates": pd.concat([e for e in estimates if len(e)], ignore_index=True),
        "comparisons": compare_methods(measurements, level),
        "hypotheses": judge_hypotheses(measured, config, cancellation),
        **_rating_tables(run, run_folder, config, lexicons),
        **({"variance": split_variance(run["repeats"])} if "repeats" in run else {}),
        **_head_tables(run, level),
    }


def rated_words(config: StudyConfig) -> dict[str, Ratings]:
    """Of every data set with a lexicon, the words that people rated."""
    return {d.name: read_lexicon(d.lexicon).words for d in config.datasets if d.lexicon is not None}


def known_tables(run_folder: Path) -> dict[str, pd.DataFrame]:
    """What the score stage found, where the run knows any truth."""
    paths = {name: run_folder / "tables" / f"{name}.parquet" for name in _OF_SCORE}
    return {name: read_frame(path) for name, path in paths.items() if path.exists()}


def _evaluations(run: dict[str, pd.DataFrame], config: StudyConfig) -> list[pd.DataFrame]:
    """Measurements of the explanations that were put to the test."""
    if not config.evaluate.measures:
        return []
    return [measure_faithfulness_rows(run["faithfulness"], config.explain.removal), measure_stability_rows(run)]


def _on_truth(run: dict[str, pd.DataFrame], known: dict[str, pd.DataFrame], config: StudyConfig) -> list[pd.DataFrame]:
    """Agreement over the words that are known to decide, where any are."""
    if "truth_words" not in known:
        return []
    shap = primary_shapley(config.explain.methods)
    return [measure_agreement_on_truth(run["features"], known["truth_words"], config.compare.top_k, shap)]


def _rating_tables(
    run: dict[str, pd.DataFrame], run_folder: Path, config: StudyConfig, lexicons: dict[str, Ratings]
) -> dict[str, pd.DataFrame]:
    """Words beside their ratings, and how right models are on the texts that people rated."""
    found = {}
    if lexicons:
        found["ratings"] = tabulate_ratings(run["features"], run["texts"], lexicons)
    if "rated_predictions" in run:
        names = [d.name for d in config.datasets if d.rated is not None]
        baselines = {name: read_frame(run_folder / "data" / name / "rated_baselines.parquet") for name in names}
        found["rated_texts"] = rated_accuracy(run["rated_predictions"], baselines, config.compare.level)
    return found


def _head_tables(run: dict[str, pd.DataFrame], level: float) -> dict[str, pd.DataFrame]:
    """One row a head, what it carries, where methods part on it, and which head it is like in another seed."""
    profiles = profile_heads(
        run["heads"], run["components"], run["interactions"], run["trials"], run["head_attention"], level=level
    )
    return {
        "profiles": profiles,
        "profile_words": profile_words(run["crosswalk"]),
        "head_disagreement": explain_disagreement(profiles),
        "head_matches": match_heads(run["crosswalk"]),
    }


def accuracy_of(run_folder: Path, config: StudyConfig, dataset: DatasetConfig) -> pd.DataFrame:
    """Test accuracy of every model, per seed (Wilson interval) and over seeds (crossed), beside the baselines."""
    level = config.compare.level
    rows: list[dict[str, Any]] = []
    name = dataset.name
    baselines = read_frame(run_folder / "data" / name / "baselines.parquet")
    for kind in ("majority", "tfidf_logreg"):
        correct = (baselines[kind] == baselines["label"]).to_numpy(dtype=np.float64)
        rows.append(_accuracy_row(name, "", "all", kind, correct[None], level))
    for model in models_of(dataset, config):
        correct = _correct(run_folder, config, name, model)
        for seed, row in zip(seeds_of(model, config), correct, strict=True):
            rows.append(_accuracy_row(name, model.name, str(seed), "model", row[None], level))
        rows.append(_accuracy_row(name, model.name, "all", "model", correct, level))
    return pd.DataFrame(rows)


def accuracy_gains(run_folder: Path, config: StudyConfig) -> pd.DataFrame:
    """Rows of estimates: accuracy above TF-IDF with logistic regression, paired on the same test texts.

    Seeds and texts are crossed; the baseline is one fixed classifier, so the interval is for it as fitted.
    """
    rows = []
    for dataset in config.datasets:
        baselines = read_frame(run_folder / "data" / dataset.name / "baselines.parquet")
        baseline = (baselines["tfidf_logreg"] == baselines["label"]).to_numpy(dtype=np.float64)
        for model in models_of(dataset, config):
            gain = _correct(run_folder, config, dataset.name, model) - baseline
            mean, low, high = crossed_interval(gain, config.compare.level)
            rows.append(
                {"dataset": dataset.name, "model": model.name, "metric": "accuracy_gain", "method_a": "model"}
                | {"method_b": "tfidf_logreg", "subset": "all", "estimate": mean, "low": low, "high": high}
                | {"level": config.compare.level, "n_examples": gain.shape[1], "n_seeds": len(gain), "n_undefined": 0}
            )
    return pd.DataFrame(rows)


def _correct(run_folder: Path, config: StudyConfig, dataset: str, model: ModelConfig) -> FloatArray:
    """[seed example], 1 where the model predicts a test text's label."""
    cells_of = [run_folder / "cells" / cell_name(dataset, model.name, s) for s in seeds_of(model, config)]
    frames = [read_frame(cell / "predictions.parquet") for cell in cells_of]
    return np.stack([(frame["label"] == frame["predicted"]).to_numpy(dtype=np.float64) for frame in frames])


def _accuracy_row(dataset: str, model: str, seed: str, kind: str, correct: np.ndarray, level: float) -> dict[str, Any]:
    """correct: [seed example]. One seed: a Wilson interval; several: crossed over seeds and examples."""
    if len(correct) == 1:
        accuracy, low, high = wilson_interval(int(correct.sum()), correct.size, level)
    else:
        accuracy, low, high = crossed_interval(correct, level)
        # a t interval of few seeds may pass what a share can be
        low, high = (float(np.clip(bound, 0.0, 1.0)) for bound in (low, high))
    return {
        "dataset": dataset,
        "model": model,
        "seed": seed,
        "kind": kind,
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "level": level,
        "n_test": correct.shape[1],
        "n_seeds": len(correct),
    }
