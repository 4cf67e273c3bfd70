"""Intervals for what the study reports. Knows numbers only, no model and no table.

Every interval is for a mean over examples, and over training seeds where there are several. The same
examples are explained in every seed, so the two are crossed: neither seeds nor examples may be counted
as if each number were independent.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats as distributions
from scipy.special import stdtrit  # quantiles of the t distribution, without the checks of scipy.stats

from study.records import BoolArray, FloatArray

Interval = tuple[float, float, float]  # estimate, low, high


def complete_examples(values: FloatArray) -> BoolArray:
    """[example]: True where values [seed example] are defined in every seed.

    An example that is undefined in one seed is left out in all, so that each seed is judged on the same
    examples; callers report how many were left out.
    """
    undefined: BoolArray = np.logical_or.reduce(np.isnan(values), axis=0)
    return ~undefined


def crossed_interval(values: FloatArray, level: float) -> Interval:
    """Mean of values [seed example] over complete examples, with a t interval for new seeds and new examples.

    Two-way random effects without replication: y = mean + seed + example + rest, so
    Var(mean) = (MS_seed + MS_example - MS_rest) / (seeds examples), with Satterthwaite's degrees of freedom.
    A negative variance component counts as zero, which leaves the larger mean square; the degrees of
    freedom are never taken below those of the smaller factor, the least they can be. One seed: examples
    only (the interval is then for that model, not for new seeds); one example: seeds only; one number or
    none: the bounds are NaN. Simulated with 3 seeds and 60 examples, 95 % intervals cover 92 to 97 %, least
    where seeds vary as much as examples (tests/test_stats.py).

    Source: Searle, Casella and McCulloch 1992, chapter 4; Satterthwaite 1946.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[:, complete_examples(values)]
    if values.size == 0:
        return math.nan, math.nan, math.nan
    estimate = float(values.mean())
    if values.size == 1:
        return estimate, math.nan, math.nan
    variance, freedom = _one_way(values.ravel()) if 1 in values.shape else _two_way(values)
    half = float(stdtrit(freedom, 0.5 + level / 2)) * math.sqrt(variance)
    return estimate, estimate - half, estimate + half


def mean_interval(mean: float, deviation: float, n: int, level: float) -> tuple[float, float]:
    """(low, high): t interval of a mean of n independent values with this standard deviation; NaN for n below 2."""
    if n < 2:
        return math.nan, math.nan
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * deviation / math.sqrt(n)
    return mean - half, mean + half


def _one_way(values: FloatArray) -> tuple[float, float]:
    """Variance of the mean of independent values, and its degrees of freedom."""
    return float(values.var(ddof=1)) / values.size, values.size - 1


def _two_way(values: FloatArray) -> tuple[float, float]:
    """Variance of the grand mean of values [seed example], and its degrees of freedom."""
    n_seeds, n_examples = values.shape
    seed_mean, example_mean, mean = values.mean(axis=1), values.mean(axis=0), values.mean()
    freedom_seed, freedom_example = n_seeds - 1, n_examples - 1
    freedom_rest = freedom_seed * freedom_example
    ms_seed = n_examples * ((seed_mean - mean) ** 2).sum() / freedom_seed
    ms_example = n_seeds * ((example_mean - mean) ** 2).sum() / freedom_example
    rest = values - seed_mean[:, None] - example_mean[None, :] + mean
    ms_rest = (rest**2).sum() / freedom_rest
    total = ms_seed + ms_example - ms_rest
    if total <= max(ms_seed, ms_example):  # a component estimated below zero
        total, freedom = max((ms_seed, freedom_seed), (ms_example, freedom_example))
        return float(total) / values.size, float(freedom)
    spread = ms_seed**2 / freedom_seed + ms_example**2 / freedom_example + ms_rest**2 / freedom_rest
    freedom = max(total**2 / spread, min(freedom_seed, freedom_example))
    return float(total) / values.size, float(freedom)


def wilson_interval(successes: float, n: int, level: float) -> Interval:
    """A proportion with its Wilson score interval: for one model's accuracy, over new examples only.

    successes: a whole number, or its mean over several looks at the same examples. NaN for n = 0. Source: Wilson 1927.
    """
    if n == 0:
        return math.nan, math.nan, math.nan
    share = successes / n
    z = float(distributions.norm.ppf(0.5 + level / 2))
    scale = 1 + z**2 / n
    centre = (share + z**2 / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, max(0.0, centre - half), min(1.0, centre + half)  # rounding may pass both ends
