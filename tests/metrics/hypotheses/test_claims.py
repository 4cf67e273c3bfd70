"""Every hypothesis on simulated tables: supported, contradicted on both grounds, inconclusive, not tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from study.crosswalk.rows import cancellation
from study.metrics.hypotheses.evidence import Run
from study.metrics.hypotheses.h3 import head_gaps
from study.metrics.hypotheses.judge import judge_hypotheses
from tests.metrics.hypotheses import simulated as sim
from tests.metrics.hypotheses.simulated import confirmatory


def rng(seed=0):
    return np.random.default_rng(seed)


CASES = {  # hypothesis, part, simulator, strength, verdict
    "H1 supported": ("H1", "additivity", sim.additivity_tables, 0.7, {}, "supported"),
    "H1 other side": ("H1", "additivity", sim.additivity_tables, -0.6, {}, "contradicted"),
    "H1 small": ("H1", "additivity", sim.additivity_tables, 0.3, {}, "inconclusive"),
    "H3 supported": ("H3", "", sim.indirectness_tables, 0.7, {}, "supported"),
    "H3 other side": ("H3", "", sim.indirectness_tables, -0.6, {}, "contradicted"),
    "H3 none": ("H3", "", sim.indirectness_tables, 0.0, {"n_texts": 80}, "contradicted"),
    "H3 small": ("H3", "", sim.indirectness_tables, 0.3, {"n_texts": 20}, "inconclusive"),
    "H4 supported": ("H4", "instability", sim.cancellation_tables, 0.6, {"n_texts": 20}, "supported"),
    "H4 other side": ("H4", "instability", sim.cancellation_tables, -0.5, {"n_texts": 20}, "contradicted"),
    "H4 none": ("H4", "instability", sim.cancellation_tables, 0.0, {}, "contradicted"),
    "H4 small": ("H4", "instability", sim.cancellation_tables, 0.1, {"n_texts": 15}, "inconclusive"),
    "H4 flips supported": ("H4", "sign flips", sim.cancellation_tables, 0.6, {"n_words": 20}, "supported"),
    "H4 flips other side": ("H4", "sign flips", sim.cancellation_tables, -0.5, {"n_words": 20}, "contradicted"),
    "H5 supported": ("H5", "", sim.redundancy_tables, 0.7, {}, "supported"),
    "H5 other side": ("H5", "", sim.redundancy_tables, -0.6, {}, "contradicted"),
    "H5 none": ("H5", "", sim.redundancy_tables, 0.0, {"n_texts": 500}, "contradicted"),
    "H5 small": ("H5", "", sim.redundancy_tables, 0.3, {}, "inconclusive"),
    "H6 supported": ("H6", "", sim.budget_tables, 0.05, {}, "supported"),
    "H6 other side": ("H6", "", sim.budget_tables, -0.05, {}, "contradicted"),
    "H6 none": ("H6", "", sim.budget_tables, 0.0, {}, "contradicted"),
    "H6 small": ("H6", "", sim.budget_tables, 0.02, {"noise": 0.1}, "inconclusive"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_known_effect_gets_its_verdict(case):
    name, part, simulate, strength, sizes, verdict = CASES[case]
    row = confirmatory(name, simulate(strength, rng(), **sizes)).loc[part]
    assert row["verdict"] == verdict, row["reason"]
    assert row["n_seeds"] == 3
    wanted = "other side of 0" if "other side" in case else "counts as none" if "none" in case else ""
    assert wanted in row["reason"]


def test_the_effect_is_the_mean_over_seeds_of_the_rank_correlation():
    tables = sim.additivity_tables(0.6, rng(1), n_texts=100)
    row = confirmatory("H1", tables).loc["additivity"]
    agreement = tables["measurements"].merge(tables["additivity"])
    by_seed = [spearmanr(part["value"], part["additive_share"])[0] for _, part in agreement.groupby("seed")]
    assert row["effect"] == pytest.approx(np.mean(by_seed), abs=0.01)  # but for the bias of order 1/n
    assert row["low"] < row["effect"] < row["high"]
    assert (row["n_examples"], row["n_seeds"], row["n_undefined"]) == (100, 3, 0)


def test_h6_is_the_difference_of_the_two_slopes():
    tables = sim.budget_tables(0.04, rng(), n_texts=120)
    budgets = tables["budgets"]
    slopes = budgets.groupby("rule")[["n_words", "value"]].apply(
        lambda g: np.polyfit(g["n_words"] / 10, g["value"], 1)[0]
    )
    row = confirmatory("H6", tables).loc[""]
    assert row["effect"] == pytest.approx(slopes["per word"] - slopes["fixed"], abs=1e-3)


def test_h6_is_not_tested_where_texts_are_equally_long():
    tables = {"budgets": sim.budget_tables(0.05, rng())["budgets"].assign(n_words=9)}
    row = confirmatory("H6", tables).loc[""]
    assert row["verdict"] == "not tested"
    assert "No training seed" in row["reason"]
    one = sim.budget_tables(0.05, rng())["budgets"]
    row = confirmatory("H6", {"budgets": one[one["rule"] == "fixed"]}).loc[""]
    assert row["reason"] == "The run did not explain texts with both budgets, fixed and per word."


@pytest.mark.parametrize(("strength", "verdict"), [(0.0, "supported"), (0.7, "contradicted"), (0.1, "inconclusive")])
def test_h1_correctness_is_a_claim_of_no_effect(strength, verdict):
    """Agreement follows additivity, and correctness agreement beyond that by the strength."""
    tasks = ("single", "order", "negation", "context")
    found = confirmatory("H1", sim.correctness_tables(strength, rng(3), 120, tasks), datasets=(), tasks=tasks)
    assert found.loc["correctness", "verdict"] == verdict, found.loc["correctness", "reason"]
    assert np.isnan(found.loc["correctness", "smallest_effect"])
    assert found.loc["additivity", "verdict"] == "supported"
    assert found.loc["", "verdict"] == verdict


def test_h1_correctness_needs_planted_tasks_and_verified_models():
    tables = sim.correctness_tables(0.0, rng(), 20)
    tables["verification"] = tables["verification"].assign(passed=False)
    found = confirmatory("H1", tables, datasets=(), tasks=("single", "order"))
    assert found.loc["correctness", "verdict"] == "not tested"
    assert found.loc["", "verdict"] == "inconclusive"  # half of it was asked and not answered


def test_h1_without_planted_tasks_is_its_other_part():
    found = confirmatory("H1", sim.additivity_tables(0.7, rng()))
    assert found.loc["correctness", "verdict"] == "not tested"
    assert "no planted task" in found.loc["correctness", "reason"]
    same = ["claim", "effect", "low", "high", "p", "p_adjusted", "verdict"]
    assert found.loc["", same].tolist() == found.loc["additivity", same].tolist()
    assert found.loc["", "verdict"] == "supported"
    said = "Correctness was not tested in this run, which has no planted task. Additivity: The whole interval"
    assert found.loc["", "reason"].startswith(said)


def test_h1_asks_both_methods_how_correct_they_are():
    """Of one text LIME has no score on the truth: it is left out and counted, not judged by SHAP alone."""
    tables = sim.correctness_tables(0.3, rng(), 40, ("single",))
    scores = tables["truth_scores"]
    gone = (scores["method"] == "lime") & (scores["example_id"] == "single-0003")
    for without in (scores[~gone], scores.assign(value=scores["value"].mask(gone))):
        row = confirmatory("H1", tables | {"truth_scores": without}, datasets=(), tasks=("single",)).loc["correctness"]
        assert (row["n_examples"], row["n_undefined"]) == (39, 1)


def test_h3_gap_and_share_by_hand():
    tables = sim.indirectness_tables(0.5, rng(), n_texts=12, n_heads=3)
    key = {"dataset": "reviews", "model": "m", "seed": 0, "example_id": "reviews-0000"}

    def put(table, column, values, **where):
        rows = (table[list(key)] == pd.Series(key)).all(axis=1)
        for name, value in where.items():
            rows &= table[name] == value
        table.loc[rows, column] = values

    heads = tables["heads"] = tables["heads"].reset_index(drop=True)
    paths = tables["head_paths"] = tables["head_paths"].reset_index(drop=True)
    put(heads, "score", [1.0, 0.004, -2.0], method="direct_centred")
    put(heads, "score", [3.0, -0.004, 2.0], method="ablation_mean")
    put(paths, "direct_weight", [3.0, 1.0, 0.0])
    put(paths, "through_later", [1.0, 1.0, 0.0])
    run = Run(tables=tables, config=sim.make_config("H3"), cancellation=cancellation)
    found = head_gaps(run)
    here = found[(found[list(key)] == pd.Series(key)).all(axis=1)]
    assert here["gap"].tolist() == pytest.approx([0.5, np.nan, 1.0], nan_ok=True)  # 0.008 in all is negligible
    assert here["share"].tolist() == pytest.approx([0.25, 0.5, np.nan], nan_ok=True)


def test_h5_needs_all_three_ablations_of_a_text():
    tables = sim.redundancy_tables(0.7, rng(), n_texts=30)
    pairs = tables["measurements"].reset_index(drop=True)
    gone = (pairs["example_id"] == "reviews-0003") & (pairs["seed"] == 1) & (pairs["method_b"] == "ablation_mean")
    assert gone.any()
    found = confirmatory("H5", tables | {"measurements": pairs.assign(value=pairs["value"].mask(gone))}).loc[""]
    assert (found["n_examples"], found["n_undefined"]) == (29, 1)


@pytest.mark.parametrize(
    ("name", "simulate", "says"),
    [
        ("H3", sim.indirectness_tables, "in models of two layers much of this is one layer against the other."),
        ("H6", sim.budget_tables, "Below about 21 words the growing budget is the smaller one."),
    ],
)
def test_a_verdict_says_what_else_it_may_mean(name, simulate, says):
    found = judge_hypotheses(simulate(0.5, rng(), n_texts=12), sim.make_config(name), cancellation)
    assert len(found) == 2
    assert found["reason"].str.endswith(says).all()


NEEDS = {
    "H1": (sim.additivity_tables, ("measurements", "additivity")),
    "H3": (sim.indirectness_tables, ("heads", "head_paths", "texts")),
    "H4": (sim.cancellation_tables, ("crosswalk", "word_stability", "features", "texts")),
    "H5": (sim.redundancy_tables, ("measurements", "interactions")),
    "H6": (sim.budget_tables, ("budgets",)),
}


@pytest.mark.parametrize(
    ("name", "missing"), [(name, table) for name, (_, tables) in NEEDS.items() for table in tables]
)
def test_not_tested_without_its_tables(name, missing):
    tables = NEEDS[name][0](0.5, rng(), n_texts=12)
    for broken in ({k: v for k, v in tables.items() if k != missing}, tables | {missing: tables[missing].iloc[:0]}):
        found = confirmatory(name, broken)
        untested = found[found["verdict"] == "not tested"]
        assert f"The run has no rows in the table {missing}." in " ".join(untested["reason"])
        assert untested[["effect", "p", "p_adjusted"]].isna().all(axis=None)


def test_too_few_texts_are_not_tested():
    row = confirmatory("H5", sim.redundancy_tables(0.9, rng(), n_texts=9)).loc[""]
    assert row["verdict"] == "not tested"
    assert row["reason"] == "Only 9 texts with a defined value; at least 10 texts are needed."
    assert confirmatory("H5", sim.redundancy_tables(0.9, rng(), n_texts=10)).loc["", "verdict"] != "not tested"


def test_methods_that_the_run_lacks_are_named():
    tables = sim.redundancy_tables(0.5, rng(), n_texts=12)
    tables["measurements"] = tables["measurements"].query("method_b != 'ablation_resample'")
    reason = confirmatory("H5", tables).loc["", "reason"]
    assert reason == "The run has no measurements head_spearman of ablation_zero and ablation_resample."
    tables = sim.redundancy_tables(0.5, rng(), n_texts=12)
    tables["interactions"] = tables["interactions"].assign(margin_value=np.nan)
    assert "all subsets of heads" in confirmatory("H5", tables).loc["", "reason"]
    tables = sim.indirectness_tables(0.5, rng(), n_texts=12)
    tables["heads"] = tables["heads"].query("method != 'ablation_mean'")
    assert "both direct_centred and ablation_mean" in confirmatory("H3", tables).loc["", "reason"]
