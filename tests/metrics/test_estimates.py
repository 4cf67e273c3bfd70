"""Means with intervals: which numbers go in, for all texts and for those predicted right or wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.metrics.estimates import COLUMNS, bounds_of, crossed_groups, estimate
from study.metrics.stability import EDIT_METRICS
from study.seeds import rng_of
from study.stats import crossed_interval, pigeonhole_interval
from tests.metrics.tables import make_measurements, make_texts

EXAMPLES = ("a", "b", "c", "d")
VALUES = np.array([[0.1, 0.5, 0.3, np.nan], [0.2, 0.7, 0.1, 0.4]])
ANSWERS = [["pos", "pos", "neg", "neg"], ["pos", "neg", "neg", "pos"]]


@pytest.fixture
def table():
    cells = {(seed, e): VALUES[seed, i] for seed in (0, 1) for i, e in enumerate(EXAMPLES)}
    answers = {(seed, e): ANSWERS[seed][i] for seed in (0, 1) for i, e in enumerate(EXAMPLES)}
    return estimate(make_measurements(cells), make_texts(answers), 0.9).set_index("subset")


def test_columns_and_subsets(table):
    assert [*table.reset_index().columns] == ["subset", *(c for c in COLUMNS if c != "subset")]
    assert list(table.index) == ["all", "correct", "wrong"]


def test_all_texts_cross_seeds_and_examples(table):
    row = table.loc["all"]
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx(crossed_interval(VALUES[:, :3], 0.9))
    assert (row["n_examples"], row["n_seeds"], row["n_undefined"], row["level"]) == (3, 2, 1, 0.9)


def test_correct_texts_average_the_seeds_in_which_they_are_correct(table):
    row = table.loc["correct"]  # a in both seeds, b in the first, d in the second
    means = np.array([[0.15, 0.5, 0.4]])
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx(crossed_interval(means, 0.9))
    assert (row["n_examples"], row["n_seeds"], row["n_undefined"]) == (3, 2, 0)


def test_wrong_texts_count_the_undefined(table):
    row = table.loc["wrong"]  # b in the second seed, c in both, d in the first, where it is undefined
    assert row["estimate"] == pytest.approx((0.7 + 0.2) / 2)
    assert (row["n_examples"], row["n_seeds"], row["n_undefined"]) == (2, 2, 1)


def test_nothing_defined_is_nan_with_counts():
    cells = {(0, "a"): np.nan, (0, "b"): np.nan}
    rows = estimate(make_measurements(cells), make_texts({(0, "a"): "pos", (0, "b"): "neg"}), 0.95)
    assert rows["estimate"].isna().all()
    assert rows["n_undefined"].tolist() == [2, 1, 1]
    assert rows["n_examples"].tolist() == [0, 0, 0]
    assert rows["n_seeds"].tolist() == [0, 0, 0]


def test_a_text_of_unknown_outcome_is_neither_correct_nor_wrong():
    measurements = make_measurements({(0, "a"): 0.2, (0, "b"): 0.4, (0, "c"): 0.9})
    rows = estimate(measurements, make_texts({(0, "a"): "pos", (0, "b"): "neg"}), 0.95).set_index("subset")
    assert rows["n_examples"].to_dict() == {"all": 3, "correct": 1, "wrong": 1}


def test_untrained_rows_of_texts_are_ignored():
    texts = make_texts({(0, "a"): "pos", (0, "b"): "pos"})
    texts.loc[len(texts)] = texts.loc[0].to_dict() | {"trained": False, "predicted": "neg"}
    rows = estimate(make_measurements({(0, "a"): 0.2, (0, "b"): 0.4}), texts, 0.95).set_index("subset")
    assert rows.loc["correct", "n_examples"] == 2
    assert rows.loc["wrong", "n_examples"] == 0


def test_intervals_end_at_the_metrics_bounds() -> None:
    rows = [
        ("d", "m", 0, text, metric, "shap", "lime", value)
        for metric in ("spearman_untrained", "feature_agreement_at_k1", "completeness_error")
        for text, value in (("a", 1.0), ("b", 0.2))
    ]
    measurements = pd.DataFrame(
        rows, columns=["dataset", "model", "seed", "example_id", "metric", "method_a", "method_b", "value"]
    )
    texts = pd.DataFrame(
        {
            "dataset": "d",
            "model": "m",
            "seed": 0,
            "trained": True,
            "example_id": ["a", "b"],
            "label": "x",
            "predicted": "x",
        }
    )
    found = estimate(measurements, texts, 0.95).query("subset == 'all'").set_index("metric")
    assert found.loc["spearman_untrained", ["low", "high"]].tolist() == [-1.0, 1.0]
    assert found.loc["feature_agreement_at_k1", ["low", "high"]].tolist() == [0.0, 1.0]
    assert found.loc["completeness_error", "high"] > 1.0


def _with_gaps(rng) -> pd.DataFrame:
    """Values of groups in any order, of which seeds and examples are missing here and there."""
    rows = [
        (metric, method, seed, example, rng.normal())
        for metric in ("spearman", "auroc", "share")
        for method in ("shap", "lime", "attention")
        for seed in (3, 11, 5)
        for example in ("t9", "t10", "t1", "u0")
        if rng.random() < 0.5
    ]
    table = pd.DataFrame(rows, columns=["metric", "method", "seed", "example_id", "value"])
    return table.sample(frac=1.0, random_state=int(rng.integers(1000)))


@pytest.mark.parametrize("draw", range(5))
def test_groups_are_what_a_pivot_of_each_would_be(draw):
    """In the order in which they first come; seeds and examples of the group alone, sorted."""
    keys, table = ["metric", "method"], _with_gaps(np.random.default_rng(draw))
    found = {key: rest for key, *rest in crossed_groups(table, keys)}
    assert list(found) == list(dict.fromkeys(zip(table["metric"], table["method"], strict=True)))
    gaps = 0
    for key, part in table.groupby(keys):
        pivot = part.pivot(index="seed", columns="example_id", values="value")  # noqa: PD010 - no mean
        seeds, examples, values = found.pop(key)
        assert (list(seeds), list(examples)) == (list(pivot.index), list(pivot.columns))
        np.testing.assert_array_equal(values, pivot.to_numpy())
        gaps += int(np.isnan(values).sum())
    assert not found
    assert gaps


def test_two_values_of_one_seed_and_example_are_refused():
    table = _with_gaps(np.random.default_rng(0))
    again = table.iloc[[4]].assign(value=7.0)
    metric, method = again[["metric", "method"]].iloc[0]
    with pytest.raises(ValueError, match=f"'{metric}', 'method': '{method}'.* two values of one seed and example"):
        list(crossed_groups(pd.concat([table, again]), ["metric", "method"]))


def _ten_seeds(metric: str = "spearman") -> tuple[np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(0)
    values = 0.5 + 0.1 * (rng.normal(size=(10, 1)) + rng.normal(size=(1, 20)) + rng.normal(size=(10, 20)))
    cells = {(seed, f"e{example:02}"): float(value) for (seed, example), value in np.ndenumerate(values)}
    return values, make_measurements(cells, metric)


def test_ten_seeds_get_the_bootstrap_of_their_own_key():
    values, table = _ten_seeds()
    row = estimate(table, make_texts({(0, "e00"): "pos"}), 0.9).set_index("subset").loc["all"]
    rng = rng_of("estimate", "d", "m", "spearman", "shap", "lime")
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx(pigeonhole_interval(values, 0.9, rng), abs=1e-12)
    assert row["low"] != pytest.approx(crossed_interval(values, 0.9)[1], rel=1e-9)


def test_estimates_do_not_depend_on_order_or_on_other_rows():
    _, table = _ten_seeds()
    both = pd.concat([_ten_seeds("kendall_tau_b")[1], table]).sample(frac=1, random_state=0)
    texts = make_texts({(0, "e00"): "pos"})
    alone = estimate(table, texts, 0.9)
    among = estimate(both, texts, 0.9).query("metric == 'spearman'").reset_index(drop=True)
    pd.testing.assert_frame_equal(among, alone)


@pytest.mark.parametrize(
    ("metric", "bounds"),
    [
        ("head_spearman", (-1.0, 1.0)),
        ("feature_agreement_at_k3", (0.0, 1.0)),
        ("spearman_abs_untrained", (-1.0, 1.0)),
        ("indirect_share", (0.0, 1.0)),
        ("effective_components", (1.0, np.inf)),
        ("cancellation", (0.0, np.inf)),
        ("comprehensiveness_normalised_score_delete", (0.0, 1.0)),
        ("sanity_spearman_abs_layer_1", (-1.0, 1.0)),
        ("edit_sensitivity_error", (0.0, np.inf)),
        ("seed_spearman_abs", (-1.0, 1.0)),
        ("margin_lost_at_25", None),
    ],
)
def test_bounds_of_every_kind_of_measurement(metric, bounds):
    assert bounds_of(metric) == bounds


def test_every_edit_metric_has_bounds():
    assert [m.name for m in EDIT_METRICS if bounds_of(m.name) is None] == []
