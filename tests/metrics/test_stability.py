"""What stays of an explanation: metrics by closed form and upstream, tables to measurements, agreement of seeds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from study.evaluation.rows import COLUMNS as CELL_COLUMNS
from study.metrics.compare import COLUMNS
from study.metrics.estimates import COLUMNS as ESTIMATE_COLUMNS
from study.metrics.estimates import bounds_of
from study.metrics.stability import (
    EDIT_METRICS,
    compare_edit,
    measure_seed_agreement,
    measure_stability_rows,
    rank_correlations,
    relative_change,
    top_share,
)

CELL = {"dataset": "d", "model": "m", "seed": 0}


def test_relative_change_by_hand():
    assert relative_change(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0.0
    assert relative_change(np.array([3.0, 4.0]), np.array([0.0, 0.0])) == pytest.approx(1.0)
    assert relative_change(np.array([3.0, 4.0]), np.array([3.0, 9.0])) == pytest.approx(1.0)
    assert relative_change(np.array([0.3, 0.4]), np.array([0.3, 0.9])) == pytest.approx(1.0)  # in its own units
    assert math.isnan(relative_change(np.zeros(2), np.ones(2)))


def test_relative_change_is_captums_sensitivity_max_for_given_edits():
    """captum takes the largest over perturbations; ours are edits, handed to it one by one."""
    from captum.metrics import sensitivity_max

    weight = torch.tensor([[0.5, -2.0, 1.0, 0.3]])
    x = torch.tensor([[1.0, 2.0, -1.0, 0.5]])
    edits = [torch.tensor([[0.0, 0.1, 0.0, -0.2]]), torch.tensor([[0.3, 0.0, 0.0, 0.0]]), torch.zeros(1, 4)]

    def explain(inputs):  # gradient x input of a cubic: changes with the input
        return weight * 3 * inputs**2 * inputs

    drawn = iter(edits)
    upstream = sensitivity_max(
        lambda inputs: (explain(inputs[0] if isinstance(inputs, tuple) else inputs),),  # in, a tuple only at first
        x,
        perturb_func=lambda inputs: inputs + next(drawn),
        n_perturb_samples=len(edits),
        max_examples_per_batch=1,
    )
    before = explain(x)[0].numpy()
    ours = [relative_change(before, explain(x + edit)[0].numpy()) for edit in edits]
    assert max(ours) == pytest.approx(upstream.item(), rel=1e-5)
    assert ours[2] == 0.0
    assert len({round(value, 6) for value in ours}) == 3


def test_top_share_by_hand():
    assert top_share(np.array([1.0, -3.0])) == pytest.approx(0.75)
    assert top_share(np.array([2.0])) == 1.0
    assert math.isnan(top_share(np.zeros(3)))
    assert math.isnan(top_share(np.array([])))


def test_correlations_leave_words_without_a_score_out():
    before, after = np.array([1.0, -2.0, 3.0, np.nan]), np.array([1.0, 5.0, 2.0, np.nan])
    assert rank_correlations(before, after, "shapley") == pytest.approx(
        {
            "spearman": spearmanr(before[:3], after[:3]).statistic,
            "spearman_abs": spearmanr(np.abs(before[:3]), np.abs(after[:3])).statistic,
        }
    )
    assert set(rank_correlations(before, after, "attention")) == {"spearman_abs"}
    assert math.isnan(rank_correlations(before[:1], after[:1], "lime")["spearman"])


def test_edit_metrics_tell_the_same_from_random_from_reversed():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20)
    random = np.array([list(compare_edit(scores, rng.normal(size=20), "lime").values()) for _ in range(200)]).mean(0)
    same, reverse = (list(compare_edit(scores, sign * scores, "lime").values()) for sign in (1.0, -1.0))
    assert [metric.name for metric in EDIT_METRICS] == list(compare_edit(scores, scores, "lime"))
    for metric, best, middle, worst in zip(EDIT_METRICS, same, random, reverse, strict=True):
        assert metric.source
        lowest, highest = bounds_of(metric.name)  # where intervals are cut
        assert lowest <= min(best, middle, worst)
        assert max(best, middle, worst) <= highest
        if metric.needs_signs or metric.direction == "lower":
            better = (lambda a, b: a > b) if metric.direction == "higher" else (lambda a, b: a < b)
            assert better(best, middle)
            assert better(middle, worst)
    assert "edit_spearman_score" not in compare_edit(scores, scores, "rollout")


def joined(name, rows):
    columns = CELL_COLUMNS[name]
    return pd.DataFrame([CELL | dict(zip(columns, row, strict=True)) for row in rows], columns=[*CELL, *columns])


TABLES = {
    "repeats": joined(
        "repeats",
        [
            ("t", 0, "spearman", "shapley", "lime", 0.6),
            ("t", 1, "spearman", "shapley", "lime", 0.8),
            ("t", 0, "spearman", "lime", "lime", 0.9),
            ("t", 1, "spearman", "lime", "lime", 0.7),
            ("t", 0, "top_share", "lime", "", 0.4),
            ("u", 0, "spearman", "lime", "lime", np.nan),
            ("u", 1, "spearman", "lime", "lime", np.nan),
        ],
    ),
    "edit_stability": joined(
        "edit_stability",
        [
            ("t", 0, "lime", "edit_sensitivity_error", 0.1),
            ("t", 1, "lime", "edit_sensitivity_error", 0.5),
            ("t", 2, "lime", "edit_sensitivity_error", np.nan),
            ("t", 0, "lime", "edit_spearman_score", 0.2),
            ("t", 1, "lime", "edit_spearman_score", 0.4),
            ("u", 0, "lime", "edit_spearman_score", np.nan),
        ],
    ),
    "sanity": joined(
        "sanity",
        [("t", "readout", 0, "lime", "spearman", -0.3), ("t", "layer 0", 2, "attention", "spearman_abs", 0.1)],
    ),
}


def test_tables_become_one_value_a_text():
    found = measure_stability_rows(TABLES)
    assert list(found) == COLUMNS
    values = {(r.example_id, r.metric, r.method_a, r.method_b): r.value for r in found.itertuples()}
    known = {key: value for key, value in values.items() if not math.isnan(value)}
    assert known == pytest.approx(
        {
            ("t", "repeat_spearman", "shapley", "lime"): 0.7,
            ("t", "repeat_spearman", "lime", "lime"): 0.8,
            ("t", "edit_sensitivity_error", "lime", ""): 0.3,
            ("t", "edit_sensitivity_max_error", "lime", ""): 0.5,
            ("t", "edit_spearman_score", "lime", ""): 0.3,
            ("t", "sanity_spearman_readout", "lime", "lime"): -0.3,
            ("t", "sanity_spearman_abs_layer_0", "attention", "attention"): 0.1,
        }
    )
    undefined = {key for key, value in values.items() if math.isnan(value)}
    assert undefined == {("u", "repeat_spearman", "lime", "lime"), ("u", "edit_spearman_score", "lime", "")}


def test_runs_without_these_tables_have_no_rows():
    found = measure_stability_rows({name: table.iloc[:0] for name, table in TABLES.items()})
    assert list(found) == COLUMNS
    assert found.empty


def features_of(scores, methods=("shapley", "attention"), trained=True):
    """Of scores [seed example word], the same for every method."""
    return pd.DataFrame(
        [
            {"dataset": "d", "model": "m", "seed": 10 + s, "trained": trained, "example_id": f"t{e}", "word_index": w}
            | {"word": f"w{w}", "method": method, "score": value}
            for method in methods
            for (s, e, w), value in np.ndenumerate(scores)
        ]
    )


def texts_of(features, target=lambda seed, example_id: "positive"):
    """A row for every seed and text; target: what the seed's scores of the text are towards."""
    rows = features[["dataset", "model", "seed", "trained", "example_id"]].drop_duplicates()
    return rows.assign(target=[target(s, e) for s, e in zip(rows["seed"], rows["example_id"], strict=True)])


def agreement_of(features, **changed):
    return measure_seed_agreement(features, texts_of(features, **changed), 0.95)


def test_agreement_of_seeds_is_the_mean_over_pairs_and_texts():
    scores = np.random.default_rng(2).normal(size=(3, 6, 5)) + np.arange(5)
    scores[:, 0, 4] = np.nan  # a word cut off in every seed
    features = features_of(scores).sample(frac=1, random_state=0)  # rows in any order
    features = pd.concat([features, features_of(10 * np.ones((3, 6, 5)), trained=False)])
    found = agreement_of(features)
    assert list(found) == ESTIMATE_COLUMNS
    keys = set(zip(found["method_a"], found["metric"], strict=True))
    assert keys == {
        ("shapley", "seed_spearman"),
        ("shapley", "seed_spearman_abs"),
        ("attention", "seed_spearman_abs"),
    }
    literal = [
        spearmanr(scores[a, e], scores[b, e], nan_policy="omit").statistic
        for a, b in itertools.combinations(range(3), 2)
        for e in range(6)
    ]
    row = found[found["metric"] == "seed_spearman"].iloc[0]
    assert row["estimate"] == pytest.approx(np.mean(literal))
    assert row["low"] < row["estimate"] < row["high"] <= 1.0
    assert (row["n_examples"], row["n_seeds"], row["n_undefined"]) == (6, 3, 0)
    assert (row["method_b"], row["subset"], row["level"]) == ("shapley", "all", 0.95)


def test_texts_without_a_rank_are_counted():
    scores = np.random.default_rng(2).normal(size=(3, 6, 5))
    scores[1, 2] = 0.5  # one seed is indifferent about one text
    row = agreement_of(features_of(scores, ("lime",))).iloc[0]
    assert (row["n_examples"], row["n_undefined"]) == (5, 1)
    kept = [0, 1, 3, 4, 5]
    literal = [
        spearmanr(scores[a, e], scores[b, e]).statistic for a, b in itertools.combinations(range(3), 2) for e in kept
    ]
    assert row["estimate"] == pytest.approx(np.mean(literal))


@pytest.mark.parametrize("n_seeds", [1, 2])
def test_few_seeds(n_seeds):
    scores = np.random.default_rng(2).normal(size=(n_seeds, 6, 5))
    found = agreement_of(features_of(scores, ("lime",)))
    if n_seeds == 1:
        assert found.empty
        assert list(found) == ESTIMATE_COLUMNS
        return
    row = found.iloc[0]
    assert row["estimate"] == pytest.approx(np.mean([spearmanr(*scores[:, e]).statistic for e in range(6)]))
    assert row["n_seeds"] == 2


def test_the_same_model_twice_agrees_with_itself():
    scores = np.repeat(np.random.default_rng(2).normal(size=(1, 6, 5)), 3, axis=0)
    found = agreement_of(features_of(scores))
    np.testing.assert_allclose(found[["estimate", "low", "high"]], 1.0)


def test_explanations_towards_different_classes_are_not_compared():
    """Every seed alike, but in a third of the texts one seed explains another class, so with other signs."""
    scores = np.repeat(np.random.default_rng(2).normal(size=(1, 6, 5)), 3, axis=0)
    scores[1, :2] *= -1
    features = features_of(scores)

    def target(seed, example_id):
        return "sports" if seed == 11 and example_id in ("t0", "t1") else "world"

    untrained = texts_of(features_of(scores, trained=False), lambda seed, example_id: f"{seed}")  # not theirs
    for order in (1, -1):
        texts = pd.concat([texts_of(features, target), untrained][::order])
        found = measure_seed_agreement(features, texts, 0.95)
        np.testing.assert_allclose(found[["estimate", "low", "high"]], 1.0)
        assert found[["n_examples", "n_undefined"]].drop_duplicates().to_numpy().tolist() == [[4, 2]]
    assert agreement_of(features)["estimate"].min() < 0.6  # what it would be if they were


def test_intervals_are_cut_where_a_correlation_ends():
    scores = np.repeat(np.arange(5.0)[None, None], 3, axis=0) + np.zeros((3, 4, 1))
    scores[0, 0] = scores[0, 0, [1, 0, 2, 3, 4]]  # alike but for one text
    found = agreement_of(features_of(scores))
    assert (found["estimate"] < 1).all()
    assert found["high"].tolist() == [1.0] * 3
