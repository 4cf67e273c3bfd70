"""LIME on any game of present and absent players: the lime package's samples, distances and kernel, one ridge for all.

The package explains one output at a time; its fit is a ridge on shared samples and weights, so fitting
all outputs in one ridge gives the same numbers, many times faster (tests compare them).

Source: Ribeiro, Singh and Guestrin 2016; lime 0.2.0.1, LimeTextExplainer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from study.records import BoolArray, FloatArray, IntArray


def sample_masks(n_players: int, n_samples: int, seed: int) -> tuple[BoolArray, FloatArray]:
    """What lime draws around one input: (present [sample player], weights [sample]), row 0 with all players.

    The package's own samples, from its own generator seeded with `seed`: the number of players removed is uniform
    on 1..n. weights: the exponential kernel of width 25 on the cosine distance to row 0. Repeats stay in.
    """
    from lime.lime_text import LimeTextExplainer

    explainer = LimeTextExplainer(bow=False, feature_selection="none", random_state=seed)
    # The package offers its sampling only behind a text, which it would split into words of its own; the
    # private method takes anything that counts its words. The game is then asked about the masks themselves.
    sample: Callable[..., tuple[FloatArray, FloatArray, FloatArray]]
    sample = explainer._LimeTextExplainer__data_labels_distances
    present, _, distances = sample(_CountedPlayers(n_players), _answer_nothing, n_samples)
    return present > 0.5, explainer.base.kernel_fn(distances)


def fit_ridge(present: BoolArray, values: FloatArray, weights: FloatArray) -> FloatArray:
    """Coefficients [player output] of lime's local model (alpha 1, free intercept), all outputs in one solve.

    present: [sample player]; values: [sample output]; weights: [sample].
    """
    from sklearn.linear_model import Ridge

    ridge = Ridge(alpha=1, fit_intercept=True).fit(present.astype(np.float64), values, sample_weight=weights)
    return np.reshape(ridge.coef_, (values.shape[1], -1)).T  # some versions drop the axis of a single output


class _CountedPlayers:
    """Stands in for lime's IndexedString: only the number of players matters, since no text is ever built."""

    def __init__(self, n_players: int) -> None:
        self._n_players = n_players

    def num_words(self) -> int:
        return self._n_players

    def raw_string(self) -> str:
        return ""

    def inverse_removing(self, words_to_remove: IntArray) -> str:  # noqa: ARG002 - lime's signature
        return ""


def _answer_nothing(texts: Sequence[str]) -> FloatArray:
    return np.zeros((len(texts), 1))
