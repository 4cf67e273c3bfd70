"""Which head of one training seed is which of another: heads of a layer matched by the words they carry.

Heads are exchangeable within a layer, so their numbers mean nothing across seeds. Matching always finds a pair for
every head, alike or not: read the cosine, beside that of the heads it was not matched to.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from study.metrics.profiles import CAUSAL_CELLS
from study.records import FloatArray

MATCH_COLUMNS = ["dataset", "model", "seed_a", "seed_b", "layer", "head_a", "head_b", "cosine", "cosine_others"]


def match_heads(crosswalk: pd.DataFrame) -> pd.DataFrame:
    """One row a head and pair of seeds, columns MATCH_COLUMNS; head_a and head_b are component names.

    A head's profile is its mean causal cell for every word (two-way Shapley), over the words that both seeds have;
    heads of a layer are matched so that the cosines of the profiles sum to the most. cosine: of the matched pair,
    NaN where a profile is all zero; cosine_others: mean cosine of head_a with the other heads of that layer in
    seed_b, what a wrong match would give; NaN where there is none. crosswalk: the table of that name.

    Source: Kuhn 1955 (the assignment); METHODS, section 4.
    """
    causal = crosswalk[crosswalk["method"] == CAUSAL_CELLS].dropna(subset="value")
    rows: list[tuple[object, ...]] = []
    for variant, table in causal.groupby(["dataset", "model"], sort=False):
        mean = table.groupby(["seed", "component", "word"])["value"].mean().unstack("word")  # noqa: PD010 - no mean
        seeds = sorted(mean.index.unique("seed"))
        for seed_a, seed_b in itertools.combinations(seeds, 2):
            rows += [(*variant, seed_a, seed_b, *row) for row in _match(mean.loc[seed_a], mean.loc[seed_b])]
    return pd.DataFrame(rows, columns=MATCH_COLUMNS)


def _match(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """(layer, head_a, head_b, cosine, cosine_others) of every head; a, b: [component word] profiles."""
    shared = a.notna().all() & b.notna().all()
    for layer in sorted(set(_layers(a))):
        own_a, own_b = a.loc[_layers(a) == layer, shared], b.loc[_layers(b) == layer, shared]
        cosine = _cosines(own_a.to_numpy(), own_b.to_numpy())
        first, second = linear_sum_assignment(-np.nan_to_num(cosine))
        for i, j in zip(first, second, strict=True):
            others = np.delete(cosine[i], j)
            others = others[np.isfinite(others)]
            rest = float(others.mean()) if len(others) else np.nan
            yield layer, own_a.index[i], own_b.index[j], float(cosine[i, j]), rest


def _layers(profiles: pd.DataFrame) -> pd.Series[int]:
    return profiles.index.to_series().str.extract(r"^L(\d+)H", expand=False).astype(int)


def _cosines(a: FloatArray, b: FloatArray) -> FloatArray:
    """[head head]; NaN where a profile is all zero."""
    length = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)[None, :]
    return np.divide(a @ b.T, length, out=np.full(length.shape, np.nan), where=length > 0)
