"""Figures about where it happens: the margin layer by layer, neurons, and what a twin text changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from study.report.figures.causal import separate_layers
from study.report.figures.palette import DIVERGING, MUTED, RULE, SEED_MARKERS, layer_colour
from study.report.figures.style import WIDE, annotate_cells, balanced, clip, heat
from study.report.numbers import number

LABEL_COLOURS = ("#1b4f8f", "#d6483f", "#00785a", "#b08d3e", "#7b4fa3", "#8b949e")  # + means the second of two


def paint_layers(layers: Mapping[str, pd.DataFrame], labels: Sequence[str], axes_names: tuple[str, str]) -> Canvas:
    """Above: the margin read off after every step, by true label; below: what each step adds.

    layers: by variant, columns seed, label, order, step, lens, added (means over texts). Thin: seeds; thick: mean.
    """
    size = (min(WIDE, 1.6 + 5.5 * len(layers)), 6.6)
    canvas, axes = plt.subplots(2, len(layers), figsize=size, squeeze=False, sharey="row", sharex="col")
    for i, (title, rows) in enumerate(layers.items()):
        steps = rows.sort_values("order").drop_duplicates("order")["step"].tolist()
        top, low = axes[0][i], axes[1][i]
        for k, label in enumerate(labels):
            part = rows[rows["label"] == label]
            if part.empty:
                continue
            colour = LABEL_COLOURS[k % len(LABEL_COLOURS)]
            mark = SEED_MARKERS[k % len(SEED_MARKERS)]
            _lines(top, part, "lens", colour, mark)
            middle = part.groupby("order")["lens"].mean()
            top.annotate(clip(label, 14), (float(middle.index[-1]), float(middle.iloc[-1])), xytext=(7, 0), va="center",
                         textcoords="offset points", color=colour, weight="bold", annotation_clip=False)  # fmt: skip
            shift = 0.8 / max(len(labels), 1)
            x = 0.8 * (k - (len(labels) - 1) / 2) / max(len(labels), 1)
            means = part.groupby("order")["added"].mean()
            low.bar(means.index + x, means, width=0.9 * shift, color=colour, alpha=0.55)
            low.plot(part["order"] + x, part["added"], mark, color=colour, ms=3.4)
        for ax in (top, low):
            ax.axhline(0, color=MUTED, lw=0.7)
            ax.set_xlim(-0.6, len(steps) - 0.4)
        low.set_xticks(range(len(steps)), steps, rotation=30 if len(steps) > 4 else 0,
                       ha="right" if len(steps) > 4 else "center", rotation_mode="anchor")  # fmt: skip
        top.set_title(title)
    axes[0][0].set_ylabel(axes_names[0])
    axes[1][0].set_ylabel(axes_names[1])
    canvas.tight_layout()
    return canvas


def _lines(ax: Axes, rows: pd.DataFrame, column: str, colour: str, mark: str) -> None:
    for _, part in rows.groupby("seed", sort=True):
        part = part.sort_values("order")
        ax.plot(part["order"], part[column], color=colour, lw=0.9, alpha=0.5)
    means = rows.groupby("order")[column].mean()
    ax.plot(means.index, means, color=colour, lw=2.4, marker=mark, ms=5)


def paint_neurons(neurons: Mapping[str, pd.DataFrame], axes_names: tuple[str, str]) -> Canvas:
    """Share of an MLP's writing in its largest neurons, one line a layer and seed.

    neurons: by variant, columns seed, layer, rank, running (share of the neurons up to this rank).
    """
    size = (min(WIDE, 1.2 + 6.2 * len(neurons)), 4.3)
    canvas, axes = plt.subplots(1, len(neurons), figsize=size, squeeze=False, sharey=True)
    for ax, (title, rows) in zip(axes[0], neurons.items(), strict=True):
        ax.axhline(0.5, color=RULE, lw=1.0, zorder=0)
        for (_, layer), part in rows.groupby(["seed", "layer"], sort=True):
            ax.plot(part["rank"], part["running"], color=layer_colour(int(layer)), lw=1.6)
        for k, layer in enumerate(sorted(set(rows["layer"]))):
            ax.text(0.98, 0.06 + 0.075 * k, f"layer {int(layer)}", color=layer_colour(int(layer)), ha="right",
                    weight="bold", transform=ax.transAxes)  # fmt: skip
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set(xlabel=axes_names[0], xlim=(1, max(2.0, float(rows["rank"].max()))), ylim=(0, 1.02))
        ax.yaxis.set_major_formatter("{x:.0%}")
        ax.set_title(title)
    axes[0][0].set_ylabel(axes_names[1])
    canvas.tight_layout()
    return canvas


def paint_patching(shares: Mapping[str, pd.DataFrame], axis: str) -> Canvas:
    """Share of the twin's change that each head brings, a row a seed: heads of different rows share only a number.

    shares: by variant, [seed head].
    """
    rows = max(len(t) for t in shares.values())
    columns = sum(t.shape[1] for t in shares.values())
    cell = min(0.66, (WIDE - 1.0 - 0.6 * len(shares)) / columns)
    canvas, axes = plt.subplots(
        1, len(shares), figsize=(1.0 + 0.6 * len(shares) + cell * columns, 1.25 + 0.42 * rows), squeeze=False,
        gridspec_kw={"width_ratios": [t.shape[1] for t in shares.values()]},
    )  # fmt: skip
    norm = balanced(np.concatenate([t.to_numpy(dtype=float).ravel() for t in shares.values()]))
    for i, (ax, (title, table)) in enumerate(zip(axes[0], shares.items(), strict=True)):
        values = table.to_numpy(dtype=float)
        heat(ax, values, DIVERGING, norm)
        if cell > 0.3:
            annotate_cells(ax, values, norm, text=lambda share: number(100 * share, 0))
        separate_layers(ax, [str(c) for c in table.columns])
        ax.set_xticks(np.arange(table.shape[1]) + 0.5, list(table.columns), fontsize=9, rotation=90 * (cell < 0.45))
        ax.xaxis.tick_top()
        ax.set_yticks(np.arange(len(table)) + 0.5, [f"seed {s}" for s in table.index] if i == 0 else [])
        ax.set_title(title, pad=22)
    canvas.supxlabel(axis, fontsize=9.5, color=MUTED)
    canvas.tight_layout(w_pad=1.2)
    return canvas


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMap:
    """One text and its twin. cells: [position head], effect of one head's output at one position, logits.

    changed: the row of the word that differs in the twin.
    """

    rows: tuple[str, ...]
    heads: tuple[str, ...]
    cells: np.ndarray
    changed: int


def paint_positions(found: PositionMap, axis: str) -> Canvas:
    """Positions × heads of one text: where a head's output from the twin changes the margin."""
    cell = 0.62 if len(found.heads) <= 12 else 0.4
    size = (2.4 + cell * len(found.heads), 1.2 + 0.3 * len(found.rows))
    canvas, ax = plt.subplots(figsize=size)
    norm = balanced(found.cells)
    heat(ax, found.cells, DIVERGING, norm)
    if cell > 0.5:
        annotate_cells(ax, found.cells, norm, least=0.08)
    separate_layers(ax, found.heads)
    ax.set_xticks(np.arange(len(found.heads)) + 0.5, list(found.heads), fontsize=9, rotation=90 * (cell < 0.5))
    ax.xaxis.tick_top()
    ax.set_yticks(np.arange(len(found.rows)) + 0.5, [clip(r, 30) for r in found.rows], fontsize=11)
    if found.changed >= 0:
        ax.get_yticklabels()[found.changed].set_fontweight("bold")
    canvas.supxlabel(axis, fontsize=9.5, color=MUTED)
    canvas.tight_layout()
    return canvas
