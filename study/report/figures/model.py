"""Figures about the model and its cost: learning curves, evaluations and seconds."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from study.report.figures.palette import ACCENT, method_colour, method_label
from study.report.figures.style import WIDE
from study.report.numbers import count

TRAIN = "#b3541e"
_ACROSS = 4


def paint_curves(curves: Mapping[str, pd.DataFrame]) -> Canvas:
    """Losses (above) and validation accuracy (below) by epoch, a line a seed; at most `_ACROSS` models side by side."""
    across = min(len(curves), _ACROSS)
    size = (min(WIDE, 1.2 + 5.0 * across), 5.4 * -(-len(curves) // across))
    canvas = plt.figure(figsize=size)
    places = _pairs_of_axes(canvas, len(curves), across)
    for (title, rows), (loss, accuracy) in zip(curves.items(), places, strict=True):
        for _, part in rows.groupby("seed", sort=True):
            part = part.sort_values("epoch")
            loss.plot(part["epoch"], part["train_loss"], color=TRAIN, lw=1.5, ls=(0, (4, 1.4)))
            loss.plot(part["epoch"], part["validation_loss"], color=ACCENT, lw=1.5)
            accuracy.plot(part["epoch"], part["validation_accuracy"], color=ACCENT, lw=1.5, marker="o", ms=3.5)
        loss.set_title(title)
        accuracy.set_xlabel("epoch")
        accuracy.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    for loss, accuracy in places[::across]:
        loss.set_ylabel("loss (nats)")
        accuracy.set_ylabel("validation accuracy")
    for x, name, colour in ((0.87, "- - training", TRAIN), (0.995, "— validation", ACCENT)):
        canvas.text(x, 1.0, name, color=colour, ha="right", va="bottom", weight="bold")
    canvas.tight_layout()
    return canvas


def _pairs_of_axes(canvas: Canvas, n: int, across: int) -> list[tuple[Axes, Axes]]:
    """Two plots above each other for each of n models; all upper ones share their scale, and so do the lower ones."""
    grid = canvas.add_gridspec(2 * -(-n // across), across)
    pairs: list[tuple[Axes, Axes]] = []
    for i in range(n):
        line, column = divmod(i, across)
        first = pairs[0] if pairs else (None, None)
        above = canvas.add_subplot(grid[2 * line, column], sharey=first[0])
        below = canvas.add_subplot(grid[2 * line + 1, column], sharex=above, sharey=first[1])
        for ax in (above, below):
            ax.tick_params(labelleft=column == 0)
        above.tick_params(labelbottom=False)
        pairs.append((above, below))
    return pairs


def paint_cost(cost: pd.DataFrame) -> Canvas:
    """Evaluations and milliseconds per text of every method, on logarithmic axes.

    cost: indexed by method, columns n_evals and seconds (per text).
    """
    canvas, axes = plt.subplots(1, 2, figsize=(WIDE - 2.4, 0.9 + 0.36 * len(cost)), sharey=True)
    cost = cost.assign(milliseconds=1000 * cost["seconds"])
    y = np.arange(len(cost))
    for ax, column, label, form in (
        (axes[0], "n_evals", "model evaluations per text (logarithmic)", count),
        (axes[1], "milliseconds", "milliseconds per text, one thread (logarithmic)", lambda v: f"{v:,.1f}"),
    ):
        values = cost[column].to_numpy(dtype=float)
        positive = values[values > 0]
        floor = 0.5 * positive.min() if positive.size else 0.5
        ax.hlines(y, floor, np.maximum(values, floor), color="#c9d1d9", lw=1.4)
        ax.scatter(np.maximum(values, floor), y, c=[method_colour(m) for m in cost.index], s=60, zorder=3)
        for k, value in enumerate(values):
            ax.annotate(
                form(value),
                (max(value, floor), k),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                fontsize=9.5,
            )
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}" if v >= 1 else f"{v:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlim(floor, max(values.max(), 2 * floor) * 6)
        ax.set_xlabel(label)
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
    axes[0].set(yticks=y, yticklabels=[method_label(m) for m in cost.index], ylim=(len(cost) - 0.4, -0.6))
    canvas.tight_layout()
    return canvas
