"""Which interval a mean gets: by how many seeds there are."""

from __future__ import annotations

import numpy as np

from study.records import FloatArray
from study.stats.bootstrap import pigeonhole_interval
from study.stats.intervals import Interval, crossed_interval

MANY_SEEDS = 10  # from here on seeds are resampled; with fewer too few different resamples exist


def interval_of_mean(values: FloatArray, level: float, rng: np.random.Generator) -> Interval:
    """Mean of values [seed example] over complete examples, with its interval for new seeds and new examples.

    From MANY_SEEDS seeds on the pigeonhole bootstrap, which follows skewed values; with fewer the two-way t interval.
    rng is used by the bootstrap alone.
    """
    if len(values) >= MANY_SEEDS:
        return pigeonhole_interval(values, level, rng)
    return crossed_interval(values, level)
