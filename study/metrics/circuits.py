"""How small a circuit each head method finds: areas over circuit sizes, one value a text, as measurements.

A text's own ratio f = (m(kept) - m(none)) / (m(all) - m(none)) has heavy tails: where the heads hardly move the margin
it is divided by next to nothing. MIB divides the data set's mean margins instead. So here every text's area, in
logits, is divided by the cell's mean of m(all) - m(none): the mean over texts of `circuit_performance_score` then is
the CPR of the data set's mean margins, and no text can blow up. The ratios text by text stand in `circuit_curves`.
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
    margins. Both in units of the mean over the cell's texts of m(all) - m(none); NaN where that is below NEGLIGIBLE
    max(1, mean m(all)), and for a text that no class is predicted for. Random scores are the floor, no constant is.

    curves: the table `circuit_curves`. Raises: ValueError for a curve with sizes missing or twice.
    Source: MIB, Mueller et al. 2025, section 3.2.
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
        found["value"] = np.where(found["order"] == "support", gained, distant) / _moved(found["example_id"], margins)
        parts.append(found.rename(columns={"method": "method_a"})[COLUMNS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def areas(margins: FloatArray) -> tuple[FloatArray, FloatArray]:
    """([curve], [curve]): of m - m(none) and of |m(all) - m|, margins [curve size]; trapezoid rule on [0, 1]."""
    step = 1.0 / (margins.shape[1] - 1)
    gained = np.trapezoid(margins - margins[:, :1], dx=step, axis=1)
    return gained, np.trapezoid(np.abs(margins[:, -1:] - margins), dx=step, axis=1)


def _moved(example_id: pd.Series, margins: FloatArray) -> float:
    """Mean over the texts of a cell of m(all) - m(none); NaN where it is negligible or negative."""
    first = ~example_id.duplicated().to_numpy()  # both ends are the same whatever the method
    none, whole = margins[first, 0], margins[first, -1]
    if np.isnan(whole).all():
        return np.nan
    moved = float(np.nanmean(whole - none))
    return moved if moved >= NEGLIGIBLE * max(1.0, float(np.nanmean(whole))) else np.nan
