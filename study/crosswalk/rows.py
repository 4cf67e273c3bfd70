"""What a word's score hides: over how many components it is spread, and how much of it cancels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from study.records import FloatArray


def effective_components(cells: FloatArray) -> FloatArray:
    """[word]: the number of equally large components that would spread the word's effect as much.

    exp(entropy) of the shares |cell| / sum |cell|, from 1 to the number of components. NaN where a row is
    zero (nothing to spread) or NaN (word beyond the model's length). Source: Hill 1973, order 1.
    """
    size = np.abs(cells)
    total = size.sum(axis=1, keepdims=True)
    share = np.divide(size, total, out=np.full(size.shape, np.nan), where=total > 0)
    log_share = np.log(share, out=np.zeros_like(share), where=~(share <= 0))  # 0 log 0 = 0; NaN stays NaN
    entropy = -(share * log_share).sum(axis=1)
    return np.exp(entropy)


def cancellation(cells: FloatArray, base: float, output: float) -> FloatArray:
    """[word]: kappa = sum |cell| / (|sum cell| + eps), about 1 when components pull one way, large when they cancel.

    eps = 0.01 max(1, |output - base|) keeps words without effect finite (they tend to 0). base and output
    are v(empty) and v(all words), logits. NaN rows stay NaN.
    """
    epsilon = 0.01 * max(1.0, abs(output - base))
    return np.abs(cells).sum(axis=1) / (np.abs(cells.sum(axis=1)) + epsilon)


def _spread(cells: FloatArray, base: float, output: float) -> FloatArray:  # noqa: ARG001 - one signature for all
    return effective_components(cells)


LEAVE_ONE_OUT = "leave_one_out"  # method of the rows that tell what a word's score loses without one head; no split
RowMetric = Callable[[FloatArray, float, float], FloatArray]  # (cells, base, output) -> [word]
ROW_METRICS: Mapping[str, RowMetric] = {"effective_components": _spread, "cancellation": cancellation}
