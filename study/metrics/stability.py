"""How much of an explanation stays when something changes that should not matter, or that should matter much.

New randomness (repeats), one word of the text (edits), another training seed: it should stay. Random weights or
shuffled labels (sanity): it should go.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from study.metrics.agreement import SPEARMAN, SPEARMAN_ABS, Metric
from study.metrics.compare import COLUMNS
from study.metrics.estimates import COLUMNS as ESTIMATE_COLUMNS
from study.metrics.estimates import crossed_estimate, within_bounds
from study.metrics.ranking import Ranking, rank_words
from study.records import UNSIGNED_METHODS, FloatArray
from study.seeds import rng_of
from study.stats.jackknife import seed_pair_pseudo_values

_CORRELATIONS: tuple[Metric, ...] = (SPEARMAN, SPEARMAN_ABS)
_Place = tuple[int, str]  # seed, example_id


@dataclass(frozen=True, slots=True, kw_only=True)
class EditMetric:
    """How an explanation of a text compares with that of the edited text, over the words that are in both.

    compute: (before [word], after [word]) -> value, NaN where undefined. needs_signs: undefined for unsigned methods.
    Bounds: `study.metrics.estimates.bounds_of`.
    """

    name: str
    compute: Callable[[FloatArray, FloatArray], float]
    needs_signs: bool
    direction: Literal["higher", "lower"]
    source: str


def relative_change(before: FloatArray, after: FloatArray) -> float:
    """|after - before| / |before|, lengths of the vectors over words; NaN where all scores before are 0."""
    size = float(np.linalg.norm(before))
    return float(np.linalg.norm(after - before)) / size if size > 0 else math.nan


def top_share(scores: FloatArray) -> float:
    """The share of the sum of |score| that the largest has; NaN where all are 0 or there is no word."""
    size = np.abs(scores)
    return float(size.max() / size.sum()) if size.any() else math.nan


def rank_correlations(before: FloatArray, after: FloatArray, method: str) -> dict[str, float]:
    """Spearman of two explanations [word] by one method, `spearman` and `spearman_abs`; words with no score left out.

    `spearman` is missing for methods without signs.
    """
    known = np.isfinite(before) & np.isfinite(after)
    wanted = [metric for metric in _CORRELATIONS if not metric.needs_signs or method not in UNSIGNED_METHODS]
    return {metric.name: metric.compute(before[known], after[known]) for metric in wanted}


EDIT_SPEARMAN = EditMetric(
    name="edit_spearman_score",
    compute=SPEARMAN.compute,
    needs_signs=True,
    direction="higher",
    source="Spearman 1904, on a text and its edit",
)
EDIT_SPEARMAN_ABS = EditMetric(
    name="edit_spearman_abs_score",
    compute=SPEARMAN_ABS.compute,
    needs_signs=False,
    direction="higher",
    source="Spearman 1904, of |score|, on a text and its edit",
)
EDIT_SENSITIVITY = EditMetric(
    name="edit_sensitivity_error",
    compute=relative_change,
    needs_signs=False,
    direction="lower",
    source="Yeh et al. 2019, definition 3.1 (sensitivity), for one-word edits in place of a ball",
)
EDIT_METRICS = (EDIT_SPEARMAN, EDIT_SPEARMAN_ABS, EDIT_SENSITIVITY)


def compare_edit(before: FloatArray, after: FloatArray, method: str) -> dict[str, float]:
    """Every metric of EDIT_METRICS that the method can have, from scores [word] of the words that did not change."""
    known = np.isfinite(before) & np.isfinite(after)
    wanted = [metric for metric in EDIT_METRICS if not metric.needs_signs or method not in UNSIGNED_METHODS]
    return {metric.name: metric.compute(before[known], after[known]) for metric in wanted}


def measure_stability_rows(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measurements of stability and sanity, one value a text, from the joined tables of those names.

    `repeat_spearman`: mean over pairs of repeats of one method, or over repeats of two methods. Of `edit_stability`:
    the mean over edits of each metric, and `edit_sensitivity_max_error`, the largest (Yeh et al. 2019).
    `sanity_spearman_<randomised>`, `sanity_spearman_abs_<randomised>`: near 0 is good there. All texts of a cell share
    its random weights, and a random readout may turn every sign at once, so of one cell the latter says more.
    An edit without a value does not count; a text where none has one is NaN.
    """
    repeats, edits, sanity = tables["repeats"], tables["edit_stability"], tables["sanity"]
    again = repeats[repeats["metric"] == SPEARMAN.name].assign(metric="repeat_spearman")
    edits = edits.rename(columns={"method": "method_a"}).assign(method_b="")
    sensitivity = edits[edits["metric"] == EDIT_SENSITIVITY.name].assign(metric="edit_sensitivity_max_error")
    step = sanity["randomised"].astype(str).str.replace(" ", "_")
    sanity = sanity.assign(metric="sanity_" + sanity["metric"].astype(str) + "_" + step, method_b=sanity["method"])
    means = [_per_text(again, "mean"), _per_text(edits, "mean"), _per_text(sensitivity, "max")]
    return pd.concat([*means, sanity.rename(columns={"method": "method_a"})[COLUMNS]], ignore_index=True)


def _per_text(rows: pd.DataFrame, how: str) -> pd.DataFrame:
    keys = COLUMNS[:-1]
    return rows.groupby(keys, sort=False, as_index=False)["value"].agg(how)[COLUMNS]


def measure_seed_agreement(features: pd.DataFrame, texts: pd.DataFrame, level: float) -> pd.DataFrame:
    """Rows of estimates: how alike one method's scores of one text are in models of different training seeds.

    The mean over texts and over all pairs of seeds (a U-statistic), metrics `seed_spearman` (not for methods without
    signs) and `seed_spearman_abs`, subset `all`; the interval is that of the seeds' pseudo-values, since pairs share
    seeds (`study.stats.jackknife`). Two seeds: the interval is for these seeds, over new texts only. No rows for a
    model with one seed. Beyond two classes a text is explained towards the class that each seed predicts; where two
    seeds differ in that, their scores answer different questions, so the text is undefined and counted as such.

    features, texts: the tables of those names; words without a score are left out.
    """
    rows: list[tuple[object, ...]] = []
    trained, targets = features[features["trained"].astype(bool)], _targets(texts)
    for (dataset, model), own in trained.groupby(["dataset", "model"], sort=False):
        seeds = sorted(own["seed"].unique())
        if len(seeds) < 2:
            continue
        for method, of_method in own.groupby("method", sort=False):
            rankings = dict(_rankings(of_method))
            towards = {key: targets[dataset, model, *key] for key in rankings}
            for metric in _CORRELATIONS:
                if metric.needs_signs and method in UNSIGNED_METHODS:
                    continue
                values, pairs = _pair_values(rankings, towards, seeds, metric)
                rng = rng_of("seed agreement", dataset, model, metric.name, method)
                found = list(crossed_estimate(seed_pair_pseudo_values(values, pairs), level, rng))
                found[5] = len(seeds) if found[4] else 0  # two seeds share one row of pseudo-values
                rows.append((dataset, model, f"seed_{metric.name}", method, method, "all", *found))
    return within_bounds(pd.DataFrame(rows, columns=ESTIMATE_COLUMNS))


def _targets(texts: pd.DataFrame) -> dict[tuple[object, ...], str]:
    """(dataset, model, seed, example_id) -> the class that a trained model's explanations of the text are towards."""
    trained = texts[texts["trained"].astype(bool)]
    keys = (trained[column] for column in ("dataset", "model", "seed", "example_id"))
    return dict(zip(zip(*keys, strict=True), trained["target"], strict=True))


def _rankings(scores: pd.DataFrame) -> Iterator[tuple[_Place, Ranking]]:
    """(place, ranking) of one method."""
    ordered = scores.sort_values("word_index", kind="stable").dropna(subset="score")
    for (seed, example_id), words in ordered.groupby(["seed", "example_id"], sort=False)["score"]:
        yield (seed, example_id), rank_words(words.to_numpy(dtype=np.float64))


def _pair_values(
    rankings: Mapping[_Place, Ranking], towards: Mapping[_Place, str], seeds: list[int], metric: Metric
) -> tuple[FloatArray, list[tuple[int, int]]]:
    """values [pair example] of the metric, and the pairs, seeds numbered from 0.

    NaN where a seed lacks the text, or the two explain it towards different classes. Both maps: by place.
    """
    pairs = list(itertools.combinations(range(len(seeds)), 2))
    examples = sorted({example_id for _, example_id in rankings})
    values = np.full((len(pairs), len(examples)), np.nan)
    for p, (i, j) in enumerate(pairs):
        for e, example_id in enumerate(examples):
            a, b = (seeds[i], example_id), (seeds[j], example_id)
            if a in rankings and b in rankings and towards[a] == towards[b]:
                values[p, e] = metric.compare(rankings[a], rankings[b], 0)
    return values, pairs
