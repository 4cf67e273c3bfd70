"""From records and cells to the tables of the results contract."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from study.config import StudyConfig
from study.crosswalk.rows import ROW_METRICS
from study.explaining import COLUMNS, Explained
from study.ledger import read_frame, read_json, write_text
from study.metrics.compare import measure_agreement, measure_completeness, measure_rows, measure_untrained
from study.metrics.estimates import estimate
from study.model.training import EpochResult
from study.model.walkthrough import WalkthroughRow
from study.records import Contributions, FloatArray, Gate, TextBatch
from study.stages import cell_name, cells
from study.stats import crossed_interval, wilson_interval

CELL_TABLES = ("texts", "features", "heads", "components", "crosswalk", "training")


def training_curve(history: Iterable[EpochResult]) -> pd.DataFrame:
    """One row an epoch."""
    return pd.DataFrame([asdict(result) for result in history])


def walkthrough(rows: Iterable[WalkthroughRow]) -> pd.DataFrame:
    """One row a step or check."""
    return pd.DataFrame([asdict(row) for row in rows])


def predictions(batch: TextBatch, logits: FloatArray) -> pd.DataFrame:
    """One row a test text: label, predicted class and every class's logit."""
    frame = pd.DataFrame({"example_id": batch.example_id, "label": batch.label, "predicted": logits.argmax(1)})
    for c in range(logits.shape[1]):
        frame[f"logit_{c}"] = logits[:, c].astype(np.float64)
    return frame


def contributions(batch: TextBatch, record: Contributions) -> pd.DataFrame:
    """One row a text, one column a component, and the margin."""
    frame = pd.DataFrame(record.values, columns=list(record.index.names))
    frame.insert(0, "example_id", batch.example_id)
    frame["margin"] = record.margin
    return frame


def resumed(path: Path, compute: Callable[[], Explained]) -> Explained:
    """The part saved at `path`, or a new one, then saved there.

    A saved part carries the hash of its content; one that does not match is computed anew.
    """
    if path.exists():
        saved = path.read_text(encoding="utf-8", errors="replace")
        digest, _, content = saved.partition("\n")
        if digest == hashlib.sha256(content.encode()).hexdigest():
            known = json.loads(content)
            return Explained(tables=known["tables"], gates=[Gate(**gate) for gate in known["gates"]])
    part = compute()
    # Python's own JSON: floats keep every digit and NaN stays NaN
    content = json.dumps({"tables": part.tables, "gates": [_as_dict(gate) for gate in part.gates]})
    write_text(path, f"{hashlib.sha256(content.encode()).hexdigest()}\n{content}")
    return part


def join_parts(parts: Iterable[Explained]) -> dict[str, pd.DataFrame]:
    """The tables of a cell from its parts, in their order."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        for name, table in part.tables.items():
            rows.setdefault(name, []).extend(table)
    return {name: pd.DataFrame(table, columns=list(COLUMNS[name])) for name, table in rows.items()}


def gate_rows(gates: Iterable[Gate], cell: str) -> list[dict[str, Any]]:
    """Gates as they stand in gates.json."""
    return [{**_as_dict(gate), "cell": cell} for gate in gates]


def join_cells(run_folder: Path, config: StudyConfig) -> dict[str, pd.DataFrame]:
    """The tables of all cells under each other, with the columns data set, model and seed."""
    joined = {name: _join(run_folder, config, name) for name in CELL_TABLES}
    accuracy = pd.concat(
        [accuracy_of(run_folder, config, dataset.name) for dataset in config.datasets], ignore_index=True
    )
    return {"accuracy": accuracy, **joined}


def compare(run: dict[str, pd.DataFrame], run_folder: Path, config: StudyConfig) -> dict[str, pd.DataFrame]:
    """Measurements and their estimates, with the gain in accuracy over TF-IDF among them."""
    measurements = pd.concat(
        [
            measure_agreement(run["features"], config.compare.top_k),
            measure_untrained(run["features"]),
            measure_completeness(run["features"], run["texts"]),
            measure_rows(run["crosswalk"], run["components"], ROW_METRICS),
        ],
        ignore_index=True,
    )
    estimates = estimate(measurements, run["texts"], config.compare.level)
    return {
        "measurements": measurements,
        "estimates": pd.concat([estimates, accuracy_gains(run_folder, config)], ignore_index=True),
    }


def join_cost(run_folder: Path, config: StudyConfig) -> pd.DataFrame:
    """Evaluations and seconds of every method, summed over the texts of a cell, trained and untrained."""
    cost = _join(run_folder, config, "cost")
    keys = ["dataset", "model", "seed", "method"]
    return cost.groupby(keys, sort=False, as_index=False).agg(
        n_texts=("example_id", "size"), n_evals=("n_evals", "sum"), seconds=("seconds", "sum")
    )


def join_gates(run_folder: Path, config: StudyConfig) -> list[dict[str, Any]]:
    """The gates of all cells."""
    return [gate for cell in cells(config) for gate in read_json(run_folder / "cells" / cell / "gates.json")]


def accuracy_of(run_folder: Path, config: StudyConfig, dataset: str) -> pd.DataFrame:
    """Test accuracy of every model, per seed (Wilson interval) and over seeds (crossed), beside the baselines."""
    level = config.compare.level
    rows: list[dict[str, Any]] = []
    baselines = read_frame(run_folder / "data" / dataset / "baselines.parquet")
    for kind in ("majority", "tfidf_logreg"):
        correct = (baselines[kind] == baselines["label"]).to_numpy(dtype=np.float64)
        rows.append(_accuracy_row(dataset, "", "all", kind, correct[None], level))
    for model in config.models:
        correct = _correct(run_folder, config, dataset, model.name)
        for seed, row in zip(config.seeds, correct, strict=True):
            rows.append(_accuracy_row(dataset, model.name, str(seed), "model", row[None], level))
        rows.append(_accuracy_row(dataset, model.name, "all", "model", correct, level))
    return pd.DataFrame(rows)


def accuracy_gains(run_folder: Path, config: StudyConfig) -> pd.DataFrame:
    """Rows of estimates: accuracy above TF-IDF with logistic regression, paired on the same test texts.

    Seeds and texts are crossed; the baseline is one fixed classifier, so the interval is for it as fitted.
    """
    rows = []
    for dataset in config.datasets:
        baselines = read_frame(run_folder / "data" / dataset.name / "baselines.parquet")
        baseline = (baselines["tfidf_logreg"] == baselines["label"]).to_numpy(dtype=np.float64)
        for model in config.models:
            gain = _correct(run_folder, config, dataset.name, model.name) - baseline
            mean, low, high = crossed_interval(gain, config.compare.level)
            rows.append(
                {"dataset": dataset.name, "model": model.name, "metric": "accuracy_gain", "method_a": "model"}
                | {"method_b": "tfidf_logreg", "subset": "all", "estimate": mean, "low": low, "high": high}
                | {"level": config.compare.level, "n_examples": gain.shape[1], "n_seeds": len(gain), "n_undefined": 0}
            )
    return pd.DataFrame(rows)


def _correct(run_folder: Path, config: StudyConfig, dataset: str, model: str) -> FloatArray:
    """[seed example], 1 where the model predicts a test text's label."""
    cells_of = [run_folder / "cells" / cell_name(dataset, model, seed) for seed in config.seeds]
    frames = [read_frame(cell / "predictions.parquet") for cell in cells_of]
    return np.stack([(frame["label"] == frame["predicted"]).to_numpy(dtype=np.float64) for frame in frames])


def _accuracy_row(dataset: str, model: str, seed: str, kind: str, correct: np.ndarray, level: float) -> dict[str, Any]:
    """correct: [seed example]. One seed: a Wilson interval; several: crossed over seeds and examples."""
    if len(correct) == 1:
        accuracy, low, high = wilson_interval(int(correct.sum()), correct.size, level)
    else:
        accuracy, low, high = crossed_interval(correct, level)
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


def _join(run_folder: Path, config: StudyConfig, name: str) -> pd.DataFrame:
    frames = []
    for cell, (dataset, model, seed) in cells(config).items():
        frame = read_frame(run_folder / "cells" / cell / f"{name}.parquet")
        frame.insert(0, "dataset", dataset.name)
        frame.insert(1, "model", model.name)
        frame.insert(2, "seed", seed)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _as_dict(gate: Gate) -> dict[str, Any]:
    return {
        "name": gate.name,
        "value": gate.value,
        "tolerance": gate.tolerance,
        "passed": gate.passed,
        "where": gate.where,
    }
