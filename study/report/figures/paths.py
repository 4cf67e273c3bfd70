"""Figures about paths through the network, and about predictions put to the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from study.report.figures.style import INK, MUTED, WIDE

GROUP_COLOURS: Mapping[str, str] = {
    "word > head": "#0b6e99",
    "word > head > head": "#123b5d",
    "MLP > head": "#8c6bb1",
    "MLP": "#d98b3a",
    "embed": "#a3b18a",
    "bias": "#c3c8ce",
}
GROUP_LABELS: Mapping[str, str] = {
    "word > head": "word → head → margin",
    "word > head > head": "word → head → head → margin",
    "MLP > head": "MLP → head → margin",
    "MLP": "MLP → margin",
    "embed": "embedding → margin",
    "bias": "biases → margin",
}
WHAT_COLOURS: Mapping[str, str] = {"head": "#0b6e99", "neuron": "#d98b3a", "path": "#7b4fa3"}
MOST_POINTS = 400  # of each kind in a panel: more marks cannot be told apart


def paint_path_sums(sums: Mapping[str, pd.DataFrame], axis: str) -> Canvas:
    """Size of the paths of every kind: bars are means over seeds, dots the seeds.

    sums: by variant, [seed group], mean over texts.
    """
    groups = [g for g in GROUP_COLOURS if any(g in t for t in sums.values())]
    groups += sorted({str(g) for t in sums.values() for g in t} - set(groups))
    size = (min(WIDE, 3.0 + 4.7 * len(sums)), 1.1 + 0.44 * len(groups))
    canvas, axes = plt.subplots(1, len(sums), figsize=size, squeeze=False, sharex=True, sharey=True)
    for ax, (title, table) in zip(axes[0], sums.items(), strict=True):
        for y, group in enumerate(groups):
            if group not in table:
                ax.text(0, y, " none", va="center", color=MUTED, fontsize=9.5)
                continue
            values = table[group].dropna()
            ax.barh(y, values.mean(), height=0.62, color=GROUP_COLOURS.get(group, "#5b6770"))
            ax.plot(values, [y] * len(values), "o", ms=4.2, color=INK, mec="#ffffff", mew=0.6)
        labels = [GROUP_LABELS.get(g, g) for g in groups]
        ax.set(yticks=range(len(groups)), yticklabels=labels, ylim=(len(groups) - 0.4, -0.6), xlabel=axis)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_title(title)
    canvas.tight_layout()
    return canvas


def paint_interventions(points: Mapping[str, pd.DataFrame], axes_names: tuple[str, str]) -> Canvas:
    """Predicted against measured: frozen points lie on the diagonal, hollow ones let everything react.

    points: by variant, columns kind, predicted, frozen, live.
    """
    size = (min(WIDE, 1.3 + 5.4 * len(points)), 5.6)
    canvas, axes = plt.subplots(1, len(points), figsize=size, squeeze=False, sharex=True, sharey=True)
    every = np.concatenate([p[["predicted", "frozen", "live"]].to_numpy(dtype=float).ravel() for p in points.values()])
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if every.size else (-1.0, 1.0)
    pad = 0.06 * (high - low or 1.0)
    kinds = list(dict.fromkeys(k for p in points.values() for k in p["kind"]))
    for ax, (title, rows) in zip(axes[0], points.items(), strict=True):
        ax.plot([low - pad, high + pad], [low - pad, high + pad], color=MUTED, lw=0.8, ls=(0, (4, 3)))
        for kind in kinds:
            part = thin(rows[rows["kind"] == kind])
            colour = WHAT_COLOURS.get(kind, "#5b6770")
            ax.plot(part["predicted"], part["live"], "o", ms=5, mfc="none", mec=colour, mew=0.8, alpha=0.75)
            ax.plot(part["predicted"], part["frozen"], "o", ms=3.4, color=colour)
        ends = (low - pad, high + pad)
        ax.set(xlim=ends, ylim=ends, xlabel=axes_names[0], aspect="equal")
        ax.set_title(title)
    axes[0][0].set_ylabel(axes_names[1])
    _name_kinds(canvas, kinds)
    canvas.tight_layout()
    return canvas


def _name_kinds(canvas: Canvas, kinds: Sequence[str]) -> None:
    x, wide = 0.995, canvas.get_figwidth()
    for kind in reversed(kinds):
        colour = WHAT_COLOURS.get(kind, "#5b6770")
        canvas.text(x, 1.0, f"● {kind}s", color=colour, ha="right", va="bottom", weight="bold")
        x -= (0.5 + 0.09 * len(kind)) / wide
    canvas.text(0.06, 1.0, "full: frozen, hollow: live", color=MUTED, ha="left", va="bottom", fontsize=9.5)


def thin(rows: pd.DataFrame, most: int = MOST_POINTS) -> pd.DataFrame:
    """At most `most` rows at even steps along the predictions, the ends kept."""
    if len(rows) <= most:
        return rows
    order = rows.sort_values("predicted", kind="stable")
    return order.iloc[np.unique(np.linspace(0, len(order) - 1, most).astype(int))]
