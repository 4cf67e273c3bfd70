"""One identity, measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One identity, measured: `value` is the largest error found, `where` the place it was found at."""

    name: str
    value: float
    tolerance: float
    passed: bool
    where: str
