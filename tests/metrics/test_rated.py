"""Accuracy on rated texts: by hand, against scipy, and its intervals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr, t

from study.metrics.rated import COLUMNS, rated_accuracy
from study.stats import crossed_interval, wilson_interval

RATING = np.array([2.0, -1.0, 0.0, 0.5, -3.0, 1.5, -0.5, 1.0])
IDS = [f"vm-{i}" for i in range(len(RATING))]


def answers(margin, **where):
    frame = pd.DataFrame({"example_id": IDS, "rating": RATING, "margin": margin, "predicted": np.array(margin) > 0})
    return frame.astype({"predicted": int}).assign(**where)


def margins(n_seeds=3):
    rng = np.random.default_rng(5)
    return [RATING + rng.normal(0, 1.5, len(RATING)) for _ in range(n_seeds)]


def predictions(n_seeds=3):
    cells = enumerate(margins(n_seeds))
    return pd.concat([answers(m, dataset="d", model="m", seed=s) for s, m in cells], ignore_index=True)


def baselines():
    frame = pd.DataFrame({"example_id": IDS, "rating": RATING, "majority": 1, "majority_margin": math.nan})
    return {"d": frame.assign(tfidf_logreg=(RATING > 0.7).astype(int), tfidf_logreg_margin=RATING - 0.7)}


def test_one_row_a_seed_one_over_seeds_one_a_baseline():
    found = rated_accuracy(predictions(), baselines(), 0.95)
    assert found.columns.tolist() == COLUMNS
    assert found[["model", "seed", "kind"]].to_numpy().tolist() == [
        ["", "all", "majority"], ["", "all", "tfidf_logreg"],
        ["m", "0", "model"], ["m", "1", "model"], ["m", "2", "model"], ["m", "all", "model"],
    ]  # fmt: skip
    assert (found["n_texts"] == 8).all()
    assert (found["n_undecided"] == 1).all()


def test_a_rating_of_nothing_has_no_side():
    found = rated_accuracy(predictions(1), baselines(), 0.9).set_index("kind")
    majority, tfidf = found.loc["majority"], found.loc["tfidf_logreg"]
    assert majority["accuracy"] == 4 / 7
    assert tfidf["accuracy"] == 6 / 7  # 0.5 is taken for negative
    assert (majority["accuracy"], majority["low"], majority["high"]) == pytest.approx(wilson_interval(4, 7, 0.9))
    assert math.isnan(majority["spearman"])
    assert math.isnan(majority["spearman_low"])
    assert tfidf["spearman"] == pytest.approx(1.0)  # of all texts, the undecided one included


def test_over_seeds_they_are_crossed_with_texts():
    found = rated_accuracy(predictions(), {}, 0.95).set_index("seed")
    correct = np.array([((m > 0) == (RATING > 0))[RATING != 0] for m in margins()], dtype=float)
    mean, low, high = crossed_interval(correct, 0.95)
    assert found.loc["all", ["accuracy", "low", "high"]].tolist() == pytest.approx([mean, max(0, low), min(1, high)])
    each = [spearmanr(m, RATING).statistic for m in margins()]
    assert found.loc[["0", "1", "2"], "spearman"].tolist() == pytest.approx(each)
    assert found.loc["all", "spearman"] == pytest.approx(np.mean(each))


def test_the_interval_of_a_correlation_is_the_jackknifes():
    row = rated_accuracy(predictions(1), {}, 0.5).iloc[0]
    (margin,) = margins(1)
    n = len(RATING)
    without = np.array([spearmanr(np.delete(margin, i), np.delete(RATING, i)).statistic for i in range(n)])
    error = math.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    whole = spearmanr(margin, RATING).statistic
    half = t.ppf(0.75, n - 1) * error
    assert whole + half < 1  # nothing is cut
    assert (row["spearman_low"], row["spearman_high"]) == pytest.approx((whole - half, whole + half))


def test_a_model_that_says_the_opposite_is_wrong_everywhere():
    found = rated_accuracy(answers(-RATING, dataset="d", model="m", seed=0), {}, 0.95).iloc[0]
    assert found["accuracy"] == 0
    assert found["spearman"] == pytest.approx(-1.0)


def test_seeds_must_answer_the_same_texts():
    table = pd.concat([predictions(1), answers(RATING, dataset="d", model="m", seed=1).iloc[::-1]])
    with pytest.raises(ValueError, match="answered different rated texts"):
        rated_accuracy(table, {}, 0.95)
