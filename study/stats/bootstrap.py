"""The pigeonhole bootstrap: seeds and examples are resampled independently, as they were drawn."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr  # the normal distribution function

from study.records import FloatArray
from study.stats.intervals import Interval, complete_examples, crossed_mean

N_RESAMPLES = 2_000
BLOCK = 500  # resamples at a time: larger blocks leave the cache and take four times as long


def pigeonhole_interval(
    values: FloatArray, level: float, rng: np.random.Generator, *, n_resamples: int = N_RESAMPLES
) -> Interval:
    """Mean of values [seed example] over complete examples, with a bootstrap interval for new seeds and new examples.

    An expanded percentile interval. Plain percentiles act as if the variance were known, and resampling n items gives
    (n - 1) / n of their variance: with 10 seeds that differ, plain 95 % intervals covered 90 to 92 % when simulated.
    So the quantiles are taken further out, at the number of standard deviations where the t interval of
    `crossed_interval` ends. Conservative where neither seeds nor examples differ, since the rest then enters three
    times (Owen 2007, theorem 2). One seed or one example: that one is always drawn. One number or none: the bounds are
    NaN. What it covers: study/stats/coverage.py.

    Source: Owen 2007; Hesterberg 2015, section 5.3 (expanded percentiles).
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[:, complete_examples(values)]
    closed = crossed_mean(values)
    if values.size < 2:
        return closed.mean, math.nan, math.nan
    means = resampled_means(values, rng, n_resamples)
    error, deviation = math.sqrt(closed.variance), float(means.std())
    if error == 0 or deviation == 0:  # nothing varies
        return closed.interval(level)
    half = closed.interval(level)[2] - closed.mean
    reach = half / min(error, deviation)  # in standard deviations; t, more where resampling varies too little
    low, high = np.quantile(means, [ndtr(-reach), ndtr(reach)])
    return closed.mean, float(low), float(high)


def resampled_means(values: FloatArray, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> FloatArray:
    """[resample]: mean of values [seed example] over seeds and examples drawn with replacement, independently.

    A seed drawn twice counts twice for every example, so weights replace the drawing. Source: Owen 2007, section 3.
    """
    n_seeds, n_examples = values.shape
    means = np.empty(n_resamples)
    for start in range(0, n_resamples, BLOCK):
        block = means[start : start + BLOCK]
        seed_weight = _weights(n_seeds, rng, len(block))
        example_weight = _weights(n_examples, rng, len(block))
        np.einsum("re,re->r", seed_weight @ values, example_weight, out=block)
    return means


def _weights(n: int, rng: np.random.Generator, n_resamples: int) -> FloatArray:
    """[resample item]: how often each of n items is drawn in n draws, divided by n."""
    drawn = rng.integers(0, n, size=(n_resamples, n)) + n * np.arange(n_resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=n_resamples * n)
    weights: FloatArray = counts.reshape(n_resamples, n) / n
    return weights
