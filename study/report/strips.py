"""Word strips: the same words once a method, coloured by its scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.records import NOT_IN_LOGITS, UNSIGNED_METHODS
from study.report.blocks import Strip, Strips, StripWord
from study.report.figures.palette import DIVERGING, UNSIGNED_SCORES, method_label, text_on
from study.report.numbers import signed

LEVELS = 7  # colour steps on either side of zero


def colour_rules() -> str:
    """The style rules of all colour levels, with the text colour of the higher contrast (at least 4.5)."""
    lines = []
    for prefix, colours in (("d", DIVERGING), ("s", UNSIGNED_SCORES)):
        for level in range(-LEVELS if prefix == "d" else 0, LEVELS + 1):
            # the last tenth of either map is so dark that it looks black: leave it out
            place = 0.5 + 0.44 * level / LEVELS if prefix == "d" else 0.78 * level / LEVELS
            rgb = colours(place)[:3] if level else (1.0, 1.0, 1.0)
            red, green, blue = (round(255 * float(c)) for c in rgb)
            lines.append(f".{prefix}{level}{{background:#{red:02x}{green:02x}{blue:02x};color:{text_on(rgb)}}}")
    return "\n".join(lines)


def signed_level(score: float, top: float) -> str:
    """Colour class of a signed score on a scale that ends at `top`; beyond it the colour stays at its end."""
    if not np.isfinite(score):
        return "cut"
    return f"d{round(LEVELS * float(np.clip(score / top, -1, 1)))}"


def unsigned_level(score: float, top: float) -> str:
    """Colour class of a score that is never negative."""
    return "cut" if not np.isfinite(score) else f"s{round(LEVELS * float(np.clip(score / top, 0, 1)))}"


def make_strips(
    anchor: str, words: pd.DataFrame, scores: pd.DataFrame, methods: list[str], scaled_by: tuple[str, ...]
) -> Strips:
    """One strip per method. The methods in logits share one scale that ends at the largest score of `scaled_by`.

    words: word and unknown by word_index; scores: [word_index, method].
    """
    shared = _top(scores[[m for m in scaled_by if m in scores]].to_numpy() if len(scores) else np.empty(0))
    strips, beyond = [], False
    for method in [m for m in methods if m in scores]:
        values = scores[method].reindex(words.index).to_numpy(dtype=float)
        own = method in NOT_IN_LOGITS
        top = _top(values) if own else shared
        beyond |= not own and bool(np.nanmax(np.abs(values), initial=0.0) > 1.001 * top)
        level = unsigned_level if method in UNSIGNED_METHODS else signed_level
        cells = tuple(
            StripWord(word=str(w), unknown=bool(u), level=level(v, top), hint=_hint(method, v))
            for w, u, v in zip(words["word"], words["unknown"], values, strict=True)
        )
        strips.append(Strip(label=method_label(method), words=cells, note="own scale" if own else ""))
    scale = (signed(-shared), "0", signed(shared))
    note = "Scores beyond the scale keep its end colour." if beyond else ""
    return Strips(anchor=anchor, strips=tuple(strips), scale=scale, note=note)


def _top(values: np.ndarray) -> float:
    finite = np.abs(values[np.isfinite(values)]) if values.size else np.empty(0)
    return float(finite.max()) if finite.size and finite.max() > 0 else 1.0


def _hint(method: str, score: float) -> str:
    return f"{method_label(method)} {signed(score, 3)}" if np.isfinite(score) else "beyond the model's length"
