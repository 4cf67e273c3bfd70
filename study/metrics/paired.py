"""Methods held against each other on the same texts and models: who is more faithful, who is more stable."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from study.config.limits import primary_shapley
from study.metrics import FAITHFULNESS
from study.metrics.estimates import IndexArray, bounds_of, crossed_groups
from study.records import FloatArray
from study.seeds import rng_of
from study.stats import benjamini_hochberg, complete_examples, interval_of_mean, paired_d, sign_flip_test

COMPARED = (*FAITHFULNESS, "repeat_spearman", "edit_", "sanity_spearman")  # metrics by how their names begin
CONTROL = "random"
COLUMNS = [
    "dataset", "model", "metric", "method_a", "method_b",
    "difference", "low", "high", "level", "effect_size", "p", "p_adjusted", "n_examples", "n_seeds", "n_undefined",
]  # fmt: skip
_Values = tuple[IndexArray, IndexArray, FloatArray]  # seeds, examples, values [seed example]


def compare_methods(measurements: pd.DataFrame, level: float) -> pd.DataFrame:
    """Paired differences between methods, for every metric in COMPARED: a method's value minus another's.

    Pairs: SHAP against every other method, every method against the control. A method that explained under another
    operator (`lime@delete`) is held against those that did the same and against the control, so that a difference is
    between methods and not between operators. Whether a difference is good is the metric's direction.
    difference, low, high: the mean over texts and over the seeds that both have, with the crossed interval of the
    differences on the texts where both are defined in every seed; n_undefined counts the others. effect_size: d_z over
    texts. p: sign-flip test, for new texts and these seeds; p_adjusted: Benjamini-Hochberg over this whole table. p is
    NaN, and no member of the family, where no text is defined.

    measurements: the table of that name; of measurements of pairs, only those of a method with itself count.
    """
    chosen = measurements["metric"].astype(str).str.startswith(COMPARED)
    alone = (measurements["method_b"] == "") | (measurements["method_a"] == measurements["method_b"])
    rows: list[dict[str, object]] = []
    for (dataset, model), group in measurements[chosen & alone].groupby(["dataset", "model"], sort=False):
        by_metric: dict[str, dict[str, _Values]] = {}
        for (metric, method), *values in crossed_groups(group, ["metric", "method_a"]):
            by_metric.setdefault(metric, {})[method] = (values[0], values[1], values[2])
        for metric, methods in by_metric.items():
            for a, b in pairs_of(list(methods)):
                key = {"dataset": dataset, "model": model, "metric": metric, "method_a": a, "method_b": b}
                rows.append(key | _compare(paired_differences(methods[a], methods[b]), key, level))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(p_adjusted=benjamini_hochberg(table["p"].astype(float)))


def pairs_of(methods: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(method, the one it is held against): SHAP against all others, then all others against the control.

    Within one operator that was explained under, written behind `@`; the control is the one without, if need be.
    """

    def operator(method: str) -> str:
        return method.partition("@")[2]

    for _, group in itertools.groupby(sorted(methods, key=operator), key=operator):
        by_name = {method.partition("@")[0]: method for method in group}
        if CONTROL in methods:
            by_name.setdefault(CONTROL, CONTROL)
        shap = by_name.get(primary_shapley(by_name))
        others = [method for name, method in by_name.items() if method != shap and name != CONTROL]
        control = by_name.get(CONTROL)
        if shap:
            yield from ((shap, other) for other in (*others, *([control] if control else [])))
        if control:
            yield from ((other, control) for other in others)


def paired_differences(first: _Values, second: _Values) -> FloatArray:
    """[seed example]: first - second, in the seeds that both have and all examples of either; NaN without a partner."""
    seeds = np.intersect1d(first[0], second[0])
    examples = np.union1d(first[1], second[1])
    return _aligned(first, seeds, examples) - _aligned(second, seeds, examples)


def _aligned(values: _Values, seeds: IndexArray, examples: IndexArray) -> FloatArray:
    own_seeds, own_examples, array = values
    aligned = np.full((len(seeds), len(examples)), np.nan)
    rows = np.searchsorted(own_seeds, seeds)
    aligned[:, np.searchsorted(examples, own_examples)] = array[rows]
    return aligned


def _compare(differences: FloatArray, key: Mapping[str, str], level: float) -> dict[str, object]:
    """The columns of one comparison, but for p_adjusted."""
    n_seeds, n_examples = differences.shape
    n_defined = int(complete_examples(differences).sum()) if n_seeds else 0
    mean, low, high = interval_of_mean(differences, level, rng_of("comparison", "interval", *key.values()))
    bounds = bounds_of(key["metric"])
    if bounds:
        widest = bounds[1] - bounds[0]
        low, high = (float(np.clip(bound, -widest, widest)) for bound in (low, high))
    return {
        "difference": mean,
        "low": low,
        "high": high,
        "level": level,
        "effect_size": paired_d(differences),
        "p": sign_flip_test(differences, rng_of("comparison", "sign flips", *key.values())),
        "n_examples": n_defined,
        "n_seeds": n_seeds if n_defined else 0,
        "n_undefined": n_examples - n_defined,
    }
