"""Every section survives what a run may lack or be: missing tables, one seed, one layer, many classes, NaN."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from study.report import SECTIONS
from study.report.blocks import Section, walk
from study.report.columns import COLUMNS
from study.report.inputs import RunTables, read_run
from study.report.markdown import to_markdown
from study.report.page import build_sections, render_page
from study.report.sections.opening import TITLE, opening_blocks
from tests.report.conftest import Written
from tests.report.edits import EVALUATED, HEAD_TABLES, with_rows, without_table
from tests.report.links import dead_links, without_scripts
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape

LISTED_ONLY = (  # no section but the appendix reads them
    *("faithfulness", "perturbation_curves", "word_stability", "edit_stability", "sanity", "budgets", "additivity"),
)
MLP, NONE = (("encoder", 16),), (("attention-only", 0),)
SHAPES = {
    "one layer, one head, attention only": Shape(models=NONE, seeds=(4,), n_layers=1, n_heads=1, n_texts=4),
    "three classes, many components, cut texts": Shape(
        models=MLP, seeds=(0,), n_layers=4, n_heads=8, n_texts=6, max_words=5, classes=("a", "b", "c<i>")
    ),
    "one text": Shape(models=MLP, seeds=(0,), n_texts=1),
    "no lime": Shape(models=MLP, seeds=(0,), n_texts=4, methods=("shapley", "occlusion")),
    "no shap": Shape(models=MLP, seeds=(0,), n_texts=4, methods=("lime", "random")),
    "nothing put to the test": Shape(models=MLP, seeds=(0,), n_texts=4, evaluated_texts=0),
    "attention alone": Shape(models=MLP, seeds=(0,), n_texts=4, methods=("attention",)),
}


def pages_of(run: RunTables) -> tuple[str, str, list[Section]]:
    opening, sections = opening_blocks(run), build_sections(run)
    return render_page(run, opening, sections), to_markdown(TITLE, opening, sections), sections


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("name", SHAPES)
def test_a_page_of_any_shape(name: str, tmp_path: Path) -> None:
    config = write_synthetic_run(tmp_path / "run", dataclasses.replace(SHAPES[name], shown_texts=1))
    html, markdown, sections = pages_of(read_run(tmp_path / "run", config))
    assert {"findings", "model", "limits", "reproduce", "appendix"} <= {s.name for s in sections}
    assert not dead_links(html)
    for page in (without_scripts(html), markdown):
        assert ">nan<" not in page.lower()
        assert " nan " not in page.lower()
        assert "None" not in page.replace("None of", "")


@pytest.mark.usefixtures("no_painting")
@pytest.mark.parametrize("missing", [name for name in COLUMNS if name not in (*HEAD_TABLES, *LISTED_ONLY)])
def test_a_page_without_one_table(missing: str, small: Written) -> None:
    run = without_table(small.run, missing)
    html, _, sections = pages_of(run)
    assert f'id="table-file-{missing}"' not in html
    assert not dead_links(html)
    assert "findings" in {s.name for s in sections}


@pytest.mark.usefixtures("no_painting")
def test_a_page_without_the_tables_that_are_only_listed(small: Written) -> None:
    run = small.run
    for name in LISTED_ONLY:
        assert name in run.present or name in ("budgets", "additivity")
        run = without_table(run, name)
    assert [s.name for s in build_sections(run)] == [s.name for s in build_sections(small.run)]


@pytest.mark.usefixtures("no_pictures")
def test_a_page_on_which_every_evaluation_is_undefined(small: Written) -> None:
    run, nothing = small.run, float("nan")
    estimates, compared, judged = (run.tables[name].copy() for name in ("estimates", "comparisons", "hypotheses"))
    rows = estimates["metric"].str.match(f"{EVALUATED}|circuit_")
    estimates.loc[rows, ["estimate", "low", "high"]] = nothing
    compared[["difference", "low", "high", "effect_size", "p", "p_adjusted"]] = nothing
    judged[["effect", "low", "high", "p", "p_adjusted", "smallest_effect"]] = nothing
    variance = run.tables["variance"].assign(share=nothing, variance=nothing)
    changed = {"estimates": estimates, "comparisons": compared, "hypotheses": judged, "variance": variance}
    for name, frame in changed.items():
        run = with_rows(run, name, frame)
    html, markdown, sections = pages_of(run)
    assert {"hypotheses", "faithfulness", "stability", "people"} <= {s.name for s in sections}
    assert not dead_links(html)
    assert "nan" not in re.findall(r"\w+", re.sub(r"data:image[^\"]*", "", html + markdown).lower())


def test_a_page_without_any_table(tmp_path: Path) -> None:
    config = write_synthetic_run(tmp_path / "run", Shape(seeds=(0,), n_texts=1))
    for path in (tmp_path / "run").rglob("*.*"):
        path.unlink()
    html, _, sections = pages_of(read_run(tmp_path / "run", config))
    assert html.count("This run has no evidence.") == 8
    assert html.count("This run cannot say: ") == 4
    assert "Which of the two is right is not known here." in html
    assert "?." not in html
    assert [s.name for s in sections] == ["answers", "findings", "limits", "reproduce"]


def test_a_page_without_cost(small: Written) -> None:
    run = dataclasses.replace(small.run, cost=small.run.cost.iloc[:0])
    assert SECTIONS.load("cost")(run) is None


@pytest.mark.usefixtures("no_painting")
def test_every_figure_says_how_many_texts_and_what_its_interval_is(small: Written) -> None:
    figures = [b for section in build_sections(small.run) for b in walk(section.blocks) if b.kind == "figure"]
    assert len(figures) > 10
    for figure in figures:
        assert "interval" in figure.note, figure.name
        assert "seed" in figure.note or figure.name == "cost", figure.name
        assert figure.title[0].isupper() or figure.title[0] == "“", figure.title
        assert figure.source in (*COLUMNS, "cost.csv")


@pytest.mark.usefixtures("no_painting")
def test_figure_names_are_distinct(small: Written) -> None:
    names = [b.name for section in build_sections(small.run) for b in walk(section.blocks) if b.kind == "figure"]
    assert len(names) == len(set(names))
