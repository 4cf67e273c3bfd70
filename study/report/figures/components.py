"""Figures about all components: who writes what the words change, and what a word's score hides."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from study.report.figures.palette import ACCENT, INK, KIND_COLOURS, KIND_LABELS, MUTED, SEQUENTIAL, text_on
from study.report.figures.style import WIDE, clip


def paint_kinds(shares: Mapping[str, pd.Series], axis: str) -> Canvas:
    """Who writes the margin, one bar a trained model: embedding, heads and MLP by layer, biases.

    shares: by label of the model, indexed by (kind, layer), summing to one.
    """
    canvas, ax = plt.subplots(figsize=(WIDE - 1.5, 0.9 + 0.46 * len(shares)))
    for y, (_, parts) in enumerate(shares.items()):
        left = 0.0
        for (kind, layer), value in parts.items():
            lighten = 0.0 if layer < 1 else min(0.14 * layer, 0.5)
            colour = _mix(KIND_COLOURS[kind], lighten)
            ax.barh(y, value, left=left, height=0.74, color=colour, edgecolor="#ffffff", linewidth=1.2)
            name = KIND_LABELS[kind] if layer < 0 else f"L{layer} {KIND_LABELS[kind]}"
            label = f"{name} {value:.0%}" if value > 0.105 else f"{value:.0%}" if value > 0.03 else ""
            ax.text(left + value / 2, y, label, ha="center", va="center", fontsize=9.2, color=text_on(colour))
            left += value
    ax.set(
        yticks=range(len(shares)), yticklabels=list(shares), xlim=(0, 1), ylim=(len(shares) - 0.45, -0.55), xlabel=axis
    )
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    kinds = dict.fromkeys(kind for parts in shares.values() for kind, _ in parts.index)
    x = 0.995
    for kind in reversed(list(kinds)):
        canvas.text(
            x,
            1.0,
            f"■ {KIND_LABELS[kind]}",
            color=_mix(KIND_COLOURS[kind], -0.25),
            ha="right",
            va="bottom",
            weight="bold",
        )
        x -= 1.25 / canvas.get_figwidth()
    canvas.tight_layout()
    return canvas


def _mix(colour: str, lighten: float) -> str:
    """The colour mixed with white (or, below zero, with black)."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    end = 255 if lighten > 0 else 0
    return "#" + "".join(f"{round(v + (end - v) * abs(lighten)):02x}" for v in rgb)


def paint_hidden(points: Mapping[str, pd.DataFrame], axis: tuple[str, str]) -> Canvas:
    """Every word: what its components write (all sizes summed) against what is left in its score.

    points: by variant, columns word, written, score (both sizes, logits), example_id.
    """
    size = (min(WIDE, 1.2 + 5.2 * len(points)), 4.9)
    canvas, axes = plt.subplots(1, len(points), figsize=size, squeeze=False, sharex=True, sharey=True)
    top = 1.04 * max(float(p["written"].max()) for p in points.values())
    for ax, (title, rows) in zip(axes[0], points.items(), strict=True):
        shade = ax.hexbin(
            rows["written"], rows["score"], gridsize=34, extent=(0, top, 0, top), mincnt=1, bins="log", cmap=SEQUENTIAL,
            linewidths=0.2,
        )  # fmt: skip
        shade.set_clim(0.35, None)
        ax.plot([0, top], [0, top], color=MUTED, lw=0.8, ls=(0, (4, 3)))
        ax.text(0.03, 0.96, "dashed: nothing cancels", transform=ax.transAxes, fontsize=9, color=MUTED)
        order = rows.assign(lost=rows["written"] - rows["score"]).sort_values("lost", ascending=False, kind="stable")
        _name_words(ax, order, top)
        ax.set(xlim=(0, top), ylim=(-0.03 * top, top), xlabel=axis[0], aspect="equal")
        ax.set_title(title)
    axes[0][0].set_ylabel(axis[1])
    canvas.tight_layout()
    return canvas


def _name_words(ax: Axes, order: pd.DataFrame, top: float, most: int = 7) -> None:
    """The words with most hidden, each once, names apart from each other."""
    named: set[str] = set()
    taken: list[tuple[float, float]] = []
    for row in order.head(200).itertuples():
        x, y = float(row.written) / top, float(row.score) / top
        if row.word in named or any(abs(x - a) < 0.24 and abs(y - b) < 0.05 for a, b in taken):
            continue
        named.add(str(row.word))
        taken.append((x, y))
        ax.plot([row.written], [row.score], "o", ms=4.5, mfc="none", mec=INK, mew=0.9)
        side = (-5, "right") if x > 0.75 else (5, "left")
        ax.annotate(clip(str(row.word), 16), (row.written, row.score), xytext=(side[0], 0), ha=side[1], va="center",
                    textcoords="offset points", fontsize=9.5, color=ACCENT, weight="bold")  # fmt: skip
        if len(taken) == most:
            return
