"""LIME on word masks: the lime package's samples, distances and kernel, one ridge for all components.

The package explains one output at a time; its fit is a ridge on shared samples and weights, so fitting
all outputs in one ridge gives the same numbers, many times faster (tests compare them).

Source: Ribeiro, Singh and Guestrin 2016; lime 0.2.0.1, LimeTextExplainer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from study.config import ExplainConfig
from study.features.assemble import evaluate_ends, make_attribution, with_margin
from study.features.randomness import draw_seed
from study.game.subject import Subject
from study.records import FeatureAttribution, FloatArray, Game, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LimeSamples:
    """What lime draws around one text. present: [sample word], row 0 all words; values: [sample component];
    weights: [sample], the exponential kernel on the cosine distance to the full text."""

    present: FloatArray
    values: FloatArray
    weights: FloatArray


def explain_lime(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """LIME coefficients of the words: a weighted ridge (alpha 1, free intercept) on `lime_samples` word masks.

    Linear in the function explained, so components add up to the margin's coefficients; not efficient:
    the coefficients do not add up to v(all) - v(empty). Repeated samples are evaluated once and keep
    their weight. Evaluations: at most lime_samples + 1.
    """
    started = time.perf_counter()
    seed = draw_seed(rng)
    game = subject.new_game()
    ends = evaluate_ends(game)
    if game.n_players:
        coefficients = fit_ridge(draw_samples(game, config.lime_samples, seed))
    else:
        coefficients = np.empty((0, len(game.index) + 1))
    return make_attribution(
        subject,
        method="lime",
        estimator="lime samples and kernel, one sklearn Ridge",
        scores=coefficients[:, -1],
        by_component=coefficients[:, :-1],
        ends=ends,
        seed=seed,
        n_evals=game.n_evals,
        started=started,
    )


def draw_samples(game: Game, n_samples: int, seed: int) -> LimeSamples:
    """The package's own samples and weights for this game, from its own generator seeded with `seed`.

    values has the margin as its last column. The number of words removed is uniform on 1..n.
    """
    from lime.lime_text import LimeTextExplainer

    explainer = LimeTextExplainer(bow=False, feature_selection="none", random_state=seed)
    # The package offers its sampling only behind a text, which it would split into words of its own; the
    # private method takes anything that counts its words. The game is then asked about the masks themselves.
    sample: Callable[..., tuple[FloatArray, FloatArray, FloatArray]]
    sample = explainer._LimeTextExplainer__data_labels_distances
    present, _, distances = sample(_CountedWords(game.n_players), _answer_nothing, n_samples)
    values = with_margin(game.value(present > 0.5))
    return LimeSamples(present=present, values=values, weights=explainer.base.kernel_fn(distances))


def fit_ridge(samples: LimeSamples) -> FloatArray:
    """Coefficients [word component] of lime's local model, all components in one solve."""
    from sklearn.linear_model import Ridge

    ridge = Ridge(alpha=1, fit_intercept=True).fit(samples.present, samples.values, sample_weight=samples.weights)
    return np.asarray(ridge.coef_).T


class _CountedWords:
    """Stands in for lime's IndexedString: only the number of words matters, since no text is ever built."""

    def __init__(self, n_words: int) -> None:
        self._n_words = n_words

    def num_words(self) -> int:
        return self._n_words

    def raw_string(self) -> str:
        return ""

    def inverse_removing(self, words_to_remove: IntArray) -> str:  # noqa: ARG002 - lime's signature
        return ""


def _answer_nothing(texts: Sequence[str]) -> FloatArray:
    return np.zeros((len(texts), 1))
