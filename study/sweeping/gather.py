"""The last stages of a sweep: the tables of all points under each other, estimates, trends, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from study.cells import cells, points
from study.config import StudyConfig
from study.ledger import read_frame, read_json, write_frame, write_json
from study.metrics.estimates import crossed_groups
from study.stages import StageContext
from study.sweeping.trends import UNSET, measure_trends, summarise

POINT_COLUMNS = [
    "dataset", "model", "n_layers", "n_heads", "d_model", "d_mlp", "seed", "removal", "budget",
    "state", "message", "accuracy", "n_texts",
]  # fmt: skip
ESTIMATE_COLUMNS = [
    "dataset", "model", "removal", "budget", "subset", "n_words", "metric", "method_a", "method_b",
    "estimate", "low", "high", "level", "n_examples", "n_seeds", "n_undefined",
]  # fmt: skip
THIRDS = ("short", "middle", "long")  # of the texts of a data set, by their number of words
_PLACE = ["dataset", "model", "seed", "removal", "budget"]
_MEASURED = [*_PLACE, "example_id", "n_words", "metric", "method_a", "method_b", "value"]
_COST = [*_PLACE, "method", "n_texts", "n_evals", "seconds"]


def gather_points(context: StageContext) -> list[str]:
    """Tables points, sweep_measurements, sweep_estimates and trends; cost and gates. Failures are rows of `points`."""
    config = context.config
    context.progress(0, 3, "joining points")
    states = list_points(config, context.missing)
    done = [name for name, (state, _) in states.items() if state == "done"]
    measured = _join(context, done, "measurements")
    accuracies = _read_accuracies(context)
    context.progress(1, 3, "estimates")
    with_accuracy = pd.concat([measured, accuracies], ignore_index=True)
    estimates = estimate_points(with_accuracy, config)
    context.progress(2, 3, "trends")
    frames = {
        "points": _points_table(config, states, accuracies, measured),
        "sweep_measurements": measured,
        "sweep_estimates": estimates,
        "trends": measure_trends(with_accuracy, config),
    }
    written = [f"tables/{name}.{ending}" for name in frames for ending in ("parquet", "csv")]
    for name in written:
        write_frame(context.folder / name, frames[name.removeprefix("tables/").split(".")[0]])
    write_frame(context.folder / "cost.csv", _join_cost(context, done))
    gates = [gate for name in done for gate in read_json(context.run_folder / "points" / name / "gates.json")]
    write_json(context.folder / "gates.json", gates)
    return [*written, "cost.csv", "gates.json"]


def write_report(context: StageContext) -> list[str]:
    """Writes report.html, report.md and figures of a sweep from its tables."""
    from study.report.sweep.page import write_sweep_report

    context.progress(0, 1, "drawing figures")
    return write_sweep_report(context.run_folder, context.config)


def list_points(config: StudyConfig, missing: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """(state, message) of every point by name; missing: the tasks that failed or did not run, and why."""
    states = {}
    for name, point in points(config).items():
        untrained, unmeasured = missing.get(f"train {point.cell}"), missing.get(f"measure {name}")
        if untrained is not None:
            states[name] = ("failed", f"its model was not trained: {untrained}")
        else:
            states[name] = ("done", "") if unmeasured is None else ("failed", unmeasured)
    return states


def estimate_points(measurements: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Mean of every metric at every data set, model, removal operator and budget, over crossed seeds and texts.

    subset: "all" texts, or a third of them by length (THIRDS); n_words: their mean number of words.
    """
    rows: list[tuple[Any, ...]] = []
    for dataset in config.datasets:
        here = measurements[measurements["dataset"] == dataset.name]
        lengths = here[here["n_words"] > 0].groupby("example_id")["n_words"].max()
        third, n_words_of = _thirds(lengths), lengths.to_dict()
        keys = ["model", "removal", "budget", "metric", "method_a", "method_b"]
        for key, _, examples, values in crossed_groups(here, keys):
            subsets = {"all": np.ones(len(examples), dtype=bool)}
            asked = bool(key[1])  # accuracy has no removal operator, and no words of its own
            if asked:
                of_text = np.array([third.get(example, -1) for example in examples])
                subsets |= {name: of_text == i for i, name in enumerate(THIRDS)}
            n_words = np.array([n_words_of.get(example, 0) if asked else np.nan for example in examples])
            for subset, used in subsets.items():
                if used.any():
                    found = summarise(values[:, used], config.compare.level, *key, subset, metric=key[3])
                    rows.append((dataset.name, *key[:3], subset, float(n_words[used].mean()), *key[3:], *found))
    return pd.DataFrame(rows, columns=ESTIMATE_COLUMNS)


def _thirds(lengths: pd.Series) -> dict[str, int]:
    """By example id: 0, 1 or 2, texts in the order of their lengths; none where there are fewer than six."""
    if len(lengths) < 2 * len(THIRDS):
        return {}
    ordered = lengths.sort_values(kind="stable").index
    return {str(example): i * len(THIRDS) // len(ordered) for i, example in enumerate(ordered)}


def _points_table(
    config: StudyConfig, states: Mapping[str, tuple[str, str]], accuracies: pd.DataFrame, measured: pd.DataFrame
) -> pd.DataFrame:
    accuracy = accuracies.groupby(["dataset", "model", "seed"])["value"].mean()
    n_texts = measured.groupby(_PLACE)["example_id"].nunique()
    rows = []
    for name, point in points(config).items():
        model, cell = point.model, (point.dataset.name, point.model.name, point.seed)
        size = (model.n_layers, model.n_heads, model.d_model, model.d_mlp)
        found = (accuracy.get(cell, np.nan), int(n_texts.get((*cell, point.removal, point.budget), 0)))
        rows.append((*cell[:2], *size, point.seed, point.removal, point.budget, *states[name], *found))
    return pd.DataFrame(rows, columns=POINT_COLUMNS)


def _read_accuracies(context: StageContext) -> pd.DataFrame:
    """Rows of metric `accuracy` for every test text of every trained cell: 1 where it is predicted right, else 0."""
    frames = []
    for cell, (dataset, model, seed) in cells(context.config).items():
        if f"train {cell}" in context.missing:
            continue
        predicted = read_frame(context.run_folder / "cells" / cell / "predictions.parquet")
        right = (predicted["label"] == predicted["predicted"]).astype(float)
        frame = pd.DataFrame({"example_id": predicted["example_id"], "n_words": 0, "metric": "accuracy"})
        frame = frame.assign(method_a="", method_b="", value=right)
        frames.append(_placed(frame, (dataset.name, model.name, seed, *UNSET)))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=_MEASURED)


def _join(context: StageContext, names: list[str], table: str) -> pd.DataFrame:
    """One table of all points that are done, in the order of the config."""
    columns = _MEASURED if table == "measurements" else [*_PLACE, "example_id", "method", "n_evals", "seconds"]
    grid = points(context.config)
    frames = []
    for name in names:
        point = grid[name]
        frame = read_frame(context.run_folder / "points" / name / f"{table}.parquet")
        frames.append(_placed(frame, (point.dataset.name, point.model.name, point.seed, point.removal, point.budget)))
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _join_cost(context: StageContext, names: list[str]) -> pd.DataFrame:
    """Evaluations and seconds of every method, summed over the texts of a point."""
    cost = _join(context, names, "cost")
    groups = cost.groupby([*_PLACE, "method"], sort=False, as_index=False)
    summed = groups.agg(n_texts=("example_id", "size"), n_evals=("n_evals", "sum"), seconds=("seconds", "sum"))
    return summed[_COST]


def _placed(frame: pd.DataFrame, place: tuple[Any, ...]) -> pd.DataFrame:
    """The frame with the columns of its place in front."""
    for i, (column, value) in enumerate(zip(_PLACE, place, strict=True)):
        frame.insert(i, column, value)
    return frame
