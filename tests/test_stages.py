"""A stage is done anew when any code that decides its result changes: what its modules import is on its list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from study.stages import _BASE, STAGES

ROOT = Path(__file__).parent.parent
SHARED = {"artefacts.py", "pipeline.py", "preparing.py", "tables.py"}  # of all stages: they import what some need

NOT_DECIDING = {
    ("train", "gates.py"): "of the walkthrough, which training does not walk",
    ("dissect", "features/__init__.py"): "names of explainers, which have done their work before",
}


def imports_of(path: Path) -> set[Path]:
    """Files of the study that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("study"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("study.")]
        for name in names:
            place = ROOT.joinpath(*name.split("."))
            found |= {file for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists()}
    return found


def files_of(code: tuple[str, ...]) -> set[Path]:
    places = [ROOT / "study" / name for name in code]
    assert all(place.exists() for place in places), code
    return {file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_all_code_behind_a_stage_is_on_its_list(stage):
    listed = files_of(stage.code)
    start = [file for file in files_of(stage.code) if file.name not in SHARED or file.parent != ROOT / "study"]
    found = {found for file in start for found in imports_of(file)} - listed - {ROOT / "study" / "__init__.py"}
    missing = {str(path.relative_to(ROOT / "study")) for path in found}
    assert missing == {name for stage_name, name in NOT_DECIDING if stage_name == stage.name}
    assert set(_BASE) <= set(stage.code)
