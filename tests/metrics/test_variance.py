"""The split of variance as a table: right cells into the right places, counts, and what is not told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.metrics.variance import COLUMNS, split_variance
from study.stats import variance_components


def make_repeats(values: np.ndarray, method: str = "lime", *, other: str = "", metric: str = "top_share"):
    """values: [seed example repeat]."""
    rows = [
        ("d", "m", seed, f"e{example}", repeat, metric, method, other, value)
        for (seed, example, repeat), value in np.ndenumerate(values)
    ]
    keys = ["dataset", "model", "seed", "example_id", "repeat", "metric", "method_a", "method_b"]
    return pd.DataFrame(rows, columns=[*keys, "value"])


def make_values(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(shape[0], 1, 1)) + 2 * rng.normal(size=(1, shape[1], 1)) + rng.normal(size=shape)


def test_four_rows_with_the_components_of_the_values():
    values = make_values(3, 10, 4)
    table = split_variance(make_repeats(values).sample(frac=1, random_state=0))
    assert list(table.columns) == COLUMNS
    assert table["source"].tolist() == ["training seed", "example", "training seed x example", "explainer seed"]
    wanted = variance_components(values)
    assert table["variance"].to_numpy() == pytest.approx(np.array(wanted.variance), nan_ok=True)
    assert table["share"].sum() == pytest.approx(1)
    assert table["is_cut"].tolist() == list(wanted.is_cut)
    assert table[["n_seeds", "n_examples", "n_repeats", "n_undefined"]].drop_duplicates().to_numpy().tolist() == [
        [3, 10, 4, 0]
    ]


def test_each_pair_of_methods_apart():
    lime, shap = make_values(3, 6, 2), 10 * make_values(3, 6, 2)[:, ::-1]
    table = split_variance(pd.concat([make_repeats(lime), make_repeats(shap, "shapley")]))
    by_method = table.set_index(["method_a", "source"])["variance"]
    assert by_method["shapley"].to_numpy() == pytest.approx(100 * by_method["lime"].to_numpy())


def test_a_method_against_its_own_repeats_is_left_out():
    """Its values share repeats. Two methods, and other metrics, stay as they are."""
    values = make_values(3, 6, 2)
    pair = make_repeats(values, "shapley", other="lime", metric="spearman")
    others = pd.concat([pair, make_repeats(values), make_repeats(values, other="lime")])
    own = make_repeats(values, "lime", other="lime", metric="spearman")
    found = split_variance(pd.concat([own, others]))
    assert set(zip(found["metric"], found["method_a"], found["method_b"], strict=True)) == {
        ("spearman", "shapley", "lime"),
        ("top_share", "lime", ""),
        ("top_share", "lime", "lime"),
    }
    pd.testing.assert_frame_equal(found, split_variance(others))
    assert split_variance(own).empty


def test_missing_and_undefined_texts_are_counted():
    values = make_values(3, 8, 2)
    table = make_repeats(values)
    table.loc[(table["example_id"] == "e2") & (table["seed"] == 1) & (table["repeat"] == 0), "value"] = np.nan
    found = split_variance(table[~((table["example_id"] == "e5") & (table["seed"] == 0))])
    wanted = variance_components(np.delete(values, [2, 5], axis=1))
    assert found["variance"].to_numpy() == pytest.approx(np.array(wanted.variance))
    assert found[["n_examples", "n_undefined"]].iloc[0].tolist() == [6, 2]


def test_two_values_of_one_place_are_refused():
    table = make_repeats(make_values(2, 3, 2))
    with pytest.raises(ValueError, match="two values of one seed, text and repeat: top_share of lime"):
        split_variance(pd.concat([table, table.iloc[[3]]]))


def test_no_repeats_at_all():
    table = split_variance(make_repeats(make_values(2, 3, 2)).iloc[:0])
    assert list(table.columns) == COLUMNS
    assert table.empty
