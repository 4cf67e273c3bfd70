"""Both kinds of evidence about heads: what the sections say is what the tables hold; missing tables are survived."""

from __future__ import annotations

import numpy as np
import pytest

from study.report import SECTIONS
from study.report.blocks import Figure, Table, walk
from study.report.causal_findings import causal_finding, classes_finding, removal_finding
from study.report.head_measures import pair_matrix, removal_lines, top_words, words_effect, worst_partners
from study.report.inputs import RunTables, pick, read_run
from study.report.numbers import number, signed, with_interval
from study.report.page import build_sections, render_page
from study.report.sections.head_profiles import short_reason
from study.report.sections.opening import opening_blocks
from tests.report.conftest import Written
from tests.report.edits import HEAD_TABLES, add_estimates, set_estimates, set_rows, with_rows, without_table
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape

VARIANT = ("reviews", "encoder")
PAIR = ("direct_beyond_empty", "shapley")


def blocks_of(run: RunTables, section: str, kind: type) -> dict[str, object]:
    built = SECTIONS.load(section)(run)
    found = [b for b in walk(built.blocks) if isinstance(b, kind)] if built else []
    return {getattr(b, "name", "") or getattr(b, "anchor", ""): b for b in found}


def figure(run: RunTables, section: str, name: str) -> Figure:
    found = blocks_of(run, section, Figure)[name]
    assert isinstance(found, Figure)
    return found


def table(run: RunTables, section: str, anchor: str) -> Table:
    found = blocks_of(run, section, Table)[anchor]
    assert isinstance(found, Table)
    return found


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    folder = tmp_path_factory.mktemp("tiny") / "run"
    folder.mkdir()
    shape = Shape(models=(("encoder", 16),), seeds=(0,), n_texts=4, shown_texts=1, methods=("shap", "random"))
    return read_run(folder, write_synthetic_run(folder, shape))


@pytest.mark.usefixtures("no_painting")
@pytest.mark.parametrize("missing", HEAD_TABLES)
def test_the_sections_on_heads_without_one_table(missing: str, tiny: RunTables) -> None:
    run = without_table(tiny, missing)
    for name in ("findings", "heads", "head-methods", "inside", "limits", "appendix"):
        assert SECTIONS.load(name)(run) is not None


@pytest.mark.usefixtures("no_painting")
def test_a_page_without_any_of_the_new_tables_shows_the_direct_part_alone(small: Written) -> None:
    run = small.run
    for name in HEAD_TABLES:
        run = without_table(run, name)
    run = with_rows(run, "heads", pick(run.tables["heads"], kind="direct"))
    run = with_rows(run, "estimates", run.tables["estimates"][run.tables["estimates"]["metric"] == "spearman"])
    assert SECTIONS.load("head-methods")(run) is None
    assert SECTIONS.load("inside")(run) is None
    heads = SECTIONS.load("heads")(run)
    assert {"fig-kinds", "fig-head-shares"} <= {getattr(b, "anchor", "") for b in heads.blocks}
    for rule in (causal_finding, classes_finding, removal_finding):
        assert rule(run).text == "This run has no evidence."


@pytest.mark.usefixtures("no_painting")
def test_the_scatter_names_the_head_whose_numbers_part_most(small: Written) -> None:
    run = set_rows(small.run, "profiles", "direct_size", 0.111, component="L1H2", seed="1", model="encoder")
    run = set_rows(run, "profiles", "causal_size", 77.765, component="L1H2", seed="1", model="encoder")
    found = figure(run, "heads", "direct-causal")
    assert found.title == "Farthest apart: L1H2 of encoder, seed 1, writes 0.11 logits and is needed for 77.77"
    assert "n = 6 texts × 2 seeds per model" in found.note


@pytest.mark.usefixtures("no_painting")
def test_classes_are_counted_over_seeds_whatever_the_heads_are_called(small: Written) -> None:
    run = set_rows(small.run, "profiles", "class_", "direct", model="encoder")
    run = set_rows(run, "profiles", "class_", "indirect", model="encoder", component="L0H1")
    run = set_rows(run, "profiles", "class_", "backup", model="encoder", component="L1H3", seed="1")
    found = table(run, "heads", "table-classes")
    columns = [c.name for c in found.columns]
    row = dict(zip(columns, found.rows[0], strict=True))
    assert (row["model"], row["direct"], row["indirect"], row["backup"]) == (
        *("encoder", "13 (6 to 7)", "2 (1)", "1 (0 to 1)"),
    )
    assert "3 of 16 heads in encoder" in found.title
    text = classes_finding(run).text
    assert "in encoder, of 16 heads 13 direct, 2 indirect and 1 backup" in text.lower()


@pytest.mark.usefixtures("no_painting")
def test_profiles_print_the_rows_of_the_table(small: Written) -> None:
    found = table(small.run, "heads", "profiles-table-encoder-1")
    rows = pick(small.run.of("profiles", *VARIANT), seed="1")
    assert [r[0] for r in found.rows] == list(rows["component"])
    columns = [c.name for c in found.columns]
    for row, wanted in zip(found.rows, rows.itertuples(), strict=True):
        cells = dict(zip(columns, row, strict=True))
        assert cells["causal"] == number(wanted.causal_size)
        share = with_interval(wanted.indirect_share, wanted.indirect_low, wanted.indirect_high)
        assert cells["indirect share"] == share
        assert cells["partner"] == f"{wanted.partner} {signed(wanted.interaction)}"
        words = top_words(small.run, VARIANT, "1", wanted.component, "+")
        assert cells["words +"] == ", ".join(words)
    assert short_reason("writes against its own effect: writes 0.1, Shapley 0.2") == "writes against its own effect"


@pytest.mark.usefixtures("no_painting")
def test_null_heads_are_shown_with_their_worst_partner(small: Written) -> None:
    run = set_rows(small.run, "profiles", "class_", "direct")
    assert "No head of this run is called null" in str(SECTIONS.load("heads")(run).blocks)
    run = set_rows(run, "profiles", "class_", "null", component="L1H0", seed="0", model="encoder")
    where = {"component": "L1H0", "seed": "0", "model": "encoder"}
    run = set_rows(run, "trials", "mean_abs_change", 0.0123, **where)
    run = set_rows(run, "trials", "mean_abs_change", 0.0456, **where, partner="L0H3")
    found = worst_partners(run, VARIANT)
    assert (found["alone"].item(), found["worst"].item(), found["beside"].item()) == (0.0123, "L0H3", 0.0456)
    trials = table(run, "heads", "table-trials")
    assert "at most 0.046 logits" in trials.title
    assert "0.012 [" in trials.rows[0][5]
    assert "at most 0.046 logits" in classes_finding(run).text


@pytest.mark.usefixtures("no_painting")
def test_the_matrix_of_head_methods_quotes_direct_against_causal(small: Written) -> None:
    run = set_estimates(small.run, "head_spearman", *PAIR, "all", (0.4321, 0.3, 0.5))
    run = set_estimates(run, "head_spearman", "ablation_zero", "lime", "all", (-0.98, -0.99, -0.97), model="encoder")
    title = figure(run, "head-methods", "head-agreement").title
    assert title.startswith("Direct (beyond empty) against Head Shapley: Spearman 0.43 in encoder and 0.43 in")
    assert "Least alike: Zero ablation and Head LIME in encoder (−0.98)" in title
    rows = {row[:2]: row[2:] for row in table(run, "head-methods", "table-head-agreement").rows}
    assert rows["Direct (beyond empty)", "Head Shapley"][0] == "0.43 [0.30, 0.50]"
    text = causal_finding(run)
    assert "0.43 [0.30, 0.50]" in text.text
    assert text.lead == "What heads write and what is lost without them rank heads partly alike."


def removed(run: RunTables, unit: str, values: tuple[float, float, float], model: str = "encoder") -> RunTables:
    method = {"words": "shap", "heads": "shapley"}[unit]
    return set_estimates(run, "margin_lost_at_25", f"{unit}:{method}", "", "all", values, model=model)


@pytest.mark.parametrize(
    ("words", "heads", "lead"),
    [
        ((2.0, 1.8, 2.2), (1.0, 0.8, 1.2), "The strongest quarter of the words carries more of the margin"),
        ((1.0, 0.8, 1.2), (2.0, 1.8, 2.2), "The strongest quarter of the heads carries more of the margin"),
        ((1.0, 0.8, 1.2), (1.1, 0.9, 1.3), "stays open: the intervals overlap."),
        ((1.1, 0.9, 1.3), (1.0, 0.8, 1.2), "stays open: the intervals overlap."),
        ((1.0, float("nan"), float("nan")), (2.0, 1.8, 2.2), "stays open: an interval is missing."),
    ],
)
def test_words_carry_more_than_heads_only_where_the_intervals_part(
    small: Written, words: tuple[float, float, float], heads: tuple[float, float, float], lead: str
) -> None:
    run = small.run
    for model in ("encoder", "attention-only"):
        run = removed(removed(run, "words", words, model), "heads", heads, model)
    found = removal_finding(run)
    assert lead in found.lead
    assert with_interval(*words) in found.text
    assert with_interval(*heads) in found.text
    other = removal_finding(removed(removed(run, "words", (5.0, 4.9, 5.1)), "heads", (1.0, 0.9, 1.1)))
    assert ("in part of the models" in other.lead) is ("stays open" in lead)


@pytest.mark.usefixtures("no_painting")
def test_the_removal_figure_quotes_its_own_curves(small: Written) -> None:
    run = removed(removed(small.run, "words", (7.654, 7.0, 8.0)), "heads", (6.543, 6.0, 7.0))
    title = figure(run, "head-methods", "removal-encoder").title
    assert "loses 7.65 logits to the top 25" in title
    assert "words by SHAP" in title
    assert "6.54 logits to the top 25" in title
    assert "heads by Shapley" in title
    rows = [r for r in table(run, "head-methods", "table-removal").rows if r[:3] == ("encoder", "words", "SHAP")]
    assert "7.65 [7.00, 8.00]" in rows[0]
    foreign = add_estimates(run, "margin_lost_at_some", "words:shap", "", (9.0, 8.0, 10.0))
    assert len(removal_lines(foreign, VARIANT)) == len(removal_lines(run, VARIANT))


def test_the_dotted_line_is_what_all_words_give(small: Written) -> None:
    texts = pick(small.run.of("texts", *VARIANT), trained=True)
    wanted = [abs(m) / m * (m - e) for m, e in zip(texts["margin"], texts["empty_margin"], strict=True)]
    assert words_effect(small.run, VARIANT) == pytest.approx(np.mean(wanted))


def test_pairs_point_towards_what_the_words_do(small: Written) -> None:
    rows = pick(small.run.of("interactions", *VARIANT), seed="0", component_a="L0H0", component_b="L1H1")
    texts = pick(small.run.of("texts", *VARIANT), seed="0", trained=True).set_index("example_id")
    total = 0.0
    for row in rows.itertuples():
        text = texts.loc[row.example_id]
        total += row.value if text["margin"] > text["empty_margin"] else -row.value
    matrix = pair_matrix(small.run, VARIANT, "0")
    assert matrix.loc["L0H0", "L1H1"] == pytest.approx(total / len(rows))
    assert matrix.loc["L1H1", "L0H0"] == matrix.loc["L0H0", "L1H1"]
    assert np.isnan(np.diag(matrix)).all()


@pytest.mark.usefixtures("no_painting")
def test_markup_in_words_and_reasons_is_data(small: Written) -> None:
    nasty = "<b>&bad</b>"
    run = set_rows(small.run, "profile_words", "word", nasty)
    run = set_rows(run, "profiles", "reason", nasty)
    run = set_rows(run, "neuron_words", "word", nasty)
    run = set_rows(run, "patching", "twin_word", nasty)
    run = set_rows(run, "paths", "word", nasty)
    html = render_page(run, opening_blocks(run), build_sections(run))
    assert nasty not in html
    assert html.count("&lt;b&gt;&amp;bad&lt;/b&gt;") > 20
