"""Interval of the difference of two shares that were seen on the same examples."""

from __future__ import annotations

import math

from scipy import stats as distributions

from study.stats.intervals import Interval


def paired_share_interval(lost: float, changed: float, n: int, level: float) -> Interval:
    """Share of right answers lost from a first to a second look at the same n examples, with its interval.

    lost: right at first less right afterwards, as a share of n; changed: share of examples whose answer changed, at
    least |lost|. With two classes every change loses or gains a right answer; with more some do neither, and the
    interval is then a little too wide. The adjusted Wald interval: one example is added to those that lose and one to
    those that gain, so that no change at all still leaves a width. NaN for n = 0. Source: Bonett and Price 2012.
    """
    if n == 0:
        return math.nan, math.nan, math.nan
    z = float(distributions.norm.ppf(0.5 + level / 2))
    loses, gains = (n * (changed + sign * lost) / 2 for sign in (1, -1))
    first, second = (loses + 1) / (n + 2), (gains + 1) / (n + 2)
    middle = first - second
    half = z * math.sqrt((first + second - middle**2) / (n + 2))
    return lost, max(-1.0, middle - half), min(1.0, middle + half)
