"""Sizes of effects in units of how much examples differ."""

from __future__ import annotations

import math

import numpy as np

from study.records import FloatArray
from study.stats.intervals import complete_examples

LEAST_SPREAD = 1e-12  # of the values' size: below it examples differ by rounding alone


def paired_d(differences: FloatArray) -> float:
    """Cohen's d_z of paired differences [seed example]: mean over examples / standard deviation over examples (SD).

    Each example counts once, by its mean over seeds; complete examples only. NaN for fewer than two examples, and where
    all examples differ by the same amount, so that the standard deviation is zero but for rounding.

    Source: Cohen 1988, section 2.3.5; Lakens 2013, equation 6.
    """
    differences = np.asarray(differences, dtype=np.float64)
    complete = differences[:, complete_examples(differences)]
    if complete.shape[1] < 2 or complete.size == 0:
        return math.nan
    example_mean = complete.mean(axis=0)
    deviation = float(example_mean.std(ddof=1))
    if deviation <= LEAST_SPREAD * float(np.abs(complete).max()):
        return math.nan
    return float(example_mean.mean()) / deviation
