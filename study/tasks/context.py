"""Two questions, and a word that says which one counts: a or b where c stands in the text, else e or f."""

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
)

_WITH = {"a": 1.0, "b": -1.0}
_WITHOUT = {"e": 1.0, "f": -1.0}
_SWITCH = "c"
_HERE, _WROTE = "c is here", "writer wrote"
_ERASED = 2.0


def draw(rng: np.random.Generator) -> PlantedText:
    """One of a and b, one of e and f, and c in half of the texts; their signs are independent."""
    first, second, third = (int(i) for i in rng.permutation(N_WORDS)[:3])
    placed = {first: str(rng.choice(list(_WITH))), second: str(rng.choice(list(_WITHOUT)))}
    if rng.random() < 0.5:
        return place_words(rng, placed | {third: _SWITCH}, [first, third])
    return place_words(rng, placed, [second])


def rule(words: Present) -> float:
    """a or b counts where c is present; e or f without c, and where neither a nor b is present."""
    with_c = sum(_WITH.get(word or "", 0.0) for word in words)
    without = sum(_WITHOUT.get(word or "", 0.0) for word in words)
    return with_c if _SWITCH in words and with_c else without


def shapley(words: Sequence[str]) -> FloatArray:
    """c absent: e or f has all. c present, a against e: 5/6, 5/6, -2/3 of a's sign; a beside e: 1/6, 1/6, 2/3."""
    if _SWITCH not in words:
        return np.array([_WITHOUT.get(word, 0.0) for word in words])
    sign = sum(_WITH.get(word, 0.0) for word in words)
    agree = telling(words) is False
    deciding, other = (1 / 6, 2 / 3) if agree else (5 / 6, -2 / 3)
    value = {**dict.fromkeys((*_WITH, _SWITCH), deciding), **dict.fromkeys(_WITHOUT, other)}
    return np.array([sign * value.get(word, 0.0) for word in words])


def telling(words: Sequence[str]) -> bool:
    """Only where the two questions have different answers can the words that decide be told apart."""
    return sum(_WITH.get(word, 0.0) + _WITHOUT.get(word, 0.0) for word in words) == 0


CONTEXT = HeadSpec(
    name="Context",
    layer=0,
    role="indirect",
    scores=from_readout({_SWITCH: 2 * SHARP}),
    writes={(_SWITCH, _HERE): 1.0},
    works=lambda words: _SWITCH in words,
)
GATE = HeadSpec(
    name="Gate",
    layer=1,
    role="direct",
    # half a flag, which is what Context writes on average, turns nothing: 4 is below CLS's 6
    scores=from_readout(dict.fromkeys(_WITHOUT, 7 * SHARP), idle=6 * SHARP)
    | {(_HERE, word): 8 * SHARP for word in _WITH},
    writes={(word, OUT): sign for word, sign in (_WITH | _WITHOUT).items()},
)
WRITER = HeadSpec(
    name="Writer",
    layer=0,
    role="cancelling",
    scores=from_readout({"n1": 2 * SHARP}),
    writes={("n1", OUT): _ERASED, ("n1", _WROTE): 1.0},
    works=lambda words: "n1" in words,
    fools="direct contribution: what it writes is erased",
)
ERASER = HeadSpec(
    name="Eraser",
    layer=1,
    role="cancelling",
    scores=from_readout({}),
    writes={(_WROTE, OUT): -_ERASED},
    fools="ablation of the eraser alone",
    undoes=WRITER.name,
    works=WRITER.works,
)
TASK = Task(
    name="context",
    summary="a or b decides where c stands in the text, else e or f",
    words=(*_WITH, _SWITCH, *_WITHOUT, *NOISE),
    draw=draw,
    rule=rule,
    shapley=shapley,
    telling=telling,
    heads=(
        CONTEXT,
        WRITER,
        *distractors.cancelling(0),
        distractors.bias(0),
        GATE,
        ERASER,
        distractors.norm(1, NOISE),
        distractors.gazer(1, (*_WITH, _SWITCH)),
    ),
)
