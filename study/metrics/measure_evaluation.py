"""From the tables of the evaluate stage to measurements: one row per metric, method and text."""

from __future__ import annotations

import re

import pandas as pd

from study.metrics import FAITHFULNESS
from study.metrics.compare import CELL, COLUMNS


def measure_faithfulness_rows(faithfulness: pd.DataFrame, removal: str) -> pd.DataFrame:
    """Metric `<metric>_<removed_by>` of every method; method_b is empty.

    faithfulness: the table of that name. removal: the study's own operator; a method that explained under another one
    is `<method>@<operator>`.

    Raises: ValueError when a method has two values of one metric on a text.
    """
    method, asked = faithfulness["method"].astype(str), faithfulness["explained_under"].astype(str)
    found = faithfulness.assign(
        metric=faithfulness["metric"].astype(str) + "_" + faithfulness["removed_by"].astype(str),
        method_a=method.where(asked == removal, method + "@" + asked),
        method_b="",
        value=faithfulness["value"].astype(float),
    )[COLUMNS]
    twice = found.duplicated(COLUMNS[:-1])
    if twice.any():
        row = found[twice].iloc[0]
        where = ", ".join(str(row[column]) for column in (*CELL, "example_id"))
        raise ValueError(f"two values of {row['metric']} for {row['method_a']} ({where})")
    return found.reset_index(drop=True)


def faithfulness_bounds(metric: str) -> tuple[float, float] | None:
    """Lowest and highest possible value of a measurement `<metric>_<removed_by>`; None for any other measurement."""
    match = re.fullmatch(rf"({'|'.join(FAITHFULNESS)})_[^_]+", metric)
    bounds: tuple[float, float] | None = FAITHFULNESS.load(match[1]).bounds if match else None
    return bounds
