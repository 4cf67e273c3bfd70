"""What every agreement metric needs of one explanation, computed once: ranks, signs, places of the largest.

Ties are broken at random in expectation: a word tied for several places holds each with equal chance,
independently of the other explanation. So the metrics are deterministic, do not depend on word order, and
two explanations that are constant agree exactly as much as chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from study.records import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """One explanation's scores, prepared for comparison.

    n: number of words. sign: [word], -1, 0 or 1. rank and rank_abs: [word], centred average ranks of score
    and |score|, scaled to unit length (NaN when all are tied). order and order_abs: [word*word], sign of
    every difference. place: [word place], chance that the word holds the place, largest |score| first.
    among_top: [word place], chance that it is among the first place+1.
    """

    n: int
    sign: FloatArray
    rank: FloatArray
    rank_abs: FloatArray
    order: FloatArray
    order_abs: FloatArray
    place: FloatArray
    among_top: FloatArray


def rank_words(scores: FloatArray) -> Ranking:
    """The `Ranking` of scores [word].

    Raises: ValueError for a score that is not finite: leave words without a score out first.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite: leave out words without a score")
    size = np.abs(scores)
    place = _places(size)
    return Ranking(
        n=len(scores),
        sign=np.sign(scores),
        rank=_unit_ranks(scores),
        rank_abs=_unit_ranks(size),
        order=_orders(scores),
        order_abs=_orders(size),
        place=place,
        among_top=place.cumsum(axis=1),
    )


def correlate_ranks(a: FloatArray, b: FloatArray) -> float:
    """Spearman's rank correlation of two lists of values of any length; NaN where one is constant, or below two."""
    return float(np.clip(_unit_ranks(np.asarray(a)) @ _unit_ranks(np.asarray(b)), -1.0, 1.0))


def _unit_ranks(values: FloatArray) -> FloatArray:
    centred = rankdata(values) - (len(values) + 1) / 2
    length = np.sqrt(centred @ centred)
    return centred / length if length > 0 else np.full(len(values), np.nan)


def _orders(values: FloatArray) -> FloatArray:
    return np.sign(values[:, None] - values[None, :]).ravel()


def _places(size: FloatArray) -> FloatArray:
    """[word place]: words tied in size share the places between them."""
    first = rankdata(-size, method="min").astype(np.int64)[:, None]
    last = rankdata(-size, method="max").astype(np.int64)[:, None]
    places = np.arange(1, len(size) + 1)[None, :]
    return ((places >= first) & (places <= last)) / (last - first + 1)
