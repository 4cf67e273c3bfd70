"""Intervals, tests and effect sizes for what the study reports. Knows numbers only, no model and no table.

Every interval is for a mean over examples, and over training seeds where there are several. The same
examples are explained in every seed, so the two are crossed: neither seeds nor examples may be counted
as if each number were independent.
"""

from study.stats.bootstrap import pigeonhole_interval
from study.stats.combining import combine_means
from study.stats.differences import difference_of_means, mean_test
from study.stats.effects import paired_d
from study.stats.intervals import (
    Interval,
    MeanEstimate,
    Part,
    complete_examples,
    crossed_interval,
    crossed_mean,
    mean_interval,
    wilson_interval,
)
from study.stats.jackknife import pseudo_values, seed_pair_pseudo_values
from study.stats.multiplicity import benjamini_hochberg, holm
from study.stats.picking import MANY_SEEDS, interval_of_mean
from study.stats.sign_flip import sign_flip_test
from study.stats.variance import VarianceSplit, variance_components

__all__ = [
    "MANY_SEEDS",
    "Interval",
    "MeanEstimate",
    "Part",
    "VarianceSplit",
    "benjamini_hochberg",
    "combine_means",
    "complete_examples",
    "crossed_interval",
    "crossed_mean",
    "difference_of_means",
    "holm",
    "interval_of_mean",
    "mean_interval",
    "mean_test",
    "paired_d",
    "pigeonhole_interval",
    "pseudo_values",
    "seed_pair_pseudo_values",
    "sign_flip_test",
    "variance_components",
    "wilson_interval",
]
