"""The head grid: layers × heads of one text, a panel a method, one colour scale a kind."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from study.report.figures.style import DIVERGING, MUTED, WIDE, balanced, bare, heat, text_on
from study.report.numbers import short_signed, signed


def paint_grids(kinds: Mapping[str, Mapping[str, pd.DataFrame]]) -> Canvas:
    """kinds: by kind ("direct"), by title ("Direct, beyond empty"), [layer head]. Kinds never share a scale."""
    grids = [(kind, title, grid) for kind, panels in kinds.items() for title, grid in panels.items()]
    layers, heads = grids[0][2].shape
    cell = min(0.72, (WIDE - 2) / (heads * len(grids)) - 0.1)
    wide = max(cell * heads + 0.8, 2.5)
    canvas, axes = plt.subplots(1, len(grids), figsize=(1.2 + len(grids) * wide, 1.35 + 0.55 * layers), squeeze=False)
    norms = {kind: balanced(np.concatenate([g.to_numpy().ravel() for g in p.values()])) for kind, p in kinds.items()}
    for i, (ax, (kind, title, grid)) in enumerate(zip(axes[0], grids, strict=True)):
        norm = norms[kind]
        heat(ax, grid.to_numpy(), DIVERGING, norm)
        for (row, column), value in np.ndenumerate(grid.to_numpy(dtype=float)):
            if np.isfinite(value) and cell > 0.34:
                place = {"ha": "center", "va": "center", "fontsize": 9.5}
                colour = text_on(DIVERGING(norm(value))[:3])
                ax.text(column + 0.5, row + 0.5, short_signed(float(value)), color=colour, **place)
        ax.set_xticks(np.arange(heads) + 0.5, [f"H{h}" for h in grid.columns], fontsize=10 if cell > 0.34 else 7)
        ax.xaxis.tick_top()
        ax.set_yticks(np.arange(layers) + 0.5, [f"layer {v}" for v in grid.index] if i == 0 else [])
        bare(ax)
        ax.set_title(title, pad=20)
        ends = f"{kind}: colours end at ±{signed(float(norm.vmax or 0.0)).lstrip('+')} logits"
        ax.set_xlabel(ends, fontsize=9, color=MUTED)
    canvas.tight_layout(w_pad=1.5)
    return canvas
