"""What a crosswalk picture is made of: tables, bars, and words around them, ready to be painted."""

from __future__ import annotations

from dataclasses import dataclass

from study.records import FloatArray
from study.report.numbers import MINUS, number, signed

REST = -2  # the "layer" of the column that the smaller components share; its cells may exceed the colour scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One table of the picture. cells: [word column]; column_sum: [column].

    names: full labels of the columns ("L0H1"), short: those under a heading of their layer ("H1"); layers: the
    layer of each, -1 for none, or REST; called: what each is known as ("NegScope"), or nothing. dashes, rings:
    [column], what is marked on the column sums, or None.
    """

    title: str
    subtitle: str
    foot: tuple[str, ...]
    names: tuple[str, ...]
    short: tuple[str, ...]
    layers: tuple[int, ...]
    cells: FloatArray
    column_sum: FloatArray
    called: tuple[str, ...] = ()
    dashes: FloatArray | None = None
    rings: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One column of bars. row_sum: [word]; ticks: [word], marked on the bars, or None."""

    title: str
    subtitle: str
    row_sum: FloatArray
    ticks: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """words: labels of the rows. key: what a cell is measured in, and what + means.

    corner: what the number is, the number, and the lines below it. footnote: lines under the picture.
    """

    words: tuple[str, ...]
    panels: tuple[Panel, ...]
    bars: tuple[Bars, ...]
    key: tuple[str, str]
    corner: tuple[str, str, tuple[str, ...]]
    footnote: tuple[str, ...]


def describe_corner(margin: float, empty: float, target: str, what: str) -> tuple[str, str, tuple[str, ...]]:
    """The total of the picture as the difference that it is; what: its name ("sum of SHAP scores")."""
    without = f"({number(empty)})" if number(empty).startswith(MINUS) else number(empty)
    lines = (f"= margin {number(margin)}", f"− {without} with no words", f"(logits, + = {target})")
    return what, signed(margin - empty), lines
