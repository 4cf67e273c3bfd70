"""The page of one's own texts: numbers of the explanations, text as text, and what it leaves out is said."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from study import ledger
from study.errors import LedgerError, WriteError
from study.library.explanation import Explanation
from study.library.loading import LoadedRun
from study.report.blocks import Figure
from study.report.figures import style
from study.report.inputs import own_texts
from study.showing import page
from study.showing.page import build_page, write_page

pytestmark = pytest.mark.xdist_group("library run")
TEXTS = ("the splendid tale is <script>alert('x')</script> &amp; bleak", "a dreary scene")
METHODS = ("shapley", "attention")


@pytest.fixture(scope="module")
def explanations(run: LoadedRun) -> list[Explanation]:
    explainer = run.explainer(model="short")
    return [explainer.explain(text, methods=METHODS) for text in TEXTS]


@pytest.fixture(scope="module")
def built(run: LoadedRun, explanations: list[Explanation]) -> str:
    return build_page(run.folder, run.config, explanations)


def test_no_files_are_drawn_that_nobody_gets(
    run: LoadedRun, explanations: list[Explanation], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, bytes]] = []

    def noted(*given: Any, **named: Any) -> Figure:
        figure = style.draw(*given, **named)
        drawn.append(figure.files)
        return figure

    monkeypatch.setattr(page, "draw", noted)
    build_page(run.folder, run.config, explanations[1:])
    assert [list(files) for files in drawn] == [["figures/heads-1.svg"]]
    again = style.draw("x", lambda: plt.figure(figsize=(1, 1)), title="", note="", source="")
    assert list(again.files) == [f"figures/x.{kind}" for kind in ("svg", "png", "pdf")]  # a report's have them


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without pictures, which take their time."""
    monkeypatch.setattr(page, "MOST_DRAWN", 0)


def payload(built: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="explorer-data">(.*?)</script>', built, flags=re.S)
    data: dict[str, Any] = json.loads(found)
    return data


def test_the_explorer_has_the_numbers_of_the_explanations(built: str, explanations: list[Explanation]) -> None:
    (model,) = payload(built)["models"]
    assert model["classes"] == list(explanations[0].class_names)
    for text, e in zip(model["texts"], explanations, strict=True):
        assert text["words"] == list(e.words)
        assert text["label"] is None
        assert text["margin"] == pytest.approx(e.margin, rel=5e-3)
        for method in METHODS:
            scores = e.features[method].scores[: e.n_players]
            assert text["scores"][method][: e.n_players] == pytest.approx(scores, rel=5e-3, abs=1e-9)
        assert e.causal is not None
        assert text["causal"][0] == pytest.approx(e.causal.crosswalk.cells[0], rel=5e-3, abs=1e-9)


def test_every_text_has_its_pictures_strips_and_facts(built: str, explanations: list[Explanation]) -> None:
    for number, e in enumerate(explanations, start=1):
        (section,) = re.findall(rf'<section id="text-{number}".*?</section>', built, flags=re.S)
        assert f'id="fig-crosswalk-{number}"' in section
        assert f'id="fig-heads-{number}"' in section
        assert f"Predicted {e.predicted}" in section
        assert '<div class="strip-label">Attention' in section  # though other methods are the run's own
        assert f"“{e.text}”" in html.unescape(section)
    assert built.count("How to read it") == 1


def test_markup_in_a_text_stays_text(built: str) -> None:
    assert "<script>alert" not in built
    assert "&lt;script&gt;alert" in built
    assert "&amp;amp; bleak" in built


def test_the_page_says_what_it_is_and_fetches_nothing(built: str, run: LoadedRun) -> None:
    assert "2 texts as short, seed 0, of the run tiny" in built
    assert "found anew by a model of tiny" in built
    assert re.findall(r"exactness gates? (?:hold|holds)", built)
    assert not re.search(r'(?:src|href)="(?!data:|#)', built)


@pytest.mark.usefixtures("undrawn")
def test_a_broken_gate_comes_first(run: LoadedRun, explanations: list[Explanation]) -> None:
    gates = (replace(explanations[0].gates[0], passed=False), *explanations[0].gates[1:])
    broken = build_page(run.folder, run.config, [replace(explanations[0], gates=gates), explanations[1]])
    opening = broken[broken.index("<h1>") :]
    assert opening.index("Broken: 1 of") < opening.index("2 texts as short")


@pytest.mark.usefixtures("undrawn")
def test_a_text_given_twice_is_there_once(run: LoadedRun, explanations: list[Explanation]) -> None:
    twice = build_page(run.folder, run.config, [explanations[1], explanations[1]])
    assert "1 text as short" in twice
    assert len(payload(twice)["models"][0]["texts"]) == 1


@pytest.mark.usefixtures("undrawn")
def test_many_texts_have_pictures_up_to_a_number_that_is_told(run: LoadedRun, explanations: list[Explanation]) -> None:
    few = build_page(run.folder, run.config, explanations)
    assert 'id="text-1"' not in few
    assert len(payload(few)["models"][0]["texts"]) == 2
    assert "The first 0 texts have their pictures below, the others are here alone." in few


@pytest.mark.usefixtures("undrawn")
def test_the_file_is_replaced_whole_or_not_at_all(
    run: LoadedRun, explanations: list[Explanation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new" / "mine.html"
    write_page(path, run, explanations[1:])
    first = path.read_bytes()
    write_page(path, run, explanations[1:])
    assert path.read_bytes() == first, "equal explanations give equal bytes"
    assert [p.name for p in path.parent.iterdir()] == ["mine.html"]

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(WriteError, match="No space left on device"):
        write_page(path, run, explanations[:1])
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == ["mine.html"]


def test_own_texts_bring_what_the_run_knows_of_its_models_and_nothing_else(
    run: LoadedRun, explanations: list[Explanation]
) -> None:
    frames = explanations[0].tables()
    tables = own_texts(run.folder, run.config, frames, [])
    assert list(tables.tables["texts"]["text"]) == [TEXTS[0]]
    assert len(tables.tables["accuracy"]) == len(ledger.read_frame(run.folder / "tables" / "accuracy.csv"))
    assert set(tables.tables["measurements"]["metric"]) == set()
    assert tables.cards["own"]["class_names"] == list(explanations[0].class_names)
    with pytest.raises(LedgerError, match=r"table texts of this run lacks the column\(s\) margin"):
        own_texts(run.folder, run.config, frames | {"texts": frames["texts"].drop(columns="margin")}, [])
