"""One whole synthetic report for all tests that read pages, and a way to skip the slow writing of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from study.config import StudyConfig
from study.report.figures import style
from study.report.inputs import RunTables, read_run
from study.report.page import write_report
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape

EMPTY = b'<svg xmlns="http://www.w3.org/2000/svg" width="10pt" height="10pt"/>'
UNPAINTED = style.Rendered(svg=EMPTY, png=b"", pdf=b"", plain_svg=EMPTY, width=100)


@dataclass(frozen=True)
class Written:
    """A run folder with its report. files: what write_report said it wrote."""

    folder: Path
    config: StudyConfig
    run: RunTables
    files: list[str]

    @property
    def html(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def markdown(self) -> str:
        return (self.folder / "report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of two models, pictures and all."""
    folder = tmp_path_factory.mktemp("run") / "synthetic"
    folder.mkdir()
    methods = ("shapley", "shap", "lime", "occlusion", "attention", "random")
    config = write_synthetic_run(folder, Shape(seeds=(0,), shown_texts=1, methods=methods))
    files = write_report(folder, config)
    return Written(folder=folder, config=config, run=read_run(folder, config), files=files)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A small run folder without a report."""
    folder = tmp_path_factory.mktemp("small") / "synthetic"
    folder.mkdir()
    config = write_synthetic_run(
        folder, Shape(seeds=(0, 1), n_texts=6, shown_texts=1, methods=("shapley", "shap", "lime", "random"))
    )
    return Written(folder=folder, config=config, run=read_run(folder, config), files=[])


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are painted and measured, but not written as files."""
    monkeypatch.setattr(style, "_save", lambda *_: EMPTY)


@pytest.fixture
def no_painting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are not even painted: only what the sections say of them is made."""
    monkeypatch.setattr(style, "_render", lambda *_: UNPAINTED)
