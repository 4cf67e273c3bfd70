"""An explanation as a strip of coloured words, for notebooks."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from study.library.explanation import Explanation

# The ends of the report's diverging map: red for the target class, blue against it. Fainter for smaller scores, so that
# the reader's own ink, dark or light, stays readable on them.
FOR, AGAINST, STRONGEST = (178, 24, 43), (33, 102, 172), 0.55
_WORD = "padding:.1em .25em;border-radius:.2em"
_SHOWN_CUT = "opacity:.5;text-decoration:line-through"


def as_html(explanation: Explanation) -> str:
    """One paragraph: the prediction, then the words coloured by their SHAP scores. Every word is escaped."""
    e = explanation
    scores = e.features[e.shap].scores
    top = float(np.nanmax(np.abs(scores))) or 1.0
    words = " ".join(_word(word, float(score), top) for word, score in zip(e.words, scores, strict=True))
    place = e.class_names.index(e.predicted)
    head = (
        f"<b>{html.escape(e.predicted)}</b> ({e.probabilities[place]:.0%}; margin of {html.escape(e.target)} "
        f"{e.margin:+.2f} logits), {html.escape(e.model)}, seed {e.seed}"
    )
    return f'<div class="study-explanation"><p>{head}</p><p style="line-height:2">{words}</p></div>'


def _word(word: str, score: float, top: float) -> str:
    shown = html.escape(word)
    if not np.isfinite(score):
        return f'<span title="beyond the model\'s length" style="{_SHOWN_CUT}">{shown}</span>'
    red, green, blue = FOR if score > 0 else AGAINST
    colour = f"rgba({red},{green},{blue},{STRONGEST * abs(score) / top:.2f})"
    return f'<span title="{score:+.3f} logits" style="background:{colour};{_WORD}">{shown}</span>'
