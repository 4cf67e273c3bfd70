"""Faithfulness as measurements: names of metrics and methods, and the bounds that cut intervals."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from study.metrics import FAITHFULNESS
from study.metrics.compare import COLUMNS
from study.metrics.estimates import estimate
from study.metrics.measure_evaluation import faithfulness_bounds, measure_faithfulness_rows
from tests.metrics.tables import make_measurements, make_texts

KEY = {"dataset": "d", "model": "m", "seed": 0, "example_id": "e"}


def table(*rows):
    columns = ("method", "explained_under", "removed_by", "metric", "value")
    return pd.DataFrame([KEY | dict(zip(columns, row, strict=True)) for row in rows])


def test_rows_name_metric_operator_and_how_it_was_explained():
    found = measure_faithfulness_rows(
        table(
            ("lime", "mask", "mask", "comprehensiveness_score", 1.5),
            ("lime", "mask", "delete", "comprehensiveness_score", 1.0),
            ("lime", "delete", "delete", "comprehensiveness_score", math.nan),
        ),
        "mask",
    )
    assert list(found.columns) == COLUMNS
    assert found["metric"].tolist() == [f"comprehensiveness_score_{r}" for r in ("mask", "delete", "delete")]
    assert found["method_a"].tolist() == ["lime", "lime", "lime@delete"]
    assert set(found["method_b"]) == {""}
    assert found["value"].tolist()[:2] == [1.5, 1.0]
    assert math.isnan(found["value"].iloc[2])


def test_no_rows_and_two_values():
    assert list(measure_faithfulness_rows(table(("a", "mask", "mask", "x", 1.0)).iloc[:0], "mask").columns) == COLUMNS
    twice = table(*[("lime", "mask", "delete", "infidelity_error", v) for v in (1.0, 2.0)])
    with pytest.raises(ValueError, match="two values of infidelity_error_delete for lime \\(d, m, 0, e\\)"):
        measure_faithfulness_rows(twice, "mask")


def test_bounds_are_those_of_the_metric():
    for name in FAITHFULNESS:
        assert faithfulness_bounds(f"{name}_resample") == FAITHFULNESS.load(name).bounds
        assert faithfulness_bounds(name) is None
    assert faithfulness_bounds("spearman") is None


def test_intervals_stay_within_the_bounds():
    values = {(seed, f"e{i}"): value for seed in (0, 1) for i, value in enumerate((0.0, 1.0, 1.0))}
    texts = make_texts(dict.fromkeys(values, "pos"))
    bounded = estimate(make_measurements(values, "sufficiency_normalised_error_delete"), texts, 0.95)
    free = estimate(make_measurements(values, "sufficiency_error_delete"), texts, 0.95)
    bounded, free = (rows.set_index("subset").loc["all"] for rows in (bounded, free))
    assert free["low"] < 0 < 1 < free["high"]
    assert (bounded["low"], bounded["high"]) == (0, 1)
