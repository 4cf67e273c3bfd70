"""Figure: small grids side by side that share their rows, one number a cell, darker where better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from study.records import BoolArray, FloatArray
from study.report.figures.palette import INK, MUTED, SEQUENTIAL
from study.report.figures.style import WIDE, annotate_cells, heat, text_inches
from study.report.numbers import number

_POINTS = 9.5
_CELL_HIGH = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPanel:
    """One grid of numbers between 0 and 1. cells: [row column], NaN where unknown; high_is_good: else low is.

    own: [row column], True for cells that are set in a frame.
    """

    title: str
    about: str
    columns: Sequence[str]
    cells: FloatArray
    high_is_good: bool
    own: BoolArray


def paint_grids(rows: Sequence[str], panels: Sequence[GridPanel], across: int) -> Canvas:
    """rows: names of the rows, the same in all panels; across: panels beside each other."""
    lines = [panels[i : i + across] for i in range(0, len(panels), across)]
    left = max(text_inches(name, _POINTS) for name in rows) + 0.3
    wide = min(WIDE, left + sum(_room(p) for p in lines[0]))
    high = len(rows) * _CELL_HIGH + 1.25
    canvas, axes = plt.subplots(len(lines), across, figsize=(wide, high * len(lines)), squeeze=False)
    norm = Normalize(0, 1)
    for i, ax in enumerate(axes.flat):
        if i >= len(panels):
            ax.set_axis_off()
            continue
        panel = panels[i]
        shown = panel.cells if panel.high_is_good else 1 - panel.cells
        heat(ax, shown, SEQUENTIAL, norm)
        annotate_cells(ax, shown, norm, colours=SEQUENTIAL, text=_say(panel), fontsize=_POINTS)
        for row, column in np.argwhere(panel.own):
            frame = Rectangle((column + 0.05, row + 0.06), 0.9, 0.88, fill=False, edgecolor=INK, lw=1.1)
            ax.add_patch(frame)
        ax.set_xticks(np.arange(len(panel.columns)) + 0.5, list(panel.columns), fontsize=_POINTS)
        ax.xaxis.tick_top()
        ax.tick_params(axis="x", length=0, pad=1)
        ax.set_yticks(np.arange(len(rows)) + 0.5, rows if i % across == 0 else [], fontsize=_POINTS)
        ax.set_title(panel.title, pad=30)
        ax.annotate(
            panel.about, (0, 1), xytext=(0, 18), xycoords="axes fraction", textcoords="offset points", va="bottom",
            color=MUTED, fontsize=9,
        )  # fmt: skip
    canvas.tight_layout(w_pad=1.5, h_pad=1.5)
    return canvas


def _say(panel: GridPanel) -> Callable[[float], str]:
    """What a cell prints, from its shade."""
    return number if panel.high_is_good else lambda shade: number(1 - shade)


def _room(panel: GridPanel) -> float:
    names = max(text_inches(c, _POINTS) for c in panel.columns) + 0.12
    titles = max(text_inches(panel.title, 11.5, bold=True), text_inches(panel.about, 9))
    return max(len(panel.columns) * max(0.56, names), titles) + 0.35
