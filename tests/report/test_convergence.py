"""The section on convergence: numbers from the table of needs, bounds told as bounds, names apart."""

from __future__ import annotations

import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from study.report.blocks import Details, Figure, Paragraph, Section, Table, walk
from study.report.figures.convergence import OURS, Curve, paint_convergence, sampler_label, spread_names
from study.report.inputs import RunTables
from study.report.sections.convergence import build
from tests.report.captions import lacking
from tests.report.conftest import Written
from tests.report.edits import with_rows, without_table

STEPS = (64.0, 256.0, 1024.0)
ERRORS = {OURS: (0.08, 0.02, 0.005), "shapiq_kadd": (0.2, 0.08, 0.015), "shap_kernel": (0.2, 0.1, 0.05)}
NAN = math.nan


def curves(dataset: str, model: str, n_words: float) -> pd.DataFrame:
    rows = [
        {"dataset": dataset, "model": model, "seed": "0", "example_id": f"t{text}", "n_words": n_words}
        | {"target": "lime" if sampler == "lime" else "shapley", "sampler": sampler, "evaluations": step}
        | {"n_evals": step, "repeat": float(repeat), "error": error}
        for sampler, errors in {**ERRORS, "lime": (0.3, 0.15, 0.0312)}.items()
        for step, error in zip(STEPS, errors, strict=True)
        for text in range(3)
        for repeat in range(2)
    ]
    return pd.DataFrame(rows)


def needs(
    dataset: str, model: str, n_words: float, numbers: dict[str, tuple[float, bool, float, float]]
) -> pd.DataFrame:
    """numbers: by sampler, evaluations, at_fewest, ratio, ratio_at_most for 2 %."""
    rows = [
        {"dataset": dataset, "model": model, "n_words": n_words, "target": "lime" if name == "lime" else "shapley"}
        | {"sampler": name, "error": error, "evaluations": found[0], "at_fewest": found[1]}
        | {"ratio": found[2], "ratio_at_most": found[3]}
        for name, found in numbers.items()
        for error in (0.05, 0.02, 0.01)
    ]
    return pd.DataFrame(rows)


REACHED = {
    OURS: (466.0, False, 0.34, 0.34),
    "shapiq_kadd": (1366.0, False, 1.0, 1.0),
    "shap_kernel": (NAN, False, NAN, NAN),
    "lime": (NAN, False, NAN, NAN),
}


def measured(run: RunTables, numbers: dict[str, tuple[float, bool, float, float]] = REACHED) -> RunTables:
    """Short texts of the first variant, long ones of the second."""
    short, long = run.variants[0], run.variants[1]
    tables = {
        "convergence": pd.concat([curves(*short, 9.0), curves(*long, 18.0)], ignore_index=True),
        "convergence_needs": pd.concat([needs(*short, 9.0, REACHED), needs(*long, 18.0, numbers)], ignore_index=True),
    }
    for name, frame in tables.items():
        run = with_rows(run, name, frame)
    return run


def section(run: RunTables) -> Section:
    found = build(run)
    assert found is not None
    return found


def told(run: RunTables) -> str:
    return " ".join(block.text for block in section(run).blocks if isinstance(block, Paragraph))


def test_no_section_without_the_tables(small: Written) -> None:
    assert build(small.run) is None
    assert build(without_table(measured(small.run), "convergence_needs")) is None


@pytest.mark.usefixtures("no_painting")
def test_longest_texts_come_first_and_the_rest_is_folded(small: Written) -> None:
    run = measured(small.run)
    long = run.label(*run.variants[1])
    tables = [block for block in walk(section(run).blocks) if isinstance(block, Table)]
    assert [table.rows[0][0] for table in tables] == [f"{long}, 18 words", f"{run.label(*run.variants[0])}, 9 words"]
    assert isinstance(section(run).blocks[-1], Details)
    assert [column.name for column in tables[0].columns] == [
        "game",
        "sampler",
        "5\u202f%",
        "2\u202f%",
        "1\u202f%",
        "ratio",
    ]
    assert [row[1:] for row in tables[0].rows] == [
        ("odd-order regression", "466", "466", "466", "0.34"),
        ("shapiq, kADD-SHAP", "1,366", "1,366", "1,366", "1.00"),
        ("shap, kernel", "–", "–", "–", "–"),
        ("LIME", "–", "–", "–", "–"),
    ]


@pytest.mark.usefixtures("no_painting")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "needs 466 evaluations, the best library sampler (shapiq, kADD-SHAP) 1,366: a ratio of 0.34."),
        (
            {"shapiq_kadd": (NAN, False, NAN, NAN), OURS: (466.0, False, NAN, 0.23)},
            "needs 466 evaluations; no library sampler gets there with the most that were tried, so the ratio is at "
            "most 0.23.",
        ),
        (
            {OURS: (64.0, True, NAN, 0.05)},
            "needs ≤\u202f64 evaluations, the best library sampler (shapiq, kADD-SHAP) 1,366: a ratio of at most 0.05.",
        ),
        (
            {OURS: (64.0, True, NAN, NAN), "shapiq_kadd": (64.0, True, NAN, NAN)},
            "needs ≤\u202f64 evaluations, the best library sampler (shapiq, kADD-SHAP) ≤\u202f64.",
        ),
        ({OURS: (NAN, False, NAN, NAN)}, "the odd-order regression needs more evaluations than were tried."),
    ],
)
def test_finding_quotes_the_table_and_calls_bounds_bounds(small: Written, changed, expected) -> None:
    text = told(measured(small.run, REACHED | changed))
    assert expected in text
    assert "is still 3.1\u202f% from its limit after 1,024 samples." in text


def test_no_word_on_library_samplers_where_none_was_run(small: Written) -> None:
    run = measured(small.run)
    needs_ = run.tables["convergence_needs"]
    alone = needs_[needs_["sampler"].isin([OURS, "lime"])].assign(ratio=NAN, ratio_at_most=NAN)
    text = told(with_rows(run, "convergence_needs", alone))
    assert "the odd-order regression needs 466 evaluations. LIME" in text
    assert "library" not in text


def test_one_outlier_does_not_flatten_the_other_lines() -> None:
    steps = np.array(STEPS)
    lines = [
        Curve(name=name, colour="k", bold=False, evaluations=steps, error=np.array(errors))
        for name, errors in (("wild", [1e14, 3.0, 0.1]), ("calm", [0.2, 0.1, 0.05]))
    ]
    canvas = paint_convergence(("main", lines), [("small", lines)], lines, ("x", "y"))
    assert len(canvas.axes) == 3
    for ax in canvas.axes:
        assert 2.0 < ax.get_ylim()[1] < 3.0
        assert "≥200\u202f%" in [tick.get_text() for tick in ax.get_yticklabels()]
        assert max(max(line.get_ydata()) for line in ax.get_lines()) == 2.0
    plt.close(canvas)


def test_figure_says_who_is_nearest_and_how_much_was_averaged(small: Written) -> None:
    run = measured(small.run)
    figure = next(block for block in section(run).blocks if isinstance(block, Figure))
    assert figure.title.startswith("After 1,024 evaluations the odd-order regression is nearest")
    assert figure.title.endswith("0.5\u202f% off, the next (shapiq, kADD-SHAP) 1.5\u202f%")
    assert "n = 3 texts × 2 repeats × 1 seed" in figure.note
    assert lacking(figure) == []
    assert "Evaluations are those allowed" in figure.note
    assert figure.svg.startswith(b"<?xml") or b"<svg" in figure.svg
    worse = run.tables["convergence"].copy()
    worse.loc[worse["sampler"] == OURS, "error"] = 0.5
    figure = next(b for b in section(with_rows(run, "convergence", worse)).blocks if isinstance(b, Figure))
    assert "evaluations shapiq, kADD-SHAP is nearest" in figure.title


def test_names_keep_their_order_and_do_not_touch() -> None:
    ends = [0.5, 0.51, 0.505, 0.1, 0.99, 1.0]
    places = spread_names(ends)
    assert sorted(range(6), key=places.__getitem__) == sorted(range(6), key=ends.__getitem__)
    heights = sorted(places)
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 0.04 - 1e-9
    assert max(places) <= 1.0
    assert spread_names([0.2, 0.6]) == [0.2, 0.6]
    assert min(spread_names([0.0, 0.01, 0.02])) >= 0.0


def test_every_sampler_has_a_name_of_its_own() -> None:
    from study.features import SAMPLERS

    names = [sampler_label(name) for name in SAMPLERS]
    assert len(set(names)) == len(names)
    assert all("_" not in name for name in names)
