"""Figures about components: shares, raw against centred, profiles, kinds, and what a score hides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from study.report.figures.palette import DIVERGING, MUTED, SEED_MARKERS, layer_colour
from study.report.figures.style import WIDE, annotate_cells, balanced, clip, heat


def paint_shares(shares: Mapping[str, pd.DataFrame], axis: str) -> Canvas:
    """Sorted head shares, one line a seed: what does not depend on a head's number is compared over seeds.

    shares: by variant, columns seed, rank, share, component.
    """
    size = (min(WIDE, 1.0 + 5.6 * len(shares)), 4.0)
    canvas, axes = plt.subplots(1, len(shares), figsize=size, squeeze=False, sharey=True)
    for ax, (title, rows) in zip(axes[0], shares.items(), strict=True):
        for k, (seed, part) in enumerate(rows.groupby("seed", sort=True)):
            marker = SEED_MARKERS[k % len(SEED_MARKERS)]
            ax.plot(part["rank"], part["share"], color="#9aa7b4", lw=1.1, zorder=1)
            for layer, some in part.groupby("layer"):
                ax.plot(some["rank"], some["share"], marker, color=layer_colour(int(layer)), ms=6.5, zorder=2)
            first = part.iloc[0]
            _name_top(ax, first, k, str(seed))
        ax.set(xlabel="head, by rank within its seed", xlim=(0.5, rows["rank"].max() + 0.7))
        ax.xaxis.get_major_locator().set_params(integer=True)
        even = 1 / max(rows["rank"].max(), 1)
        ax.axhline(even, color=MUTED, lw=0.8, ls=(0, (4, 3)))
        ax.text(rows["rank"].max() + 0.6, even, "even share", fontsize=9, color=MUTED, ha="right", va="bottom")
        ax.set_title(title)
    largest = max(float(rows["share"].max()) for rows in shares.values())
    axes[0][0].set(ylabel=axis, ylim=(0, 1.1 * largest))
    _name_layers(canvas, sorted({int(v) for r in shares.values() for v in r["layer"]}))
    canvas.tight_layout()
    return canvas


def _name_top(ax: Axes, first: pd.Series, place: int, seed: str) -> None:
    """The first head of a seed by name, in a list at the upper right so that no two names overlap."""
    marker = SEED_MARKERS[place % len(SEED_MARKERS)]
    y = 0.96 - 0.075 * place
    ax.plot([0.62], [y], marker, color=layer_colour(int(first["layer"])), ms=6, transform=ax.transAxes)
    text = f"seed {seed}: {first['component']} {first['share']:.0%}"
    ax.text(0.645, y, text, transform=ax.transAxes, fontsize=9.5, va="center")


def _name_layers(canvas: Canvas, layers: Sequence[int]) -> None:
    x = 0.995
    for layer in reversed(layers):
        canvas.text(x, 1.0, f"● layer {layer}", color=layer_colour(layer), ha="right", va="bottom", weight="bold")
        x -= 1.0 / canvas.get_figwidth()


def paint_centring(heads: Mapping[str, pd.DataFrame], axis: str) -> Canvas:
    """Mean size of every head's contribution, raw against centred; far below the diagonal: a constant write.

    heads: by variant, columns seed, component, layer, raw, centred.
    """
    size = (min(WIDE, 1.2 + 5.0 * len(heads)), 4.7)
    canvas, axes = plt.subplots(1, len(heads), figsize=size, squeeze=False, sharex=True, sharey=True)
    top = 1.08 * max(float(max(h["raw"].max(), h["centred"].max(), 1e-6)) for h in heads.values())
    for ax, (title, rows) in zip(axes[0], heads.items(), strict=True):
        ax.plot([0, top], [0, top], color=MUTED, lw=0.8, ls=(0, (4, 3)))
        ax.text(0.03, 0.96, "dashed: nothing is constant", transform=ax.transAxes, fontsize=9, color=MUTED)
        for k, (_, part) in enumerate(rows.groupby("seed", sort=True)):
            colours = [layer_colour(int(v)) for v in part["layer"]]
            ax.scatter(part["raw"], part["centred"], c=colours, marker=SEED_MARKERS[k % len(SEED_MARKERS)], s=46)
        _name_points(ax, rows, top)
        ax.set(xlim=(0, top), ylim=(0, top), xlabel=f"{axis}, raw", aspect="equal")
        ax.set_title(title)
    axes[0][0].set_ylabel(f"{axis}, centred")
    _name_layers(canvas, sorted({int(v) for r in heads.values() for v in r["layer"]}))
    canvas.tight_layout()
    return canvas


def _name_points(ax: Axes, rows: pd.DataFrame, top: float, most: int = 8) -> None:
    """Names the heads that lose most by centring and those that write most, where the name covers no other point."""
    points = rows[["raw", "centred"]].to_numpy() / top
    order = rows.assign(lost=(rows["raw"] - rows["centred"]).abs() + 0.3 * rows["centred"])
    taken: list[tuple[float, float, float]] = []
    for place in order.sort_values("lost", ascending=False, kind="stable").index:
        row = rows.loc[place]
        x, y = float(row["raw"]) / top, float(row["centred"]) / top
        for side, left in ((1, x + 0.015), (-1, x - 0.235)):
            box = (left, left + 0.22)
            clash = any(box[0] < px < box[1] and abs(py - y) < 0.034 for px, py in points if (px, py) != (x, y))
            clash |= any(box[0] < b and a < box[1] and abs(y - v) < 0.05 for a, b, v in taken)
            if not clash and box[0] > 0.0 and box[1] < 1.02:
                taken.append((*box, y))
                label = f"{row['component']} (s{row['seed']})"
                ax.annotate(label, (row["raw"], row["centred"]), xytext=(7 * side, 0), textcoords="offset points",
                            ha="left" if side > 0 else "right", va="center", fontsize=8.5)  # fmt: skip
                break
        if len(taken) == most:
            return


def paint_profiles(profiles: Mapping[str, pd.DataFrame], axis: str) -> Canvas:
    """Which heads carry which words, one panel a seed; heads of different seeds share nothing but a number.

    profiles: by seed, [word head], mean cell of the SHAP crosswalk.
    """
    words = list(next(iter(profiles.values())).index)
    size = (WIDE if len(profiles) > 1 else 8.0, 1.5 + 0.32 * len(words))
    canvas, axes = plt.subplots(1, len(profiles), figsize=size, squeeze=False)
    norm = balanced(np.concatenate([p.to_numpy().ravel() for p in profiles.values()]))
    for i, (ax, (title, table)) in enumerate(zip(axes[0], profiles.items(), strict=True)):
        heat(ax, table.to_numpy(), DIVERGING, norm)
        wide = size[0] / len(profiles) / max(table.shape[1], 1) > 0.36
        if wide:
            annotate_cells(ax, table, norm, least=0.25, fontsize=8)
        ax.set_xticks(np.arange(table.shape[1]) + 0.5, list(table.columns), fontsize=9, rotation=0 if wide else 90)
        ax.xaxis.tick_top()
        ax.set_yticks(np.arange(len(words)) + 0.5, [clip(w) for w in words] if i == 0 else [], fontsize=11.5)
        ax.set_title(title, pad=22 if wide else 34)
    canvas.supxlabel(axis, fontsize=9.5, color=MUTED)
    canvas.tight_layout(w_pad=0.8)
    return canvas
