"""Seeds keyed by what they are for: the same everywhere, different for different keys."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from study.seeds import rng_of, seed_of


def test_the_same_on_every_machine_and_in_every_process():
    """A golden number: it may never change, or finished runs could not be resumed."""
    assert seed_of(0, "text 7", "shap") == 2326507347630263770


def test_depends_on_every_key_its_place_and_its_type():
    keys = [(), (0,), (1,), ("1",), (0, 1), (1, 0), ("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), (11,), (1, 1)]
    seeds = [seed_of(*key) for key in keys]
    assert len(set(seeds)) == len(keys)


def test_fits_numpy_and_torch():
    seeds = [seed_of(i, "x") for i in range(500)]
    assert min(seeds) >= 0
    assert 2**62 < max(seeds) < 2**63
    torch.Generator().manual_seed(max(seeds))
    np.random.default_rng(max(seeds))


def test_generators_do_not_depend_on_order_or_global_state():
    first = rng_of(0, "a").random(3)
    rng_of(0, "b").random(100)
    np.random.seed(7)  # noqa: NPY002
    assert rng_of(0, "a").random(3) == pytest.approx(first, abs=0)
    for one, other in itertools.combinations(["a", "b", "c"], 2):
        assert (rng_of(0, one).random(8) != rng_of(0, other).random(8)).all()
