"""Derived quantities and choices, against sums written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from study.report.choose import causal_ids, choose_first, choose_more, hidden_shares, summarise_texts
from study.report.inputs import pick
from study.report.measures import (
    confusion,
    estimate,
    global_words,
    head_profiles,
    head_sizes,
    hidden_by_seed,
    kind_shares,
    largest_cell,
)
from tests.report.conftest import Written

VARIANT = ("reviews", "encoder")


def test_estimates_are_found_whichever_way_round(written: Written) -> None:
    one, other = (
        estimate(written.run, VARIANT, "spearman", *pair) for pair in (("shapley", "lime"), ("lime", "shapley"))
    )
    assert one is not None
    assert other is not None
    assert one["estimate"] == other["estimate"]
    assert estimate(written.run, VARIANT, "spearman", "shapley", "nothing") is None


def test_kind_shares_sum_to_one_and_match_a_loop(small: Written) -> None:
    table = kind_shares(small.run, VARIANT)
    assert table.sum(axis=1).to_numpy() == pytest.approx(1.0)
    rows = pick(small.run.of("components", *VARIANT), seed="1")
    size = (rows["contribution"] - rows["empty_contribution"]).abs()
    heads = size[(rows["kind_of_component"] == "head") & (rows["layer"] == 1)].sum()
    assert table.loc["1", ("head", 1)] == pytest.approx(heads / size.sum())


def test_hidden_share_matches_a_loop(small: Written) -> None:
    rows = pick(small.run.of("crosswalk", *VARIANT), seed="0", method="shapley")
    written = score = 0.0
    for _, word in rows.groupby(["example_id", "word_index"]):
        written += word["value"].abs().sum()
        score += abs(word["value"].sum())
    assert hidden_by_seed(small.run, VARIANT)["0"] == pytest.approx(1 - score / written)
    by_text = hidden_shares(small.run, *VARIANT, "0")
    assert ((by_text >= 0) & (by_text <= 1)).all()


def test_heads_are_ranked_within_a_seed_and_never_pooled(small: Written) -> None:
    sizes = head_sizes(small.run, VARIANT)
    assert len(sizes) == 2 * 8  # seeds × heads
    for _, rows in sizes.groupby("seed"):
        assert rows["share"].sum() == pytest.approx(1.0)
        assert list(rows["rank"]) == list(range(1, 9))
        assert rows["share"].is_monotonic_decreasing


def test_global_words_count_a_text_once(written: Written) -> None:
    table, least = global_words(written.run, VARIANT, most=200)
    assert least == 1
    rows = pick(written.run.of("features", *VARIANT), trained=True, method="shapley").dropna(subset=["score"])
    for word in ("never", "the", "superb"):  # "never" stands twice in one text
        mine = pick(rows, word=word)
        means = mine.groupby(["seed", "example_id"])["score"].mean()
        assert table.loc[word, "shapley"] == pytest.approx(means.mean())
        assert table.loc[word, "n_texts"] == mine["example_id"].nunique()


def test_profiles_are_per_seed(small: Written) -> None:
    profiles = head_profiles(small.run, VARIANT, ["the", "and"])
    assert set(profiles) == {"0", "1"}
    rows = pick(small.run.of("crosswalk", *VARIANT), seed="0", method="shapley", component="L0H1", word="the")
    assert profiles["0"].loc["the", "L0H1"] == pytest.approx(rows["value"].mean())


def test_the_confusion_table_counts_every_trained_text(small: Written) -> None:
    table = confusion(small.run, VARIANT)
    assert table["n"].sum() == 6 * 2
    texts = pick(small.run.of("texts", *VARIANT), trained=True)
    both = texts[(texts["label"] == "negative") & (texts["predicted"] == "negative")]
    row = table[(table["label"] == "negative") & (table["predicted"] == "negative")].iloc[0]
    assert row["n"] == len(both)
    assert row["abs_margin"] == pytest.approx(both["margin"].abs().mean())


def test_the_first_text_is_the_one_that_the_rule_names(written: Written) -> None:
    chosen = choose_first(written.run)
    assert chosen is not None
    texts = summarise_texts(written.run, *VARIANT, chosen.seed)
    fits = texts[texts["correct"] & texts["n_words"].between(8, 14) & (texts["n_unknown"] == 0)]
    fits = fits[fits["example_id"].isin(causal_ids(written.run, *VARIANT, chosen.seed))]
    assert chosen.example_id == fits.loc[fits["pull"].idxmax(), "example_id"]
    scores = pick(written.run.of("features", *VARIANT), seed=chosen.seed, trained=True, method="shapley")
    mine = pick(scores, example_id=chosen.example_id)["score"]
    assert fits["pull"].max() == pytest.approx(min(mine[mine > 0].sum(), -mine[mine < 0].sum()))


def test_more_texts_are_distinct_and_each_says_why(written: Written) -> None:
    first = choose_first(written.run)
    assert first is not None
    more = choose_more(written.run, first, 10)
    assert len({c.example_id for c in more} | {first.example_id}) == 11
    assert all(c.reason for c in more)
    assert len(choose_more(written.run, first, 99)) == 19  # all texts but the first


def test_the_largest_cell_passes_nan_over() -> None:
    import pandas as pd

    table = pd.DataFrame([[np.nan, 1.0], [-2.0, 0.5]], index=["a", "b"], columns=["x", "y"])
    assert largest_cell(table) == ("b", "x", -2.0)
