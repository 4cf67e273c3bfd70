"""Figures: byte-stable, legible, safe with any text; the crosswalk picture shows the table's sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.report.figures.agreement import length_bins
from study.report.figures.crosswalk import paint_crosswalk
from study.report.figures.palette import DIVERGING, SEQUENTIAL, contrast, text_on
from study.report.figures.picture import Bars, Panel, Picture, describe_corner
from study.report.figures.style import draw, wrap
from study.report.strips import LEVELS, colour_rules, signed_level, unsigned_level
from tests.report.conftest import Written


def make_picture(words: tuple[str, ...], shift: float = 0.0) -> Picture:
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(len(words), 3)) + shift
    panels = tuple(
        Panel(
            title=title,
            subtitle="",
            foot=("",),
            names=("embed", "L0H0", "L0.mlp"),
            short=("embed", "H0", "MLP"),
            layers=(-1, 0, 0),
            cells=cells,
            column_sum=cells.sum(axis=0),
            dashes=cells.sum(axis=0),
        )
        for title in ("shapley", "lime")
    )
    return Picture(
        words=words, panels=panels, bars=(Bars(title="SHAP", subtitle="", row_sum=cells.sum(axis=1)),),
        key=("logits", "+ = positive"),
        corner=describe_corner(1.0, 0.5, "positive", "sum of SHAP scores"), footnote=("note",),
    )  # fmt: skip


def render(picture: Picture, title: str = "Title") -> bytes:
    return draw("x", lambda: paint_crosswalk(picture), title=title, note="", source="").svg


def test_the_same_picture_has_the_same_bytes() -> None:
    first = render(make_picture(("good", "bad")))
    assert first == render(make_picture(("good", "bad")))
    assert first != render(make_picture(("good", "bad"), shift=0.1))
    assert b"<dc:date>" not in first


@pytest.mark.filterwarnings("ignore:Glyph")  # a box stands for what the font lacks
@pytest.mark.parametrize("words", [("$\\frac$", "x_{", "<script>", "&amp;"), ("映画", "🎬"), ("w" * 300,)])
def test_any_word_can_be_drawn(words: tuple[str, ...]) -> None:
    svg = render(make_picture(words), title=" ".join(words))
    assert svg.startswith(b"<?xml")
    assert b"<script" not in svg


def test_sixty_words_have_room_for_their_labels(written: Written) -> None:
    few = draw("a", lambda: paint_crosswalk(make_picture(("w",) * 10)), title="t", note="", source="")
    many = draw("b", lambda: paint_crosswalk(make_picture(("w",) * 60)), title="t", note="", source="")
    heights = [float(f.plain_svg.split(b'height="')[1].split(b"pt")[0]) for f in (few, many)]
    assert heights[1] - heights[0] > 50 * 0.28 * 72  # points; a label of 12.5 points needs about a fifth of an inch


def test_the_page_has_the_picture_without_its_title_and_the_file_with_it() -> None:
    figure = draw("x", lambda: paint_crosswalk(make_picture(("good",))), title="A finding", note="", source="")
    assert len(figure.svg) > len(figure.plain_svg)
    assert figure.png.startswith(b"\x89PNG")
    assert set(figure.files) == {"figures/x.svg", "figures/x.png", "figures/x.pdf"}


def test_pdfs_have_the_same_bytes_no_date_and_their_fonts() -> None:
    first, second = (draw("x", lambda: paint_crosswalk(make_picture(("good", "bad"))), title="A finding", note="",
                          source="").pdf for _ in range(2))  # fmt: skip
    assert first == second
    assert first.startswith(b"%PDF-")
    assert b"/CreationDate" not in first
    assert first.count(b"/FontFile2") >= 2  # TrueType, embedded: plain and bold
    assert b"/Type3" not in first


def test_text_keeps_its_contrast_on_every_colour() -> None:
    for colours in (DIVERGING, SEQUENTIAL):
        for place in np.linspace(0, 1, 101):
            rgb = colours(place)[:3]
            assert contrast(text_on(rgb), rgb) >= 4.5


def test_strip_colours_keep_their_contrast_and_cover_all_levels() -> None:
    rules = dict(line[1:-1].split("{") for line in colour_rules().splitlines())
    assert set(rules) == {f"d{k}" for k in range(-LEVELS, LEVELS + 1)} | {f"s{k}" for k in range(LEVELS + 1)}
    for rule in rules.values():
        back, ink = (part.split(":")[1] for part in rule.split(";"))
        assert contrast(ink, back) >= 4.5


def test_levels_follow_scores() -> None:
    assert [signed_level(v, 2.0) for v in (-9, -2, 0, 1, 2)] == ["d-7", "d-7", "d0", "d4", "d7"]
    assert [unsigned_level(v, 1.0) for v in (0, 1, 5)] == ["s0", "s7", "s7"]
    assert signed_level(float("nan"), 1.0) == unsigned_level(float("nan"), 1.0) == "cut"


def test_titles_wrap_at_spaces() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("unbreakable", 3) == ["unbreakable"]


def test_the_corner_says_what_its_number_is() -> None:
    what, total, lines = describe_corner(-0.36, -0.19, "positive", "sum of SHAP scores")
    assert f"{what} {total} {lines[0]} {lines[1]}" == "sum of SHAP scores −0.17 = margin −0.36 − (−0.19) with no words"
    assert describe_corner(1.0, 0.25, "positive", "")[2][1] == "− 0.25 with no words"


def test_length_bins_are_all_texts_and_none_is_small() -> None:
    rows = pd.DataFrame({"n_words": [3.0, 3, 4, 5, 6, 7, 8, 9, 9, 9, 20, 30], "value": np.arange(12.0)})
    first, last = length_bins(rows)
    assert (first.shortest, first.longest, first.n, first.median) == (3, 7, 6, 2.5)
    assert (last.shortest, last.longest, last.n, last.median) == (8, 30, 6, 8.5)
    assert length_bins(rows[:11]) == []
    assert all(part.n >= 5 for n in range(12, 80) for part in length_bins(pd.concat([rows] * 7)[:n]))
