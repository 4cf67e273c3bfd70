"""Intervals hold the truth as often as they say, and the simulation notices one that does not."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from study.stats import crossed_interval, crossed_mean
from study.stats.coverage import (
    N_EXAMPLES,
    N_SEEDS,
    N_STUDIES,
    REFERENCE,
    Coverage,
    bounded,
    designs,
    jackknifed_spearman,
    method_at,
    skewed_examples,
    write_table,
)

ROOT = Path(__file__).parents[2]
DESIGNS = {design.name: design for design in designs()}
NOTHING_DIFFERS = "neither seeds nor examples differ"  # covers too often: the bootstrap counts the rest three times
USUAL = [name for name in DESIGNS if name not in (NOTHING_DIFFERS, "jackknifed Spearman", "pairs of seeds")]


def ignoring_seeds(values: np.ndarray, level: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Examples only, from their means over seeds."""
    return crossed_interval(values.mean(axis=0, keepdims=True), level)


def all_independent(values: np.ndarray, level: float, rng: np.random.Generator) -> tuple[float, float, float]:
    return crossed_interval(values.reshape(1, -1), level)


def satterthwaite(values: np.ndarray, level: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """One t for the sum of the mean squares, with Satterthwaite's degrees of freedom."""
    found = crossed_mean(values)
    rest = found.rest.variance
    squares = np.array([found.seed.variance + rest, found.example.variance + rest, -rest])
    freedom = np.array([found.seed.freedom, found.example.freedom, found.rest.freedom])
    half = scipy.special.stdtrit(squares.sum() ** 2 / (squares**2 / freedom).sum(), 0.5 + level / 2)
    half *= math.sqrt(squares.sum())
    return found.mean, found.mean - half, found.mean + half


def covers(found: Coverage) -> bool:
    """Within 93 to 97 %, give or take three standard errors of the simulation."""
    slack = 3 * math.sqrt(0.95 * 0.05 / found.n_simulations)
    return 0.93 - slack <= found.coverage <= 0.97 + slack


@pytest.mark.parametrize("n_seeds", [3, 5])
@pytest.mark.parametrize("name", USUAL)
def test_few_seeds_cover(name, n_seeds):
    assert covers(DESIGNS[name].measure(n_seeds, 60, n_studies=500))


@pytest.mark.parametrize("n_seeds", [10, 20])
@pytest.mark.parametrize("name", ["seeds differ a third as much as examples", "seeds differ as much as examples"])
def test_many_seeds_cover(name, n_seeds):
    assert covers(DESIGNS[name].measure(n_seeds, 60, n_studies=120))


@pytest.mark.parametrize(("name", "n_studies"), [("jackknifed Spearman", 40), ("pairs of seeds", 400)])
def test_pseudo_values_cover(name, n_studies):
    assert covers(DESIGNS[name].measure(5, 60, n_studies=n_studies))


@pytest.mark.parametrize("n_seeds", [3, 5, 20])
@pytest.mark.parametrize("name", ["seeds differ as much as examples", "pairs of seeds", "bounded values"])
def test_an_interval_that_ignores_seeds_is_noticed(name, n_seeds):
    found = DESIGNS[name].measure(n_seeds, 60, n_studies=120, pick_interval=ignoring_seeds)
    assert not covers(found)
    assert found.coverage < 0.9


def test_treating_all_numbers_as_independent_is_noticed():
    design = DESIGNS["seeds differ a third as much as examples"]
    assert not covers(design.measure(3, 60, n_studies=300, pick_interval=all_independent))


def test_one_t_of_satterthwaites_freedom_is_too_short_for_three_seeds():
    """On the same studies; why each source has its own t."""
    design = DESIGNS["seeds differ as much as examples"]
    own, one = (
        design.measure(3, 60, n_studies=4_000, pick_interval=pick)
        for pick in (lambda values, level, rng: crossed_interval(values, level), satterthwaite)
    )
    assert one.coverage < 0.94 < own.coverage
    assert own.coverage - one.coverage > 0.01


def test_plain_percentiles_are_noticed():
    """What the bootstrap would do without its expansion, where seeds differ and there are ten."""

    def plain(values: np.ndarray, level: float, rng: np.random.Generator) -> tuple[float, float, float]:
        mean = values.mean(axis=1)
        low, high = np.quantile(rng.choice(mean, (400, 10)).mean(axis=1), [0.5 - level / 2, 0.5 + level / 2])
        return float(values.mean()), float(low), float(high)

    found = DESIGNS["seeds differ three times as much as examples"].measure(
        10, 60, n_studies=1_500, pick_interval=plain
    )
    assert not covers(found)


@pytest.mark.parametrize("name", ["skewed examples", "bounded values", "jackknifed Spearman", "pairs of seeds"])
def test_the_truth_is_the_mean_of_very_many(name):
    rng = np.random.default_rng(0)
    n_studies, n_examples = (20, 40) if name == "jackknifed Spearman" else (60, 100)
    means = [DESIGNS[name].draw(rng, 15, n_examples).mean() for _ in range(n_studies)]
    assert np.mean(means) == pytest.approx(DESIGNS[name].truth, abs=4 * np.std(means) / math.sqrt(n_studies))


def test_designs_are_what_they_say():
    rng = np.random.default_rng(0)
    skewed = skewed_examples(0.0, 0.0)(rng, 1, 400_000)
    assert skewed.std() == pytest.approx(1, rel=0.03)
    assert 4.5 < scipy.stats.skew(skewed.ravel()) < 8  # 6.2 in the population
    assert bounded(0.0, 1, 1, 1)[1] == pytest.approx(0)
    assert jackknifed_spearman(0.5, 0.5)[1] == pytest.approx(6 / math.pi * math.asin(0.25))


def test_studies_depend_on_the_design_and_the_number_of_seeds_alone():
    design = DESIGNS["seeds alike"]
    assert design.measure(3, 60, n_studies=40) == design.measure(3, 60, n_studies=40)
    first = [d.draw(np.random.default_rng([3, *d.name.encode()]), 3, 60)[0, 0] for d in designs()]
    assert len(set(first)) == len(first)


def read_reference() -> list[dict[str, str]]:
    with (ROOT / REFERENCE).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_kept_table_is_what_the_code_gives():
    """Every design at every number of seeds; one row simulated again in full."""
    rows = read_reference()
    assert [(int(row["n_seeds"]), row["design"]) for row in rows] == [(n, name) for n in N_SEEDS for name in DESIGNS]
    assert [row["method"] for row in rows] == [method_at(int(row["n_seeds"])) for row in rows]
    kept = next(row for row in rows if row["design"] == "seeds differ as much as examples")
    again = DESIGNS[kept["design"]].measure(3, N_EXAMPLES, n_studies=N_STUDIES["two-way t"])
    assert float(kept["coverage"]) == pytest.approx(again.coverage, abs=1e-3)  # a last digit may turn a study over
    assert int(kept["n_simulations"]) == again.n_simulations


def test_what_the_kept_table_reaches():
    """93 to 97 % but for two, both said in the docstrings: three seeds in pairs (91 %), and nothing that differs."""
    for row in read_reference():
        found, error = float(row["coverage"]), float(row["standard_error"])
        if row["design"] == NOTHING_DIFFERS:
            assert found > 0.95
        elif row["design"] == "pairs of seeds" and row["n_seeds"] == "3":
            assert 0.90 < found < 0.93
        else:
            assert 0.93 <= found <= 0.97 + error


def test_the_table_is_written_with_its_columns(tmp_path):
    row = Coverage(
        n_seeds=3, n_examples=60, design="a, b", method="two-way t", nominal=0.95,
        coverage=2 / 3, standard_error=1 / 3, n_simulations=2,
    )  # fmt: skip
    write_table([row], tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == (
        "n_seeds,n_examples,design,method,nominal,coverage,standard_error,n_simulations\n"
        '3,60,"a, b",two-way t,0.95,0.6667,0.3333,2\n'
    )
