"""The lowest and the highest comprehensiveness and sufficiency that any order of a text's words could reach.

An order is a chain of sets, one word added at a time; only the sets of the counted sizes matter. Exact
(`exact_limits`): every coalition is measured, and the best chain found by dynamic programming over sets. Beam
(`beam_limits`), for texts too long for that: chains grow word by word, the most promising go on, and of the words that
a chain could take next only those are tried that changed the margin most when it last tried them. Every limit is then
a value that some order reaches, and the true limit may lie beyond it. On texts of 24 to 39 words its range was 1 %
(mask) to 3 % (delete) narrower than that of a beam five wide that tries every word, at a tenth of the evaluations.

Source: Edin et al. 2025, who average over all sizes, so that both metrics share their limits, and try every word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from study.records import BoolArray, FloatArray, IntArray

MarginsOf = Callable[[BoolArray], FloatArray]  # present [coalition word] -> [coalition], towards the predicted class
PERCENTS = (10, 20, 30, 40, 50)  # of the words, removed or kept
EXACT_WORDS = 10  # texts up to this length are searched exactly
WIDTH = 2  # chains that the beam search goes on with at every size
TRIED = 6  # words that each of them tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Lowest and highest value over all orders, logits; exact: whether no order can lie beyond them."""

    comprehensiveness: tuple[float, float]
    sufficiency: tuple[float, float]
    exact: bool

    def widened(self, comprehensiveness: FloatArray, sufficiency: FloatArray) -> Limits:
        """The limits, moved to where values that some orders did reach lie beyond them."""
        return replace(
            self,
            comprehensiveness=_widen(self.comprehensiveness, comprehensiveness),
            sufficiency=_widen(self.sufficiency, sufficiency),
        )


def counted_sizes(n_words: int) -> IntArray:
    """[percent]: how many words PERCENTS are, rounded up."""
    return np.array([-(-percent * n_words // 100) for percent in PERCENTS])


def find_limits(margins_of: MarginsOf, n_words: int) -> Limits:
    """Exact limits for texts of up to EXACT_WORDS words, else those of the beam search."""
    return (exact_limits if n_words <= EXACT_WORDS else beam_limits)(margins_of, n_words)


def exact_limits(margins_of: MarginsOf, n_words: int) -> Limits:
    """The limits by all 2^n coalitions. Raises: ValueError for a text without words."""
    if n_words == 0:
        raise ValueError("a text without words has no orders")
    bits = np.arange(2**n_words)
    margins = margins_of((bits[:, None] >> np.arange(n_words)) % 2 == 1)
    weights = _weights(n_words)
    means = [_best_chain(sign * of_set, weights) * sign for of_set in (margins[::-1], margins) for sign in (1, -1)]
    return _limits(float(margins[-1]), means, exact=True)


def beam_limits(margins_of: MarginsOf, n_words: int) -> Limits:
    """The limits found by beam search, see the module; its four searches are measured together, size by size."""
    weights = _weights(n_words)
    ends = margins_of(np.repeat([[True], [False]], n_words, axis=1))
    one_away = np.concatenate([~np.eye(n_words, dtype=bool), np.eye(n_words, dtype=bool)])
    changes = margins_of(one_away).reshape(2, n_words) - ends[:, None]
    beams = [
        _Beam(
            sign=sign,
            starts_full=starts_full,
            present=np.full((1, n_words), starts_full),
            margin=np.array([end]),
            total=np.zeros(1),
            change=change[None],
        )
        for starts_full, end, change in zip((True, False), ends, changes, strict=True)
        for sign in (1, -1)
    ]
    for size in range(1, int(np.flatnonzero(weights)[-1]) + 1):
        tried = [_next_words(beam) for beam in beams]
        asked = [_with_words(beam, *words) for beam, words in zip(beams, tried, strict=True)]
        found = np.split(margins_of(np.concatenate(asked)), np.cumsum([len(masks) for masks in asked])[:-1])
        beams = [
            _grow(beam, *words, masks, margins, weights, size)
            for beam, words, masks, margins in zip(beams, tried, asked, found, strict=True)
        ]
    means = [beam.sign * float((beam.sign * beam.total).max()) for beam in beams]
    return _limits(float(ends[0]), means, exact=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beam:
    """Chains of one search. sign: 1 where it looks for high margins, -1 for low ones.

    starts_full: whether chains take words from the full text, or put them into the empty one. present: [chain word];
    margin: [chain]; total: [chain], weighted over the sizes so far; change: [chain word], of the margin by each word
    when the chain, or one that it grew from, last tried it.
    """

    sign: int
    starts_full: bool
    present: BoolArray
    margin: FloatArray
    total: FloatArray
    change: FloatArray


def _next_words(beam: _Beam) -> tuple[IntArray, IntArray]:
    """(chain, word): for every chain the TRIED words left that promise most."""
    left = beam.present == beam.starts_full
    promise = np.where(left, beam.sign * beam.change, -np.inf)
    best = np.argsort(-promise, axis=1, kind="stable")[:, :TRIED]
    chain, word = np.repeat(np.arange(len(best)), best.shape[1]), best.ravel()
    possible = left[chain, word]
    return chain[possible], word[possible]


def _with_words(beam: _Beam, chain: IntArray, word: IntArray) -> BoolArray:
    """[candidate word]: the chains' sets with one more word taken or put in."""
    present = beam.present[chain]
    present[np.arange(len(word)), word] ^= True
    return present


def _grow(
    beam: _Beam,
    chain: IntArray,
    word: IntArray,
    present: BoolArray,
    margins: FloatArray,
    weights: FloatArray,
    size: int,
) -> _Beam:
    """The WIDTH most promising of the candidates, each set once however many ways lead to it.

    A candidate promises what it has, and its margin at every size to come.
    """
    change = beam.change.copy()
    change[chain, word] = margins - beam.margin[chain]
    total = beam.total[chain] + weights[size] * margins
    order = np.argsort(-beam.sign * (total + weights[size + 1 :].sum() * margins), kind="stable")
    _, first = np.unique(present[order], axis=0, return_index=True)
    kept = order[np.sort(first)[:WIDTH]]
    return replace(beam, present=present[kept], margin=margins[kept], total=total[kept], change=change[chain[kept]])


def _best_chain(of_set: FloatArray, weights: FloatArray) -> float:
    """The largest sum of weights [size] x of_set [set, as bits] over chains of sets, one element added at a time."""
    n = len(of_set).bit_length() - 1
    bits = np.arange(2**n)
    size = sum((bits >> i) % 2 for i in range(n))
    best, last = np.where(size == 0, 0.0, -np.inf), int(np.flatnonzero(weights)[-1])
    for s in range(1, last + 1):
        here = bits[size == s]
        before = np.stack([np.where(here >> i & 1, best[here & ~(1 << i)], -np.inf) for i in range(n)]).max(axis=0)
        best[here] = before + weights[s] * of_set[here]
    return float(best[size == last].max())


def _weights(n_words: int) -> FloatArray:
    """[size]: the share of PERCENTS that are that many words."""
    return np.bincount(counted_sizes(n_words), minlength=n_words + 1) / len(PERCENTS)


def _limits(full: float, means: list[float], *, exact: bool) -> Limits:
    """means: highest and lowest mean margin of chains removed, then of chains kept."""
    low, high, kept_low, kept_high = (full - mean for mean in means)
    return Limits(comprehensiveness=(low, high), sufficiency=(kept_low, kept_high), exact=exact)


def _widen(limits: tuple[float, float], values: FloatArray) -> tuple[float, float]:
    return min(limits[0], float(values.min())), max(limits[1], float(values.max()))
