"""Games of margins with known truth, and what tests do with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from study.game.shapley import all_coalitions, exact_weights
from study.metrics import FAITHFULNESS
from study.metrics.faithfulness import Perturbed, draw_removals, make_claim, measure, perturb
from study.records import BoolArray, FloatArray
from tests.features.synthetic import PolynomialGame, random_terms

MarginsOf = Callable[[BoolArray], FloatArray]


def additive(values: FloatArray, empty: float = 0.0) -> MarginsOf:
    """Every word adds its value."""
    return lambda present: empty + present @ np.asarray(values, dtype=float)


def polynomial(n_words: int, seed: int = 0) -> MarginsOf:
    """A game with terms of one, two and three words, positive for all words."""
    game = PolynomialGame(n_words, random_terms(n_words, 1, np.random.default_rng(seed)))
    sign = np.sign(game.value(np.ones((1, n_words), dtype=bool))[0, 0])
    return lambda present: sign * game.value(present)[:, 0]


def shapley_of(margins_of: MarginsOf, n_words: int) -> FloatArray:
    """Exact Shapley values [word]: the oracle of a game."""
    return exact_weights(n_words) @ margins_of(all_coalitions(n_words))


def perturbed(margins_of: MarginsOf, *scores: FloatArray, method: str = "shap", n_samples: int = 50) -> list[Perturbed]:
    """Scores of one method each, of a text whose margin is upwards."""
    removed = draw_removals(len(scores[0]), n_samples, np.random.default_rng(1))
    return perturb([make_claim(np.asarray(s), method, 1.0) for s in scores], removed, margins_of)


def values_of(margins_of: MarginsOf, *scores: FloatArray, method: str = "shap") -> list[dict[str, float]]:
    return [measure(p) for p in perturbed(margins_of, *scores, method=method)]


def goodness(values: dict[str, float]) -> FloatArray:
    """[metric], turned so that higher is better."""
    return np.array([v if FAITHFULNESS.load(k).direction == "higher" else -v for k, v in values.items()])


def assert_oracle_beats_random_beats_flipped(games: list[tuple[MarginsOf, FloatArray]], n_random: int = 6) -> None:
    """By every metric, on the mean over games (margins, oracle); random: the oracle's values on other words."""
    means = {"oracle": [], "random": [], "flipped": []}
    for number, (margins_of, oracle) in enumerate(games):
        rng = np.random.default_rng(number)
        found = values_of(margins_of, oracle, -oracle, *(rng.permutation(oracle) for _ in range(n_random)))
        means["oracle"].append(goodness(found[0]))
        means["flipped"].append(goodness(found[1]))
        means["random"].append(np.mean([goodness(values) for values in found[2:]], axis=0))
    oracle, random, flipped = (np.mean(means[name], axis=0) for name in ("oracle", "random", "flipped"))
    for name, best, middle, worst in zip(FAITHFULNESS, oracle, random, flipped, strict=True):
        assert best > middle > worst, f"{name}: oracle {best:.3f}, random {middle:.3f}, flipped {worst:.3f}"
