"""Figure: differences between two runs, each with its interval, on the scale of that interval."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from study.report.figures.palette import ACCENT, MUTED, RULE
from study.report.figures.style import HALF, clip
from study.report.numbers import signed

_MOST = 6.0  # half widths drawn: what lies farther out stands at the edge, its number beside it
_ROW, _FRAME = 0.27, 0.9  # inches


def paint_differences(labels: Sequence[str], rows: pd.DataFrame, axis_name: str) -> Canvas:
    """A dot and a bar a row, in units of the half width of its interval, so that rows of different units share an axis.

    Beyond the interval in the accent, within it grey; the difference itself in numbers at the right.
    """
    canvas, ax = plt.subplots(figsize=(HALF, _FRAME + _ROW * len(rows)))
    half = ((rows["high"] - rows["low"]) / 2).to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.nan_to_num(rows["difference"].to_numpy(dtype=float) / half, posinf=_MOST, neginf=-_MOST)
    place = np.clip(scaled, -_MOST, _MOST)
    beyond = (rows["verdict"] == "beyond").to_numpy()
    colours = np.where(beyond, ACCENT, MUTED)
    y = np.arange(len(rows))
    ax.axvline(0, color=RULE, lw=1)
    ax.hlines(y, place - 1, place + 1, colors=list(colours), lw=1.6)
    ax.scatter(place, y, c=list(colours), s=26, zorder=3)
    for row, difference in zip(y, rows["difference"], strict=True):
        ax.annotate(signed(float(difference), 3), (1.02, row), xycoords=("axes fraction", "data"), va="center")
    ax.set_xlim(-_MOST - 1.2, _MOST + 1.2)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_yticks(y, [clip(label, 62) for label in labels])
    ax.tick_params(length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(f"{axis_name}, in half widths of the interval")
    return canvas
