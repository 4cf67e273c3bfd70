"""Arrays of records: their types, and the check of shape that makes them read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]


def read_only(array: Any, *, dtype: Any = None, shape: tuple[int | None, ...], name: str) -> Any:
    """A read-only copy of `array`, after its shape is checked (None matches any length).

    Raises: ValueError naming the array, its shape and the shape wanted.
    """
    copy = np.array(array, dtype=dtype)
    matches = copy.ndim == len(shape) and all(w is None or w == g for w, g in zip(shape, copy.shape, strict=True))
    if not matches:
        raise ValueError(f"{name} has shape {copy.shape}, wanted {shape}")
    copy.setflags(write=False)
    return copy
