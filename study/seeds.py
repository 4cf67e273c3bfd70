"""Random generators keyed by what they are for, so that no result depends on order, batches or resuming."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(*keys: str | int) -> int:
    """A 63-bit seed that depends on the keys alone, e.g. (training seed, example id, method)."""
    text = "\x1f".join(f"{type(key).__name__}:{key}" for key in keys)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def rng_of(*keys: str | int) -> np.random.Generator:
    """A fresh generator that depends on the keys alone."""
    return np.random.default_rng(seed_of(*keys))
