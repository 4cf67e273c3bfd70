"""The score card: every method on every task, between chance and the oracle."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from study.errors import UnknownNameError
from study.metrics import HEAD_SCORES, WORD_SCORES
from study.metrics.estimates import crossed_estimate, crossed_groups
from study.metrics.ties import TruthScore
from study.registry import suggest
from study.seeds import rng_of

RUNGS = ("hand-built", "rotated", "trained", "shortcut")
FLOOR, CEILING = "chance", "oracle"  # the methods that a score is read against
COLUMNS = [
    "dataset", "model", "rung", "unit", "metric", "method",
    "estimate", "low", "high", "level", "n_examples", "n_seeds", "n_undefined",
    "floor", "ceiling", "relative", "verified",
]  # fmt: skip
LEAST_ROOM = 1e-6  # between floor and ceiling: below it both are the same but for rounding
_KEY = ["dataset", "model", "unit", "metric", "method"]
_SCORES = {"words": WORD_SCORES, "heads": HEAD_SCORES}


def make_score_card(
    truth_scores: pd.DataFrame, verification: pd.DataFrame, rungs: Mapping[tuple[str, str], str], level: float
) -> pd.DataFrame:
    """Mean of every score of every method with its interval, for each data set and model: nothing is pooled over them.

    Estimates cross seeds and examples (study.stats.interval_of_mean) on the examples defined in every seed;
    n_undefined counts the others. floor and ceiling: the estimates of the methods FLOOR and CEILING on the same data
    set, model and score, NaN where a table has no such method. relative: (estimate - floor) / (ceiling - floor), 0 for
    chance and 1 for the oracle, whichever direction is better; NaN where the oracle is not better than chance, so that
    the score tells nothing. A variant that is not verified is not scored: all its numbers but the counts are NaN.
    truth_scores, verification: the tables of those names. rungs: of every (data set, model).

    Raises: UnknownNameError for a unit, metric or rung that does not exist; ValueError for a (data set, model)
    without a rung, or a value that is there twice.
    """
    verified = verified_variants(truth_scores, verification)
    rows: list[tuple[object, ...]] = []
    for (dataset, model, *rest), _, _, values in crossed_groups(truth_scores, _KEY):
        known = verified[dataset, model]
        estimate, low, high, *counts = crossed_estimate(values, level, rng_of("score", dataset, model, *rest))
        interval = (estimate, low, high) if known else (math.nan,) * 3
        rows.append((dataset, model, _rung(rungs, dataset, model), *rest, *interval, *counts, known))
    card = pd.DataFrame(rows, columns=[c for c in COLUMNS if c not in ("floor", "ceiling", "relative")])
    return _between(_within_bounds(card))[COLUMNS]


def verified_variants(truth_scores: pd.DataFrame, verification: pd.DataFrame) -> dict[tuple[str, str], bool]:
    """Whether each (data set, model) is verified: every check of every seed passed, and every seed was checked."""
    cell = ["dataset", "model", "seed"]
    passed = verification.astype({"passed": bool}).groupby(cell)["passed"].all().to_dict()
    verified: dict[tuple[str, str], bool] = {}
    for dataset, model, seed in truth_scores[cell].drop_duplicates().itertuples(index=False):
        so_far = verified.get((dataset, model), True)
        verified[dataset, model] = so_far and bool(passed.get((dataset, model, seed), False))
    checks = passed.items()
    return {
        variant: known and all(ok for (dataset, model, _), ok in checks if (dataset, model) == variant)
        for variant, known in verified.items()
    }


def load_score(unit: str, metric: str) -> TruthScore:
    """The score of this name for words or for heads.

    Raises: UnknownNameError for a unit or a metric that does not exist.
    """
    if unit not in _SCORES:
        raise UnknownNameError(f"unknown unit '{unit}'{suggest(unit, _SCORES)}")
    score: TruthScore = _SCORES[unit].load(metric)
    return score


def _rung(rungs: Mapping[tuple[str, str], str], dataset: str, model: str) -> str:
    if (dataset, model) not in rungs:
        raise ValueError(f"no rung is given for model '{model}' on data set '{dataset}'")
    rung = rungs[dataset, model]
    if rung not in RUNGS:
        raise UnknownNameError(f"unknown rung '{rung}'{suggest(rung, RUNGS)}")
    return rung


def _within_bounds(card: pd.DataFrame) -> pd.DataFrame:
    """Intervals cut at the score's bounds, which a symmetric t interval may pass though no value can."""
    for (unit, metric), rows in card.groupby(["unit", "metric"]).groups.items():
        card.loc[rows, ["low", "high"]] = card.loc[rows, ["low", "high"]].clip(*load_score(unit, metric).bounds)
    return card


def _between(card: pd.DataFrame) -> pd.DataFrame:
    """The card with floor, ceiling and relative."""
    place = _KEY[:-1]
    for column, method in (("floor", FLOOR), ("ceiling", CEILING)):
        ends = card.loc[card["method"] == method, [*place, "estimate"]].rename(columns={"estimate": column})
        card = card.merge(ends, on=place, how="left", validate="many_to_one")
    room = card["ceiling"] - card["floor"]
    better = [
        1.0 if load_score(u, m).direction == "higher" else -1.0 for u, m in zip(card.unit, card.metric, strict=True)
    ]
    card["relative"] = ((card["estimate"] - card["floor"]) / room).where(room * better >= LEAST_ROOM)
    return card
