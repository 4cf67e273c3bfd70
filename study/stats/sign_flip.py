"""The paired sign-flip test: could the mean difference be this far from zero by luck of the examples?"""

from __future__ import annotations

import math

import numpy as np

from study.records import FloatArray
from study.stats.intervals import complete_examples

MOST_EXACT = 14  # examples; 2^14 sign patterns, about as many as the random ones
N_FLIPS = 9_999
LEAST_DIFFERENCE = 1e-12  # of the largest possible mean: patterns closer to the one seen are ties


def sign_flip_test(differences: FloatArray, rng: np.random.Generator, *, n_flips: int = N_FLIPS) -> float:
    """Two-sided p of mean difference zero, differences [seed example]; flips the sign of an example's mean over seeds.

    An example's seeds are flipped together, because they share the example. Under the null hypothesis each example's
    difference is as likely to be positive as negative (symmetric about zero). The test speaks of new examples for
    these seeds; the crossed interval beside it speaks of new seeds, too. Complete examples only.
    Exact over all patterns up to MOST_EXACT examples; else (b + 1) / (n_flips + 1), b of n_flips random patterns being
    as far from zero as the one seen, so that p is never 0. NaN without a complete example.

    Source: Fisher 1935, section 21; Phipson and Smyth 2010 for the added one.
    """
    differences = np.asarray(differences, dtype=np.float64)
    complete = differences[:, complete_examples(differences)]
    if complete.size == 0:
        return math.nan
    example_mean = complete.mean(axis=0)
    n_examples = len(example_mean)
    least = abs(float(example_mean.sum())) - LEAST_DIFFERENCE * float(np.abs(example_mean).sum())
    if n_examples <= MOST_EXACT:
        return float((np.abs(_all_sums(example_mean)) >= least).mean())
    # the sum of a pattern is the total minus twice the flipped ones; bits are cheaper to draw than signs
    flipped = rng.integers(0, 2, size=(n_flips, n_examples), dtype=np.int8).astype(np.float64)
    sums = example_mean.sum() - 2 * (flipped @ example_mean)
    return (int((np.abs(sums) >= least).sum()) + 1) / (n_flips + 1)


def _all_sums(example_mean: FloatArray) -> FloatArray:
    """The sum of the example means under each of the 2^n sign patterns, built up one example at a time."""
    sums = np.zeros(1)
    for value in example_mean:
        sums = np.concatenate([sums + value, sums - value])
    return sums
