"""How much of a number's variance comes from the training seed, the example, the two together, the explainer's seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from study.records import FloatArray

SOURCES = ("training seed", "example", "training seed x example", "explainer seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceSplit:
    """Variance components by their source, in SOURCES' order; NaN where the design cannot tell.

    estimated: as the mean squares give them, may be negative. n_examples: complete ones, defined in every seed and
    repeat.
    """

    estimated: tuple[float, float, float, float]
    n_seeds: int
    n_examples: int
    n_repeats: int

    @property
    def variance(self) -> tuple[float, ...]:
        """The components, a negative estimate cut to zero."""
        return tuple(value if math.isnan(value) else max(0.0, value) for value in self.estimated)

    @property
    def is_cut(self) -> tuple[bool, ...]:
        """Where a negative estimate was cut: the source is too small to be seen with so few seeds and examples."""
        return tuple(value < 0 for value in self.estimated)

    @property
    def share(self) -> tuple[float, ...]:
        """Of the variance of one number (new seed, new example, new explainer seed); NaN where nothing varies."""
        total = math.fsum(value for value in self.variance if not math.isnan(value))
        return tuple(value / total if total > 0 else math.nan for value in self.variance)


def variance_components(values: FloatArray) -> VarianceSplit:
    """ANOVA estimates of the components of values [seed example repeat].

    Random effects: y = mean + seed + example + seed x example + repeat, repeats nested in (seed, example), because
    each starts the explainer with its own seed. Expected mean squares, with S seeds, E examples and R repeats:
    MS_repeat = repeat; MS_both = repeat + R both; MS_seed = MS_both + E R seed; MS_example = MS_both + S R example.
    Complete examples only. What the design cannot tell apart: with one repeat, `training seed x example` holds the
    explainer's part as well; with one seed, `example` holds the interaction; the other component is then NaN.

    Source: Searle, Casella and McCulloch 1992, chapter 4.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[:, ~np.isnan(values).any(axis=(0, 2))]
    n_seeds, n_examples, n_repeats = values.shape
    if values.size == 0 or n_examples < 2:
        return VarianceSplit(estimated=(math.nan,) * 4, n_seeds=n_seeds, n_examples=n_examples, n_repeats=n_repeats)
    cell = values.mean(axis=2)
    seed_mean, example_mean, mean = cell.mean(axis=1), cell.mean(axis=0), cell.mean()
    repeat = float(values.var(axis=2, ddof=1).mean()) if n_repeats > 1 else math.nan
    known_repeat = repeat if n_repeats > 1 else 0.0
    example_square = float(n_seeds * n_repeats * ((example_mean - mean) ** 2).sum() / (n_examples - 1))
    if n_seeds == 1:
        estimated = (math.nan, (example_square - known_repeat) / n_repeats, math.nan, repeat)
    else:
        seed_square = float(n_examples * n_repeats * ((seed_mean - mean) ** 2).sum() / (n_seeds - 1))
        rest = cell - seed_mean[:, None] - example_mean[None, :] + mean
        both_square = float(n_repeats * (rest**2).sum() / ((n_seeds - 1) * (n_examples - 1)))
        estimated = (
            (seed_square - both_square) / (n_examples * n_repeats),
            (example_square - both_square) / (n_seeds * n_repeats),
            (both_square - known_repeat) / n_repeats,
            repeat,
        )
    return VarianceSplit(estimated=estimated, n_seeds=n_seeds, n_examples=n_examples, n_repeats=n_repeats)
