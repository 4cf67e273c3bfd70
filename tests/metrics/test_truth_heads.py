"""Scores of heads against known roles, and what each class of heads does to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.errors import UnknownNameError
from study.metrics import HEAD_SCORES
from study.metrics.ties import TruthScore
from study.metrics.truth_heads import (
    ROLES,
    crosswalk_head_scores,
    oracle_head_scores,
    reversed_head_scores,
    score_heads,
)

SCORES: dict[str, TruthScore] = {name: HEAD_SCORES.load(name) for name in HEAD_SCORES}
CIRCUITS = {
    "single": ("direct", "cancelling", "cancelling", "null", "latent", "null", "null", "pad"),
    "negation": ("indirect", "cancelling", "cancelling", "null", "direct", "direct", "null", "null"),
    "induction": ("indirect", "indirect", "cancelling", "cancelling", "direct", "null", "null", "null"),
}
BLIND = {  # classes a circuit does not have
    "single": {"auroc_indirect_score", "average_precision_indirect_score"},
    "negation": {"auroc_latent_score", "average_precision_latent_score"},
    "induction": {"auroc_latent_score", "average_precision_latent_score"},
}


def _better(name: str, a: float, b: float) -> bool:
    return a > b if SCORES[name].direction == "higher" else a < b


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_oracle_above_random_above_reversed(circuit):
    roles, rng = CIRCUITS[circuit], np.random.default_rng(0)
    draws = [score_heads(rng.standard_normal(len(roles)), roles) for _ in range(300)]
    best, worst = score_heads(oracle_head_scores(roles), roles), score_heads(reversed_head_scores(roles), roles)
    for name in SCORES:
        chance = float(np.mean([draw[name] for draw in draws]))
        if name in BLIND[circuit]:
            assert np.isnan([best[name], chance, worst[name]]).all()
            continue
        assert best[name] == {"higher": 1.0, "lower": 0.0}[SCORES[name].direction]
        assert _better(name, best[name], chance), name
        assert _better(name, chance, worst[name]), name


def test_scores_by_hand():
    roles = ("direct", "direct", "indirect", "latent", "cancelling", "cancelling", "null", "null", "pad")
    scores = np.array([-4.0, 1.0, 0.0, 2.0, 3.0, -3.0, 1.0, 0.0, 99.0])
    found = score_heads(scores, roles)
    assert found["auroc_direct_score"] == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert found["auroc_indirect_score"] == pytest.approx((0 + 0.5) / 2)
    assert found["auroc_latent_score"] == 1.0
    assert found["cancelling_error"] == 1.0
    # 4 first; 1 tied with a null head: second or third
    assert found["average_precision_direct_score"] == pytest.approx((1 + (1 + 2 / 3) / 2) / 2)
    assert found["average_precision_indirect_score"] == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert found["average_precision_latent_score"] == 1.0
    assert found["precision_at_acting_score"] == pytest.approx(1 / 3)  # 4, 3, 3: the latent head's 2 is left out


def test_the_size_of_attention_ranks_what_is_planted_for_it_first():
    """Norm and Gazer are null heads; a method they fool falls below chance on every class."""
    found = score_heads(np.array([1.0, 3.0, 3.0, 2.0, 2.5, 30.0, 9.0, 99.0]), CIRCUITS["single"])
    assert found["auroc_direct_score"] == 0.0
    assert found["auroc_latent_score"] < 0.5
    assert found["precision_at_acting_score"] == 0.0


@pytest.mark.parametrize(("cancelling", "error"), [(0.0, 0.0), (0.5, 0.0), (1.5, 1 / 3), (9.0, 1.0)])
def test_cancelling_is_an_error_only_above_null_heads(cancelling, error):
    roles, scores = ("cancelling", "null", "null", "null"), np.array([cancelling, 0.2, 1.0, 2.0])
    assert score_heads(scores, roles)["cancelling_error"] == pytest.approx(error)


def test_leakage_is_a_tie():
    roles = ("direct", "indirect", "null", "null")
    assert score_heads(np.array([5.0, 1e-5, 0.0, 2e-5]), roles)["auroc_indirect_score"] == 0.5


def test_without_null_heads_only_the_choice_among_all_is_defined():
    found = score_heads(np.array([2.0, 1.0, 3.0]), ("direct", "indirect", "cancelling"))
    assert {name for name, value in found.items() if not math.isnan(value)} == {"precision_at_acting_score"}
    assert found["precision_at_acting_score"] == 0.5


@pytest.mark.parametrize("role", ["idle", "pad"])
def test_heads_that_are_not_scored_might_as_well_not_be_there(role):
    roles, rng = CIRCUITS["single"][:-1], np.random.default_rng(5)
    scores = rng.standard_normal(len(roles))
    scores[0] = 9.0  # the head that acts is first
    without = score_heads(scores, roles)
    for score in (99.0, -0.5, 0.0, math.nan):
        assert score_heads(np.append(scores, score), (*roles, role)) == pytest.approx(without, nan_ok=True, abs=0)
    assert math.isnan(oracle_head_scores((role,))[0])
    assert math.isnan(reversed_head_scores((role,))[0])


def test_heads_that_all_act_leave_no_wrong_choice():
    assert math.isnan(score_heads(np.ones(2), ("direct", "indirect"))["precision_at_acting_score"])


def test_a_head_without_a_score_is_not_left_out():
    found = score_heads(np.array([1.0, np.nan, 0.0]), ("direct", "direct", "null"))
    assert np.isnan(list(found.values())).all()
    assert list(found) == list(HEAD_SCORES)
    assert score_heads(np.array([1.0, np.nan, 0.0]), ("direct", "pad", "null"))["auroc_direct_score"] == 1.0


@pytest.mark.parametrize(
    ("scores", "message"), [([1.0], "1 scores for 2 heads"), ([np.inf, 1.0], "infinite")], ids=["length", "infinite"]
)
def test_bad_scores_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        score_heads(np.array(scores), ("direct", "null"))


def test_an_unknown_role_is_answered_with_those_there_are():
    for call in (lambda r: score_heads(np.ones(2), r), oracle_head_scores, reversed_head_scores):
        with pytest.raises(UnknownNameError, match=r"'indirct'; did you mean 'indirect'\? \(allowed: direct, indirect"):
            call(("indirct", "null"))


def test_head_scores_of_a_crosswalk_add_sizes_over_words():
    cells = np.array([[1.0, -1.0], [-2.0, 0.5], [np.nan, np.nan], [0.0, 4.0]])
    assert crosswalk_head_scores(cells).tolist() == [3.0, 5.5]
    assert crosswalk_head_scores(cells, np.array([True, True, True, False])).tolist() == [3.0, 1.5]
    with pytest.raises(ValueError, match="3 truth marks for 4 words"):
        crosswalk_head_scores(cells, np.ones(3, bool))


def test_a_cell_that_is_missing_in_a_row_is_not_taken_for_nothing():
    assert math.isnan(crosswalk_head_scores(np.array([[1.0, np.nan], [1.0, 1.0]]))[1])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-8, 8), st.sampled_from(ROLES)), min_size=1, max_size=9),
    st.floats(1e-3, 1e3),
    st.randoms(use_true_random=False),
)
def test_scale_signs_and_place_of_heads_do_not_matter(heads, scale, random):
    scores, roles = _columns(heads)
    plain = score_heads(scores, roles)
    for name, value in plain.items():
        low, high = SCORES[name].bounds
        assert math.isnan(value) or low <= value <= high
    assert score_heads(scale * np.abs(scores), roles) == pytest.approx(plain, nan_ok=True)
    random.shuffle(heads)
    assert score_heads(*_columns(heads)) == pytest.approx(plain, nan_ok=True)


def _columns(heads) -> tuple[np.ndarray, tuple[str, ...]]:
    scores, roles = zip(*heads, strict=True)
    return np.array(scores, dtype=float), roles


@pytest.mark.parametrize("name", SCORES)
def test_names_say_which_way_is_better(name):
    score = SCORES[name]
    assert score.name == name
    assert name.endswith({"higher": "_score", "lower": "_error"}[score.direction])
    assert score.means
    assert score.source
