"""The sections with tables: every trend, and every point."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Section
from study.report.numbers import count, number, signed, with_interval
from study.report.sweep.inputs import AGREEMENT, AXES, FAITHFUL, HEADS_NEEDED, SweepTables
from study.report.tables import make_table

_POINT = ["dataset", "model", "seed", "removal", "budget"]


def trends_section(sweep: SweepTables) -> Section | None:
    """Every pooled trend; those of single combinations are in the file."""
    parts = [sweep.pooled(d.name, axis) for d in sweep.config.datasets for axis in AXES]
    rows = pd.concat(parts, ignore_index=True)
    if rows.empty:
        return None
    frame = pd.DataFrame(
        {
            "dataset": rows["dataset"],
            "axis": rows["axis"],
            "models": rows["models"],
            "removal": rows["removal"],
            "metric": [
                _metric(*names) for names in zip(rows["metric"], rows["method_a"], rows["method_b"], strict=True)
            ],
            "first": [count(float(v)) for v in rows["first"]],
            "last": [count(float(v)) for v in rows["last"]],
            "at_first": [number(float(v), 3) for v in rows["at_first"]],
            "at_last": [number(float(v), 3) for v in rows["at_last"]],
            "slope": [signed(float(v), 3) for v in rows["slope"]],
            "interval": [
                with_interval(np.nan, float(low), float(high), 3).removeprefix("–").strip()
                for low, high in zip(rows["low"], rows["high"], strict=True)
            ],
            "texts": [count(float(v)) for v in rows["n_examples"]],
            "seeds": [count(float(v)) for v in rows["n_seeds"]],
            "undefined": [count(float(v)) for v in rows["n_undefined"]],
        }
    )
    if len(sweep.config.datasets) == 1:
        frame = frame.drop(columns="dataset")
    table = make_table(
        frame,
        {},
        anchor="table-trends",
        title="Change of every metric along every axis, everything else equal",
        note=(
            "slope: change per doubling; for removal operators the difference. Own and other: the operator that tests "
            f"the explanation. {sweep.level} intervals. All combinations one by one: tables/trends.csv."
        ),
        headers={"at_first": "mean at first", "at_last": "mean at last", "removal": "operator"},
        left=("axis", "models", "removal"),
        wide=True,
    )
    return Section(name="trends", title="Every trend", short="Trends", blocks=(table,))


def points_section(sweep: SweepTables) -> Section:
    """Every point: where it stands, what came of it, what it took."""
    outcomes = {"Spearman": AGREEMENT, "faithfulness": FAITHFUL[0], "heads": HEADS_NEEDED}
    points = sweep.points.set_index(_POINT)
    for name, outcome in outcomes.items():
        points[name] = outcome.rows(sweep.measurements).groupby(_POINT)["value"].mean()
    points["seconds"] = sweep.cost.groupby(_POINT)["seconds"].sum()
    frame = points.reset_index()[
        [*_POINT, "n_layers", "n_heads", "d_model", "d_mlp", "state", "accuracy", *outcomes, "seconds"]
    ]
    three = {name: lambda v: number(float(v), 3) for name in ("accuracy", "Spearman", "faithfulness")}
    table = make_table(
        frame,
        three | {"heads": lambda v: number(float(v), 1), "seconds": lambda v: number(float(v), 1)},
        anchor="table-points",
        title="All points of the sweep",
        note=(
            "Means over the texts of one point. faithfulness: of SHAP, normalised comprehensiveness; heads: effective "
            "number by head Shapley; seconds: of SHAP, LIME and head subsets, which differ from machine to machine."
        ),
        headers={"n_layers": "layers", "n_heads": "heads a layer", "d_model": "width", "d_mlp": "MLP"},
        left=("removal", "state"),
        wide=True,
    )
    return Section(name="points", title="All points", short="Points", blocks=(table,))


def _metric(metric: str, method_a: str, method_b: str) -> str:
    methods = ", ".join(name.replace("_", " ") for name in (method_a, method_b) if name)
    return metric.replace("_", " ") + (f" ({methods})" if methods else "")
