"""Agreement of two explanations of one text. Undefined is NaN, never 0 or 1.

Top words are the largest by absolute score; how ties count is said in `study.metrics.ranking`.
Source of the agreements at k and of the pairwise rank agreement: Krishna et al. 2024, section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from study.metrics.ranking import Ranking, rank_words
from study.records import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """An agreement metric and how to read it.

    compare: (a, b, k) -> value; k is None unless at_k. needs_signs: undefined for unsigned explanations.
    bounds: lowest and highest possible value (-inf where it depends on the number of words).
    """

    name: str
    compare: Callable[[Ranking, Ranking, int], float]
    at_k: bool
    needs_signs: bool
    direction: Literal["higher", "lower"]
    bounds: tuple[float, float]
    source: str

    def compute(self, a: FloatArray, b: FloatArray, k: int | None = None) -> float:
        """The metric of two score vectors [word]; NaN where undefined (fewer than k words, constant scores, ...).

        Raises: ValueError for different lengths, for a k missing or too many, and for scores not finite.
        """
        if len(a) != len(b):
            raise ValueError(f"{len(a)} scores against {len(b)}: both explanations need the same words")
        if (k is not None) != self.at_k:
            raise ValueError(f"{self.name} {'needs' if self.at_k else 'takes no'} k")
        return self.compare(rank_words(a), rank_words(b), k or 0)


def _spearman(a: Ranking, b: Ranking, k: int) -> float:  # noqa: ARG001 - one signature for all metrics
    return _bounded(float(a.rank @ b.rank)) if a.n > 1 else math.nan


def _spearman_abs(a: Ranking, b: Ranking, k: int) -> float:  # noqa: ARG001
    return _bounded(float(a.rank_abs @ b.rank_abs)) if a.n > 1 else math.nan


def _kendall(a: Ranking, b: Ranking, k: int) -> float:  # noqa: ARG001
    return _tau_b(a.order, b.order)


def _kendall_abs(a: Ranking, b: Ranking, k: int) -> float:  # noqa: ARG001
    return _tau_b(a.order_abs, b.order_abs)


def _pairwise_rank_agreement(a: Ranking, b: Ranking, k: int) -> float:  # noqa: ARG001
    """Share of word pairs that both order alike by |score|; a pair tied in both is ordered alike."""
    if a.n < 2:
        return math.nan
    alike = np.count_nonzero(a.order_abs == b.order_abs) - a.n  # the diagonal is not a pair
    return alike / (a.n * (a.n - 1))


def _feature_agreement(a: Ranking, b: Ranking, k: int) -> float:
    """Share of the top k words that both have in common. 1 by necessity when there are just k words."""
    return float(_both_top(a, b, k).sum() / k) if a.n >= k else math.nan


def _feature_agreement_chance_adjusted(a: Ranking, b: Ranking, k: int) -> float:
    """(FA - k/n) / (1 - k/n): 0 for chance, 1 for the same top k; undefined when the top k are all words."""
    chance = k / a.n if a.n else math.nan
    return (_feature_agreement(a, b, k) - chance) / (1 - chance) if a.n > k else math.nan


def _sign_agreement(a: Ranking, b: Ranking, k: int) -> float:
    """Share of the top k words in common and of the same sign."""
    return float((_both_top(a, b, k) * (a.sign == b.sign)).sum() / k) if a.n >= k else math.nan


def _rank_agreement(a: Ranking, b: Ranking, k: int) -> float:
    """Share of the top k words in common and at the same place."""
    return float(_same_place(a, b, k).sum() / k) if a.n >= k else math.nan


def _signed_rank_agreement(a: Ranking, b: Ranking, k: int) -> float:
    """Share of the top k words in common, at the same place and of the same sign."""
    return float((_same_place(a, b, k) * (a.sign == b.sign)).sum() / k) if a.n >= k else math.nan


def _both_top(a: Ranking, b: Ranking, k: int) -> FloatArray:
    """[word]: chance to be among the top k of both."""
    return a.among_top[:, k - 1] * b.among_top[:, k - 1]


def _same_place(a: Ranking, b: Ranking, k: int) -> FloatArray:
    """[word]: chance to hold the same place, one of the first k, in both."""
    return np.einsum("wp,wp->w", a.place[:, :k], b.place[:, :k])


def _tau_b(a: FloatArray, b: FloatArray) -> float:
    pairs = math.sqrt(float(a @ a) * float(b @ b))  # ordered pairs untied in a, and in b
    return _bounded(float(a @ b) / pairs) if pairs > 0 else math.nan


def _bounded(correlation: float) -> float:
    """Rounding may carry a correlation past 1 by one unit in the last place; NaN stays NaN."""
    return math.copysign(1.0, correlation) if abs(correlation) > 1 else correlation


def _correlation(name: str, compare: Callable[[Ranking, Ranking, int], float], *, signs: bool, source: str) -> Metric:
    return Metric(
        name=name, compare=compare, at_k=False, needs_signs=signs, direction="higher", bounds=(-1.0, 1.0), source=source
    )


def _share(name: str, compare: Callable[[Ranking, Ranking, int], float], *, at_k: bool, signs: bool) -> Metric:
    return Metric(
        name=name,
        compare=compare,
        at_k=at_k,
        needs_signs=signs,
        direction="higher",
        bounds=(0.0, 1.0),
        source="Krishna et al. 2024, section 3.2",
    )


SPEARMAN = _correlation("spearman", _spearman, signs=True, source="Spearman 1904")
SPEARMAN_ABS = _correlation("spearman_abs", _spearman_abs, signs=False, source="Spearman 1904, of |score|")
KENDALL_TAU_B = _correlation("kendall_tau_b", _kendall, signs=True, source="Kendall 1945")
KENDALL_TAU_B_ABS = _correlation("kendall_tau_b_abs", _kendall_abs, signs=False, source="Kendall 1945, of |score|")
PAIRWISE_RANK_AGREEMENT = _share("pairwise_rank_agreement", _pairwise_rank_agreement, at_k=False, signs=False)
FEATURE_AGREEMENT = _share("feature_agreement", _feature_agreement, at_k=True, signs=False)
RANK_AGREEMENT = _share("rank_agreement", _rank_agreement, at_k=True, signs=False)
SIGN_AGREEMENT = _share("sign_agreement", _sign_agreement, at_k=True, signs=True)
SIGNED_RANK_AGREEMENT = _share("signed_rank_agreement", _signed_rank_agreement, at_k=True, signs=True)
FEATURE_AGREEMENT_CHANCE_ADJUSTED = Metric(
    name="feature_agreement_chance_adjusted",
    compare=_feature_agreement_chance_adjusted,
    at_k=True,
    needs_signs=False,
    direction="higher",
    bounds=(-math.inf, 1.0),  # -k/(n-k) for disjoint top words
    source="Krishna et al. 2024, section 3.2, against chance k/n",
)
