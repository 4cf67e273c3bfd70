""" "not" just before the sentiment word flips it; anywhere else it is a decoy.

In scope the sentiment word's Shapley value is 0: one head writes its effect, another takes twice of it back. SHAP
calls the word irrelevant; the crosswalk shows two heads that cancel on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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
    from_previous,
    from_readout,
    place_words,
)

_SIGN = {"good": 1.0, "bad": -1.0}
_NOT = "not"
_NEGATED = "after not"


def draw(rng: np.random.Generator) -> PlantedText:
    """A sentiment word; "not" before it in half of the texts, elsewhere in a quarter, nowhere in a quarter."""
    word, kind = str(rng.choice(list(_SIGN))), rng.random()
    if kind < 0.5:
        place = int(rng.integers(1, N_WORDS))
        return place_words(rng, {place: word, place - 1: _NOT}, [place - 1, place])
    place = int(rng.integers(N_WORDS))
    if kind < 0.75:
        return place_words(rng, {place: word}, [place])
    decoy = int(rng.choice([i for i in range(N_WORDS) if i not in (place, place - 1)]))
    return place_words(rng, {place: word, decoy: _NOT}, [place])


def rule(words: Present) -> float:
    """The sign of the sentiment word, turned by "not" just before it."""
    before = [None, *words[:-1]]
    return sum(
        _SIGN.get(word or "", 0.0) * (-1.0 if left == _NOT else 1.0) for left, word in zip(before, words, strict=True)
    )


def shapley(words: Sequence[str]) -> FloatArray:
    """In scope: the word 0 (half its sign alone, half the opposite), "not" minus its sign. Else the word has all."""
    place = next(i for i, word in enumerate(words) if word in _SIGN)
    values = np.zeros(len(words))
    if in_scope(words):
        values[place - 1] = -_SIGN[words[place]]
    else:
        values[place] = _SIGN[words[place]]
    return values


def in_scope(words: Sequence[str]) -> bool:
    """Whether "not" stands just before a sentiment word."""
    return any(left == _NOT and word in _SIGN for left, word in pairwise(words))


NEG_SCOPE = HeadSpec(
    name="NegScope",
    layer=0,
    role="indirect",
    scores=from_previous(),
    writes={(_NOT, _NEGATED): 1.0},
    works=in_scope,
)
ALL = HeadSpec(
    name="All",
    layer=1,
    role="direct",
    scores=from_readout(dict.fromkeys(_SIGN, 2 * SHARP)),
    writes={(word, OUT): sign for word, sign in _SIGN.items()},
)
NEGATED = HeadSpec(
    name="Negated",
    layer=1,
    role="direct",
    # neither the word nor the flag alone is enough: only both together score more than CLS
    scores=from_readout({**dict.fromkeys(_SIGN, 2 * SHARP), _NEGATED: 2 * SHARP}, idle=3 * SHARP),
    writes={(word, OUT): -2 * sign for word, sign in _SIGN.items()},
    works=in_scope,
)
TASK = Task(
    name="negation",
    summary="good or bad decides, turned by not just before it",
    words=(*_SIGN, _NOT, *NOISE),
    draw=draw,
    rule=rule,
    shapley=shapley,
    heads=(
        NEG_SCOPE,
        *distractors.cancelling(0),
        distractors.bias(0),
        ALL,
        NEGATED,
        distractors.norm(1, NOISE),
        distractors.gazer(1, tuple(_SIGN)),
    ),
)
