"""Tables of measurements: which rows there are, and that the numbers are those of the metrics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.metrics import METRICS
from study.metrics.compare import (
    COLUMNS,
    measure_agreement,
    measure_agreement_on_truth,
    measure_rows,
    measure_untrained,
)
from study.metrics.estimates import bounds_of
from tests.metrics.tables import make_crosswalk, make_features


def scores_of(features: pd.DataFrame, method: str, *, seed: int, trained: bool, example_id: str = "e1") -> np.ndarray:
    rows = features[
        (features["method"] == method)
        & (features["seed"] == seed)
        & (features["trained"] == trained)
        & (features["example_id"] == example_id)
    ]
    return rows.sort_values("word_index")["score"].dropna().to_numpy()


def value_of(table: pd.DataFrame, **where: object) -> float:
    rows = table[np.logical_and.reduce([table[column] == value for column, value in where.items()])]
    assert len(rows) == 1
    return rows["value"].iloc[0]


def test_agreement_has_every_metric_pair_and_text():
    features = make_features()
    table = measure_agreement(features, top_k=(1, 3))
    assert list(table.columns) == COLUMNS
    n_metrics = 5 + 5 * 2
    assert len(table) == 2 * 3 * 3 * n_metrics
    assert set(table["metric"]) == {
        "spearman", "spearman_abs", "kendall_tau_b", "kendall_tau_b_abs", "pairwise_rank_agreement",
        *(f"{name}_at_k{k}" for k in (1, 3) for name in METRICS if METRICS.load(name).at_k),
    }  # fmt: skip
    assert not table.duplicated(COLUMNS[:-1]).any()


def test_agreement_is_that_of_the_metric_on_the_trained_scores():
    features = make_features()
    table = measure_agreement(features, top_k=(3,))
    a, b = (scores_of(features, method, seed=1, trained=True) for method in ("shap", "lime"))
    assert len(a) == 5  # the word without a score is left out
    for name in METRICS:
        metric = METRICS.load(name)
        label, k = (f"{name}_at_k3", 3) if metric.at_k else (name, None)
        value = value_of(table, metric=label, method_a="shap", method_b="lime", seed=1, example_id="e1")
        assert value == pytest.approx(metric.compute(a, b, k))


def test_agreement_on_truth_words_sees_no_other_word():
    features = make_features()
    words = features[["dataset", "example_id", "word_index"]].drop_duplicates()
    truth = words.assign(relevant=words["word_index"] < 3)
    table = measure_agreement_on_truth(features, truth, (1, 5), "shap")
    assert "shap" in set(table["method_a"])
    assert "attention" in set(table["method_b"])
    assert not ((table["method_a"] != "shap") & (table["method_b"] != "shap")).any()
    a, b = (scores_of(features, method, seed=1, trained=True)[:3] for method in ("shap", "lime"))
    where = {"method_a": "shap", "method_b": "lime", "seed": 1, "example_id": "e1"}
    value = value_of(table, metric="kendall_tau_b_on_truth", **where)
    assert value == pytest.approx(METRICS.load("kendall_tau_b").compute(a, b))
    assert np.isnan(value_of(table, metric="feature_agreement_at_k5_on_truth", **where))
    assert bounds_of("feature_agreement_at_k5_on_truth") == (0.0, 1.0) == bounds_of("sign_agreement_at_k1")
    assert bounds_of("spearman_on_truth") == (-1.0, 1.0)


def test_agreement_with_an_unsigned_method_has_no_sign_metrics():
    table = measure_agreement(make_features(), top_k=(3,))
    unsigned = table[table["method_b"] == "attention"]
    undefined = set(unsigned.loc[unsigned["value"].isna(), "metric"])
    assert undefined == {"spearman", "kendall_tau_b", "sign_agreement_at_k3", "signed_rank_agreement_at_k3"}
    assert unsigned.loc[~unsigned["metric"].isin(undefined), "value"].notna().all()
    assert table.loc[table["method_b"] == "lime", "value"].notna().all()


def test_row_order_of_the_table_does_not_matter():
    features = make_features()
    shuffled = features.sample(frac=1, random_state=0)
    shuffled["method"] = shuffled["method"].astype(pd.CategoricalDtype(["shap", "lime", "attention"]))
    shuffled = shuffled.sort_values("method", kind="stable").astype({"method": str})
    order = COLUMNS[:-1]
    for measure in (lambda f: measure_agreement(f, (3,)), measure_untrained):
        one, other = (measure(f).sort_values(order, ignore_index=True) for f in (features, shuffled))
        pd.testing.assert_frame_equal(one, other)


def test_untrained_control_compares_each_method_with_itself():
    features = make_features()
    without = features["trained"] | (features["example_id"] != "e2")
    table = measure_untrained(features[without])
    assert set(table["example_id"]) == {"e0", "e1"}
    assert (table["method_a"] == table["method_b"]).all()
    after, before = (scores_of(features, "lime", seed=0, trained=t) for t in (True, False))
    value = value_of(table, metric="spearman_untrained", method_a="lime", seed=0, example_id="e1")
    assert value == pytest.approx(METRICS.load("spearman").compute(after, before))
    attention = table[table["method_a"] == "attention"].set_index("metric")["value"]
    assert attention["spearman_untrained"].isna().all()
    assert attention["spearman_abs_untrained"].notna().all()


def test_methods_that_score_different_words_are_an_error():
    features = make_features()
    wrong = (features["method"] == "lime") & (features["word_index"] == 0)
    with pytest.raises(ValueError, match="'lime' scores other words than 'shap' in text e0"):
        measure_agreement(features.assign(score=features["score"].mask(wrong)), (3,))


def test_two_scores_for_one_word_are_an_error():
    features = make_features()
    with pytest.raises(ValueError, match="two values of 'score'"):
        measure_agreement(pd.concat([features, features.iloc[:1]]), (3,))


def test_rows_are_means_weighted_by_the_words_score():
    cells = np.array([[1.0, 2.0], [4.0, -3.0], [0.0, 0.0], [np.nan, np.nan]])
    components = pd.DataFrame(
        {"dataset": "d", "model": "m", "seed": 0, "example_id": "e0", "component": ["L0H0", "L0H1"],
         "contribution": [1.0, 3.0], "empty_contribution": [0.5, -0.5]}
    )  # fmt: skip
    ends: list[tuple[float, float]] = []

    def first_cell(cells, base, output):
        ends.append((base, output))
        return cells[:, 0]

    table = measure_rows(make_crosswalk(cells, ["a", "b", "c", "d"]), components, {"first_cell": first_cell})
    assert list(table.columns) == COLUMNS
    assert ends == [(0.0, 4.0)]
    assert table["value"].tolist() == pytest.approx([(3 * 1 + 1 * 4) / 4])
    assert table.loc[0, ["metric", "method_a", "method_b"]].tolist() == ["first_cell", "shap", ""]


def test_rows_without_any_effect_are_undefined():
    components = pd.DataFrame(
        {"dataset": "d", "model": "m", "seed": [0], "example_id": "e0", "component": "L0H0",
         "contribution": 1.0, "empty_contribution": 0.5}
    )  # fmt: skip
    crosswalk = make_crosswalk(np.zeros((2, 2)), ["a", "b"])
    table = measure_rows(crosswalk, components, {"one": lambda cells, base, output: np.ones(len(cells))})
    assert table["value"].isna().all()
