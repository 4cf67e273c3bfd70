"""The difference of two means, and how surprising it would be if there were none."""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import stdtrit

from study.stats.combining import combine_means
from study.stats.intervals import MeanEstimate, Part

LEAST_P = 1e-12  # smaller ones are told apart by nobody


def difference_of_means(first: MeanEstimate, second: MeanEstimate) -> MeanEstimate:
    """second - first, of two independent means: variances added source by source, with Welch's degrees of freedom.

    A mean or a variance that is not known makes that of the difference NaN. Source: Welch 1947; Satterthwaite 1946.
    """
    if math.isnan(first.mean) or math.isnan(second.mean):
        return MeanEstimate(math.nan, *(Part(math.nan, math.nan),) * 3)
    half = combine_means([first._replace(mean=-first.mean), second])  # its mean is half the difference
    parts = (Part(4 * part.variance, part.freedom) for part in (half.seed, half.example, half.rest))
    return MeanEstimate(2 * half.mean, *parts)


def mean_test(estimate: MeanEstimate) -> float:
    """Two-sided p of mean zero: 1 - level of the interval that just touches zero, so that the two never disagree.

    With one source of variance this is the t test. Not below LEAST_P. A mean known exactly: 1 at zero, else 0. NaN
    where the variance is not known.
    """
    if math.isnan(estimate.mean) or math.isnan(estimate.variance):
        return math.nan
    if estimate.variance == 0 or estimate.mean == 0:
        return 1.0 if estimate.mean == 0 else 0.0

    def excess(p: float) -> float:
        """Squared half width of the interval at level 1 - p, beyond the squared mean; falls with p."""
        parts = (part for part in (estimate.seed, estimate.example, estimate.rest) if part.variance)
        return math.fsum(part.variance * float(stdtrit(part.freedom, p / 2)) ** 2 for part in parts) - estimate.mean**2

    return LEAST_P if excess(LEAST_P) <= 0 else float(brentq(excess, LEAST_P, 1.0, xtol=LEAST_P, rtol=1e-9))
