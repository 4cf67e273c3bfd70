"""The negation showcase: which text, named heads, no pads, and sentences whose numbers are those of the tables."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.text import Text

from study.report.blocks import Bullets, Details, Figure, Paragraph, Section, Table, walk
from study.report.figures.crosswalk import paint_crosswalk
from study.report.inputs import RunTables, pick
from study.report.negated_text import choose_negated
from study.report.pictures import compose
from study.report.rendering import _width_class
from study.report.sections.negation import build
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_rows, without_table
from tests.report.synthetic_negation import negation_run

pytestmark = pytest.mark.usefixtures("no_painting")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    return negation_run(tmp_path_factory.mktemp("negation") / "known")


def section(run: RunTables) -> Section:
    found = build(run)
    assert found is not None
    return found


def figures(run: RunTables) -> dict[str, str]:
    return {b.name: b.title for b in walk(section(run).blocks) if isinstance(b, Figure)}


def sentences(run: RunTables) -> dict[str, str]:
    (bullets,) = [b for b in section(run).blocks if isinstance(b, Bullets)]
    return {item.lead: item.text for item in bullets.items}


def test_no_section_without_the_task_or_its_truth(run: RunTables, small: Written) -> None:
    assert build(small.run) is None
    assert build(without_table(run, "truth_words")) is None


def test_the_text_is_the_first_with_a_word_that_decides_and_scores_zero(run: RunTables) -> None:
    text = choose_negated(run)
    assert text is not None
    assert (text.chosen.model, text.chosen.example_id, text.word, text.cue) == ("hand-built", "t1", 2, 1)
    models = run.config.models[::-1]
    backwards = dataclasses.replace(run, config=run.config.model_copy(update={"models": models}))
    assert (
        getattr(choose_negated(backwards), "chosen", None) == text.chosen
    )  # neither the trained nor the rotated model
    turned = set_rows(run, "truth_words", "oracle", 1.0, example_id="t1", word="bad")
    assert choose_negated(turned) is None  # no word is silent any more


def test_only_texts_with_a_causal_table_are_shown(run: RunTables) -> None:
    cells = run.tables["crosswalk"]
    direct = with_rows(run, "crosswalk", cells[(cells["kind"] == "direct") | (cells["example_id"] == "t0")])
    assert choose_negated(direct) is None


def test_the_title_names_who_writes_and_who_takes_back(run: RunTables) -> None:
    assert figures(run)["negation"] == "SHAP gives “bad” 0.00: L1H0 All writes −2.00, L1H1 Negated takes 2.00 back"
    scaled = set_rows(
        run, "crosswalk", "value", 1.5, component="L1H1", word="bad", method="shapley", model="hand-built"
    )
    assert figures(scaled)["negation"].startswith(
        "SHAP gives “bad” −0.50: L1H0 All writes −2.00, L1H1 Negated takes 1.50"
    )


def test_the_title_of_a_word_on_which_nothing_cancels(run: RunTables) -> None:
    alone = set_rows(run, "crosswalk", "value", 0.0, component="L1H1", word="bad", method="shapley", model="hand-built")
    assert figures(alone)["negation"] == "SHAP gives “bad” −2.00: L1H0 All writes −2.00"


def test_sentences_carry_the_numbers_of_the_tables(run: RunTables) -> None:
    told = sentences(run)
    direct = told["What heads write (direct table):"]
    assert "because of “bad”, L1H0 All −2.00 and L1H1 Negated +2.00: together 0.00" in direct
    assert "adds up 4.00" in direct
    assert "Because of “not”, L1H1 Negated +2.00: together +2.00" in direct
    causal = told["What words need of heads (causal table):"]
    assert "“not” needs L0H0 NegScope +1.00 and L1H1 Negated +1.00" in causal
    assert "L0H0 NegScope is needed by “not” (+1.00) and “bad” (+1.00) and itself writes 0.00" in causal
    both = told["The two words together:"]
    assert "interact by +4.00" in both
    assert "by −2.00 without the other word and by +2.00 with it" in both


def test_a_noise_word_whose_row_cancels_is_told_apart_by_taking_both_heads_out(run: RunTables) -> None:
    lead = "A row that cancels is a question, not an answer:"
    told = sentences(run)[lead]
    assert "“z” decides nothing and scores 0.00, yet its row adds up 12.00: L0H1 Cancel+ +6.00 and L0H2 Cancel−" in told
    assert "without L0H1 Cancel+ and L0H2 Cancel− the margin of a text moves by 0.00 on average (1.50 without" in told
    assert "moves by 1.90 on average (2.00 and 2.10 without" in told
    small = run
    for component in ("L0H1", "L0H2"):
        small = set_rows(small, "crosswalk", "value", 0.1, component=component, word="z", method="shapley")
    assert lead not in sentences(small)


def test_other_models_are_read_only_where_they_are_verified(tmp_path: Path, run: RunTables) -> None:
    told = sentences(run)["The same text, trained model:"]
    assert "SHAP gives “bad” 0.00 and “not” +2.00" in told
    assert "adds up 4.00, of which 100" in told
    assert "L1H0 −2.00 and L1H1 +2.00" in told  # nobody knows the heads of a trained model
    assert set(figures(run)) == {"negation", "negation-rotated", "negation-trained"}
    partly = negation_run(tmp_path / "partly", verified=("hand-built", "rotated"))
    assert sentences(partly)["The same text, trained model:"] == "not verified on this task, so not read."
    assert set(figures(partly)) == {"negation", "negation-rotated"}
    assert len([b for b in section(partly).blocks if isinstance(b, Details)]) == 1


def test_a_model_that_did_not_explain_the_text_is_passed_over(run: RunTables) -> None:
    texts = run.tables["texts"]
    gone = with_rows(run, "texts", texts[(texts["model"] != "trained") | (texts["example_id"] != "t1")])
    assert "The same text, trained model:" not in sentences(gone)


def test_a_fold_with_a_picture_is_as_wide_as_the_page(run: RunTables) -> None:
    folds = [b for b in section(run).blocks if isinstance(b, Details)]
    assert [_width_class(fold) for fold in folds] == ["wide", "wide"]
    assert _width_class(Details("text", (Paragraph("short"),))) == ""


def test_pads_have_no_column_and_heads_have_their_names(run: RunTables) -> None:
    text = choose_negated(run)
    assert text is not None
    made = compose(text.rows)
    assert made is not None
    picture, title = made
    causal, direct = picture.panels
    assert causal.names == ("L0H0", "L0H1", "L0H2", "L1H0", "L1H1", "L1H2")
    assert causal.called == ("NegScope", "Cancel+", "Cancel−", "All", "Negated", "Gazer")
    assert direct.called == ("", *causal.called)
    assert any("fill up a layer (L0H3, L1H3, readout_bias)" in line for line in picture.footnote)
    assert title == "“not” (+2.00) needs L0H0 and L1H1 most (+1.00 each) and is written most by L1H1 (+2.00)"
    drawn = {t.get_text() for t in paint_crosswalk(picture).findobj(Text)}
    assert {"NegScope", "Cancel−", "Negated"} <= drawn
    assert "pad" not in drawn


def test_the_bars_still_hold_what_pads_write(run: RunTables) -> None:
    changed = set_rows(run, "crosswalk", "value", 0.25, component="L0H3", word="n1", method="shapley", example_id="t1")
    text = choose_negated(changed)
    assert text is not None
    made = compose(text.rows)
    assert made is not None
    assert made[0].bars[0].row_sum[0] == pytest.approx(0.25)


def test_every_method_is_beside_the_exact_values(run: RunTables) -> None:
    (table,) = [b for b in section(run).blocks if isinstance(b, Table)]
    assert [c.name for c in table.columns] == ["method", "“not”", "“bad”", "largest of the others"]
    assert table.rows == (
        ("Exact, of the rule", "+2.00", "0.00", "0.00"),
        ("SHAP", "+2.00", "0.00", "0.00"),
        ("LIME", "+1.60", "+0.60", "0.00"),
    )
    last = section(run).blocks[-1].text  # type: ignore[union-attr]
    assert "SHAP (0" in last.split("from there on")[0]
    assert "LIME (37" in last.split("from there on")[1]


def test_the_first_seed_is_shown(run: RunTables) -> None:
    tables = run
    for name in ("texts", "features", "crosswalk", "components", "causal", "pairs", "failures"):
        frame = tables.tables[name]
        tables = with_rows(tables, name, pd.concat([frame.assign(seed="1"), frame], ignore_index=True))
    text = choose_negated(tables)
    assert text is not None
    assert text.chosen.seed == "0"
    assert len(pick(text.rows.crosswalk, method="shapley", word="bad", component="L1H0")) == 1
