"""Small tables of a cell, made by hand: words, heads and crosswalks of two texts, and what is known of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from study.known import KnownText

NAN = math.nan


def known_text(relevant: Sequence[int], oracle: Sequence[float], push: float = 1.0) -> KnownText:
    words = tuple(f"w{i}" for i in range(len(relevant)))
    return KnownText(words=words, relevant=np.array(relevant, bool), oracle=np.array(oracle, float), push=push)


def word_rows(example_id: str, method: str, scores: Iterable[float], *, trained: bool = True) -> list[dict]:
    key = {"trained": trained, "example_id": example_id, "method": method}
    return [{**key, "word_index": i, "word": f"w{i}", "score": score} for i, score in enumerate(scores)]


def values_of(rows: list[dict], example_id: str, method: str) -> dict[str, float]:
    found = [r for r in rows if (r["example_id"], r["method"]) == (example_id, method)]
    assert len({r["metric"] for r in found}) == len(found)  # each score once
    return {r["metric"]: r["value"] for r in found}


HEADS = [
    {"component": "L0H0", "name": "Read", "role": "direct", "undoes": ""},
    {"component": "L0H1", "name": "Up", "role": "cancelling", "undoes": ""},
    {"component": "L0H2", "name": "Down", "role": "cancelling", "undoes": "Up"},
    {"component": "L0H3", "name": "Bias", "role": "null", "undoes": ""},
    {"component": "L0H4", "name": "pad", "role": "pad", "undoes": ""},
]
NAMES = [row["component"] for row in HEADS]


def head_rows(example_id: str, method: str, scores: Sequence[float]) -> list[dict]:
    return [
        {"example_id": example_id, "component": name, "method": method, "score": score}
        for name, score in zip(NAMES, scores, strict=True)
    ]


def cell_rows(example_id: str, cells: Sequence[Sequence[float]]) -> list[dict]:
    """A text's rows of a crosswalk [word head]; the embedding has a column too."""
    return [
        {"example_id": example_id, "word_index": i, "component": name, "value": value}
        for i, row in enumerate(cells)
        for name, value in zip([*NAMES, "embed"], [*row, NAN if np.isnan(row).all() else 50.0], strict=True)
    ]


CELLS = {
    "t": [[0.0, 2.0, -2.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0], [0.5, 1.0, -1.0, 0.25, 9.0]],
    "u": [[0.0, 1.0, -1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0, 0.0], [NAN] * 5],
}
CROSSWALK = pd.DataFrame([row for example_id, cells in CELLS.items() for row in cell_rows(example_id, cells)])
SCORED = pd.DataFrame(
    [
        *head_rows("t", "ablation_mean", [1.0, 2.0, -2.0, 0.0, 7.0]),
        *head_rows("u", "ablation_mean", [-3.0, 0.0, 1.0, 0.0, 7.0]),
        *head_rows("t", "lime", [0.0, 0.0, 0.0, 1.0, 7.0]),
        *head_rows("u", "lime", [1.0, NAN, 0.0, 0.0, NAN]),
    ]
)
