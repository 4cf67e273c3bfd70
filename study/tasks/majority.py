"""More p or more q? Every word counts alike, and nothing interacts: the control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.records import FloatArray
from study.tasks import distractors
from study.tasks.language import N_WORDS, NOISE, OUT, HeadSpec, PlantedText, Present, Task, place_words

_SIGN = {"p": 1.0, "q": -1.0}


def draw(rng: np.random.Generator) -> PlantedText:
    """Three or five of them, so that there is no tie."""
    places = [int(i) for i in rng.permutation(N_WORDS)[: rng.choice([3, 5])]]
    return place_words(rng, {place: str(rng.choice(list(_SIGN))) for place in places}, places)


def rule(words: Present) -> float:
    """The number of p minus the number of q."""
    return sum(_SIGN.get(word or "", 0.0) for word in words)


def shapley(words: Sequence[str]) -> FloatArray:
    """Each its own sign."""
    return np.array([_SIGN.get(word, 0.0) for word in words])


def _counter(word: str) -> HeadSpec:
    return HeadSpec(
        name=f"Count{word.upper()}",
        layer=0,
        role="direct",
        # no scores: it looks everywhere alike, at N_WORDS words and CLS
        writes={(word, OUT): _SIGN[word] * (N_WORDS + 1)},
        works=lambda words: word in words,
    )


COUNTERS = tuple(_counter(word) for word in _SIGN)
TASK = Task(
    name="majority",
    summary="more p or more q",
    words=(*_SIGN, *NOISE),
    draw=draw,
    rule=rule,
    shapley=shapley,
    heads=(
        *COUNTERS,
        *distractors.cancelling(0),
        distractors.norm(1, NOISE),
        distractors.bias(1),
        distractors.gazer(1, tuple(_SIGN)),
    ),
)
