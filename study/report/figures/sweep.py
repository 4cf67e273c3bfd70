"""Figure: small multiples, one outcome a row and one axis of a sweep a column, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from study.records import FloatArray
from study.report.figures.palette import INK, PLATE, RULE, SEED_MARKERS
from study.report.figures.style import WIDE
from study.report.numbers import count

_TALL = 2.65  # inches of a row
_ROOM = 1.0  # for intervals beyond the means of a row, in spans of those means
_LEAST_SPAN = 0.02
_APART = 0.06  # doublings between lines whose intervals would cover each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series with its intervals. x, y, low, high: [point]; strong: drawn solid, else dashed and hollow."""

    label: str
    colour: str
    strong: bool
    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One axis. ticks: where it is labelled; all positive, the axis is logarithmic."""

    title: str
    unit: str
    ticks: tuple[float, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
    """Panels side by side with one vertical scale."""

    label: str
    panels: tuple[Panel, ...]


def paint_sweep(rows: Sequence[PanelRow]) -> Canvas:
    """All rows under each other; a line looks alike in all of them, and is named once, at the top."""
    across = max(len(row.panels) for row in rows)
    tall = _TALL * len(rows) + 0.75
    canvas = plt.figure(figsize=(min(WIDE, 1.0 + 2.45 * across), tall))
    top, bottom = 1 - 0.65 / tall, 0.55 / tall
    grid = canvas.add_gridspec(len(rows), across, left=0.075, right=0.995, top=top, bottom=bottom, hspace=0.52)
    markers = _markers(rows)
    for i, row in enumerate(rows):
        first: Axes | None = None
        for j, panel in enumerate(row.panels):
            ax = canvas.add_subplot(grid[i, j], sharey=first)
            first = first or ax
            _paint(ax, panel, markers)
            ax.tick_params(labelleft=j == 0)
        if first is not None:
            first.set_ylabel(row.label)
            first.set_ylim(*_limits(row))
    _name_lines(canvas, rows, markers)
    return canvas


def _markers(rows: Sequence[PanelRow]) -> dict[str, str]:
    """Every line's mark, the same in all panels: a grey print has no colours to tell lines by."""
    labels = dict.fromkeys(line.label for row in rows for panel in row.panels for line in panel.lines)
    return {label: SEED_MARKERS[k % len(SEED_MARKERS)] for k, label in enumerate(labels)}


def _limits(row: PanelRow) -> tuple[float, float]:
    """Room for all means and for their intervals, but for those so long that they would flatten all lines."""
    lines = [line for panel in row.panels for line in panel.lines]
    y, low, high = (np.concatenate([getattr(line, key) for line in lines]) for key in ("y", "low", "high"))
    span = max(float(np.ptp(y)), _LEAST_SPAN)
    least, most = float(np.nanmin(low, initial=y.min())), float(np.nanmax(high, initial=y.max()))
    edge = 0.05 * span
    return max(least, float(y.min()) - _ROOM * span) - edge, min(most, float(y.max()) + _ROOM * span) + edge


def _paint(ax: Axes, panel: Panel, markers: Mapping[str, str]) -> None:
    middle = (len(panel.lines) - 1) / 2
    for k, line in enumerate(panel.lines):
        x = line.x * 2.0 ** (_APART * (k - middle))
        style, mark = "-" if line.strong else "--", markers[line.label]
        ax.vlines(x, line.low, line.high, color=line.colour, lw=1.2, alpha=0.55)
        ax.plot(x, line.y, style, color=line.colour, lw=1.6, marker=mark, ms=5, mfc=_fill(line), mew=1.4)
    ax.set_xscale("log", base=2)
    ticks = list(panel.ticks)
    ax.set_xticks(ticks, [count(tick) for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(ticks[0] / 2**0.35, ticks[-1] * 2**0.35)
    ax.grid(axis="y", color=RULE, lw=0.6)
    ax.set_axisbelow(True)
    ax.set_title(panel.title)
    ax.set_xlabel(panel.unit)


def _fill(line: Line) -> str:
    return line.colour if line.strong else PLATE


def _name_lines(canvas: Canvas, rows: Sequence[PanelRow], markers: Mapping[str, str]) -> None:
    known = {line.label: line for row in rows for panel in row.panels for line in panel.lines}
    handles = [
        Line2D(
            [],
            [],
            color=line.colour,
            ls="-" if line.strong else "--",
            marker=markers[label],
            mfc=_fill(line),
            mew=1.4,
            ms=5,
        )
        for label, line in known.items()
    ]
    canvas.legend(
        handles, list(known), loc="upper left", bbox_to_anchor=(0.065, 1.0), ncols=len(handles), labelcolor=INK,
        handlelength=2.2, columnspacing=1.8, fontsize=10,
    )  # fmt: skip


def as_array(values: Sequence[float]) -> FloatArray:
    """Numbers of a series."""
    return np.asarray(values, dtype=np.float64)
