"""Paths and interventions: what is listed, with MLP terms and without; what is predicted and what happens."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from study.report import SECTIONS
from study.report.blocks import Paragraph
from study.report.figures.paths import paint_interventions, paint_path_sums
from study.report.inputs import RunTables, pick
from study.report.inside_measures import intervention_errors, listed_shares
from study.report.numbers import number, percent, signed
from tests.report.conftest import Written
from tests.report.edits import with_rows
from tests.report.test_heads_evidence import VARIANT, figure, table


def with_paths(run: RunTables) -> RunTables:
    """A text of margin 2: an MLP straight to it (+1.5), a path of −0.5, and 1.0 that is not listed; sizes 4."""
    names = {"dataset": "reviews", "model": "encoder", "seed": "0"}
    sums, paths = [], []
    for example in ("t000", "t001"):
        text = {**names, "example_id": example}
        rows = (("MLP", 1.5, 1.5, 1.5), ("MLP > head", 0.5, 2.5, -0.5))
        keys = ("group", "contribution", "size", "listed")
        sums += [{**text, **dict(zip(keys, row, strict=True))} for row in rows]
        place = {"hops": 1, "word_index": -1, "word": "[CLS]"}
        paths.append(text | place | {"path": "L1.mlp", "first": "L1.mlp", "second": "", "contribution": 1.5, "rank": 1})
        ends = {"path": "L0.mlp > L1H0", "first": "L0.mlp", "second": "L1H0", "contribution": -0.5, "rank": 2}
        paths.append(text | place | ends)
    return with_rows(with_rows(run, "path_sums", pd.DataFrame(sums)), "paths", pd.DataFrame(paths))


@pytest.mark.usefixtures("no_painting")
def test_listed_paths_are_told_with_and_without_what_mlps_write_straight(small: Written) -> None:
    run = with_paths(small.run)
    found = listed_shares(run, VARIANT).loc["0"]
    assert found[["net", "net_paths"]].tolist() == pytest.approx([0.5, -0.25])
    assert found[["negative", "negative_paths"]].tolist() == [0.0, 1.0]
    assert found[["size", "size_paths"]].tolist() == pytest.approx([0.5, 0.125])
    section = SECTIONS.load("inside")(run)
    text = " ".join(b.text for b in section.blocks if isinstance(b, Paragraph))
    assert f"{percent(0.5)} of the margin ({percent(-0.25)} without MLP → margin)" in text
    assert f"by size are {percent(0.5)} of all terms ({percent(0.125)} without MLP → margin)" in text
    assert "is no path through heads" in text


@pytest.mark.usefixtures("no_painting")
def test_the_listed_paths_of_the_first_text_are_those_of_the_table(small: Written) -> None:
    found = table(small.run, "inside", "table-paths")
    rows = pick(small.run.of("paths", *VARIANT), seed="0", example_id=found.note.split("text ")[1][:4])
    assert [r[3] for r in found.rows] == [signed(v, 3) for v in rows.sort_values("rank")["contribution"]]
    assert signed(float(rows["contribution"].sum())) in found.note
    assert "straight" not in found.note
    chosen = found.note.split("text ")[1][:4]
    run = with_paths(small.run)
    run = with_rows(run, "paths", run.tables["paths"].replace({"example_id": {"t000": chosen}}))
    other = table(run, "inside", "table-paths")
    assert [row[2] for row in other.rows] == ["L1.mlp straight to the margin", "L0.mlp → L1H0"]
    assert "add up to +1.00, +1.50 of it from MLPs straight to the margin" in other.note


def test_kinds_of_paths_that_a_model_has_not_are_called_none() -> None:
    sums = {
        "mlp": pd.DataFrame({"MLP": [1.0, 2.0], "word > head": [1.0, 1.0], "bias": [0.0, 0.0]}),
        "attention-only": pd.DataFrame({"MLP": [0.0, 0.0], "word > head": [1.0, 3.0], "bias": [0.0, np.nan]}),
    }
    first, second = paint_path_sums(sums, "a").axes
    assert [t.get_text() for t in first.get_yticklabels()] == ["word → head → margin", "MLP → margin"]
    assert [t.get_text().strip() for t in second.texts] == ["none"]
    assert len(second.lines) == len(second.patches) == 1
    assert second.get_xlim()[1] > 3.0  # one scale, long enough for the longest
    plt.close("all")


@pytest.mark.usefixtures("no_painting")
def test_the_largest_errors_of_predictions_are_in_the_title(small: Written) -> None:
    rows = small.run.tables["interventions"].copy()
    place = rows.index[rows["model"] == "attention-only"][3]
    rows.loc[place, "frozen"] = rows.loc[place, "predicted"] - 0.5
    rows["live"] = rows["predicted"] * np.where((rows["kind"] == "path") & (rows["model"] == "encoder"), -0.5, 0.9)
    run = with_rows(small.run, "interventions", rows)
    size = rows[(rows["kind"] == "path") & (rows["model"] == "encoder")]["predicted"].abs().median()
    title = figure(run, "inside", "interventions").title
    assert "(largest |predicted − frozen| 5.0e−01 logits); live, paths of encoder miss by more than their size" in title
    assert title.endswith(f"median |predicted − live| {number(1.5 * size)} of {number(size)}")
    errors = intervention_errors(run, VARIANT).set_index("kind")
    heads = pick(run.of("interventions", *VARIANT), kind="head")
    assert errors.loc["head", "live"] == pytest.approx((heads["predicted"] - heads["live"]).abs().median())
    good = with_rows(run, "interventions", rows.assign(live=rows["predicted"] * 0.9))
    assert "miss most: " in figure(good, "inside", "interventions").title


def test_interventions_have_a_panel_a_kind_and_model(small: Written) -> None:
    points = {v[1]: small.run.of("interventions", *v) for v in small.run.variants}
    canvas = paint_interventions(points, ("a", "b"))
    titles = [ax.get_title() for ax in canvas.axes]
    assert titles[:3] == ["heads of encoder", "neurons of encoder", "paths of encoder"]
    assert titles[3:] == ["heads of attention-only", "neurons of attention-only", "paths of attention-only"]
    assert [ax.axison for ax in canvas.axes] == [True, True, True, True, False, True]
    for k in (0, 2):
        assert canvas.axes[k].get_xlim() == canvas.axes[k + 3].get_xlim()  # a scale a kind
    _, live, frozen = canvas.axes[0].lines[-3:]
    assert live.get_markerfacecolor() == "none"
    measured = np.asarray(frozen.get_xydata())
    np.testing.assert_allclose(measured[:, 0], measured[:, 1], atol=1e-5)
    plt.close("all")
