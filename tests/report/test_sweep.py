"""The report of a sweep: its sentences from known trends, its figures, failed points, and what it escapes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.cells import points
from study.config import StudyConfig
from study.config.loading import dump_config
from study.ledger import CONFIG_FILE, write_frame, write_json, write_text
from study.report.blocks import Figure
from study.report.page import figures_of
from study.report.sweep.findings import answer
from study.report.sweep.inputs import read_sweep
from study.report.sweep.page import build_sections, opening_blocks, write_sweep_report
from study.report.sweep.sections import agreement_section
from study.report.sweep.series import Series, panel_row
from study.sweeping.gather import POINT_COLUMNS, estimate_points
from study.sweeping.trends import measure_trends
from tests.report.captions import lacking
from tests.sweep_tables import CONFIG, PER_DOUBLING, made_up_config, made_up_measurements

EVIL = "RuntimeError: <script>alert('points')</script>"


@dataclass(frozen=True)
class Swept:
    folder: Path
    config: StudyConfig

    @property
    def html(self) -> str:
        return (self.folder / "report.html").read_text()

    @property
    def markdown(self) -> str:
        return (self.folder / "report.md").read_text()


def write_tables(folder: Path, *, failed: tuple[str, ...] = (), config: StudyConfig | None = None) -> Swept:
    """A made-up sweep as its last stage leaves it."""
    config = config or made_up_config()
    measured = made_up_measurements(config, noise=0.001)
    rows = []
    for name, point in points(config).items():
        model = point.model
        size = (model.n_layers, model.n_heads, model.d_model, model.d_mlp)
        state = ("failed", EVIL, np.nan, 0) if name in failed else ("done", "", 0.75, 9)
        rows.append((point.dataset.name, model.name, *size, point.seed, point.removal, point.budget, *state))
        if name in failed:
            here = (measured["model"] == model.name) & (measured["seed"] == point.seed)
            here &= (measured["removal"] == point.removal) & (measured["budget"] == point.budget)
            measured = measured[~here]
    tables = {
        "points": pd.DataFrame(rows, columns=POINT_COLUMNS),
        "sweep_measurements": measured,
        "sweep_estimates": estimate_points(measured, config),
        "trends": measure_trends(measured, config),
    }
    for name, frame in tables.items():
        write_frame(folder / "tables" / f"{name}.parquet", frame)
    place = ["dataset", "model", "seed", "removal", "budget"]
    cost = tables["points"][place].assign(method="shapley", n_texts=9, n_evals=9, seconds=1.25)
    write_frame(folder / "cost.csv", cost)
    gate = {"name": "SHAP efficiency", "value": 1e-9, "tolerance": 1e-4, "passed": True, "where": "t1", "cell": "a"}
    write_json(folder / "gates.json", [gate])
    write_text(folder / CONFIG_FILE, dump_config(config))
    return Swept(folder, config)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """One report with its figures painted; one point failed."""
    swept = write_tables(tmp_path_factory.mktemp("sweep"), failed=("reviews-many-heads-s2-delete-1024",))
    write_sweep_report(swept.folder, swept.config)
    return swept


def test_the_page_has_every_section_and_needs_no_network(written: Swept) -> None:
    for name in ("findings", "agreement", "faithfulness", "heads", "trends", "points", "reproduce"):
        assert f'<section id="{name}"' in written.html
    assert "<script" not in written.html.lower()
    assert not re.search(r"https?://", written.html)
    ids = re.findall(r'\bid="([^"]*)"', written.html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', written.html)) <= set(ids)


@pytest.mark.usefixtures("no_painting")
def test_figures_carry_n_seeds_and_their_interval(written: Swept) -> None:
    figures = figures_of(build_sections(read_sweep(written.folder, written.config)))
    assert len(figures) == 3
    assert [lacking(figure) for figure in figures] == [[], [], []]


def test_figures_are_painted_and_named(written: Swept) -> None:
    names = {"sweep-agreement", "sweep-faithfulness", "sweep-heads"}
    assert {path.stem for path in (written.folder / "figures").iterdir()} == names
    assert all(path.stat().st_size > 2000 for path in (written.folder / "figures").iterdir())
    assert set(re.findall(r"\]\(figures/(.*)\.png\)", written.markdown)) == names


def test_findings_say_what_the_trends_say(written: Swept) -> None:
    sweep = read_sweep(written.folder, written.config)
    row = sweep.pooled("reviews", "depth").query("metric == 'spearman'").iloc[0]
    assert row["slope"] == pytest.approx(PER_DOUBLING["depth"], abs=0.002)
    told = re.search(r"<strong>Depth, 1 to 4 layers\.</strong>(.*?)</li>", written.html, re.DOTALL)
    assert told
    assert "Agreement of SHAP and LIME (Spearman) falls from" in told[1]
    assert f"−{abs(row['slope']):.3f} [−{abs(row['low']):.3f}, −{abs(row['high']):.3f}] per doubling" in told[1]
    assert "Faithfulness of SHAP does not clearly change (0.80 to 0.80" in told[1]
    assert "rise from 1.0 to 4.0" in told[1]
    assert "of 4 heads and 16" in told[1]
    assert "Budget, 256 to 1,024 evaluations" in written.html
    assert "Removal operator, delete against mask" in written.html


def test_the_answer_names_the_axis_of_the_largest_change(written: Swept) -> None:
    sweep = read_sweep(written.folder, written.config)
    assert answer(sweep).startswith("Agreement of SHAP and LIME changes most with length of the text: ")
    assert "at 4 words" in answer(sweep)
    assert "at 28 words" in answer(sweep)
    assert answer(sweep) in written.html


def test_failed_points_stand_first_with_their_message_escaped(written: Swept) -> None:
    assert "1 point of 60 failed." in written.html
    assert written.html.index('class="tone-bad"') < written.html.index('class="tone-lead"')
    assert "&lt;script&gt;alert(&#39;points&#39;)&lt;/script&gt;" in written.html
    assert "<script" not in written.markdown
    assert "reviews, many-heads, seed 2, delete, 1024:" in written.html
    assert "59 points of 60 done" in written.html


def test_every_point_is_in_its_table(written: Swept) -> None:
    table = re.search(r'id="table-points".*?</table>', written.html, re.DOTALL)
    assert table
    rows = re.findall(r"<tr><td.*?</tr>", table[0])
    assert len(rows) == 60
    assert sum(">failed<" in row for row in rows) == 1
    (failed,) = [row for row in rows if ">failed<" in row]
    assert failed.count(">–<") == 4  # accuracy, Spearman, faithfulness, heads
    assert "study sweep results/" in written.html


def test_lines_are_means_of_their_models(written: Swept) -> None:
    """Depth: other models at one operator and budget; budget and length: the model that stands on most axes."""
    sweep = read_sweep(written.folder, written.config)
    assert sweep.base["reviews"] == "base"
    from study.report.sweep.inputs import AGREEMENT

    series = [
        Series(outcome=AGREEMENT, label=str(b), colour="#000000", strong=True, removal="mask", budget=b)
        for b in (1024, 256)
    ]
    row = panel_row(sweep, "reviews", "Spearman", series)
    assert row is not None
    panels = {panel.title: panel for panel in row.panels}
    assert list(panels) == ["Depth", "Heads", "Width", "Budget", "Length"]
    assert panels["Depth"].ticks == (1, 2, 4)
    assert [len(panel.lines) for panel in row.panels] == [2, 2, 2, 1, 2]
    measured = sweep.measurements.query("metric == 'spearman' and removal == 'mask' and budget == 1024")
    depth = [measured[measured["model"] == m]["value"].mean() for m in ("shallow", "base", "deep")]
    np.testing.assert_allclose(panels["Depth"].lines[0].y, depth)
    np.testing.assert_allclose(panels["Width"].lines[0].x, [32, 64])
    np.testing.assert_allclose(panels["Length"].lines[0].x, [7, 16, 25])
    np.testing.assert_allclose(panels["Budget"].lines[0].y[1], depth[1])


@pytest.mark.usefixtures("no_painting")
def test_a_sweep_without_axes_and_without_results_still_has_a_page(tmp_path: Path) -> None:
    one = CONFIG.split("models:")[0] + "models: [{name: base}]\nsweep: {removals: [mask], budgets: [256], n_texts: 9}\n"
    config = made_up_config(one)
    swept = write_tables(tmp_path, failed=tuple(points(config)), config=config)
    write_sweep_report(swept.folder, config)
    assert "3 points of 3 failed." in swept.html
    assert "No axis of this sweep has two points that can be compared." in swept.html
    assert agreement_section(read_sweep(tmp_path, config)) is None


@pytest.mark.usefixtures("no_painting")
def test_several_data_sets_have_figures_and_findings_of_their_own(tmp_path: Path) -> None:
    line = "datasets: [{name: reviews, source: rotten_tomatoes}"
    few = CONFIG.replace("[0, 1, 2]", "[0]").replace("[mask, delete]", "[mask]").replace("[256, 1024]", "[256]")
    config = made_up_config(few.replace(line, line + ", {name: films, source: rotten_tomatoes}"))
    swept = write_tables(tmp_path, config=config)
    sweep = read_sweep(tmp_path, config)
    names = [b.name for s in build_sections(sweep) for b in s.blocks if isinstance(b, Figure)]
    assert names[:2] == ["sweep-agreement-reviews", "sweep-agreement-films"]
    assert answer(sweep).count("changes most with") == 2
    assert len(opening_blocks(sweep)) == 4
    write_sweep_report(tmp_path, config)
    assert "Depth on films, 1 to 4 layers." in swept.html
