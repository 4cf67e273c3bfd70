"""The mean of several independent estimates, for example of one quantity on several data sets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from study.stats.intervals import MeanEstimate, Part


def combine_means(estimates: Iterable[MeanEstimate]) -> MeanEstimate:
    """The unweighted mean of independent estimates, with its variance by source; one estimate comes back as it is.

    Independent in every source: different texts, and training seeds that do not bring the same to two of them. That
    seeds of one number on several data sets are independent is an assumption that callers make, not a finding.
    Unweighted, so that every data set counts the same however many texts it has. The variance speaks of new seeds and
    examples of these data sets, not of new data sets. The parts of one source are added and get Welch and
    Satterthwaite's degrees of freedom: three seeds on each of four data sets tell more than three seeds. An estimate
    whose mean is NaN is left out (callers count it); one whose variance is NaN makes the variance NaN. No estimate
    left: all NaN.

    Source: Welch 1947; Satterthwaite 1946.
    """
    known = [estimate for estimate in estimates if not math.isnan(estimate.mean)]
    mean = math.fsum(estimate.mean for estimate in known) / len(known) if known else math.nan
    return MeanEstimate(
        mean,
        _combine([estimate.seed for estimate in known]),
        _combine([estimate.example for estimate in known]),
        _combine([estimate.rest for estimate in known]),
    )


def _combine(parts: Sequence[Part]) -> Part:
    """The part of the mean of the estimates that these are parts of."""
    if not parts:
        return Part(math.nan, math.nan)
    variance = math.fsum(part.variance for part in parts) / len(parts) ** 2
    if variance == 0:
        return Part(0.0, parts[0].freedom)
    spread = math.fsum((part.variance / len(parts) ** 2) ** 2 / part.freedom for part in parts if part.variance)
    return Part(variance, variance**2 / spread)
