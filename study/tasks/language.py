"""How a task with known answers is written down: texts, a rule, and heads that say what they look at and write.

The stream has one direction for each *feature*, named by a word:
- `[CLS]` and every word of the task: what stands at a position;
- `position(0)` (CLS), `position(1)`, ...: where it stands;
- `OUT`: the axis the readout sees, and `null(0)` to `null(7)`, which nothing sees;
- any other name is a flag: nothing carries it until a head writes it.
`study.model.circuits` turns heads written so into the weights of an ordinary encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import numpy as np

from study.errors import DataError
from study.records import CLS, FloatArray

Role = Literal["direct", "indirect", "latent", "cancelling", "null"]
Present = Sequence[str | None]  # the words of a text, None where a word is absent

N_WORDS = 9  # of every text: positions mean the same in all of them
NOISE = ("n1", "n2", "n3", "z")  # words that decide nothing
OUT = "out"
N_NULL = 8
GAIN = 2.0  # logits of margin for one unit on OUT
SHARP = 20.0  # the least difference of competing attention scores: leaks e^-20, below 1e-8
BIAS = 2.0  # what the head *Bias* writes to OUT in every text; the readout's bias takes it back


def position(number: int) -> str:
    """The feature of a position; CLS stands at 0, the words at 1 to N_WORDS."""
    return f"position {number}"


def null(number: int) -> str:
    """One of the directions that the readout does not see."""
    return f"null {number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSpec:
    """One head of a circuit.

    scores: (feature at the destination, feature at the source) -> attention score before the softmax; pairs not
    named score 0. writes: (feature at the source, feature) -> how much of the latter arrives at the destination.
    role: `direct` writes the answer; `indirect` feeds a head that does; `latent` would, were another head gone;
    `cancelling` writes what a second head takes back; `null` does nothing for the answer.
    fools: for distractors, which kind of explanation is expected to take it for important. undoes: the name of the
    head whose write this one takes back. works: whether the head has anything to do in a text of these words; where it
    has not, an explanation that gives it nothing is right, and the head is not scored.
    """

    name: str
    layer: int
    role: Role
    scores: Mapping[tuple[str, str], float] = field(default_factory=dict)
    writes: Mapping[tuple[str, str], float] = field(default_factory=dict)
    fools: str = ""
    undoes: str = ""
    works: Callable[[Sequence[str]], bool] = field(default=lambda _words: True)


def from_readout(scores: Mapping[str, float], *, idle: float = SHARP) -> dict[tuple[str, str], float]:
    """Scores of a head that works at CLS: it looks at these source features, or at CLS itself when there are none.

    idle: the score of CLS, to lie between what is looked for and what is not. From every word's position the head
    looks at CLS, so that it writes nothing there that a later head could read by mistake.
    """
    own = {(CLS, source): score for source, score in scores.items()}
    return {(CLS, CLS): idle, **{(position(p), CLS): SHARP for p in range(1, N_WORDS + 1)}, **own}


def from_previous() -> dict[tuple[str, str], float]:
    """Scores of a head that looks one position back from everywhere, and from CLS at itself."""
    back = {(position(p), position(p - 1)): SHARP for p in range(1, N_WORDS + 1)}
    return {(position(0), position(0)): SHARP, **back}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedText:
    """A text of a task. relevant: [word], True for the words that decide its label."""

    words: tuple[str, ...]
    relevant: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task with known answers.

    words: all that occur in its texts. draw: a random text. rule: what the circuit's margin is when only some words
    are present, in units of the readout gain; its sign on the full text is the label (positive: the second class).
    shapley: closed form of the words' Shapley values [word] in that rule, where one is known: tests hold it against
    the enumeration of all coalitions, which is what explanations are scored by. telling: whether the truth words of a
    text are beyond dispute; only such texts are explained. heads: the circuit, distractors included.
    """

    name: str
    summary: str
    words: tuple[str, ...]
    draw: Callable[[np.random.Generator], PlantedText]
    rule: Callable[[Present], float]
    heads: tuple[HeadSpec, ...]
    shapley: Callable[[Sequence[str]], FloatArray] | None = None
    telling: Callable[[Sequence[str]], bool] = field(default=lambda _words: True)


CLASS_NAMES = ("negative", "positive")


def place_words(rng: np.random.Generator, placed: Mapping[int, str], relevant: Sequence[int]) -> PlantedText:
    """A text with these words at these places (from 0), noise elsewhere. relevant: the places that decide.

    Raises: DataError for a place or a truth word outside the text.
    """
    outside = sorted(i for i in {*placed, *relevant} if not 0 <= i < N_WORDS)
    if outside:
        raise DataError(f"places {outside} lie outside a text of {N_WORDS} words: allowed are 0 to {N_WORDS - 1}")
    words = tuple(placed.get(i) or NOISE[rng.integers(len(NOISE))] for i in range(N_WORDS))
    return PlantedText(words=words, relevant=tuple(i in relevant for i in range(N_WORDS)))


def label_of(task: Task, words: Sequence[str]) -> int:
    """The class of a full text. Raises: DataError where the rule does not decide."""
    margin = task.rule(words)
    if margin == 0:
        raise DataError(
            f"task '{task.name}': the rule gives 0 for '{' '.join(words)}', which is no label: "
            "draw texts that it decides"
        )
    return int(margin > 0)


def rule_values(task: Task, words: Sequence[str]) -> FloatArray:
    """[coalition], the rule for all 2^n subsets of the words; bit i of the row number: whether word i is present."""
    masks = [mask[::-1] for mask in product((False, True), repeat=len(words))]
    return np.array([task.rule([w if here else None for w, here in zip(words, m, strict=True)]) for m in masks])
