"""Seeds for methods that draw, and a fence around packages that use global random state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for a package that takes (or is given) a 32-bit seed, drawn from `rng`."""
    return int(rng.integers(2**31 - 1))


@contextmanager
def isolated_random_state(seed: int) -> Iterator[None]:
    """Seed the global generators of numpy, Python and torch, and put them back as they were afterwards.

    shap draws from numpy's global generator and cannot be given one of its own. Inside, results depend on
    `seed` alone; outside, nothing notices that the package ran, not even after an exception.
    """
    numpy_state = np.random.get_state()  # noqa: NPY002 - the global state is what has to be saved
    python_state = random.getstate()
    torch_state = torch.random.get_rng_state()
    try:
        np.random.seed(seed)  # noqa: NPY002 - the only seed that shap's KernelExplainer obeys
        random.seed(seed)
        torch.manual_seed(seed)
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        torch.random.set_rng_state(torch_state)
