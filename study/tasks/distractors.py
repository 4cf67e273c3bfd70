"""Heads that every circuit carries beside those that do its work: each looks important to some explanation.

Their places in a layer are the task's choice; what they do is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from study.records import CLS
from study.tasks.language import BIAS, N_NULL, OUT, SHARP, HeadSpec, from_readout, null

_CANCEL = 3.0  # written by one of the pair, taken back by the other: more than any head that answers
_LOUD = 30.0  # per unit of attention, 3 a noise word: about ten times an answer where most words are noise


def norm(layer: int, words: Sequence[str]) -> HeadSpec:
    """Writes more than any other head, where the readout does not look."""
    return HeadSpec(
        name="Norm",
        layer=layer,
        role="null",
        writes={(word, null(i % N_NULL)): _LOUD for i, word in enumerate(words)},
        fools="size of what a head writes",
    )


def cancelling(layer: int) -> tuple[HeadSpec, HeadSpec]:
    """Two heads that answer to the noise word z, one taking back what the other writes."""
    both = [
        HeadSpec(
            name=f"Cancel{sign}",
            layer=layer,
            role="cancelling",
            scores=from_readout({"z": 2 * SHARP}),
            writes={("z", OUT): amount},
            fools="every score of single heads",
            undoes=undoes,
            works=lambda words: "z" in words,
        )
        for sign, amount, undoes in (("+", _CANCEL, ""), ("-", -_CANCEL, "Cancel+"))
    ]
    return both[0], both[1]


def bias(layer: int) -> HeadSpec:
    """Writes the same in every text."""
    return HeadSpec(
        name="Bias",
        layer=layer,
        role="null",
        scores=from_readout({}),
        writes={(CLS, OUT): BIAS},
        fools="raw direct contribution, zero ablation",
    )


def gazer(layer: int, words: Sequence[str]) -> HeadSpec:
    """Looks at the words that decide and writes nothing."""
    return HeadSpec(
        name="Gazer",
        layer=layer,
        role="null",
        scores=from_readout(dict.fromkeys(words, 2 * SHARP)),
        fools="attention",
    )
