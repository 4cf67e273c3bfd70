"""Groups of heads: which there are, what they are called, and what they do."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from study.errors import ConfigError, UnknownNameError
from study.heads import HEAD_METHODS
from study.heads.groups import group_effects, named_groups
from tests.heads.batches import CONFIG, head_batch
from tests.heads.test_ablation import literal_effect
from tests.tiny import TINY, VARIANTS, tiny_model


def with_groups(*groups):
    return CONFIG.model_copy(update={"groups": groups})


def test_names_and_sizes():
    config = with_groups(("L1H0", "L0H1", "L0H0"), ("L1H1",), ("L1H0", "L0H1"))
    found = {effects.ablation: effects for effects in group_effects(head_batch(tiny_model()), config)}
    pairs = ("L0H0+L0H1", "L0H0+L1H0", "L0H0+L1H1", "L0H1+L1H0", "L0H1+L1H1", "L1H0+L1H1")
    shared = ("layer 0", "layer 1", "all heads", "L0H0+L0H1+L1H0", "L1H1")
    assert list(found) == ["zero", "mean", "resample"]
    assert found["zero"].groups == found["mean"].groups == pairs + shared  # the third group is a pair: once
    assert found["zero"].n_heads == found["mean"].n_heads == (2,) * 6 + (2, 2, 4, 3, 1)
    assert found["resample"].groups == (*shared, "L0H1+L1H0")
    assert found["resample"].n_heads == (2, 2, 4, 3, 1, 2)
    for effects in found.values():
        assert effects.effect.shape == (3, len(effects.groups))


@pytest.mark.parametrize("variant", ["three layers", "one layer", "one head", "attention only"])
def test_effects_equal_the_literal_oracle(variant):
    batch = head_batch(tiny_model(VARIANTS[variant]))
    names = [batch.model.index.names[k] for k in batch.model.index.where("head")]
    places = list(itertools.product(*map(range, batch.shape)))
    for effects in group_effects(batch, with_groups((names[-1], names[0]))):
        for column, (name, size) in enumerate(zip(effects.groups, effects.n_heads, strict=True)):
            if name == "all heads":
                removed = places
            elif name.startswith("layer "):
                removed = [place for place in places if place[0] == int(name.removeprefix("layer "))]
            else:
                removed = [places[names.index(head)] for head in name.split("+")]
            assert len(removed) == size
            for row in range(len(batch)):
                expected = literal_effect(batch, row, removed, effects.ablation)
                assert effects.effect[row, column] == pytest.approx(expected, abs=1e-12)


def test_a_group_of_one_is_the_single_effect():
    batch = head_batch(tiny_model())
    for effects in group_effects(batch, with_groups(("L1H0",))):
        single = HEAD_METHODS.load(f"ablation_{effects.ablation}")(batch, CONFIG)
        column = effects.effect[:, effects.groups.index("L1H0")]
        assert column == pytest.approx([record.scores[1, 0] for record in single], abs=1e-12)


def test_one_head_in_all():
    batch = head_batch(tiny_model(TINY.model_copy(update={"n_layers": 1, "n_heads": 1})))
    for effects in group_effects(batch, CONFIG):
        assert effects.groups == ("layer 0", "all heads")
        assert effects.n_heads == (1, 1)
        assert np.array_equal(effects.effect[:, 0], effects.effect[:, 1])


def test_an_unknown_head():
    model = tiny_model(VARIANTS["four wide heads"])
    with pytest.raises(UnknownNameError, match=r"unknown head 'L2H9': this model has layers 0-1, heads 0-3"):
        named_groups(model, with_groups(("L0H0", "L2H9")))
    with pytest.raises(UnknownNameError, match=r"unknown head 'L0.mlp'"):  # a component, but no head
        named_groups(model, with_groups(("L0.mlp",)))


def test_a_head_named_twice_and_an_empty_group():
    message = r"heads.groups: the group \[L0H0, L1H1, L0H0\] names L0H0 more than once; list each of its heads once"
    with pytest.raises(ConfigError, match=message):
        named_groups(tiny_model(), with_groups(("L0H0", "L1H1", "L0H0")))
    with pytest.raises(ConfigError, match=r"the group \[\] is empty"):
        named_groups(tiny_model(), with_groups(()))
