"""Evaluations needed for an error: power laws with known crossings, bounds where nothing was measured, ratios."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from study.metrics.convergence import COLUMNS, OURS, evaluations_for, measure_needs

STEPS = (100, 200, 400, 800)


def make_table(curves: dict[str, list[float]], *, target: str = "shapley", dataset: str = "d") -> pd.DataFrame:
    """Two texts of two repeats whose errors lie around the means given [step]."""
    around = [0.4, 0.4, 0.4, 2.8]  # a mean of 1, a median far from it
    return pd.DataFrame(
        [
            {"dataset": dataset, "model": "m", "seed": 0, "example_id": f"t{k // 2}", "n_words": 18, "target": target}
            | {"sampler": name, "evaluations": step, "n_evals": step, "repeat": k % 2, "error": mean * share}
            for name, means in curves.items()
            for step, mean in zip(STEPS, means, strict=True)
            for k, share in enumerate(around)
        ]
    )


def power(constant: float, exponent: float = 1.0) -> list[float]:
    return [constant / step**exponent for step in STEPS]


def need(needs: pd.DataFrame, sampler: str, error: float) -> pd.Series:
    rows = needs[(needs["sampler"] == sampler) & (needs["error"] == error)]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_crossing_of_a_power_law_is_exact(exponent):
    errors = np.array(power(0.02 * 300**exponent, exponent))  # 2 % at 300 evaluations
    found, at_fewest = evaluations_for(0.02, np.array(STEPS, dtype=float), errors)
    assert found == pytest.approx(300)
    assert not at_fewest


@pytest.mark.parametrize(
    ("errors", "expected", "at_fewest"),
    [
        ([0.3, 0.2, 0.1, 0.05], math.nan, False),  # never: not extrapolated
        ([0.3, 0.2, 0.1, 0.02], math.nan, False),  # 2 % is not below 2 %
        ([0.01, 0.01, 0.01, 0.01], 100, True),  # already below: an upper bound
        ([0.04, 0.01, 0.04, 0.01], 400 * 2**0.5, False),  # below for good only after the bump
        ([0.01, 0.01, 0.01, 0.03], math.nan, False),  # above again at the end
        ([0.04, 0.0, 0.0, 0.0], 100, False),  # an exact fit has no logarithm
    ],
)
def test_evaluations_where_the_curve_stays_below(errors, expected, at_fewest):
    found = evaluations_for(0.02, np.array(STEPS, dtype=float), np.array(errors))
    assert found == (pytest.approx(expected, rel=0.01, nan_ok=True), at_fewest)


def test_no_step_is_no_number():
    assert math.isnan(evaluations_for(0.02, np.array([]), np.array([]))[0])


def test_needs_and_ratio_to_the_best_library_sampler():
    needs = measure_needs(make_table({OURS: power(4.0), "good": power(12.0), "bad": power(15.0)}))
    assert tuple(needs.columns) == COLUMNS
    assert len(needs) == 3 * 3
    assert need(needs, OURS, 0.02)["evaluations"] == pytest.approx(200)
    assert need(needs, "good", 0.02)["evaluations"] == pytest.approx(600)
    assert [need(needs, name, 0.02)["ratio"] for name in (OURS, "good", "bad")] == pytest.approx([1 / 3, 1, 1.25])
    assert need(needs, OURS, 0.02)["ratio_at_most"] == pytest.approx(1 / 3)


def test_mean_is_over_texts_and_repeats_not_a_median():
    table = make_table({OURS: [0.3, 0.2, 0.1, 0.01]})
    needs = measure_needs(table)
    assert need(needs, OURS, 0.05)["evaluations"] == pytest.approx(400 * 2 ** (np.log(0.1 / 0.05) / np.log(0.1 / 0.01)))
    table.loc[table["evaluations"] == 800, "error"] += [0.08, 0.0, 0.0, 0.0]  # a mean of 0.03
    needs = measure_needs(table)
    assert need(needs, OURS, 0.05)["evaluations"] == pytest.approx(400 * 2 ** (np.log(0.1 / 0.05) / np.log(0.1 / 0.03)))
    assert math.isnan(need(needs, OURS, 0.02)["evaluations"])


def test_undefined_errors_are_left_out_of_the_mean():
    table = make_table({OURS: [0.3, 0.2, 0.1, 0.025]})
    table.loc[table["evaluations"] == 800, "error"] = [0.01, 0.03, math.nan, math.nan]  # a mean of 0.02
    found = need(measure_needs(table), OURS, 0.05)["evaluations"]
    assert found == pytest.approx(400 * 2 ** (np.log(0.1 / 0.05) / np.log(0.1 / 0.02)))
    table["error"] = math.nan
    assert measure_needs(table)["evaluations"].isna().all()


def test_ratio_is_only_bounded_where_a_number_is():
    ours_only = measure_needs(make_table({OURS: power(4.0), "good": power(40.0)}))
    assert math.isnan(need(ours_only, OURS, 0.02)["ratio"])
    assert need(ours_only, OURS, 0.02)["ratio_at_most"] == pytest.approx(200 / 800)  # the most that was tried
    early = measure_needs(make_table({OURS: power(0.5), "good": power(6.0)}))
    assert early[early["sampler"] == OURS]["at_fewest"].tolist() == [True, True, True]
    assert math.isnan(need(early, OURS, 0.02)["ratio"])
    assert need(early, OURS, 0.02)["ratio_at_most"] == pytest.approx(100 / 300)
    both = measure_needs(make_table({OURS: power(0.5), "good": power(0.6)}))
    assert both[["ratio", "ratio_at_most"]].isna().all(axis=None)


def test_no_ratio_and_no_bound_without_a_library_sampler():
    alone = measure_needs(make_table({OURS: power(4.0)}))
    assert need(alone, OURS, 0.02)["evaluations"] == pytest.approx(200)
    assert alone[["ratio", "ratio_at_most"]].isna().all(axis=None)
    table = make_table({OURS: power(4.0), "good": power(40.0)})
    table.loc[table["sampler"] == "good", "error"] = math.nan  # measured, never defined
    assert measure_needs(table)[["ratio", "ratio_at_most"]].isna().all(axis=None)


def test_bound_is_against_what_the_library_samplers_were_given():
    table = make_table({OURS: power(4.0), "good": power(40.0)})
    table = table[(table["sampler"] == OURS) | (table["evaluations"] < 800)]
    assert need(measure_needs(table), OURS, 0.02)["ratio_at_most"] == pytest.approx(200 / 400)


def test_games_and_targets_are_kept_apart():
    table = pd.concat(
        [
            make_table({OURS: power(4.0), "good": power(12.0)}),
            make_table({OURS: power(8.0), "good": power(4.0)}, dataset="other"),
            make_table({"lime": power(2.0)}, target="lime"),
        ]
    )
    needs = measure_needs(table)
    assert need(needs[needs["dataset"] == "d"], OURS, 0.02)["ratio"] == pytest.approx(1 / 3)
    assert need(needs[needs["dataset"] == "other"], OURS, 0.02)["ratio"] == pytest.approx(2)
    lime = need(needs, "lime", 0.01)
    assert (lime["target"], lime["evaluations"]) == ("lime", pytest.approx(200))
    assert math.isnan(lime["ratio"])
    assert math.isnan(lime["ratio_at_most"])


def test_nothing_measured_gives_an_empty_table():
    empty = measure_needs(make_table({}).reindex(columns=["dataset", "model", "n_words", "target", "sampler"]))
    assert tuple(empty.columns) == COLUMNS
    assert empty.empty
