"""Figure: what a method says of words against how people rated them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.patheffects as path_effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure as Canvas

from study.report.figures.palette import ACCENT, MUTED, PLATE, RULE
from study.report.figures.style import WIDE, clip, text_inches

_NAMED = 26
_ACROSS, _DOWN = 7.2, 0.05  # width of the dots in inches; height of a name in shares of the dots'


@dataclass(frozen=True, slots=True, kw_only=True)
class WordDot:
    """rating: people's mean, -4 to 4. score: the method's mean, logits. n_texts: texts that hold the word."""

    word: str
    rating: float
    score: float
    n_texts: float


def paint_ratings(dots: Sequence[WordDot]) -> Canvas:
    """One dot a word; the outermost words are named, as far as names find room."""
    canvas, ax = plt.subplots(figsize=(0.72 * WIDE, 5.0))
    x = np.array([d.rating for d in dots])
    y = np.array([d.score for d in dots])
    n = np.array([d.n_texts for d in dots])
    ax.axhline(0, color=RULE, lw=0.9, zorder=0)
    ax.axvline(0, color=RULE, lw=0.9, zorder=0)
    ax.scatter(x, y, s=14 + 9 * np.sqrt(n), color=ACCENT, alpha=0.45, lw=0)
    ax.set(xlabel="people's mean rating of the word, −4 to +4", ylabel="mean score in the texts, logits")
    wide, high = max(float(np.ptp(x)), 1e-9), max(float(np.ptp(y)), 1e-9)
    across, up = x / wide, y / high
    far = np.hypot((x - x.mean()) / wide, (y - y.mean()) / high)
    placed: list[tuple[float, float, float]] = []
    for i in np.argsort(-far, kind="stable"):
        name = clip(dots[i].word, 16)
        at = (float(across[i]), float(up[i]), (text_inches(name, 9) + 0.1) / 2 / _ACROSS)
        hidden = (np.abs(across - at[0]) < at[2]) & (up > at[1]) & (up < at[1] + _DOWN)  # dots under the name
        free = all(abs(at[0] - p[0]) > at[2] + p[2] or abs(at[1] - p[1]) > _DOWN for p in placed)
        if len(placed) < _NAMED and free and not hidden.any():
            text = ax.annotate(name, (x[i], y[i]), xytext=(0, 5), textcoords="offset points", ha="center", fontsize=9)
            text.set_path_effects([path_effects.withStroke(linewidth=2.4, foreground=PLATE)])
            text.set_color(MUTED)
            placed.append(at)
    canvas.tight_layout()
    return canvas
