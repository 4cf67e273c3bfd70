"""Figure: methods by tasks, one panel a score; in the cell its value, as colour its place from chance to oracle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Canvas

from study.records import FloatArray
from study.report.figures.palette import INK, MUTED, PLATE, RULE, SEQUENTIAL, text_on
from study.report.figures.style import WIDE, bare, text_inches, wrap
from study.report.numbers import number

GREY = "#eef0f2"  # nothing can be said: undefined, or the oracle is no better than chance
_CELL, _CELL_HIGH = 0.6, 0.27  # widest and height, inches
_GAP, _BETWEEN = 0.3, 0.36  # between groups of rows (in rows), between panels (inches)
_POINTS, _SMALL = 9.5, 9.0
_SLANT = math.radians(38)  # of the column names
_LINE = 0.165  # inches of a line of small text
_LEAST_PANEL = 1.35  # inches: narrower ones have no room for words
_CELL_LEAST = 0.45  # inches: narrower cells only where more rows of panels do not help
_KEY, _KEY_WORDS = 0.55, 4.22  # inches: below the last row, and before the last words of the key
_UNDEFINED = "not defined, or the oracle is no better than chance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One score. columns: names of the tasks. estimate, relative: [method task], NaN where undefined.

    relative: 0 at chance, 1 at the oracle. about: what the score asks; best: the end that is good, "1 is best".
    """

    title: str
    about: str
    best: str
    columns: tuple[str, ...]
    estimate: FloatArray
    relative: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Inches. left: names of the rows; cell: its width; slant: how far column names reach up and to the right."""

    left: float
    cell: float
    slant: tuple[float, float]

    def width(self, panel: Panel) -> float:
        """Of the cells, or of the title where that is wider."""
        return max(len(panel.columns) * self.cell, text_inches(panel.title, 11, bold=True), _LEAST_PANEL)

    def about(self, panel: Panel) -> list[str]:
        """The lines above the cells; they may reach over the gap to the next panel."""
        room = self.width(panel) + 0.5 * _BETWEEN
        best = panel.best.replace(" ", "\u00a0")  # stays on one line
        return wrap(f"{panel.about}; {best}", int(room / text_inches("n", _SMALL)))

    def total(self, line: Sequence[Panel]) -> float:
        return self.left + sum(self.width(p) for p in line) + _BETWEEN * (len(line) - 1) + self.slant[1]


def paint_score_card(groups: Sequence[Sequence[str]], panels: Sequence[Panel], across: int) -> Canvas:
    """groups: names of the rows, set apart by group, in the order of the panels' rows.

    across: panels in a row where one row has no room for all of them.
    """
    names = [name for group in groups for name in group]
    lines = [panels]
    plan = _plan(names, lines)
    if plan.cell < _CELL_LEAST:
        lines = [panels[i : i + across] for i in range(0, len(panels), across)]
        plan = _plan(names, lines)
    rows = len(names) + _GAP * (len(groups) - 1)
    body = rows * _CELL_HIGH
    heads = [0.3 + _LINE * max(len(plan.about(p)) for p in line) + plan.slant[0] + 0.14 for line in lines]
    tall = sum(heads) + (body + 0.3) * len(lines) + _KEY
    key = plan.left + _KEY_WORDS + 1.1 * text_inches(_UNDEFINED, 9.5)  # the PNG's glyphs are a little wider
    wide = max(*(plan.total(line) for line in lines), key)
    canvas = plt.figure(figsize=(wide, tall))
    top = tall
    for line, head in zip(lines, heads, strict=True):
        x = plan.left
        for k, panel in enumerate(line):
            place = (x / wide, (top - head - body) / tall, len(panel.columns) * plan.cell / wide, body / tall)
            _paint(canvas.add_axes(place), panel, groups if k == 0 else [[""] * len(g) for g in groups], rows)
            canvas.text(x / wide, top / tall, panel.title, weight="bold", fontsize=11, va="top")
            about = "\n".join(plan.about(panel))
            canvas.text(x / wide, (top - 0.22) / tall, about, color=MUTED, fontsize=_SMALL, va="top", linespacing=1.25)
            x += plan.width(panel) + _BETWEEN
        top -= head + body + 0.3
    _key(canvas, plan.left, wide, tall)
    return canvas


def _plan(names: Sequence[str], lines: Sequence[Sequence[Panel]]) -> _Plan:
    """The widest cells with which every row of panels fits the page."""
    left = max(text_inches(name, _POINTS + 0.5) for name in names) + 0.2
    longest = max(text_inches(c, _POINTS) for line in lines for panel in line for c in panel.columns)
    slant = (longest * math.sin(_SLANT), longest * math.cos(_SLANT))
    plan = _Plan(left=left, cell=_CELL, slant=slant)
    while plan.cell > 0.3 and max(plan.total(line) for line in lines) > WIDE - 0.24:
        plan = _Plan(left=left, cell=plan.cell - 0.01, slant=slant)
    return plan


def _paint(ax: Axes, panel: Panel, groups: Sequence[Sequence[str]], rows: float) -> None:
    norm, shade = Normalize(0, 1), SEQUENTIAL.with_extremes(bad=GREY)
    columns, start, top, places = len(panel.columns), 0, 0.0, []
    for group in groups:
        part = slice(start, start + len(group))
        ends = (np.arange(columns + 1), top + np.arange(len(group) + 1))
        colour = np.ma.masked_invalid(np.clip(panel.relative[part], 0, 1))
        ax.pcolormesh(*ends, colour, cmap=shade, norm=norm, edgecolors=PLATE, linewidth=1.3)
        _write(ax, panel.estimate[part], panel.relative[part], top)
        places += [top + k + 0.5 for k in range(len(group))]
        start, top = start + len(group), top + len(group) + _GAP
    ax.set(xlim=(0, columns), ylim=(rows, 0))
    bare(ax)
    ax.xaxis.tick_top()
    ax.set_xticks(np.arange(columns) + 0.4, list(panel.columns), ha="left", rotation_mode="anchor")
    ax.tick_params(axis="x", labelrotation=math.degrees(_SLANT))
    ax.set_yticks(places, [name for group in groups for name in group])
    ax.tick_params(axis="x", labelsize=_POINTS, length=0, pad=1)
    ax.tick_params(axis="y", labelsize=_POINTS + 0.5, length=0)


def _write(ax: Axes, estimate: FloatArray, relative: FloatArray, top: float) -> None:
    for (row, column), value in np.ndenumerate(estimate):
        if np.isfinite(value):
            known = np.isfinite(relative[row, column])
            ink = text_on(SEQUENTIAL(float(np.clip(relative[row, column], 0, 1)))[:3]) if known else INK
            place = (column + 0.5, top + row + 0.53)
            ax.text(*place, number(float(value)), ha="center", va="center", fontsize=_POINTS - 0.3, color=ink)


def _key(canvas: Canvas, left: float, wide: float, tall: float) -> None:
    """The colours in words, below everything."""
    ramp = canvas.add_axes((left / wide, 0.16 / tall, 1.7 / wide, 0.16 / tall))
    ramp.imshow(np.linspace(0, 1, 64)[None, :], aspect="auto", cmap=SEQUENTIAL, norm=Normalize(0, 1))
    ramp.set(xticks=[], yticks=[])
    for side in ramp.spines.values():
        side.set(visible=True, color=RULE)
    y = 0.24 / tall
    canvas.text((left - 0.08) / wide, y, "chance, or worse", ha="right", va="center", fontsize=9.5)
    canvas.text((left + 1.78) / wide, y, "as the oracle, or beyond", va="center", fontsize=9.5)
    grey = canvas.add_axes(((left + 3.84) / wide, 0.16 / tall, 0.3 / wide, 0.16 / tall))
    grey.set(xticks=[], yticks=[], facecolor=GREY)
    for side in grey.spines.values():
        side.set(visible=True, color=RULE)
    canvas.text((left + _KEY_WORDS) / wide, y, _UNDEFINED, va="center", fontsize=9.5)
