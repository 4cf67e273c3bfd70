"""The table of hypotheses: rows, adjusted p-values, and how often nothing is called something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.config import HYPOTHESES as CONFIGURED
from study.config import StudyConfig
from study.crosswalk.rows import cancellation
from study.metrics.hypotheses import HYPOTHESES
from study.metrics.hypotheses.correlation import spearman, strata_of_statistic
from study.metrics.hypotheses.judge import COLUMNS, judge_hypotheses
from study.metrics.hypotheses.pooling import estimate_pooled
from study.stats import benjamini_hochberg, holm, mean_test
from tests.metrics.hypotheses import simulated as sim


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


def test_p_is_adjusted_over_parts_and_over_strata(judged):
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
    assert h1["verdict"].to_dict() == {"": "inconclusive", "additivity": "supported", "correctness": "not tested"}
    assert h1.loc["", "reason"].startswith(
        "All parts must hold (additivity: supported; correctness: not tested). Correctness: The run has no planted task"
    )
    assert h1.loc["", ["effect", "p", "p_adjusted"]].isna().all()


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


def test_the_p_of_a_hypothesis_is_that_of_its_least_certain_part():
    tables = sim.correctness_tables(0.3, rng(), 40)
    config = sim.make_config("H1", datasets=(), tasks=("single", "order"))
    found = judge_hypotheses(tables, config, cancellation)
    rows = found[found["dataset"] == ""].set_index("part")
    parts = rows.loc[["additivity", "correctness"]]
    assert parts["p"].nunique() == 2
    assert rows.loc["", "p"] == parts["p"].max()
    assert rows.loc["", "p_adjusted"] == parts["p_adjusted"].max()
    assert rows.loc["", "verdict"] == rows.loc["correctness", "verdict"]
    assert rows.loc["", "low"] == rows.loc["correctness", "low"]


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
