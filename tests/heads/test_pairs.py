"""The effect of a head beside a missing one: against every pair taken out literally, and where nothing interacts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from study.heads import HEAD_METHODS
from study.heads.pairs import attribute_zero_pairs, largest_effects
from study.tasks import TASKS
from tests.heads.batches import CONFIG, head_batch
from tests.heads.circuits import circuit
from tests.heads.test_ablation import literal_effect
from tests.heads.test_redundant import redundant_batch
from tests.tiny import VARIANTS, tiny_batch, tiny_model


@pytest.mark.parametrize("variant", ["two layers", "one head", "attention only", "LayerNorm off"])
def test_equals_the_literal_oracle(variant):
    batch = head_batch(tiny_model(VARIANTS[variant]), tiny_batch(9, 0, 4))
    places = list(itertools.product(*map(range, batch.shape)))
    found = attribute_zero_pairs(batch, CONFIG)
    for row, place in itertools.product(range(3), places):
        alone = [literal_effect(batch, row, [place], "zero")]
        beside = [
            literal_effect(batch, row, [other, place], "zero") - literal_effect(batch, row, [other], "zero")
            for other in places
            if other != place
        ]
        assert found[row].scores[place] == pytest.approx(max(alone + beside, key=abs), abs=1e-12)
        n = len(places)
        assert found[row].n_evals == 1 + n + n * (n - 1) // 2


def test_the_sign_is_kept_and_nobody_comes_first():
    """Two heads. Full margin 5; without a 4, without b 7, without both 1: a is 1 alone and 6 beside b, b -2 and 3."""
    margin = np.array([[[5.0, 4.0, 7.0], [4.0, 4.0, 1.0], [7.0, 1.0, 7.0]]])
    assert largest_effects(margin).tolist() == [[6.0, 3.0]]
    assert largest_effects(margin + np.array([[0, 0, 2], [0, 0, 0], [2, 0, 2]])).tolist() == [[8.0, -4.0]]


def test_finds_heads_that_stand_in_for_each_other():
    batch = redundant_batch()
    assert np.abs(HEAD_METHODS.load("ablation_zero")(batch, CONFIG)[0].scores).max() == 0
    assert attribute_zero_pairs(batch, CONFIG)[0].scores == pytest.approx(np.ones((1, 2)))


@pytest.mark.parametrize("name", ["order", "majority"])
def test_where_no_head_reads_another_it_is_zero_ablation(name):
    found = circuit(name)
    for spec in TASKS.load(name).heads:
        alone = found.scores("ablation_zero", spec.name)
        assert found.scores("ablation_zero_pairs", spec.name) == pytest.approx(alone, abs=1e-6)


@pytest.mark.parametrize("name", TASKS)
def test_never_smaller_than_zero_ablation(name):
    found = circuit(name)
    for spec in found.task.heads:
        pairs, alone = (np.abs(found.scores(m, spec.name)) for m in ("ablation_zero_pairs", "ablation_zero"))
        assert (pairs >= alone - 1e-12).all()
