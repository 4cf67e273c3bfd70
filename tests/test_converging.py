"""The rows of a text: exact values against the literal game, the right texts, draws independent of order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from study.config import ConvergenceConfig, ExplainConfig
from study.converging import COLUMNS, choose_texts, converge_rows, measure_text, tabulate
from study.errors import DataError
from study.features.samplers import sample_scores
from study.features.tabulated import lime_of_table, shapley_of_table
from study.game.shapley import all_coalitions
from study.records import TextBatch
from study.seeds import seed_of
from study.setting import Setting, contribute, text_subject
from tests.tiny import tiny_batch, tiny_model

CONFIG = ConvergenceConfig(
    n_words=6, evaluations=(40, 60, 64, 200), repeats=2, samplers=("odd_order", "captum_kernel", "lime")
)


def make_setting(batch: TextBatch, seed: int = 0) -> Setting:
    model = tiny_model()
    contributions, predicted = contribute(model, batch)
    return Setting(
        model=model,
        trained=True,
        batch=batch,
        class_names=("no", "yes"),
        contributions=contributions,
        predicted=predicted,
        reference_tokens=batch.token_ids[:, 1:][batch.attend[:, 1:]],
        config=ExplainConfig(),
        seed=seed,
        data_seed=0,
        dtype="float64",
    )


@pytest.mark.parametrize(
    ("lengths", "n_words", "expected"),
    [
        ((6, 4, 6, 7, 6), 6, [0, 2]),  # exactly so many words, in order, at most n_texts
        ((5, 9, 4, 5, 5), 6, [0, 3]),  # none: the greatest length below, for all
        ((9, 9, 9), 18, [0, 1]),
        ((4, 2, 30), 18, [0]),  # fewer texts than asked for
    ],
)
def test_texts_of_one_length_are_chosen_in_order(lengths, n_words, expected):
    chosen = choose_texts(np.array(lengths), ConvergenceConfig(n_texts=2, n_words=n_words))
    assert chosen.tolist() == expected


@pytest.mark.parametrize("lengths", [(3, 2), (30, 19), ()])
def test_no_text_within_reach_is_told_with_the_next_step(lengths):
    with pytest.raises(DataError, match=r"no test text has 4 to 18 words .* set convergence\.n_words"):
        choose_texts(np.array(lengths, dtype=int), ConvergenceConfig())


def test_table_is_the_margin_of_every_coalition(monkeypatch):
    monkeypatch.setattr("study.converging._SLICE", 24)  # several slices, the last one shorter
    subject = text_subject(make_setting(tiny_batch(6)), 0)
    expected = subject.new_game().value(all_coalitions(6)).sum(1)
    assert tabulate(subject) == pytest.approx(expected, abs=1e-12)
    assert expected.std() > 0.01


def test_rows_have_the_columns_and_every_sampler_where_it_can_work():
    rows = converge_rows(make_setting(tiny_batch(6, 6)), [1], CONFIG).tables["convergence"]
    assert all(tuple(row) == COLUMNS["convergence"] for row in rows)
    assert {(row["example_id"], row["n_words"]) for row in rows} == {("t1", 6)}
    assert {row["evaluations"] for row in rows} == {40, 60}  # 64 are all coalitions: nothing to estimate
    assert {(row["sampler"], row["target"]) for row in rows} == {
        ("odd_order", "shapley"), ("captum_kernel", "shapley"), ("lime", "lime")
    }  # fmt: skip
    assert len(rows) == 3 * 2 * 2
    assert all(0 < row["error"] < 2 for row in rows)
    few = converge_rows(make_setting(tiny_batch(6)), [0], CONFIG.model_copy(update={"evaluations": (20, 40)}))
    assert {row["sampler"] for row in few.tables["convergence"] if row["evaluations"] == 20} == {
        "captum_kernel",
        "lime",
    }


def test_rows_depend_on_no_order_of_texts_or_samplers():
    setting = make_setting(tiny_batch(5, 6, 6))
    both = converge_rows(setting, [1, 2], CONFIG).tables["convergence"]
    alone = converge_rows(setting, [2], CONFIG).tables["convergence"]
    turned = CONFIG.model_copy(update={"samplers": CONFIG.samplers[::-1], "evaluations": CONFIG.evaluations[::-1]})
    other = converge_rows(setting, [2], turned).tables["convergence"]
    assert [row for row in both if row["example_id"] == "t2"] == alone
    assert sorted(map(str, other)) == sorted(map(str, alone))


def test_seeds_and_repeats_draw_anew():
    table = np.tanh(all_coalitions(6) @ np.random.default_rng(0).normal(size=6))
    errors = {
        (seed, row["repeat"]): row["error"]
        for seed in (0, 1)
        for row in measure_text("t", table, seed, CONFIG.model_copy(update={"samplers": ("lime",)}))
        if row["evaluations"] == 40
    }
    assert len(set(errors.values())) == 4


def test_error_is_relative_to_the_exact_values():
    table = np.tanh(all_coalitions(6) @ np.random.default_rng(0).normal(size=6))
    single = CONFIG.model_copy(update={"samplers": ("odd_order",)})
    plain, scaled = (measure_text("t", factor * table, 0, single) for factor in (1.0, 50.0))
    assert [row["error"] for row in plain] == pytest.approx([row["error"] for row in scaled], rel=1e-3)  # rounding
    assert all(math.isnan(row["error"]) for row in measure_text("t", np.full(64, 2.0), 0, single))


def test_error_is_the_distance_to_the_exact_values_of_the_samplers_target():
    table = np.tanh(all_coalitions(8) @ np.random.default_rng(1).normal(size=8))
    config = ConvergenceConfig(n_words=8, evaluations=(200,), repeats=1, samplers=("odd_order", "lime"))
    for row in measure_text("t", table, 3, config):
        exact = lime_of_table(table) if row["sampler"] == "lime" else shapley_of_table(table)
        scores, used = sample_scores(row["sampler"], table, 200, seed_of(3, "t", row["sampler"], 200, 0))
        assert row["error"] == pytest.approx(np.linalg.norm(scores - exact) / np.linalg.norm(exact))
        assert row["n_evals"] == used
