"""The walkthrough: shapes of the article, differences within tolerance, and what they do when a view is wrong."""

from __future__ import annotations

import math

import pytest
import torch

from study.model import walkthrough
from study.model.attention import Attention
from study.model.walkthrough import build_walkthrough
from tests.tiny import TINY, VARIANTS, tiny_model

ARTICLE_SHAPES = [  # METHODS section 1 with b=1, s=20, v=50,000, d=512, H=8, l=64
    ("1", "", "", "1x20x50000"),
    ("2", "1x20x50000", "50000x512", "1x20x512"),
    ("3", "1x20x512", "20x512", "1x20x512"),
    ("4", "1x20x512", "", "1x20x512"),
    ("5", "1x20x512", "8x512x64", "1x8x20x64"),
    ("5", "1x20x512", "8x512x64", "1x8x20x64"),
    ("5", "1x20x512", "8x512x64", "1x8x20x64"),
    ("6", "1x8x20x64", "1x8x20x64", "1x8x20x20"),
    ("7", "1x8x20x20", "1x8x20x64", "1x8x20x64"),
    ("8a", "1x8x20x64", "", "1x20x512"),
    ("9a", "1x20x512", "512x512", "1x20x512"),
    ("8b", "1x8x20x64", "8x64x512", "1x20x8x512"),
    ("9b", "1x20x8x512", "", "1x20x512"),
]


@pytest.fixture(scope="module")
def rows():
    return build_walkthrough(tiny_model(dtype=torch.float32), torch.Generator().manual_seed(0))


@pytest.fixture
def small_article(monkeypatch):
    monkeypatch.setattr(walkthrough, "ARTICLE", {"n_tokens": 30, "n_positions": 5, "d_model": 16, "n_heads": 4})


def checks(rows, size="article"):
    return [row for row in rows if row.step == "check" and row.size == size]


def test_shapes_of_the_article(rows):
    steps = [row for row in rows if row.size == "article" and row.step != "check"]
    assert [(row.step, row.in_1, row.in_2, row.out) for row in steps] == ARTICLE_SHAPES
    assert all(math.isnan(row.difference) and math.isnan(row.tolerance) for row in steps)


def test_shapes_of_a_trained_model_with_its_layer_norm(rows):
    steps = {row.step: row for row in rows if row.size == "trained" and row.step != "check"}
    assert list(steps) == ["1", "2", "3", "3b", "4", "5", "6", "7", "8a", "9a", "8b", "9b"]
    assert (steps["1"].out, steps["2"].in_2, steps["5"].in_2) == ("1x10x20", "20x8", "2x8x4")
    assert (steps["6"].out, steps["8b"].out, steps["9b"].out) == ("1x2x10x10", "1x10x2x8", "1x10x8")


@pytest.mark.parametrize("size", ["article", "trained"])
def test_three_identities_in_two_dtypes_within_tolerance(rows, size):
    found = checks(rows, size)
    assert [row.tolerance for row in found] == [1e-5] * 3 + [1e-12] * 3
    assert [row.operation.rsplit("(", 1)[1] for row in found] == ["float32)"] * 3 + ["float64)"] * 3
    assert all(row.difference <= row.tolerance for row in found)


@pytest.mark.usefixtures("small_article")
def test_without_layer_norm_or_model_those_rows_are_left_out():
    generator = torch.Generator().manual_seed(0)
    assert {row.size for row in build_walkthrough(None, generator)} == {"article"}
    model = tiny_model(VARIANTS["LayerNorm off"])
    assert "3b" not in [row.step for row in build_walkthrough(model, generator)]


@pytest.mark.usefixtures("small_article")
def test_depends_on_the_generator_alone():
    state = torch.get_rng_state()
    first, again = (build_walkthrough(None, torch.Generator().manual_seed(3)) for _ in range(2))
    assert [row.difference for row in checks(first)] == [row.difference for row in checks(again)]
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.usefixtures("small_article")
def test_a_permuted_slice_shows(monkeypatch):
    def permuted(self, mixed):
        return torch.einsum("nhpe,hed->nphd", mixed, self.W_O.roll(1, 0))

    monkeypatch.setattr(Attention, "sum_view", permuted)
    found = checks(build_walkthrough(None, torch.Generator().manual_seed(0)))
    assert [row.difference > row.tolerance for row in found] == [True, False, False] * 2


@pytest.mark.usefixtures("small_article")
def test_a_convolution_with_the_wrong_groups_or_a_lost_piece_shows(monkeypatch):
    convolve = walkthrough._convolve
    monkeypatch.setattr(walkthrough, "_convolve", lambda mixed, attention: convolve(mixed.roll(1, 1), attention))
    monkeypatch.setattr(walkthrough, "_pieces", lambda entry, attention: entry[4:].sum())
    found = checks(build_walkthrough(None, torch.Generator().manual_seed(0)))
    assert [row.difference > row.tolerance for row in found] == [False, True, True] * 2


def test_the_trained_rows_use_the_models_own_weights(small_article):
    model = tiny_model(TINY)
    model.layers[0].attention.W_O[:] = float("nan")
    found = build_walkthrough(model, torch.Generator().manual_seed(0))
    assert all(math.isnan(row.difference) for row in checks(found, "trained"))
    assert not any(math.isnan(row.difference) for row in checks(found, "article"))
