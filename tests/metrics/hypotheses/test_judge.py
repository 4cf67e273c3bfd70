"""The table of hypotheses: rows, adjusted p-values, and how often nothing is called something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.config import HYPOTHESES as CONFIGURED
from study.config import ModelConfig, StudyConfig
from study.crosswalk.rows import cancellation
from study.metrics.hypotheses import HYPOTHESES
from study.metrics.hypotheses.correlation import spearman, strata_of_statistic
from study.metrics.hypotheses.judge import COLUMNS, judge_hypotheses
from study.metrics.hypotheses.pooling import estimate_pooled
from study.stats import benjamini_hochberg, holm, mean_test
from tests.metrics.hypotheses import simulated as sim
from tests.metrics.hypotheses.simulated import confirmatory


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def judged():
    """H1 on two data sets and two models, H5 with an effect too small, H6 without tables."""
    where = {"datasets": ("d", "e"), "models": ("m", "n")}
    first, second = sim.additivity_tables(0.7, rng(), **where), sim.redundancy_tables(0.2, rng(1), **where)
    tables = {**first, **second, "measurements": pd.concat([t["measurements"] for t in (first, second)])}
    config = sim.make_config("H5", "H1", "H6", datasets=where["datasets"], models=where["models"])
    return judge_hypotheses(tables, config, cancellation)


def test_one_row_for_the_hypothesis_its_parts_and_every_stratum(judged):
    assert list(judged.columns) == COLUMNS
    rows = list(judged[["hypothesis", "part", "dataset", "model"]].itertuples(index=False, name=None))
    strata = [(d, m) for d in "de" for m in "mn"]
    assert rows == [
        *(("H5", "", *where) for where in [("", ""), *strata]),
        *(("H1", part, "", "") for part in ("", "additivity", "correctness")),
        *(("H1", "additivity", *where) for where in strata),
        ("H6", "", "", ""),
    ]
    assert judged["claim"].str.endswith(".").all()
    assert judged["reason"].str.endswith(".").all()
    assert (judged["level"] == 0.95).all()


def test_counts(judged):
    pooled = judged[(judged["dataset"] == "") & (judged["part"] == "")].set_index("hypothesis")
    assert pooled.loc["H5", ["n_examples", "n_seeds", "n_undefined"]].tolist() == [120, 3, 0]
    assert pooled.loc["H6", ["n_examples", "n_seeds", "n_undefined"]].tolist() == [0, 0, 0]
    assert (judged.loc[judged["dataset"] != "", "n_examples"] == 60).all()


def test_p_is_adjusted_over_hypotheses_and_over_strata(judged):
    """Holm over what is confirmatory and was tested, Benjamini and Hochberg over the rest."""
    pooled, single = (judged[(judged["dataset"] == "") == is_pooled] for is_pooled in (True, False))
    parts = pooled[~((pooled["hypothesis"] == "H1") & (pooled["part"] == ""))]
    assert np.isfinite(parts["p"]).sum() == 2
    assert parts["p_adjusted"].tolist() == pytest.approx(holm(parts["p"]).tolist(), nan_ok=True)
    assert single["p_adjusted"].tolist() == pytest.approx(benjamini_hochberg(single["p"]).tolist())
    assert (parts["p_adjusted"] > parts["p"]).any()


def test_two_tests_alike_both_pay_for_two():
    """The same numbers under two names: Holm doubles both p-values, Benjamini and Hochberg would leave them."""
    first, second = sim.additivity_tables(0.2, rng()), sim.redundancy_tables(0.2, rng())
    tables = {**first, **second, "measurements": pd.concat([t["measurements"] for t in (first, second)])}
    found = judge_hypotheses(tables, sim.make_config("H1", "H5"), cancellation)
    tested = found[(found["dataset"] == "") & found["p"].notna()]
    assert tested["p"].to_numpy() == pytest.approx(tested["p"].iloc[0])
    assert tested["p_adjusted"].to_numpy() == pytest.approx(2 * tested["p"].iloc[0])


def test_the_hypothesis_itself_shows_the_part_that_decides(judged):
    h1 = judged[(judged["hypothesis"] == "H1") & (judged["dataset"] == "")].set_index("part")
    assert h1["verdict"].to_dict() == {"": "supported", "additivity": "supported", "correctness": "not tested"}
    assert h1.loc["", "reason"].startswith("Correctness was not tested in this run, which has no planted task. Addit")
    numbers = ["effect", "low", "high", "p", "p_adjusted", "n_examples"]
    assert h1.loc["", numbers].tolist() == h1.loc["additivity", numbers].tolist()
    tables = sim.additivity_tables(0.7, rng(), datasets=("single",))
    whole = confirmatory("H1", tables, datasets=(), tasks=("single",)).loc[""]  # planted, but nothing is scored
    assert whole["verdict"] == "inconclusive"
    assert whole["reason"].startswith(
        "All parts must hold (additivity: supported; correctness: not tested). Correctness: The run has no rows in"
    )
    assert np.isnan([whole["effect"], whole["p"], whole["p_adjusted"]]).all()


def test_the_interval_and_p_agree(judged):
    tested = judged[judged["p"].notna() & (judged["part"] != "correctness")]
    excludes_0 = (tested["low"] > 0) | (tested["high"] < 0)
    assert (excludes_0 == (tested["p"] < 0.05)).all()
    assert excludes_0.any()


def test_all_hypotheses_of_the_config_are_known_and_judged_in_its_order():
    assert [h.name for h in CONFIGURED] == list(HYPOTHESES)
    for name in HYPOTHESES:
        hypothesis = HYPOTHESES.load(name)
        assert hypothesis.name == name
        assert len({part.name for part in hypothesis.parts}) == len(hypothesis.parts)
        assert ("" in {part.name for part in hypothesis.parts}) == (len(hypothesis.parts) == 1)
    found = judge_hypotheses({}, sim.make_config(*reversed(list(HYPOTHESES))), cancellation)
    assert list(dict.fromkeys(found["hypothesis"])) == list(reversed(list(HYPOTHESES)))
    assert set(found["verdict"]) == {"not tested"}


def test_no_hypotheses_no_rows():
    none = sim.make_config()
    assert isinstance(none, StudyConfig)
    found = judge_hypotheses({}, none, cancellation)
    assert found.empty
    assert list(found.columns) == COLUMNS


def test_a_hypothesis_of_two_parts_counts_once():
    """H1 of two parts and H5: Holm doubles at most; the row of H1 shows one part's effect, interval and p."""
    tasks = ("single", "order")
    first, second = sim.correctness_tables(0.3, rng(), 40), sim.redundancy_tables(0.2, rng(), datasets=tasks)
    tables = {**first, **second, "measurements": pd.concat([t["measurements"] for t in (first, second)])}
    found = judge_hypotheses(tables, sim.make_config("H1", "H5", datasets=(), tasks=tasks), cancellation)
    rows = found[found["dataset"] == ""].set_index(["hypothesis", "part"])
    parts, other = rows.loc[[("H1", "additivity"), ("H1", "correctness")]], rows.loc[("H5", ""), "p"]
    assert parts["p"].nunique() == 2
    assert rows.loc[("H5", ""), "p_adjusted"] == pytest.approx(holm([other, parts["p"].max()])[0])
    assert parts["p_adjusted"].tolist() == pytest.approx([holm([p, other])[0] for p in parts["p"]])
    same = ["effect", "low", "high", "p", "p_adjusted", "n_examples"]
    assert rows.loc[("H1", ""), same].tolist() == parts.loc[("H1", "correctness"), same].tolist()
    assert f"Correctness: {parts.loc[('H1', 'correctness'), 'reason']}" in rows.loc[("H1", ""), "reason"]


def test_an_undefined_seed_is_named_and_left_out():
    """In seed 2 of one of two models nothing varies: no model is judged by it, and its numbers stay out."""
    models = ("m", "n")
    tables = sim.additivity_tables(0.7, rng(), models=models)
    share = tables["additivity"]
    flat = (share["seed"] == 2) & (share["model"] == "n")
    broken = share.assign(additive_share=share["additive_share"].mask(flat, 0.9))
    rest = {name: table[table["seed"] != 2] for name, table in tables.items()}
    gone = share.assign(additive_share=share["additive_share"].mask(flat))
    numbers = ["effect", "low", "high", "n_seeds"]
    wanted = confirmatory("H1", rest, models=models).loc["additivity", numbers].tolist()
    for table in (broken, gone, share[~flat]):
        row = confirmatory("H1", tables | {"additivity": table}, models=models).loc["additivity"]
        assert row["reason"].endswith("Seed 2 undefined: n on reviews.")
        assert row[numbers].tolist() == pytest.approx(wanted)
        assert row["n_seeds"] == 2


def of_seeds(tables, seeds_of):
    """The tables with only some seeds of a model: {model: seeds}."""
    return {
        name: table[[seed in seeds_of[model] for model, seed in zip(table["model"], table["seed"], strict=True)]]
        for name, table in tables.items()
    }


ONE, SOME = "One training seed: says nothing of new ones.", "Some trained models have one training seed: of these"


@pytest.mark.parametrize(
    ("trained", "seeds_of", "verdict", "says"),
    [
        ({"m": True, "n": True}, {"m": (0, 1, 2), "n": (0, 1, 2)}, "supported", ""),
        ({"m": True, "n": True}, {"m": (0,), "n": (0,)}, "inconclusive", ONE),
        ({"m": True, "n": True}, {"m": (0, 1, 2), "n": (0,)}, "supported", SOME),
        ({"m": True, "n": False}, {"m": (0, 1, 2), "n": (0,)}, "supported", ""),
        ({"m": True, "n": False}, {"m": (0,), "n": (0, 1, 2)}, "inconclusive", ONE),
        ({"m": False, "n": False}, {"m": (0,), "n": (0,)}, "supported", ""),
    ],
)
def test_one_training_seed_supports_nothing(trained, seeds_of, verdict, says):
    tables = of_seeds(sim.additivity_tables(0.8, rng(), 120, models=("m", "n")), seeds_of)
    config = sim.make_config("H1")
    models = tuple(
        ModelConfig(name=m, family="encoder" if trained[m] else "circuit", n_seeds=len(seeds_of[m])) for m in trained
    )
    found = judge_hypotheses(tables, config.model_copy(update={"models": models}), cancellation)
    pooled = found[(found["dataset"] == "") & (found["part"] == "additivity")].iloc[0]
    assert pooled["verdict"] == verdict, pooled["reason"]
    assert says in pooled["reason"]
    assert ("training seed" in pooled["reason"]) == bool(says)
    for row in found[found["dataset"] != ""].itertuples():
        alone = trained[row.model] and len(seeds_of[row.model]) == 1
        assert (ONE in row.reason) == alone
        assert row.verdict == ("inconclusive" if alone else "supported")


def test_one_training_seed_still_contradicts():
    tables = of_seeds(sim.additivity_tables(-0.8, rng()), {"m": (0,)})
    config = sim.make_config("H1").model_copy(update={"models": (ModelConfig(name="m", n_seeds=1),)})
    found = judge_hypotheses(tables, config, cancellation)
    tested = found[found["verdict"] != "not tested"]
    assert tested["verdict"].tolist() == ["contradicted"] * 3
    assert tested["reason"].str.endswith(ONE).all()


def test_intervals_of_correlations_stop_at_1_and_slopes_do_not():
    tables = sim.additivity_tables(0.99, rng(), 12)
    agreement = tables["measurements"]
    noisy = agreement["seed"] == 2  # one seed disagrees: with three the interval is wide
    tables["measurements"] = agreement.assign(value=agreement["value"].mask(noisy, rng().normal(size=len(agreement))))
    row = confirmatory("H1", tables).loc["additivity"]
    assert row["high"] == 1.0
    assert -1.0 <= row["low"] < row["effect"] < 1.0
    budgets = sim.budget_tables(0.05, rng())["budgets"]
    steep = confirmatory("H6", {"budgets": budgets.assign(value=100 * budgets["value"])}).loc[""]
    assert steep["high"] > steep["low"] > 1.0


@pytest.mark.parametrize(
    ("seeds", "n_texts", "least", "most"),
    [
        ((0,), 20, (0.0, 0.14, 0.38, 0.63), (0.14, 0.4, 0.64, 0.87)),  # 0.05, 0.25, 0.5, 0.75, a little more, luck
        ((0, 1, 2), 10, (0.0, 0.05, 0.25, 0.5), (0.08, 0.33, 0.6, 0.85)),  # t of two degrees of freedom: larger p
    ],
)
def test_nothing_is_rarely_called_something(seeds, n_texts, least, most):
    """100 runs in which texts share their predictor over seeds, and a part of the outcome, but nothing else."""
    p = []
    for trial in range(100):
        random = rng(trial)
        cells = sim.make_cells(n_texts, seeds=seeds)
        x = sim.per_text(cells, random)
        y = 0.7 * sim.per_text(cells, random) + random.normal(size=len(cells))
        strata = strata_of_statistic(sim.of_texts(cells, x=x, y=y), ["x", "y"], spearman)
        p.append(mean_test(estimate_pooled(strata)))
    below = np.array([np.mean(np.array(p) < level) for level in (0.05, 0.25, 0.5, 0.75)])
    assert (np.array(least) <= below).all(), below
    assert (below <= np.array(most)).all(), below
