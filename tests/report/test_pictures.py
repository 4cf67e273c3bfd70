"""The signature picture: its sums and its sentences are those of the tables, with and without a causal table."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from study.report.choose import Chosen
from study.report.figures.crosswalk import paint_crosswalk
from study.report.figures.picture import REST, Picture
from study.report.figures.style import draw_file
from study.report.inputs import TWO_WAY, RunTables, pick
from study.report.numbers import percent, signed
from study.report.picture_text import causal_title, foremost, relative_error
from study.report.pictures import MAX_BESIDE, MAX_COLUMNS, compose, crosswalk_figure, lime_figure
from study.report.text_rows import LEAVE_ONE_OUT, TextRows, rows_of
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_rows


def chosen(example: str = "t000", model: str = "encoder") -> Chosen:
    return Chosen(dataset="reviews", model=model, seed="0", example_id=example, reason="")


def picture_of(run: RunTables, example: str = "t000") -> tuple[Picture, str, TextRows]:
    rows = rows_of(run, chosen(example))
    made = compose(rows)
    assert made is not None
    return *made, rows


def table_of(run: RunTables, method: str, kind: str, example: str = "t000") -> pd.DataFrame:
    """[word_index, component], looked up without the code under test."""
    rows = pick(run.tables["crosswalk"], model="encoder", seed="0", example_id=example, method=method, kind=kind)
    return rows.pivot_table(index="word_index", columns="component", values="value")


def without_causal(run: RunTables) -> RunTables:
    run = with_rows(run, "crosswalk", pick(run.tables["crosswalk"], kind="direct"))
    return with_rows(run, "causal", run.tables["causal"].iloc[:0])


def test_both_tables_and_their_margins_are_those_of_the_run(small: Written) -> None:
    picture, _, rows = picture_of(small.run)
    causal, direct = table_of(small.run, TWO_WAY, "causal"), table_of(small.run, "shapley", "direct")
    left, middle = picture.panels
    assert left.title.startswith("Causal")
    assert middle.title.startswith("Direct")
    for panel, table in ((left, causal), (middle, direct)):
        np.testing.assert_allclose(panel.cells, table[list(panel.names)].to_numpy())
        np.testing.assert_allclose(panel.column_sum, table[list(panel.names)].sum().to_numpy())
    shapley = pick(small.run.tables["heads"], model="encoder", seed="0", example_id="t000", method="shapley")
    np.testing.assert_allclose(left.column_sum, shapley.set_index("component")["score"][list(left.names)])
    alone = table_of(small.run, LEAVE_ONE_OUT, "causal").sum()
    np.testing.assert_allclose(left.rings, alone[list(left.names)])
    np.testing.assert_allclose(middle.column_sum, rows.parts()["beyond"][list(middle.names)])

    assert left.rings is not None
    (bars,) = picture.bars
    shap = pick(
        small.run.tables["features"], model="encoder", seed="0", example_id="t000", method="shapley", trained=True
    )
    np.testing.assert_allclose(bars.row_sum, shap["score"])
    np.testing.assert_allclose(bars.ticks, causal.sum(axis=1))
    assert picture.corner[1] == signed(float(rows.text["margin"]) - float(rows.text["empty_margin"]))
    assert picture.corner[1] == signed(float(bars.row_sum.sum()))


def test_the_heads_are_in_the_models_order(tmp_path: object, small: Written) -> None:
    heads = [f"L{layer}H{h}" for layer in range(2) for h in range(4)]
    picture, _, _ = picture_of(small.run)
    assert list(picture.panels[0].names) == heads
    assert list(picture.panels[0].layers) == [0] * 4 + [1] * 4
    assert list(picture.panels[1].names) == ["embed", *heads[:4], "L0.mlp", *heads[4:], "L1.mlp"]


def test_the_title_names_what_the_tables_say(small: Written) -> None:
    run = set_rows(small.run, "crosswalk", "value", 0.0, model="encoder", seed="0", example_id="t000")
    where = {"model": "encoder", "seed": "0", "example_id": "t000", "word_index": 1}
    for kind, method, cells in (
        ("direct", "shapley", {"L0H1": 0.4, "L0.mlp": 0.6, "L1H0": -0.1}),
        ("causal", TWO_WAY, {"L0H1": 0.7, "L1H3": 0.2}),
    ):
        for component, value in cells.items():
            run = set_rows(run, "crosswalk", "value", value, **where, kind=kind, method=method, component=component)
    _, title, rows = picture_of(run)
    word = rows.words().loc[1, "word"]
    # the other words score nothing, so that none is the second strongest
    assert title == f"“{word}” (+0.90) needs L0H1 most (+0.70) and is written most by L0.mlp (+0.60)"
    run = set_rows(run, "crosswalk", "value", 0.65, **where, kind="direct", component="L0H1", method="shapley")
    run = set_rows(run, "crosswalk", "value", 0.35, **where, kind="direct", component="L0.mlp", method="shapley")
    assert "needs L0H1 most (+0.70), which also writes most (+0.65)" in picture_of(run)[1]


def test_cells_that_cannot_be_told_apart_are_named_together() -> None:
    row = pd.Series({"L0H0": -0.279, "L0H1": 0.5, "L1H0": -0.281, "L1H1": -0.26})
    assert list(foremost(row, -1.0).index) == ["L1H0", "L0H0"]  # both print −0.28
    assert list(foremost(row, -1.0, 0.03).index) == ["L1H0", "L0H0", "L1H1"]
    assert list(foremost(row, 1.0, 5.0).index) == ["L0H1"]  # the others pull the other way
    words = pd.DataFrame({"word": ["no"], "unknown": [False]})
    frame = row.to_frame(0).T
    told = causal_title(words, frame, frame, list(row.index))
    assert told == "“no” (−0.32) needs L1H0 and L0H0 most (−0.28 each), which also write most (−0.28 each)"
    told = causal_title(words, frame, frame, list(row.index), error=0.1)
    assert "needs L1H0, L0H0 and L1H1 most (−0.28, −0.28 and −0.26)" in told
    many = pd.DataFrame({f"L0H{h}": [0.1] for h in range(5)})
    assert "needs L0H0, L0H1, L0H2 and 2 more most (+0.10 each)" in causal_title(words, many, many, list(many))


def test_the_error_of_an_exact_table_is_none(small: Written) -> None:
    made = pick(small.run.tables["causal"], model="encoder", seed="0", example_id="t000").iloc[0]
    assert relative_error(made) == 0.03
    assert relative_error(made.replace({0.03: np.nan})) == 0.02
    exact = made.copy()
    exact[["words_exact", "heads_exact"]] = True
    assert relative_error(exact) == relative_error(None) == 0.0


def test_biases_and_sampling_are_told_below(small: Written) -> None:
    picture, _, _ = picture_of(small.run)
    direct = table_of(small.run, "shapley", "direct")
    biases = direct[[c for c in direct if "bias" in c]].to_numpy().sum()
    assert f"together {signed(float(biases))} logits" in picture.footnote[0]
    made = pick(small.run.tables["causal"], model="encoder", seed="0", example_id="t000").iloc[0]
    assert not made["words_exact"]
    assert f"{percent(float(made['sampling_error']), 1)} off the run's SHAP scores" in picture.footnote[1]
    assert f"standard error {percent(float(made['word_error']), 1)} of the row sums." in picture.footnote[1]
    short, _, _ = picture_of(small.run, "t003")  # two words
    assert "Nothing is sampled" in short.footnote[1]
    assert "4 (all) coalitions of words × 256 (all) of heads" in short.footnote[1]


def test_without_a_causal_table_the_direct_tables_stand_alone(small: Written) -> None:
    run = without_causal(small.run)
    picture, title, rows = picture_of(run)
    assert [p.title.split(",")[0] for p in picture.panels] == ["SHAP", "LIME"]
    assert ": over the whole text " in title
    assert "writes most" in title
    for panel, method in zip(picture.panels, ("shapley", "lime"), strict=True):
        table = table_of(run, method, "direct")[list(panel.names)]
        np.testing.assert_allclose(panel.cells, table.to_numpy())
        np.testing.assert_allclose(panel.dashes, rows.parts()["beyond"][list(panel.names)])
    assert lime_figure(run, chosen(), "x") is None


@pytest.mark.usefixtures("no_painting")
def test_lime_has_a_figure_of_its_own_beside_a_causal_table(small: Written) -> None:
    figure = lime_figure(small.run, chosen(), "x")
    assert figure is not None
    scores = table_of(small.run, "lime", "direct").sum(axis=1)
    assert signed(float(scores[scores.abs().idxmax()])) in figure.title


def test_a_row_sum_that_is_off_is_drawn_where_it_is(small: Written) -> None:
    where = {"model": "encoder", "seed": "0", "example_id": "t000", "word_index": 0, "method": TWO_WAY}
    moved = set_rows(small.run, "crosswalk", "value", 5.0, component="L0H0", **where)
    before, after = (picture_of(run)[0].bars[0] for run in (small.run, moved))
    np.testing.assert_allclose(before.row_sum, after.row_sum)
    assert before.ticks is not None
    assert after.ticks is not None
    assert after.ticks[0] - before.ticks[0] == pytest.approx(
        5.0 - table_of(small.run, TWO_WAY, "causal").loc[0, "L0H0"]
    )


def wide_rows(small: Written, n_heads: int) -> TextRows:
    """The text's rows as if layer 0 had many heads; every cell 1, so that sums count columns."""
    rows = rows_of(small.run, chosen())
    names = [f"L0H{h}" for h in range(n_heads)]
    parts = pd.DataFrame({"component": names, "kind_of_component": "head", "layer": 0, "head": range(n_heads)})
    parts = parts.assign(contribution=1.0, empty_contribution=0.0)
    words = rows.words()["word"].head(3)
    cells = [
        {"word_index": w, "word": word, "component": name, "method": method, "kind": kind, "value": 1.0}
        for w, word in words.items()
        for name in names
        for method, kind in (("shapley", "direct"), (TWO_WAY, "causal"))
    ]
    return dataclasses.replace(rows, components=parts, crosswalk=pd.DataFrame(cells))


def test_a_large_model_shares_its_last_column(small: Written) -> None:
    for n_heads, drawn in ((MAX_BESIDE + 1, MAX_BESIDE + 1), (144, MAX_BESIDE + 1)):
        made = compose(wide_rows(small, n_heads))
        assert made is not None
        picture, _ = made
        for panel in picture.panels:
            assert len(panel.names) == len(panel.layers) == panel.cells.shape[1] == drawn
            assert panel.column_sum.sum() == pytest.approx(3 * n_heads)
        assert (REST in picture.panels[0].layers) is (n_heads == 144)
    assert picture.panels[0].names[-1] == f"{144 - MAX_BESIDE} more"
    assert b"<svg" in draw_file(lambda: paint_crosswalk(picture), "t")
    rows = wide_rows(small, 144)
    alone = compose(dataclasses.replace(rows, crosswalk=pick(rows.crosswalk, kind="direct")))
    assert alone is not None
    assert len(alone[0].panels[0].names) == MAX_COLUMNS + 1


@pytest.mark.usefixtures("no_painting")
def test_a_word_quoted_twice_has_its_position(small: Written) -> None:
    for run in (small.run, without_causal(small.run)):
        once = crosswalk_figure(run, chosen(), "x")
        assert once is not None
        assert "(word " not in once.title
        twice = crosswalk_figure(set_rows(run, "features", "word", "with", example_id="t000"), chosen(), "x")
        assert twice is not None
        scores = table_of(run, "shapley", "direct").sum(axis=1)
        first, second = scores.abs().sort_values(ascending=False, kind="stable").index[:2]
        assert f"“with” (word {first + 1}) ({signed(scores[first])})" in twice.title
        assert f"“with” (word {second + 1}) ({signed(scores[second])})" in twice.title


def test_markup_in_words_is_drawn_not_taken(small: Written) -> None:
    run = set_rows(small.run, "features", "word", "<script>$x_{&", example_id="t000")
    picture, title, _ = picture_of(run)
    svg = draw_file(lambda: paint_crosswalk(picture), title)
    assert b"<script" not in svg
    assert svg == draw_file(lambda: paint_crosswalk(picture), title)
