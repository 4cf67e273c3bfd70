"""How often the intervals hold the truth: simulated studies of crossed seeds and examples, as a table.

`python -m study.stats.coverage` (or `make coverage`) prints the table and keeps it in results/reference/coverage.csv.
A 95 % interval should cover in 93 to 97 % of studies.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from study.records import FloatArray, IntArray
from study.stats.intervals import Interval
from study.stats.jackknife import pseudo_values, seed_pair_pseudo_values
from study.stats.picking import MANY_SEEDS, interval_of_mean

LEVEL = 0.95
N_SEEDS = (3, 5, 10, 20)
N_EXAMPLES = 60  # as few as a study explains: intervals get better with more
N_STUDIES = {"two-way t": 4_000, "pigeonhole bootstrap": 2_000}  # the bootstrap takes twenty times as long
N_SPEARMAN_STUDIES = 1_000  # leaving out every example in turn takes long
REFERENCE = Path("results") / "reference" / "coverage.csv"

Draw = Callable[[np.random.Generator, int, int], FloatArray]  # rng, n_seeds, n_examples -> [seed example]
PickInterval = Callable[[FloatArray, float, np.random.Generator], Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Share of simulated studies whose interval holds the true mean, with its Monte Carlo standard error (SE)."""

    n_seeds: int
    n_examples: int
    design: str
    method: str
    nominal: float
    coverage: float
    standard_error: float
    n_simulations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A kind of study: how its values come about, and the mean over all seeds and examples there could be."""

    name: str
    draw: Draw
    truth: float = 0.0
    most_studies: int = 10**9

    def measure(
        self, n_seeds: int, n_examples: int, *, n_studies: int, pick_interval: PickInterval = interval_of_mean
    ) -> Coverage:
        """Coverage of the interval used at this number of seeds; the studies depend on name and n_seeds alone."""
        rng = np.random.default_rng([n_seeds, *self.name.encode()])
        n_held = 0
        for _ in range(n_studies):
            _, low, high = pick_interval(self.draw(rng, n_seeds, n_examples), LEVEL, rng)
            n_held += low <= self.truth <= high
        share = n_held / n_studies
        return Coverage(
            n_seeds=n_seeds,
            n_examples=n_examples,
            design=self.name,
            method=method_at(n_seeds),
            nominal=LEVEL,
            coverage=share,
            standard_error=math.sqrt(share * (1 - share) / n_studies),
            n_simulations=n_studies,
        )


def method_at(n_seeds: int) -> str:
    """Which interval `interval_of_mean` takes at this number of seeds."""
    return "pigeonhole bootstrap" if n_seeds >= MANY_SEEDS else "two-way t"


def crossed_normal(seed: float, example: float, rest: float) -> Draw:
    """Values seed + example + rest, each normal with this standard deviation (SD); their mean is 0."""

    def draw(rng: np.random.Generator, n_seeds: int, n_examples: int) -> FloatArray:
        return (
            seed * rng.normal(size=(n_seeds, 1))
            + example * rng.normal(size=(1, n_examples))
            + rest * rng.normal(size=(n_seeds, n_examples))
        )

    return draw


def skewed_examples(seed: float, rest: float) -> Draw:
    """As `crossed_normal`, but the examples' part is lognormal: mean 0, SD 1, skewness 6."""
    normal = crossed_normal(seed, 0.0, rest)
    mean, deviation = math.exp(0.5), math.sqrt(math.e * (math.e - 1))

    def draw(rng: np.random.Generator, n_seeds: int, n_examples: int) -> FloatArray:
        skewed = (np.exp(rng.normal(size=(1, n_examples))) - mean) / deviation
        return skewed + normal(rng, n_seeds, n_examples)

    return draw


def bounded(centre: float, seed: float, example: float, rest: float) -> tuple[Draw, float]:
    """Values tanh(centre + normal), crowded below 1 as agreements are, and their mean by Gauss-Hermite quadrature."""
    normal = crossed_normal(seed, example, rest)
    points, weights = np.polynomial.hermite_e.hermegauss(64)
    deviation = math.sqrt(seed**2 + example**2 + rest**2)
    truth = float(weights @ np.tanh(centre + deviation * points) / weights.sum())
    return lambda rng, n_seeds, n_examples: np.tanh(centre + normal(rng, n_seeds, n_examples)), truth


def jackknifed_spearman(least: float, most: float) -> tuple[Draw, float]:
    """Pseudo-values of Spearman's correlation of two normal variables over examples, and the correlation.

    Pearson's correlation is uniform between `least` and `most` over seeds; in the population Spearman's is then
    6 / pi arcsin(Pearson's / 2). An example's variables in two seeds correlate, too.
    """
    points, weights = np.polynomial.legendre.leggauss(32)
    truth = float(weights @ (6 / math.pi * np.arcsin((least + most + (most - least) * points) / 4)) / 2)
    shared, own = math.sqrt(0.6), math.sqrt(0.4)

    def draw(rng: np.random.Generator, n_seeds: int, n_examples: int) -> FloatArray:
        pearson = rng.uniform(least, most, size=(n_seeds, 1))
        a, z = (
            shared * rng.normal(size=(1, n_examples)) + own * rng.normal(size=(n_seeds, n_examples)) for _ in range(2)
        )
        b = pearson * a + np.sqrt(1 - pearson**2) * z

        def spearman(examples: IntArray) -> FloatArray:
            ranks_a, ranks_b = (_centred_ranks(part[:, examples]) for part in (a, b))
            correlation: FloatArray = (ranks_a * ranks_b).sum(axis=1) / (ranks_a[0] ** 2).sum()
            return correlation

        return pseudo_values(spearman, n_examples)

    return draw, truth


def pairs_of_seeds(seed: float, example: float, rest: float) -> Draw:
    """Pseudo-values of a mean over pairs of seeds; a pair's value on an example is a part of each seed, and noise."""

    def draw(rng: np.random.Generator, n_seeds: int, n_examples: int) -> FloatArray:
        pairs = list(itertools.combinations(range(n_seeds), 2))
        parts = seed * rng.normal(size=n_seeds)
        values = np.array([parts[a] + parts[b] for a, b in pairs])[:, None] + example * rng.normal(size=(1, n_examples))
        return seed_pair_pseudo_values(values + rest * rng.normal(size=values.shape), pairs)

    return draw


def designs() -> list[Design]:
    """The kinds of study that are simulated."""
    bounded_draw, bounded_truth = bounded(1.0, 0.2, 0.6, 0.4)
    spearman_draw, spearman_truth = jackknifed_spearman(0.3, 0.7)
    return [
        Design(name="seeds alike", draw=crossed_normal(0.0, 1.0, 1.0)),
        Design(name="seeds differ a tenth as much as examples", draw=crossed_normal(0.1, 1.0, 1.0)),
        Design(name="seeds differ a third as much as examples", draw=crossed_normal(1 / 3, 1.0, 1.0)),
        Design(name="seeds differ as much as examples", draw=crossed_normal(1.0, 1.0, 1.0)),
        Design(name="seeds differ three times as much as examples", draw=crossed_normal(3.0, 1.0, 1.0)),
        Design(name="neither seeds nor examples differ", draw=crossed_normal(0.0, 0.0, 1.0)),
        Design(name="skewed examples", draw=skewed_examples(1 / 3, 1.0)),
        Design(name="bounded values", draw=bounded_draw, truth=bounded_truth),
        Design(name="pairs of seeds", draw=pairs_of_seeds(1 / 3, 1.0, 1.0)),
        Design(name="jackknifed Spearman", draw=spearman_draw, truth=spearman_truth, most_studies=N_SPEARMAN_STUDIES),
    ]


def measure_all() -> list[Coverage]:
    """Every design at every number of seeds."""
    return [
        design.measure(n_seeds, N_EXAMPLES, n_studies=min(N_STUDIES[method_at(n_seeds)], design.most_studies))
        for n_seeds in N_SEEDS
        for design in designs()
    ]


def write_table(rows: Iterable[Coverage], path: Path) -> None:
    """The rows as CSV; shares with four digits, beyond which they are luck."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Coverage)], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            rounded = {"coverage": round(row.coverage, 4), "standard_error": round(row.standard_error, 4)}
            writer.writerow(asdict(row) | rounded)


def main() -> None:
    """Simulate, print and keep the table."""
    parser = argparse.ArgumentParser(prog="python -m study.stats.coverage", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=REFERENCE, help=f"where the table goes (default: {REFERENCE})")
    out = parser.parse_args().out
    rows = measure_all()
    for n_seeds, group in itertools.groupby(rows, key=lambda row: row.n_seeds):
        print(f"{n_seeds} seeds, {N_EXAMPLES} examples, {LEVEL:.0%} intervals: {method_at(n_seeds)}")
        for row in group:
            print(f"  {row.design:<46} {row.coverage:6.1%} (SE {row.standard_error:.1%}, {row.n_simulations} studies)")
    write_table(rows, out)
    print(f"written to {out}")


def _centred_ranks(values: FloatArray) -> FloatArray:
    """[seed example]: ranks within each seed, minus their mean; no ties."""
    ranks = values.argsort(axis=1).argsort(axis=1)
    centred: FloatArray = ranks - (values.shape[1] - 1) / 2
    return centred


if __name__ == "__main__":
    main()
