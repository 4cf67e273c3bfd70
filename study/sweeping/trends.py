"""How every measurement changes along every axis of a sweep, everything else equal: slopes with crossed intervals.

A slope is taken within each text and training seed, over the rungs of a ladder (`study.sweeping.axes`), so that texts
and seeds are their own controls; its interval is for new texts and seeds. Along the length of texts, which no text has
two of, the slope is over texts, and its pseudo-values carry it to the same interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from study.config import StudyConfig
from study.metrics import FAITHFULNESS, METRICS
from study.metrics.estimates import crossed_groups
from study.records import FloatArray
from study.seeds import rng_of
from study.stats import complete_examples, interval_of_mean, pseudo_values
from study.sweeping.axes import POOLED, Ladder, ladders

COLUMNS = [
    "dataset", "axis", "models", "removal", "budget", "metric", "method_a", "method_b",
    "first", "last", "at_first", "at_last", "slope", "low", "high", "level", "n_examples", "n_seeds", "n_undefined",
]  # fmt: skip
UNSET = ("", 0)  # removal operator and budget of what depends on neither: accuracy
_KEYS = ["model", "removal", "budget", "metric", "method_a", "method_b"]
_FEWEST_TEXTS = 4  # of which a slope over lengths, and its variance, can be told

Metric = tuple[str, str, str]  # metric, method_a, method_b
Lengths = Mapping[str, float]  # by example id, words
Crossed = tuple[FloatArray, FloatArray, FloatArray]  # seeds, examples, values [seed example]


def measure_trends(measurements: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """One row for every data set, axis, what is held equal, and metric; and one pooled over what is held equal.

    slope: change per doubling of depth, heads, width, budget or length; for removal operators the difference. at_first
    and at_last: means at the ends of the axis, `first` and `last` (along lengths those of the fitted line). Only texts
    that are defined at every rung and in every seed count; n_undefined counts the others. Pooled rows say "all" and
    weigh all ladders alike, over the seeds that each of them has. A metric that no rung changes has no row.
    measurements: the table `sweep_measurements`, and rows of accuracy with UNSET for removal operator and budget.
    """
    rows: list[tuple[Any, ...]] = []
    for dataset in config.datasets:
        here = measurements[measurements["dataset"] == dataset.name]
        found = {key: (seeds, examples, values) for key, seeds, examples, values in crossed_groups(here, _KEYS)}
        metrics: list[Metric] = list(dict.fromkeys((key[3], key[4], key[5]) for key in found))
        for axis, ladder_group in _by_pool(ladders(dataset, config)):
            for metric in metrics:
                rows += _along(dataset.name, axis, ladder_group, metric, found, config.compare.level)
        lengths = {
            str(model): rows.groupby("example_id")["n_words"].max().to_dict() for model, rows in here.groupby("model")
        }
        for metric in metrics:
            rows += _over_lengths(dataset.name, metric, found, lengths, config.compare.level)
    return pd.DataFrame(rows, columns=COLUMNS)


def summarise(
    values: FloatArray, level: float, *key: str | int, metric: str = ""
) -> tuple[float, float, float, float, int, int, int]:
    """estimate, low, high, level, n_examples, n_seeds, n_undefined of values [seed example].

    key: names what is estimated, for the bootstrap's randomness. metric: bounds of its values, which an interval may
    not pass.
    """
    n_seeds, n_examples = values.shape
    n_defined = int(complete_examples(values).sum())
    estimate, low, high = interval_of_mean(values, level, rng_of("sweep interval", *key))
    least, most = _bounds_of(metric)
    low, high = float(np.clip(low, least, most)), float(np.clip(high, least, most))
    return estimate, low, high, level, n_defined, n_seeds if n_defined else 0, n_examples - n_defined


def _bounds_of(metric: str) -> tuple[float, float]:
    name = metric.split("_at_k")[0].removesuffix("_own").removesuffix("_other")
    for registry in (METRICS, FAITHFULNESS):
        if name in registry:
            least, most = registry.load(name).bounds
            return float(least), float(most)
    return (1.0 if name.startswith("effective_heads") else -np.inf), np.inf


def _by_pool(found: Sequence[Ladder]) -> Iterator[tuple[str, list[Ladder]]]:
    """Ladders that are pooled: of one model family over removal operators and budgets, else all of an axis."""
    groups: dict[tuple[str, ...], list[Ladder]] = {}
    for ladder in found:
        family = {"removal": ladder.removal, "budget": ladder.budget}.get(ladder.axis, ladder.models)
        groups.setdefault((ladder.axis, family), []).append(ladder)
    for (axis, *_), group in groups.items():
        yield axis, group


def _along(
    dataset: str,
    axis: str,
    group: Sequence[Ladder],
    metric: Metric,
    found: dict[tuple[Any, ...], Crossed],
    level: float,
) -> list[tuple[Any, ...]]:
    """A row for each ladder that is measured at every rung, and one for their mean; none where nothing changes."""
    stacks = []
    for ladder in group:
        stack = _stack([_look_up(found, rung, metric) for rung in ladder.rungs])
        if stack is not None and not _is_constant(stack[2]):
            stacks.append((ladder, stack))
    if found.keys() & {(rung[0], *UNSET, *metric) for ladder in group for rung in ladder.rungs}:
        stacks = stacks[:1]  # depends on neither operator nor budget: the ladders are one
    rows: list[tuple[Any, ...]] = []
    pooled: list[Crossed] = []
    for ladder, (seeds, examples, values) in stacks:
        x = np.array(ladder.values) if axis == "removal" else np.log2(ladder.values)
        slopes = np.tensordot(_slope_weights(x), values, axes=1)
        pooled.append((seeds, examples, np.stack([slopes, values[0], values[-1]])))
        held = (ladder.models, ladder.removal, ladder.budget)
        if len(stacks) > 1:
            rows.append(_row(dataset, axis, held, metric, ladder, pooled[-1][2], level))
    if not pooled:
        return []
    shared = _stack(pooled)
    first = stacks[0][0]
    held = _held_by_all([ladder for ladder, _ in stacks])
    if shared is not None:
        rows.append(_row(dataset, axis, held, metric, first, shared[2].mean(axis=0), level))
    return rows


def _held_by_all(group: Sequence[Ladder]) -> tuple[str, str, str]:
    """What the pooled ladders share by name; a single ladder is pooled as well, since there is nothing else."""
    if group[0].axis == "budget":
        return POOLED, POOLED, group[0].budget
    if group[0].axis == "removal":
        return POOLED, group[0].removal, POOLED
    return group[0].models, POOLED, POOLED


def _row(
    dataset: str,
    axis: str,
    held: tuple[str, str, str],
    metric: Metric,
    ladder: Ladder,
    values: FloatArray,
    level: float,
) -> tuple[Any, ...]:
    """values: [3 seed example], slope and what is measured at the first and the last rung."""
    slopes, at_first, at_last = values
    complete = complete_examples(slopes)
    ends = [float(end[:, complete].mean()) if complete.any() else np.nan for end in (at_first, at_last)]
    named = axis != "removal"  # operators have no numbers
    first, last = (ladder.values[0], ladder.values[-1]) if named else (np.nan, np.nan)
    key = (dataset, axis, *held, *metric)
    return (dataset, axis, *held, *metric, first, last, *ends, *summarise(slopes, level, *key))


def _slope_weights(x: FloatArray) -> FloatArray:
    """[rung] with weights @ y = the least-squares slope of y on x."""
    centred = x - x.mean()
    return np.asarray(centred / (centred @ centred))


def _look_up(found: dict[tuple[Any, ...], Crossed], rung: tuple[str, str, int], metric: Metric) -> Crossed | None:
    return found.get((*rung, *metric), found.get((rung[0], *UNSET, *metric)))


def _stack(parts: Sequence[Crossed | None]) -> Crossed | None:
    """Values [part ... seed example] on the seeds and examples that all parts have; None where one is not measured."""
    if any(part is None for part in parts) or not parts:
        return None
    known = [part for part in parts if part is not None]
    seeds, examples = (_shared([part[k] for part in known]) for k in (0, 1))
    if not len(seeds) or not len(examples):
        return None
    cut = [v[..., np.searchsorted(s, seeds), :][..., np.searchsorted(e, examples)] for s, e, v in known]
    return seeds, examples, np.stack(cut)


def _shared(parts: Sequence[Any]) -> Any:
    shared = parts[0]
    for part in parts[1:]:
        shared = np.intersect1d(shared, part)
    return shared


def _is_constant(values: FloatArray) -> bool:
    return all(np.array_equal(values[0], rung, equal_nan=True) for rung in values[1:])


def _over_lengths(
    dataset: str, metric: Metric, found: dict[tuple[Any, ...], Crossed], lengths: Mapping[str, Lengths], level: float
) -> list[tuple[Any, ...]]:
    """A row for each model, removal operator and budget, and one for their mean."""
    places = [key for key in found if key[3:] == metric and key[1:3] != UNSET]  # accuracy is not of the texts asked
    rows: list[tuple[Any, ...]] = []
    parts: list[Crossed] = []
    for model, removal, budget, *_ in places:
        crossed = found[(model, removal, budget, *metric)]
        held = (model, removal, str(budget))
        rows += _length_row(dataset, held, metric, crossed, lengths[model], level)
        parts.append(crossed)
    shared = _stack(parts)
    if len(parts) > 1 and shared is not None:
        seeds, examples, values = shared
        models = dict.fromkeys(place[0] for place in places)
        mean_lengths = {e: float(np.mean([lengths[model][e] for model in models])) for e in examples}
        pooled = (seeds, examples, values.mean(axis=0))
        rows += _length_row(dataset, (POOLED, POOLED, POOLED), metric, pooled, mean_lengths, level)
    elif len(rows) == 1:
        rows = [(dataset, "length", POOLED, POOLED, POOLED, *rows[0][5:])]
    return rows


def _length_row(
    dataset: str, held: tuple[str, str, str], metric: Metric, crossed: Crossed, lengths: Lengths, level: float
) -> Iterable[tuple[Any, ...]]:
    """The row of one place, nothing where too few texts differ in length."""
    _, examples, values = crossed
    n_words = np.array([lengths[example] for example in examples], dtype=np.float64)
    used = complete_examples(values) & (n_words > 0)
    x, y = np.log2(n_words[used]), values[:, used]
    if len(x) < _FEWEST_TEXTS or len(np.unique(x)) < 3:  # left without one text, two lengths must remain
        return []
    slopes = pseudo_values(lambda rows: y[:, rows] @ _slope_weights(x[rows]), len(x))
    weights = _slope_weights(x)
    slope, mean = float((y @ weights).mean()), float(y.mean())
    ends = [mean + slope * (end - float(x.mean())) for end in (x.min(), x.max())]
    summary = summarise(slopes, level, dataset, "length", *held, *metric)
    counts = (summary[3], summary[4], summary[5], int(len(used) - used.sum()))
    first, last = 2.0 ** x.min(), 2.0 ** x.max()
    return [(dataset, "length", *held, *metric, first, last, *ends, *summary[:3], *counts)]
