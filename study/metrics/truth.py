"""Is an explanation's word right? Scores of one explanation against the words that are known to decide.

Three ask which words (precision, average precision, share), one whether each got its part, one for the side it is
pushed to, and two compare all words with the oracle: the exact Shapley values of the rule. The oracle's own
score is not always 1: of two truth words one may have a Shapley value of 0, and then a method that is no Shapley value
can pass it. Rank correlation over truth words alone is left out: they are few and often equal, so that it is mostly
undefined.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from study.metrics import WORD_SCORES
from study.metrics.ties import TruthScore, expected_average_precision, expected_precision, size_levels
from study.records import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWords:
    """One explanation of one text beside the truth; only words that have a score.

    scores, relevant: [word]. oracle: [word], exact Shapley values of the rule in any unit, NaN where unknown.
    expected: [word], sign that the score ought to have, 0 for none. signed: whether the scores have a sign.
    level: [word], of the sizes, see study.metrics.ties; oracle_level: the same of the oracle.
    """

    scores: FloatArray
    relevant: BoolArray
    oracle: FloatArray
    expected: FloatArray
    signed: bool
    level: IntArray
    oracle_level: IntArray

    @property
    def can_err(self) -> bool:
        """Whether some words are truth and some are not: otherwise any choice of words is right, or none."""
        return 0 < int(np.count_nonzero(self.relevant)) < len(self.relevant)

    @property
    def knows_oracle(self) -> bool:
        return bool(np.isfinite(self.oracle).all())


def score_words(
    scores: FloatArray, relevant: BoolArray, oracle: FloatArray, *, signed: bool, push: float = math.nan
) -> dict[str, float]:
    """Every score in WORD_SCORES of one explanation of one text; all NaN for a text without truth words.

    scores: [word], NaN for words beyond the model, which are left out of everything. relevant: [word], truth words.
    oracle: [word], exact Shapley values of the rule, all NaN where unknown; then `push` says to which side every
    truth word pushes (+1 or -1; NaN: unknown). signed: False for study.records.UNSIGNED_METHODS, whose signs mean
    nothing: scores that need a sign are NaN.

    Raises: ValueError for different lengths, an infinite score, or an oracle known for some words only.
    """
    known = know_words(scores, relevant, oracle, signed=signed, push=push)
    named: dict[str, TruthScore[KnownWords]] = {name: WORD_SCORES.load(name) for name in WORD_SCORES}
    any_truth = bool(known.relevant.any())
    return {name: score.compute(known) if any_truth else math.nan for name, score in named.items()}


def know_words(
    scores: FloatArray, relevant: BoolArray, oracle: FloatArray, *, signed: bool, push: float = math.nan
) -> KnownWords:
    """What `score_words` says of its arguments, ready to be scored."""
    scores, oracle = np.asarray(scores, dtype=np.float64), np.asarray(oracle, dtype=np.float64)
    relevant = np.asarray(relevant, dtype=np.bool_)
    if not len(scores) == len(relevant) == len(oracle):
        raise ValueError(f"{len(scores)} scores, {len(relevant)} truth marks and {len(oracle)} oracle values of a text")
    if np.isinf(scores).any():
        raise ValueError("a score is infinite: leave words without a score NaN")
    if np.isnan(oracle).any() and not np.isnan(oracle).all():
        raise ValueError("the oracle must be known for all words of a text, or for none")
    has = ~np.isnan(scores)
    scores, relevant, oracle = scores[has], relevant[has], oracle[has]
    unknown = np.isnan(oracle)
    oracle_level = size_levels(np.where(unknown, 0.0, oracle))
    side = np.where(unknown, 0.0 if math.isnan(push) else push, np.where(oracle_level > 0, oracle, 0.0))
    return KnownWords(
        scores=scores,
        relevant=relevant,
        oracle=oracle,
        expected=np.where(relevant, np.sign(side), 0.0),
        signed=signed,
        level=size_levels(scores),
        oracle_level=oracle_level,
    )


def reversed_scores(oracle: FloatArray) -> FloatArray:
    """[word]: the worst explanation: the oracle's sizes turned round, its signs turned.

    What decides most gets nothing and what does not decide gets most: max |oracle| - |oracle|, away from the oracle's
    side; words without a side take that of the sum. Every score must put it below chance (a self-test).
    """
    size = np.abs(oracle)
    total = 1.0 if oracle.sum() >= 0 else -1.0
    has_side = size_levels(oracle) > 0  # not what rounding left of nothing
    return (size.max(initial=0.0) - size) * np.where(has_side, -np.sign(oracle), total)


def _precision(known: KnownWords) -> float:
    if not known.can_err:
        return math.nan
    return expected_precision(known.level, known.relevant, int(np.count_nonzero(known.relevant)))


def _average_precision(known: KnownWords) -> float:
    return expected_average_precision(known.level, known.relevant) if known.can_err else math.nan


def _attribution_share(known: KnownWords) -> float:
    size = np.abs(known.scores)
    return float(size[known.relevant].sum() / size.sum()) if known.can_err and size.any() else math.nan


def _min_share(known: KnownWords) -> float:
    """Nothing on any truth word is 0, as bad as nothing on one; no score at all is undefined."""
    size = np.abs(known.scores)
    due = np.abs(known.oracle) if known.knows_oracle else np.ones_like(size)
    owed = known.relevant & (known.oracle_level > 0) if known.knows_oracle else known.relevant
    if np.count_nonzero(owed) < 2 or not size.any():
        return math.nan
    if not known.level[owed].any():
        return 0.0
    parts = size[owed] / size.max() / (due[owed] / due.max())  # no quotient leaves the range of numbers
    return float(parts.min() / parts.max())


def _sign_accuracy(known: KnownWords) -> float:
    has_side = known.expected != 0
    if not known.signed or not has_side.any():
        return math.nan
    sign = np.where(known.level > 0, np.sign(known.scores), 0.0)
    return float((sign == known.expected)[has_side].mean())


def _oracle_spearman(known: KnownWords) -> float:
    if not known.signed or not known.knows_oracle:
        return math.nan
    ranks = [
        rankdata(np.sign(values) * level)
        for values, level in ((known.scores, known.level), (known.oracle, known.oracle_level))
    ]
    a, b = (rank - rank.mean() for rank in ranks)
    length = math.sqrt(float(a @ a) * float(b @ b))
    return min(1.0, max(-1.0, float(a @ b) / length)) if length > 0 else math.nan


def _oracle_distance(known: KnownWords) -> float:
    if not known.signed or not known.knows_oracle or not known.oracle.any():
        return math.nan
    scores, oracle = (v / (np.abs(v).max() or 1.0) for v in (known.scores, known.oracle))  # squares stay in range
    scale = max(0.0, float(scores @ oracle) / (float(scores @ scores) or 1.0))
    return min(1.0, float(np.linalg.norm(scale * scores - oracle) / np.linalg.norm(oracle)))


def _share(name: str, compute: Callable[[KnownWords], float], means: str, source: str) -> TruthScore[KnownWords]:
    return TruthScore(name=name, compute=compute, direction="higher", bounds=(0.0, 1.0), means=means, source=source)


PRECISION_AT_TRUTH = _share(
    "precision_at_truth_score",
    _precision,
    "share of truth words among the top k by size, k their number, in expectation over ties",
    "Bastings et al. 2022, section 4 (precision at k)",
)
AVERAGE_PRECISION = _share(
    "average_precision_score",
    _average_precision,
    "precision at the place of every truth word in the ranking by size, mean, in expectation over ties",
    "Buckley and Voorhees 2000",
)
ATTRIBUTION_SHARE = _share(
    "attribution_share_score",
    _attribution_share,
    "share of all attribution, by size, that is on truth words",
    "Zhou et al. 2022 (Attr%)",
)
MIN_SHARE = _share(
    "min_share_score",
    _min_share,
    "the truth word given least against the one given most, each relative to its own exact Shapley value",
    "ours: min|a|/max|a| over truth words where their exact values are equal in size, or unknown",
)
SIGN_ACCURACY = _share(
    "sign_accuracy_score",
    _sign_accuracy,
    "share of truth words that are pushed to the right side; a score of 0 is wrong",
    "ours",
)
ORACLE_SPEARMAN = TruthScore(
    name="oracle_spearman_score",
    compute=_oracle_spearman,
    direction="higher",
    bounds=(-1.0, 1.0),
    means="rank correlation of signed scores with the exact Shapley values, all words",
    source="Spearman 1904, after ties",
)
ORACLE_DISTANCE = TruthScore(
    name="oracle_distance_error",
    compute=_oracle_distance,
    direction="lower",
    bounds=(0.0, 1.0),
    means="distance to the exact Shapley values relative to their length, after the best positive scaling",
    source="ours: the sine of the angle between both, 1 from a right angle on",
)
