"""Sheet: rectangles, lines and words at places in inches, drawn with few objects and so many times as fast as axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection, PatchCollection, PolyCollection
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Circle, Rectangle
from matplotlib.transforms import Affine2D

from study.records import FloatArray
from study.report.figures.palette import INK, MUTED, PLATE

Number = float | FloatArray


class Sheet:
    """A page of `width` × `height` inches, measured from its lower left corner; what is put on it must fit."""

    def __init__(self, width: float, height: float) -> None:
        self.canvas = plt.figure(figsize=(width, height))
        # not `dpi_scale_trans`: a figure saved with a margin shifts only what hangs on `transFigure`
        self.inches = Affine2D().scale(1 / width, 1 / height) + self.canvas.transFigure
        page = Rectangle((0, 0), width, height, facecolor=PLATE, lw=0, transform=self.inches, zorder=0)
        self.canvas.add_artist(page)  # so that the picture is as large as the page, whatever is on it
        self._corners: list[FloatArray] = []
        self._fills: list[FloatArray] = []
        self._lines: list[Sequence[tuple[float, float]]] = []
        self._pens: list[tuple[str, float]] = []
        self._rings: list[Circle] = []

    def fill(self, x: Number, y: Number, width: Number, height: Number, colours: FloatArray) -> None:
        """Rectangles, one a colour, under everything else. x, y: lower left corners, numbers or [rectangle]."""
        x, y, width, height = np.broadcast_arrays(x, y, width, height)
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        self._corners.append(np.stack([np.stack(c, axis=-1) for c in corners], axis=1))
        self._fills.append(np.asarray(colours))

    def line(self, points: Sequence[tuple[float, float]], colour: str, points_wide: float) -> None:
        self._lines.append(points)
        self._pens.append((colour, points_wide))

    def dash(self, x: float, y: float, half: float) -> None:
        """A short black line across a bar."""
        self.line([(x - half, y), (x + half, y)], INK, 1.6)

    def ring(self, x: float, y: float, half: float) -> None:
        """A hollow mark over a bar."""
        self._rings.append(Circle((x, y), 0.5 * half))

    def write(self, x: Number, y: Number, text: str, **style: Any) -> None:
        self.canvas.text(float(x), float(y), text, transform=self.inches, **style)

    def note(self, x: Number, y: Number, text: str, **style: Any) -> None:
        """Small grey text."""
        self.write(x, y, text, **{"fontsize": 9.5, "color": MUTED, **style})

    def finish(self) -> Canvas:
        """The canvas with everything on it."""
        whole: dict[str, Any] = {"transform": self.inches, "clip_on": False}
        if self._corners:
            fills = np.concatenate(self._fills)
            self.canvas.add_artist(PolyCollection(list(np.concatenate(self._corners)), facecolors=fills, lw=0, **whole))
        colours, widths = ([pen[k] for pen in self._pens] for k in (0, 1))
        self.canvas.add_artist(LineCollection(self._lines, colors=colours, linewidths=widths, zorder=2, **whole))
        rings = PatchCollection(self._rings, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=3, **whole)
        self.canvas.add_artist(rings)
        return self.canvas
