"""The section of one text: how to read it, layers compared, and a head grid that never mixes direct with causal."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from study.report import SECTIONS
from study.report.blocks import Details, Figure, Paragraph, walk
from study.report.causal_findings import causal_finding
from study.report.choose import causal_ids, choose_first, choose_more, parted_shares
from study.report.figures.head_grid import paint_grids
from study.report.head_findings import writers_finding
from study.report.inputs import TWO_WAY, RunTables, pick, read_run
from study.report.numbers import percent, signed
from study.report.sections.one_text import head_grids, layer_contrast
from study.report.text_rows import rows_of
from tests.report.conftest import Written
from tests.report.edits import with_rows
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape

V = ("reviews", "encoder")


def without(run: RunTables, examples: set[str]) -> RunTables:
    """The run without the causal tables of some texts."""
    frame = run.tables["crosswalk"]
    return with_rows(run, "crosswalk", frame[~((frame["kind"] == "causal") & frame["example_id"].isin(examples))])


def test_the_first_text_has_a_causal_table_where_any_has(written: Written) -> None:
    first = choose_first(written.run)
    assert first is not None
    ids = causal_ids(written.run, *V, "0")
    assert first.example_id in ids
    assert "with a causal table" in first.reason
    other = choose_first(without(written.run, {first.example_id}))
    assert other is not None
    assert other.example_id != first.example_id
    assert other.example_id in ids
    none = choose_first(without(written.run, set(ids)))
    assert none is not None
    assert "causal" not in none.reason


def test_one_rule_shows_the_text_where_direct_and_causal_part_most(written: Written) -> None:
    shares = parted_shares(written.run, *V, "0")
    assert set(shares.index) == set(causal_ids(written.run, *V, "0"))
    cells = pick(written.run.tables["crosswalk"], model="encoder", seed="0", example_id="t001")
    psi = pick(cells, method=TWO_WAY).groupby("component")["value"].sum()
    direct = pick(cells, method="shapley").groupby("component")["value"].sum()[psi.index]
    assert shares["t001"] == pytest.approx((psi - direct).abs().sum() / (psi.abs() + direct.abs()).sum())
    first = choose_first(written.run)
    assert first is not None
    (found,) = [c for c in choose_more(written.run, first, 8) if c.reason.startswith("Direct and causal part most")]
    words = pick(written.run.tables["texts"], model="encoder", seed="0", trained=True).set_index("example_id")[
        "n_words"
    ]
    taken = {c.example_id for c in choose_more(written.run, first, 3)} | {first.example_id}
    left = [e for e in shares.index if e not in taken and words[e] > 2]
    assert found.example_id == shares[left].idxmax()


@pytest.mark.usefixtures("no_painting")
def test_the_reading_guide_is_that_of_the_tables_shown(small: Written) -> None:
    def texts(run: RunTables) -> tuple[str, list[str]]:
        section = SECTIONS.load("text")(run)
        told = " ".join(b.text for b in section.blocks if isinstance(b, Paragraph))
        return told, [b.name for b in walk(section.blocks) if isinstance(b, Figure)]

    both, names = texts(small.run)
    assert "either table gives the word's SHAP value" in both
    assert names == ["crosswalk", "crosswalk-lime", "head-grid"]
    folded = [b for b in SECTIONS.load("text")(small.run).blocks if isinstance(b, Details)]
    assert len(folded) == 1
    direct, names = texts(without(small.run, set(causal_ids(small.run, *V, "0"))))
    assert "SHAP or LIME score" in direct
    assert "either table" not in direct
    assert names == ["crosswalk", "head-grid"]


def test_layers_are_compared_by_the_cells_of_both_tables(small: Written) -> None:
    first = choose_first(small.run)
    assert first is not None
    rows = rows_of(small.run, first)
    told = layer_contrast(rows)
    for layer in (0, 1):
        shares = []
        for method, kind in ((TWO_WAY, "causal"), ("shapley", "direct")):
            cells = pick(rows.crosswalk, method=method, kind=kind)
            heads = cells[cells["component"].str.match(r"L\dH")]
            here = heads[heads["component"].str.startswith(f"L{layer}")]["value"].abs().sum()
            shares.append(percent(float(here / heads["value"].abs().sum())))
        assert f"layer {layer}: {shares[0]} against {shares[1]}" in told


def test_the_head_grid_shows_each_kind_by_its_own_numbers(small: Written) -> None:
    rows = rows_of(small.run, choose_first(small.run))  # type: ignore[arg-type]
    panels = head_grids(rows)
    wanted = dict(zip(("direct_beyond_empty", "shapley", "leave_one_out"), panels.values(), strict=True))
    for method, grid in wanted.items():
        scores = rows.head_scores(method)
        for name, score in scores.items():
            assert grid.loc[int(str(name)[1]), int(str(name)[3])] == pytest.approx(score)
    section = SECTIONS.load("text")(small.run)
    (figure,) = [b for b in section.blocks if isinstance(b, Figure) and b.name == "head-grid"]
    written = wanted["direct_beyond_empty"].to_numpy().ravel()
    assert signed(float(written[np.abs(written).argmax()])) in figure.title.split(";")[0]


def test_all_panels_of_a_head_grid_share_one_colour_scale() -> None:
    small, large = (pd.DataFrame([[1.0, -0.5]]) * k for k in (1, 10))
    canvas = paint_grids({"d": small, "a": large, "b": small})
    assert [float(ax.collections[0].norm.vmax or 0.0) for ax in canvas.axes] == [10.0] * 3
    assert "±10.00 logits" in canvas.get_supxlabel()


def test_titles_of_a_grid_with_one_head_do_not_overlap() -> None:
    titles = ("Direct, beyond the empty text", "Causal: Shapley value", "Causal: it alone is missing")
    with mpl.rc_context({"axes.titlelocation": "left", "axes.titleweight": "bold"}):
        canvas = paint_grids({title: pd.DataFrame([[0.5]]) for title in titles})
        canvas.draw_without_rendering()
    boxes = [ax._left_title.get_window_extent() for ax in canvas.axes]  # type: ignore[attr-defined]
    assert min(box.width for box in boxes) > 0
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


@pytest.mark.usefixtures("no_painting")
def test_of_a_single_head_nothing_is_called_most(tmp_path: Path) -> None:
    shape = Shape(models=(("encoder", 16),), seeds=(0,), n_layers=1, n_heads=1, n_texts=4, shown_texts=1)
    run = read_run(tmp_path / "run", write_synthetic_run(tmp_path / "run", shape))
    figures = {
        b.name: b for name in ("text", "heads") for b in SECTIONS.load(name)(run).blocks if isinstance(b, Figure)
    }
    assert "head-shares" not in figures
    assert re.fullmatch(
        r"L0H0 writes [+−.\d]+, is needed for [+−.\d]+ and is missed by [+−.\d]+ logits", figures["head-grid"].title
    )
    assert "Farthest" not in figures["direct-causal"].title
    assert "half of the heads" not in writers_finding(run).lead
    assert "the head of layer 0 is" in causal_finding(run).text


def test_limits_state_what_ablation_and_sampling_do_not_say(small: Written) -> None:
    (bullets,) = SECTIONS.load("limits")(small.run).blocks
    told = {item.lead: item.text for item in bullets.items}
    assert "backup" in told["Later layers erase and repair."]
    assert "Heads have no names across seeds." in told
    made = small.run.tables["causal"]
    exact = int((made["words_exact"] & made["heads_exact"]).sum())
    text = told["Causal tables are sampled for longer texts."]
    assert text.startswith(f"{exact} of {len(made)} causal tables are exact; above 9 words or 8 heads")
    sampled = made[~(made["words_exact"] & made["heads_exact"])]["sampling_error"]
    assert f"{percent(float(sampled.median()), 1)} off the run's SHAP scores at the median" in text
    none = with_rows(small.run, "causal", made.iloc[:0])
    (bullets,) = SECTIONS.load("limits")(none).blocks
    assert not [item for item in bullets.items if item.lead.startswith("Causal tables")]
