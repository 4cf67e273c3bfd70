"""Figures about paths through the network, and about predictions put to the test."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from study.report.figures.palette import INK, MUTED, RULE
from study.report.figures.style import WIDE

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
MOST_POINTS = 400  # in a panel: more marks cannot be told apart


def paint_path_sums(sums: Mapping[str, pd.DataFrame], axis: str) -> Canvas:
    """Size of the paths of every kind: bars are means over seeds, dots the seeds.

    sums: by variant, [seed group], mean over texts. A kind of size 0 in every seed is one that the model has not.
    """
    groups = [g for g in (*GROUP_COLOURS, *_foreign(sums)) if any(has_group(t, g) for t in sums.values())]
    size = (min(WIDE, 3.0 + 4.7 * len(sums)), 1.1 + 0.44 * len(groups))
    canvas, axes = plt.subplots(1, len(sums), figsize=size, squeeze=False, sharex=True, sharey=True)
    for ax, (title, table) in zip(axes[0], sums.items(), strict=True):
        for y, group in enumerate(groups):
            if not has_group(table, group):
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


def _foreign(sums: Mapping[str, pd.DataFrame]) -> list[str]:
    return sorted({str(g) for t in sums.values() for g in t} - set(GROUP_COLOURS))


def has_group(table: pd.DataFrame, group: str) -> bool:
    """Whether a model has paths of this kind: a size other than 0 in some seed."""
    return group in table and bool((table[group].fillna(0) != 0).any())


def paint_interventions(points: Mapping[str, pd.DataFrame], axes_names: tuple[str, str]) -> Canvas:
    """Predicted against measured, a row a variant and a column a kind; frozen points full, live ones hollow.

    points: by variant, columns kind, predicted, frozen, live. Panels of one kind have one scale.
    """
    kinds = list(dict.fromkeys(k for k in (*WHAT_COLOURS, *(k for p in points.values() for k in p["kind"]))
                               if any((p["kind"] == k).any() for p in points.values())))  # fmt: skip
    size = (min(WIDE, 1.2 + 3.8 * len(kinds)), 0.9 + 3.6 * len(points))
    canvas, axes = plt.subplots(len(points), len(kinds), figsize=size, squeeze=False)
    for column, kind in enumerate(kinds):
        parts = {title: rows[rows["kind"] == kind] for title, rows in points.items()}
        ends = _ends(pd.concat(list(parts.values())))
        for row, (title, part) in enumerate(parts.items()):
            ax = axes[row][column]
            ax.set_title(f"{kind}s of {title}")
            if part.empty:
                ax.text(0.0, 0.97, "none", transform=ax.transAxes, va="top", color=MUTED)
                ax.set_axis_off()
                continue
            _paint_points(ax, thin(part), WHAT_COLOURS.get(kind, "#5b6770"), ends)
            ax.set(xlabel=axes_names[0], ylabel=axes_names[1] if column == 0 else "")
    canvas.text(0.995, 1.0, "● frozen    ○ live", color=MUTED, ha="right", va="bottom", fontsize=10.5)
    canvas.tight_layout()
    return canvas


def _ends(rows: pd.DataFrame) -> tuple[float, float]:
    """One scale for both axes that holds every finite number."""
    every = rows[["predicted", "frozen", "live"]].to_numpy(dtype=float)
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if every.size else (-1.0, 1.0)
    pad = 0.06 * (high - low or 1.0)
    return low - pad, high + pad


def _paint_points(ax: Axes, rows: pd.DataFrame, colour: str, ends: tuple[float, float]) -> None:
    ax.axhline(0, color=RULE, lw=0.7, zorder=0)
    ax.axvline(0, color=RULE, lw=0.7, zorder=0)
    ax.plot(ends, ends, color=MUTED, lw=0.8, ls=(0, (4, 3)))
    ax.plot(rows["predicted"], rows["live"], "o", ms=4.6, mfc="none", mec=colour, mew=0.8, alpha=0.7)
    ax.plot(rows["predicted"], rows["frozen"], "o", ms=2.8, color=INK)
    ax.set(xlim=ends, ylim=ends, aspect="equal")


def thin(rows: pd.DataFrame, most: int = MOST_POINTS) -> pd.DataFrame:
    """At most `most` rows at even steps along the predictions, the ends kept."""
    if len(rows) <= most:
        return rows
    order = rows.sort_values("predicted", kind="stable")
    return order.iloc[np.unique(np.linspace(0, len(order) - 1, most).astype(int))]
