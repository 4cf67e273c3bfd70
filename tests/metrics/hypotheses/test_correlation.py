"""Rank correlations and slopes against scipy and by hand; texts left out whole, seeds left out whole."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, rankdata, spearmanr

from study.metrics.hypotheses.correlation import (
    partial_spearman,
    slope,
    spearman,
    strata_of_statistic,
    strata_within_texts,
)
from study.metrics.hypotheses.pooling import estimate_pooled, estimate_stratum
from study.stats import crossed_mean
from tests.metrics.hypotheses.simulated import make_cells, of_texts


def rng():
    return np.random.default_rng(0)


def test_spearman_is_scipys_with_ties():
    columns = rng().integers(0, 6, size=(30, 2)).astype(float)
    assert spearman(columns) == pytest.approx(spearmanr(*columns.T)[0], abs=1e-12)


def test_partial_spearman_is_the_textbook_formula_on_ranks():
    columns = rng().normal(size=(40, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.7], [0.3, 0, 1]])
    ab, ac, bc = (
        np.corrcoef(rankdata(columns[:, i]), rankdata(columns[:, j]))[0, 1] for i, j in ((0, 1), (0, 2), (1, 2))
    )
    wanted = (ab - ac * bc) / math.sqrt((1 - ac**2) * (1 - bc**2))
    assert partial_spearman(columns) == pytest.approx(wanted, abs=1e-12)
    assert abs(wanted - ab) > 0.05  # it is not the plain one
    assert partial_spearman(np.exp(columns)) == pytest.approx(wanted, abs=1e-12)


def test_what_the_third_column_explains_is_gone():
    a, b, third = rng().normal(size=(3, 500))
    columns = np.stack([third + a, third + b, third], axis=1)
    assert spearman(columns) > 0.4
    assert abs(partial_spearman(columns)) < 0.1


def test_a_third_column_that_is_constant_holds_nothing():
    columns = np.column_stack([rng().normal(size=(30, 2)), np.ones(30)])
    assert partial_spearman(columns) == pytest.approx(spearman(columns), abs=1e-12)


def test_slope_is_scipys():
    x, y = rng().normal(size=(2, 20))
    assert slope(np.stack([y, x], axis=1)) == pytest.approx(linregress(x, y).slope, abs=1e-12)


@pytest.mark.parametrize("statistic", [spearman, partial_spearman, slope])
def test_undefined(statistic):
    columns = rng().normal(size=(9, 3))
    assert math.isfinite(statistic(columns))
    assert math.isnan(statistic(columns[:2]))
    constant = columns.copy()
    constant[:, 1] = 0.9
    assert math.isnan(statistic(constant))


def test_partial_is_undefined_where_the_third_column_says_it_all():
    columns = rng().normal(size=(20, 3))
    columns[:, 1] = np.exp(columns[:, 2])
    assert math.isnan(partial_spearman(columns))


def test_pseudo_values_leave_out_a_text_with_all_its_rows():
    """Literally: n theta - (n - 1) theta without the words of the text."""
    n_texts, n_words = 9, 4
    cells = make_cells(n_texts)
    words = cells.loc[cells.index.repeat(n_words)]
    table = of_texts(words, x=rng().normal(size=len(words)), y=rng().normal(size=len(words)) ** 3)
    (stratum,) = strata_of_statistic(table, ["x", "y"], spearman)
    assert stratum.values.shape == (3, n_texts)
    for s, seed in enumerate(stratum.seeds):
        here = table[table["seed"] == seed]
        whole = spearmanr(here["x"], here["y"])[0]
        for i, text in enumerate(stratum.examples):
            rest = here[here["example_id"] != text]
            wanted = n_texts * whole - (n_texts - 1) * spearmanr(rest["x"], rest["y"])[0]
            assert stratum.values[s, i] == pytest.approx(wanted, abs=1e-9)


def test_a_text_undefined_in_one_seed_is_left_out_in_all():
    cells = make_cells(12)
    table = of_texts(cells, x=rng().normal(size=len(cells)), y=rng().normal(size=len(cells)) ** 3)
    whole = strata_of_statistic(table[table["example_id"] != "reviews-0003"], ["x", "y"], spearman)[0]
    holed = table.copy()
    holed.loc[(holed["example_id"] == "reviews-0003") & (holed["seed"] == 1), "x"] = np.nan
    found = strata_of_statistic(holed, ["x", "y"], spearman)[0]
    assert found.n_undefined == 1
    assert found.examples == whole.examples
    assert np.array_equal(found.values, whole.values)


def test_a_seed_in_which_nothing_varies_is_left_out():
    cells = make_cells(12)
    table = of_texts(cells, x=rng().normal(size=len(cells)), y=rng().normal(size=len(cells)) ** 3)
    table.loc[table["seed"] == 1, "x"] = 1.0
    one_differs = table.copy()  # without that text nothing varies: what the seed says hangs on it alone
    one_differs.loc[(table["seed"] == 1) & (table["example_id"] == "reviews-0000"), "x"] = 2.0
    for broken in (table, one_differs):
        found = strata_of_statistic(broken, ["x", "y"], spearman)[0]
        assert found.seeds == (0, 2)
        assert found.values.shape == (2, 12)
        assert found.usable
    table["x"] = 1.0
    found = strata_of_statistic(table, ["x", "y"], spearman)[0]
    assert not found.usable
    assert found.reason == "No training seed with a defined value."


def test_the_effect_is_the_statistic_and_not_the_mean_of_pseudo_values():
    cells = make_cells(12)
    x, noise = rng().normal(size=(2, len(cells)))
    table = of_texts(cells, x=x, y=x + noise**3)
    (found,) = strata_of_statistic(table, ["x", "y"], spearman)
    wanted = [spearmanr(part["x"], part["y"])[0] for _, part in table.groupby("seed")]
    assert found.effects == pytest.approx(wanted, abs=1e-12)
    assert estimate_stratum(found).mean == pytest.approx(np.mean(wanted), abs=1e-12)
    assert estimate_pooled([found]).mean == pytest.approx(np.mean(wanted), abs=1e-12)
    assert abs(found.values.mean() - np.mean(wanted)) > 1e-4
    assert estimate_pooled([found])[1:] == crossed_mean(found.values)[1:]


def test_within_texts_only_what_a_text_says_itself_counts():
    """Between texts x and y rise together, within each they fall; text 3 has two rows, 4 a constant, 5 nothing."""
    cells = make_cells(12)
    words = cells.loc[cells.index.repeat(5)].reset_index(drop=True)
    place = np.arange(len(words)) % 5
    table = of_texts(words, x=10.0 * words["number"] + place, y=10.0 * words["number"] - place)
    table.loc[(words["number"] == 3) & (place > 1), "x"] = np.nan
    table.loc[words["number"] == 4, "y"] = 1.0
    table.loc[words["number"] == 5, "y"] = np.nan
    (found,) = strata_within_texts(table, ["x", "y"], spearman)
    assert found.values == pytest.approx(-np.ones((3, 9)))
    assert found.n_undefined == 3
    assert spearman(table.dropna()[["x", "y"]].to_numpy()) > 0.8


def test_strata_are_data_sets_and_models():
    cells = make_cells(12, datasets=("d", "e"), models=("m", "n"))
    table = of_texts(cells, x=rng().normal(size=len(cells)), y=rng().normal(size=len(cells)) ** 3)
    found = strata_of_statistic(table.sample(frac=1, random_state=0), ["x", "y"], spearman)
    assert {(s.dataset, s.model) for s in found} == {("d", "m"), ("d", "n"), ("e", "m"), ("e", "n")}
    alone = strata_of_statistic(table[(table["dataset"] == "e") & (table["model"] == "n")], ["x", "y"], spearman)[0]
    same = next(s for s in found if (s.dataset, s.model) == ("e", "n"))
    assert np.allclose(same.values, alone.values, rtol=0, atol=1e-9)


def test_no_rows_no_strata():
    empty = pd.DataFrame(columns=["dataset", "model", "seed", "example_id", "x", "y"])
    assert strata_of_statistic(empty, ["x", "y"], spearman) == []
