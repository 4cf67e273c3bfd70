"""The section on hypotheses counts and quotes the verdicts of the table, and says which test its p values come from."""

from __future__ import annotations

import re

from study.report.blocks import walk
from study.report.markdown import to_markdown
from study.report.page import paper_tables, render_page
from study.report.sections.hypotheses import build
from tests.report.conftest import Written
from tests.report.edits import set_rows, without_table


def test_verdicts_are_counted_by_hypothesis_and_not_by_part(small: Written) -> None:
    lead, *_ = build(small.run).blocks
    assert lead.lead == "Of 4 hypotheses: 1 supported, 1 contradicted, 1 inconclusive and 1 not tested."
    assert lead.text.startswith("H1 supported; H3 contradicted (H3: the opposite); H5 inconclusive; H6 not tested.")
    run = set_rows(small.run, "hypotheses", "verdict", "contradicted", hypothesis="H1", part="", model="")
    lead, *_ = build(run).blocks
    assert lead.lead == "Of 4 hypotheses: 2 contradicted, 1 inconclusive and 1 not tested."


def test_what_contradicts_is_named(small: Written) -> None:
    run = set_rows(small.run, "hypotheses", "low", -0.05, hypothesis="H3", part="", model="")
    run = set_rows(run, "hypotheses", "high", 0.02, hypothesis="H3", part="", model="")
    lead, *_ = build(run).blocks
    assert "H3 contradicted (H3: no effect of note)" in lead.text
    none = set_rows(run, "hypotheses", "smallest_effect", float("nan"), hypothesis="H3", part="", model="")
    assert "H3 contradicted (H3: an effect)" in build(none).blocks[0].text
    (row,) = [r for r in next(b for b in build(run).blocks if b.kind == "table").rows if r[0] == "H3"]
    assert row[-3:] == ("contradicted", "±0.100", "no effect of note")


def test_the_table_prints_the_pooled_rows_only(small: Written) -> None:
    tables = [b for b in walk(build(small.run).blocks) if b.kind == "table"]
    rows = small.run.tables["hypotheses"]
    assert [row[0] for row in tables[0].rows] == ["H1", "H1, additivity", "H1, correctness", "H3", "H5", "H6"]
    assert tables[0].rows[0][1:] == ("0.420", "[0.370, 0.470]", "0.300", "0.002", "supported", "±0.100", "")
    assert tables[0].rows[-1][1:3] == ("–", "")  # nothing was measured
    strata = rows[(rows["model"] != "") & rows["effect"].notna()]
    assert len(tables[1].rows) == len(strata) == 8
    assert "supported" not in " ".join(map(" ".join, tables[1].rows))


def test_every_hypothesis_says_its_claim_its_parts_and_why(small: Written) -> None:
    bullets = next(b for b in build(small.run).blocks if b.kind == "bullets")
    first = bullets.items[0]
    assert first.lead == "H1."
    assert "Additivity: The nearer a model is to a sum, the more SHAP and LIME agree." in first.text
    assert first.text.endswith("Supported: The interval (0.370 to 0.470) says so & no more.")
    assert "(−0.300 to −0.200)" in bullets.items[1].text  # true minus signs
    assert len(bullets.items) == 4


def test_a_claim_is_not_said_twice(small: Written) -> None:
    claim = "The nearer a model is to a sum, the more SHAP and LIME agree."
    run = set_rows(small.run, "hypotheses", "claim", claim, hypothesis="H1", part="", model="")
    bullets = next(b for b in build(run).blocks if b.kind == "bullets")
    assert bullets.items[0].text.count(claim) == 1
    assert "Correctness:" not in bullets.items[0].text


def test_p_is_not_called_a_sign_flip_test(small: Written) -> None:
    notes = " ".join(b.note for b in walk(build(small.run).blocks) if b.kind == "table")
    assert "sign-flip" not in notes
    assert "from the same variances as the interval (the t interval turned round)" in notes
    assert "two one-sided tests" in notes
    assert "Benjamini" in notes
    assert "Holm" in notes


def test_pooling_data_sets_assumes_that_their_seeds_are_independent(small: Written) -> None:
    said = "Where several data sets are pooled, their training seeds are assumed to be independent."
    lead, *_ = build(small.run).blocks
    assert said not in lead.text  # one data set with several models
    model = small.run.tables["hypotheses"]["model"].max()
    lead, *_ = build(set_rows(small.run, "hypotheses", "dataset", "other", hypothesis="H3", model=model)).blocks
    assert lead.text.endswith(said)


def test_claims_are_data(small: Written) -> None:
    section = build(small.run)
    html, markdown = render_page(small.run, [], [section]), to_markdown("t", [], [section])
    assert "&lt;b&gt;methods" in html
    assert "<b>methods" not in html + markdown
    assert "nan" not in re.findall(r"\b\w+\b", (html + markdown).lower())


def test_no_section_without_hypotheses(small: Written) -> None:
    assert build(without_table(small.run, "hypotheses")) is None


def test_papers_get_the_pooled_rows(small: Written) -> None:
    files = paper_tables(small.run)
    lines = files["tables/hypotheses.md"].decode().splitlines()
    assert len(lines) == 2 + 6
    assert "| H1, correctness | Agreement says nothing of correctness." in lines[4]
    tex = files["tables/hypotheses.tex"].decode()
    assert r"nearly additive \& not because" in tex
    assert "p, adjusted" in tex
    assert "nan" not in tex
    assert "tables/hypotheses.tex" not in paper_tables(without_table(small.run, "hypotheses"))


def test_a_small_p_is_not_printed_as_zero(small: Written) -> None:
    run = set_rows(small.run, "hypotheses", "p_adjusted", 1e-7, hypothesis="H1", part="", model="")
    table = next(b for b in build(run).blocks if b.kind == "table")
    assert table.rows[0][4] == "< 0.001"
