"""How right models and baselines are on held-out texts that people rated: the table `rated_texts`.

The rated sentences come from where rotten_tomatoes comes from. They are new texts of the same kind, judged by other
people: no evidence that anything carries over to texts of another kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from study.records import FloatArray, IntArray
from study.stats import Interval, crossed_interval, crossed_mean, pseudo_values, wilson_interval

COLUMNS = [
    "dataset", "model", "seed", "kind", "accuracy", "low", "high", "level",
    "spearman", "spearman_low", "spearman_high", "n_texts", "n_undecided",
]  # fmt: skip
BASELINES = ("majority", "tfidf_logreg")


def rated_accuracy(predictions: pd.DataFrame, baselines: Mapping[str, pd.DataFrame], level: float) -> pd.DataFrame:
    """One row per model and seed, one per model over all seeds (seed "all"), and one per baseline (model "").

    accuracy: share of texts whose predicted class is on the side of the people's mean rating. Texts rated exactly 0
    have no side: they are left out of it and counted (n_undecided of n_texts). One seed: a Wilson interval for new
    texts; several: seeds and texts crossed. spearman: rank correlation of the margin with the mean rating, all texts;
    over seeds its mean; its interval is as wide as its pseudo-values make it, cut at -1 and 1; NaN without a margin
    that varies.
    predictions: the cells' tables `rated_predictions` under each other, with dataset, model and seed. baselines: by
    data set, its table `rated_baselines` (columns `<baseline>` and `<baseline>_margin`).
    """
    rows: list[dict[str, Any]] = []
    for dataset, frame in baselines.items():
        for kind in BASELINES:
            said = frame[["example_id", "rating"]].assign(predicted=frame[kind], margin=frame[f"{kind}_margin"])
            rows += _rows({"dataset": dataset, "model": "", "kind": kind}, {"all": said}, level)
    for (dataset, model), group in predictions.groupby(["dataset", "model"], sort=False):
        by_seed = {str(seed): frame for seed, frame in group.groupby("seed", sort=False)}
        rows += _rows({"dataset": dataset, "model": model, "kind": "model"}, by_seed, level)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(where: Mapping[str, Any], said: Mapping[str, pd.DataFrame], level: float) -> list[dict[str, Any]]:
    """The rows of one model or baseline from what each of its seeds said.

    Raises: ValueError when the seeds did not answer the same texts.
    """
    first = next(iter(said.values()))
    if any(list(frame["example_id"]) != list(first["example_id"]) for frame in said.values()):
        raise ValueError(f"the seeds of {dict(where)} answered different rated texts")
    rating = first["rating"].to_numpy(dtype=np.float64)
    predicted = np.stack([frame["predicted"].to_numpy(dtype=np.int64) for frame in said.values()])
    margin = np.stack([frame["margin"].to_numpy(dtype=np.float64) for frame in said.values()])
    decided = rating != 0
    correct = (predicted == (rating > 0))[:, decided].astype(np.float64)

    def correlate(rows: IntArray) -> FloatArray:
        return _rank_correlations(margin[:, rows], rating[rows])

    whole = correlate(np.arange(len(rating)))
    pseudo = pseudo_values(correlate, len(rating)) if np.isfinite(whole).any() else np.full_like(margin, np.nan)
    chosen = {seed: [place] for place, seed in enumerate(said)} | ({"all": [*range(len(said))]})
    return [
        {
            **where,
            "seed": seed,
            **dict(zip(("accuracy", "low", "high"), _accuracy(correct[places], level), strict=True)),
            "level": level,
            "spearman": float(whole[places].mean()),
            **dict(zip(("spearman_low", "spearman_high"), _bounds(whole[places], pseudo[places], level), strict=True)),
            "n_texts": len(rating),
            "n_undecided": int((~decided).sum()),
        }
        for seed, places in chosen.items()
    ]


def _rank_correlations(values: FloatArray, other: FloatArray) -> FloatArray:
    """[seed], Spearman of values [seed example] with `other` [example]; NaN where a seed's are all equal."""
    middle = (len(other) + 1) / 2
    a, b = rankdata(values, axis=1) - middle, rankdata(other) - middle
    length = np.sqrt((a**2).sum(axis=1) * (b**2).sum())
    return np.divide(a @ b, length, out=np.full(len(a), np.nan), where=length > 0)


def _accuracy(correct: FloatArray, level: float) -> Interval:
    """correct: [seed example]."""
    if len(correct) == 1:
        return wilson_interval(int(correct.sum()), correct.size, level)
    accuracy, low, high = crossed_interval(correct, level)
    return accuracy, max(0.0, low), min(1.0, high)  # a t interval of few seeds may pass what a share can be


def _bounds(whole: FloatArray, pseudo: FloatArray, level: float) -> tuple[float, float]:
    """Interval of the mean of correlations [seed], as wide as their pseudo-values [seed example] make it."""
    _, low, high = crossed_mean(pseudo)._replace(mean=float(whole.mean())).interval(level)
    return float(np.clip(low, -1.0, 1.0)), float(np.clip(high, -1.0, 1.0))
