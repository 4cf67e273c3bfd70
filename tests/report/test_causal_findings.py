"""What the page claims of heads by both kinds of evidence: classes by layer, words for agreement, pairs, matches."""

from __future__ import annotations

import numpy as np
import pytest

from study.report import SECTIONS
from study.report.causal_findings import causal_finding
from study.report.head_measures import pair_matrix
from study.report.inputs import RunTables, pick
from study.report.numbers import number
from tests.report.conftest import Written
from tests.report.edits import set_estimates, set_rows, with_rows, without_table
from tests.report.test_heads_evidence import PAIR, VARIANT, figure, table


@pytest.mark.usefixtures("no_painting")
def test_classes_are_counted_over_seeds_whatever_the_heads_are_called(small: Written) -> None:
    run = set_rows(small.run, "profiles", "class_", "direct", model="encoder")
    run = set_rows(run, "profiles", "class_", "indirect", model="encoder", component="L0H1")
    run = set_rows(run, "profiles", "class_", "backup", model="encoder", component="L1H3", seed="1")
    found = table(run, "heads", "table-classes")
    columns = [c.name for c in found.columns]
    rows = [dict(zip(columns, row, strict=True)) for row in found.rows[:2]]
    assert [(r["model"], r["layer"], r["direct"], r["indirect"], r["backup"]) for r in rows] == [
        ("encoder", "0", "6 (3)", "2 (1)", "0 (0)"),
        ("encoder", "1", "7 (3 to 4)", "0 (0)", "1 (0 to 1)"),
    ]
    told = "in encoder, 6 of the 8 heads of layer 0 are direct (2 indirect) and 7 of the 8 heads of layer 1 are direct"
    for text in (found.title, causal_finding(run).text):
        assert told in text


def with_classes(run: RunTables, *layers: str) -> RunTables:
    """The run in which all heads of a layer have one class."""
    for layer, name in enumerate(layers):
        run = set_rows(run, "profiles", "class_", name, layer=layer)
    return run


def test_classes_are_told_by_layer_and_only_those_that_occur(small: Written) -> None:
    found = causal_finding(with_classes(small.run, "indirect", "direct"))
    assert found.lead == "Direct contributions leave out most of what 50\u202f% of the heads do: they are indirect."
    told = "in encoder and attention-only, all 8 heads of layer 0 are indirect and all 8 heads of layer 1 are direct."
    assert found.text.startswith(f"Heads of all seeds: {told} After heads of the last layer come only its MLP")
    found = causal_finding(with_classes(small.run, "direct", "direct"))
    assert found.lead == "No head is called indirect, backup or cancelling."
    assert "all 16 heads of layers 0 to 1 are direct" in found.text
    found = causal_finding(with_classes(small.run, "cancelling", "backup"))
    assert found.lead.endswith("what 100\u202f% of the heads do: they are backup or cancelling.")
    assert "After heads of the last layer" not in found.text


def test_heads_that_no_interval_decides_are_never_called_none(small: Written) -> None:
    undecided = with_classes(small.run, "mixed", "mixed")
    found = causal_finding(undecided)
    assert found.lead == "Whether direct contributions show what heads do is undecided for 32 of 32 heads."
    assert "all 16 heads of layers 0 to 1 are mixed" in found.text
    assert "not judged" not in found.text.lower()
    why = set_rows(undecided, "profiles", "reason", "not judged: the run has no shapley_margin (heads.methods)")
    assert "Not judged: the run has no shapley_margin (heads.methods)." in causal_finding(why).text
    found = causal_finding(with_classes(small.run, "direct", "mixed"))
    assert found.lead == "No head is called indirect, backup or cancelling; undecided for 16 of 32 heads."
    told = "Direct contributions leave out most of what 50\u202f% of the heads do: they are indirect"
    assert causal_finding(with_classes(small.run, "indirect", "mixed")).lead == f"{told}; undecided for 16 of 32 heads."
    part = with_classes(small.run, "indirect", "direct")
    part = set_rows(part, "profiles", "class_", "mixed", seed="1", model="encoder")
    assert causal_finding(part).lead == f"{told}; undecided for 8 of 32 heads."  # no 0 % of a seed without a verdict


ALIKE = "what heads write and what is lost without them rank heads"
WEAKLY = f"W{ALIKE[1:]} weakly alike in attention-only; in encoder it stays open."
BOTH = f"W{ALIKE[1:]} partly alike in encoder and weakly alike in attention-only."
PARTLY = f"W{ALIKE[1:]} partly alike in encoder and differently in attention-only."
TWO_WORDS = f"W{ALIKE[1:]} weakly to partly alike in encoder and weakly to much alike in attention-only."


@pytest.mark.parametrize(
    ("encoder", "other", "told"),
    [
        ((0.5, 0.41, 0.6), (0.6, 0.5, 0.69), f"W{ALIKE[1:]} partly alike in encoder and attention-only."),
        ((0.5, 0.41, 0.6), (0.2, 0.1, 0.3), BOTH),
        ((0.2, -0.01, 0.4), (0.2, 0.1, 0.3), WEAKLY),
        ((0.5, 0.41, 0.6), (0.0, -0.1, 0.2), PARTLY),
        ((0.3, 0.2, 0.5), (0.5, 0.3, 0.8), TWO_WORDS),
        ((0.2, -0.1, 0.6), (0.5, -0.3, 0.7), f"Whether {ALIKE} alike stays open in encoder and attention-only."),
        ((0.5, np.nan, np.nan), (0.5, -0.3, 0.7), f"Whether {ALIKE} alike stays open in encoder and attention-only."),
    ],
)
def test_a_word_for_agreement_needs_both_ends_of_the_interval(
    small: Written, encoder: tuple[float, float, float], other: tuple[float, float, float], told: str
) -> None:
    run = set_estimates(small.run, "head_spearman", *PAIR, "all", encoder, model="encoder")
    run = set_estimates(run, "head_spearman", *PAIR, "all", other, model="attention-only")
    assert told in causal_finding(run).text
    assert causal_finding(without_table(run, "profiles")).lead == told


@pytest.mark.usefixtures("no_painting")
def test_pairs_have_the_interaction_that_profiles_give(small: Written) -> None:
    for seed in ("0", "1"):
        matrix = pair_matrix(small.run, VARIANT, seed)
        for row in pick(small.run.of("profiles", *VARIANT), seed=seed).itertuples():
            assert matrix.loc[row.component, row.partner] == pytest.approx(row.interaction)
            assert matrix.loc[row.partner, row.component] == pytest.approx(row.interaction)
        assert np.isnan(np.diag(matrix)).all()
    run = set_rows(small.run, "heads", "score", 1.0, method="shapley_margin")  # all push the same way
    run = set_rows(run, "interactions", "margin_value", 0.1)
    run = set_rows(run, "interactions", "margin_value", -0.7001, component_a="L0H1", component_b="L1H3")
    assert "L0H1 and L1H3 (−0.70) of encoder, seed 0" in figure(run, "head-methods", "head-pairs").title
    run = set_rows(run, "interactions", "margin_value", -0.6999, component_a="L0H1", component_b="L1H2")
    assert "L0H1 and L1H3 (−0.70, 1 other alike) of encoder" in figure(run, "head-methods", "head-pairs").title


@pytest.mark.usefixtures("no_painting")
def test_an_interaction_points_to_what_both_heads_push_to_in_each_text(small: Written) -> None:
    pair = {"component_a": "L0H1", "component_b": "L1H3"}
    psi = {("t000", "L0H1"): -2.0, ("t000", "L1H3"): 1.0, ("t001", "L0H1"): -1.0, ("t001", "L1H3"): 2.0}
    run = set_rows(small.run, "interactions", "margin_value", 0.0)
    for (text, head), score in psi.items():
        where = {"example_id": text, "component": head, "method": "shapley_margin"}
        run = set_rows(run, "heads", "score", score, seed="0", model="encoder", **where)
    for text, value in (("t000", 0.6), ("t001", 1.8)):
        run = set_rows(run, "interactions", "margin_value", value, example_id=text, **pair)
    n = run.of("interactions", *VARIANT)["example_id"].nunique()
    assert pair_matrix(run, VARIANT, "0").loc["L0H1", "L1H3"] == pytest.approx((1.8 - 0.6) / n)
    heads = run.tables["heads"]
    without = with_rows(run, "heads", heads[heads["method"] != "shapley_margin"])
    assert pair_matrix(without, VARIANT, "0").empty


@pytest.mark.parametrize(("others", "matched"), [(0.2, True), (0.6, False)])
def test_heads_of_a_layer_are_matched_only_where_the_match_is_closer_than_the_rest(
    small: Written, others: float, matched: bool
) -> None:
    run = set_rows(small.run, "head_matches", "cosine", 0.65)
    run = set_rows(run, "head_matches", "cosine_others", 0.2)
    run = set_rows(run, "head_matches", "cosine_others", others, layer=1, model="encoder")
    (found,) = [b for b in SECTIONS.load("heads")(run).blocks if "matched within a layer" in getattr(b, "lead", "")]
    assert f"layer 1 of encoder, 0.65 against {number(others)} with the other heads" in found.text
    assert "layer 0 of encoder, 0.65 against 0.20" in found.text
    assert "is expected even of heads that have nothing in common" in found.text
    assert ("Heads cannot be matched in layer 1 of encoder:" in found.text) is not matched
