"""Two runs held against each other: the difference of every estimate that both have, with an interval."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from study.metrics.estimates import crossed_groups
from study.records import FloatArray
from study.stats import (
    MeanEstimate,
    benjamini_hochberg,
    complete_examples,
    crossed_mean,
    difference_of_means,
    mean_test,
)

PAIRED, UNPAIRED, NO_INTERVAL = "same texts and seeds", "unpaired", "estimates alone"
VERDICTS = ("beyond", "within", "no interval", "rounding", "equal", "undefined")  # in the order of the table
ROUNDING = 5e-4  # of max(1, size): 19 of 20 estimates move by less when other processor instructions train the model
LEAST_SHARE = 0.5  # of the texts of the run with fewer: below, a pair of runs shares too few to speak for either
_MEASURED = ["difference", "low", "high", "pairing", "n_examples", "n_seeds", "p"]

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """What was measured under one key: values [seed example], seeds and examples sorted."""

    seeds: tuple[Any, ...]
    examples: tuple[Any, ...]
    values: FloatArray

    def take(self, seeds: Collection[Any], examples: Collection[Any]) -> FloatArray:
        """The values of these seeds and examples, both in this table's own order."""
        rows = [i for i, seed in enumerate(self.seeds) if seed in seeds]
        return self.values[np.ix_(rows, [j for j, example in enumerate(self.examples) if example in examples])]


def contrast_estimates(
    first: tuple[pd.DataFrame, pd.DataFrame],
    second: tuple[pd.DataFrame, pd.DataFrame],
    keys: list[str],
    same_texts: Mapping[str, Collection[str]],
    level: float,
) -> pd.DataFrame:
    """One row for every key that both runs estimate: both estimates, second - first with its interval, p and verdict.

    first, second: (estimates of subset all, measurements) of either run; keys: their columns, `dataset` the first.
    same_texts: data set -> the example ids that stand for the same text in both runs. Where these cover LEAST_SHARE of
    the texts of the run with fewer and a seed is shared, the difference is paired, text by text and seed by seed, and
    its interval crosses the two; else the runs count as independent and variances are added. Without measurements
    there is a difference and no interval. p belongs to the interval (`study.stats.mean_test`) and is adjusted over the
    rows that differ (Benjamini-Hochberg), where a difference of no more than ROUNDING has p = 1; equal rows have none.
    units: abs(difference) / half width of its interval. Sorted by verdict, then by units, the largest first.
    """
    wanted = first[0].merge(second[0], on=keys, suffixes=("_a", "_b"), validate="one_to_one")
    known = [_measured(frame, keys) for _, frame in (first, second)]
    rows = []
    for row in wanted[[*keys, "estimate_a", "estimate_b"]].itertuples(index=False, name=None):
        *key, a, b = row
        found = [crossed.get(tuple(key)) for crossed in known]
        rows.append(_contrast(a, b, found[0], found[1], same_texts.get(str(key[0]), ()), level))
    table = pd.concat(
        [wanted[[*keys, "estimate_a", "estimate_b"]], pd.DataFrame(rows, columns=_MEASURED, index=wanted.index)], axis=1
    )
    numbers = ["estimate_a", "estimate_b", "difference", "low", "high", "p"]
    return _judge(table.astype(dict.fromkeys(numbers, float)).assign(level=level))  # without rows they have no type


def _measured(measurements: pd.DataFrame, keys: list[str]) -> dict[Key, Crossed]:
    return {
        tuple(key): Crossed(seeds=tuple(seeds), examples=tuple(examples), values=values)
        for key, seeds, examples, values in crossed_groups(measurements, keys)
    }


def _contrast(
    estimate_a: float, estimate_b: float, a: Crossed | None, b: Crossed | None, same: Collection[str], level: float
) -> tuple[float, float, float, str, int, int, float]:
    """The columns _MEASURED of one key. n_examples, n_seeds: that the difference rests on; unpaired, the fewer."""
    if a is None or b is None:
        return estimate_b - estimate_a, math.nan, math.nan, NO_INTERVAL, 0, 0, math.nan
    seeds = set(a.seeds) & set(b.seeds)
    examples = set(a.examples) & set(b.examples) & set(same)
    if seeds and len(examples) >= max(2, LEAST_SHARE * min(len(a.examples), len(b.examples))):
        values = b.take(seeds, examples) - a.take(seeds, examples)
        return (*_describe(crossed_mean(values), PAIRED, [values], level),)
    difference = difference_of_means(crossed_mean(a.values), crossed_mean(b.values))
    return (*_describe(difference, UNPAIRED, [a.values, b.values], level),)


def _describe(
    difference: MeanEstimate, pairing: str, values: Iterable[FloatArray], level: float
) -> tuple[float, float, float, str, int, int, float]:
    defined = [(int(complete_examples(v).sum()), len(v)) for v in values]
    n_examples, n_seeds = (min(counts) for counts in zip(*defined, strict=True))
    return *difference.interval(level), pairing, n_examples, n_seeds if n_examples else 0, mean_test(difference)


def _judge(table: pd.DataFrame) -> pd.DataFrame:
    """The table with verdict, units, p and p_adjusted, in its order."""
    size = np.maximum(1.0, table[["estimate_a", "estimate_b"]].abs().max(axis=1).fillna(0.0))
    distance = table["difference"].abs()
    verdict = np.select(
        [
            table["estimate_a"].isna() & table["estimate_b"].isna(),
            (distance == 0) & (table["estimate_a"] == table["estimate_b"]),
            distance <= ROUNDING * size,
            ~np.isfinite(table["low"]) | ~np.isfinite(table["high"]),
            (table["low"] > 0) | (table["high"] < 0),
        ],
        ["undefined", "equal", "rounding", "no interval", "beyond"],
        default="within",
    )
    table = table.assign(verdict=verdict)
    same = table["verdict"].isin(["equal", "rounding"])
    table["p"] = table["p"].mask(table["verdict"] == "rounding", 1.0).mask(table["verdict"] == "equal")
    table["p_adjusted"] = benjamini_hochberg(table["p"].to_numpy())
    half = ((table["high"] - table["low"]) / 2).to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        table["units"] = np.where(same, 0.0, distance / half)
    order = table["verdict"].map({name: i for i, name in enumerate(VERDICTS)})
    ranked = table.assign(order=order).sort_values(["order", "units"], ascending=[True, False], kind="stable")
    return ranked.drop(columns="order").reset_index(drop=True)
