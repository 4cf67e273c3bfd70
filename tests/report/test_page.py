"""The page as a whole: self-contained, escaped, its anchors right, its numbers those of the tables."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from study.report import SECTIONS
from study.report.inputs import read_run
from study.report.numbers import interval, number, percent
from study.report.page import build_sections, figures_of, render_page
from study.report.sections.opening import opening_blocks
from tests.report.conftest import Written
from tests.report.edits import not_evaluated
from tests.report.links import dead_links
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape


def test_every_named_file_is_written_and_nothing_else_is_left(written: Written) -> None:
    assert len(set(written.files)) == len(written.files)
    assert all((written.folder / name).stat().st_size > 0 for name in written.files)
    assert {"report.html", "report.md", "tables/estimates.tex", "tables/accuracy.md"} <= set(written.files)
    assert {f"figures/crosswalk.{kind}" for kind in ("svg", "png", "pdf")} <= set(written.files)
    assert not list(written.folder.rglob(".*"))  # no temporary file


def test_the_page_needs_no_network_and_no_script_but_its_own(written: Written) -> None:
    html = written.html
    assert not re.search(r"https?://", html)
    assert re.findall(r"<script\b[^>]*>", html.lower()) == [
        '<script type="application/json" id="explorer-data">',
        "<script>",
    ]
    assert not re.search(r"<link\b|@import|url\(", html)
    for address in re.findall(r'(?:src|href)="([^"]*)"', html):
        beside = address.startswith("figures/crosswalks/") and (written.folder / address).exists()
        assert beside or address.startswith(("#", "data:image/svg+xml,"))


def test_the_page_is_small(written: Written) -> None:
    assert (written.folder / "report.html").stat().st_size < 5_000_000


def test_texts_are_data_in_html_and_markdown(written: Written) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written.html
    assert "<script" not in written.markdown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written.markdown


def test_ids_are_unique_and_every_link_has_its_target(written: Written) -> None:
    ids = re.findall(r'\bid="([^"]*)"', written.html)
    assert len(ids) == len(set(ids))
    assert len(re.findall(r'href="#([^"]*)"', written.html)) > 50
    assert not dead_links(written.html)


def test_markdown_links_only_figures_that_exist(written: Written) -> None:
    names = re.findall(r"\]\((figures/[^)]*)\)", written.markdown)
    assert len(names) > 10
    assert all((written.folder / name).exists() for name in names)


def test_the_agreement_table_shows_the_estimates(written: Written) -> None:
    rows = pd.read_csv(written.folder / "tables" / "estimates.csv", keep_default_na=False, na_values=[""])
    rows = rows[(rows.method_a == "shapley") & (rows.method_b == "lime") & (rows.subset == "all")]
    assert len(rows) > 10
    table = re.search(r'id="table-agreement".*?</table>', written.html, re.DOTALL)
    assert table
    for row in rows.itertuples():
        assert f"{number(row.estimate, 3)} {interval(row.low, row.high, 3)}" in table[0]


def test_the_findings_quote_the_tables(written: Written) -> None:
    text = re.search(r'<section id="answers".*?<ol class=findings>.*?</ol>', written.html, re.DOTALL)
    assert text
    estimates = written.run.tables["estimates"]
    for (metric, subset), decimals in {
        ("spearman", "all"): 2,
        ("comprehensiveness_normalised_score_mask", "all"): 2,
        ("edit_spearman_score", "all"): 2,
        ("effective_components", "all"): 1,
    }.items():
        rows = estimates[
            (estimates.metric == metric) & (estimates.subset == subset) & (estimates.method_a == "shapley")
        ]
        for row in rows[rows.method_b.isin(["lime", ""])].itertuples():
            assert f"{number(row.estimate, decimals)} {interval(row.low, row.high, decimals)}" in text[0]
    accuracy = written.run.tables["accuracy"]
    for row in accuracy[
        (accuracy.kind == "tfidf_logreg") | ((accuracy.kind == "model") & (accuracy.seed == "all"))
    ].itertuples():
        assert percent(row.accuracy, 1) in text[0]


@pytest.mark.usefixtures("no_painting")
def test_a_run_that_puts_no_explanation_to_the_test_has_no_finding_on_it(small: Written) -> None:
    found = SECTIONS.load("findings")(not_evaluated(small.run)).blocks[0].items
    leads = " ".join(item.lead for item in found)
    assert "faithful" not in leads
    assert "Where the model is wrong" in leads or "right predictions from wrong ones" in leads
    missing = [item.lead for item in found if item.text == "This run has no evidence."]
    assert missing == ["Which method agrees least with SHAP?"]  # there is only one beside SHAP
    for name in ("hypotheses", "faithfulness", "stability", "people"):
        assert SECTIONS.load(name)(not_evaluated(small.run)) is None


def test_a_broken_gate_is_the_first_thing_on_the_page(tmp_path: Path) -> None:
    config = write_synthetic_run(tmp_path / "run", Shape(seeds=(0,), n_texts=2, broken_gate=True))
    run = read_run(tmp_path / "run", config)
    first = opening_blocks(run)[0]
    assert first.kind == "paragraph"
    assert first.tone == "bad"
    assert "attention views" in first.text
    html = render_page(run, opening_blocks(run), [])
    assert html.index('tone-bad"') < html.index('tone-lead"')
    assert '<details class="" open>' in html


def test_a_run_without_gates_is_not_called_right(tmp_path: Path) -> None:
    config = write_synthetic_run(tmp_path / "run", Shape(seeds=(0,), n_texts=2))
    (tmp_path / "run" / "gates.json").unlink()
    tones = [b.tone for b in opening_blocks(read_run(tmp_path / "run", config)) if b.kind == "paragraph"]
    assert "bad" in tones
    assert "good" not in tones


def test_two_reports_of_the_same_tables_are_the_same_bytes(small: Written) -> None:
    first, second = (SECTIONS.load("text")(read_run(small.folder, small.config)) for _ in range(2))
    assert figures_of([first])
    assert first == second  # its figures hold their bytes


@pytest.mark.usefixtures("no_painting")
def test_two_pages_of_the_same_tables_are_the_same_text(small: Written) -> None:
    first, second = (render_page(small.run, opening_blocks(small.run), build_sections(small.run)) for _ in range(2))
    assert first == second


@pytest.mark.usefixtures("no_painting")
def test_sections_come_in_the_order_of_the_registry(small: Written) -> None:
    names = [section.name for section in build_sections(small.run)]
    assert names[:5] == ["answers", "findings", "hypotheses", "text", "features"]
    assert names[-1] == "appendix"


def test_the_report_room_imports_no_model_library() -> None:
    code = (
        "import sys, study.report.page; from study.report import SECTIONS; [SECTIONS.load(n) for n in SECTIONS]; "
        "print([m for m in ('torch', 'shap', 'lime', 'captum') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
