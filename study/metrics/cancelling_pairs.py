"""Two heads that undo each other: antiparallel columns of the causal crosswalk, confirmed by taking both out.

No score of single heads sees such a pair, since each does change the margin; and no interaction index, since their
effects simply add.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from study.records import FloatArray

MAX_COSINE = -0.95  # noise of a tenth of a column's length on both leaves -0.99; unrelated columns lie near 0
MIN_NORM_RATIO = 0.8  # the larger leaves at most a fifth of itself; a head that takes twice back has 0.5
MIN_NORM_SHARE = 0.02  # of the longest column: below it, as NULL_SHARE for verdicts on heads, a column is noise
MAX_JOINT_SHARE = 0.1  # of the larger single effect: both together do nothing, as far as one can tell


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPair:
    """Columns a and b of a crosswalk: their cosine, smaller norm over larger, and whether they are antiparallel.

    cosine and norm_ratio are NaN where a column is 0 throughout.
    """

    a: int
    b: int
    cosine: float
    norm_ratio: float
    antiparallel: bool


def compare_columns(columns: FloatArray) -> list[ColumnPair]:
    """Every pair of heads, in order, and whether it may be a cancelling pair.

    columns: [word head], causal crosswalks of many texts below each other; rows with NaN (words beyond the model)
    are left out. Antiparallel: cosine <= MAX_COSINE, norm ratio >= MIN_NORM_RATIO, neither norm below MIN_NORM_SHARE
    of the longest column.
    """
    columns = np.asarray(columns, dtype=np.float64)
    columns = columns[~np.isnan(columns).any(axis=1)]
    norm = np.linalg.norm(columns, axis=0)
    products = columns.T @ columns
    least = MIN_NORM_SHARE * float(norm.max(initial=0.0))
    pairs = []
    for a, b in itertools.combinations(range(len(norm)), 2):
        small, large = sorted((float(norm[a]), float(norm[b])))
        cosine = max(-1.0, min(1.0, float(products[a, b]) / (small * large))) if small > 0 else math.nan
        ratio = small / large if small > 0 else math.nan
        opposite = cosine <= MAX_COSINE and ratio >= MIN_NORM_RATIO and small >= least
        pairs.append(ColumnPair(a=a, b=b, cosine=cosine, norm_ratio=ratio, antiparallel=opposite))
    return pairs


def is_cancelling(pair: ColumnPair, single_a: float, single_b: float, joint: float) -> bool:
    """Whether an antiparallel pair undoes itself: without both, the margin hardly moves; without one, it does.

    single_a, single_b, joint: mean |change of the margin| when a, b, or both are replaced by their means, over texts.
    NaN in any of the three confirms nothing.
    """
    singles_known = not (math.isnan(single_a) or math.isnan(single_b))  # max leaves out a NaN that comes second
    return pair.antiparallel and singles_known and joint < MAX_JOINT_SHARE * max(single_a, single_b)
