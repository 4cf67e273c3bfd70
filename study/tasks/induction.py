"""The last word is a key; what followed its earlier copy decides. A second key is followed by the opposite."""

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
    from_previous,
    from_readout,
    place_words,
    position,
)

_KEYS = ("k1", "k2", "k3")
_SIGN = {"plus": 1.0, "minus": -1.0}
_LAST = N_WORDS - 1


def draw(rng: np.random.Generator) -> PlantedText:
    """Two pairs of a key and a value before the last word, which is one of the two keys."""
    key, other = (str(k) for k in rng.permutation(_KEYS)[:2])
    value, opposite = (str(v) for v in rng.permutation(list(_SIGN)))
    starts = [(i, j) for i in range(_LAST - 1) for j in range(_LAST - 1) if abs(i - j) > 1]
    copy, decoy = starts[rng.integers(len(starts))]
    placed = {copy: key, copy + 1: value, decoy: other, decoy + 1: opposite, _LAST: key}
    return place_words(rng, placed, [copy, copy + 1, _LAST])


def rule(words: Present) -> float:
    """The sign of what follows the earlier copy of the last word, where all three are present."""
    key = words[_LAST]
    if key not in _KEYS:
        return 0.0
    return sum(_SIGN.get(words[i + 1] or "", 0.0) for i in range(_LAST - 1) if words[i] == key)


def shapley(words: Sequence[str]) -> FloatArray:
    """A third each: without any of the three there is no answer."""
    copy = words.index(words[_LAST])
    values = np.zeros(len(words))
    values[[copy, copy + 1, _LAST]] = _SIGN[words[copy + 1]] / 3
    return values


def _after(key: str) -> str:
    return f"after {key}"


def _wanted(key: str) -> str:
    return f"wanted {key}"


PREV_TOKEN = HeadSpec(
    name="PrevToken",
    layer=0,
    role="indirect",
    scores=from_previous(),
    writes={(key, _after(key)): 1.0 for key in _KEYS},
)
QUERY = HeadSpec(
    name="Query",
    layer=0,
    role="indirect",
    scores=from_readout({position(N_WORDS): 2 * SHARP}),
    writes={(key, _wanted(key)): 1.0 for key in _KEYS},
)
INDUCTION = HeadSpec(
    name="Induction",
    layer=1,
    role="direct",
    # a third of a flag, which is what Query writes on average, finds nothing: it scores below CLS
    scores=from_readout({}, idle=3 * SHARP) | {(_wanted(key), _after(key)): 4 * SHARP for key in _KEYS},
    writes={(word, OUT): sign for word, sign in _SIGN.items()},
)
TASK = Task(
    name="induction",
    summary="the word after the earlier copy of the last word decides",
    words=(*_KEYS, *_SIGN, *NOISE),
    draw=draw,
    rule=rule,
    shapley=shapley,
    heads=(
        PREV_TOKEN,
        QUERY,
        *distractors.cancelling(0),
        INDUCTION,
        distractors.norm(1, NOISE),
        distractors.bias(1),
        distractors.gazer(1, tuple(_SIGN)),
    ),
)
