"""SHAP on the page: the study's own Shapley values beside the shap package's, or the package's alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from study.report import SECTIONS
from study.report.blocks import Block, Bullets, Figure, Paragraph, walk
from study.report.choose import choose_first
from study.report.figures.palette import METHOD_COLOURS, method_label
from study.report.findings import least_agreeing_finding
from study.report.inputs import RunTables, read_run
from study.report.page import build_sections
from study.report.pictures import compose
from study.report.sections import features
from study.report.text_rows import rows_of
from tests.report.conftest import Written
from tests.report.edits import set_estimates, set_rows
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape


@pytest.fixture(scope="module")
def package_only(tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    """A run whose config lists `shap` but not `shapley`; otherwise that of `small`."""
    folder = tmp_path_factory.mktemp("old") / "run"
    shape = Shape(seeds=(0, 1), n_texts=6, shown_texts=1, methods=("shap", "lime", "random"))
    return read_run(folder, write_synthetic_run(folder, shape))


def blocks_of(run: RunTables, section: str) -> list[Block]:
    built = SECTIONS.load(section)(run)
    assert built is not None
    return list(walk(built.blocks))


def figure(run: RunTables, name: str) -> Figure:
    (found,) = [b for b in blocks_of(run, "features") if isinstance(b, Figure) and b.name == name]
    return found


def about(run: RunTables) -> str:
    return next(b.text for b in blocks_of(run, "features") if isinstance(b, Paragraph))


@pytest.mark.usefixtures("no_painting")
def test_a_run_of_the_package_alone_has_the_same_page(small: Written, package_only: RunTables) -> None:
    """Every section, figure and table that rests on SHAP is there, made from the package's values."""

    def names(run: RunTables) -> list[str]:
        blocks = [b for section in build_sections(run) for b in walk(section.blocks)]
        return sorted(b.name for b in blocks if isinstance(b, Figure))

    assert (small.run.shap, package_only.shap) == ("shapley", "shap")
    assert set(package_only.tables["crosswalk"]["method"]) >= {"shap", "lime"}
    assert "shap" not in set(small.run.tables["crosswalk"]["method"])
    fixed = [n for n in names(small.run) if not n.startswith("crosswalk-")]  # numbered by the texts that rules choose
    assert fixed == [n for n in names(package_only) if not n.startswith("crosswalk-")]
    assert {"crosswalk", "hidden", "global-words", "agreement", "correctness", "length"} <= set(fixed)


def test_the_picture_of_a_text_has_the_scores_called_shap(small: Written, package_only: RunTables) -> None:
    for run in (small.run, package_only):
        chosen = choose_first(run)
        assert chosen is not None
        rows = rows_of(run, chosen)
        made = compose(rows)
        assert made is not None
        (bars,) = made[0].bars
        assert bars.title == "SHAP"
        scores = rows.scores()[run.shap].dropna()
        assert bars.row_sum == pytest.approx(scores.to_numpy())


@pytest.mark.usefixtures("no_painting")
def test_the_page_says_how_both_estimates_were_made(small: Written, package_only: RunTables) -> None:
    explain = small.run.config.explain.model_copy(update={"shapley_evals": 2048, "shap_evals": 512, "exact_limit": 9})
    run = dataclasses.replace(small.run, config=small.run.config.model_copy(update={"explain": explain}))
    for said in (
        *("up to 9 words", "SHAP by odd-order regression on at most 2,048 coalitions"),
        "SHAP package by the KernelExplainer of the shap package on 512",
    ):
        assert said in about(run)
    assert "KernelExplainer" not in about(package_only)


@pytest.mark.usefixtures("no_painting")
def test_the_title_of_the_matrix_passes_over_two_estimates_of_the_same_values(small: Written) -> None:
    run = set_estimates(small.run, "spearman", "shapley", "shap", "all", (0.999, 0.998, 1.0))
    drawn = figure(run, "agreement")
    assert "SHAP package agree most" not in drawn.title
    assert "LIME agree most" in drawn.title
    assert "passes over SHAP and SHAP package" in drawn.note
    assert "passes over" not in figure(without_package(small.run), "agreement").note


def without_package(run: RunTables) -> RunTables:
    explain = run.config.explain.model_copy(update={"methods": ("shapley", "lime", "random")})
    return dataclasses.replace(run, config=run.config.model_copy(update={"explain": explain}))


@pytest.mark.usefixtures("no_painting")
def test_the_package_is_a_pair_among_the_others(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its dots beside LIME's, but is not told as the method that agrees most."""
    run = set_estimates(written.run, "spearman", "shapley", "shap", "all", (0.999, 0.998, 1.0))
    drawn: list[str] = []
    monkeypatch.setattr(features, "make_dot", lambda name, *_: drawn.append(name))
    figure(run, "correctness")
    assert {"SHAP, SHAP package", "SHAP, LIME"} <= set(drawn)
    text = least_agreeing_finding(run).text
    assert "LIME comes first" in text or "Occlusion comes first" in text
    assert "SHAP package" not in text


@pytest.mark.parametrize(("methods", "how"), [("small", "odd-order regression on at most 1,024"), ("old", "package's")])
def test_limits_say_how_sampled_values_were_found(
    small: Written, package_only: RunTables, methods: str, how: str
) -> None:
    run = small.run if methods == "small" else package_only
    run = set_rows(run, "features", "estimator", "sampled", method=run.shap, example_id="t002")
    (bullets,) = blocks_of(run, "limits")
    assert isinstance(bullets, Bullets)
    (text,) = [item.text for item in bullets.items if item.lead.startswith("SHAP is exact only")]
    assert how in text


def test_each_estimate_has_a_label_and_a_colour_of_its_own() -> None:
    assert (method_label("shapley"), method_label("shap")) == ("SHAP", "SHAP package")
    assert len(set(METHOD_COLOURS.values())) == len(METHOD_COLOURS)


def test_a_picture_without_own_values_is_not_lost(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shape = Shape(models=(("encoder", 8),), seeds=(0,), n_texts=3, methods=("shap", "lime"), dissected=False)
    run = read_run(folder, write_synthetic_run(folder, shape))
    chosen = choose_first(run)
    assert chosen is not None
    made = compose(rows_of(run, chosen))
    assert made is not None
    assert len(made[0].panels) == 2  # SHAP and LIME, without a causal table
