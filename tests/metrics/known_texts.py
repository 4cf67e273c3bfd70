"""Nine words of every known-answer task, with the exact Shapley values of its rule (in units of the readout gain)."""

from __future__ import annotations

import numpy as np

N_WORDS = 9


def _text(**values: float) -> tuple[np.ndarray, np.ndarray]:
    """(relevant, oracle) from values by place, "_" before those that are no truth words: p2=1.0, _p4=-0.5."""
    relevant, oracle = np.zeros(N_WORDS, dtype=bool), np.zeros(N_WORDS)
    for name, value in values.items():
        place = int(name[-1])
        oracle[place] = value
        relevant[place] = not name.startswith("_")
    return relevant, oracle


TEXTS = {
    "single": _text(p3=1.0),
    "single, other side": _text(p7=-1.0),
    "context": _text(p1=5 / 6, p4=5 / 6, _p6=-2 / 3),
    "context, all truth": _text(p1=5 / 6, p4=5 / 6, p6=-2 / 3),
    "context, absent": _text(p5=-1.0),
    "order": _text(p2=1.5, p6=-0.5),
    "negation, in scope": _text(p4=-1.0, p5=0.0),
    "negation, decoy": _text(p2=1.0, _p6=0.0),
    "majority of three": _text(p0=1.0, p3=1.0, p8=-1.0),
    "majority of five": _text(p0=-1.0, p3=1.0, p4=-1.0, p5=-1.0, p8=1.0),
    "induction": _text(p2=1 / 3, p3=1 / 3, p8=1 / 3),
}
