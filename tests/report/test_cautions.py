"""What stands above the first number: a model that only guesses, a run too small to be a study."""

from __future__ import annotations

import pytest

from study.report.cautions import warning_blocks
from study.report.inputs import RunTables
from study.report.markdown import to_markdown
from study.report.page import render_page
from study.report.sections.opening import TITLE, opening_blocks
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_rows

NAN = float("nan")
SMALL = "6 texts: a check that everything works, not a study."


def guessing(run: RunTables, accuracy: float, low: float, high: float) -> RunTables:
    """The run with these values for the encoder over all seeds, and another majority class."""
    for column, value in (("accuracy", accuracy), ("low", low), ("high", high)):
        run = set_rows(run, "accuracy", column, value, kind="model", model="encoder", seed="all")
    return set_rows(run, "accuracy", "accuracy", 1 / 3, kind="majority")


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        ((0.467, 0.194, 0.74), "is not shown to beat guessing"),
        ((0.467, 1 / 3, 0.6), "is not shown to beat guessing"),
        ((0.467, 0.34, 0.6), None),
        ((0.467, NAN, NAN), None),
        ((0.3, NAN, NAN), "does not beat guessing"),
        ((0.3, 0.2, 0.4), "does not beat guessing"),
    ],
)
def test_a_model_whose_interval_reaches_guessing_is_warned_of(
    written: Written, values: tuple[float, float, float], warned: str | None
) -> None:
    weak = set_rows(written.run, "accuracy", "low", 0.1, kind="model", seed="0")  # one seed does not beat it either
    boxes = warning_blocks(guessing(weak, *values))
    assert [box.lead for box in boxes] == ([f"encoder {warned}"] if warned else [])
    assert all(box.tone == "bad" for box in boxes)


def test_seeds_that_each_beat_guessing_are_few_and_no_noise(written: Written) -> None:
    """Two seeds of 98 and 88 % have an interval of 35 to 100 %: that says little of new seeds, and nothing of noise."""
    run = set_rows(written.run, "accuracy", "low", 0.4, kind="model", model="encoder")
    (box,) = warning_blocks(guessing(run, 0.93, 0.3, 1.0))
    assert (box.lead, box.tone) == ("The interval of encoder over training seeds reaches guessing", "warn")
    assert "(93.0" in box.text
    assert "beats guessing by its own interval over texts" in box.text


def test_one_seed_alone_sets_no_warning(written: Written) -> None:
    assert warning_blocks(set_rows(written.run, "accuracy", "low", 0.1, kind="model", seed="0")) == ()


def test_few_texts_are_a_check_and_no_study(small: Written, written: Written) -> None:
    assert warning_blocks(written.run) == ()  # 20 texts
    (box,) = warning_blocks(small.run)
    assert (box.text, box.tone) == (SMALL, "warn")
    texts = written.run.tables["texts"]
    few = with_rows(written.run, "texts", texts[(texts["model"] == "encoder") | (texts["example_id"] < "t012")])
    assert warning_blocks(few)[0].text == "12 texts in attention-only: a check that everything works, not a study."


def test_warnings_stand_right_under_the_title(small: Written) -> None:
    run = guessing(small.run, 0.3, 0.194, 0.74)
    opening = opening_blocks(run)
    html, markdown = render_page(run, opening, []), to_markdown(TITLE, opening, [])
    told = "(30.0\u202f% [19.4, 74.0] against 33.3\u202f%): what follows explains noise."
    assert f'</h1>\n<p class="tone-bad"><strong>encoder does not beat guessing</strong> {told}' in html
    assert html.index("noise.") < html.index(SMALL) < html.index('class="tone-lead"')
    lines = [line for line in markdown.splitlines() if line]
    assert (
        lines[1]
        == "> **encoder does not beat guessing** (30.0 % \\[19.4, 74.0\\] against 33.3 %): what follows explains noise."
    )
    assert lines[2] == f"> **Small run:** {SMALL}"
