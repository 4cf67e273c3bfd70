"""Words and heads on one scale: margin lost when the largest share of either is taken out, as measurements."""

from __future__ import annotations

import pandas as pd

from study.metrics.compare import CELL, COLUMNS


def measure_removal(curves: pd.DataFrame) -> pd.DataFrame:
    """Metric `margin_lost_at_<percent>`, logits towards the predicted class, for every method, text and share removed.

    curves: the table `removal_curves`; method_a is `<unit>:<method>` ("words:shap", "heads:shapley"); the start
    of a curve, where nothing is removed, is left out. Percent is written as short as it goes (12.5, 25).

    Raises: ValueError when a curve has two values at one share.
    """
    removed = curves[curves["fraction"] > 0]
    percent = (100 * removed["fraction"]).map("{:.6g}".format)
    found = removed.assign(
        metric="margin_lost_at_" + percent.astype(str),
        method_a=removed["unit"].astype(str) + ":" + removed["method"].astype(str),
        method_b="",
        value=removed["margin_lost"].astype(float),
    )[COLUMNS]
    twice = found.duplicated(COLUMNS[:-1])
    if twice.any():
        row = found[twice].iloc[0]
        where = ", ".join(str(row[column]) for column in (*CELL, "example_id"))
        raise ValueError(f"two values of {row['metric']} for {row['method_a']} ({where})")
    return found.reset_index(drop=True)
