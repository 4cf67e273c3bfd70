"""Every figure's note says how many texts, how many seeds, and what its interval is, or that there is none."""

from __future__ import annotations

import pandas as pd
import pytest

from study.report.blocks import Figure
from study.report.contrast import _figure as contrast_figure
from study.report.contrasted import Contrast
from study.report.page import build_sections, figures_of
from tests.report.captions import lacking
from tests.report.conftest import Written


@pytest.mark.usefixtures("no_painting")
def test_every_figure_of_a_report_carries_n_seeds_and_its_interval(small: Written) -> None:
    figures = figures_of(build_sections(small.run))
    assert len(figures) >= 25
    assert {figure.name: said for figure in figures if (said := lacking(figure))} == {}


def test_a_note_without_one_of_them_is_found() -> None:
    whole = "Means; n = 6 texts × 2 seeds per model; 95 % interval over texts and seeds."
    parts = {"n": ("n = ", ""), "seeds": ("2 seeds", "2 trainings"), "interval": ("interval", "range")}
    for what, (there, gone) in parts.items():
        figure = Figure(
            name="x", title="t", note=whole.replace(there, gone), source="", svg=b"", png=b"", pdf=b"", plain_svg=b"",
            width=1,
        )  # fmt: skip
        assert lacking(figure) == [what]


@pytest.mark.usefixtures("no_painting")
def test_figures_of_compared_runs_carry_them_too() -> None:
    rows = pd.DataFrame(
        {"metric": ["spearman", "mass"], "method_a": ["shapley"] * 2, "method_b": ["lime"] * 2, "subset": ["all"] * 2,
         "difference": [0.1, 0.2], "low": [0.0, 0.1], "high": [0.2, 0.3], "verdict": ["within", "beyond"],
         "n_examples": [38, 40], "n_seeds": [2, 2]}
    )  # fmt: skip
    nothing = pd.DataFrame()
    contrast = Contrast(
        names=("a", "b"), keys=("metric", "method_a", "method_b", "subset"), level=0.95, metrics=(), settings=nothing,
        origins=nothing, differences={"b": rows}, tables={"b": nothing}, unmatched={"b": nothing},
        n_seeds={"a": 2, "b": 2},
    )  # fmt: skip
    figure = contrast_figure(contrast, "b", rows)
    assert lacking(figure) == []
    assert "n = 38 to 40 texts × 2 seeds" in figure.note
