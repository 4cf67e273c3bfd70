"""The score card: estimates between chance and oracle, nothing pooled, nothing scored that is not verified."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.errors import UnknownNameError
from study.metrics.score_card import COLUMNS, load_score, make_score_card, verified_variants
from study.stats import crossed_interval

PRECISION, DISTANCE = "precision_at_truth_score", "oracle_distance_error"
RUNGS = {("negation", "hand"): "hand-built", ("negation", "enc"): "trained"}


def _rows(values: dict[str, np.ndarray], metric: str = PRECISION, model: str = "hand", unit: str = "words"):
    """truth_scores of each method's values [seed example]."""
    return pd.DataFrame(
        [
            {"dataset": "negation", "model": model, "seed": seed, "example_id": f"e{i}", "unit": unit,
             "metric": metric, "method": method, "value": value}
            for method, array in values.items()
            for (seed, i), value in np.ndenumerate(np.atleast_2d(array))
        ]
    )  # fmt: skip


def _checks(*passed: tuple[str, int, bool]) -> pd.DataFrame:
    """verification from (model, seed, passed)."""
    rows = [
        {"dataset": "negation", "model": model, "seed": seed, "check": f"c{i}", "value": 0.0, "low": 0.0, "high": 1.0,
         "passed": ok}
        for i, (model, seed, ok) in enumerate(passed)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "model", "seed", "check", "value", "low", "high", "passed"])


VALUES = {
    "shap": np.array([[0.8, 0.6, 1.0], [0.7, 0.9, 0.6]]),
    "chance": np.array([[0.2, 0.3, 0.1], [0.1, 0.3, 0.2]]),
    "oracle": np.array([[1.0, 0.9, 1.0], [1.0, 0.9, 1.0]]),
    "reversed": np.zeros((2, 3)),
}
BOTH_SEEDS = _checks(("hand", 0, True), ("hand", 1, True))


def _card(values=VALUES, checks=BOTH_SEEDS, level=0.9, **options) -> pd.DataFrame:
    return make_score_card(_rows(values, **options), checks, RUNGS, level).set_index("method")


def test_columns_and_rows():
    card = make_score_card(_rows(VALUES), BOTH_SEEDS, RUNGS, 0.9)
    assert list(card.columns) == COLUMNS
    assert card["method"].tolist() == list(VALUES)
    assert card["rung"].unique().tolist() == ["hand-built"]
    assert card["verified"].tolist() == [True] * 4


def test_estimates_cross_seeds_and_texts():
    row = _card().loc["shap"]
    mean, low, high = crossed_interval(VALUES["shap"], 0.9)
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx((mean, low, min(high, 1.0)))
    assert (row["level"], row["n_examples"], row["n_seeds"], row["n_undefined"]) == (0.9, 3, 2, 0)


def test_scores_stand_between_chance_and_oracle():
    card = _card()
    assert card["floor"].to_numpy() == pytest.approx([0.2] * 4)
    assert card["ceiling"].to_numpy() == pytest.approx([2.9 / 3] * 4)
    assert card.loc[["chance", "oracle"], "relative"].to_numpy() == pytest.approx([0.0, 1.0])
    assert card.loc["shap", "relative"] == pytest.approx((4.6 / 6 - 0.2) / (2.9 / 3 - 0.2))
    assert card.loc["reversed", "relative"] < 0


def test_an_error_is_relative_the_same_way():
    values = {"shap": np.full(3, 0.3), "chance": np.full(3, 0.9), "oracle": np.zeros(3)}
    card = _card(values, _checks(("hand", 0, True)), metric=DISTANCE)
    assert card["relative"].to_numpy() == pytest.approx([2 / 3, 0.0, 1.0])


@pytest.mark.parametrize(
    ("metric", "floor", "ceiling"), [(PRECISION, 0.5, 0.5 + 1e-9), (PRECISION, 0.5, 0.4), (DISTANCE, 0.4, 0.5)]
)
def test_where_the_oracle_is_no_better_than_chance_nothing_is_relative(metric, floor, ceiling):
    values = {"shap": np.full(3, 0.45), "chance": np.full(3, floor), "oracle": np.full(3, ceiling)}
    card = _card(values, _checks(("hand", 0, True)), metric=metric)
    assert card["relative"].isna().all()
    assert card["floor"].notna().all()


def test_without_an_oracle_there_is_no_ceiling():
    card = _card({"shap": np.full(3, 0.45), "chance": np.full(3, 0.1)}, _checks(("hand", 0, True)))
    assert card["ceiling"].isna().all()
    assert card["relative"].isna().all()
    assert card["floor"].to_numpy() == pytest.approx([0.1, 0.1])


def test_undefined_texts_are_counted():
    row = _card({"shap": np.array([[0.5, np.nan, 0.7], [0.5, 0.2, 0.7]])}).loc["shap"]
    assert (row["estimate"], row["n_examples"], row["n_undefined"]) == (pytest.approx(0.6), 2, 1)


def test_models_and_units_are_never_pooled():
    tables = [
        _rows({"chance": np.full(2, 0.1), "oracle": np.full(2, 0.9), "shap": np.full(2, 0.5)}),
        _rows({"chance": np.full(2, 0.3), "oracle": np.full(2, 0.7), "shap": np.full(2, 0.6)}, model="enc"),
        _rows({"chance": np.full(2, 0.4), "shap": np.full(2, 0.8)}, unit="heads", metric="auroc_direct_score"),
    ]
    card = make_score_card(pd.concat(tables), _checks(("hand", 0, True), ("enc", 0, True)), RUNGS, 0.9)
    shap = card[card["method"] == "shap"]
    assert shap["floor"].to_numpy() == pytest.approx([0.1, 0.3, 0.4])
    assert shap["ceiling"].to_numpy() == pytest.approx([0.9, 0.7, np.nan], nan_ok=True)
    assert shap["estimate"].to_numpy() == pytest.approx([0.5, 0.6, 0.8])
    assert shap["rung"].tolist() == ["hand-built", "trained", "hand-built"]


@pytest.mark.parametrize(
    "checks",
    [
        _checks(("hand", 0, True), ("hand", 0, False), ("hand", 1, True)),
        _checks(("hand", 0, True)),
        _checks(("hand", 0, True), ("hand", 1, True), ("hand", 2, False)),
        _checks(("enc", 0, True), ("enc", 1, True)),
        _checks(),
    ],
    ids=[
        "one check failed",
        "one seed not checked",
        "a seed without scores failed",
        "another model",
        "nothing checked",
    ],
)
def test_what_is_not_verified_is_not_scored(checks):
    card = _card(checks=checks)
    assert not card["verified"].any()
    assert card[["estimate", "low", "high", "floor", "ceiling", "relative"]].isna().all(axis=None)
    assert card["n_examples"].tolist() == [3] * 4


def test_one_model_that_fails_leaves_the_others_verified():
    scores = pd.concat([_rows(VALUES), _rows(VALUES, model="enc")])
    checks = pd.concat([BOTH_SEEDS, _checks(("enc", 0, True), ("enc", 1, False))])
    assert verified_variants(scores, checks) == {("negation", "hand"): True, ("negation", "enc"): False}


def test_intervals_end_at_the_bounds_of_the_score():
    values = {"shap": np.array([1.0, 1.0, 0.2])}
    checks = _checks(("hand", 0, True))
    assert _card(values, checks).loc["shap", ["low", "high"]].tolist()[1] == 1.0
    spearman = _card({"shap": np.array([-1.0, -1.0, 0.2])}, checks, metric="oracle_spearman_score").loc["shap"]
    assert spearman["low"] == -1.0


def test_a_value_that_is_there_twice_is_refused():
    with pytest.raises(ValueError, match=r"shap.* has two values of one seed and example"):
        make_score_card(pd.concat([_rows(VALUES), _rows(VALUES)]), BOTH_SEEDS, RUNGS, 0.9)


def test_names_that_do_not_exist_are_refused():
    with pytest.raises(UnknownNameError, match="unknown unit 'word'; did you mean 'words'"):
        load_score("word", PRECISION)
    with pytest.raises(UnknownNameError, match="unknown score of heads 'precision_at_truth_score'"):
        make_score_card(_rows(VALUES, unit="heads"), BOTH_SEEDS, RUNGS, 0.9)
    with pytest.raises(UnknownNameError, match="unknown rung 'built'"):
        make_score_card(_rows(VALUES), BOTH_SEEDS, {("negation", "hand"): "built"}, 0.9)
    with pytest.raises(ValueError, match="no rung is given for model 'hand' on data set 'negation'"):
        make_score_card(_rows(VALUES), BOTH_SEEDS, {}, 0.9)
