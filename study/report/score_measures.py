"""What the known-answer sections read off the score card: variants, methods, their order, single scores, grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from study.records import FloatArray
from study.report.figures.palette import head_method_label, method_label
from study.report.inputs import RunTables, Variant, pick
from study.report.numbers import number, with_interval

ORACLE = "oracle"  # of words: exact Shapley values of the rule, not the best that can be had; of heads: their roles
FLOOR = "chance"  # what random scores get on average
RANDOM, REVERSED = "random", "reversed"  # one random draw; the oracle turned round
CONTROLS = (FLOOR, RANDOM, ORACLE, REVERSED)  # no explanations of a model
TRUTH_ONLY = "_truth_only"  # ends the name of a method that is given the words that decide
ROW_SIZE = "crosswalk_row_size"  # sum of |cell| of a word's row in the direct crosswalk, as a score of the word
CROSSWALK_HEADS = ("crosswalk_direct", "crosswalk_causal")  # their columns as scores of heads
BY_HAND, TRAINED = "hand-built", "trained"
EXACT_RUNGS = (BY_HAND, "rotated")  # where the rule gives every word an exact value and every head a role
RUNGS: Mapping[str, str] = {
    BY_HAND: "set by hand",
    "rotated": "set by hand, turned and with noise",
    TRAINED: "trained",
    "shortcut": "trained, with a planted shortcut",
}
PRECISION, SHARE, MIN_SHARE = "precision_at_truth_score", "attribution_share_score", "min_share_score"
SIGN, DISTANCE, CANCELLING = "sign_accuracy_score", "oracle_distance_error", "cancelling_error"
DIRECT, INDIRECT, LATENT = "auroc_direct_score", "auroc_indirect_score", "auroc_latent_score"
APART = 0.05  # of a score: less is not worth a sentence
FOUND = 0.995  # prints as 1.00
ACTING = ("direct", "indirect")  # roles of heads that take part in every answer that they are there for
TIE = 1e-3  # of a text's largest score: nearer scores are the same but for rounding
SCORE_LABELS: Mapping[str, str] = {
    PRECISION: "Precision at k",
    "average_precision_score": "Average precision",
    SHARE: "Share on words that decide",
    MIN_SHARE: "Weakest against strongest",
    SIGN: "Right side",
    "oracle_spearman_score": "Spearman with exact values",
    DISTANCE: "Distance to exact values",
    "precision_at_acting_score": "Precision at k, acting heads",
    DIRECT: "Direct heads",
    INDIRECT: "Indirect heads",
    LATENT: "Latent heads",
    "average_precision_direct_score": "Average precision, direct heads",
    "average_precision_indirect_score": "Average precision, indirect heads",
    "average_precision_latent_score": "Average precision, latent heads",
    CANCELLING: "Cancelling error",
}


def score_label(metric: str) -> str:
    return SCORE_LABELS.get(metric, metric.replace("_", " "))


def lower_is_better(metric: str) -> bool:
    """Scores that end in "error" are best at 0."""
    return metric.endswith("_error")


def label_of(unit: str, method: str) -> str:
    """The method's name on the page; the same name can mean another method for heads than for words."""
    return head_method_label(method) if unit == "heads" else method_label(method)


def rungs_of(run: RunTables, unit: str) -> list[str]:
    """The rungs with verified scores of `unit`, from set by hand to planted in real texts."""
    card = run.tables["score_card"]
    here = set(card.loc[(card["unit"] == unit) & card["verified"].astype(bool), "rung"])
    return [rung for rung in RUNGS if rung in here]


def variants_on(run: RunTables, unit: str, rung: str, *, verified: bool = True) -> list[Variant]:
    """The (data set, model) of a rung that have scores of `unit`, in the config's order."""
    card = pick(run.tables["score_card"], unit=unit, rung=rung)
    flags = card.drop_duplicates(["dataset", "model"]).set_index(["dataset", "model"])["verified"].astype(bool)
    return [v for v in run.variants if v in flags.index and bool(flags[v]) == verified]


def place_names(run: RunTables, variants: Sequence[Variant]) -> list[str]:
    """How variants of one rung are called: by data set, and by model too where a data set has several there."""
    datasets = [dataset for dataset, _ in variants]
    return [d if datasets.count(d) == 1 else run.label(d, m) for d, m in variants]


def judged_methods(run: RunTables, unit: str) -> list[str]:
    """Methods with scores, in the config's order, crosswalks last; no controls, nothing given truth."""
    known = set(pick(run.tables["score_card"], unit=unit)["method"])
    heads = (*run.config.heads.methods, *CROSSWALK_HEADS)
    asked = heads if unit == "heads" else (*run.config.explain.methods, ROW_SIZE)
    return [m for m in asked if m in known and m not in CONTROLS]


def bounds_below(run: RunTables, unit: str) -> list[str]:
    """What no explanation should stay below: the random control, and chance, its expectation."""
    known = set(pick(run.tables["score_card"], unit=unit)["method"])
    return [m for m in (RANDOM, FLOOR) if m in known]


def bounds_above(run: RunTables, unit: str) -> list[str]:
    """What is told the truth: the oracle, then the crosswalks that are given the words that decide.

    The oracle of words is no bound: a method that is no Shapley value can pass it.
    """
    known = set(pick(run.tables["score_card"], unit=unit)["method"])
    told = [f"{m}{TRUTH_ONLY}" for m in CROSSWALK_HEADS] if unit == "heads" else []
    return [m for m in (ORACLE, *told) if m in known]


def score(run: RunTables, variant: Variant, unit: str, metric: str, method: str) -> pd.Series | None:
    """One row of the score card; None where there is none or it is not defined."""
    card = run.of("score_card", *variant)
    wanted = np.ones(len(card), dtype=np.bool_)
    for column, value in (("unit", unit), ("metric", metric), ("method", method)):
        wanted &= card[column].to_numpy(dtype=object) == value
    (places,) = np.nonzero(wanted & np.isfinite(card["estimate"].to_numpy(dtype=np.float64)))
    return card.iloc[places[0]] if len(places) else None


def values(
    run: RunTables, variants: Sequence[Variant], unit: str, metric: str, method: str
) -> dict[Variant, pd.Series]:
    """The rows of `score` of every variant that has one."""
    found = {v: score(run, v, unit, metric, method) for v in variants}
    return {v: row for v, row in found.items() if row is not None}


def grid(
    run: RunTables, variants: Sequence[Variant], unit: str, metric: str, methods: Sequence[str], column: str
) -> FloatArray:
    """[method variant]: a column of the score card, NaN where it is not defined."""
    cells = np.full((len(methods), len(variants)), np.nan)
    for j, variant in enumerate(variants):
        rows = pick(run.of("score_card", *variant), unit=unit, metric=metric).set_index("method")[column]
        cells[:, j] = rows.reindex(methods).to_numpy(dtype=np.float64)
    return cells


def score_text(row: pd.Series) -> str:
    """ "0.78 [0.61, 0.95]", and without the interval where it has no width."""
    if row["low"] == row["high"] or number(row["low"]) == number(row["high"]):
        return number(row["estimate"])
    return with_interval(row["estimate"], row["low"], row["high"])


def range_text(numbers: Sequence[float], decimals: int = 2) -> str:
    """ "0.48 to 1.00", or one number where both ends print alike."""
    low, high = number(min(numbers), decimals), number(max(numbers), decimals)
    return low if low == high else f"{low} to {high}"


def of_all(n: int, total: int, noun: str = "task") -> str:
    """ "3 of 3 tasks", "1 of 1 task"."""
    return f"{n} of {total} {noun if total == 1 else noun + 's'}"
