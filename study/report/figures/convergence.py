"""Figure: relative error against the number of evaluations, sampler by sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.patheffects as path_effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from study.records import FloatArray
from study.report.figures.palette import ACCENT, MUTED, PLATE, RULE, method_colour
from study.report.figures.style import WIDE
from study.report.numbers import count, percent

OURS = "odd_order"
SAMPLER_LABELS: Mapping[str, str] = {
    OURS: "odd-order regression",
    "shap_kernel": "shap, kernel",
    "shap_permutation": "shap, permutations",
    "captum_kernel": "captum, kernel",
    "captum_sampling": "captum, permutations",
    "shapiq_kernel": "shapiq, kernel",
    "shapiq_kernel_paired": "shapiq, kernel in pairs",
    "shapiq_kadd": "shapiq, kADD-SHAP",
    "shapiq_permutation": "shapiq, permutations",
    "shapiq_svarm": "shapiq, SVARM",
    "lime": "LIME",
}
_LIBRARY_COLOURS: Mapping[str, str] = {"shap": "#5b6770", "captum": "#a5763b", "shapiq": "#7d8f69"}
_LIBRARY_MARKERS: Mapping[str, str] = {"shap": "s", "captum": "^", "shapiq": "D", "lime": "v"}
_LEAST = 1e-3  # smaller errors are drawn here: below, nobody needs to tell them apart
_MOST = 2.0  # and larger ones here: nor above, and one outlier would flatten all other lines
_MARKS = (0.05, 0.02, 0.01)
_ACROSS = 3  # small panels in a row
_ABOVE, _BELOW = 5.4, 2.6  # inches of the upper row and of each row of small panels
_TALL = 0.04  # of a name, as a share of the axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Mean relative error of one sampler. evaluations, error: [step], evaluations growing. bold: drawn thick."""

    name: str
    colour: str
    bold: bool
    evaluations: FloatArray
    error: FloatArray
    marker: str = "o"

    @property
    def drawn(self) -> FloatArray:
        """[step], the error as drawn: at least `_LEAST`, at most `_MOST`."""
        return np.clip(self.error, _LEAST, _MOST)


def sampler_label(sampler: str) -> str:
    return SAMPLER_LABELS.get(sampler, sampler.replace("_", " "))


def sampler_colour(sampler: str) -> str:
    """Ours in the accent, LIME in its own colour, libraries in one muted colour each."""
    if sampler == OURS:
        return ACCENT
    return _LIBRARY_COLOURS.get(sampler.split("_")[0], method_colour(sampler))


def sampler_marker(sampler: str) -> str:
    """One a library, so that grey prints tell them apart."""
    return _LIBRARY_MARKERS.get(sampler.split("_")[0], "o")


def paint_convergence(
    main: tuple[str, Sequence[Curve]],
    small: Sequence[tuple[str, Sequence[Curve]]],
    lime: Sequence[Curve],
    axes_names: tuple[str, str],
) -> Canvas:
    """Above: the main game, every line named, and LIME of every game; below: the other games in the same colours.

    main, small: title and curves of a game.
    """
    rows = -(-len(small) // _ACROSS)
    tall = _ABOVE + _BELOW * rows
    canvas = plt.figure(figsize=(WIDE, tall))
    base, high = (_BELOW * rows + 0.6) / tall, (_ABOVE - 1.0) / tall
    ax = canvas.add_axes((0.06, base, 0.39 if lime else 0.72, high))  # the rest of the width is for names
    _paint(ax, main[0], main[1], named=True)
    ax.set(xlabel=axes_names[0], ylabel=axes_names[1])
    if lime:
        beside = canvas.add_axes((0.675, base, 0.16, high))
        _paint(beside, "LIME, to its own limit", lime, named=True)
        beside.set_xlabel(axes_names[0])
        beside.tick_params(axis="x", labelrotation=45)
    least = min((float(c.drawn.min()) for _, curves in small for c in curves), default=_LEAST)
    most = max((float(c.drawn.max()) for _, curves in small for c in curves), default=1.0)
    for k, (title, curves) in enumerate(small):
        row, column = divmod(k, _ACROSS)
        place = (0.06 + 0.325 * column, (_BELOW * (rows - 1 - row) + 0.35) / tall, 0.265, (_BELOW - 0.95) / tall)
        _paint(canvas.add_axes(place), title, curves, named=False, y_range=(least / 1.3, most * 1.3))
    return canvas


def _paint(
    ax: Axes, title: str, curves: Sequence[Curve], *, named: bool, y_range: tuple[float, float] | None = None
) -> None:
    """One panel on logarithmic axes, with lines across at the errors of the table."""
    for curve in sorted(curves, key=lambda c: c.bold):
        width = 2.6 if curve.bold else 1.3
        ax.plot(
            curve.evaluations, curve.drawn, color=curve.colour, lw=width, marker=curve.marker, ms=3.8 + 1.4 * curve.bold
        )
    ends = [c.drawn[-1] for c in curves] + [c.drawn[0] for c in curves]
    steps = sorted({float(x) for c in curves for x in c.evaluations})
    ax.set(xscale="log", yscale="log", ylim=y_range or (min(0.0085, *ends) / 1.25, max(0.06, *ends) * 1.25))
    ax.set_xlim(steps[0] / 1.1, steps[-1] * 1.1)
    ax.set_xticks(steps, [count(x) for x in steps])
    ax.set_xticks([], minor=True)
    low, high = ax.get_ylim()
    ticks = [t for t in (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if low <= t <= high]
    ax.set_yticks(ticks, [_tick(t) for t in ticks])
    ax.set_yticks([], minor=True)
    for mark in _MARKS:
        ax.axhline(mark, color=RULE, lw=0.9, zorder=0)
    ax.set_title(title)
    if named:
        _name_ends(ax, curves)


def _tick(error: float) -> str:
    bound = {_LEAST: "≤", _MOST: "≥"}.get(error, "")
    return bound + percent(error, 0 if error >= 0.01 else 1)


def _name_ends(ax: Axes, curves: Sequence[Curve]) -> None:
    """Every line's name right of its last point; names that would touch are moved apart and tied to their lines."""
    low, high = np.log(ax.get_ylim())
    ends = [float((np.log(c.drawn[-1]) - low) / (high - low)) for c in curves]
    for curve, place in zip(curves, spread_names(ends), strict=True):
        point = (curve.evaluations[-1], curve.drawn[-1])
        text = ax.annotate(
            curve.name, point, xytext=(1.035, place), textcoords="axes fraction", va="center", fontsize=9.8,
            color=curve.colour if curve.bold else MUTED, weight="bold" if curve.bold else "normal",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": curve.colour, "lw": 0.8, "shrinkA": 1, "shrinkB": 3},
        )  # fmt: skip
        text.set_path_effects([path_effects.withStroke(linewidth=2.4, foreground=PLATE)])


def spread_names(ends: Sequence[float]) -> list[float]:
    """Heights of names, at least `_TALL` apart and in the order of `ends`, as near to them as a pass each way gets."""
    order = np.argsort(ends)
    places = np.array(ends, dtype=np.float64)[order]
    for k in range(1, len(places)):
        places[k] = max(places[k], places[k - 1] + _TALL)
    over = max(0.0, float(places[-1]) - 1.0) if len(places) else 0.0
    for k in range(len(places) - 1, -1, -1):
        top = 1.0 if over and k == len(places) - 1 else (places[k + 1] - _TALL if k < len(places) - 1 else np.inf)
        places[k] = min(places[k], top)
    found = np.empty(len(places))
    found[order] = places
    return found.tolist()
