"""From measurements to means with intervals: over all texts, and over those predicted right and wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from study.metrics import METRICS
from study.metrics.measure_evaluation import faithfulness_bounds
from study.records import FloatArray
from study.seeds import rng_of
from study.stats import complete_examples, crossed_interval, interval_of_mean

IndexArray = np.ndarray[Any, Any]
COLUMNS = [
    "dataset", "model", "metric", "method_a", "method_b", "subset",
    "estimate", "low", "high", "level", "n_examples", "n_seeds", "n_undefined",
]  # fmt: skip
BOUNDS = {  # of measurements that are not agreements
    "indirect_share": (0.0, 1.0),
    "effective_components": (1.0, math.inf),
    "cancellation": (0.0, math.inf),  # not 1: its epsilon brings weak words below
    "plausibility_average_precision_score": (0.0, 1.0),
    "plausibility_chance": (0.0, 1.0),
}
BOUNDS_BY_BEGINNING = {  # of measurements named after what was compared (study.metrics.stability)
    "repeat_spearman": (-1.0, 1.0),
    "edit_spearman": (-1.0, 1.0),
    "edit_sensitivity": (0.0, math.inf),
    "sanity_spearman": (-1.0, 1.0),
    "seed_spearman": (-1.0, 1.0),
}


def estimate(measurements: pd.DataFrame, texts: pd.DataFrame, level: float) -> pd.DataFrame:
    """Mean of every metric and pair of methods with its interval, for each data set and model.

    subset `all`: seeds and examples crossed (`study.stats.interval_of_mean`), on the examples defined in
    every seed; n_undefined counts the others. The bootstrap of ten seeds or more draws by data set, model, metric and
    methods, so a row does not depend on the others. Subsets `correct` and `wrong`: whether a text is predicted
    right differs between seeds, so seeds and examples are not crossed there; each example is averaged over
    the seeds in which it qualifies and is defined, and the interval is for new examples only, given these
    seeds: it is too narrow as a statement about new seeds. n_undefined counts the examples that qualify
    somewhere and are defined nowhere.
    measurements, texts: the tables of those names.
    """
    trained = texts[texts["trained"].astype(bool)]
    rows: list[tuple[object, ...]] = []
    for where, group in measurements.groupby(["dataset", "model"], sort=False):
        dataset, model = where
        here = trained[(trained["dataset"] == dataset) & (trained["model"] == model)]
        is_correct = here.assign(correct=(here["label"] == here["predicted"]).astype(float))
        correct = is_correct.pivot(index="seed", columns="example_id", values="correct")  # noqa: PD010 - no mean
        for key, seeds, examples, array in crossed_groups(group, ["metric", "method_a", "method_b"]):
            known = correct.reindex(index=seeds, columns=examples).to_numpy()
            rows.append(
                (dataset, model, *key, "all", *crossed_estimate(array, level, rng_of("estimate", *where, *key)))
            )
            rows.append((dataset, model, *key, "correct", *_by_example(array, known == 1, level)))
            rows.append((dataset, model, *key, "wrong", *_by_example(array, known == 0, level)))
    return within_bounds(pd.DataFrame(rows, columns=COLUMNS))


def crossed_groups(
    table: pd.DataFrame, keys: list[str]
) -> Iterator[tuple[tuple[str, ...], IndexArray, IndexArray, FloatArray]]:
    """(key, seeds, examples, values [seed example]) of every group of `keys`, in the order in which they first come.

    Seeds and examples are sorted, those of the group alone; NaN where one has no row. A pivot of every group would
    say the same, and take twenty times as long.

    Raises: ValueError for two values of one seed and example.
    """
    seed_code, seeds = pd.factorize(table["seed"], sort=True)
    example_code, examples = pd.factorize(table["example_id"], sort=True)
    value = table["value"].to_numpy(dtype=np.float64)
    for key, rows in table.groupby(keys, sort=False).indices.items():
        here, i = np.unique(seed_code[rows], return_inverse=True)
        there, j = np.unique(example_code[rows], return_inverse=True)
        if len(np.unique(i * len(there) + j)) < len(rows):
            raise ValueError(f"{dict(zip(keys, key, strict=True))} has two values of one seed and example")
        crossed = np.full((len(here), len(there)), np.nan)
        crossed[i, j] = value[rows]
        yield key, np.asarray(seeds)[here], np.asarray(examples)[there], crossed


def crossed_estimate(
    values: FloatArray, level: float, rng: np.random.Generator
) -> tuple[float, float, float, float, int, int, int]:
    """estimate, low, high, level, n_examples, n_seeds, n_undefined of values [seed example]."""
    n_defined = int(complete_examples(values).sum())
    n_seeds, n_examples = values.shape
    return (
        *interval_of_mean(values, level, rng),
        level,
        n_defined,
        n_seeds if n_defined else 0,
        n_examples - n_defined,
    )


def bounds_of(metric: str) -> tuple[float, float] | None:
    """Lowest and highest possible value of a measurement; None where it has no bounds that are known here."""
    name = re.sub(r"^head_|_on_truth$|_at_k\d+(_on_truth)?$|_untrained$", "", metric)
    known: tuple[float, float] | None = METRICS.load(name).bounds if name in METRICS else BOUNDS.get(name)
    by_beginning = (bounds for start, bounds in BOUNDS_BY_BEGINNING.items() if name.startswith(start))
    return known or faithfulness_bounds(name) or next(by_beginning, None)


def within_bounds(estimates: pd.DataFrame) -> pd.DataFrame:
    """The same rows, intervals cut at the metric's bounds, which a t interval may pass though no value can."""
    for metric in estimates["metric"].unique():
        bounds = bounds_of(metric)
        if bounds:
            lowest, highest = bounds
            rows = estimates["metric"] == metric
            estimates.loc[rows, ["low", "high"]] = estimates.loc[rows, ["low", "high"]].clip(lowest, highest)
    return estimates


def _by_example(
    values: FloatArray, qualifies: FloatArray, level: float
) -> tuple[float, float, float, float, int, int, int]:
    """The same columns, from each example's mean over the seeds in which it qualifies and is defined."""
    used = qualifies & np.isfinite(values)
    count = used.sum(axis=0)
    means = np.where(used, values, 0.0).sum(axis=0)[count > 0] / count[count > 0]
    n_undefined = int((qualifies.any(axis=0) & (count == 0)).sum())
    n_seeds = int(used.any(axis=1).sum())
    return (*crossed_interval(means[None, :], level), level, len(means), n_seeds, n_undefined)
