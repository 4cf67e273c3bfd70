"""Is an explanation's head right? Scores of one explanation against the roles that heads are known to have.

Every class is scored on its own against the null heads, since one number over all would hide which class a method
misses. Only sizes count: a head's role has no sign, so a turned sign is not seen here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from study.errors import UnknownNameError
from study.metrics import HEAD_SCORES
from study.metrics.ties import (
    TruthScore,
    area_under_curve,
    expected_average_precision,
    expected_precision,
    size_levels,
)
from study.records import BoolArray, FloatArray, IntArray
from study.registry import suggest

ROLES = ("direct", "indirect", "latent", "cancelling", "null", "idle", "pad")
UNSCORED = ("idle", "pad")  # heads with nothing to do in a text, and those that the circuit does not need
ACTING = ("direct", "indirect")  # heads without which the answer changes
TRUTH_ONLY = "_truth_only"  # ends the name of a method whose head scores come from truth words alone
_ORACLE = {
    "direct": 1.0,
    "indirect": 1.0,
    "latent": 1.0,
    "cancelling": 0.0,
    "null": 0.0,
    "idle": math.nan,
    "pad": math.nan,
}
_REVERSED = {
    "direct": 0.0,
    "indirect": 0.0,
    "latent": 0.0,
    "cancelling": 1.0,
    "null": 0.5,
    "idle": math.nan,
    "pad": math.nan,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHeads:
    """One explanation of one text beside the roles of its heads; no pads.

    role: [head], one of ROLES. level: [head], of the sizes of their scores, see study.metrics.ties.
    """

    role: tuple[str, ...]
    level: IntArray

    def has(self, *roles: str) -> BoolArray:
        """[head]: whether its role is one of these."""
        return np.array([role in roles for role in self.role], dtype=np.bool_)


def score_heads(scores: FloatArray, roles: Sequence[str]) -> dict[str, float]:
    """Every score in HEAD_SCORES of one explanation of one text.

    scores: [head], any sign; roles: [head], one of ROLES, in this text. Those UNSCORED are left out. All NaN when
    another head has no score, for leaving it out would flatter; one is NaN where its class of heads, or that of the
    null heads, is empty.

    Raises: ValueError for different lengths or an infinite score; UnknownNameError for a role that does not exist.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if len(scores) != len(roles):
        raise ValueError(f"{len(scores)} scores for {len(roles)} heads")
    if np.isinf(scores).any():
        raise ValueError("a score of a head is infinite")
    _check(roles)
    kept = np.array([role not in UNSCORED for role in roles], dtype=np.bool_)
    if np.isnan(scores[kept]).any():
        return dict.fromkeys(HEAD_SCORES, math.nan)
    known = KnownHeads(role=tuple(role for role in roles if role not in UNSCORED), level=size_levels(scores[kept]))
    named: dict[str, TruthScore[KnownHeads]] = {name: HEAD_SCORES.load(name) for name in HEAD_SCORES}
    return {name: score.compute(known) for name, score in named.items()}


def crosswalk_head_scores(cells: FloatArray, words: BoolArray | None = None) -> FloatArray:
    """[head]: sum over words of |cell|, of the heads' columns of a crosswalk [word head].

    words: [word], sum these alone. Summing truth words alone uses the truth: a bound for what a reader who knew them
    could see, never a method (its name ends in TRUTH_ONLY). Words beyond the model, whose row is NaN, count nothing.

    Raises: ValueError for words of another length.
    """
    size = np.abs(np.asarray(cells, dtype=np.float64))
    if words is not None:
        if len(words) != len(size):
            raise ValueError(f"{len(words)} truth marks for {len(size)} words of a crosswalk")
        size = size[np.asarray(words, dtype=np.bool_)]
    return size[~np.isnan(size).all(axis=1)].sum(axis=0)


def oracle_head_scores(roles: Sequence[str]) -> FloatArray:
    """[head]: 1 for heads that do some of the work, now or when another is missing, 0 for the others, NaN for pads."""
    _check(roles)
    return np.array([_ORACLE[role] for role in roles])


def reversed_head_scores(roles: Sequence[str]) -> FloatArray:
    """[head]: the worst explanation: most to heads that undo each other, then null heads, nothing to those that work.

    Every score must put it below chance (a self-test).
    """
    _check(roles)
    return np.array([_REVERSED[role] for role in roles])


def _check(roles: Sequence[str]) -> None:
    for role in roles:
        if role not in ROLES:
            raise UnknownNameError(f"unknown role of a head '{role}'{suggest(role, ROLES)}")


def _auroc(known: KnownHeads, *, role: str) -> float:
    return area_under_curve(known.level[known.has(role)], known.level[known.has("null")])


def _average_precision(known: KnownHeads, *, role: str) -> float:
    among = known.has(role, "null")
    relevant = known.has(role)[among]
    return expected_average_precision(known.level[among], relevant) if not relevant.all() else math.nan


def _cancelling(known: KnownHeads) -> float:
    area = _auroc(known, role="cancelling")
    return area if math.isnan(area) else max(0.0, 2 * area - 1)


def _precision_at_acting(known: KnownHeads) -> float:
    """Latent heads are left out: to credit a spare part is neither right nor wrong."""
    among = ~known.has("latent")
    relevant = known.has(*ACTING)[among]
    k = int(np.count_nonzero(relevant))
    return expected_precision(known.level[among], relevant, k) if 0 < k < len(relevant) else math.nan


def _class_score(
    kind: str, role: str, compute: Callable[..., float], means: str, source: str
) -> TruthScore[KnownHeads]:
    return TruthScore(
        name=f"{kind}_{role}_score",
        compute=partial(compute, role=role),
        direction="higher",
        bounds=(0.0, 1.0),
        means=f"{means} {role} heads against null heads, ranked by size",
        source=source,
    )


_AREA = ("auroc", _auroc, "chance that one of the two is ranked right, a tie half (AUROC):", "Hanley and McNeil 1982")
_MEAN = ("average_precision", _average_precision, "average precision of", "Buckley and Voorhees 2000")
AUROC_DIRECT, AUROC_INDIRECT, AUROC_LATENT = (
    _class_score(_AREA[0], role, *_AREA[1:]) for role in ("direct", "indirect", "latent")
)
AVERAGE_PRECISION_DIRECT, AVERAGE_PRECISION_INDIRECT, AVERAGE_PRECISION_LATENT = (
    _class_score(_MEAN[0], role, *_MEAN[1:]) for role in ("direct", "indirect", "latent")
)
CANCELLING = TruthScore(
    name="cancelling_error",
    compute=_cancelling,
    direction="lower",
    bounds=(0.0, 1.0),
    means="how far jointly null heads are ranked above null ones: 2 AUROC - 1, and 0 where they are not",
    source="ours",
)
PRECISION_AT_ACTING = TruthScore(
    name="precision_at_acting_score",
    compute=_precision_at_acting,
    direction="higher",
    bounds=(0.0, 1.0),
    means="share of direct and indirect heads among the top k of all but latent ones, k their number, over ties",
    source="ours: precision at k (Bastings et al. 2022) of heads",
)
