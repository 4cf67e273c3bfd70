"""Figures about agreement: the matrix of methods, right against wrong predictions, and text length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MultipleLocator

from study.records import FloatArray
from study.report.figures.palette import ACCENT, GROUP_MARKS, INK, MUTED, RULE, SEQUENTIAL, method_label
from study.report.figures.style import HALF, WIDE, annotate_cells, heat
from study.report.numbers import number, without_zero

SUBSET_COLOURS = {"correct": ACCENT, "wrong": "#b3541e"}


def paint_matrix(
    matrices: Mapping[str, FloatArray],
    methods: Sequence[str],
    axis: str,
    *,
    label: Callable[[str], str] = method_label,
) -> Canvas:
    """One matrix of methods per variant, [method method]; the darker, the more they agree. label: names methods."""
    n, panels = len(methods), len(matrices)
    side = min(0.66 * n, (WIDE - 1.9) / panels - 0.4)
    canvas, axes = plt.subplots(1, panels, figsize=(1.9 + panels * (side + 0.4), side + 1.3), squeeze=False)
    norm = Normalize(0, 1)
    names = [label(m) for m in methods]
    narrow = side / n <= 0.5
    points = 8.0 if narrow else 9.5
    for i, (ax, (title, matrix)) in enumerate(zip(axes[0], matrices.items(), strict=True)):
        heat(ax, matrix, SEQUENTIAL, norm)
        annotate_cells(ax, matrix, norm, colours=SEQUENTIAL, text=without_zero if narrow else number, fontsize=points)
        ax.plot([0, n], [0, n], color=MUTED, lw=0.8)
        ax.set_xticks(np.arange(n) + 0.5, names, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_yticks(np.arange(n) + 0.5, names if i == 0 else [])
        ax.set_title(title)
        ax.set_aspect("equal")
    canvas.supxlabel(axis, fontsize=9.5, color=MUTED, y=-0.02)
    canvas.tight_layout(w_pad=1.2)
    return canvas


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One estimate with its interval, in a row of a dot plot. group: its colour and direct label."""

    row: str
    group: str
    estimate: float
    low: float
    high: float


def make_dot(row: str, group: str, values: pd.Series) -> Dot:
    """The dot of a row of the estimates table; without an interval its ends are the estimate."""
    known = np.isfinite([values["low"], values["high"]]).all()
    middle = float(values["estimate"])
    low, high = (float(values["low"]), float(values["high"])) if known else (middle, middle)
    return Dot(row=row, group=group, estimate=middle, low=low, high=high)


def paint_dots(
    panels: Mapping[str, Sequence[Dot]],
    colours: Mapping[str, str],
    axis: str,
    *,
    reference: tuple[float, str] | None = None,
) -> Canvas:
    """Estimates with intervals, a row a thing, one panel per variant; groups side by side within a row."""
    rows = list(dict.fromkeys(d.row for dots in panels.values() for d in dots))
    groups = list(colours)
    tall = 0.42 if len(groups) > 1 else 0.34
    size = (min(WIDE, 2.6 + 4.6 * len(panels)), 1.0 + tall * len(rows))
    canvas, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, sharex=True, sharey=True)
    for ax, (title, dots) in zip(axes[0], panels.items(), strict=True):
        for dot in dots:
            mark, _ = GROUP_MARKS[groups.index(dot.group) % len(GROUP_MARKS)]
            spread = 0.24 * (groups.index(dot.group) - (len(groups) - 1) / 2)
            y = rows.index(dot.row) + spread
            ax.plot([dot.low, dot.high], [y, y], color=colours[dot.group], lw=2.2, solid_capstyle="round")
            ax.plot([dot.estimate], [y], mark, color=colours[dot.group], ms=6.5)
        if reference is not None:
            ax.axvline(reference[0], color=MUTED, lw=0.9, ls=(0, (4, 3)))
            ax.annotate(
                reference[1], (reference[0], 0), xytext=(3, 2), textcoords="offset points", color=MUTED, fontsize=9,
                xycoords=("data", "axes fraction"),
            )  # fmt: skip
        ax.set(ylim=(len(rows) - 0.5, -0.5), yticks=range(len(rows)), yticklabels=rows, xlabel=axis)
        ax.grid(axis="y", color=RULE, lw=0.6)
        ax.set_axisbelow(True)
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.set_title(title)
    if len(groups) > 1:
        _name_groups(canvas, colours, [sign for _, sign in GROUP_MARKS])
    canvas.tight_layout()
    return canvas


def _name_groups(canvas: Canvas, colours: Mapping[str, str], signs: Sequence[str]) -> None:
    """The groups' names in their colours, at the upper right; signs: before the names, in turn."""
    x = 0.995
    for k, (name, colour) in reversed(list(enumerate(colours.items()))):
        canvas.text(
            x,
            1.0,
            f"{signs[k % len(signs)]} {name}",
            color=colour,
            ha="right",
            va="bottom",
            fontsize=10.5,
            weight="bold",
        )
        x -= 0.013 * (len(name) + 4) * 12.6 / canvas.get_figwidth() * 0.62


def paint_length(points: Mapping[str, pd.DataFrame], axis: str) -> Canvas:
    """Agreement of every text (mean over seeds) against its length, with the median in bins of equal counts.

    points: by variant, columns n_words, value, exact.
    """
    size = (min(WIDE, 1.2 + 5.2 * len(points)), 3.9)
    canvas, axes = plt.subplots(1, len(points), figsize=size, squeeze=False, sharex=True, sharey=True)
    for ax, (title, rows) in zip(axes[0], points.items(), strict=True):
        ax.plot(rows["n_words"], rows["value"], "o", ms=4.5, color=ACCENT, alpha=0.4, mec="none")
        for part in length_bins(rows):
            ax.plot(
                [part.shortest - 0.4, part.longest + 0.4], [part.median] * 2, color=INK, lw=2.4, solid_capstyle="butt"
            )
        if (split := exact_split(rows)) is not None:
            ax.axvline(split, color=MUTED, lw=0.9, ls=(0, (4, 3)))
            for text, shift, side in (("SHAP exact", -5, "right"), ("sampled", 5, "left")):
                ax.annotate(
                    text, (split, 1.0), xytext=(shift, 0), xycoords=("data", "axes fraction"),
                    textcoords="offset points", ha=side, fontsize=9, color=MUTED,
                )  # fmt: skip
        ax.set(xlabel="words in the text")
        ax.yaxis.set_major_formatter("{x:.2f}")
        ax.set_title(title, pad=16)
    _even_steps(axes[0][0])
    axes[0][0].set_ylabel(axis)
    canvas.tight_layout()
    return canvas


def _even_steps(ax: Axes) -> None:
    """Ticks in steps that two decimals print exactly, 0.05 or coarser, and ends of the axis on such steps."""
    low, high = ax.get_ylim()
    step = next((s for s in (0.05, 0.1, 0.2) if (high - low) / s <= 9), 0.5)
    end = min(float(np.ceil(high / step - 1e-9) * step), 1 + 0.2 * step)  # no rank correlation is above 1
    ax.set_ylim(float(np.floor(low / step + 1e-9) * step), end)
    ax.yaxis.set_major_locator(MultipleLocator(step))


def exact_split(rows: pd.DataFrame) -> float | None:
    """The length between the texts whose SHAP is exact and those sampled; None where no length parts them.

    A text longer than the model counts all its words here but plays with fewer, so it can be long and exact.
    """
    exact, sampled = (rows[rows["exact"] == known]["n_words"] for known in (True, False))
    if exact.empty or sampled.empty or exact.max() >= sampled.min():
        return None
    return float(exact.max() + sampled.min()) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthBin:
    """Texts of neighbouring lengths: shortest and longest in words, how many, and their median agreement."""

    shortest: float
    longest: float
    n: int
    median: float


def length_bins(rows: pd.DataFrame) -> list[LengthBin]:
    """Up to five bins with about equally many texts, none with fewer than five; none at all below twelve texts."""
    bins = min(5, len(rows) // 6)
    if bins < 2:
        return []
    cut = pd.qcut(rows["n_words"].rank(method="first"), bins, labels=False)
    return [
        LengthBin(shortest=p["n_words"].min(), longest=p["n_words"].max(), n=len(p), median=float(p["value"].median()))
        for p in (rows[cut == b] for b in range(bins))
    ]


def paint_words(words: Mapping[str, pd.DataFrame], colours: Mapping[str, str], axis: str) -> Canvas:
    """Diverging bars: mean score of the words that count most, SHAP and LIME one under the other.

    words: by variant, indexed by the label of the word, one column a method, most negative first.
    """
    rows = max(len(w) for w in words.values())
    size = (min(WIDE, 1.6 + (HALF - 1.6) * len(words)), 1.0 + 0.3 * rows)
    canvas, axes = plt.subplots(1, len(words), figsize=size, squeeze=False, sharex=True)
    for ax, (title, table) in zip(axes[0], words.items(), strict=True):
        for k, method in enumerate(table.columns):
            y = np.arange(len(table)) - (k - (len(table.columns) - 1) / 2) * 0.36
            ax.barh(y, table[method], height=0.34, color=colours[method])
        ax.axvline(0, color=MUTED, lw=0.7)
        ax.set_yticks(np.arange(len(table)), list(table.index), fontsize=11)
        ax.set(xlabel=axis, ylim=(-0.7, len(table) - 0.3))
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_title(title)
    _name_groups(canvas, {method_label(m): colours[m] for m in colours}, "■")
    canvas.tight_layout()
    return canvas
