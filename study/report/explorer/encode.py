"""Values as JSON that may stand inside a script element: short numbers, and nothing that could end the element."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

DIGITS = 3  # significant ones: what a reader compares, at half the bytes of full precision
ENOUGH = 17  # significant digits that say any number exactly
NOTHING = 5e-5  # a smaller size is 0: the page shows fewer decimals, and a fifth of all bytes would be such remainders
# In JSON these stand inside texts only, where \uXXXX means the same. The last two end lines in old scripts.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def encode(value: Any) -> str:
    """`value` as JSON without spaces: arrays as lists, NaN as null, numbers to DIGITS significant digits.

    Where the page would round such a number to another figure than the number itself, it has more digits: as few as
    print alike. Numbers below NOTHING in size are 0.

    Raises: TypeError for what JSON has no form for.
    """
    text = json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.translate(_ESCAPES)


def _plain(value: Any) -> Any:
    if isinstance(value, float):  # most of all values: first
        return _short(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return value


def _short(value: float) -> float | int | None:
    """Whole numbers lose their ".0"; what is not finite is None."""
    if not math.isfinite(value):
        return None
    if abs(value) < NOTHING:
        return 0
    digits = DIGITS
    rounded = float(f"{value:.{digits}g}")
    while not _print_alike(rounded, value) and digits < ENOUGH:
        digits += 1
        rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e6 else rounded


def _print_alike(rounded: float, value: float) -> bool:
    """Whether both are the same to as many decimals as the page prints of them: three digits, in cells two.

    Rounding 0.3746 to 0.375 and that to two decimals gives 0.38, which it is not.
    """
    size = abs(rounded)
    most = 3 if size < 1 else 2 if size < 10 else 1
    return f"{rounded:.{most}f}" == f"{value:.{most}f}" and f"{rounded:.{most - 1}f}" == f"{value:.{most - 1}f}"
