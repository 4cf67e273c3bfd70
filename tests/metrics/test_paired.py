"""Methods held against each other: which pairs, what is paired, and the numbers beside a difference."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from study.metrics.paired import COLUMNS, compare_methods, pairs_of
from study.stats import crossed_interval, paired_d

METRIC = "comprehensiveness_score_mask"
Values = dict[str, np.ndarray]  # by method, [seed example]


def make_measurements(values: Values, metric: str = METRIC, dataset: str = "d", model: str = "m") -> pd.DataFrame:
    rows = [
        (dataset, model, seed, f"e{example}", metric, method, "", value)
        for method, array in values.items()
        for (seed, example), value in np.ndenumerate(array)
        if value is not None
    ]
    return pd.DataFrame(
        rows, columns=["dataset", "model", "seed", "example_id", "metric", "method_a", "method_b", "value"]
    )


def make_values(*methods: str, n_seeds: int = 3, n_examples: int = 12, lead: float = 0.0) -> Values:
    """Each method is ahead of the next by `lead`; texts differ much and methods little."""
    rng = np.random.default_rng(0)
    text = 5 * rng.normal(size=(1, n_examples))
    return {
        method: text + lead * (len(methods) - i) + rng.normal(size=(n_seeds, n_examples))
        for i, method in enumerate(methods)
    }


def only_row(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def test_columns():
    assert list(compare_methods(make_measurements(make_values("shapley", "lime")), 0.9).columns) == COLUMNS


def test_shap_against_all_and_all_against_random():
    assert list(pairs_of(["lime", "shapley", "random", "occlusion"])) == [
        ("shapley", "lime"),
        ("shapley", "occlusion"),
        ("shapley", "random"),
        ("lime", "random"),
        ("occlusion", "random"),
    ]
    assert list(pairs_of(["shapley", "shap"])) == [("shapley", "shap")]
    assert list(pairs_of(["lime", "shap"])) == [("shap", "lime")]
    assert list(pairs_of(["lime", "occlusion"])) == []
    assert list(pairs_of(["random"])) == []


def test_operators_are_not_compared_by_the_way():
    assert list(pairs_of(["lime", "lime@delete", "shapley@delete", "shapley", "random"])) == [
        ("shapley", "lime"),
        ("shapley", "random"),
        ("lime", "random"),
        ("shapley@delete", "lime@delete"),
        ("shapley@delete", "random"),
        ("lime@delete", "random"),
    ]


def test_a_difference_is_that_of_the_same_texts_and_seeds():
    values = make_values("shapley", "lime", lead=0.7)
    row = only_row(compare_methods(make_measurements(values), 0.9))
    differences = values["shapley"] - values["lime"]
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(crossed_interval(differences, 0.9))
    assert row["effect_size"] == pytest.approx(paired_d(differences))
    upstream = scipy.stats.permutation_test((differences.mean(axis=0),), np.mean, permutation_type="samples")
    assert row["p"] == pytest.approx(upstream.pvalue)
    assert row["p"] < 0.05 < scipy.stats.ttest_ind(*(array.mean(axis=0) for array in values.values())).pvalue
    assert (row["level"], row["n_examples"], row["n_seeds"], row["n_undefined"]) == (0.9, 12, 3, 0)


def test_texts_without_a_partner_are_counted():
    values = make_values("shapley", "lime")
    values["lime"][1, 4] = math.nan
    table = make_measurements(values)
    lost = (table["method_a"] == "shapley") & (table["example_id"] == "e7") & (table["seed"] == 2)
    gone = table["example_id"].isin(["e9"]) & (table["method_a"] == "lime")
    row = only_row(compare_methods(table[~lost & ~gone], 0.9))
    differences = np.delete(values["shapley"] - values["lime"], [4, 7, 9], axis=1)
    assert row["difference"] == pytest.approx(differences.mean())
    assert (row["n_examples"], row["n_undefined"]) == (9, 3)


def test_a_seed_that_only_one_method_has_is_left_out():
    values = make_values("shapley", "lime", n_seeds=4)
    table = make_measurements(values)
    row = only_row(compare_methods(table[~((table["method_a"] == "lime") & (table["seed"] == 1))], 0.9))
    assert row["n_seeds"] == 3
    assert row["difference"] == pytest.approx(np.delete(values["shapley"] - values["lime"], 1, axis=0).mean())


def test_nothing_in_common():
    table = make_measurements(make_values("shapley", "lime"))
    row = only_row(compare_methods(table[(table["method_a"] == "lime") == (table["seed"] == 0)], 0.9))
    assert row[["difference", "low", "high", "effect_size", "p", "p_adjusted"]].isna().all()
    assert (row["n_examples"], row["n_seeds"], row["n_undefined"]) == (0, 0, 12)


def test_p_is_adjusted_over_the_whole_table_without_what_was_not_tested():
    parts = [
        make_measurements(make_values("shapley", "lime", "random", lead=lead), metric=metric, dataset=dataset)
        for dataset, lead in (("d", 0.2), ("e", 0.5))
        for metric in (METRIC, "sufficiency_error_delete")
    ]
    nothing = {"shapley": np.full((3, 4), np.nan), "random": np.zeros((3, 4))}
    table = compare_methods(pd.concat([*parts, make_measurements(nothing, "infidelity_error_mask")]), 0.9)
    tested = table["p"].notna()
    assert (len(table), tested.sum()) == (13, 12)
    np.testing.assert_allclose(
        table.loc[tested, "p_adjusted"], multipletests(table.loc[tested, "p"], method="fdr_bh")[1]
    )
    assert table.loc[~tested, "p_adjusted"].isna().all()


def test_only_metrics_of_one_method_that_are_declared():
    values = make_values("shapley", "random", n_seeds=2)
    stable = make_measurements(values, "repeat_spearman")
    of_pairs = stable.assign(method_b="lime", method_a="shapley").drop_duplicates(["seed", "example_id"])
    with_itself = stable.assign(method_b=stable["method_a"])
    other = make_measurements(values, "completeness_error")
    table = compare_methods(pd.concat([of_pairs, with_itself, other]), 0.9)
    assert table[["metric", "method_a", "method_b"]].to_numpy().tolist() == [["repeat_spearman", "shapley", "random"]]
    assert table["n_examples"].tolist() == [12]


def test_a_row_depends_on_its_own_values_alone():
    """Twelve seeds and 40 texts: both the bootstrap and the random flips draw."""
    values = make_values("shapley", "lime", "random", n_seeds=12, n_examples=40, lead=0.1)
    table = make_measurements(values)
    whole = compare_methods(table, 0.9)
    shuffled = compare_methods(table.sample(frac=1, random_state=1), 0.9)
    alone = compare_methods(table[table["method_a"] != "lime"], 0.9)
    key, numbers = ["method_a", "method_b"], ["difference", "low", "high", "p", "effect_size"]
    pd.testing.assert_frame_equal(shuffled.sort_values(key)[numbers].reset_index(drop=True),
                                  whole.sort_values(key)[numbers].reset_index(drop=True))  # fmt: skip
    same = whole[(whole["method_a"] == "shapley") & (whole["method_b"] == "random")]
    assert same[numbers].to_numpy().tolist() == alone[numbers].to_numpy().tolist()
    t_interval = crossed_interval(values["shapley"] - values["random"], 0.9)
    assert same.iloc[0]["low"] != pytest.approx(t_interval[1], rel=1e-9)


def test_differences_end_where_the_metrics_range_does():
    values = {"shapley": np.array([[1.0, 0.6]]), "random": np.array([[0.0, 0.0]])}
    bounded = only_row(compare_methods(make_measurements(values, "comprehensiveness_normalised_score_mask"), 0.99))
    free = only_row(compare_methods(make_measurements(values), 0.99))
    assert bounded["high"] == 1.0 < free["high"]
    correlations = only_row(compare_methods(make_measurements(values, "repeat_spearman"), 0.99))
    assert correlations["high"] == 2.0


def test_no_measurement_at_all():
    table = compare_methods(make_measurements({}), 0.9)
    assert list(table.columns) == COLUMNS
    assert table.empty
