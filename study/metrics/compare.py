"""From tables of explanations to long tables of measurements: one row per metric, pair of methods and text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from study.metrics import METRICS
from study.metrics.agreement import Metric
from study.metrics.ranking import Ranking, rank_words
from study.records import UNSIGNED_METHODS, BoolArray, FloatArray

CELL = ["dataset", "model", "seed"]
COLUMNS = [*CELL, "example_id", "metric", "method_a", "method_b", "value"]
GRADIENT_METHODS = ("gradient_x_input", "integrated_gradients")  # their baseline: every word masked
RowMetric = Callable[[FloatArray, float, float], FloatArray]  # see study.crosswalk.rows


def measure_agreement(features: pd.DataFrame, top_k: Sequence[int]) -> pd.DataFrame:
    """Every metric of every pair of methods on every text of every trained model.

    features: the table of that name; pairs and metrics come in the order of the table's methods and of
    METRICS, at-k metrics once per k, named `<metric>_at_k<k>`. Metrics that need signs are NaN for a pair
    with an unsigned method: compare those by the `_abs` correlations. Words without a score are left out.
    """
    metrics = _metrics_with_k(top_k)
    rows: list[tuple[object, ...]] = []
    for key, rankings in _rankings_by_text(features[features["trained"].astype(bool)]):
        for (name_a, a), (name_b, b) in itertools.combinations(rankings.items(), 2):
            signed = name_a not in UNSIGNED_METHODS and name_b not in UNSIGNED_METHODS
            for label, metric, k in metrics:
                value = metric.compare(a, b, k) if signed or not metric.needs_signs else math.nan
                rows.append((*key, label, name_a, name_b, value))
    return pd.DataFrame(rows, columns=COLUMNS)


def measure_untrained(features: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of each method's scores on the trained model with its own on the untrained one, same text.

    An explainer that shows what training taught must come out near 0 (Adebayo et al. 2018). Metrics
    `spearman_untrained` (NaN for unsigned methods) and `spearman_abs_untrained`; texts explained on both only.
    """
    trained = features["trained"].astype(bool)
    untrained_rankings = dict(_rankings_by_text(features[~trained]))
    rows: list[tuple[object, ...]] = []
    for key, rankings in _rankings_by_text(features[trained]):
        for method, after in rankings.items():
            before = untrained_rankings.get(key, {}).get(method)
            if before is None:
                continue
            for name in ("spearman", "spearman_abs"):
                metric: Metric = METRICS.load(name)
                defined = method not in UNSIGNED_METHODS or not metric.needs_signs
                value = metric.compare(after, before, 0) if defined else math.nan
                rows.append((*key, f"{name}_untrained", method, method, value))
    return pd.DataFrame(rows, columns=COLUMNS)


def measure_completeness(features: pd.DataFrame, texts: pd.DataFrame) -> pd.DataFrame:
    """|v(all words) - v(empty) - sum of scores| of the gradient methods on the trained model, logits.

    Integrated gradients would reach 0 with enough steps; gradient x input promises nothing
    (Sundararajan et al. 2017). features, texts: the tables of those names.
    """
    text = [*CELL, "example_id"]
    chosen = features[features["trained"].astype(bool) & features["method"].isin(GRADIENT_METHODS)]
    sums = chosen.groupby([*text, "method"], sort=False)["score"].sum().reset_index()
    ends = texts[texts["trained"].astype(bool)][[*text, "margin", "empty_margin"]]
    found = sums.merge(ends, on=text, how="left", validate="many_to_one")
    found["value"] = (found["margin"] - found["empty_margin"] - found["score"]).abs()
    found = found.rename(columns={"method": "method_a"}).assign(metric="completeness_error", method_b="")
    return found[COLUMNS]


def measure_rows(
    crosswalk: pd.DataFrame, components: pd.DataFrame, row_metrics: Mapping[str, RowMetric]
) -> pd.DataFrame:
    """One value per text of every row metric: its mean over words, weighted by the words' |score|.

    The weights make words without effect, whose row is noise, not count. NaN when no word has an effect.
    crosswalk, components: the tables of those names; row_metrics: study.crosswalk.rows.ROW_METRICS.
    """
    by_text = components.groupby([*CELL, "example_id"])[["empty_contribution", "contribution"]].sum()
    ends = dict(zip(by_text.index, by_text.to_numpy(), strict=True))
    rows: list[tuple[object, ...]] = []
    for key, group in crosswalk.groupby([*CELL, "example_id", "method"], sort=False):
        *text, method = key
        cells = _matrix(group, "word_index", "component", "value")
        base, output = ends[tuple(text)]
        weight = np.abs(cells.sum(axis=1))
        for name, compute in row_metrics.items():
            rows.append((*text, name, method, "", _weighted_mean(compute(cells, base, output), weight)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _metrics_with_k(top_k: Iterable[int]) -> list[tuple[str, Metric, int]]:
    """(name in the table, metric, k) for every metric, and every k where it takes one."""
    top_k = tuple(top_k)
    metrics: list[tuple[str, Metric, int]] = []
    for name in METRICS:
        metric: Metric = METRICS.load(name)
        metrics += [(f"{name}_at_k{k}", metric, k) for k in top_k] if metric.at_k else [(name, metric, 0)]
    return metrics


def _rankings_by_text(features: pd.DataFrame) -> Iterator[tuple[tuple[object, ...], dict[str, Ranking]]]:
    """((dataset, model, seed, example_id), ranking of each method) text by text, methods in the table's order."""
    for key, text in features.groupby([*CELL, "example_id"], sort=False):
        methods = list(text["method"].unique())
        scores = dict(zip(methods, _matrix(text, "method", "word_index", "score"), strict=True))
        defined: BoolArray = np.isfinite(next(iter(scores.values())))
        for method, values in scores.items():
            if not np.array_equal(np.isfinite(values), defined):
                raise ValueError(f"'{method}' scores other words than '{methods[0]}' in text {key[-1]}")
        yield key, {method: rank_words(values[defined]) for method, values in scores.items()}


def _matrix(table: pd.DataFrame, row: str, column: str, value: str) -> FloatArray:
    """[row column], rows in order of first appearance, columns sorted; NaN where the table has no such pair.

    Raises: ValueError when the table has a pair twice.
    """
    row_number, rows = pd.factorize(table[row])
    column_number, columns = pd.factorize(table[column], sort=True)
    if np.bincount(row_number * len(columns) + column_number).max(initial=0) > 1:
        raise ValueError(f"the table has two values of '{value}' for one pair of '{row}' and '{column}'")
    matrix = np.full((len(rows), len(columns)), np.nan)
    matrix[row_number, column_number] = table[value].to_numpy()
    return matrix


def _weighted_mean(values: FloatArray, weight: FloatArray) -> float:
    counts = np.isfinite(values) & (weight > 0)
    if not counts.any():
        return math.nan
    return float(np.average(values[counts], weights=weight[counts]))
