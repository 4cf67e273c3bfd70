"""Both kinds of evidence about heads: what the sections say is what the tables hold; missing tables are survived."""

from __future__ import annotations

import pytest

from study.report import SECTIONS
from study.report.blocks import Figure, Table, walk
from study.report.causal_findings import causal_finding
from study.report.figures.palette import head_method_label
from study.report.head_measures import top_words, worst_partners
from study.report.inputs import RunTables, pick, read_run
from study.report.numbers import number, percent, signed, with_interval
from study.report.page import build_sections, render_page
from study.report.removal_findings import removal_finding
from study.report.sections.head_profiles import short_reason
from study.report.sections.opening import opening_blocks
from tests.report.conftest import Written
from tests.report.edits import HEAD_TABLES, set_estimates, set_rows, with_rows, without_table
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape

NAN = float("nan")
VARIANT = ("reviews", "encoder")
PAIR = ("direct_centred", "shapley_margin")


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
    shape = Shape(models=(("encoder", 16),), seeds=(0,), n_texts=4, shown_texts=1, methods=("shapley", "random"))
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
    for rule in (causal_finding, removal_finding):
        assert rule(run).text == "This run has no evidence."


@pytest.mark.usefixtures("no_painting")
def test_the_scatter_names_the_head_whose_numbers_part_most(small: Written) -> None:
    run = set_rows(small.run, "profiles", "direct_size", 0.111, component="L1H2", seed="1", model="encoder")
    run = set_rows(run, "profiles", "causal_size", 77.765, component="L1H2", seed="1", model="encoder")
    found = figure(run, "heads", "direct-causal")
    told = "Farthest apart: L1H2 of encoder, seed 1, writes 0.11 logits and is needed for 77.77"
    assert found.title == told
    assert "n = 6 texts × 2 seeds per model" in found.note


@pytest.mark.usefixtures("no_painting")
def test_the_scatter_counts_heads_that_act_one_way_beyond_the_empty_text(small: Written) -> None:
    run = set_rows(small.run, "profiles", "words_causal_size", 2.0)
    run = set_rows(run, "profiles", "words_causal_mean", 1.8)  # not above nine tenths
    assert "0 of 32 heads act in the same direction" in figure(run, "heads", "direct-causal").note
    run = set_rows(run, "profiles", "words_causal_mean", -1.81, component="L1H2", seed="1", model="encoder")
    assert "1 of 32 heads acts in the same direction" in figure(run, "heads", "direct-causal").note
    run = set_rows(run, "profiles", "words_causal_mean", 1.81, component="L0H2", model="encoder")
    note = figure(run, "heads", "direct-causal").note
    rows = run.tables["profiles"]
    assert (rows["words_causal_mean"].abs() > 0.9 * rows["words_causal_size"]).sum() == 3
    assert "3 of 32 heads act in the same direction in nearly every text (|mean| above 90\u202f%" in note
    none = set_rows(run, "profiles", "words_causal_mean", NAN)
    assert "in the same direction" not in figure(none, "heads", "direct-causal").note


@pytest.mark.usefixtures("no_painting")
def test_profiles_print_the_rows_of_the_table(small: Written) -> None:
    causal = small.run.tables["causal"]
    known = causal[causal["example_id"].isin(["t000", "t001"])]
    found = table(with_rows(small.run, "causal", known), "heads", "profiles-table-encoder-1")
    rows = pick(small.run.of("profiles", *VARIANT), seed="1")
    assert [r[0] for r in found.rows] == list(rows["component"])
    columns = [c.name for c in found.columns]
    for row, wanted in zip(found.rows, rows.itertuples(), strict=True):
        cells = dict(zip(columns, row, strict=True))
        assert cells["class"] == wanted.class_
        sizes = {"direct": "direct", "causal": "causal", "alone missing": "ablation", "later layers": "indirect"}
        for column, name in sizes.items():
            assert cells[column] == number(getattr(wanted, f"{name}_size"))
        assert cells["words' effect"] == f"{number(wanted.words_causal_size)} ({signed(wanted.words_causal_mean)})"
        assert cells["flips"] == percent(wanted.trial_flipped)
        assert cells["CLS / entropy"] == f"{number(wanted.attention_to_cls)} / {number(wanted.attention_entropy)}"
        share = with_interval(wanted.indirect_share, wanted.indirect_low, wanted.indirect_high)
        assert cells["indirect share"] == share
        assert wanted.partner
        assert cells["partner"] == f"{wanted.partner} {signed(wanted.interaction)}"
        words = top_words(small.run, VARIANT, "1", wanted.component, "+")
        assert cells["words +"] == ", ".join(f"{word} ({n})" for word, n in words)
        known = pick(small.run.of("profile_words", *VARIANT), seed="1", component=wanted.component)
        assert all(n == known.set_index("word").loc[word, "n_texts"] for word, n in words)
    assert "n = 6 texts of one seed; words: the 2 texts with causal cells" in found.note
    assert short_reason("writes against its own effect: writes 0.1, Shapley 0.2") == "writes against its own effect"


@pytest.mark.usefixtures("no_painting")
def test_a_partner_without_a_known_sign_is_only_named(small: Written) -> None:
    run = set_rows(small.run, "profiles", "interaction", NAN, component="L0H1")
    run = set_rows(run, "profiles", "partner", "", component="L0H2")
    run = set_rows(run, "profiles", "interaction", NAN, component="L0H2")
    found = table(run, "heads", "profiles-table-encoder-1")
    column = [c.name for c in found.columns].index("partner")
    known = pick(run.of("profiles", *VARIANT), seed="1").set_index("component")["partner"]
    assert [row[column] for row in found.rows[1:3]] == [known["L0H1"], "–"]


@pytest.mark.usefixtures("no_painting")
def test_profiles_are_means_of_the_scores(small: Written) -> None:
    """The invented rows obey the definitions of the columns, so that tests above compare real sums."""
    scores = pick(small.run.of("heads", *VARIANT), seed="1")
    scores = scores.pivot_table(index="example_id", columns=["method", "component"], values="score")
    for row in pick(small.run.of("profiles", *VARIANT), seed="1").itertuples():
        of = {method: scores[method, row.component] for method in dict.fromkeys(scores.columns.get_level_values(0))}
        sizes = {"raw": of["direct_raw"], "direct": of["direct_centred"], "causal": of["shapley_margin"]}
        sizes |= {"ablation": of["ablation_mean"], "indirect": of["ablation_mean"] - of["direct_centred"]}
        sizes |= {"words_direct": of["direct_beyond_empty"], "words_causal": of["shapley"]}
        for name, values in sizes.items():
            assert getattr(row, f"{name}_size") == pytest.approx(values.abs().mean())
        assert row.words_causal_mean == pytest.approx(of["shapley"].mean())
        assert row.words_direct_mean == pytest.approx(of["direct_beyond_empty"].mean())


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
    assert "at most 0.046 logits" in causal_finding(run).text


@pytest.mark.usefixtures("no_painting")
def test_the_matrix_of_head_methods_quotes_direct_against_causal(small: Written) -> None:
    run = set_estimates(small.run, "head_spearman", *PAIR, "all", (0.4321, 0.3, 0.5))
    run = set_estimates(run, "head_spearman_abs", *PAIR, "all", (0.3456, 0.2, 0.4))
    found = figure(run, "head-methods", "head-agreement")
    told = "0.43 [0.30, 0.50] in encoder and 0.43 [0.30, 0.50] in attention-only"
    assert found.title == f"{head_method_label(PAIR[0])} against {head_method_label(PAIR[1])}: Spearman {told}"
    assert "In square brackets: 95 % interval over texts and seeds" in found.note
    rows = {row[:2]: row[2:] for row in table(run, "head-methods", "table-head-agreement").rows}
    assert rows[head_method_label(PAIR[0]), head_method_label(PAIR[1])][0] == "0.43 [0.30, 0.50]"
    assert "0.43 [0.30, 0.50] (of sizes 0.35 [0.20, 0.40])" in causal_finding(run).text


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
