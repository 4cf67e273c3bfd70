"""Leave-one-out occlusion: what the margin loses when one word is removed."""

from __future__ import annotations

import time

import numpy as np

from study.config import ExplainConfig
from study.features.assemble import evaluate_ends, make_attribution, with_margin
from study.game.subject import Subject
from study.records import FeatureAttribution


def explain_occlusion(subject: Subject, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """v(all words) - v(all words but this one), logits, for the margin and every component; nothing is drawn.

    It sees each word only in the company of all others: two words that say the same thing both get
    little. Evaluations: n + 2. Source: Zeiler and Fergus 2014; for words Li, Monroe and Jurafsky 2016.
    """
    started = time.perf_counter()
    game = subject.new_game()
    ends = evaluate_ends(game)
    without_one = ~np.eye(game.n_players, dtype=np.bool_)
    effects = with_margin(ends.output[None, :]) - with_margin(game.value(without_one))
    return make_attribution(
        subject,
        method="occlusion",
        estimator="leave one out",
        scores=effects[:, -1],
        by_component=effects[:, :-1],
        ends=ends,
        seed=None,
        n_evals=game.n_evals,
        started=started,
    )
