"""Pages to open: the report of an invented run with texts that a page must survive, and a sweep and a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from study.config import StudyConfig
from study.contrast.comparison import compare_runs, write_comparison
from study.report.figures import style
from study.report.page import write_report
from study.report.sweep.page import write_sweep_report
from tests.contrast_runs import write_run
from tests.report.synthetic_run import write_synthetic_run
from tests.report.synthetic_shape import Shape
from tests.report.synthetic_texts import SENTENCES
from tests.report.test_sweep import write_tables

HACKS = (
    '<script>window.hacked=1</script> <img src=x onerror="window.hacked=1"> </script><script>window.hacked=1</script> '
    "<img/src=x/onerror=window.hacked=1> &lt;b&gt; <!-- -->"
)
LONG = "w" + "o" * 150 + "w"
FOREIGN = "סרט נהדר , فيلم رائع ! 🎬 👍🏽 a \u202esuperb film in any language ."  # with a sign that turns the direction
HOSTILE = (
    (f"a warm film , said {HACKS} and superb .", 1),
    (f"dull {LONG} mess .", 0),
    (FOREIGN, 1),
)
N_PAINTED = 8
METHODS = ("shapley", "lime", "occlusion", "attention", "random")


@dataclass(frozen=True)
class Explored:
    """A run folder with its report."""

    folder: Path
    config: StudyConfig

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    def table(self, name: str) -> pd.DataFrame:
        return _read(self.folder / "tables" / f"{name}.parquet")


_read = cache(pd.read_parquet)


def write_explored(folder: Path) -> Explored:
    """The report of two models of one seed; three texts are hostile, half of all have a causal crosswalk."""
    folder.mkdir()
    sentences = (*HOSTILE, *SENTENCES[:9], SENTENCES[-1])
    shape = Shape(
        seeds=(0,), sentences=sentences, n_texts=len(sentences), methods=METHODS, shown_texts=1, causal_texts=6
    )
    config = write_synthetic_run(folder, shape)
    with only_for_the_page():
        write_report(folder, config)
    return Explored(folder, config)


@contextmanager
def only_for_the_page() -> Iterator[None]:
    """Draws as little as the page's layout needs: no gallery, no formats but SVG, and after N_PAINTED figures no other.

    Later figures show the last one painted. Painting all of them takes longer than all tests of the page.
    """
    save, render, painted = style._save, style._render, []

    def render_some(painter: Callable[[], style.Canvas], title: str) -> style.Rendered:
        if len(painted) < N_PAINTED:
            painted.append(render(painter, title))
        return painted[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "_save", lambda canvas, kind, box: save(canvas, kind, box) if kind == "svg" else b"")
        patch.setattr(style, "_render", render_some)
        patch.setattr("study.report.page.draw_gallery", lambda _: iter(()))
        yield


def write_swept(folder: Path) -> Path:
    """The page of an invented sweep, one of whose points failed."""
    swept = write_tables(folder, failed=("reviews-many-heads-s2-delete-1024",))
    with only_for_the_page():
        write_sweep_report(folder, swept.config)
    return folder / "report.html"


def write_compared(folder: Path) -> Path:
    """The page of a comparison of two runs that differ."""
    runs = [write_run(folder, "before"), write_run(folder, "after", lime=0.1, noise=0.005, lime_samples=99)]
    with only_for_the_page():
        return write_comparison(compare_runs(runs), folder)
