"""From tables of explanations to long tables of measurements: one row per metric, pair of methods and text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from study.metrics import METRICS
from study.metrics.agreement import Metric
from study.metrics.ranking import Ranking, rank_words
from study.records import UNSIGNED_METHODS, BoolArray, FloatArray

CELL = ["dataset", "model", "seed"]
COLUMNS = [*CELL, "example_id", "metric", "method_a", "method_b", "value"]
GRADIENT_METHODS = ("gradient_x_input", "integrated_gradients")  # their baseline: every word masked
ITEMS = {"word_index": "words", "component": "heads"}  # what a method scores, by its column
RowMetric = Callable[[FloatArray, float, float], FloatArray]  # see study.crosswalk.rows
MetricAtK = tuple[str, Metric, int]  # name in the table, metric, k (0 where it takes none)


def measure_agreement(features: pd.DataFrame, top_k: Sequence[int]) -> pd.DataFrame:
    """Every metric of every pair of methods on every text of every trained model.

    features: the table of that name; pairs and metrics come in the order of the table's methods and of
    METRICS, at-k metrics once per k, named `<metric>_at_k<k>`. Metrics that need signs are NaN for a pair
    with an unsigned method: compare those by the `_abs` correlations. Words without a score are left out.
    """
    trained = features[features["trained"].astype(bool)]
    return compare_pairs(trained, "word_index", metrics_with_k(METRICS, top_k), UNSIGNED_METHODS)


def measure_agreement_on_truth(
    features: pd.DataFrame, truth_words: pd.DataFrame, top_k: Sequence[int], shap: str
) -> pd.DataFrame:
    """Every metric of SHAP with every other method over the words that are known to decide a text, alone.

    Named `<metric>_on_truth`; NaN where a text has too few such words: one has no rank correlation, fewer than k no
    agreement at k. features: the table of that name; truth_words: columns dataset, example_id, word_index, relevant;
    shap: the method that stands for SHAP.
    """
    place = ["dataset", "example_id", "word_index"]
    deciding = truth_words.loc[truth_words["relevant"].astype(bool), place]
    found = measure_agreement(features.merge(deciding, on=place, how="inner", validate="many_to_one"), top_k)
    with_shap = (found["method_a"] == shap) | (found["method_b"] == shap)
    return found[with_shap].assign(metric=found["metric"] + "_on_truth")


def compare_pairs(
    table: pd.DataFrame, item: str, metrics: Sequence[MetricAtK], unsigned: Collection[str]
) -> pd.DataFrame:
    """Measurements of every metric for every pair of methods of every text.

    table: a score per text, method and `item` (a key of ITEMS); items without a score are left out. metrics:
    (name in the table, metric, k). Metrics that need signs are NaN for a pair with a method in `unsigned`.

    Raises: ValueError when two methods score different items of a text, or one method an item twice.
    """
    rows: list[tuple[object, ...]] = []
    for key, rankings in _rankings_by_text(table, item):
        for (name_a, a), (name_b, b) in itertools.combinations(rankings.items(), 2):
            signed = name_a not in unsigned and name_b not in unsigned
            for label, metric, k in metrics:
                value = metric.compare(a, b, k) if signed or not metric.needs_signs else math.nan
                rows.append((*key, label, name_a, name_b, value))
    return pd.DataFrame(rows, columns=COLUMNS)


def metrics_with_k(names: Iterable[str], top_k: Iterable[int] = ()) -> list[MetricAtK]:
    """(name in the table, metric, k) for each of `names` in METRICS, and every k where it takes one."""
    top_k = tuple(top_k)
    metrics: list[MetricAtK] = []
    for name in names:
        metric: Metric = METRICS.load(name)
        metrics += [(f"{name}_at_k{k}", metric, k) for k in top_k] if metric.at_k else [(name, metric, 0)]
    return metrics


def measure_untrained(features: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of each method's scores on the trained model with its own on the untrained one, same text.

    An explainer that shows what training taught must come out near 0 (Adebayo et al. 2018). Metrics
    `spearman_untrained` (NaN for unsigned methods) and `spearman_abs_untrained`; texts explained on both only.
    """
    trained = features["trained"].astype(bool)
    untrained_rankings = dict(_rankings_by_text(features[~trained], "word_index"))
    rows: list[tuple[object, ...]] = []
    for key, rankings in _rankings_by_text(features[trained], "word_index"):
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


def _rankings_by_text(table: pd.DataFrame, item: str) -> Iterator[tuple[tuple[object, ...], dict[str, Ranking]]]:
    """((dataset, model, seed, example_id), ranking of each method) text by text, methods in the table's order."""
    for key, text in table.groupby([*CELL, "example_id"], sort=False):
        methods = list(text["method"].unique())
        scores = dict(zip(methods, _matrix(text, "method", item, "score"), strict=True))
        defined: BoolArray = np.isfinite(next(iter(scores.values())))
        for method, values in scores.items():
            if not np.array_equal(np.isfinite(values), defined):
                raise ValueError(f"'{method}' scores other {ITEMS[item]} than '{methods[0]}' in text {key[-1]}")
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
