"""Where the spread of a number comes from: the training seed, the text, both together, or the explainer's own luck."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.records import FloatArray
from study.stats import variance_components
from study.stats.variance import SOURCES

COLUMNS = [
    "dataset", "model", "metric", "method_a", "method_b", "source", "variance", "share", "is_cut",
    "n_seeds", "n_examples", "n_repeats", "n_undefined",
]  # fmt: skip
_KEY = ["dataset", "model", "metric", "method_a", "method_b"]


def split_variance(repeats: pd.DataFrame) -> pd.DataFrame:
    """Variance of every metric by its source, four rows each, for each data set, model and pair of methods.

    A method against its own repeats is left out: its values share repeats, so the explainer's part could not be told.
    variance: of one value, in the metric's unit squared; NaN where the design cannot tell (training seed with one seed,
    explainer seed with one repeat). share: of the sum of the four. is_cut: the estimate was below zero and counts as
    zero, so the source is too small to be seen here. Texts that are undefined in a seed or repeat are left out;
    n_undefined counts them.

    repeats: the joined table of that name. Raises: ValueError for two values of one seed, text and repeat.
    Source: `study.stats.variance`.
    """
    rows: list[tuple[object, ...]] = []
    shares_repeats = (repeats["metric"] == "spearman") & (repeats["method_a"] == repeats["method_b"])
    for key, group in repeats[~shares_repeats].groupby(_KEY, sort=False):
        values = _values(group)
        split = variance_components(values)
        counts = (split.n_seeds, split.n_examples, split.n_repeats, values.shape[1] - split.n_examples)
        parts = zip(SOURCES, split.variance, split.share, split.is_cut, strict=True)
        rows += [(*key, *part, *counts) for part in parts]
    return pd.DataFrame(rows, columns=COLUMNS)


def _values(group: pd.DataFrame) -> FloatArray:
    """[seed example repeat], NaN where there is no row."""
    codes = [pd.factorize(group[column], sort=True) for column in ("seed", "example_id", "repeat")]
    values = np.full([len(names) for _, names in codes], np.nan)
    at = tuple(code for code, _ in codes)
    if len(np.unique(np.ravel_multi_index(at, values.shape))) < len(group):
        row = group.iloc[0]
        raise ValueError(f"two values of one seed, text and repeat: {row['metric']} of {row['method_a']}")
    values[at] = group["value"].to_numpy(dtype=np.float64)
    return values
