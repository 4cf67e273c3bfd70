"""One word decides. A second head would answer if the first were gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.records import CLS, FloatArray
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

_SIGN = {"plus": 1.0, "minus": -1.0}
_WRITES = {(word, OUT): sign for word, sign in _SIGN.items()}
_SEEN = "seen"


def draw(rng: np.random.Generator) -> PlantedText:
    """One of the two deciding words, anywhere."""
    place = int(rng.integers(N_WORDS))
    return place_words(rng, {place: str(rng.choice(list(_SIGN)))}, [place])


def rule(words: Present) -> float:
    """The sign of the deciding word, 0 without it."""
    return sum(_SIGN.get(word or "", 0.0) for word in words)


def shapley(words: Sequence[str]) -> FloatArray:
    """All of it is the deciding word's."""
    return np.array([_SIGN.get(word, 0.0) for word in words])


_LOOKS = dict.fromkeys(_SIGN, 2 * SHARP)
READ = HeadSpec(
    name="Read",
    layer=0,
    role="direct",
    scores=from_readout(_LOOKS),
    writes={**_WRITES, **{(word, _SEEN): 1.0 for word in _SIGN}},
)
BACKUP = HeadSpec(
    name="Backup",
    layer=1,
    role="latent",
    scores={
        **from_readout(_LOOKS),
        (_SEEN, CLS): 2 * SHARP,
    },  # the flag at CLS turns the head to CLS, where it reads nothing
    writes=_WRITES,
    fools="zero ablation of the head it stands in for",
)
TASK = Task(
    name="single",
    summary="plus or minus decides",
    words=(*_SIGN, *NOISE),
    draw=draw,
    rule=rule,
    shapley=shapley,
    heads=(
        READ,
        distractors.norm(0, NOISE),
        *distractors.cancelling(0),
        BACKUP,
        distractors.bias(1),
        distractors.gazer(1, tuple(_SIGN)),
    ),
)
