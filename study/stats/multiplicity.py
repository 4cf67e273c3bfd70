"""p-values adjusted for how many questions were asked. NaN (not tested) stays NaN and is no member of the family."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from study.records import FloatArray


def holm(p: ArrayLike) -> FloatArray:
    """Holm's adjusted p-values, in the order of `p`: they bound the chance of any false claim in the family.

    For the confirmatory hypotheses. Valid whatever the dependence between the tests. Source: Holm 1979.
    """
    values, order = _tested(p)
    n = len(order)
    rising = np.maximum.accumulate(values[order] * np.arange(n, 0, -1))
    return _put_back(values, order, rising)


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's adjusted p-values, in the order of `p`: they bound the expected share of false claims.

    For exploratory grids. Valid for independent or positively dependent tests. Source: Benjamini and Hochberg 1995.
    """
    values, order = _tested(p)
    n = len(order)
    stepped = values[order] * n / np.arange(1, n + 1)
    rising = np.minimum.accumulate(stepped[::-1])[::-1]
    return _put_back(values, order, rising)


def _tested(p: ArrayLike) -> tuple[FloatArray, np.ndarray]:
    """The p-values as an array, and where those that are not NaN stand, from the smallest up.

    Raises: ValueError for a value that is no probability.
    """
    values = np.asarray(p, dtype=np.float64)
    wrong = values[(values < 0) | (values > 1)]
    if len(wrong):
        raise ValueError(f"a p-value lies between 0 and 1, not at {wrong[0]:g}")
    order = np.argsort(values, kind="stable")  # NaN comes last
    return values, order[: int(np.isfinite(values).sum())]


def _put_back(values: FloatArray, order: np.ndarray, adjusted: FloatArray) -> FloatArray:
    result = np.full_like(values, np.nan)
    result[order] = np.minimum(adjusted, 1.0)
    return result
