"""Importance over the whole data set: words, heads, and the words that heads carry."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.metrics.overall import global_heads, global_words, head_concentration, head_words
from tests.metrics.tables import make_crosswalk


def make_heads(scores: dict[int, list[list[float]]]) -> pd.DataFrame:
    """scores by seed: [text][head]."""
    rows = [
        {"dataset": "d", "model": "m", "seed": seed, "example_id": f"e{text}", "component": f"L0H{head}", "layer": 0,
         "head": head, "method": "direct_raw", "kind": "direct", "ablation": "", "score": score}
        for seed, texts in scores.items()
        for text, heads in enumerate(texts)
        for head, score in enumerate(heads)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_words_count_once_per_text():
    rows = [("e0", "good", 1.0), ("e0", "good", 3.0), ("e1", "good", -1.0), ("e0", "rare", 9.0), ("e1", "cut", np.nan)]
    features = pd.DataFrame(rows, columns=["example_id", "word", "score"]).assign(
        dataset="d", model="m", seed=0, method="shap", trained=True
    )
    words = global_words(pd.concat([features, features.assign(trained=False, score=100.0)]))
    assert words["word"].tolist() == ["good"]
    assert words.loc[0, ["mean_abs_score", "mean_score", "n_texts"]].tolist() == pytest.approx([1.5, 0.5, 2])
    two_seeds = global_words(pd.concat([features, features.assign(seed=1)]))
    assert two_seeds["word"].tolist() == ["good"]
    assert two_seeds["n_texts"].tolist() == [2]
    everything = global_words(features, min_texts=1)
    assert everything["word"].tolist() == ["rare", "good"]


def test_heads_are_kept_apart_by_seed():
    heads = global_heads(make_heads({0: [[3.0, -1.0], [1.0, 1.0]], 1: [[0.0, 1.0]]}))
    assert heads["mean_abs_score"].tolist() == pytest.approx([2, 1, 0, 1])
    assert heads["mean_score"].tolist() == pytest.approx([2, 0, 0, 1])
    assert heads["share"].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 1])


def test_concentration_does_not_depend_on_which_head_it_is():
    one = head_concentration(global_heads(make_heads({0: [[3.0, 1.0]], 1: [[1.0, 1.0]]})))
    swapped = head_concentration(global_heads(make_heads({0: [[3.0, 1.0]], 1: [[1.0, 1.0]], 2: [[1.0, 3.0]]})))
    assert one["rank"].tolist() == [1, 2]
    assert one["mean_share"].tolist() == pytest.approx([0.625, 0.375])
    assert one[["lowest_share", "highest_share"]].to_numpy() == pytest.approx(np.array([[0.5, 0.75], [0.25, 0.5]]))
    assert swapped["mean_share"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert swapped["n_seeds"].tolist() == [3, 3]


def test_silent_heads_have_no_share():
    heads = global_heads(make_heads({0: [[0.0, 0.0]]}))
    assert heads["share"].isna().all()
    assert head_concentration(heads).empty


def test_heads_list_the_words_they_write_most():
    cells = np.array([[1.0, 0.0], [-4.0, 1.0], [2.0, 0.5], [np.nan, np.nan]])
    crosswalk = pd.concat(
        [
            make_crosswalk(cells, ["good", "not", "good", "cut"]),
            make_crosswalk(np.array([[-1.0, 7.0]]), ["not"], example_id="e1"),
        ]
    )
    words = head_words(crosswalk, top=1)
    assert words["word"].tolist() == ["not", "not"]
    assert words["total_abs_value"].tolist() == pytest.approx([5, 8])
    assert words["mean_value"].tolist() == pytest.approx([-2.5, 4])
    assert words["n_occurrences"].tolist() == [2, 2]
    first = head_words(crosswalk).query("component == 'L0H0'")
    assert first["word"].tolist() == ["not", "good"]
    assert first["rank"].tolist() == [1, 2]
