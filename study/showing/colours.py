"""Scores as colours of a terminal: the page's own steps, and plain numbers where there are no colours.

The steps stand here as values, since computing them takes matplotlib, which a command that answers at once cannot load.
"""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.text import Text

from study.records import NOT_IN_LOGITS, UNSIGNED_METHODS, FloatArray
from study.report.numbers import number, signed

LEVELS = 7  # steps on either side of zero, as on the page
_INK, _BLACK, _WHITE = "#1f2328", "#000000", "#ffffff"
SIGNED = (  # text and back, from −LEVELS to LEVELS
    (_WHITE, "#15508d"),
    (_WHITE, "#2870b1"),
    (_BLACK, "#3e8cbf"),
    (_INK, "#68abd0"),
    (_INK, "#98c8e0"),
    (_INK, "#c0dceb"),
    (_INK, "#deebf2"),
    (_INK, "#ffffff"),
    (_INK, "#fbe5d8"),
    (_INK, "#fbccb4"),
    (_INK, "#f5aa89"),
    (_INK, "#e48066"),
    (_BLACK, "#d05548"),
    (_WHITE, "#ba2832"),
    (_WHITE, "#930e26"),
)
UNSIGNED = (  # from 0 to LEVELS
    (_INK, "#ffffff"),
    (_INK, "#f1eff6"),
    (_INK, "#dedeed"),
    (_INK, "#c6c7e1"),
    (_INK, "#aba9d0"),
    (_INK, "#908dc2"),
    (_BLACK, "#786db2"),
    (_WHITE, "#65479e"),
)


def has_colours(console: Console) -> bool:
    """Whether the steps of a scale reach the reader: a terminal of 256 colours or more, and no NO_COLOR."""
    return console.color_system in ("256", "truecolor") and not console.no_color


def top_of(values: FloatArray) -> float:
    """Where a scale ends: the largest size, 1 where all is zero or undefined."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(sizes.max()) if sizes.size and sizes.max() > 0 else 1.0


def style_of(score: float, top: float, *, unsigned: bool = False) -> str:
    """The style of a score on a scale that ends at `top`; "" for what is next to nothing."""
    if not np.isfinite(score):
        return "dim"
    level = round(LEVELS * float(np.clip(score / top, 0.0 if unsigned else -1.0, 1.0)))
    if level == 0:
        return ""
    ink, back = UNSIGNED[level] if unsigned else SIGNED[level + LEVELS]
    return f"{ink} on {back}"


def is_unsigned(method: str) -> bool:
    """Whether an explainer's scores have a size only."""
    return method in UNSIGNED_METHODS


def has_own_scale(method: str) -> bool:
    """Whether a method's scores are not in logits."""
    return method in NOT_IN_LOGITS


def ramp(top: float) -> Text:
    """The diverging scale with its ends, in logits."""
    text = Text(f"{signed(-top)} ")
    for level in range(-LEVELS, LEVELS + 1):
        text.append(" ", style_of(level, LEVELS))
    return text.append(f" {signed(top)} logits")


def decimals_of(top: float) -> int:
    """Decimals that leave two digits of the largest number, at least two."""
    return 2 if top >= 0.1 else min(6, 1 - int(np.floor(np.log10(top))))


def share(value: float, decimals: int = 0) -> str:
    """A share between 0 and 1 as a percentage, with a space that every terminal has."""
    return f"{number(100 * value, decimals)} %"
