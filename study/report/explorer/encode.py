"""Values as JSON that may stand inside a script element: short numbers, and nothing that could end the element."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

DIGITS = 3  # significant ones: what a reader compares, at half the bytes of full precision
NOTHING = 5e-5  # a smaller size is 0: the page shows fewer decimals, and a fifth of all bytes would be such remainders
# In JSON these stand inside texts only, where \uXXXX means the same. The last two end lines in old scripts.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def encode(value: Any) -> str:
    """`value` as JSON without spaces: arrays as lists, NaN as null, numbers to DIGITS significant digits.

    Numbers below NOTHING in size are 0.

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
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e6 else rounded
