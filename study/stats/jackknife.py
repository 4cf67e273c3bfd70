"""Pseudo-values: any statistic of a set of examples, or of pairs of seeds, as a mean over seeds and examples.

A correlation over texts has no value per text. It has pseudo-values: their mean is the statistic (its bias of order 1/n
taken out), and they vary over texts as the statistic does. So the crossed interval of pseudo-values [seed example] is
an interval for the statistic over new seeds and new examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from study.records import FloatArray, IntArray

ExampleStatistic = Callable[[IntArray], FloatArray]  # indices of examples -> [seed]


def pseudo_values(statistic: ExampleStatistic, n_examples: int) -> FloatArray:
    """[seed example]: n theta - (n - 1) theta without the example, for theta = statistic(examples) in every seed.

    statistic: takes the indices of the examples to use, each once and in rising order, and returns its value per seed.
    NaN where the statistic is undefined: with all examples (the whole seed) or without this one.

    Source: Tukey 1958; Efron and Stein 1981.
    """
    everything = np.arange(n_examples)
    whole = np.asarray(statistic(everything), dtype=np.float64)
    without = np.empty((len(whole), n_examples))
    for example in range(n_examples):
        without[:, example] = statistic(np.delete(everything, example))
    return n_examples * whole[:, None] - (n_examples - 1) * without


def seed_pair_pseudo_values(values: FloatArray, pairs: Sequence[tuple[int, int]]) -> FloatArray:
    """[seed example]: what each seed brings to the mean over pairs of seeds, from values [pair example].

    For agreement between training seeds, where pairs share seeds and must not be counted as independent. The mean over
    all pairs is a U-statistic; a seed's pseudo-value is S mean - (S - 1) mean over the pairs without it. The mean over
    seeds of the pseudo-values is the mean over pairs, for every example, so nothing is lost. Two seeds: no pair is left
    without one of them, and one row [1 example] comes back: an interval from it is for these two seeds, over new
    examples only. With three seeds the crossed interval is a little short: 95 % intervals cover 91 % where seeds differ
    (study/stats/coverage.py), for three pairs say little about a pair's own noise.
    pairs: the two seeds of each row of `values`, every pair once, seeds numbered from 0.

    Raises: ValueError when a pair is missing, twice, or no pair.
    Source: Arvesen 1969 (jackknifed U-statistics).
    """
    values = np.asarray(values, dtype=np.float64)
    n_seeds = 1 + max((max(pair) for pair in pairs), default=0)
    wanted = {frozenset((a, b)) for a in range(n_seeds) for b in range(a)}
    if len(pairs) != len(values) or len(pairs) != len(wanted) or {frozenset(pair) for pair in pairs} != wanted:
        raise ValueError(f"every pair of {n_seeds} seeds is needed once, for {len(values)} rows; got {list(pairs)}")
    if n_seeds <= 2:
        return values
    has_seed = np.array([[seed in pair for pair in pairs] for seed in range(n_seeds)])
    without = (~has_seed).astype(np.float64) @ values / (~has_seed).sum(axis=1)[:, None]
    return n_seeds * values.mean(axis=0) - (n_seeds - 1) * without
