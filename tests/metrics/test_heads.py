"""Measurements of heads: which rows there are, and that they do not depend on which head is called L0H0."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from study.metrics.compare import COLUMNS
from study.metrics.estimates import estimate
from study.metrics.heads import measure_head_agreement, measure_indirectness, measure_layers
from study.metrics.removal import measure_removal
from tests.metrics.head_games import DIRECT, FED, INDIRECT, NULL, WITH_BACKUPS, make_tables
from tests.metrics.tables import make_texts

TEXT = {"dataset": "d", "model": "m", "seed": 0}


def make_heads(n_heads: int = 5, seeds: tuple[int, ...] = (0, 1), n_texts: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {**TEXT, "seed": seed, "example_id": f"e{text}", "component": f"L0H{head}", "method": method,
         "score": abs(rng.normal()) if method == "attention_norm" else rng.normal()}
        for seed in seeds
        for text in range(n_texts)
        for method in ("direct_raw", "shapley", "attention_norm")
        for head in range(n_heads)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def value_of(table: pd.DataFrame, **where: object) -> float:
    rows = table[np.logical_and.reduce([table[column] == value for column, value in where.items()])]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def test_agreement_is_the_rank_correlation_over_heads_of_every_pair() -> None:
    heads = make_heads()
    table = measure_head_agreement(heads)
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 4 * 3 * 2
    assert set(table["metric"]) == {"head_spearman", "head_spearman_abs"}
    here = heads[(heads["seed"] == 1) & (heads["example_id"] == "e2")]
    a, b = (here[here["method"] == method]["score"].to_numpy() for method in ("direct_raw", "shapley"))
    where = {"seed": 1, "example_id": "e2", "method_a": "direct_raw", "method_b": "shapley"}
    assert value_of(table, metric="head_spearman", **where) == pytest.approx(spearmanr(a, b).statistic)
    found = value_of(table, metric="head_spearman_abs", **where)
    assert found == pytest.approx(spearmanr(np.abs(a), np.abs(b)).statistic)


def test_a_method_without_signs_is_compared_by_size_only() -> None:
    table = measure_head_agreement(make_heads())
    unsigned = table["method_b"] == "attention_norm"
    signed_metric = table["metric"] == "head_spearman"
    assert table["value"].isna().equals(unsigned & signed_metric)


def test_agreement_does_not_depend_on_the_numbers_of_heads() -> None:
    heads = make_heads()
    names = {f"L0H{h}": f"L0H{(3 * h + 1) % 5}" for h in range(5)}
    renamed = heads.assign(component=heads["component"].map(names)).sample(frac=1, random_state=0)
    renamed["method"] = pd.Categorical(renamed["method"], ["direct_raw", "shapley", "attention_norm"])
    renamed = renamed.sort_values("method").astype({"method": str})
    one, other = (measure_head_agreement(t).sort_values(COLUMNS[:-1], ignore_index=True) for t in (heads, renamed))
    pd.testing.assert_frame_equal(one, other)


def test_one_head_has_no_agreement() -> None:
    table = measure_head_agreement(make_heads(n_heads=1))
    assert len(table) > 0
    assert table["value"].isna().all()


def test_a_method_that_misses_a_head_is_an_error() -> None:
    heads = make_heads()
    wrong = (heads["method"] == "shapley") & (heads["component"] == "L0H1")
    with pytest.raises(ValueError, match="'shapley' scores other heads than 'direct_raw' in text e0"):
        measure_head_agreement(heads[~wrong])


def test_intervals_of_head_agreement_end_at_one() -> None:
    values = pd.DataFrame(
        [(*TEXT.values(), e, metric, "a", "b", value)
         for metric in ("head_spearman", "head_spearman_abs", "indirect_share", "lens_margin_embed")
         for e, value in (("x", 1.0), ("y", 0.1))],
        columns=COLUMNS,
    )  # fmt: skip
    found = estimate(values, make_texts({(0, "x"): "pos", (0, "y"): "pos"}), 0.95)
    found = found.query("subset == 'all'").set_index("metric")
    assert found.loc["head_spearman", ["low", "high"]].tolist() == [-1, 1]
    assert found.loc["head_spearman_abs", ["low", "high"]].tolist() == [-1, 1]
    assert found.loc["indirect_share", ["low", "high"]].tolist() == [0, 1]
    assert found.loc["lens_margin_embed", "high"] > 1


def test_indirectness_of_games_with_known_values() -> None:
    def measured(part):
        tables = make_tables([part])
        table = measure_indirectness(tables["heads"], tables["components"])
        assert list(table.columns) == COLUMNS
        assert len(table) == 40
        return table["value"].mean()

    assert measured(DIRECT) == pytest.approx(0.1 / 2.1, abs=0.01)  # psi 1.1, d 1
    assert measured(INDIRECT) == pytest.approx(0.9 / 1.1, abs=0.01)
    assert measured(FED) == pytest.approx((1 / 3 + 1 / 3 + 2 / 3) / 2, abs=0.01)  # psi 1/3 each, d 0, 0, 1
    assert measured(WITH_BACKUPS) == pytest.approx((1 / 3 + 1 / 3 + 2 / 3) / 2, abs=0.01)


def test_heads_that_do_nothing_have_no_indirectness() -> None:
    tables = make_tables([NULL])
    assert measure_indirectness(tables["heads"], tables["components"])["value"].isna().all()
    for method in ("shapley_margin", "direct_centred"):
        fewer = tables["heads"][tables["heads"]["method"] != method]
        assert measure_indirectness(fewer, tables["components"]).empty


def test_layers_point_towards_the_predicted_side() -> None:
    steps = [("embed", 0, 0.1, 0.3), ("L0.attention", 1, 0.5, -0.9), ("L0.mlp", 2, -2.0, -1.5)]
    rows = [
        {**TEXT, "example_id": e, "step": step, "order": order, "lens_margin": side * lens, "contribution": side * adds}
        for e, side in (("minus", 1.0), ("plus", -1.0), ("tie", 0.0))
        for step, order, lens, adds in reversed(steps)
    ]
    table = measure_layers(pd.DataFrame(rows))
    assert list(table.columns) == COLUMNS
    for example in ("minus", "plus"):
        for step, _, lens, adds in steps:
            assert value_of(table, example_id=example, metric=f"lens_margin_{step}") == pytest.approx(-lens)
            assert value_of(table, example_id=example, metric=f"adds_{step}") == pytest.approx(-adds)
    assert table.loc[table["example_id"] == "tie", "value"].isna().all()


def make_curves() -> pd.DataFrame:
    rows = [
        {**TEXT, "example_id": "e", "unit": unit, "method": method, "fraction": fraction, "n_removed": 1, "n_units": 8,
         "margin_lost": lost}
        for unit, method in (("words", "shap"), ("heads", "shapley"))
        for fraction, lost in ((0.0, 0.0), (0.125, 0.5), (0.25, 0.75), (1.0, np.nan))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_removal_names_the_share_and_the_unit() -> None:
    table = measure_removal(make_curves())
    assert list(table.columns) == COLUMNS
    assert set(table["metric"]) == {"margin_lost_at_12.5", "margin_lost_at_25", "margin_lost_at_100"}
    assert set(table["method_a"]) == {"words:shap", "heads:shapley"}
    assert (table["method_b"] == "").all()
    assert value_of(table, metric="margin_lost_at_12.5", method_a="heads:shapley") == 0.5
    assert np.isnan(value_of(table, metric="margin_lost_at_100", method_a="words:shap"))


def test_two_values_at_one_share_are_an_error() -> None:
    curves = make_curves()
    with pytest.raises(ValueError, match=r"two values of margin_lost_at_12\.5 for words:shap \(d, m, 0, e\)"):
        measure_removal(pd.concat([curves, curves.iloc[[1]]]))


def test_empty_tables_have_no_measurements() -> None:
    assert list(measure_removal(make_curves().iloc[:0]).columns) == COLUMNS
    assert measure_head_agreement(make_heads().iloc[:0]).empty
    layers = pd.DataFrame(columns=[*TEXT, "example_id", "step", "order", "lens_margin", "contribution"])
    assert list(measure_layers(layers).columns) == COLUMNS
