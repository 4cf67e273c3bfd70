"""Sentences and advice where answers are known: every number from a table, no rule without its numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from study.report.blocks import Paragraph
from study.report.distractors import find_mistakes, methods_by_head, share_before
from study.report.inputs import RunTables
from study.report.known_findings import answer_known, found_counts, is_no_better, known_findings, reaches_chance
from study.report.known_head_findings import pairs_sentence
from study.report.recommendations import advice_blocks
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_rows, without_table
from tests.report.synthetic_known import fail_check, known_run, set_scores

PRECISION, SIGN, DISTANCE = "precision_at_truth_score", "sign_accuracy_score", "oracle_distance_error"


@pytest.fixture
def run(small: Written) -> RunTables:
    return known_run(small.run)


def by_lead(found: list[Paragraph], start: str) -> Paragraph:
    (match,) = [p for p in found if p.lead.startswith(start)]
    return match


def leads(found: list[Paragraph]) -> str:
    return " ".join(p.lead for p in found)


def test_the_oracle_is_explained_with_the_words_that_have_no_value(run: RunTables) -> None:
    text = by_lead(known_findings(run), "The oracle is not always right").text
    assert "On negation the exact Shapley values of the rule reach a precision of 0.75 [0.65, 0.85]" in text
    assert "Methods that are no Shapley values can, and pass the oracle there: LIME 1.00." in text
    assert "SHAP gets 0.75: of 3 words that decide there, 1 has an exact Shapley value of 0" in text
    assert "in the texts with such a word the precision is 0.50" in text  # the text t0; t1 has none
    fine = set_scores(run, PRECISION, "oracle", {"negation": 1.0})
    assert "The oracle is not always right" not in leads(known_findings(fine))


def test_best_and_worst_are_told_on_the_task_where_the_oracle_is_lowest(run: RunTables) -> None:
    found = by_lead(known_findings(run), "On ")
    assert found.lead == "On negation, LIME finds most of the words that decide, Gradient × input fewest."
    assert found.text == "Precision at k is 1.00 for LIME and 0.50 for Gradient × input. Chance is 0.15."
    even = set_scores(run, PRECISION, "oracle", {"negation": 1.0})  # then where methods differ most
    assert by_lead(known_findings(even), "On ").lead.startswith("On single, SHAP, LIME and Gradient × input find most")
    tie = set_scores(run, PRECISION, "shapley", {"negation": 1.0})
    assert by_lead(known_findings(tie), "On ").lead.startswith("On negation, SHAP and LIME find most")


def test_shap_and_lime_against_the_exact_values(run: RunTables) -> None:
    found = by_lead(known_findings(run), "SHAP is proportional to the exact Shapley values on 2 of 2 tasks, LIME on 1.")
    assert "after the best positive scaling, is 0.00 to 0.01 for SHAP and 0.02 to 0.12 for LIME" in found.text
    assert "The yardstick is the Shapley value, so SHAP wins by construction." in found.text
    assert "part on negation (SHAP 0.75, LIME 1.00)" in found.text
    far = set_scores(run, DISTANCE, "shapley", {"single": 0.3})
    assert "SHAP is proportional to the exact Shapley values on 1 of 2 tasks" in leads(known_findings(far))


def test_chance_is_told_by_the_score_that_a_method_can_have(run: RunTables) -> None:
    text = by_lead(known_findings(run), "Not told from chance").text  # all intervals are 0.1 to both sides
    assert "Asked to which side a word pushes, Gradient × input on negation 0.50 [0.40, 0.60] (chance 0.50);" in text
    assert "; asked which words decide, Attention on single 0.20 [0.10, 0.30] (chance 0.20)" in text
    assert "LIME" not in text
    assert "SHAP" not in text
    none = by_lead(known_findings(run), "No better than chance.").text
    assert none.startswith("Asked which words decide, Size of the crosswalk's row on single 0.05")
    assert "; " not in none
    sure = set_rows(run, "score_card", "high", 0.22, metric=PRECISION, method="attention", dataset="single")
    assert "Attention on single" in by_lead(known_findings(sure), "No better than chance.").text
    assert "Attention" not in by_lead(known_findings(sure), "Not told from chance.").text


@pytest.mark.parametrize(("low", "estimate", "expected"), [(0.4, 0.6, True), (0.51, 0.6, False), (np.nan, 0.6, False),
                                                          (np.nan, 0.5, True), (0.5, 0.7, True)])  # fmt: skip
def test_chance_is_reached_by_an_interval_that_reaches_the_floor(low: float, estimate: float, expected: bool) -> None:
    assert reaches_chance({"low": low, "estimate": estimate, "floor": 0.5}) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("estimate", "high", "expected"), [(0.5, 0.54, True), (0.5, 0.56, False), (0.51, np.nan, True),
                                                           (0.53, 0.54, False), (0.3, 0.4, True)])  # fmt: skip
def test_no_better_needs_the_estimate_and_the_whole_interval(estimate: float, high: float, expected: bool) -> None:
    assert is_no_better({"estimate": estimate, "high": high, "floor": 0.5}) is expected  # type: ignore[arg-type]


def test_sentences_about_heads(run: RunTables) -> None:
    found = known_findings(run)
    assert "Attention norm (AUROC 0.20 to 0.30 in 2 of 2 tasks)" in by_lead(found, "Worse than guessing").text
    assert "Zero ablation (AUROC" not in by_lead(found, "Worse than guessing").text  # 0.6 on one task
    indirect = by_lead(found, "Direct contribution does not see heads that feed others.")
    assert "direct contribution 0.50, mean ablation 0.75 to 0.80; highest where it is lowest: " in indirect.text
    assert indirect.text.endswith("Causal crosswalk columns with 0.85 to 0.90.")
    spare = by_lead(found, "No method finds the spare heads.")
    assert "AUROC on single: Pairwise zero ablation comes first with 0.70, mean ablation has 0.50." in spare.text
    better = set_scores(run, "auroc_latent_score", "ablation_zero_pairs", {"single": 1.0})
    assert "Spare heads are found by Pairwise zero ablation." in leads(known_findings(better))


def test_heads_that_undo_each_other(run: RunTables) -> None:
    text = by_lead(known_findings(run), "Heads that undo each other").text
    assert text.startswith("5 of 6 methods for heads rank them above heads that do nothing in every task")
    assert "cancelling error 0.60 to 1.00, by chance 0.20 to 0.25, at best 0 (not so: Attention norm)" in text
    assert pairs_sentence(run, "hand-built") in text
    assert "show 2 of 2 such pairs, and 0 of 28 others." in text
    pairs = run.tables["pairs"].copy()
    pairs.loc[(pairs["dataset"] == "single") & pairs["truth"], "found"] = False
    pairs.loc[(pairs["name_a"] == "Reader") & (pairs["name_b"] == "Bias"), "found"] = True
    told = pairs_sentence(with_rows(run, "pairs", pairs), "hand-built")
    assert "show 1 of 2 such pairs, and 2 of 28 others." in told


def test_planted_heads_fool_by_size_against_the_heads_that_act(run: RunTables) -> None:
    mistakes = {(m.head, m.method): m for m in find_mistakes(run, ("single", "hand"))}
    assert mistakes["Bias", "ablation_zero"].share == 1.0  # 4 beside 2 and 3
    assert mistakes["Bias", "ablation_mean"].share == 0.0
    assert {head for head, _ in mistakes} == {"Plus", "Minus", "Bias"}  # neither those that act nor the spare
    between = set_rows(run, "heads", "score", 2.5, method="ablation_zero", component="L1H1")
    mistakes = {(m.head, m.method): m for m in find_mistakes(between, ("single", "hand"))}
    assert mistakes["Bias", "ablation_zero"].share == 0.5  # before the feeder, after the reader
    assert not mistakes["Bias", "ablation_zero"].fooled
    fooled = methods_by_head([m for v in (("single", "hand"), ("negation", "hand")) for m in find_mistakes(run, v)])
    assert fooled == {"Plus": {"ablation_zero": (2, 2)}, "Minus": {"ablation_zero": (2, 2)},
                      "Bias": {"ablation_zero": (2, 2)}}  # fmt: skip
    assert "Bias before them in Zero ablation" in by_lead(known_findings(run), "What fools which method").text


def test_ties_count_half_and_texts_without_scores_are_left_out(run: RunTables) -> None:
    sizes = run.tables["heads"].iloc[:0]
    table = {"a": [1.0, 2.0, np.nan], "b": [1.0005, 1.0, 1.0], "c": [0.0, 4.0, 1.0]}
    sizes = sizes.__class__(table)
    assert share_before(sizes, "a", ["b", "c"]) == pytest.approx((0.5 + 1 + 1 + 0) / 4)
    assert np.isnan(share_before(sizes.iloc[2:], "a", ["b"]))


def test_one_sentence_says_who_is_right(run: RunTables) -> None:
    assert found_counts(run, "hand-built") == ({"shapley": 1, "lime": 2, "gradient_x_input": 1, "attention": 0}, 2)
    text = answer_known(run)
    told = "LIME finds all of them in 2 of 2 tasks, SHAP in 1, Attention in 0; every method"
    assert text.startswith(f"Asked which words decide where that is known, {told}")
    assert "is fooled by two that undo each other" in text
    for weak in (0.1, 0.29):  # 0.29 is above chance, and not by enough to be told
        some = set_scores(run, "cancelling_error", "ablation_mean", {"single": weak})
        assert "is fooled by two that undo each other" not in answer_known(some)
        assert "Mean ablation" in by_lead(known_findings(some), "Heads that undo each other").text.split("not so")[1]
    last = set_scores(set_scores(run, PRECISION, "shapley", {"single": 0.9}), PRECISION, "lime", {"single": 1.0})
    assert answer_known(last).startswith(
        "Asked which words decide where that is known, LIME finds all of them in 2 of 2 tasks, SHAP and Attention in 0;"
    )
    assert answer_known(without_table(run, "score_card")) == ""


def test_advice_is_carried_by_numbers_of_every_rung(run: RunTables) -> None:
    carried, contrary = advice_blocks(run)
    which = by_lead(carried, "To ask which words decide, take LIME rather than SHAP.")
    assert "Hand-built: precision at k is LIME 1.00, SHAP 0.75 to 1.00. Rotated, the same: " in which.text
    much = by_lead(carried, "To ask how much each word matters").text
    assert "on 2 of 2 tasks SHAP is proportional to the exact values" in much
    assert "0.00 to 0.01 for SHAP and 0.02 to 0.12 for LIME, the next; the yardstick is the Shapley value" in much
    assert "Trained" not in much  # no exact values are known there
    feeding = by_lead(carried, "For heads that feed other heads")
    assert (
        "AUROC Mean ablation 0.75 to 0.80, Causal crosswalk columns 0.85 to 0.90; Direct (centred) 0.50" in feeding.text
    )
    assert "Trained" not in feeding.text  # no roles of heads are known there
    assert "0.20 to 0.30; guessing gives 0.5" in by_lead(carried, "Do not rank heads by their attention norm").text
    assert "2 of 2 pairs that undo each other found, and 0 of 28 others" in by_lead(carried, "Before believing").text
    assert "Hand-built, not so: AUROC 0.70 in pairs, 0.30 one by one" in by_lead(contrary, "For spare heads").text


def test_rows_of_words_are_looked_at_and_do_not_rank_them(run: RunTables) -> None:
    cells = [(0, 1.0), (1, 2.0), (1, -2.0), (2, 3.0), (2, -1.0)]  # "noise" has as much in its row as "good"
    rows = [
        {"dataset": "negation", "model": m, "seed": "0", "example_id": "t0", "word_index": i, "word": "", "value": v}
        | {"component": f"L1H{k}", "method": "shapley", "kind": "direct"}
        for m in ("hand", "turned", "learned")
        for k, (i, v) in enumerate(cells)
    ]
    truth = run.tables["truth_words"]
    noise = {"dataset": "negation", "example_id": "t0", "word_index": 2, "word": "n", "relevant": False, "oracle": 0.0}
    run = with_rows(run, "crosswalk", pd.DataFrame(rows))
    run = with_rows(run, "truth_words", pd.concat([truth, pd.DataFrame([noise])], ignore_index=True))
    text = by_lead(advice_blocks(run)[0], "Where a word's score is near 0").text
    first, trained = text.split(" Rotated, the same: ")[0], text.split(" Trained, the same: ")[1]
    assert first == (
        "Hand-built: SHAP gives 1 word that decides (on negation) at most 1.0\u202f% of its text's largest score, "
        "while the cells of the word's row add up to 200\u202f% of it in size (median) and the word interacts with "
        "another in the rule by 4.00 logits (median); but row sizes do not rank words (precision at k: negation "
        "0.25 against 0.75 of SHAP; over 2 of 2 tasks 0.05 to 0.25 against 0.75 to 1.00), and in 1 of 1 such text a "
        "word that decides nothing has a row as large, so confirm by taking both heads out."
    )
    assert "interacts" not in trained  # the rule's logits are not those of a trained model
    alone = set_rows(set_rows(run, "failures", "partner", ""), "failures", "interaction", np.nan)
    assert "interacts" not in by_lead(advice_blocks(alone)[0], "Where a word's score is near 0").text
    ranking = set_scores(run, PRECISION, "crosswalk_row_size", {"single": 1.0, "negation": 1.0})
    assert "row sizes" not in by_lead(advice_blocks(ranking)[0], "Where a word's score").text


BROKEN = {  # advice -> metric, method and values that take its ground away, values that make no difference
    "To ask which": (PRECISION, "shapley", {"negation": 1.0, "single": 1.2}, {"negation": 0.9}),
    "To ask how much": (DISTANCE, "shapley", {"negation": 0.3}, {"negation": 0.05}),
    "Do not read signs": (SIGN, "gradient_x_input", {"negation": 1.1}, {"negation": 0.9}),
    "For heads that feed": ("auroc_indirect_score", "ablation_mean", {"single": 0.4}, {"single": 0.6, "negation": 0.6}),
    "Compare a head": ("auroc_direct_score", "ablation_zero", {"single": 1.1}, {"single": 0.9, "negation": 0.9}),
    "Centre direct": ("auroc_direct_score", "direct_raw", {"single": 1.1}, {"single": 0.9, "negation": 0.9}),
    "Do not rank": ("auroc_direct_score", "attention_norm", {"single": 0.6}, {"single": 0.5, "negation": 0.4}),
}


@pytest.mark.parametrize("lead", BROKEN)
def test_advice_without_its_numbers_is_not_given(lead: str, run: RunTables) -> None:
    assert by_lead(advice_blocks(run)[0], lead)
    metric, method, values, even = BROKEN[lead]
    for numbers, said in ((values, "not so"), (even, "no difference")):
        carried, _ = advice_blocks(set_scores(run, metric, method, numbers, rung="rotated"))
        assert f"Rotated, {said}: " in by_lead(carried, lead).text
        if lead == "To ask which":
            continue  # its methods are chosen on the first rung
        carried, contrary = advice_blocks(set_scores(run, metric, method, numbers, rung="hand-built"))
        assert lead not in leads(carried)
        assert by_lead(contrary, lead).text.startswith(f"Hand-built, {said}: ")
        assert "Rotated, but so here: " in by_lead(contrary, lead).text


@pytest.mark.parametrize(("pairs", "single", "said"), [(1.0, 0.3, ""), (1.0, 0.95, "no difference"),
                                                       (0.7, 0.3, "not so"), (1.0, 1.1, "not so")])  # fmt: skip
def test_pairs_for_spare_heads_must_beat_the_heads_alone(
    run: RunTables, pairs: float, single: float, said: str
) -> None:
    run = set_scores(run, "auroc_latent_score", "ablation_zero_pairs", {"single": pairs})
    run = set_scores(run, "auroc_latent_score", "ablation_zero", {"single": single})
    found = by_lead([p for part in advice_blocks(run) for p in part], "For spare heads")
    assert found.text.startswith(f"Hand-built, {said}: AUROC" if said else "Hand-built: AUROC")


@pytest.mark.parametrize(("method", "told"), [("ablation_mean", "Mean ablation 1.00; Zero ablation 0.40 to 0.60"),
                                              ("ablation_zero", "Mean ablation 1.00; Zero ablation 0.60")])  # fmt: skip
def test_a_method_undefined_on_one_task_is_compared_on_the_others(run: RunTables, method: str, told: str) -> None:
    card = run.tables["score_card"]
    gone = (card["method"] == method) & (card["dataset"] == "single")
    run = with_rows(run, "score_card", card[~gone])
    assert told in by_lead(advice_blocks(run)[0], "Compare a head").text


def test_a_head_that_fools_in_half_of_the_tasks_does_not_in_most(run: RunTables) -> None:
    half = set_rows(run, "heads", "score", 0.0, dataset="single", method="ablation_zero", component="L1H1")
    assert "What fools which method." not in leads(known_findings(half))


def test_the_direct_crosswalk_is_that_of_the_method_called_shap(run: RunTables) -> None:
    cells = [
        {"dataset": "single", "model": "hand", "seed": "0", "example_id": "t0", "word_index": 0, "word": "good"}
        | {"component": c, "method": "shap", "kind": "direct", "value": 5.0 if c == "L1H1" else 1.0}
        for c in ("L0H0", "L0H1", "L0H2", "L1H0", "L1H1", "L1H2")
    ]
    card = run.tables["score_card"]
    named = card[card["method"] == "crosswalk_causal"].assign(method="crosswalk_direct")
    run = with_rows(with_rows(run, "crosswalk", pd.DataFrame(cells)), "score_card", pd.concat([card, named]))
    explain = run.config.explain.model_copy(update={"methods": ("shap", "lime")})
    run = dataclasses.replace(run, config=run.config.model_copy(update={"explain": explain}))
    (found,) = [m for m in find_mistakes(run, ("single", "hand")) if (m.head, m.method) == ("Bias", "crosswalk_direct")]
    assert found.share == 1.0


def test_other_advice_without_its_numbers_is_not_given(run: RunTables) -> None:
    worse = set_scores(run, PRECISION, "lime", {"single": 0.9}, rung="hand-built")
    assert "To ask which words decide" not in leads([*advice_blocks(worse)[0], *advice_blocks(worse)[1]])
    shown = set_rows(run, "failures", "size", 0.1, model="hand")
    assert "Where a word's score" in leads(advice_blocks(shown)[1])
    assert "Where a word's score" not in str(advice_blocks(without_table(run, "failures")))
    missed = set_rows(run, "pairs", "found", False, model="hand", dataset="single", name_a="Plus", name_b="Minus")
    assert "Before believing" in leads(advice_blocks(missed)[1])


def test_what_is_not_verified_is_in_no_sentence(run: RunTables) -> None:
    run = fail_check(fail_check(run, "negation", "hand", 0.7), "negation", "learned", 0.7)
    assert found_counts(run, "hand-built")[1] == 1
    told = " ".join(p.text for p in [*known_findings(run), *advice_blocks(run)[0]] if "Rotated" not in p.text)
    assert "negation" not in told
    assert "Trained" not in by_lead(advice_blocks(run)[0], "Where a word's score").text
