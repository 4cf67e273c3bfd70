"""What supports the predicted class most, by an explanation's own account: the order in which words or heads go."""

from __future__ import annotations

import numpy as np

from study.records import UNSIGNED_HEAD_METHODS, UNSIGNED_METHODS, FloatArray


def support_of(scores: FloatArray, method: str, margin: float) -> FloatArray:
    """sign(margin) x score [player]: a margin explained upwards counts downwards where the other class is predicted.

    Methods without a sign support by size.
    """
    unsigned = method in UNSIGNED_METHODS or method in UNSIGNED_HEAD_METHODS
    return np.abs(scores) if unsigned else np.sign(margin) * scores


def order_by_support(scores: FloatArray, method: str, margin: float) -> list[int]:
    """The places of scores [player] from most to least support for the predicted class; NaN left out, ties in order."""
    order = np.argsort(-support_of(scores, method, margin), kind="stable")
    return [int(i) for i in order if not np.isnan(scores[i])]
