"""Words that decide and that a score does not show: which are found, what is said of them, how often it happens."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from study.failing import count_scored, failure_rates, find_failures
from study.stats import wilson_interval
from study.tasks import TASKS

TASK = TASKS.load("negation")
WORDS = ("n1", "not", "bad", "z")
RELEVANT = {"t": np.array([False, True, True, False])}
LEVEL = 0.95


def features(scores: dict[str, tuple[float, ...]], words: tuple[str, ...] = WORDS) -> pd.DataFrame:
    rows = [
        {"example_id": "t", "method": method, "word_index": i, "word": word, "score": score}
        for method, values in scores.items()
        for i, (word, score) in enumerate(zip(words, values, strict=True))
    ]
    return pd.DataFrame(rows)


def crosswalk(method: str, cells: dict[int, dict[str, float]]) -> pd.DataFrame:
    rows = [
        {"example_id": "t", "method": method, "word_index": i, "component": c, "value": value}
        for i in range(len(WORDS))
        for c, value in cells.get(i, {"L1H0": 0.0}).items()
    ]
    return pd.DataFrame(rows)


CELLS = crosswalk("shapley", {1: {"L1H1": 2.0}, 2: {"L1H0": -2.0, "L1H1": 2.0, "L0H0": -1e-9}})


def test_a_word_that_decides_and_scores_nothing_is_found_with_its_row_and_its_partner() -> None:
    (row,) = find_failures(features({"shapley": (0.0, 2.0, 0.0, 0.5)}), CELLS, RELEVANT, TASK)
    assert (row["word"], row["word_index"], row["largest"]) == ("bad", 2, 2.0)
    assert row["size"] == pytest.approx(4.0)
    assert row["components"] == "L1H0 -2.00, L1H1 +2.00"  # what prints as 0.00 is not named
    assert (row["partner"], row["partner_index"]) == ("not", 1)
    assert row["interaction"] == pytest.approx(4.0)


def test_five_percent_of_the_largest_score_is_seen() -> None:
    for score, n in ((0.099, 1), (0.1, 0), (-0.099, 1), (-0.1, 0)):
        assert len(find_failures(features({"shapley": (0.0, 2.0, score, 0.0)}), CELLS, RELEVANT, TASK)) == n


def test_an_explanation_of_zeros_calls_every_word_irrelevant() -> None:
    found = find_failures(features({"shapley": (0.0, 0.0, 0.0, 0.0)}), CELLS, RELEVANT, TASK)
    assert [row["word"] for row in found] == ["not", "bad"]


def test_no_partner_where_the_rule_has_none_or_is_not_known() -> None:
    scores = features({"shapley": (0.0, 2.0, 0.0, 0.0)}, ("n1", "good", "not", "z"))
    for task in (TASK, None):
        (row,) = find_failures(scores, CELLS, RELEVANT, task)
        assert (row["partner"], row["partner_index"]) == ("", -1)
        assert math.isnan(row["interaction"])


def test_only_methods_whose_scores_split_over_components_are_looked_at() -> None:
    scores = features({"occlusion": (0.0, 2.0, 0.0, 0.0)})
    assert find_failures(scores, CELLS, RELEVANT, TASK) == []
    assert count_scored(scores, ("shapley",), RELEVANT) == []
    assert count_scored(scores, ("occlusion",), RELEVANT) != []


def test_words_beyond_the_model_are_neither_missed_nor_counted() -> None:
    scores = features({"shapley": (0.0, 2.0, math.nan, 0.5), "lime": (1.0, 1.0, 1.0, 1.0)})
    assert find_failures(scores, CELLS, RELEVANT, TASK) == []
    counts = {row["method"]: row["n_words"] for row in count_scored(scores, ("shapley", "lime"), RELEVANT)}
    assert counts == {"shapley": 1, "lime": 2}


def scored(n_texts: int, seeds: tuple[int, ...] = (0,)) -> pd.DataFrame:
    rows = [
        {"dataset": "d", "model": "m", "seed": seed, "example_id": f"t{i}", "method": method, "n_words": 2}
        for seed in seeds
        for i in range(n_texts)
        for method in ("shapley", "lime")
    ]
    return pd.DataFrame(rows)


def missed(*where: tuple[int, str]) -> pd.DataFrame:
    rows = [{"dataset": "d", "model": "m", "seed": s, "example_id": e, "method": "shapley"} for s, e in where]
    return pd.DataFrame(rows, columns=["dataset", "model", "seed", "example_id", "method"])


def test_rates_are_shares_of_words_and_of_texts() -> None:
    table = failure_rates(scored(4), missed((0, "t1"), (0, "t1"), (0, "t2")), LEVEL).set_index("method")
    shapley, lime = table.loc["shapley"], table.loc["lime"]
    assert (shapley["n_words"], shapley["n_missed"], shapley["n_texts"], shapley["n_seeds"]) == (8, 3, 4, 1)
    assert (shapley["share"], shapley["text_share"]) == (3 / 8, 2 / 4)
    assert tuple(shapley[["low", "high"]]) == pytest.approx(wilson_interval(1.5, 4, LEVEL)[1:])
    assert tuple(shapley[["text_low", "text_high"]]) == pytest.approx(wilson_interval(2, 4, LEVEL)[1:])
    assert (lime["n_missed"], lime["share"], lime["low"]) == (0, 0.0, 0.0)
    assert lime["high"] > 0.4


def test_the_same_texts_in_more_seeds_do_not_narrow_the_interval() -> None:
    one = failure_rates(scored(4), missed((0, "t1")), LEVEL).iloc[0]
    two = failure_rates(scored(4, (0, 1)), missed((0, "t1"), (1, "t1")), LEVEL).iloc[0]
    columns = ["share", "low", "high", "text_share", "text_low", "text_high", "n_texts"]
    assert one[columns].tolist() == pytest.approx(two[columns].tolist())
    assert (two["n_words"], two["n_missed"], two["n_seeds"]) == (16, 2, 2)


def test_nothing_scored_gives_an_empty_table_with_its_columns() -> None:
    table = failure_rates(scored(0).reindex(columns=scored(1).columns), missed(), LEVEL)
    assert table.empty
    assert {"share", "text_share", "level"} <= set(table)
