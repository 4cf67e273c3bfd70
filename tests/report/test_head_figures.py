"""Figures about heads: byte-stable, with few and round ticks, thinned where there are too many points."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from study.report.figures.causal import paint_direct_causal, root_ticks
from study.report.figures.paths import MOST_POINTS, thin
from study.report.figures.removal import RemovalLine, paint_removal
from study.report.figures.style import draw, wrap
from study.report.numbers import percent
from tests.report.conftest import Written
from tests.report.test_heads_evidence import VARIANT


def test_figures_of_heads_are_byte_stable(small: Written) -> None:
    heads = {"encoder": small.run.of("profiles", *VARIANT).assign(layer=lambda t: t["layer"].astype(float))}
    lost, steps = np.array([1.0, 2.0]), np.array([25.0, 100.0])
    line = RemovalLine(unit="heads", method="shapley", lost=lost, low=lost, high=lost, percent=steps)
    for painter in (
        lambda: paint_direct_causal(heads, ("a", "b")),
        lambda: paint_removal([line, dataclasses.replace(line, unit="words", method="<$x$>")], 1.0, ("a", "b")),
    ):
        first, second = (draw("x", painter, title="t", note="", source="").svg for _ in range(2))
        assert first == second
        assert re.search(rb"<path", first)


def test_thinning_keeps_the_ends() -> None:
    rows = pd.DataFrame({"predicted": np.arange(5000.0)[::-1]})
    found = thin(rows)["predicted"]
    assert (len(found), found.min(), found.max()) == (MOST_POINTS, 0.0, 4999.0)
    assert len(thin(rows[:7])) == 7


@pytest.mark.parametrize("top", [0.004, 0.03, 0.7, 4.2, 95.0])
def test_ticks_of_the_root_axis_are_round_and_few(top: float) -> None:
    ticks = root_ticks(top)
    assert ticks[0] == 0.0
    assert ticks == sorted(set(ticks))
    assert 4 <= len(ticks) <= 9
    assert max(ticks) <= top


def test_a_title_does_not_break_before_a_per_cent_sign() -> None:
    assert wrap(f"lost {percent(0.25)} of it", 8) == ["lost", f"{percent(0.25)} of", "it"]
