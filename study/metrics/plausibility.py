"""Do explanations point where people see sentiment? Plausibility, which is not faithfulness.

People rated words one by one, without any text. A model may decide by other words than people would, and an explanation
that says so is right and not plausible. So nothing here says whether an explanation is true of its model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from study.metrics.compare import CELL, COLUMNS
from study.metrics.estimates import COLUMNS as ESTIMATE_COLUMNS
from study.metrics.ranking import correlate_ranks
from study.metrics.ties import expected_average_precision, size_levels
from study.records import UNSIGNED_METHODS, BoolArray, FloatArray, IntArray
from study.stats import complete_examples, crossed_mean, pseudo_values

Ratings = Mapping[str, tuple[float, float, int]]  # word -> mean, standard deviation and number of people's ratings
AVERAGE_PRECISION, CHANCE, SPEARMAN = "plausibility_average_precision_score", "plausibility_chance", "rating_spearman"
RATINGS_COLUMNS = [*CELL, "word", "rating", "rating_sd", "method", "score_mean", "n_texts"]


def measure_plausibility(features: pd.DataFrame, lexicons: Mapping[str, Ratings]) -> pd.DataFrame:
    """Measurements of every text and method on trained models: average precision of |score| against the rated words.

    Metric `plausibility_average_precision_score`, higher is better, in expectation over ties. Beside it, with method_a
    "chance", `plausibility_chance`: the same of words in random order, somewhat above the share of rated words. Both
    NaN for a text without a rated word, and for one of rated words only. Words without a score are left out.
    features: the table of that name. lexicons: rated words by data set; data sets without any are left out.

    Source: DeYoung et al. 2020 (plausibility); Buckley and Voorhees 2000 (average precision).
    """
    rows: list[tuple[object, ...]] = []
    chances: dict[tuple[object, ...], float] = {}
    chosen = _of_trained(features, lexicons)
    chosen = chosen[chosen["score"].notna()]
    score, is_rated = chosen["score"].to_numpy(dtype=np.float64), np.zeros(len(chosen), dtype=np.bool_)
    for dataset, places in chosen.groupby("dataset").indices.items():
        is_rated[places] = chosen["word"].iloc[places].isin(list(lexicons[dataset]))
    for (*key, method), places in chosen.groupby([*CELL, "example_id", "method"], sort=False).indices.items():
        value, chance = _average_precision(score[places], is_rated[places])
        rows.append((*key, AVERAGE_PRECISION, method, "", value))
        chances[tuple(key)] = chance  # one and the same for all methods: they score the same words
    rows += [(*key, CHANCE, "chance", "", chance) for key, chance in chances.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def tabulate_ratings(features: pd.DataFrame, texts: pd.DataFrame, lexicons: Mapping[str, Ratings]) -> pd.DataFrame:
    """The table `ratings`: every rated word that stands in an explained text, and what every method says of it.

    rating: people's mean, from -4 to 4. score_mean: mean of the word's scores over all places where it stands, logits
    towards the second class, on the trained model. n_texts: texts with such a place. Only of two classes: with more,
    scores have a target of their own in every text.
    features, texts: the tables of those names. lexicons: as in `measure_plausibility`.
    """
    rated = _rated_words(features, texts, lexicons)
    if rated.empty:
        return pd.DataFrame(columns=RATINGS_COLUMNS)
    keys = [*CELL, "word", "method"]
    table = rated.groupby(keys, sort=False, as_index=False).agg(
        rating=("rating", "first"),
        rating_sd=("rating_sd", "first"),
        score_mean=("score", "mean"),
        n_texts=("example_id", "nunique"),
    )
    return table[RATINGS_COLUMNS]


def estimate_rating_spearman(
    features: pd.DataFrame, texts: pd.DataFrame, lexicons: Mapping[str, Ratings], level: float
) -> pd.DataFrame:
    """Rows of estimates, metric `rating_spearman`: rank correlation of a word's mean score with people's rating of it.

    Over the rated words of all explained texts, as in the table `ratings`; mean over training seeds. Every word counts
    once, whether it stands in one text or in many. The interval is for new seeds and new texts (and so new words):
    t interval from pseudo-values, each text left out in turn; n_examples: texts with a rated word. Methods without
    signs are left out. method_b: "rating".
    """
    rated = _rated_words(features, texts, lexicons)
    signed = rated[~rated["method"].isin(UNSIGNED_METHODS)]
    rows = [
        (dataset, model, SPEARMAN, method, "rating", "all", *_correlate(group, level))
        for (dataset, model, method), group in signed.groupby(["dataset", "model", "method"], sort=False)
    ]
    return pd.DataFrame(rows, columns=ESTIMATE_COLUMNS)


def _average_precision(scores: FloatArray, is_rated: BoolArray) -> tuple[float, float]:
    """(of the words by size of their scores, expected of a random order); NaN where every choice of words is alike."""
    if is_rated.all() or not is_rated.any():
        return math.nan, math.nan
    levels = size_levels(scores)
    return expected_average_precision(levels, is_rated), expected_average_precision(np.zeros_like(levels), is_rated)


def _of_trained(features: pd.DataFrame, lexicons: Mapping[str, Ratings]) -> pd.DataFrame:
    return features[features["trained"].astype(bool) & features["dataset"].isin(list(lexicons))]


def _rated_words(features: pd.DataFrame, texts: pd.DataFrame, lexicons: Mapping[str, Ratings]) -> pd.DataFrame:
    """The rows of rated words with a score, with `rating` and `rating_sd`; of data sets with one target only."""
    n_targets = texts[texts["trained"].astype(bool)].groupby("dataset")["target"].nunique()
    two_classes = {name: ratings for name, ratings in lexicons.items() if n_targets.get(name, 0) == 1}
    chosen = _of_trained(features, two_classes)
    known = pd.DataFrame(
        [(name, word, mean, sd) for name, ratings in two_classes.items() for word, (mean, sd, _) in ratings.items()],
        columns=["dataset", "word", "rating", "rating_sd"],
    )
    return chosen[chosen["score"].notna()].merge(known, on=["dataset", "word"], how="inner", validate="many_to_one")


def _correlate(group: pd.DataFrame, level: float) -> tuple[float, float, float, float, int, int, int]:
    """estimate, low, high, level, n_examples, n_seeds, n_undefined of one model and method."""
    seed, seeds = pd.factorize(group["seed"], sort=True)
    example, examples = pd.factorize(group["example_id"], sort=True)
    word, words = pd.factorize(group["word"], sort=True)
    rating = np.empty(len(words))
    rating[word] = group["rating"]
    total = np.zeros((len(seeds), len(examples), len(words)))
    count = np.zeros_like(total)
    np.add.at(total, (seed, example, word), group["score"].to_numpy(dtype=np.float64))
    np.add.at(count, (seed, example, word), 1.0)

    def correlate(rows: IntArray) -> FloatArray:
        scores, places = total[:, rows].sum(1), count[:, rows].sum(1)
        return np.array(
            [correlate_ranks(s[n > 0] / n[n > 0], rating[n > 0]) for s, n in zip(scores, places, strict=True)]
        )

    pseudo = pseudo_values(correlate, len(examples))
    n_defined = int(complete_examples(pseudo).sum())
    mean = float(correlate(np.arange(len(examples))).mean())
    _, low, high = crossed_mean(pseudo)._replace(mean=mean).interval(level)
    low, high = (float(np.clip(bound, -1.0, 1.0)) for bound in (low, high))
    return mean, low, high, level, n_defined, len(seeds), len(examples) - n_defined
