"""How small a circuit each head method finds: areas over circuit sizes, one value a text, as measurements.

A text's own ratio f = (m(kept) - m(none)) / (m(all) - m(none)) has heavy tails: where the heads hardly move the margin
it is divided by next to nothing. MIB divides the data set's mean margins instead: R = mean area / mean moved, area in
logits and moved = m(all) - m(none). A text's value here is R linearised: R + (area - R moved) / mean moved. So the mean
over texts is the data set's R, their spread that of a ratio in which both means vary, and no text can blow up. Areas
over the mean alone would spread as the texts' margins do, however alike their ratios are. Those stand, text by text, in
`circuit_curves`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.metrics.compare import CELL, COLUMNS
from study.records import FloatArray

PERFORMANCE, DISTANCE = "circuit_performance_score", "circuit_distance_error"
ORDERS = {"support": PERFORMANCE, "size": DISTANCE}  # how heads were ordered, and the metric that is read off
NEGLIGIBLE = 0.01  # of max(1, mean margin): a cell whose heads move the margin less has no circuits to compare


def measure_circuits(curves: pd.DataFrame) -> pd.DataFrame:
    """CPR and CMD of every head method on every text; method_a is the method. Margins are of the predicted class.

    `circuit_performance_score` (higher is better, no bounds): area of m(kept) - m(none) over the shares of heads kept,
    those first that support the predicted class most. Above 1 where heads that push the other way are left out.
    `circuit_distance_error` (lower is better, from 0): area of |m(all) - m(kept)|, largest scores first. A text counts
    its own distance, so that too much on one does not make up for too little on another: at least the CMD of the mean
    margins. Both in units of the mean over the cell's texts of m(all) - m(none), and linearised per text: the mean over
    texts is the data set's, the spread that of the ratio, and one text's value may leave the bounds. Over some of the
    texts only (those predicted wrong), the mean leans to the cell's. NaN where the unit is below NEGLIGIBLE
    max(1, mean m(all)), and for a text that no class is predicted for. Random scores are the floor, no constant is.

    curves: the table `circuit_curves`. Raises: ValueError for a curve with sizes missing or twice.
    Source: MIB, Mueller et al. 2025, section 3.2; Cochran 1977, section 6.3 (variance of a ratio of means).
    """
    key = ["example_id", "method", "order"]
    parts = []
    for cell, rows in curves.groupby(CELL, sort=False):
        ordered = rows.sort_values([*key, "n_kept"], kind="stable")
        n_sizes = int(rows["n_heads"].iloc[0]) + 1
        if not np.array_equal(ordered["n_kept"], np.tile(np.arange(n_sizes), len(rows) // n_sizes)):
            raise ValueError(f"a circuit curve of {cell} has not one margin for each of its {n_sizes} sizes")
        margins = ordered["margin"].to_numpy(dtype=np.float64).reshape(-1, n_sizes)
        found = ordered[[*CELL, *key]].iloc[::n_sizes].assign(metric=lambda f: f["order"].map(ORDERS), method_b="")
        gained, distant = areas(margins)
        area = np.where(found["order"] == "support", gained, distant)
        value = np.empty(len(found))
        for own in found.groupby(["method", "order"], sort=False).indices.values():
            value[own] = linearised_ratio(area[own], margins[own, 0], margins[own, -1])
        found["value"] = value
        parts.append(found.rename(columns={"method": "method_a"})[COLUMNS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def areas(margins: FloatArray) -> tuple[FloatArray, FloatArray]:
    """([curve], [curve]): of m - m(none) and of |m(all) - m|, margins [curve size]; trapezoid rule on [0, 1]."""
    step = 1.0 / (margins.shape[1] - 1)
    gained = np.trapezoid(margins - margins[:, :1], dx=step, axis=1)
    return gained, np.trapezoid(np.abs(margins[:, -1:] - margins), dx=step, axis=1)


def linearised_ratio(area: FloatArray, none: FloatArray, whole: FloatArray) -> FloatArray:
    """[text]: what each brings to R = mean area / mean(whole - none), which is their mean.

    none, whole: [text], margins without and with all heads. A text without one is NaN and counts nowhere; all are NaN
    where the mean of whole - none is negligible or negative.
    """
    moved = whole - none
    known = np.isfinite(area) & np.isfinite(moved)
    mean = float(moved[known].mean()) if known.any() else np.nan
    if not known.any() or mean < NEGLIGIBLE * max(1.0, float(whole[known].mean())):
        return np.full(len(area), np.nan)
    ratio = float(area[known].mean()) / mean
    return ratio + (area - ratio * moved) / mean
