"""Sizes that are told apart, and what a ranking with ties is worth in expectation, against known truth.

Ties are broken at random in expectation, so no score depends on the order of words or heads. Two sizes count as
tied when nothing but leakage or rounding separates them, as KNOWN_ANSWERS asks; for ties of exactly equal scores
between two explanations see `study.metrics.ranking`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np

from study.records import BoolArray, FloatArray, IntArray

TIE_TOLERANCE = 1e-3  # of the largest |score|: a hundred times the leakage of the hand-built heads

Known = TypeVar("Known")  # an explanation beside its truth: of words, or of heads


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthScore(Generic[Known]):
    """A score of one explanation against known truth, and how to read it.

    compute: one explanation with its truth -> value, NaN where undefined. bounds: lowest and highest possible value.
    means: what it says in one line.
    """

    name: str
    compute: Callable[[Known], float]
    direction: Literal["higher", "lower"]
    bounds: tuple[float, float]
    means: str
    source: str


def size_levels(scores: FloatArray) -> IntArray:
    """[item]: 0 for those not told from 0, 1 for the smallest told from it, and so on; equal levels are ties.

    Levels are filled from the smallest size up. Level 0 holds sizes up to the tolerance; each further one starts at
    the smallest size left over and holds those at most the tolerance above it. So the sizes of one level never
    differ by more than the tolerance, however many lie close to each other in between.
    """
    size = np.abs(scores)
    tolerance = TIE_TOLERANCE * size.max(initial=0.0)
    levels = np.zeros(len(size), dtype=np.int64)
    level, start = 0, 0.0
    for item in np.argsort(size, kind="stable"):
        if size[item] - start > tolerance:
            level, start = level + 1, size[item]
        levels[item] = level
    return levels


def expected_precision(levels: IntArray, relevant: BoolArray, k: int) -> float:
    """Share of relevant items among the k highest; those tied for the last places hold them with equal chance."""
    last = np.sort(levels)[::-1][k - 1]
    above, tied = levels > last, levels == last
    places = k - np.count_nonzero(above)
    return float((np.count_nonzero(relevant & above) + places * relevant[tied].mean()) / k)


def expected_average_precision(levels: IntArray, relevant: BoolArray) -> float:
    """Mean over relevant items of the precision at their place, in expectation over the orders of tied items.

    In a tie of n items, r of them relevant, after N items, R of them relevant: place N + j holds a relevant item
    with chance r / n, and then R + 1 + (j - 1)(r - 1)/(n - 1) relevant ones are expected up to there. NaN without
    relevant items. scikit-learn takes each tie as one step instead, precision at its end.
    """
    before = found = 0
    total = 0.0
    for level in np.unique(levels)[::-1]:
        tied = levels == level
        n, r = int(np.count_nonzero(tied)), int(np.count_nonzero(tied & relevant))
        j = np.arange(1, n + 1)
        others = (j - 1) * (r - 1) / (n - 1) if n > 1 else 0.0
        total += float((r / n * (found + 1 + others) / (before + j)).sum())
        before, found = before + n, found + r
    return total / found if found else math.nan


def area_under_curve(levels: IntArray, others: IntArray) -> float:
    """Chance that an item of the first group ranks above one of the second, a tie counts half (AUROC). NaN if empty."""
    if not len(levels) or not len(others):
        return math.nan
    return float((np.sign(levels[:, None] - others[None, :]) / 2 + 0.5).mean())
