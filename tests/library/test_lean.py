"""The library face starts quickly: what it does not need is not imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import study

pytestmark = pytest.mark.xdist_group("library run")
WATCHED = ("torch", "pandas", "shap", "lime", "sklearn", "scipy", "captum", "matplotlib", "numba", "shapiq", "jinja2")


def imported_after(*steps: str) -> list[set[str]]:
    """Those of WATCHED that a new process has imported after each step of its code."""
    told = f"import sys\nprint(*(n for n in {WATCHED!r} if n in sys.modules))\n"
    done = subprocess.run(
        [sys.executable, "-c", "".join(f"{step}\n{told}" for step in steps)],
        cwd=Path(study.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_nothing_is_imported_before_it_is_needed(run_folder: Path):
    steps = imported_after(
        "import study",
        f"from study import load_run\nrun = load_run({str(run_folder)!r})",
        "explainer = run.explainer()",
        "explainer.explain('a tale', methods=['shapley'])",
        "explainer.explain('a tale', methods=['lime'])",
    )
    assert steps[:2] == [set(), set()]  # a mistake in a run's name is told at once
    assert steps[2] == {"torch", "pandas"}
    assert steps[3] == {"torch", "pandas"}  # SHAP and heads need no package of their own
    assert steps[4] >= {"lime", "sklearn"}
    assert not steps[4] & {"shap", "captum", "numba"}


def test_every_name_of_the_package_is_there():
    for name in study.__all__:
        assert getattr(study, name).__name__ == name
        assert getattr(study, name).__doc__
    assert set(study.__all__) <= set(dir(study))
    with pytest.raises(AttributeError, match=r"module 'study' has no attribute 'lod_run'; it offers .*load_run"):
        study.lod_run  # noqa: B018
