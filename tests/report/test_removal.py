"""Words and heads on one scale: one method in finding, title and picture; real shares; names beside their lines."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from study.report.figures.line_labels import Frame, LabelPlace, NamedLine, place_labels
from study.report.figures.removal import RemovalLine, name_places
from study.report.head_measures import removal_lines, words_effect
from study.report.inputs import RunTables, pick
from study.report.numbers import number, with_interval
from study.report.removal_findings import few_heads_note, main_method, real_shares, removal_finding, shares_note
from study.report.sections.removal import _lines, drawn_methods
from tests.report.conftest import Written
from tests.report.edits import add_estimates, set_estimates, with_rows
from tests.report.test_heads_evidence import VARIANT, figure, table


def removed(run: RunTables, unit: str, values: tuple[float, float, float], model: str = "encoder") -> RunTables:
    method = {"words": "shapley", "heads": "shapley_margin"}[unit]
    return set_estimates(run, "margin_lost_at_25", f"{unit}:{method}", "", "all", values, model=model)


@pytest.mark.parametrize(
    ("words", "heads", "lead"),
    [
        (
            (2.0, 1.8, 2.2),
            (1.0, 0.8, 1.2),
            "strongest quarter of the words costs more of the margin than that of the h",
        ),
        (
            (1.0, 0.8, 1.2),
            (2.0, 1.8, 2.2),
            "strongest quarter of the heads costs more of the margin than that of the w",
        ),
        ((1.0, 0.8, 1.2), (1.1, 0.9, 1.3), "stays open: the intervals overlap."),
        ((1.1, 0.9, 1.3), (1.0, 0.8, 1.2), "stays open: the intervals overlap."),
        ((1.0, float("nan"), float("nan")), (2.0, 1.8, 2.2), "stays open: an interval is missing."),
    ],
)
def test_words_cost_more_than_heads_only_where_the_intervals_part(
    small: Written, words: tuple[float, float, float], heads: tuple[float, float, float], lead: str
) -> None:
    run = small.run
    for model in ("encoder", "attention-only"):
        run = removed(removed(run, "words", words, model), "heads", heads, model)
    found = removal_finding(run)
    assert lead in found.lead
    assert with_interval(*words) in found.text
    assert f"{with_interval(*heads)} with the heads (Shapley of the margin)" in found.text
    other = removal_finding(removed(removed(run, "words", (5.0, 4.9, 5.1)), "heads", (1.0, 0.9, 1.1)))
    assert ("in part of the models" in other.lead) is ("stays open" in lead)


@pytest.mark.usefixtures("no_painting")
def test_the_removal_figure_quotes_its_own_curves(small: Written) -> None:
    run = removed(removed(small.run, "words", (7.654, 7.0, 8.0)), "heads", (6.543, 6.0, 7.0))
    stronger = ("margin_lost_at_25", "heads:ablation_mean", "", "all", (9.9, 9.8, 9.99))
    run = set_estimates(run, *stronger, model="encoder")  # a control of the choice: the largest is not quoted
    found = figure(run, "head-methods", "removal-encoder")
    assert "loses 7.65 logits to the top 25" in found.title
    assert "words by SHAP" in found.title
    assert "6.54 logits to the top 25" in found.title
    assert "heads by Shapley of the margin" in found.title
    assert "9.90" not in found.title
    assert "passes it, since words that speak for the prediction go first" in found.note
    rows = [r for r in table(run, "head-methods", "table-removal").rows if r[:3] == ("encoder", "words", "SHAP")]
    assert "7.65 [7.00, 8.00]" in rows[0]
    foreign = add_estimates(run, "margin_lost_at_some", "words:shap", "", (9.0, 8.0, 10.0))
    assert len(removal_lines(foreign, VARIANT)) == len(removal_lines(run, VARIANT))


def test_the_dotted_line_is_what_all_words_give(small: Written) -> None:
    texts = pick(small.run.of("texts", *VARIANT), trained=True)
    wanted = [abs(m) / m * (m - e) for m, e in zip(texts["margin"], texts["empty_margin"], strict=True)]
    assert words_effect(small.run, VARIANT) == pytest.approx(np.mean(wanted))


def test_bands_belong_to_the_two_methods_quoted(small: Written) -> None:
    lines = _lines(small.run, VARIANT)
    assert [(x.unit, x.method) for x in lines if x.band] == [("words", "shapley"), ("heads", "shapley_margin")]
    drawn = [x.method for x in lines if x.unit == "heads"]
    assert drawn == ["shapley_margin", "ablation_mean", "direct_centred", "random"]
    controls = {x.unit: x.colour for x in lines if x.method == "random"}
    assert controls["words"] != controls["heads"]


def test_methods_that_a_run_lacks_are_replaced() -> None:
    assert main_method("heads", ["random", "ablation_mean", "shapley"]) == "shapley"
    assert main_method("words", ["random"]) is None
    assert drawn_methods("heads", ["direct_beyond_empty", "shapley"]) == ["shapley", "direct_beyond_empty"]
    assert drawn_methods("words", ["own", "other", "third"]) == ["own", "other"]


def test_the_shares_really_removed_are_those_of_the_table(small: Written) -> None:
    rows = pick(small.run.of("removal_curves", *VARIANT), unit="words", fraction=0.125)
    wanted = float(np.mean([100 * r.n_removed / r.n_units for r in rows.itertuples()]))
    assert real_shares(small.run, VARIANT, "words")[12.5] == pytest.approx(wanted)
    assert f"of words {number(wanted, 0)} (for 12.5)" in shares_note(small.run, VARIANT)
    assert "heads" not in shares_note(small.run, VARIANT)  # eight heads: every step is a whole number of them


@pytest.mark.usefixtures("no_painting")
def test_few_heads_are_no_quarter(small: Written) -> None:
    assert few_heads_note(small.run, small.run.variants) == ""
    curves = small.run.tables["removal_curves"].copy()
    heads = curves["unit"] == "heads"
    curves.loc[heads, "n_units"] = 2.0
    curves.loc[heads, "n_removed"] = np.ceil(2 * curves.loc[heads, "fraction"].astype(float))
    run = with_rows(small.run, "removal_curves", curves)
    for text in (removal_finding(run).text, figure(run, "head-methods", "removal-encoder").note):
        assert "encoder has 2 heads, and its first step removes a whole one" in text.replace(
            " and attention-only has 2 heads", ""
        )
    assert "of heads 50 (for 12.5), 50 (for 25)" in shares_note(run, VARIANT)


def curve(unit: str, method: str, *lost: float) -> RemovalLine:
    values = np.array(lost)
    percent = np.array([12.5, 25.0, 37.5, 50.0, 75.0, 100.0])
    return RemovalLine(unit=unit, method=method, percent=percent, lost=values, low=values, high=values)


CROWD = [  # two lines of words nearly one, three of heads close together, all ends alike
    curve("words", "shapley", 1.78, 2.55, 3.0, 3.26, 3.42, 1.8),
    curve("words", "lime", 1.77, 2.53, 2.94, 3.2, 3.36, 1.8),
    curve("words", "random", 0.13, 0.27, 0.43, 0.55, 1.05, 1.8),
    curve("heads", "shapley_margin", 0.69, 1.17, 1.46, 1.63, 1.81, 1.76),
    curve("heads", "ablation_mean", 0.73, 1.16, 1.38, 1.53, 1.73, 1.76),
    curve("heads", "direct_centred", 0.51, 0.91, 1.15, 1.34, 1.62, 1.76),
    curve("heads", "random", 0.31, 0.59, 0.86, 1.09, 1.52, 1.76),
]


def test_a_name_is_near_its_own_line_or_tied_to_it() -> None:
    y_range = (-0.3, 4.3)
    tall = 0.04 * (y_range[1] - y_range[0])
    places = name_places(CROWD, 1.82, y_range)
    named = {name: (np.append(0.0, x.percent), np.append(0.0, x.lost)) for x in CROWD for name in (x.label,)}
    named["all that the words give"] = (np.array([0.0, 103.0]), np.array([1.82, 1.82]))
    assert [name for name, _, _ in places] == list(named)
    for name, _, place in places:
        x = np.linspace(place.x, place.x + place.wide, 50)
        gaps = {other: np.abs(np.interp(x, *corners) - place.y).min() for other, corners in named.items()}
        assert min(gaps.values()) > 0.5 * tall, name  # on no line
        if place.foot is None:
            assert min(gaps, key=lambda other: gaps[other]) == name
            assert gaps[name] <= 1.5 * tall
        else:
            assert place.foot[1] == pytest.approx(np.interp(place.foot[0], *named[name]))
            assert place.x < place.foot[0] < place.x + place.wide
    for a, b in itertools.combinations([place for _, _, place in places], 2):
        assert not a.over(b, tall)


def test_a_lonely_line_needs_no_leader() -> None:
    frame = Frame(left=0.0, right=100.0, low=0.0, high=10.0, tall=0.4)
    flat = [NamedLine(x=np.array([0.0, 100.0]), y=np.array([y, y]), wide=20.0) for y in (2.0, 8.0)]
    assert [place.foot for place in place_labels(flat, frame)] == [None, None]
    together = place_labels([flat[0], flat[0]], frame)
    assert all(place.foot is not None for place in together)


def test_names_and_leaders_over_each_other_are_seen() -> None:
    a = LabelPlace(x=0.0, y=5.0, wide=10.0, foot=(5.0, 1.0))
    assert a.over(LabelPlace(x=8.0, y=5.2, wide=10.0, foot=None), 0.4)
    assert a.over(LabelPlace(x=4.0, y=3.0, wide=10.0, foot=None), 0.4)
    assert not a.over(LabelPlace(x=6.0, y=3.0, wide=10.0, foot=None), 0.4)


def test_the_name_of_a_steep_line_has_a_leader() -> None:
    frame = Frame(left=0.0, right=100.0, low=0.0, high=10.0, tall=0.4)
    (place,) = place_labels([NamedLine(x=np.array([0.0, 100.0]), y=np.array([0.0, 10.0]), wide=40.0)], frame)
    assert place.foot == pytest.approx((place.x + 20.0, (place.x + 20.0) / 10))
