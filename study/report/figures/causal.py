"""Figures about what heads are needed for: direct against causal, and how pairs of heads act together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator

from study.records import FloatArray
from study.report.figures.palette import CLASS_COLOURS, DIVERGING, INK, MUTED, SEED_MARKERS, class_colour
from study.report.figures.style import WIDE, annotate_cells, balanced, heat, text_inches


def paint_direct_causal(heads: Mapping[str, pd.DataFrame], axes_names: tuple[str, str]) -> Canvas:
    """Every head of every seed: what it writes (along) against what is lost without it (up).

    heads: by variant, columns seed, component, layer, class_, direct_size, causal_size. Colour: class; shape: seed;
    the later the layer, the fuller the mark.
    """
    size = (min(WIDE, 1.4 + 5.6 * len(heads)), 5.9)
    canvas, axes = plt.subplots(1, len(heads), figsize=size, squeeze=False, sharex=True, sharey=True)
    sizes = np.concatenate([h[["direct_size", "causal_size"]].to_numpy(dtype=float).ravel() for h in heads.values()])
    top = 1.1 * float(np.nanmax(sizes, initial=1e-6))
    last = max(float(h["layer"].max()) for h in heads.values())
    for ax, (title, rows) in zip(axes[0], heads.items(), strict=True):
        for scale in (ax.set_xscale, ax.set_yscale):  # small heads would lie on one heap on a linear scale
            scale("function", functions=(_root, np.square))
        ax.plot([0, top], [0, top], color=MUTED, lw=0.8, ls=(0, (4, 3)))
        ax.text(0.985, 0.965, "needed as much as it writes ", ha="right", va="top", fontsize=9, color=MUTED,
                transform=ax.transAxes, rotation=45, rotation_mode="anchor")  # fmt: skip
        seeds = sorted(set(rows["seed"]))
        for row in rows.itertuples():
            colour = class_colour(str(row.class_))
            face = _fill(colour, (float(row.layer) + 1) / (last + 1) if last > 0 else 1.0)
            marker = SEED_MARKERS[seeds.index(row.seed) % len(SEED_MARKERS)]
            ax.plot([row.direct_size], [row.causal_size], marker, color=colour, mfc=face, mew=1.6, ms=7.5,
                    clip_on=False)  # fmt: skip
        _name_heads(ax, rows, top)
        _name_seeds(ax, seeds)
        ax.set(xlim=(0, top), ylim=(0, top), xlabel=axes_names[0])
        ax.set_box_aspect(1)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(FixedLocator(root_ticks(top)))
            axis.set_major_formatter("{x:g}")
        ax.set_title(title)
    axes[0][0].set_ylabel(axes_names[1])
    found = {str(c) for h in heads.values() for c in h["class_"]}
    _name_classes(canvas, [c for c in CLASS_COLOURS if c in found] + sorted(found - set(CLASS_COLOURS)), int(last))
    canvas.tight_layout()
    return canvas


def _root(values: FloatArray) -> FloatArray:
    return np.sqrt(np.maximum(values, 0.0))


def root_ticks(top: float) -> list[float]:
    """Round numbers from 0 to `top` that lie well apart on a square-root axis."""
    unit = 10.0 ** np.floor(np.log10(top))
    steps = [*(k * unit * f for f in (0.01, 0.1) for k in (1, 2, 5)), *(k * unit for k in (1, 2, 3, 4, 6, 8))]
    found = [0.0]
    for step in steps:
        if step <= top and np.sqrt(step) - np.sqrt(found[-1]) >= 0.09 * np.sqrt(top):
            found.append(float(step))
    return found


def _fill(colour: str, share: float) -> tuple[float, float, float]:
    """The class colour mixed with white: first layer pale, last layer full."""
    strength = 0.0 if share <= 0.5 else share
    red, green, blue = (1 - strength * (1 - v) for v in to_rgb(colour))
    return red, green, blue


def _name_classes(canvas: Canvas, classes: Sequence[str], last: int) -> None:
    """Names of the classes in their colours above the panels, and what the fill means."""
    x = 0.995
    wide = canvas.get_figwidth()
    for name in reversed(classes):
        canvas.text(x, 1.0, name, color=INK, ha="right", va="bottom", weight="bold")
        x -= (0.06 + text_inches(name, 10.5, bold=True)) / wide
        canvas.text(x, 1.0, "●", color=class_colour(name), ha="right", va="bottom", weight="bold")
        x -= 0.3 / wide
    if last > 0:
        text = f"hollow: layer 0, full: layer {last}"
        canvas.text(0.06, 1.0, text, color=MUTED, ha="left", va="bottom", fontsize=9.5)


def _name_seeds(ax: Axes, seeds: Sequence[str]) -> None:
    """Shapes of the seeds, at the lower right, where heads that write and are not needed would be few."""
    for k, seed in enumerate(seeds):
        y = 0.05 + 0.05 * (len(seeds) - 1 - k)
        ax.plot([0.86], [y], SEED_MARKERS[k % len(SEED_MARKERS)], color=MUTED, ms=5.5, transform=ax.transAxes)
        ax.text(0.885, y, f"seed {seed}", transform=ax.transAxes, fontsize=9, color=MUTED, va="center")


def _name_heads(ax: Axes, rows: pd.DataFrame, top: float, most: int = 16) -> None:
    """Names by distance from the diagonal and by size, each where it covers no mark and no other name."""
    points = np.sqrt(rows[["direct_size", "causal_size"]].to_numpy(dtype=float) / top)  # as they lie on the axes
    far = np.abs(points[:, 1] - points[:, 0]) + 0.5 * points.max(axis=1)
    taken: list[tuple[float, float, float]] = [(0.84, 1.0, 0.05 + 0.05 * k) for k in range(rows["seed"].nunique())]
    named = 0
    for place in np.argsort(-far, kind="stable"):
        row, (x, y) = rows.iloc[place], points[place]
        label = str(row["component"])
        wide = 0.014 * len(label) + 0.02
        for side, left in ((1, x + 0.012), (-1, x - 0.012 - wide)):
            right = left + wide
            clash = any(left < px < right and abs(py - y) < 0.025 for k, (px, py) in enumerate(points) if k != place)
            clash |= any(left < b and a < right and abs(y - v) < 0.042 for a, b, v in taken)
            if not clash and left > -0.01 and right < 1.0:
                taken.append((left, right, y))
                ax.annotate(label, (row["direct_size"], row["causal_size"]), xytext=(7 * side, 0), va="center",
                            textcoords="offset points", ha="left" if side > 0 else "right", fontsize=9)  # fmt: skip
                named += 1
                break
        if named == most:
            return


def paint_pairs(matrices: Mapping[str, pd.DataFrame], axis: str) -> Canvas:
    """Heads × heads, one panel a trained model, one scale: the Shapley interaction of every pair, mean over texts."""
    n = max(len(m) for m in matrices.values())
    cell = min(0.62, (WIDE - 1.2) / (n * len(matrices)) - 0.06)
    size = (1.0 + len(matrices) * (cell * n + 0.5), 1.1 + cell * n)
    canvas, axes = plt.subplots(1, len(matrices), figsize=size, squeeze=False)
    norm = balanced(np.concatenate([m.to_numpy(dtype=float).ravel() for m in matrices.values()]))
    for ax, (title, table) in zip(axes[0], matrices.items(), strict=True):
        heat(ax, table.to_numpy(dtype=float), DIVERGING, norm)
        if cell > 0.36:
            annotate_cells(ax, table, norm, least=0.15, fontsize=8.6)
        separate_layers(ax, [str(name) for name in table.index], both=True)
        names = list(table.columns)
        ax.set_xticks(np.arange(len(names)) + 0.5, names, fontsize=9, rotation=90 if cell < 0.45 else 0)
        ax.xaxis.tick_top()
        ax.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=9)
        ax.set_title(title, pad=24)
        ax.set_aspect("equal")
    canvas.supxlabel(axis, fontsize=9.5, color=MUTED)
    canvas.tight_layout(w_pad=1.5)
    return canvas


def separate_layers(ax: Axes, heads: Sequence[str], *, both: bool = False) -> None:
    """A line between heads of different layers ("L0H3" | "L1H0"), down the columns and, if `both`, along the rows."""
    layers = [head.split("H")[0] for head in heads]
    for k in range(1, len(layers)):
        if layers[k] != layers[k - 1]:
            ax.axvline(k, color=INK, lw=1.0)
            if both:
                ax.axhline(k, color=INK, lw=1.0)
