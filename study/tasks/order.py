"""Both words are always there; the first of them decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.records import FloatArray
from study.tasks import distractors
from study.tasks.language import (
    N_WORDS,
    NOISE,
    OUT,
    SHARP,
    HeadSpec,
    PlantedText,
    Present,
    Task,
    from_readout,
    place_words,
    position,
)

_SIGN = {"x": 1.0, "y": -1.0}


def draw(rng: np.random.Generator) -> PlantedText:
    """x and y at two places."""
    places = [int(i) for i in rng.permutation(N_WORDS)[:2]]
    return place_words(rng, dict(zip(places, _SIGN, strict=True)), places)


def rule(words: Present) -> float:
    """The sign of the first of them that is present."""
    return next((_SIGN[word] for word in words if word in _SIGN), 0.0)


def shapley(words: Sequence[str]) -> FloatArray:
    """The first word 1.5 times its sign, the second half of that of its own: it lost half of its chances."""
    first = next(word for word in words if word in _SIGN)
    return np.array([_SIGN.get(word, 0.0) * (1.5 if word == first else 0.5) for word in words])


_SLOPE = {position(p): -SHARP * p for p in range(1, N_WORDS + 1)}
FIRST = HeadSpec(
    name="First",
    layer=0,
    role="direct",
    # the last place is still above CLS, which scores 0, and noise at the first place below it
    scores=from_readout({**dict.fromkeys(_SIGN, SHARP * (N_WORDS + 1)), **_SLOPE}, idle=0.0),
    writes={(word, OUT): sign for word, sign in _SIGN.items()},
)
TASK = Task(
    name="order",
    summary="whichever of x and y comes first decides",
    words=(*_SIGN, *NOISE),
    draw=draw,
    rule=rule,
    shapley=shapley,
    heads=(
        FIRST,
        distractors.norm(0, NOISE),
        *distractors.cancelling(0),
        distractors.bias(1),
        distractors.gazer(1, tuple(_SIGN)),
    ),
)
