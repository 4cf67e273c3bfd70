"""Plausibility: against scikit-learn and scipy, by hand, and where it is undefined."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr, t
from sklearn.metrics import average_precision_score

from study.metrics.plausibility import (
    AVERAGE_PRECISION,
    CHANCE,
    RATINGS_COLUMNS,
    estimate_rating_spearman,
    measure_plausibility,
    tabulate_ratings,
)
from study.metrics.ranking import correlate_ranks

LEXICON = {"good": (1.9, 0.9, 10), "bad": (-2.5, 0.7, 10), "fine": (0.8, 0.6, 10), "awful": (-2.0, 0.5, 10)}
WORDS = (*LEXICON, "tea", "kettle", "the", "spoon")


def features_of(texts, *, seed=0, trained=True, dataset="d"):
    """texts: example id -> method -> list of (word, score)."""
    return pd.DataFrame(
        [
            {"dataset": dataset, "model": "m", "seed": seed, "trained": trained, "example_id": example_id,
             "word_index": i, "word": word, "method": method, "score": score}
            for example_id, methods in texts.items()
            for method, words in methods.items()
            for i, (word, score) in enumerate(words)
        ]
    )  # fmt: skip


def texts_of(features, target="positive"):
    keys = ["dataset", "model", "seed", "trained", "example_id"]
    return features[keys].drop_duplicates().assign(target=target)


def drawn(n_texts=12, seeds=(0, 1), noise=1.0):
    """Texts of drawn words; shap follows the ratings under noise, attention has no sign."""
    rng = np.random.default_rng(3)
    frames = []
    words = {f"e{i}": [str(w) for w in rng.choice(WORDS, 6)] for i in range(n_texts)}
    for seed in seeds:
        texts = {}
        for example_id, row in words.items():
            scores = [LEXICON.get(word, (0.0,))[0] + noise * rng.normal() for word in row]
            texts[example_id] = {
                "shap": list(zip(row, scores, strict=True)),
                "attention": [(word, abs(score)) for word, score in zip(row, scores, strict=True)],
            }
        frames.append(features_of(texts, seed=seed))
    return pd.concat(frames, ignore_index=True)


def value_of(measured, metric=AVERAGE_PRECISION, method="shap"):
    found = measured[(measured["metric"] == metric) & (measured["method_a"] == method)]
    assert len(found) == 1
    return found["value"].item()


def test_sizes_rank_the_rated_words():
    words = [("the", 0.1), ("good", 0.3), ("tea", -0.9), ("bad", -0.5)]
    measured = measure_plausibility(features_of({"e": {"shap": words}}), {"d": LEXICON})
    assert value_of(measured) == pytest.approx((1 / 2 + 2 / 3) / 2)  # tea, bad, good, the
    assert value_of(measured) == pytest.approx(average_precision_score([0, 1, 0, 1], [0.1, 0.3, 0.9, 0.5]))


def test_chance_is_the_mean_over_random_orders():
    words = [(word, 0.0) for word in ("the", "good", "tea", "bad", "spoon")]
    measured = measure_plausibility(features_of({"e": {"shap": words}}), {"d": LEXICON})
    orders = [average_precision_score([0, 1, 0, 1, 0], order) for order in itertools.permutations(range(5))]
    assert value_of(measured, CHANCE, "chance") == pytest.approx(np.mean(orders))
    assert value_of(measured) == value_of(measured, CHANCE, "chance")  # constant scores are a random order
    assert value_of(measured, CHANCE, "chance") > 2 / 5


@pytest.mark.parametrize("words", [("the", "tea"), ("good", "bad", "fine")])
def test_no_rated_word_or_no_other_is_undefined(words):
    table = features_of({"e": {"shap": [(word, 1.0 + i) for i, word in enumerate(words)]}})
    measured = measure_plausibility(table, {"d": LEXICON})
    assert measured["value"].isna().all()
    assert len(measured) == 2


def test_words_without_a_score_do_not_count():
    with_tail = [("good", 0.2), ("tea", 0.5), ("bad", math.nan)]
    both = features_of({"e": {"shap": with_tail}, "f": {"shap": with_tail[:2]}})
    values = measure_plausibility(both, {"d": LEXICON}).groupby("metric")["value"].apply(list)
    assert values[AVERAGE_PRECISION] == [0.5, 0.5]


def test_only_trained_models_and_data_sets_with_a_lexicon():
    words = {"e": {"shap": [("good", 1.0), ("tea", 0.5)]}}
    nonsense = {"e": {"shap": [("good", 0.5), ("tea", 1.0), ("spoon", 2.0)]}}
    table = pd.concat([features_of(words), features_of(nonsense, trained=False), features_of(words, dataset="other")])
    assert value_of(measure_plausibility(table, {"d": LEXICON})) == 1.0
    assert set(measure_plausibility(table, {"d": LEXICON})["dataset"]) == {"d"}
    assert len(measure_plausibility(table, {"d": LEXICON})) == 2
    assert measure_plausibility(table, {}).empty
    assert tabulate_ratings(table, texts_of(table), {}).columns.tolist() == RATINGS_COLUMNS
    assert estimate_rating_spearman(table, texts_of(table), {}, 0.95).empty


def test_an_oracle_beats_chance_beats_its_reverse():
    rng = np.random.default_rng(1)
    rows = {f"e{i}": [str(w) for w in rng.choice(WORDS, 7)] for i in range(30)}
    texts = {
        e: {
            "oracle": [(w, float(w in LEXICON)) for w in words],
            "reversed": [(w, float(w not in LEXICON)) for w in words],
        }
        for e, words in rows.items()
    }
    means = measure_plausibility(features_of(texts), {"d": LEXICON}).groupby("method_a")["value"].mean()
    assert means["oracle"] == 1.0 > means["chance"] > means["reversed"]


def test_ratings_are_means_over_all_places_of_a_word():
    texts = {"e": {"shap": [("good", 1.0), ("good", 3.0), ("tea", 9.0)]}, "f": {"shap": [("good", 5.0), ("bad", -1.0)]}}
    table = features_of(texts)
    found = tabulate_ratings(table, texts_of(table), {"d": LEXICON}).set_index("word")
    assert found.columns.tolist() == [c for c in RATINGS_COLUMNS if c != "word"]
    assert sorted(found.index) == ["bad", "good"]
    assert found.loc["good", ["rating", "rating_sd", "score_mean", "n_texts"]].tolist() == [1.9, 0.9, 3.0, 2]


def test_scores_with_many_targets_are_not_held_against_ratings():
    table = drawn()
    texts = texts_of(table)
    texts.loc[texts["example_id"] == "e3", "target"] = "other"
    assert tabulate_ratings(table, texts, {"d": LEXICON}).empty
    assert estimate_rating_spearman(table, texts, {"d": LEXICON}, 0.95).empty


def test_the_correlation_is_that_of_the_ratings_table():
    table = drawn()
    found = estimate_rating_spearman(table, texts_of(table), {"d": LEXICON}, 0.95)
    assert found["method_a"].tolist() == ["shap"]  # attention has no signs
    ratings = tabulate_ratings(table, texts_of(table), {"d": LEXICON})
    ratings = ratings[ratings["method"] == "shap"]
    by_seed = [spearmanr(r["score_mean"], r["rating"]).statistic for _, r in ratings.groupby("seed")]
    row = found.iloc[0]
    assert row["estimate"] == pytest.approx(np.mean(by_seed))
    assert (row["n_seeds"], row["metric"], row["method_b"]) == (2, "rating_spearman", "rating")
    assert -1 <= row["low"] <= row["estimate"] <= row["high"] <= 1
    assert row["n_examples"] + row["n_undefined"] == table[table["word"].isin(LEXICON)]["example_id"].nunique()


def test_the_interval_is_the_jackknifes():
    table = drawn(n_texts=25, seeds=(0,), noise=3.0)
    table = table[table["method"] == "shap"]
    row = estimate_rating_spearman(table, texts_of(table), {"d": LEXICON}, 0.95).iloc[0]
    examples = sorted(table[table["word"].isin(LEXICON)]["example_id"].unique())

    def statistic(rows):
        r = tabulate_ratings(rows, texts_of(rows), {"d": LEXICON})
        return spearmanr(r["score_mean"], r["rating"]).statistic

    n = len(examples)
    without = np.array([statistic(table[table["example_id"] != e]) for e in examples])
    error = math.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    half = t.ppf(0.975, n - 1) * error
    assert row["high"] == pytest.approx(min(1, statistic(table) + half))
    assert row["low"] == pytest.approx(max(-1, statistic(table) - half))


def test_turned_scores_turn_the_correlation():
    table = drawn(noise=0.0)
    ahead, back = (
        estimate_rating_spearman(table.assign(score=sign * table["score"]), texts_of(table), {"d": LEXICON}, 0.95)
        for sign in (1, -1)
    )
    assert ahead["estimate"].tolist() == [pytest.approx(1.0)]
    assert back["estimate"].tolist() == [pytest.approx(-1.0)]


def test_rank_correlation_against_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 40), rng.normal(size=40)
    assert correlate_ranks(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert math.isnan(correlate_ranks(np.ones(4), b[:4]))
    assert math.isnan(correlate_ranks(a[:1], b[:1]))
