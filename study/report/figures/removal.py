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
from study.report.figures.style import INK, MUTED, PLATE, WIDE, head_method_colour, head_method_label
from study.report.figures.style import method_colour as word_method_colour
from study.report.figures.style import method_label as word_method_label

_CONTROL = "#8a8f98"
_HALO: list[path_effects.AbstractPathEffect] = [path_effects.withStroke(linewidth=2.6, foreground=PLATE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalLine:
    """Mean margin lost, by one method. percent, lost, low, high: [step]; low and high NaN where not known."""

    unit: str
    method: str
    percent: FloatArray
    lost: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def label(self) -> str:
        """ "Words by SHAP", "Heads at random"."""
        name = word_method_label(self.method)
        if self.unit == "heads":
            name = head_method_label(self.method).removeprefix("Head ")
        return f"{self.unit} at random" if self.method == "random" else f"{self.unit} by {name}"

    @property
    def colour(self) -> str:
        if self.method == "random":
            return _CONTROL
        return head_method_colour(self.method) if self.unit == "heads" else word_method_colour(self.method)

    def at(self, percent: FloatArray) -> FloatArray:
        """Read off between the steps; nothing is lost where nothing is removed."""
        return np.interp(percent, np.append(0.0, self.percent), np.append(0.0, self.lost))


def paint_removal(lines: Sequence[RemovalLine], effect: float, axes_names: tuple[str, str]) -> Canvas:
    """One axis for both: words solid, heads dashed, controls grey; bands are the intervals.

    effect: what all words give, drawn as a line across.
    """
    canvas, ax = plt.subplots(figsize=(WIDE, 6.0))
    for line in lines:
        x = np.append(0.0, line.percent)
        low, high = (np.append(0.0, np.where(np.isfinite(v), v, line.lost)) for v in (line.low, line.high))
        ax.fill_between(x, low, high, color=line.colour, alpha=0.08, lw=0)
        style = (0, (5, 2.2)) if line.unit == "heads" else "-"
        ax.plot(x, np.append(0.0, line.lost), color=line.colour, lw=2.1, ls=style, marker="o", ms=3.6)
    if np.isfinite(effect):
        ax.axhline(effect, color=INK, lw=1.0, ls=(0, (1, 2)))
        text = "all that the words give: margin − margin of no words"
        note = ax.annotate(text, (0.005, effect), xycoords=("axes fraction", "data"), xytext=(0, 3),
                           textcoords="offset points", fontsize=9.5, color=MUTED)  # fmt: skip
        note.set_path_effects(_HALO)
    ax.axhline(0, color=MUTED, lw=0.6)
    ends = [v for line in lines for v in (*line.lost, *line.low, *line.high) if np.isfinite(v)] + [0.0]
    ends += [effect] if np.isfinite(effect) else []
    pad = 0.07 * (max(ends) - min(ends) or 1.0)
    ax.set(xlim=(0, 103), ylim=(min(ends) - pad, max(ends) + pad), xlabel=axes_names[0], ylabel=axes_names[1])
    ax.set_xticks(sorted({0.0} | {float(p) for line in lines for p in line.percent}))
    ax.xaxis.set_major_formatter("{x:g}")
    _name_lines(ax, lines, effect)
    canvas.text(0.995, 1.0, "words ———    heads – – –", ha="right", va="bottom", color=MUTED, fontsize=10.5)
    canvas.tight_layout()
    return canvas


def _name_lines(ax: Axes, lines: Sequence[RemovalLine], effect: float) -> None:
    """Each line's name beside it, at the place where it lies farthest from all other lines and names."""
    low, high = ax.get_ylim()
    tall = 0.045 * (high - low)
    taken: list[tuple[float, float, float]] = []
    for line in lines:
        wide = 1.05 + 0.92 * len(line.label)
        best = (-np.inf, 0.0, 0.0)
        for start in np.arange(2.0, 101.0 - wide, 1.5):
            x = np.linspace(start, start + wide, 12)
            own = line.at(x)
            for shift in (0.75, -0.75, 1.8, -1.8):
                y = (own.max() if shift > 0 else own.min()) + shift * tall
                gaps = [float(np.abs(other.at(x) - y).min()) for other in lines if other is not line]
                gaps += [abs(y - effect)] if np.isfinite(effect) else []
                gaps += [abs(y - v) for a, b, v in taken if a < x[-1] and x[0] < b]
                free = min([*gaps, 1.2 * tall])
                # Above all no name on a line or another name; then near its own line, which must not be steep.
                covered = free < 0.7 * tall or not low + tall / 2 < y < high - tall / 2
                score = free - 0.3 * float(np.ptp(own)) - 0.4 * abs(shift) * tall - 100 * covered
                best = max(best, (score, float(start), float(y)))
        _, start, y = best
        taken.append((start, start + wide, y))
        text = ax.text(start, y, line.label, color=line.colour, fontsize=10.5, va="center", weight="bold")
        text.set_path_effects(_HALO)
