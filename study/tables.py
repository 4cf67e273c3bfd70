"""From records to the tables of a cell, and from cells to the tables of a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from study.cells import cells
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.limits import has_shuffled_control
from study.explaining import Explained
from study.ledger import read_frame, read_json, write_text
from study.model.training import EpochResult
from study.model.walkthrough import WalkthroughRow
from study.records import Contributions, FloatArray, Gate, TextBatch
from study.stats import mean_interval

CELL_TABLES = (  # of a cell, joined as they are
    *("texts", "features", "heads", "components", "training", "causal", "interactions", "ablations", "patching"),
    *("layers", "neurons", "neuron_words", "paths", "path_sums", "interventions", "removal_curves", "head_attention"),
    *("circuit_curves", "head_paths", "readout_attention"),
)

EVALUATION_TABLES = (  # the same, where explanations are evaluated
    *("faithfulness", "perturbation_curves", "repeats", "word_stability", "edits", "edit_stability", "sanity"),
    *("budgets", "additivity"),
)


def training_curve(history: Iterable[EpochResult]) -> pd.DataFrame:
    """One row an epoch; none for a model that was not trained."""
    columns = [field.name for field in fields(EpochResult)]
    return pd.DataFrame([asdict(result) for result in history], columns=columns)


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


def join_parts(parts: Iterable[Explained], columns: Mapping[str, tuple[str, ...]]) -> dict[str, pd.DataFrame]:
    """The tables of a cell from its parts, in their order; columns: of every table, also where it has no rows."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        for name, table in part.tables.items():
            rows.setdefault(name, []).extend(table)
    return {name: pd.DataFrame(rows.get(name, []), columns=list(wanted)) for name, wanted in columns.items()}


def scores_by_text(features: pd.DataFrame) -> dict[str, dict[str, FloatArray]]:
    """By example id and method, the word scores [word] of the trained model, from a cell's features table."""
    found: dict[str, dict[str, FloatArray]] = {}
    for (example_id, method), rows in features[features["trained"]].groupby(["example_id", "method"], sort=False):
        found.setdefault(example_id, {})[method] = rows.sort_values("word_index")["score"].to_numpy(dtype=np.float64)
    return found


def empty_contributions(components: pd.DataFrame) -> dict[str, FloatArray]:
    """By example id, [component] contributions to the empty text, from a cell's components table."""
    groups = components.groupby("example_id", sort=False)["empty_contribution"]
    return {str(example_id): values.to_numpy(dtype=np.float64) for example_id, values in groups}


def top_neurons(neurons: pd.DataFrame, n: int) -> tuple[tuple[int, int], ...]:
    """(layer, neuron) of the n largest neurons of every MLP, from a cell's neurons table, layer by layer."""
    chosen = neurons[neurons["rank"] <= n].sort_values(["layer", "rank"])
    return tuple(zip(chosen["layer"].astype(int).tolist(), chosen["neuron"].astype(int).tolist(), strict=True))


def gate_rows(gates: Iterable[Gate], cell: str) -> list[dict[str, Any]]:
    """Gates as they stand in gates.json."""
    return [{**_as_dict(gate), "cell": cell} for gate in gates]


def join_cells(run_folder: Path, config: StudyConfig) -> dict[str, pd.DataFrame]:
    """The tables of all cells under each other, with the columns data set, model and seed."""
    names = CELL_TABLES + (EVALUATION_TABLES if config.evaluate.measures else ())
    joined = {name: _join(run_folder, config, name) for name in names}
    kinds = [_join(run_folder, config, name) for name in ("crosswalk", "causal_crosswalk")]
    if any(dataset.rated is not None for dataset in config.datasets):
        rated = _join(run_folder, config, "rated_predictions", lambda dataset, _model: dataset.rated is not None)
        joined["rated_predictions"] = rated
    if any(has_shuffled_control(config, model) for _, model, _ in cells(config).values()):
        joined["shuffled_training"] = _join(
            run_folder, config, "shuffled_training", lambda _dataset, model: has_shuffled_control(config, model)
        )
    trials = with_intervals(_join(run_folder, config, "trials"), config.compare.level)
    return {**joined, "crosswalk": pd.concat(kinds, ignore_index=True), "trials": trials}


def join_convergence(run_folder: Path, config: StudyConfig) -> pd.DataFrame:
    """The convergence tables of the cells that have one; empty where the config measures none."""
    if not any(config.convergence.covers(d.name, m.name) for d, m, _ in cells(config).values()):
        return pd.DataFrame()
    return _join(run_folder, config, "convergence", lambda d, m: config.convergence.covers(d.name, m.name))


def with_intervals(trials: pd.DataFrame, level: float) -> pd.DataFrame:
    """The trials of heads with t intervals of their mean changes, for new texts."""
    bounds = [mean_interval(row.mean_abs_change, row.sd, row.n_texts, level) for row in trials.itertuples(index=False)]
    low, high = zip(*bounds, strict=True) if bounds else ((), ())
    return trials.drop(columns="sd").assign(low=np.array(low, dtype=float), high=np.array(high, dtype=float))


def join_cost(run_folder: Path, config: StudyConfig) -> pd.DataFrame:
    """Evaluations and seconds of every method, summed over the texts of a cell, trained and untrained."""
    names = ("cost", "head_cost", *(("evaluation_cost",) if config.evaluate.measures else ()))
    parts = [_join(run_folder, config, name) for name in names]
    cost = pd.concat(parts, ignore_index=True)
    keys = ["dataset", "model", "seed", "method"]
    return cost.groupby(keys, sort=False, as_index=False).agg(
        n_texts=("example_id", "size"), n_evals=("n_evals", "sum"), seconds=("seconds", "sum")
    )


def join_gates(run_folder: Path, config: StudyConfig) -> list[dict[str, Any]]:
    """The gates of all cells."""
    files = ("gates.json", "head_gates.json")
    return [g for cell in cells(config) for file in files for g in read_json(run_folder / "cells" / cell / file)]


def _join(
    run_folder: Path,
    config: StudyConfig,
    name: str,
    wanted: Callable[[DatasetConfig, ModelConfig], bool] = lambda _dataset, _model: True,
) -> pd.DataFrame:
    frames = []
    for cell, (dataset, model, seed) in cells(config).items():
        if not wanted(dataset, model):
            continue
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
