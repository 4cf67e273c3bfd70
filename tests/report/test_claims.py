"""Claims go no farther than their intervals: the lead over the baseline, and the controls of the methods."""

from __future__ import annotations

import pytest

from study.report.accuracy import accuracy_answer
from study.report.controls import completeness_note, untrained_controls, untrained_figure, untrained_finding
from study.report.inputs import RunTables
from tests.report.conftest import Written
from tests.report.edits import add_estimates, set_estimates, set_rows, with_second_data_set

GAIN = ("accuracy_gain", "model", "tfidf_logreg")
NOT_TESTED = "Whether that is more than the baseline was not tested."
NAN = float("nan")


@pytest.mark.parametrize(
    ("gain", "lead"),
    [
        ((0.02, 0.01, 0.03), "Every model beats the baseline."),
        ((-0.02, -0.03, -0.01), "Every model reads worse than the baseline."),
        ((0.02, -0.01, 0.05), "Every model reads a little better than the baseline, but the lead is not certain."),
        ((-0.02, -0.05, 0.01), "Every model reads a little worse than the baseline, but the difference is not"
         " certain."),
        ((0.0, -0.01, 0.01), "Every model reads as well as the baseline."),
        ((0.02, NAN, NAN), NOT_TESTED),
    ],
)  # fmt: skip
def test_a_lead_is_claimed_from_the_paired_interval(
    small: Written, gain: tuple[float, float, float], lead: str
) -> None:
    found = accuracy_answer(add_estimates(small.run, *GAIN, gain))
    assert found.text.startswith(lead)
    assert found.lead.startswith("Test accuracy: ")


def test_the_accuracies_alone_claim_nothing(small: Written) -> None:
    run = set_rows(small.run, "accuracy", "accuracy", 0.5, kind="tfidf_logreg")
    found = accuracy_answer(run)
    assert found.text.startswith(NOT_TESTED)
    assert "gets 50.0" in found.text


def test_models_with_different_verdicts_are_named(small: Written) -> None:
    run = add_estimates(small.run, *GAIN, (0.02, 0.01, 0.03), ("encoder",))
    assert accuracy_answer(run).text.startswith("encoder beats the baseline. ")
    run = add_estimates(run, *GAIN, (-0.02, -0.03, -0.01), ("attention-only",))
    told = "encoder beats the baseline; attention-only reads worse than the baseline. "
    assert accuracy_answer(run).text.startswith(told)


def test_every_data_set_has_its_own_baseline(small: Written) -> None:
    run = with_second_data_set(small.run)
    run = set_rows(run, "accuracy", "accuracy", 0.611, kind="tfidf_logreg", dataset="films")
    text = accuracy_answer(run).text
    assert "77.2" in text.split("logistic regression, which only counts words, gets")[1]
    assert "(films)" in text.split("61.1")[1]


def all_untrained(run: RunTables, values: tuple[float, float, float], n_texts: int = 20) -> RunTables:
    for method in ("shapley", "shap", "lime"):
        run = set_estimates(run, "spearman_untrained", method, method, "all", values)
    return set_rows(run, "estimates", "n_examples", float(n_texts), metric="spearman_untrained")


SMALL = "what is left of the rankings cannot be told from a small one"


@pytest.mark.parametrize(
    ("values", "claim"),
    [
        ((0.06, 0.03, 0.09), "the rankings are gone"),
        ((0.2, -0.1, 0.5), SMALL),
        ((0.09, 0.02, 0.15), SMALL),  # above 0, but not beyond the band
        ((-0.09, -0.15, -0.02), SMALL),
        ((0.45, 0.35, 0.55), "SHAP, SHAP package and LIME keep part of their rankings"),
        ((-0.4, -0.5, -0.3), "SHAP, SHAP package and LIME turn their rankings round"),
        ((0.2, NAN, NAN), "whether rankings are kept stays open: an interval is missing"),
    ],
)
@pytest.mark.usefixtures("no_painting")
def test_rankings_are_kept_or_gone_only_where_the_interval_is_off_the_band(
    small: Written, values: tuple[float, float, float], claim: str
) -> None:
    run = all_untrained(small.run, values)
    lead = f"On untrained weights, in encoder and attention-only, {claim}."
    assert untrained_finding(run).lead == lead
    figure = untrained_figure(run)
    assert figure is not None
    assert figure.title.startswith(lead[:-1])
    few = untrained_finding(all_untrained(run, values, 9))
    assert few.lead.endswith("too few texts to say whether rankings are kept.")
    assert untrained_finding(all_untrained(run, values, 10)).lead == lead


def test_every_model_has_its_own_claim_on_untrained_weights(small: Written) -> None:
    run = all_untrained(small.run, (0.06, 0.03, 0.09))
    run = set_estimates(run, "spearman_untrained", "lime", "lime", "all", (0.4, 0.3, 0.5), model="encoder")
    assert untrained_finding(run).lead == (
        "On untrained weights, in encoder, LIME keeps part of its ranking; in attention-only, the rankings are gone."
    )
    run = set_estimates(run, "spearman_untrained", "lime", "lime", "all", (0.1, 0.0, 0.2), model="encoder")
    assert (
        "in encoder, SHAP and SHAP package lose their rankings; what is left of the others"
        in untrained_finding(run).lead
    )


@pytest.mark.usefixtures("no_painting")
def test_the_value_farthest_from_zero_is_stated_with_its_interval(small: Written) -> None:
    run = all_untrained(small.run, (0.06, 0.03, 0.09))
    run = set_estimates(run, "spearman_untrained", "lime", "lime", "all", (-0.32, -0.4, -0.24), model="encoder")
    figure = untrained_figure(run)
    assert figure is not None
    for text in (untrained_finding(run).text, figure.title):
        assert "Farthest from 0: LIME in encoder, −0.32 [−0.40, −0.24]".lower() in text.lower()


def test_methods_without_signs_are_controlled_by_size(written: Written) -> None:
    run = set_estimates(written.run, "spearman_abs_untrained", "attention", "attention", "all", (0.9, 0.8, 1.0))
    assert set(run.tables["estimates"]["n_examples"]) >= {20.0}
    assert {c.method for c in untrained_controls(run)} == {"shapley", "shap", "lime", "occlusion", "attention"}
    assert "Attention (by size)" in untrained_finding(run).text
    assert "Attention" in untrained_finding(run).lead


def test_what_gradients_leave_over_is_told_with_its_interval(small: Written) -> None:
    assert completeness_note(small.run) is None
    run = add_estimates(small.run, "completeness_error", "integrated_gradients", "", (0.0314, 0.02, 0.04))
    run = add_estimates(run, "completeness_error", "gradient_x_input", "", (1.5, 1.2, 1.8))
    note = completeness_note(run)
    assert note is not None
    told = "Integrated gradients 0.031 [0.020, 0.040] and Gradient × input 1.500 [1.200, 1.800]"
    assert f"In encoder and attention-only, {told}." in note.text
    assert "logits, 95 % interval over texts and seeds" in note.text
