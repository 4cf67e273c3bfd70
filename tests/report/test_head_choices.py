"""Runs with few head methods, heads or trials: the page is written, and says nothing of what it lacks."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from study.report import SECTIONS
from study.report.blocks import Figure, Paragraph, walk
from study.report.causal_findings import causal_finding
from study.report.head_findings import writers_finding
from study.report.inputs import RunTables, pick, read_run
from study.report.markdown import to_markdown
from study.report.measures import basis_of, head_sizes
from study.report.numbers import number, percent, signed
from study.report.page import build_sections, render_page
from study.report.sections.opening import TITLE, opening_blocks
from tests.report.conftest import Written
from tests.report.edits import set_rows, with_head_methods, without_table
from tests.report.links import dead_links
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape
from tests.report.test_heads_evidence import VARIANT, figure

CHOICES = (
    *(("direct_beyond_empty", "shapley"), ("direct_beyond_empty", "ablation_mean"), ("random",), ("direct_raw",)),
    *(("shapley_margin",), ("direct_centred", "shapley_margin"), ("direct_raw", "direct_centred")),
)
NAN = float("nan")


@pytest.fixture(scope="module", params=[(2, 4), (1, 1)], ids=["eight heads", "one head"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    layers, heads = request.param
    folder: Path = tmp_path_factory.mktemp("choices") / "run"
    shape = Shape(models=(("encoder", 8),), seeds=(0,), n_texts=3, shown_texts=1, methods=("shapley", "lime"))
    config = write_synthetic_run(folder, dataclasses.replace(shape, n_layers=layers, n_heads=heads))
    return read_run(folder, config)


@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("methods", CHOICES, ids="+".join)
def test_a_page_of_any_choice_of_head_methods(run: RunTables, methods: tuple[str, ...]) -> None:
    run = with_head_methods(run, methods)
    opening, sections = opening_blocks(run), build_sections(run)
    html, markdown = render_page(run, opening, sections), to_markdown(TITLE, opening, sections)
    assert not dead_links(html)
    for page in (html.lower(), markdown.lower()):
        assert ">nan<" not in page
        assert "nan%" not in page
        assert " nan " not in page
    figures = {b.name for s in sections for b in walk(s.blocks) if isinstance(b, Figure)}
    assert ("direct-causal" in figures) is ({"direct_centred", "shapley_margin"} <= set(methods))
    assert ("centring" in figures) is ({"direct_raw", "direct_centred"} <= set(methods))
    several = len(run.tables["profiles"]) > 1
    assert ("head-shares" in figures) is (several and any(m.startswith("direct") for m in methods))


@pytest.mark.usefixtures("no_painting")
@pytest.mark.parametrize(
    ("methods", "basis", "words"),
    [
        (("direct_raw", "direct_centred", "direct_beyond_empty"), "direct_centred", "centred contribution"),
        (("direct_raw", "direct_beyond_empty"), "direct_beyond_empty", "contribution beyond the empty text"),
        (("direct_raw", "shapley"), "direct_raw", "raw contribution"),
    ],
)
def test_shares_are_of_the_direct_method_that_the_page_names(
    small: Written, methods: tuple[str, ...], basis: str, words: str
) -> None:
    run = with_head_methods(small.run, methods)
    sizes = head_sizes(run, VARIANT)
    assert basis_of(sizes) == basis
    scores = pick(run.of("heads", *VARIANT), method=basis, seed="1")
    wanted = scores["score"].abs().groupby(scores["component"]).mean()
    mine = pick(sizes, seed="1").set_index("component")["share"]
    assert mine.to_dict() == pytest.approx((wanted / wanted.sum()).to_dict())
    assert f"mean |{words}|" in figure(run, "heads", "head-shares").note
    text = writers_finding(run).text
    assert f"The strongest head and its share of what heads write, by {words}." in text
    assert f"{mine.index[0]} {percent(mine.iloc[0])} (seed 1)" in text
    assert ("Centring" in text) is ("direct_centred" in methods)


@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("no_pictures")
def test_heads_that_write_nothing_have_no_share(small: Written) -> None:
    run = set_rows(small.run, "heads", "score", 0.0, kind="direct", seed="0")
    sizes = head_sizes(run, VARIANT)
    assert pick(sizes, seed="0")["share"].isna().all()
    assert sorted(pick(sizes, seed="0")["rank"]) == list(range(1, 9))
    assert pick(sizes, seed="1")["share"].sum() == pytest.approx(1.0)
    assert "(seed 0)" not in writers_finding(run).text.split("The strongest head")[1]
    assert not re.search(r"\b0 to \d+.%", figure(run, "heads", "head-shares").title)
    none = set_rows(small.run, "heads", "score", 0.0, kind="direct")
    figures = [b.name for b in walk(SECTIONS.load("heads")(none).blocks) if isinstance(b, Figure)]
    assert "head-shares" not in figures
    assert "centring" in figures  # all at zero, painted without a warning
    assert "The strongest head" not in writers_finding(none).text


def heads_text(run: RunTables) -> str:
    return " ".join(b.text for b in walk(SECTIONS.load("heads")(run).blocks) if isinstance(b, Paragraph))


@pytest.mark.usefixtures("no_painting")
def test_the_heads_missed_least_are_those_of_the_tables(small: Written) -> None:
    run = small.run
    told = []
    for model in ("encoder", "attention-only"):
        trials = pick(run.of("trials", "reviews", model), partner="")
        row = trials.sort_values("mean_abs_change").iloc[0]
        change, flipped = number(row["mean_abs_change"]), percent(row["flipped"], 1)
        told.append(
            f"in {model}, {row['component']} of seed {row['seed']} (the margin changes by {change} logits on average, "
            f"{flipped} of the predictions turn, accuracy {signed(-100 * row['accuracy_lost'], 1)} points)"
        )
    assert f"On fresh texts the heads missed least are, {told[0]}; {told[1]}." in heads_text(run)
    gained = set_rows(run, "profiles", "trial_accuracy_lost", -0.0123)
    assert "accuracy +1.2 points" in heads_text(gained)
    one = set_rows(run, "profiles", "trial_change", NAN, model="encoder")
    assert f"On fresh texts the head missed least is, {told[1]}." in heads_text(one)


@pytest.mark.usefixtures("no_painting")
def test_without_trials_no_head_is_called_missed_least(small: Written) -> None:
    none = set_rows(small.run, "profiles", "class_", "direct")
    assert "missed least" in heads_text(none)
    none = without_table(none, "trials")
    for column in ("trial_change", "trial_high", "trial_flipped", "trial_accuracy_lost"):
        none = set_rows(none, "profiles", column, NAN)
    assert "so there is nothing to try." in heads_text(none)
    assert "missed least" not in heads_text(none)


@pytest.mark.usefixtures("no_painting")
def test_only_one_of_several_heads_is_missed_least(run: RunTables) -> None:
    assert np.isfinite(run.tables["profiles"]["trial_change"]).all()
    assert ("missed least" in heads_text(run)) is (len(run.tables["profiles"]) > 1)


def test_a_run_without_what_verdicts_weigh_says_so(small: Written) -> None:
    found = causal_finding(with_head_methods(small.run, ("direct_beyond_empty", "shapley")))
    assert found.lead == "Whether direct contributions show what heads do is undecided for 32 of 32 heads."
    lacking = "direct_centred, shapley_margin, ablation_mean (heads.methods)"
    assert f"Not judged: the run has no {lacking}." in found.text
    assert "%" not in found.lead + found.text
