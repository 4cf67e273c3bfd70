"""The signature picture: words × heads and words × components of one text, with their margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Canvas

from study.records import FloatArray, IntArray
from study.report.figures.palette import DIVERGING, INK, MUTED, text_on
from study.report.figures.picture import REST, Panel, Picture
from study.report.figures.sheet import Sheet
from study.report.figures.style import WIDE, balanced, text_inches, wrap
from study.report.numbers import MINUS, short_signed, signed

HEAD, SUMS, LINE = 1.0, 0.8, 0.19  # inches: headings above the tables, column sums, a line of notes
GAP, LAYER_GAP = 0.38, 0.22  # between tables, inches; between layers, cells
CELL_MOST = 0.62  # inches: the cells of small models are no wider
BAR, BAR_ALONE = 1.25, 1.95  # inches: one of several columns of bars, or the only one
LONG = 28  # words from which rows are lower
TICK_LEAST = 0.15  # inches between two labels of an axis
CALLED = 0.13  # inches: room for the names of heads under their labels
RIM = 0.009  # inches: half of the white line between two cells
ANNOTATE_ABOVE = 0.15  # of the largest cell
PAGE = WIDE - 0.24  # inches: the margin is added when the picture is rendered
ANNOTATE_FROM = 0.31  # inches: narrower cells carry no numbers
BAR_COLOURS = (DIVERGING(0.93), DIVERGING(0.07))


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where things are, in inches: the same for every part of one picture. low, top: ends of the tables."""

    row: float
    label: float
    cell: float
    slots: tuple[float, ...]
    width: float
    height: float
    low: float
    lines: tuple[str, ...]

    @property
    def top(self) -> float:
        return self.height - HEAD

    @property
    def word_size(self) -> float:
        return 14.0 if self.row > 0.32 else 12.5

    def middle(self, word: int | IntArray) -> FloatArray:
        """Where the rows of words are."""
        return np.asarray(self.top - self.row * (np.asarray(word) + 0.5))


def paint_crosswalk(picture: Picture) -> Canvas:
    """Tables side by side on one colour scale, row sums to the right, column sums below, total in the corner."""
    plan = _measure(picture)
    sheet = Sheet(plan.width, plan.height)
    norm = balanced(np.concatenate([p.cells[:, np.array(p.layers) != REST].ravel() for p in picture.panels]))
    for w, word in enumerate(picture.words):
        sheet.write(plan.label - 0.08, plan.middle(w), word, fontsize=plan.word_size, ha="right", va="center_baseline")
    left = plan.label
    for i, (panel, slot) in enumerate(zip(picture.panels, plan.slots, strict=True)):
        _paint_table(sheet, panel, norm, plan, left)
        _paint_column_sums(sheet, panel, _sum_limits(picture.panels), plan, left, label_axis=i == 0)
        left += slot + GAP
    _paint_bars(sheet, picture, plan, left)
    _paint_corner(sheet, picture, plan, left)
    _paint_key(sheet, picture, plan, norm)
    for k, line in enumerate(plan.lines):
        sheet.note(plan.label, LINE * (len(plan.lines) - k) + 0.04, line, va="top")
    return sheet.finish()


def _measure(picture: Picture) -> _Plan:
    n_words = len(picture.words)
    row, size = (0.345, 14.0) if n_words < LONG else (0.305, 12.5)
    label = max([text_inches(w, size) for w in picture.words] + [1.05]) + 0.22
    bars = BAR_ALONE if len(picture.bars) == 1 else BAR * len(picture.bars)
    units = [float(_edges(p)[-1]) for p in picture.panels]
    cell = min(CELL_MOST, (PAGE - label - bars - GAP * len(units)) / sum(units))
    heads = [max(text_inches(p.title, 13, bold=True), text_inches(p.subtitle, 9.5)) for p in picture.panels]
    slots = tuple(max(cell * u, head) for u, head in zip(units, heads, strict=True))
    width = label + sum(slots) + GAP * len(units) + bars
    lines = tuple(line for text in picture.footnote for line in wrap(text, int((width - label) * 13.5)))
    below = max(2, *(len(p.foot) for p in picture.panels))
    low = 1.02 + LINE * (below + len(lines)) + 0.16
    return _Plan(row, label, cell, slots, width, HEAD + row * max(n_words, 3) + low, low, lines)


def _edges(panel: Panel) -> FloatArray:
    """[column+1] left edge of every column in cell widths, and the right end; layers are set apart by a gap."""
    edge, edges, before = 0.0, [], panel.layers[0]
    for layer in panel.layers:
        edge += LAYER_GAP if layer != before else 0.0
        edges.append(edge)
        edge, before = edge + 1.0, layer
    return np.array([*edges, edge])


def _paint_table(sheet: Sheet, panel: Panel, norm: Normalize, plan: _Plan, left: float) -> None:
    sheet.write(left, plan.top + 0.78, panel.title, fontsize=13, weight="bold")
    sheet.note(left, plan.top + 0.58, panel.subtitle)
    _paint_names(sheet, panel, plan, left)
    cells = np.nan_to_num(panel.cells)
    words, columns = (a.ravel() for a in np.indices(cells.shape))
    x, y = left + plan.cell * _edges(panel)[columns], plan.top - plan.row * (words + 1)
    colours = DIVERGING(norm(cells.ravel()))
    sheet.fill(x + RIM, y + RIM, plan.cell - 2 * RIM, plan.row - 2 * RIM, colours)
    if plan.cell < ANNOTATE_FROM:
        return
    floor = max(ANNOTATE_ABOVE * float(norm.vmax or 0.0), 0.005)
    size = 8.8 if plan.cell > 0.38 else 7.2
    for k in np.flatnonzero(np.abs(cells.ravel()) >= floor):  # small cells stay blank
        shown = short_signed(float(cells.ravel()[k]))
        place = x[k] + plan.cell / 2, plan.middle(int(words[k]))
        sheet.write(*place, shown, fontsize=size, ha="center", va="center_baseline", color=text_on(colours[k][:3]))


def _paint_names(sheet: Sheet, panel: Panel, plan: _Plan, left: float) -> None:
    """Column labels: short ones under the heading of their layer, full ones turned where a heading has no room."""
    edges = left + plan.cell * _edges(panel)
    layers = [k for k in dict.fromkeys(panel.layers) if k >= 0]
    turned = any(panel.layers.count(k) * plan.cell < 0.55 for k in layers) and plan.cell < 0.5
    raised = 0.0 if turned or not panel.called else CALLED
    for edge, name, short in zip(edges, panel.names, panel.short, strict=False):
        text = name if turned else short
        size = 10.0 if text_inches(short, 10) < plan.cell * 0.95 else 8.0
        turn = 90 if turned or text_inches(text, size) > plan.cell * 1.15 else 0
        place = edge + plan.cell / 2, plan.top + 0.05 + raised
        sheet.write(*place, text, fontsize=size, ha="center", va="bottom", rotation=turn)
    for edge, called in zip(edges, panel.called if raised else (), strict=False):
        size = min(8.5, 8.5 * 0.94 * plan.cell / max(text_inches(called, 8.5), 1e-9))
        sheet.write(edge + plan.cell / 2, plan.top + 0.04, called, fontsize=size, ha="center", va="bottom")
    for layer in [] if turned else layers:
        columns = [c for c, k in enumerate(panel.layers) if k == layer]
        start, end = edges[columns[0]] + 0.02, edges[columns[-1]] + plan.cell - 0.02
        line = plan.top + (0.37 if raised else 0.3)
        sheet.note((start + end) / 2, line + 0.04, f"layer {layer}", ha="center")
        sheet.line([(start, line), (end, line)], MUTED, 0.7)


def _sum_limits(panels: tuple[Panel, ...]) -> tuple[float, float]:
    """One scale for all column sums, so that the panels can be compared."""
    drawn = [v for p in panels for v in (p.column_sum, p.dashes, p.rings) if v is not None]
    values = np.concatenate([*drawn, np.zeros(1)])
    values = values[np.isfinite(values)]
    pad = 0.1 * float(np.ptp(values) or 1.0)
    return float(values.min()) - pad, float(values.max()) + pad


def _colours(values: FloatArray) -> FloatArray:
    return np.array([BAR_COLOURS[0] if v > 0 else BAR_COLOURS[1] for v in values])


def _paint_column_sums(
    sheet: Sheet, panel: Panel, limits: tuple[float, float], plan: _Plan, left: float, *, label_axis: bool
) -> None:
    low, high = limits
    floor = plan.low - 0.95

    def place(value: float | FloatArray) -> FloatArray:
        return np.asarray(floor + SUMS * (np.nan_to_num(value) - low) / (high - low))

    edges, zero = left + plan.cell * _edges(panel), float(place(0.0))
    middle = edges[:-1] + plan.cell / 2
    tops = place(panel.column_sum)
    bar = 0.72 * plan.cell
    sheet.fill(middle - bar / 2, np.minimum(tops, zero), bar, np.abs(tops - zero), _colours(panel.column_sum))
    sheet.line([(edges[0], zero), (edges[-1], zero)], MUTED, 0.6)
    for marks, draw in ((panel.dashes, sheet.dash), (panel.rings, sheet.ring)):
        for x, y in zip(middle, place(marks) if marks is not None else (), strict=False):
            draw(float(x), float(y), min(0.09, 0.4 * plan.cell))
    if label_axis:
        sheet.line([(left - 0.03, floor), (left - 0.03, floor + SUMS)], MUTED, 0.7)
        ticks = _round_ticks(low, high)
        if SUMS * min(np.diff([t for t, _ in ticks]), default=high - low) / (high - low) < TICK_LEAST:
            ticks = _round_ticks(low, high, 1)
        for tick, text in ticks:
            y = float(place(tick))
            sheet.line([(left - 0.07, y), (left - 0.03, y)], MUTED, 0.7)
            sheet.write(left - 0.1, y, text, fontsize=9, ha="right", va="center_baseline")
    for k, line in enumerate(panel.foot):
        sheet.note(left, floor - 0.07 - LINE * k, line, va="top")


def _paint_bars(sheet: Sheet, picture: Picture, plan: _Plan, left: float) -> None:
    """Row sums of every method on one scale."""
    each = (plan.width - left) / len(picture.bars)
    drawn = [v for b in picture.bars for v in (b.row_sum, b.ticks) if v is not None]
    values = np.nan_to_num(np.concatenate([*drawn, np.zeros(1)]))
    low, high = values.min(), values.max()
    scale = (each * 0.92 - 0.1) / ((high - low) or 1.0)
    rows = plan.middle(np.arange(len(picture.words)))
    for i, bars in enumerate(picture.bars):
        zero = left + i * each + 0.05 - low * scale
        ends = zero + scale * np.nan_to_num(bars.row_sum)
        tall = 0.66 * plan.row
        sheet.write(left + i * each, plan.top + 0.78, bars.title, fontsize=13, weight="bold")
        sheet.note(left + i * each, plan.top + 0.58, bars.subtitle)
        sheet.fill(np.minimum(ends, zero), rows - tall / 2, np.abs(ends - zero), tall, _colours(bars.row_sum))
        sheet.line([(zero, plan.top), (zero, plan.top - plan.row * max(len(rows), 3))], MUTED, 0.6)
        for x, y in zip(zero + scale * bars.ticks if bars.ticks is not None else (), rows, strict=False):
            if np.isfinite(x):
                sheet.line([(x, y - 0.4 * plan.row), (x, y + 0.4 * plan.row)], INK, 1.8)
        for tick, text in _round_ticks(low, high, 1):
            sheet.line([(zero + scale * tick, plan.top), (zero + scale * tick, plan.top + 0.03)], MUTED, 0.7)
            sheet.write(zero + scale * tick, plan.top + 0.05, text, fontsize=9, ha="center")


def _paint_corner(sheet: Sheet, picture: Picture, plan: _Plan, left: float) -> None:
    middle = left + (plan.width - left) * 0.46
    what, total, lines = picture.corner
    sheet.note(middle, plan.low - 0.1, what, ha="center", va="top")
    sheet.write(middle, plan.low - 0.56, total, ha="center", fontsize=19)
    for k, line in enumerate(lines):
        sheet.note(middle, plan.low - 0.68 - LINE * k, line, ha="center", va="top")


def _round_ticks(low: float, high: float, most: int = 2) -> list[tuple[float, str]]:
    """Zero and up to `most` round numbers on either side, where they are in reach, with their labels."""
    top = max(-low, high) or 1.0
    step = 10.0 ** np.floor(np.log10(top))
    step *= max(k for k in (0.2, 0.5, 1, 2, 5) if k * step * most <= top * 1.0001)
    ticks = [k * step for k in range(-most, most + 1) if low * 1.0001 <= k * step <= high * 1.0001 or k == 0]
    return [(float(t), f"{t:g}".replace("-", MINUS)) for t in ticks]


def _paint_key(sheet: Sheet, picture: Picture, plan: _Plan, norm: Normalize) -> None:
    """The colour scale, above the words."""
    left, low, width = 0.02, plan.top + 0.3, 0.95
    end = float(norm.vmax or 1.0)
    middles = (np.arange(15) - 7) / 7.5
    sheet.fill(left + width * np.arange(15) / 15, low, width / 15 - 0.01, 0.13, DIVERGING(norm(end * middles)))
    for x, value, ha in ((left, -end, "left"), (left + width, end, "right")):
        sheet.note(x, low - 0.03, signed(value), fontsize=8, va="top", ha=ha)
    for k, line in enumerate(reversed(picture.key)):
        sheet.note(left, low + 0.18 + 0.17 * k, line, fontsize=9)
