"""Do the scores tell right from wrong on the tasks as they are? Hand-built models, real texts, exact Shapley values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from study.config import DatasetConfig
from study.features.shapley import compute_exact
from study.known import heads_of, oracle_of
from study.metrics import HEAD_SCORES, WORD_SCORES
from study.metrics.truth import reversed_scores, score_words
from study.metrics.truth_heads import oracle_head_scores, reversed_head_scores, score_heads
from study.records import BoolArray, FloatArray
from study.tasks import TASKS
from study.tasks.language import GAIN
from tests.tasks.hand_built import CONFIG, NAMES, build, draw_texts, game_of

N_TEXTS = 40
N_DRAWS = 5  # of random scores for every text


@dataclass(frozen=True)
class Text:
    """oracle, found: [word], the rule's exact values, and those of the hand-built model in units of its gain."""

    relevant: BoolArray
    oracle: FloatArray
    found: FloatArray

    def score(self, scores: FloatArray) -> dict[str, float]:
        return score_words(scores, self.relevant, self.oracle, signed=True)


@pytest.fixture(scope="module", params=NAMES)
def task(request: pytest.FixtureRequest) -> tuple[str, list[Text]]:
    """A task's name and texts, each explained."""
    of, model = TASKS.load(request.param), build(request.param)
    texts = [
        Text(
            relevant=np.array(text.relevant),
            oracle=oracle_of(of, text.words),
            found=compute_exact(game_of(model, of, text.words)).scores / GAIN,
        )
        for text in draw_texts(of, N_TEXTS, seed=7, telling=True)
    ]
    return request.param, texts


def mean(found: list[dict[str, float]]) -> dict[str, float]:
    """The mean of every score over the texts where it is defined, larger is better: errors are turned."""
    values = {name: np.array([scores[name] for scores in found]) for name in found[0]}
    defined = {name: array[~np.isnan(array)] for name, array in values.items()}
    return {
        name: float(array.mean()) * (-1 if name.endswith("_error") else 1)
        for name, array in defined.items()
        if len(array)
    }


# the rules of these tasks owe something to one word alone in every text: there is nothing to share out
NOTHING_TO_SHARE = {"single", "negation"}
# classes of heads that a task's circuit does not have
NO_INDIRECT, NO_LATENT = {"single", "order", "majority"}, {"context", "order", "negation", "majority", "induction"}


def test_exact_scores_of_the_model_are_those_of_the_rule(task: tuple[str, list[Text]]) -> None:
    for text in task[1]:
        np.testing.assert_allclose(text.found, text.oracle, atol=1e-6)
        assert 0 < text.relevant.sum() < len(text.relevant)


def test_of_words_oracle_above_random_above_reversed(task: tuple[str, list[Text]]) -> None:
    name, texts = task
    rng = np.random.default_rng(0)
    best = mean([text.score(text.oracle) for text in texts])
    chance = mean([text.score(rng.standard_normal(9)) for text in texts for _ in range(N_DRAWS)])
    worst = mean([text.score(reversed_scores(text.oracle)) for text in texts])
    undefined = {"min_share_score"} if name in NOTHING_TO_SHARE else set()
    assert set(best) == set(chance) == set(worst) == set(WORD_SCORES) - undefined
    for score in best:
        assert best[score] > chance[score] + 0.3, score
        # a random explanation is nearly as far off as can be: there is little room below it
        assert chance[score] > worst[score] + (0.01 if score == "oracle_distance_error" else 0.05), score


def test_of_heads_oracle_above_random_above_reversed(task: tuple[str, list[Text]]) -> None:
    name, texts = task
    dataset = DatasetConfig(name=name, source="planted", task=name)
    roles = [str(head["role"]) for head in heads_of(dataset, CONFIG)]
    rng = np.random.default_rng(0)
    chance = mean([score_heads(rng.standard_normal(len(roles)), roles) for _ in range(N_DRAWS * len(texts))])
    best, worst = (mean([score_heads(scores(roles), roles)]) for scores in (oracle_head_scores, reversed_head_scores))
    undefined = {
        f"{kind}_{role}_score"
        for role, lacking in (("indirect", NO_INDIRECT), ("latent", NO_LATENT))
        if name in lacking
        for kind in ("auroc", "average_precision")
    }
    assert set(best) == set(chance) == set(worst) == set(HEAD_SCORES) - undefined
    for score in best:
        assert best[score] == (0.0 if score.endswith("_error") else 1.0)
        assert best[score] > chance[score] + 0.15, score
        assert chance[score] > worst[score] + 0.1, score


WRONG = {
    "sign flipped": lambda scores: -scores,
    "shifted by one word": lambda scores: np.roll(scores, 1),
    "constant": np.ones_like,
}
CAUGHT = {  # scores that fall by half of their range or more, on every task
    "sign flipped": {"sign_accuracy_score", "oracle_spearman_score", "oracle_distance_error"},
    "shifted by one word": {"sign_accuracy_score", "oracle_spearman_score", "oracle_distance_error"},
    "constant": {"precision_at_truth_score", "attribution_share_score", "oracle_distance_error"},
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_explainer_is_caught(task: tuple[str, list[Text]], mistake: str) -> None:
    """By one score at least it loses 0.85, where 1 lies between the oracle and 0."""
    texts = task[1]
    right, wrong = (mean([text.score(f(text.found)) for text in texts]) for f in (np.copy, WRONG[mistake]))
    lost = {name: right[name] - wrong.get(name, np.nan) for name in right}
    assert max(value for value in lost.values() if not np.isnan(value)) > 0.85
    assert min(lost[name] for name in CAUGHT[mistake]) > 0.5


def test_sizes_do_not_tell_a_flipped_sign(task: tuple[str, list[Text]]) -> None:
    """Why scores that need a sign stand beside those of sizes."""
    for text in task[1]:
        right, wrong = text.score(text.found), text.score(-text.found)
        for name in set(WORD_SCORES) - CAUGHT["sign flipped"]:
            assert right[name] == pytest.approx(wrong[name], nan_ok=True, abs=0)
