"""Explaining again: repeats that draw anew, exact answers that do not, edits against scores of the unedited text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from study.evaluation.rows import COLUMNS, evaluate_rows
from study.evaluation.setting import attribute, attribute_again, subject_of
from study.evaluation.stability import measure_stability, repeat
from study.seeds import rng_of
from tests.evaluation.cells import METHODS, tiny_evaluation, tiny_setting, with_seed
from tests.tiny import tiny_batch


def rows_of(table, **wanted):
    return [row for row in table if all(row[key] == value for key, value in wanted.items())]


def test_tables_have_their_columns_and_cost():
    tables = measure_stability(tiny_evaluation(), 0)
    for name in ("repeats", "word_stability", "edits", "edit_stability", "evaluation_cost"):
        assert tables[name], name
        assert all(tuple(row) == COLUMNS[name] for row in tables[name]), name
    assert {row["example_id"] for table in tables.values() for row in table} == {"t0"}
    assert [row["method"] for row in tables["evaluation_cost"]] == ["stability"]


def test_repeats_draw_anew_and_depend_on_their_keys_alone():
    evaluation = tiny_evaluation()
    subject = subject_of(evaluation, 0)
    for method in ("shapley", "lime"):
        first, again = (repeat(evaluation, subject, method) for _ in range(2))
        assert len({a.seed for a in first}) == 3
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a.scores, b.scores)
        assert not any(np.allclose(first[0].scores[:6], a.scores[:6], atol=1e-6) for a in first[1:])
    other = repeat(with_seed(evaluation, 1), subject, "lime")
    assert not np.allclose(other[0].scores[:6], first[0].scores[:6], atol=1e-6)
    rng = rng_of(0, "t0", "lime", "repeat", 2)
    literal = attribute(subject, "lime", evaluation.setting.config, rng)
    np.testing.assert_array_equal(literal.scores, repeat(evaluation, subject, "lime")[2].scores)


def test_repeats_are_compared_by_hand():
    evaluation = tiny_evaluation()
    subject = subject_of(evaluation, 0)
    shap, lime = ([a.scores[:6] for a in repeat(evaluation, subject, method)] for method in ("shapley", "lime"))
    rows = measure_stability(evaluation, 0)["repeats"]
    assert len(rows) == 3 * 5
    for r in range(3):
        own = {(row["metric"], row["method_a"], row["method_b"]): row["value"] for row in rows_of(rows, repeat=r)}
        assert own["spearman", "shapley", "lime"] == pytest.approx(spearmanr(shap[r], lime[r]).statistic)
        others = [spearmanr(lime[r], lime[s]).statistic for s in range(3) if s != r]
        assert own["spearman", "lime", "lime"] == pytest.approx(np.mean(others))
        assert own["top_share", "lime", ""] == pytest.approx(np.abs(lime[r]).max() / np.abs(lime[r]).sum())
    pairs = [spearmanr(lime[r], lime[s]).statistic for r, s in ((0, 1), (0, 2), (1, 2))]
    of_lime = [row["value"] for row in rows_of(rows, metric="spearman", method_a="lime")]
    assert np.mean(of_lime) == pytest.approx(np.mean(pairs))  # what the table promises of its mean


def test_word_stability_is_mean_and_deviation_over_repeats():
    evaluation = tiny_evaluation()
    scores = np.stack([a.scores for a in repeat(evaluation, subject_of(evaluation, 0), "lime")])
    rows = rows_of(measure_stability(evaluation, 0)["word_stability"], method="lime")
    assert [row["word"] for row in rows] == list(evaluation.setting.batch.words[0])
    np.testing.assert_allclose([row["score_mean"] for row in rows], scores.mean(0))
    np.testing.assert_allclose([row["score_sd"] for row in rows], np.std(scores, axis=0, ddof=1))
    assert math.isnan(rows[-1]["score_sd"])  # the word cut off
    assert rows[0]["score_sd"] > 1e-4
    assert {row["n_repeats"] for row in rows} == {3}


def test_exact_values_are_computed_once_and_never_change():
    tables = measure_stability(tiny_evaluation(), 1)  # three words: exact
    shap = rows_of(tables["word_stability"], method="shapley")
    assert [row["score_sd"] for row in shap[:3]] == [0.0] * 3
    assert math.isnan(shap[3]["score_sd"])
    assert {row["n_repeats"] for row in shap} == {1}
    own = rows_of(tables["repeats"], metric="spearman", method_a="shapley", method_b="shapley")
    assert [row["value"] for row in own] == pytest.approx([1.0] * 3)
    assert len(rows_of(tables["repeats"], method_a="shapley", method_b="lime")) == 3


def test_edits_are_explained_by_every_method_and_compared_over_the_words_that_stay():
    evaluation = tiny_evaluation()
    tables = measure_stability(evaluation, 0)
    assert [row["edit"] for row in tables["edits"]] == [0, 1]
    signed = {"shapley", "lime", "occlusion", "random"}
    for number in (0, 1):
        found = {(r["method"], r["metric"]) for r in rows_of(tables["edit_stability"], edit=number)}
        assert found == {
            *((m, "edit_sensitivity_error") for m in METHODS),
            *((m, "edit_spearman_abs_score") for m in METHODS),
            *((m, "edit_spearman_score") for m in signed),
        }
    # occlusion by hand: the edited word's own score does not count
    edit = tables["edits"][0]
    token_ids = np.array(evaluation.setting.batch.token_ids[[0]])
    token_ids[0, edit["word_index"] + 1] = evaluation.vocabulary.encode([edit["new_word"]])[0]
    swapped = tiny_evaluation(tiny_setting(batch=replace_tokens(evaluation.setting.batch, token_ids)))
    before, after = evaluation.scores["t0"]["occlusion"][:6], swapped.scores["t0"]["occlusion"][:6]
    stay = np.arange(6) != edit["word_index"]
    values = {r["metric"]: r["value"] for r in rows_of(tables["edit_stability"], edit=0, method="occlusion")}
    change = np.linalg.norm((after - before)[stay]) / np.linalg.norm(before[stay])
    assert values["edit_sensitivity_error"] == pytest.approx(change)
    assert values["edit_spearman_score"] == pytest.approx(spearmanr(before[stay], after[stay]).statistic)
    assert 0 < change < 2


def replace_tokens(batch, token_ids):
    one = tiny_batch(6, n_cut=1)
    assert one.example_id == batch.example_id[:1]
    return type(one)(
        example_id=one.example_id,
        text=one.text,
        words=one.words,
        token_ids=token_ids[:, :7],
        attend=one.attend,
        word_of_token=one.word_of_token,
        label=one.label,
    )


def test_a_second_shapley_estimator_is_not_asked_again():
    both = tiny_evaluation(tiny_setting(methods=("shap", "shapley", "occlusion"), exact_limit=8))
    assert both.shap == "shapley"
    assert both.methods == ("shapley", "occlusion")
    alone = tiny_evaluation(tiny_setting(methods=("shap", "occlusion"), exact_limit=8))
    assert alone.methods == ("shap", "occlusion")
    assert alone.drawing == ("shap",)  # no LIME in the config: none is asked
    assert {row["method_a"] for row in measure_stability(alone, 0)["repeats"]} == {"shap"}


def test_texts_without_words_or_with_one_have_rows_and_no_values():
    evaluation = tiny_evaluation(tiny_setting(batch=tiny_batch(0, 1)), edits=1)
    empty, single = (measure_stability(evaluation, row) for row in (0, 1))
    assert empty["word_stability"] == empty["edits"] == []
    assert all(math.isnan(row["value"]) for row in empty["repeats"])
    assert [row["value"] for row in rows_of(single["repeats"], metric="top_share")] == [1.0] * 6
    assert all(math.isnan(row["value"]) for row in rows_of(single["repeats"], metric="spearman"))


def test_rows_do_not_depend_on_other_texts():
    evaluation = tiny_evaluation()
    together, alone = (
        [{k: v for k, v in row.items() if k != "seconds"} for table in tables.values() for row in table]
        for tables in (evaluate_rows(evaluation, [0, 1]).tables, evaluate_rows(evaluation, [1]).tables)
    )
    own = [row for row in together if row["example_id"] == "t1"]
    assert [repr(row) for row in own] == [repr(row) for row in alone]  # NaN is not equal to itself


def test_explaining_again_draws_by_method_and_by_what_is_changed():
    evaluation = tiny_evaluation()
    subject = subject_of(evaluation, 0)
    again = attribute_again(evaluation, subject, evaluation.methods, "edit", 1)
    assert list(again) == list(METHODS)
    for method in ("lime", "random"):
        literal = attribute(subject, method, evaluation.setting.config, rng_of(0, "t0", method, "edit", 1))
        np.testing.assert_array_equal(again[method].scores, literal.scores)
        other = attribute_again(evaluation, subject, [method], "edit", 0)
        assert other[method].seed != again[method].seed
