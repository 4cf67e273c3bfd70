"""The terminal's colours are the page's, and they are left away where nobody wants them."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from rich.console import Console

from study.report.strips import LEVELS, colour_rules, signed_level, unsigned_level
from study.showing import colours
from study.showing.colours import has_colours, style_of, top_of


def page_styles() -> dict[str, str]:
    """Of every level of the style sheet, as the terminal writes it."""
    found = re.findall(r"\.([ds]-?\d)\{background:(#\w+);color:(#\w+)\}", colour_rules())
    return {level: f"{ink} on {back}" for level, back, ink in found}


@pytest.mark.parametrize("score", [*np.linspace(-1.3, 1.3, 27), float("nan")])
def test_a_score_has_the_colour_of_the_page(score: float) -> None:
    styles = page_styles() | {"d0": "", "s0": "", "cut": "dim"}  # nothing to tell: the terminal's own colours
    assert style_of(score, 1.0) == styles[signed_level(score, 1.0)]
    assert style_of(abs(score), 1.0, unsigned=True) == styles[unsigned_level(abs(score), 1.0)]


def test_scales_are_those_of_the_page() -> None:
    assert LEVELS == colours.LEVELS
    assert top_of(np.array([np.nan, -2.0, 1.0])) == 2.0
    assert top_of(np.array([np.nan])) == top_of(np.zeros(3)) == 1.0


def test_colours_need_a_terminal_and_no_wish_against_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not has_colours(Console(file=io.StringIO()))
    assert has_colours(Console(file=io.StringIO(), force_terminal=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(Console(file=io.StringIO(), force_terminal=True))
