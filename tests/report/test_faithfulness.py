"""What the page says of faithfulness follows the estimates and the paired tests."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from study.report.blocks import walk
from study.report.faithfulness_findings import faithfulness_finding, removes_by
from study.report.figures.grids import GridPanel
from study.report.inputs import RunTables
from study.report.numbers import with_interval
from study.report.page import paper_tables
from study.report.sections import faithfulness
from tests.report.conftest import Written
from tests.report.edits import set_estimates, set_rows, with_rows, without_table

METRIC = "comprehensiveness_normalised_score"
NAN = float("nan")
NO_DIFFERENCE = "No clear difference in faithfulness between SHAP and LIME."


def compared(run: RunTables, difference: tuple[float, float, float], p: float, **where: object) -> RunTables:
    """The run with SHAP minus LIME by the study's own operator as given."""
    names = {"metric": f"{METRIC}_mask", "method_a": "shapley", "method_b": "lime"} | where
    for column, value in zip(("difference", "low", "high", "p_adjusted"), (*difference, p), strict=True):
        run = set_rows(run, "comparisons", column, value, **names)
    return run


@pytest.mark.parametrize(
    ("difference", "p", "lead"),
    [
        ((0.0, -0.01, 0.01), 0.9, NO_DIFFERENCE),
        ((0.2, 0.1, 0.3), 0.06, NO_DIFFERENCE),
        (
            (0.2, -0.1, 0.5),
            0.01,
            "No clear difference in faithfulness between SHAP and LIME.",
        ),  # other seeds may differ
        ((0.2, 0.1, 0.3), 0.01, "SHAP is more faithful than LIME, by 0.200."),
        ((-0.2, -0.3, -0.1), 0.01, "LIME is more faithful than SHAP, by 0.200."),
        ((0.2, NAN, NAN), NAN, NO_DIFFERENCE),
        ((NAN, NAN, NAN), NAN, "Which of SHAP and LIME is more faithful was not tested."),
    ],
)
def test_a_difference_is_claimed_by_test_and_interval(
    small: Written, difference: tuple[float, float, float], p: float, lead: str
) -> None:
    found = faithfulness_finding(compared(small.run, difference, p))
    assert found.lead == lead
    assert "nan" not in found.text.lower()


def test_a_test_for_these_seeds_is_not_passed_off_as_one_for_new_ones(small: Written) -> None:
    text = faithfulness_finding(compared(small.run, (0.2, -0.1, 0.5), 0.01)).text
    assert "0.200 [−0.100, 0.500], p 0.01 for these seeds, but the interval, for new ones, holds 0" in text
    assert "holds 0" not in faithfulness_finding(compared(small.run, (0.2, 0.1, 0.5), 0.01)).text
    assert "holds 0" not in faithfulness_finding(compared(small.run, (0.2, -0.1, 0.5), 0.2)).text


def test_a_bound_that_would_print_as_zero_shows_three_digits(small: Written) -> None:
    text = faithfulness_finding(compared(small.run, (0.008, -0.0001234, 0.016), 0.01)).text
    assert "0.008 [−0.000123, 0.016], p 0.01" in text
    assert "0.008 [0.000, 0.016]" in faithfulness_finding(compared(small.run, (0.008, 0.0, 0.016), 0.01)).text


def test_one_model_does_not_speak_for_the_other(small: Written) -> None:
    run = compared(small.run, (0.2, 0.1, 0.3), 0.01, model="encoder")
    assert faithfulness_finding(run).lead == "SHAP is more faithful than LIME, by 0.200, in encoder only."
    run = compared(run, (-0.2, -0.3, -0.1), 0.01, model="attention-only")
    assert "depends on the model" in faithfulness_finding(run).lead


def test_a_pair_the_other_way_round_is_turned(small: Written) -> None:
    table = compared(small.run, (-0.2, -0.3, -0.1), 0.0004).tables["comparisons"]
    both = (table["method_a"] == "shapley") & (table["method_b"] == "lime")
    table.loc[both, ["method_a", "method_b"]] = ("lime", "shapley")
    found = faithfulness_finding(with_rows(small.run, "comparisons", table))
    assert found.lead == "SHAP is more faithful than LIME, by 0.200."
    assert "SHAP minus LIME, text by text, 0.200 [0.100, 0.300], p < 0.001" in found.text


def test_the_finding_quotes_the_estimates(small: Written) -> None:
    run = set_estimates(small.run, f"{METRIC}_mask", "shapley", "", "all", (0.811, 0.711, 0.911))
    run = set_estimates(run, f"{METRIC}_mask", "random", "", "all", (0.333, 0.3, 0.4))
    run = set_estimates(run, f"{METRIC}_delete", "lime@delete", "", "all", (0.777, 0.7, 0.8))
    text = faithfulness_finding(run).text
    assert "SHAP 0.81 [0.71, 0.91]" in text
    assert "random order 0.33" in text
    assert "Tested with words deleted" in text
    assert "LIME 0.78 against" in text


def test_ends_are_named_without_the_second_estimate_of_shap(written: Written) -> None:
    run = set_estimates(written.run, f"{METRIC}_mask", "attention", "", "all", (0.01, 0.0, 0.1))
    run = set_estimates(run, f"{METRIC}_mask", "occlusion", "", "all", (0.99, 0.9, 1.0))
    run = set_estimates(run, f"{METRIC}_mask", "shap", "", "all", (1.0, 0.9, 1.0))
    text = faithfulness_finding(run).text
    assert "of the others from Occlusion 0.99 down to Attention 0.01" in text


def test_no_evidence_is_said(small: Written) -> None:
    bare = without_table(small.run, "estimates")
    assert faithfulness_finding(bare).text == "This run has no evidence."
    assert faithfulness.build(bare) is None


@pytest.mark.usefixtures("no_painting")
def test_the_title_names_the_first_and_the_last_by_their_means(written: Written) -> None:
    run = written.run
    for operator in ("mask", "delete", "resample"):
        run = set_estimates(run, f"{METRIC}_{operator}", "occlusion", "", "all", (0.99, 0.9, 1.0))
        run = set_estimates(run, f"{METRIC}_{operator}", "shap", "", "all", (1.0, 0.9, 1.0))
        run = set_estimates(run, f"{METRIC}_{operator}", "lime", "", "all", (0.975, 0.9, 1.0))
        run = set_estimates(run, f"{METRIC}_{operator}", "shapley", "", "all", (0.96, 0.9, 1.0))
        run = set_estimates(run, f"{METRIC}_{operator}", "attention", "", "all", (0.12, 0.1, 0.2))
        run = set_estimates(run, f"{METRIC}_{operator}", "random", "", "all", (0.02, 0.0, 0.1))
    figure = next(b for b in faithfulness.build(run).blocks if b.kind == "figure")
    assert figure.title == (
        "Occlusion is most comprehensive on average, 0.99, 1 other within 0.02; Attention comes last with 0.12; "
        "random order reaches 0.02"
    )
    assert f"n = {written.config.evaluate.n_texts} texts × 1 seed per model" in figure.note
    assert "95 % interval over texts (one seed)" in figure.note


def test_cells_are_framed_where_the_explainer_takes_words_out_that_way(small: Written) -> None:
    explain = small.config.explain.model_copy(update={"removal": "delete"})
    asked = dataclasses.replace(small.run, config=small.config.model_copy(update={"explain": explain}))
    assert removes_by("lime", asked) == "delete"
    assert removes_by("lime@resample", asked) == "resample"
    assert removes_by("integrated_gradients", asked) == "mask"  # its baseline, whatever the operator
    assert removes_by("attention", asked) == removes_by("random", asked) == ""


@pytest.mark.usefixtures("no_painting")
def test_tables_hold_every_metric_and_every_comparison(small: Written) -> None:
    tables = {b.anchor: b for b in walk(faithfulness.build(small.run).blocks) if b.kind == "table"}
    every = tables["table-faithfulness"]
    estimates = small.run.of("estimates", "reviews", "encoder").query("subset == 'all' and method_a == 'lime@delete'")
    row = next(r for r in every.rows if r[:3] == ("encoder", "LIME, words deleted", "replaced"))
    for metric, cell in zip(faithfulness._COLUMNS, row[3:-1], strict=True):
        known = estimates[estimates["metric"] == f"{metric}_resample"].iloc[0]
        assert cell == with_interval(known["estimate"], known["low"], known["high"])
    assert len(every.rows) == 2 * 6 * 3  # models, methods with those asked once more, operators
    assert len(tables["table-comparisons"].rows) == 2 * 6 * 3  # pairs of four methods
    assert tables["table-comparisons"].rows[0][4:7] == ("0.01 [−0.01, 0.03]", "0.20", "0.60")


def test_shades_follow_what_is_good() -> None:
    cells = np.array([[0.9, 0.1, -0.4]])
    panel = GridPanel(
        title="", about="", columns=["a", "b", "c"], cells=cells, good="high", framed=np.zeros((1, 3), dtype=bool)
    )
    np.testing.assert_allclose(panel.shades, cells)
    np.testing.assert_allclose(dataclasses.replace(panel, good="low").shades, 1 - cells)
    np.testing.assert_allclose(dataclasses.replace(panel, good="near zero").shades, [[0.1, 0.9, 0.6]])


def test_papers_get_the_main_rows(small: Written) -> None:
    lines = paper_tables(small.run)["tables/estimates.md"].decode().splitlines()
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines[2:]]
    rows = {(c[1], c[2], c[3], c[4]) for c in cells}
    for metric in ("comprehensiveness normalised score delete", "sufficiency normalised error resample"):
        assert ("encoder", metric, "LIME", "all") in rows
        assert ("encoder", metric, "Random control", "all") in rows
    assert ("encoder", "comprehensiveness normalised score delete", "LIME, asked by delete", "all") in rows
    assert ("encoder", "repeat spearman", "SHAP, LIME", "all") in rows
    assert ("encoder", "edit spearman score", "SHAP", "all") in rows
    assert ("encoder", "seed spearman", "SHAP package", "all") in rows
    assert ("encoder", "rating spearman", "SHAP", "all") in rows
    assert ("encoder", "plausibility average precision score", "Random control", "all") in rows
    assert ("encoder", "circuit performance score", "Shapley of the margin", "all") in rows
    assert ("encoder", "circuit distance error", "Random control", "all") in rows
    assert not any(row[1].startswith(("infidelity", "deletion", "sanity")) for row in rows)
    assert all(row[3] == "all" for row in rows if row[1].startswith(("comprehensiveness", "circuit")))
