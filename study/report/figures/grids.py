"""Figure: small grids side by side that share their rows, one number a cell, darker where better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from study.records import BoolArray, FloatArray
from study.report.figures.palette import MUTED, SEQUENTIAL, text_on
from study.report.figures.style import WIDE, heat, text_inches
from study.report.numbers import number

_POINTS = 9.5
_CELL_HIGH = 0.3
_FRAME = "#e69f00"  # seen on the lightest and on the darkest cell


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPanel:
    """One grid of numbers up to 1. cells: [row column], NaN where unknown. good: which numbers are dark.

    framed: [row column], True for cells that are set in a frame.
    """

    title: str
    about: str
    columns: Sequence[str]
    cells: FloatArray
    good: Literal["high", "low", "near zero"]
    framed: BoolArray

    @property
    def shades(self) -> FloatArray:
        """[row column], 1 for the best a cell can be, 0 for the worst."""
        if self.good == "high":
            return self.cells
        return 1 - (self.cells if self.good == "low" else np.abs(self.cells))


def paint_grids(rows: Sequence[str], panels: Sequence[GridPanel], across: int) -> Canvas:
    """rows: names of the rows, the same in all panels; across: panels beside each other, fewer where room is short."""
    left = max(text_inches(name, _POINTS) for name in rows) + 0.3
    room = max(_room(panel) for panel in panels)
    across = max(1, min(across, len(panels), int((WIDE - left) / room)))
    n_lines = -(-len(panels) // across)
    size = (left + across * room, n_lines * (len(rows) * _CELL_HIGH + 1.25))
    canvas, axes = plt.subplots(n_lines, across, figsize=size, squeeze=False)
    for i, ax in enumerate(axes.flat):
        if i < len(panels):
            _paint(ax, panels[i], rows if i % across == 0 else [], len(rows))
        else:
            ax.set_axis_off()
    canvas.tight_layout(w_pad=1.5, h_pad=1.5)
    return canvas


def _paint(ax: Axes, panel: GridPanel, names: Sequence[str], n_rows: int) -> None:
    """One panel; names: of its rows, none where another panel to the left has them."""
    norm, shades = Normalize(0, 1), panel.shades
    heat(ax, shades, SEQUENTIAL, norm)
    for (row, column), value in np.ndenumerate(panel.cells):
        if np.isfinite(value):
            colour = text_on(SEQUENTIAL(norm(shades[row, column]))[:3])
            place = (column + 0.5, row + 0.52)
            ax.text(*place, number(float(value)), color=colour, ha="center", va="center", fontsize=_POINTS)
    for row, column in np.argwhere(panel.framed):
        frame = Rectangle((column + 0.05, row + 0.07), 0.9, 0.86, fill=False, edgecolor=_FRAME, lw=1.5)
        ax.add_patch(frame)
    ax.set_xticks(np.arange(len(panel.columns)) + 0.5, list(panel.columns), fontsize=_POINTS)
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0, pad=1)
    ax.set_yticks(np.arange(n_rows) + 0.5 if names else [], list(names), fontsize=_POINTS)
    ax.set_title(panel.title, pad=30)
    ax.annotate(
        panel.about, (0, 1), xytext=(0, 18), xycoords="axes fraction", textcoords="offset points", va="bottom",
        color=MUTED, fontsize=9,
    )  # fmt: skip


def _room(panel: GridPanel) -> float:
    names = max(text_inches(c, _POINTS) for c in panel.columns) + 0.12
    titles = max(text_inches(panel.title, 11.5, bold=True), text_inches(panel.about, 9))
    return max(len(panel.columns) * max(0.56, names), titles) + 0.35
