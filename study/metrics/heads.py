"""What head methods say of one text, in numbers that do not depend on which head is called L0H0.

Heads are exchangeable within a layer, so a head of one training seed is not that of another: a mean over seeds
is taken of agreements, shares and layers only (METHODS, section 4). All results are rows of `measurements`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from study.metrics.compare import CELL, COLUMNS, compare_pairs, metrics_with_k
from study.records import UNSIGNED_HEAD_METHODS, FloatArray

NEGLIGIBLE = 0.01  # of max(1, |v(N) - v(empty)|): below it a head has neither a write nor an effect to share out
_AGREEMENTS = ("spearman", "spearman_abs")


def measure_head_agreement(heads: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation over the heads of a model for every pair of head methods, text by text.

    Metrics `head_spearman` (NaN for a pair with an unsigned method) and `head_spearman_abs` (of the sizes); NaN
    for a model with one head. heads: the table of that name; pairs come in the order of its methods.
    """
    metrics = [(f"head_{name}", metric, k) for name, metric, k in metrics_with_k(_AGREEMENTS)]
    return compare_pairs(heads, "component", metrics, UNSIGNED_HEAD_METHODS)


def measure_indirectness(heads: pd.DataFrame, components: pd.DataFrame) -> pd.DataFrame:
    """Metric `indirect_share`: how far the credit for an effect parts from what heads write themselves, 0 to 1.

    sum_h |psi_h - d_h| / sum_h (|psi_h| + |d_h|) of a text, psi the heads' Shapley values in the margin and d what
    they write beyond their means on the reference texts. 0 where every head is credited with what it writes, 1
    where heads that write are credited with nothing or the opposite and others with all. NaN where everything is
    negligible. No rows without the methods `shapley_margin` and `direct_centred`.
    """
    rows: list[tuple[object, ...]] = []
    for key, psi, written, span in _paired_texts(heads, components):
        size = np.abs(psi).sum() + np.abs(written).sum()
        known = size >= NEGLIGIBLE * max(1.0, span)
        value = float(np.abs(psi - written).sum() / size) if known else np.nan
        rows.append((*key, "indirect_share", "shapley_margin", "direct_centred", value))
    return pd.DataFrame(rows, columns=COLUMNS)


def measure_layers(layers: pd.DataFrame) -> pd.DataFrame:
    """Where the decision is made: metrics `lens_margin_<step>` and `adds_<step>`, logits, of every text.

    Both are towards the predicted side: times the sign of the last step's lens margin, which is the text's
    margin; NaN where that is 0. lens_margin: the margin read off the stream after the step; adds: what the step
    itself writes to the final margin. layers: the table of that name.
    """
    text = [*CELL, "example_id"]
    last = layers.loc[layers.groupby(text, sort=False)["order"].idxmax(), [*text, "lens_margin"]]
    sides = last.assign(side=np.sign(last["lens_margin"]).replace(0, np.nan))[[*text, "side"]]
    found = layers.merge(sides, on=text, how="left", validate="many_to_one")
    parts = [
        found.assign(metric=f"{name}_" + found["step"], value=found[column] * found["side"])
        for name, column in (("lens_margin", "lens_margin"), ("adds", "contribution"))
    ]
    return pd.concat(parts, ignore_index=True).assign(method_a="", method_b="")[COLUMNS]


def _paired_texts(
    heads: pd.DataFrame, components: pd.DataFrame
) -> Iterator[tuple[tuple[object, ...], FloatArray, FloatArray, float]]:
    """(dataset, model, seed, example_id), psi [head], d [head] and |v(N) - v(empty)| of texts that have both."""
    text = [*CELL, "example_id"]
    change = components["contribution"] - components["empty_contribution"]
    span = components.assign(change=change).groupby(text)["change"].sum().abs()
    psi, written = (
        heads.loc[heads["method"] == method, [*text, "component", "score"]]
        for method in ("shapley_margin", "direct_centred")
    )
    both = psi.merge(written, on=[*text, "component"], suffixes=("", "_written"), validate="one_to_one")
    for key, group in both.groupby(text, sort=False):
        yield key, group["score"].to_numpy(), group["score_written"].to_numpy(), float(span[key])
