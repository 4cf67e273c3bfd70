"""The README's section on Python runs as it stands, and prints what it says that it prints."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

pytestmark = pytest.mark.xdist_group("library run")
README = Path(__file__).parent.parent.parent / "README.md"
SECTION = README.read_text(encoding="utf-8").split("\n## Use it from Python\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"```python\n(.*?)```", SECTION, flags=re.S)


@pytest.fixture(scope="module")
def space() -> dict[str, Any]:
    """The names that the blocks share, from the first to the last."""
    mpl.use("Agg")
    return {}


@pytest.mark.parametrize("block", BLOCKS, ids=[f"block {i + 1}" for i in range(len(BLOCKS))])
def test_every_block_runs_after_those_before_it(
    block: str,
    space: dict[str, Any],
    run_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "load_run" in block:  # our small run under the name of the one that the section asks for
        shutil.copytree(run_folder, tmp_path / "results" / "smoke")
        monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), space)  # noqa: S102, our own text
    said = re.findall(r"^print\(.*\)  # (.*)$", block, flags=re.M)
    assert capsys.readouterr().out.splitlines() == said


def test_it_shows_every_way_of_use() -> None:
    assert len(BLOCKS) == 5
    for name in ("fit", "predict", "predict_proba", "explain", "to_frame", "to_shap", "explainer", "from_run"):
        assert f".{name}" in SECTION, name
