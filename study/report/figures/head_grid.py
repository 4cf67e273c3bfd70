"""The head grid: layers × heads of one text, a panel a method, one colour scale."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from study.report.figures.palette import DIVERGING, MUTED
from study.report.figures.style import WIDE, annotate_cells, balanced, bare, heat, text_inches
from study.report.numbers import signed

READABLE = 0.34  # inches: narrower cells carry no number
_TITLE_POINTS = 11.5


def paint_grids(panels: Mapping[str, pd.DataFrame]) -> Canvas:
    """panels: by title ("Direct, beyond empty"), [layer head]; all logits beyond the empty text, so one scale."""
    layers, heads = next(iter(panels.values())).shape
    cell = min(0.72, (WIDE - 2) / (heads * len(panels)) - 0.1)
    titles = max(text_inches(title, _TITLE_POINTS, bold=True) for title in panels)
    wide = max(cell * heads + 0.8, titles + 0.3)  # titles of neighbours would run into each other
    canvas, axes = plt.subplots(1, len(panels), figsize=(1.2 + len(panels) * wide, 1.35 + 0.55 * layers), squeeze=False)
    norm = balanced(np.concatenate([grid.to_numpy(dtype=float).ravel() for grid in panels.values()]))
    for i, (ax, (title, grid)) in enumerate(zip(axes[0], panels.items(), strict=True)):
        heat(ax, grid.to_numpy(dtype=float), DIVERGING, norm)
        if cell > READABLE:
            annotate_cells(ax, grid, norm, fontsize=9.5)
        ax.set_xticks(np.arange(heads) + 0.5, [f"H{h}" for h in grid.columns], fontsize=10 if cell > READABLE else 7)
        ax.xaxis.tick_top()
        ax.set_yticks(np.arange(layers) + 0.5, [f"layer {v}" for v in grid.index] if i == 0 else [])
        bare(ax)
        ax.set_title(title, pad=20, fontsize=_TITLE_POINTS)
    ends = f"one scale: colours end at ±{signed(float(norm.vmax or 0.0)).lstrip('+')} logits"
    canvas.supxlabel(ends, fontsize=9, color=MUTED)
    canvas.tight_layout(w_pad=1.5)
    return canvas
