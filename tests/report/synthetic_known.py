"""Tables of a run with known answers, from a few numbers: two tasks, on models set by hand, turned, and trained."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from study.config import StudyConfig
from study.report.inputs import RunTables
from tests.report.edits import with_rows

TASKS = ("single", "negation")
RUNG_OF = {"hand": "hand-built", "turned": "rotated", "learned": "trained"}
HEADS = {  # component -> name, role, what it was planted for
    "L0H0": ("Feeder", "indirect", ""),
    "L0H1": ("Plus", "cancelling", "every score"),
    "L0H2": ("Minus", "cancelling", "every score"),
    "L1H0": ("Reader", "direct", ""),
    "L1H1": ("Bias", "null", "zero ablation"),
    "L1H2": ("Spare", "latent", ""),
}
# Scores on the tasks `single` and `negation`.
WORDS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "precision_at_truth_score": {
        "oracle": (1.0, 0.75), "chance": (0.2, 0.15), "random": (0.3, 0.1), "shapley": (1.0, 0.75), "lime": (1.0, 1.0),
        "gradient_x_input": (1.0, 0.5), "attention": (0.2, 0.6), "crosswalk_row_size": (0.05, 0.25),
    },
    "sign_accuracy_score": {
        "oracle": (1.0, 1.0), "chance": (0.5, 0.5), "random": (0.4, 0.6), "shapley": (1.0, 1.0), "lime": (1.0, 1.0),
        "gradient_x_input": (1.0, 0.5), "attention": (np.nan, np.nan),
    },
    "oracle_distance_error": {
        "oracle": (0.0, 0.0), "chance": (0.9, 0.9), "random": (1.0, 0.8), "shapley": (0.0, 0.01), "lime": (0.02, 0.12),
        "gradient_x_input": (0.0, 0.5), "attention": (np.nan, np.nan),
    },
}  # fmt: skip
HEAD_SCORES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "auroc_direct_score": {
        "oracle": (1.0, 1.0), "chance": (0.5, 0.5), "random": (0.4, 0.6),
        "direct_raw": (0.6, 0.6), "direct_centred": (1.0, 1.0),
        "ablation_zero": (0.4, 0.6), "ablation_mean": (1.0, 1.0), "attention_norm": (0.2, 0.3),
        "crosswalk_causal": (1.0, 0.9),
    },
    "auroc_indirect_score": {
        "oracle": (1.0, 1.0), "chance": (0.5, 0.5), "random": (0.4, 0.6),
        "direct_raw": (0.3, 0.3), "direct_centred": (0.5, 0.5),
        "ablation_zero": (0.6, 0.6), "ablation_mean": (0.8, 0.75), "attention_norm": (0.2, 0.2),
        "crosswalk_causal": (0.9, 0.85),
    },
    "auroc_latent_score": {
        "oracle": (1.0, np.nan), "chance": (0.5, np.nan), "random": (0.4, np.nan), "ablation_zero": (0.3, np.nan),
        "ablation_mean": (0.5, np.nan), "ablation_zero_pairs": (0.7, np.nan),
    },
    "cancelling_error": {
        "oracle": (0.0, 0.0), "chance": (0.25, 0.2), "random": (0.3, 0.1),
        "direct_raw": (0.7, 0.8), "direct_centred": (1.0, 1.0),
        "ablation_zero": (0.6, 0.6), "ablation_mean": (0.9, 1.0), "attention_norm": (0.1, 0.1),
        "crosswalk_causal": (0.8, 0.8),
    },
}  # fmt: skip
NOT_TRAINED = ("sign_accuracy_score", "oracle_distance_error")  # a trained model has no exact values
ROLES_SCORES = {  # size of each head's score, the same in every text
    "ablation_mean": {"L0H0": 2.0, "L0H1": 1.0, "L0H2": 1.0, "L1H0": 3.0, "L1H1": 0.0, "L1H2": 0.0},
    "ablation_zero": {"L0H0": 2.0, "L0H1": 5.0, "L0H2": 5.0, "L1H0": 3.0, "L1H1": 4.0, "L1H2": 0.0},
}


def card_rows(model: str, *, verified: bool = True) -> list[dict[str, object]]:
    """Rows of the score card of one model on both tasks; only models set by hand have scores of heads."""
    units = {"words": WORDS} | ({"heads": HEAD_SCORES} if RUNG_OF[model] in ("hand-built", "rotated") else {})
    rows = []
    for unit, metrics in units.items():
        for (metric, methods), (k, task) in itertools.product(metrics.items(), enumerate(TASKS)):
            if model == "learned" and metric in NOT_TRAINED:
                continue
            floor, ceiling = methods["chance"][k], methods["oracle"][k]
            for method, numbers in methods.items():
                estimate = numbers[k] if verified else np.nan
                rows.append(
                    {"dataset": task, "model": model, "rung": RUNG_OF[model], "unit": unit, "metric": metric}
                    | {"method": method, "estimate": estimate, "low": estimate - 0.1, "high": estimate + 0.1}
                    | {"level": 0.95, "n_examples": 12, "n_seeds": 2, "n_undefined": 3, "floor": floor}
                    | {"ceiling": ceiling, "relative": (estimate - floor) / (ceiling - floor), "verified": verified}
                )
    return rows


def known_run(run: RunTables, *, models: tuple[str, ...] = ("hand", "turned", "learned")) -> RunTables:
    """A run of two tasks with a score card and everything that stands beside it; `run` lends what is the same."""
    first = run.config.datasets[0]
    config: StudyConfig = run.config.model_copy(
        update={
            "datasets": tuple(first.model_copy(update={"name": task}) for task in TASKS),
            "models": tuple(run.config.models[0].model_copy(update={"name": name}) for name in models),
            "explain": run.config.explain.model_copy(
                update={"methods": ("shapley", "lime", "gradient_x_input", "attention", "random")}
            ),
        }
    )
    empty = {name: frame.iloc[:0] for name, frame in run.tables.items()}
    run = dataclasses.replace(run, config=config, tables=empty, parts={}, cost=run.cost.iloc[:0], cards={})
    variants = list(itertools.product(TASKS, models))
    by_hand = [(task, model) for task, model in variants if RUNG_OF[model] != "trained"]
    tables = {
        "score_card": [row for model in models for row in card_rows(model)],
        "verification": [_check(*v, value=1.0) for v in variants],
        "truth_heads": [_head(*v, component) for v in by_hand for component in HEADS],
        "heads": [row for v in by_hand for row in _head_scores(*v)],
        "pairs": [row for v in by_hand for row in _pairs(*v)],
        "failures": [_failure("negation", model) for model in models],
        "truth_scores": [
            _truth_score("negation", model, t, v) for model in models for t, v in (("t0", 0.5), ("t1", 1))
        ],
    }
    for name, rows in tables.items():
        run = with_rows(run, name, pd.DataFrame(rows))
    words = [("t0", "not", 1.0), ("t0", "good", 0.0), ("t1", "bad", -1.0), ("t1", "not", 0.0)]
    truth = [
        {"dataset": "negation", "example_id": t, "word_index": i, "word": w, "relevant": (t, w) != ("t1", "not")}
        | {"oracle": value}
        for i, (t, w, value) in enumerate(words)
    ]
    return dataclasses.replace(run, tables={**run.tables, "truth_words": pd.DataFrame(truth)})


def _check(dataset: str, model: str, *, value: float) -> dict[str, object]:
    bounds = {"value": value, "low": 0.99, "high": 1.0, "passed": value >= 0.99}
    return {"dataset": dataset, "model": model, "seed": "0", "check": "rule followed", **bounds}


def _head(dataset: str, model: str, component: str) -> dict[str, object]:
    name, role, fools = HEADS[component]
    place = {"component": component, "layer": int(component[1]), "head": int(component[3])}
    return {"dataset": dataset, "model": model, **place, "name": name, "role": role, "fools": fools, "undoes": ""}


def _head_scores(dataset: str, model: str) -> list[dict[str, object]]:
    return [
        {"dataset": dataset, "model": model, "seed": "0", "example_id": text, "component": component}
        | {"layer": 0, "head": 0, "method": method, "kind": "causal", "ablation": "", "score": -size, "error": np.nan}
        for method, sizes in ROLES_SCORES.items()
        for text in ("t0", "t1")
        for component, size in sizes.items()
    ]


def _pairs(dataset: str, model: str) -> list[dict[str, object]]:
    return [
        {"dataset": dataset, "model": model, "seed": "0", "component_a": a, "component_b": b}
        | {"name_a": HEADS[a][0], "name_b": HEADS[b][0], "cosine": -1.0 if pair else 0.1, "norm_ratio": 1.0}
        | {"single_a": 1.0, "single_b": 1.5, "joint": 0.004 if pair else 2.0, "found": pair, "truth": pair}
        for a, b in itertools.combinations(HEADS, 2)
        for pair in [(a, b) == ("L0H1", "L0H2")]
    ]


def _failure(dataset: str, model: str) -> dict[str, object]:
    numbers = {"score": 0.02, "largest": 2.0, "size": 4.0, "partner_index": 0, "partner": "not", "interaction": 4.0}
    key = {"dataset": dataset, "model": model, "seed": "0", "example_id": "t0", "word_index": 1, "word": "good"}
    return {**key, "method": "shapley", "components": "L1H0 +2.00", **numbers}


def _truth_score(dataset: str, model: str, text: str, value: float) -> dict[str, object]:
    key = {"dataset": dataset, "model": model, "seed": "0", "example_id": text, "unit": "words"}
    return {**key, "method": "oracle", "metric": "precision_at_truth_score", "value": float(value)}


def set_scores(run: RunTables, metric: str, method: str, values: Mapping[str, float], **equal: str) -> RunTables:
    """The run with one method's estimate of a score set on the tasks named, and an interval of 0.1 to both sides."""
    card = run.tables["score_card"].copy()
    for task, value in values.items():
        rows = (card["metric"] == metric) & (card["method"] == method) & (card["dataset"] == task)
        for column, wanted in equal.items():
            rows &= card[column] == wanted
        assert rows.any()
        card.loc[rows, "estimate"] = value
        card.loc[rows, "low"], card.loc[rows, "high"] = value - 0.1, value + 0.1
    return with_rows(run, "score_card", card)


def fail_check(run: RunTables, dataset: str, model: str, value: float) -> RunTables:
    """The run in which one variant is not verified, and so not scored."""
    checks, card = run.tables["verification"].copy(), run.tables["score_card"].copy()
    here = (checks["dataset"] == dataset) & (checks["model"] == model)
    checks.loc[here, "value"], checks.loc[here, "passed"] = value, False
    here = (card["dataset"] == dataset) & (card["model"] == model)
    card.loc[here, ["estimate", "low", "high", "floor", "ceiling", "relative"]] = np.nan
    card.loc[here, "verified"] = False
    return with_rows(with_rows(run, "verification", checks), "score_card", card)
