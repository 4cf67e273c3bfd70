"""The section of the score card: what it shows, of what, and what it leaves out; the sections that a config names."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from study.report import SECTIONS
from study.report.blocks import Details, Figure, Paragraph, Section, Table, walk
from study.report.figures.palette import head_method_label, method_label
from study.report.figures.score_card import Panel, paint_score_card
from study.report.gallery import draw_gallery, gallery_paths
from study.report.inputs import RunTables
from study.report.page import build_sections, render_page
from study.report.score_measures import (
    ROW_SIZE,
    SCORE_LABELS,
    bounds_below,
    judged_methods,
    lower_is_better,
    place_names,
    rungs_of,
    variants_on,
)
from study.report.sections.opening import opening_blocks
from study.report.sections.score_card import build
from tests.report.conftest import Written
from tests.report.edits import with_rows, without_table
from tests.report.links import dead_links
from tests.report.synthetic_known import fail_check, known_run


@pytest.fixture
def run(small: Written) -> RunTables:
    return known_run(small.run)


def section(run: RunTables) -> Section:
    found = build(run)
    assert found is not None
    return found


def table(run: RunTables, anchor: str) -> list[dict[str, str]]:
    (found,) = [b for b in walk(section(run).blocks) if isinstance(b, Table) and b.anchor == anchor]
    return [dict(zip((c.name for c in found.columns), row, strict=True)) for row in found.rows]


def test_no_section_where_nothing_is_known(small: Written) -> None:
    assert build(small.run) is None
    assert SECTIONS.load("recommendations")(small.run) is None


def test_a_rung_that_nobody_was_verified_on_is_not_shown(run: RunTables) -> None:
    run = fail_check(fail_check(run, "negation", "learned", 0.7), "single", "learned", 0.7)
    assert rungs_of(run, "words") == ["hand-built", "rotated"]


def test_rungs_and_methods_keep_apart_what_is_no_method(run: RunTables) -> None:
    assert rungs_of(run, "words") == ["hand-built", "rotated", "trained"]
    assert rungs_of(run, "heads") == ["hand-built", "rotated"]
    assert variants_on(run, "words", "trained") == [("single", "learned"), ("negation", "learned")]
    assert judged_methods(run, "words") == ["shapley", "lime", "gradient_x_input", "attention", ROW_SIZE]
    assert bounds_below(run, "words") == ["random", "chance"]
    heads = judged_methods(run, "heads")
    assert heads[-1] == "crosswalk_causal"
    assert not {"random", "chance", "oracle", "reversed"} & set(heads)
    one = [("single", "hand"), ("single", "turned"), ("negation", "hand")]
    assert place_names(run, one) == ["hand · single", "turned · single", "negation"]


@pytest.mark.usefixtures("no_painting")
def test_a_figure_a_rung_the_first_in_full_the_others_folded(run: RunTables) -> None:
    blocks = section(run).blocks
    shown = [b.name for b in blocks if isinstance(b, Figure)]
    assert shown == ["score-words-hand-built", "score-heads-hand-built"]
    folded = {f.name: d for d in blocks if isinstance(d, Details) for f in d.blocks if isinstance(f, Figure)}
    assert list(folded) == ["score-words-rotated", "score-words-trained", "score-heads-rotated"]
    assert folded["score-words-trained"].summary == (
        "Models trained: LIME finds every word that decides in 2 of 2 tasks, SHAP and Gradient × input in 1, Attention "
        "in none"
    )
    assert "at most 12 texts × 2 seeds a task" in folded["score-words-trained"].blocks[0].note
    heads = next(b for b in blocks if isinstance(b, Figure) and b.name == "score-heads-hand-built")
    assert "mean ablation ranks direct heads at 1.00 (AUROC), zero ablation at 0.40 to 0.60" in heads.title


@pytest.mark.usefixtures("no_painting")
def test_notes_say_what_the_oracle_and_a_head_without_work_are(run: RunTables) -> None:
    notes = {b.name: b.note for b in walk(section(run).blocks) if isinstance(b, Figure)}
    for rung in ("hand-built", "rotated"):
        assert (
            "exact Shapley values of the rule; a method that is no Shapley value can pass it"
            in notes[f"score-words-{rung}"]
        )
    assert "the words that decide, all alike: no exact values are known" in notes["score-words-trained"]
    assert "not scored in a text in which it has nothing to do" in notes["score-heads-hand-built"]
    assert "what random scores get on average" in notes["score-words-trained"]


@pytest.mark.usefixtures("no_painting")
def test_scores_that_a_trained_model_cannot_have_are_left_out(run: RunTables) -> None:
    rows = table(run, "table-score-words-trained")
    assert set(rows[0]) == {"task", "method", "Precision at k"}
    about = section(run).blocks[0].text  # type: ignore[union-attr]
    assert "Trained models are only seen to follow the rule on full texts" in about


@pytest.mark.usefixtures("no_painting")
def test_tables_hold_every_score_with_its_interval(run: RunTables) -> None:
    rows = table(run, "table-score-words-hand-built")
    assert [r["method"] for r in rows[:6]] == [
        "Oracle", "SHAP", "LIME", "Gradient × input", "Attention", "Size of the crosswalk's row"
    ]  # fmt: skip
    assert [r["method"] for r in rows[6:8]] == ["Random control", "Chance"]
    shap = next(r for r in rows if r["task"] == "negation" and r["method"] == "SHAP")
    assert shap["Precision at k"] == "0.75 [0.65, 0.85]"
    assert next(r for r in rows if r["method"] == "Attention")["Right side"] == "–"
    assert {r["task"] for r in table(run, "table-score-heads-rotated")} == {"single", "negation"}


@pytest.mark.usefixtures("no_painting")
def test_what_is_not_verified_is_named_with_its_value_and_not_scored(run: RunTables) -> None:
    failed = fail_check(run, "negation", "learned", 0.873)
    checks = failed.tables["verification"]
    other = checks.assign(seed="1", value=1.0, passed=True)  # one seed that fails is enough
    failed = with_rows(failed, "verification", pd.concat([other, checks], ignore_index=True))
    told = [b for b in section(failed).blocks if isinstance(b, Paragraph)]
    (warning,) = [b for b in told if b.lead == "Not verified and not scored:"]
    assert warning.text == "learned · negation (rule followed 0.873, not within 0.99 to 1.00)."
    assert any(b.text.startswith("5 of 6 models") for b in told)
    assert {r["task"] for r in table(failed, "table-score-words-trained")} == {"single"}
    shown = {r["model"]: r for r in table(failed, "table-verification")}
    assert shown["learned · negation"]["passed"] == "1 of 2"
    assert shown["hand · negation"]["passed"] == "2 of 2"
    nothing = without_table(run, "verification")
    assert any(b.text.startswith("No model was checked") for b in section(nothing).blocks if isinstance(b, Paragraph))


@pytest.mark.usefixtures("no_painting")
def test_planted_heads_and_pairs_are_in_tables(run: RunTables) -> None:
    rows = {r["head"]: r for r in table(run, "table-planted")}
    assert rows["Bias"]["comes before heads that act in"] == "Zero ablation (2 of 2)"
    assert rows["Bias"]["planted against"] == "zero ablation"
    shares = table(run, "table-planted-tasks")
    assert {"task": "single", "head": "Bias (L1H1)", "fooled methods and shares": "Zero ablation 1.00"} in shares
    pairs = table(run, "table-pairs")
    assert [(r["models"], r["task"]) for r in pairs] == [(m, t) for m in ("hand-built", "rotated")
                                                        for t in ("single", "negation")]  # fmt: skip
    assert pairs[0]["pair"] == "Plus, Minus"
    assert (pairs[0]["found"], pairs[0]["one taken out"], pairs[0]["both taken out"]) == ("1 of 1", "1.500", "0.004")
    called = run.tables["pairs"].copy()
    called.loc[(called["name_a"] == "Reader") & (called["name_b"] == "Bias"), "found"] = True
    assert {r["a pair"] for r in table(with_rows(run, "pairs", called), "table-pairs")} == {"yes", "no"}


def test_cells_hold_the_score_and_its_colour_the_place_between_chance_and_oracle() -> None:
    nan = np.nan
    panel = Panel(
        title="Score",
        about="of it",
        best="1 is best",
        columns=("one", "two"),
        estimate=np.array([[1.0, 1.0], [0.75, 0.3], [0.5, nan], [0.2, 0.3]]),
        relative=np.array([[1.0, nan], [0.6, nan], [0.4, nan], [0.0, nan]]),
    )
    canvas = paint_score_card([["Oracle"], ["A", "B"], ["Chance"]], [panel, panel], 2)
    first, second = canvas.axes[:2]
    assert [t.get_text() for t in first.texts] == ["1.00", "1.00", "0.75", "0.30", "0.50", "0.20", "0.30"]
    assert [t.get_text() for t in first.get_yticklabels()] == ["Oracle", "A", "B", "Chance"]
    assert [t.get_text() for t in second.get_yticklabels()] == [""] * 4
    assert [t.get_text() for t in first.get_xticklabels()] == ["one", "two"]
    colours = np.ma.concatenate([mesh.get_array().reshape(-1, 2) for mesh in first.collections])
    assert colours[:, 0].tolist() == [1.0, 0.6, 0.4, 0.0]
    assert colours.mask[:, 1].all()
    places = [y for _, y in (t.get_position() for t in first.texts)]
    assert places[2] - places[0] > 1.2 > places[4] - places[2]  # the oracle stands apart


def test_a_wide_card_fits_the_page() -> None:
    numbers = np.full((3, 6), 0.5)
    panel = Panel(title="A long title of a score", about="many words about what the score asks of a method",
                  best="1 is best", columns=tuple(f"induction{k}" for k in range(6)), estimate=numbers,
                  relative=numbers)  # fmt: skip
    canvas = paint_score_card([["Oracle"], ["A method with a long name", "B"]], [panel] * 5, 3)
    assert canvas.get_size_inches()[0] <= 12.6


def test_the_opening_says_who_is_right_only_where_that_is_known(run: RunTables, small: Written) -> None:
    leads = [b.text for b in opening_blocks(run) if isinstance(b, Paragraph) and b.tone == "lead"]
    assert leads[0].startswith("Asked which words decide where that is known, LIME finds all of them in 2 of 2 tasks")
    leads = [b.text for b in opening_blocks(small.run) if isinstance(b, Paragraph) and b.tone == "lead"]
    assert leads[0].startswith("SHAP and LIME rank the words of a text")


@pytest.mark.usefixtures("no_painting")
def test_a_page_shows_the_sections_that_its_config_names(run: RunTables) -> None:
    named = ("recommendations", "limits", "score-card", "text")  # no text can be shown: it is left out
    report = run.config.report.model_copy(update={"sections": named})
    chosen = dataclasses.replace(run, config=run.config.model_copy(update={"report": report}))
    sections = build_sections(chosen)
    assert [s.name for s in sections] == ["recommendations", "limits", "score-card"]
    assert {"findings", "score-card", "recommendations", "limits"} <= {s.name for s in build_sections(run)}
    html = render_page(chosen, opening_blocks(chosen), sections)
    assert not dead_links(html)
    assert ">nan<" not in html.lower()


def test_pictures_are_drawn_only_where_a_section_links_to_them(small: Written) -> None:
    def showing(*sections: str) -> RunTables:
        report = small.run.config.report.model_copy(update={"sections": sections})
        return dataclasses.replace(small.run, config=small.run.config.model_copy(update={"report": report}))

    assert gallery_paths(small.run)
    assert gallery_paths(showing("model", "explorer")) == gallery_paths(small.run)
    assert gallery_paths(showing("model")) == set()
    assert list(draw_gallery(showing("model"))) == []


def test_every_score_and_method_of_the_study_has_a_name() -> None:
    from study.features import EXPLAINERS
    from study.heads import HEAD_METHODS
    from study.metrics import HEAD_SCORES, WORD_SCORES

    assert set(SCORE_LABELS) == {*WORD_SCORES, *HEAD_SCORES}
    for names in (WORD_SCORES, HEAD_SCORES):
        assert all((names.load(name).direction == "lower") is lower_is_better(name) for name in names)
    heads = (*HEAD_METHODS, *(f"crosswalk_{k}{end}" for k in ("direct", "causal") for end in ("", "_truth_only")))
    words, ends = (*EXPLAINERS, ROW_SIZE), ("oracle", "chance")
    for label, methods in ((method_label, (*words, *ends)), (head_method_label, (*heads, *ends))):
        assert all("_" not in label(m) and label(m) != m for m in methods)
        assert len({label(m) for m in methods}) == len(methods)
