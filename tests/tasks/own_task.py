"""A user's own task, all of it: "u" directly followed by "v" is positive, everything else negative."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from study.tasks.language import (
    BIAS,
    N_WORDS,
    NOISE,
    OUT,
    SHARP,
    HeadSpec,
    Task,
    from_previous,
    from_readout,
    place_words,
)


def draw(rng):
    """u directly before v in half of the texts; else v before u, with any words between."""
    if rng.random() < 0.5:
        place = int(rng.integers(N_WORDS - 1))
        return place_words(rng, {place: "u", place + 1: "v"}, [place, place + 1])
    first, second = sorted(int(i) for i in rng.permutation(N_WORDS)[:2])
    return place_words(rng, {first: "v", second: "u"}, [first, second])


def rule(words):
    """1 where u stands just before v, else -1."""
    return 1.0 if ("u", "v") in pairwise(words) else -1.0


def shapley(words):
    """Half of the step from -1 to 1 each, where they are next to each other."""
    in_order = rule(words) > 0
    return np.array([1.0 if in_order and word in "uv" else 0.0 for word in words])


TASK = Task(
    name="neighbours",
    summary="u directly followed by v",
    words=("u", "v", *NOISE),
    draw=draw,
    rule=rule,
    shapley=shapley,
    heads=(
        # looks one word back from everywhere and marks the word after u
        HeadSpec(name="AfterU", layer=0, role="indirect", scores=from_previous(), writes={("u", "after u"): 1.0}),
        # takes 1 off everywhere; the readout takes BIAS off already
        HeadSpec(name="Doubt", layer=0, role="null", scores=from_readout({}), writes={("[CLS]", OUT): BIAS - 1.0}),
        # at CLS: looks at a v that is marked, else at CLS, where it reads nothing
        HeadSpec(
            name="Both",
            layer=1,
            role="direct",
            scores=from_readout({"v": 2 * SHARP, "after u": 2 * SHARP}, idle=3 * SHARP),
            writes={("v", OUT): 2.0},
        ),
    ),
)
