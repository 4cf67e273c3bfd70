"""Figure: margin lost when words or heads are removed, both on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.patheffects as path_effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from study.records import FloatArray
from study.report.figures.line_labels import Frame, LabelPlace, NamedLine, place_labels
from study.report.figures.palette import INK, MUTED, PLATE, head_method_colour, head_method_label, head_method_marker
from study.report.figures.palette import method_colour as word_method_colour
from study.report.figures.palette import method_label as word_method_label
from study.report.figures.palette import method_marker as word_method_marker
from study.report.figures.style import WIDE, text_inches

_CONTROLS = {"words": "#9aa0a8", "heads": "#5b6168"}
_SIZE, _TALL = 10.5, 0.04  # of names: points, and share of the axis
_ACROSS = "all that the words give"
_HALO: list[path_effects.AbstractPathEffect] = [path_effects.withStroke(linewidth=2.6, foreground=PLATE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalLine:
    """Mean margin lost, by one method. percent, lost, low, high: [step]; low and high NaN where not known.

    band: whether the interval is drawn."""

    unit: str
    method: str
    percent: FloatArray
    lost: FloatArray
    low: FloatArray
    high: FloatArray
    band: bool = True

    @property
    def label(self) -> str:
        """ "Words by SHAP", "Heads at random"."""
        name = word_method_label(self.method)
        if self.unit == "heads":
            name = head_method_label(self.method).removeprefix("Head ")
        return f"{self.unit} at random" if self.method == "random" else f"{self.unit} by {name}"

    @property
    def marker(self) -> str:
        return head_method_marker(self.method) if self.unit == "heads" else word_method_marker(self.method)

    @property
    def colour(self) -> str:
        if self.method == "random":
            return _CONTROLS[self.unit]
        return head_method_colour(self.method) if self.unit == "heads" else word_method_colour(self.method)


def paint_removal(lines: Sequence[RemovalLine], effect: float, axes_names: tuple[str, str]) -> Canvas:
    """One axis for both: words solid, heads dashed, controls grey; bands are the intervals of the lines that want one.

    effect: what all words give, drawn as a line across.
    """
    canvas, ax = plt.subplots(figsize=(WIDE, 6.0))
    for line in lines:
        x = np.append(0.0, line.percent)
        if line.band:
            low, high = (np.append(0.0, np.where(np.isfinite(v), v, line.lost)) for v in (line.low, line.high))
            ax.fill_between(x, low, high, color=line.colour, alpha=0.13, lw=0)
        style = (0, (5, 2.2)) if line.unit == "heads" else "-"
        width = 2.4 if line.band else 1.6
        ax.plot(x, np.append(0.0, line.lost), color=line.colour, lw=width, ls=style, marker=line.marker, ms=4.4)
    if np.isfinite(effect):
        ax.axhline(effect, color=INK, lw=1.0, ls=(0, (1, 2)))
    ax.axhline(0, color=MUTED, lw=0.6)
    bands = [v for line in lines if line.band for v in (*line.low, *line.high)]
    ends = [v for v in (*bands, *(v for line in lines for v in line.lost), effect, 0.0) if np.isfinite(v)]
    pad = 0.07 * (max(ends) - min(ends) or 1.0)
    ax.set(xlim=(0, 103), ylim=(min(ends) - pad, max(ends) + pad), xlabel=axes_names[0], ylabel=axes_names[1])
    ax.set_xticks(sorted({0.0} | {float(p) for line in lines for p in line.percent}))
    ax.xaxis.set_major_formatter("{x:g}")
    _name_lines(ax, lines, effect)
    canvas.text(0.995, 1.0, "words ———    heads – – –", ha="right", va="bottom", color=MUTED, fontsize=10.5)
    canvas.tight_layout()
    return canvas


def name_places(
    lines: Sequence[RemovalLine], effect: float, y_range: tuple[float, float]
) -> list[tuple[str, str, LabelPlace]]:
    """Name, colour and place of every line and, where it is known, of the line across."""
    per_inch = 103 / (WIDE - 0.75)
    named, told = [], []
    for line in lines:
        wide = per_inch * (text_inches(line.label, _SIZE, bold=True) + 0.1)
        named.append(NamedLine(x=np.append(0.0, line.percent), y=np.append(0.0, line.lost), wide=wide))
        told.append((line.label, line.colour))
    if np.isfinite(effect):
        wide = per_inch * (text_inches(_ACROSS, _SIZE, bold=True) + 0.1)
        named.append(NamedLine(x=np.array([0.0, 103.0]), y=np.array([effect, effect]), wide=wide))
        told.append((_ACROSS, MUTED))
    low, high = y_range
    places = place_labels(named, Frame(left=1.0, right=102.0, low=low, high=high, tall=_TALL * (high - low)))
    return [(*about, place) for about, place in zip(told, places, strict=True)]


def _name_lines(ax: Axes, lines: Sequence[RemovalLine], effect: float) -> None:
    low, high = ax.get_ylim()
    for name, colour, place in name_places(lines, effect, (low, high)):
        if place.foot is not None:
            edge = place.y - np.sign(place.y - place.foot[1]) * 0.4 * _TALL * (high - low)
            ax.plot([place.foot[0]] * 2, [edge, place.foot[1]], color=colour, lw=0.9, zorder=4)
            ax.plot(*place.foot, "o", color=colour, ms=5.5, zorder=4)
        text = ax.text(place.x, place.y, name, color=colour, fontsize=_SIZE, va="center", weight="bold", zorder=5)
        text.set_path_effects(_HALO)
