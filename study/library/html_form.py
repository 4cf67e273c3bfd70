"""An explanation as a strip of coloured words, for notebooks."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from study.records import NOT_IN_LOGITS
from study.report.labels import method_label

if TYPE_CHECKING:
    from study.library.explanation import Explanation

# The ends of the report's diverging map: red for the target class, blue against it. Fainter for smaller scores, so that
# the reader's own ink, dark or light, stays readable on them.
FOR, AGAINST, STRONGEST = (178, 24, 43), (33, 102, 172), 0.55
_WORD = "padding:.1em .25em;border-radius:.2em"
_SHOWN_CUT = "opacity:.5;text-decoration:line-through"


def as_html(explanation: Explanation) -> str:
    """One paragraph: the prediction, then the words coloured by `Explanation.shap`'s scores. Every word is escaped."""
    e = explanation
    scores = e.features[e.shap].scores
    hint = method_label(e.shap) + (" {:.3f}" if e.shap in NOT_IN_LOGITS else " {:+.3f} logits")
    top = float(np.nanmax(np.abs(scores))) or 1.0
    words = " ".join(_word(word, float(score), top, hint) for word, score in zip(e.words, scores, strict=True))
    place = e.class_names.index(e.predicted)
    head = (
        f"<b>{html.escape(e.predicted)}</b> ({e.probabilities[place]:.0%}; margin of {html.escape(e.target)} "
        f"{e.margin:+.2f} logits), {html.escape(e.model)}, seed {e.seed}"
    )
    return f'<div class="study-explanation"><p>{head}</p><p style="line-height:2">{words}</p></div>'


def _word(word: str, score: float, top: float, hint: str) -> str:
    """hint: the name of the score, a place for its number, its unit."""
    shown = html.escape(word)
    if not np.isfinite(score):
        return f'<span title="beyond the model\'s length" style="{_SHOWN_CUT}">{shown}</span>'
    red, green, blue = FOR if score > 0 else AGAINST
    colour = f"rgba({red},{green},{blue},{STRONGEST * abs(score) / top:.2f})"
    return f'<span title="{hint.format(score)}" style="background:{colour};{_WORD}">{shown}</span>'
