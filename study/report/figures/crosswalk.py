"""The signature picture: words × components of one text, with its margins."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Canvas

from study.records import FloatArray
from study.report.figures.style import (
    DIVERGING,
    INK,
    MUTED,
    WIDE,
    balanced,
    bare,
    clip,
    heat,
    method_label,
    text_on,
)
from study.report.numbers import MINUS, number, short_signed

ROW, HEAD, FOOT = 0.31, 0.95, 1.35  # inches: a word's row, the space above the table, the column sums below
ANNOTATE_ABOVE = 0.15  # of the largest cell
ANNOTATE_FROM = 0.31  # inches: narrower cells carry no numbers
BAR_COLOURS = (DIVERGING(0.93), DIVERGING(0.07))


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One table of the picture. cells: [word column]; column_sum: [column]; expected: [column] or None.

    expected: the direct contributions beyond the empty text, marked on the column sums.
    row_sum: [word], the score of the method, biases included.
    """

    method: str
    title: str
    subtitle: str
    foot: str
    cells: FloatArray
    column_sum: FloatArray
    expected: FloatArray
    row_sum: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """words: labels of the rows. columns: labels of the components, with the layer of each (-1: none).

    corner: what the number is, the number, and the lines below it. footnote: lines under the picture.
    """

    words: tuple[str, ...]
    columns: tuple[str, ...]
    layers: tuple[int, ...]
    panels: tuple[Panel, ...]
    corner: tuple[str, str, tuple[str, ...]]
    footnote: tuple[str, ...]


def paint_crosswalk(picture: Picture) -> Canvas:
    """Tables side by side on one colour scale, row sums to the right, column sums below, total in the corner."""
    n_words, n_panels = len(picture.words), len(picture.panels)
    height = HEAD + ROW * max(n_words, 3) + FOOT
    canvas = plt.figure(figsize=(WIDE, height))
    bars = 1.12 * n_panels
    label = 0.25 + 0.105 * max(len(clip(w)) for w in picture.words)
    table = (WIDE - label - bars - 0.32 * n_panels) / n_panels
    norm = balanced(np.concatenate([p.cells.ravel() for p in picture.panels]))
    top, low = 1 - HEAD / height, FOOT / height
    sums = _sum_limits(picture.panels)
    for i, panel in enumerate(picture.panels):
        left = (label + i * (table + 0.32)) / WIDE
        ax = canvas.add_axes((left, low, table / WIDE, top - low))
        _paint_table(ax, picture, panel, norm, table, label_words=i == 0)
        below = canvas.add_axes((left, low - 0.95 / height, table / WIDE, 0.8 / height))
        _paint_column_sums(below, picture, panel, sums, label_axis=i == 0)
    right = (label + n_panels * (table + 0.32)) / WIDE
    _paint_bars(canvas, picture, (right, low, bars / WIDE - 0.005, top - low), height)
    for k, line in enumerate(picture.footnote):
        canvas.text(label / WIDE, (-0.05 - 0.2 * k) / height, line, fontsize=9.5, color=MUTED, va="top")
    return canvas


def _gaps(picture: Picture) -> FloatArray:
    """[column] left edge of every column in cell widths: layers are set apart by a gap."""
    edge, edges, before = 0.0, [], picture.layers[0]
    for layer in picture.layers:
        edge += 0.22 if layer != before else 0.0
        edges.append(edge)
        edge, before = edge + 1.0, layer
    return np.array(edges)


def _paint_table(
    ax: Axes, picture: Picture, panel: Panel, norm: Normalize, inches: float, *, label_words: bool
) -> None:
    edges = _gaps(picture)
    n_words = len(picture.words)
    for layer in dict.fromkeys(picture.layers):
        columns = [c for c, k in enumerate(picture.layers) if k == layer]
        sides = np.append(edges[columns], edges[columns[-1]] + 1)
        heat(ax, panel.cells[:, columns], DIVERGING, norm, x=sides)
        if layer >= 0:
            middle = edges[columns].mean() + 0.5
            ax.text(middle, -1.05, f"layer {layer}", ha="center", va="bottom", fontsize=9.5, color=MUTED)
            ax.plot([edges[columns[0]] + 0.06, edges[columns[-1]] + 0.94], [-1] * 2, color=MUTED, lw=0.7, clip_on=False)
    ax.set(xlim=(0, edges[-1] + 1), ylim=(n_words, 0))
    bare(ax)
    size = inches / (edges[-1] + 1)
    for edge, name in zip(edges, picture.columns, strict=True):
        turned = len(name) > 3 and size < 0.36
        points = 8 if size < 0.36 or len(name) > 3 else 10
        ax.text(edge + 0.5, -0.16, name, ha="center", va="bottom", fontsize=points, rotation=90 if turned else 0)
    ax.set_xticks([])
    ax.set_yticks(np.arange(n_words) + 0.5, [clip(w) for w in picture.words] if label_words else [], fontsize=12.5)
    _head(ax, panel.title, panel.subtitle, n_words)
    if size >= ANNOTATE_FROM:
        _annotate(ax, panel.cells, edges, norm, 8.6 if size > 0.38 else 7.2)


def _head(ax: Axes, title: str, subtitle: str, n_words: int) -> None:
    """Two lines above an axes, at one height over the whole picture."""
    scale = ROW * max(n_words, 3)
    ax.text(0, 1 + 0.76 / scale, title, transform=ax.transAxes, fontsize=13, weight="bold")
    ax.text(0, 1 + 0.57 / scale, subtitle, transform=ax.transAxes, fontsize=9.5, color=MUTED)


def _annotate(ax: Axes, cells: FloatArray, edges: FloatArray, norm: Normalize, size: float) -> None:
    """Numbers in the cells that matter: above a share of the largest; small cells stay blank."""
    floor = max(ANNOTATE_ABOVE * float(np.nanmax(np.abs(cells), initial=0.0)), 0.005)
    for w, c in zip(*np.nonzero(np.abs(cells) >= floor), strict=True):
        value = float(cells[w, c])
        colour = text_on(DIVERGING(norm(value))[:3])
        ax.text(
            edges[c] + 0.5,
            w + 0.52,
            short_signed(value),
            ha="center",
            va="center",
            fontsize=size,
            color=colour,
            zorder=9,
        )


def _sum_limits(panels: tuple[Panel, ...]) -> tuple[float, float]:
    """One scale for all column sums, so that the panels can be compared."""
    values = np.concatenate([np.append(p.column_sum, p.expected) for p in panels] + [np.zeros(1)])
    pad = 0.08 * float(np.ptp(values) or 1.0)
    return float(values.min()) - pad, float(values.max()) + pad


def _paint_column_sums(
    ax: Axes, picture: Picture, panel: Panel, limits: tuple[float, float], *, label_axis: bool
) -> None:
    edges = _gaps(picture)
    colours = [BAR_COLOURS[0] if v > 0 else BAR_COLOURS[1] for v in panel.column_sum]
    ax.bar(edges + 0.5, panel.column_sum, width=0.72, color=colours)
    ax.scatter(edges + 0.5, panel.expected, marker="_", s=150, color=INK, linewidth=1.6, zorder=3)
    ax.axhline(0, color=MUTED, lw=0.6)
    ax.set(xlim=(0, edges[-1] + 1), ylim=limits, xticks=[])
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(labelsize=9, labelleft=label_axis)
    ax.locator_params(axis="y", nbins=4)
    ax.set_xlabel(panel.foot, fontsize=9.5, color=MUTED, labelpad=4)


def _paint_bars(canvas: Canvas, picture: Picture, box: tuple[float, float, float, float], height: float) -> None:
    """Row sums of every panel on one scale, and the total in the corner below them."""
    left, low, width, tall = box
    each = width / len(picture.panels)
    values = np.concatenate([p.row_sum for p in picture.panels] + [np.zeros(1)])
    pad = 0.06 * float(np.ptp(values) or 1.0)
    n_words = len(picture.words)
    for i, panel in enumerate(picture.panels):
        ax = canvas.add_axes((left + i * each, low, each * 0.92, tall))
        colours = [BAR_COLOURS[0] if v > 0 else BAR_COLOURS[1] for v in panel.row_sum]
        ax.barh(np.arange(n_words) + 0.5, panel.row_sum, height=0.66, color=colours)
        ax.axvline(0, color=MUTED, lw=0.6)
        ax.set(xlim=(values.min() - pad, values.max() + pad), ylim=(n_words, 0), yticks=[])
        ax.xaxis.tick_top()
        ax.tick_params(labelsize=9, length=2, pad=1)
        ax.set_xticks(*_three_ticks(values))
        ax.spines[["left", "bottom", "top"]].set_visible(False)
        _head(ax, method_label(panel.method), "row sums", n_words)
    middle = left + width / 2
    what, total, lines = picture.corner
    canvas.text(middle, low - 0.08 / height, what, fontsize=9, ha="center", va="top", color=MUTED)
    canvas.text(middle, low - 0.47 / height, total, fontsize=15, ha="center")
    for k, line in enumerate(lines):
        canvas.text(middle, low - (0.62 + 0.19 * k) / height, line, fontsize=9, ha="center", va="top", color=MUTED)


def _three_ticks(values: FloatArray) -> tuple[list[float], list[str]]:
    """Zero and one round number on either side that holds words: labels that cannot run into each other."""
    top = float(np.abs(values).max()) or 1.0
    step = 10.0 ** np.floor(np.log10(top))
    step *= max(k for k in (1, 2, 5) if k * step <= top * 1.0001)
    ticks = [t for t in (-step, 0.0, step) if values.min() * 1.06 <= t <= values.max() * 1.06 or t == 0]
    return ticks, [f"{t:g}".replace("-", "−") for t in ticks]


def describe_corner(margin: float, empty: float, target: str, what: str) -> tuple[str, str, tuple[str, ...]]:
    """The total of the picture as the difference that it is; what: its name ("sum of SHAP scores")."""
    without = f"({number(empty)})" if number(empty).startswith(MINUS) else number(empty)
    lines = (f"= margin {number(margin)}", f"− {without} with no words", f"(logits, + = {clip(target, 18)})")
    return what, number(margin - empty), lines
