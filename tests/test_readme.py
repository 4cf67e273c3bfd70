"""The README says what is true: its commands, targets, paths and its example of an explainer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from study.cli import app
from study.config import ExplainConfig
from study.game.removals import MASK_WORDS, draw_replacements
from study.game.subject import make_subject
from tests.tiny import tiny_batch, tiny_model

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_exists() -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    used = set(re.findall(r"\bstudy (run|validate|walkthrough|report|ls|[a-z]+) ", README)) & {
        word for line in README.splitlines() if ".venv/bin/study" in line for word in line.split()
    }
    assert used
    assert used <= known
    assert known <= used, "a command that the README does not show"


def test_every_target_exists() -> None:
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    used = set(re.findall(r"`?make ([a-z]+)", README))
    assert {"experiment", "test"} <= used
    for target in used - {"and"}:
        assert f"make {target} " in helped, target


@pytest.mark.parametrize("path", re.findall(r"(?:configs|data|docs|study)/[\w./-]+\.(?:yaml|md|png|py)", README))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists() or path == "study/features/length.py"


def test_every_room_of_the_layout_exists() -> None:
    layout = README.split("```\nstudy/\n")[1].split("```")[0]
    names = re.findall(r"^  ([a-z_]+(?:/|\.py))", layout, flags=re.M)
    assert len(names) > 10
    for name in names:
        assert (ROOT / "study" / name).exists(), name


def test_the_example_of_an_explainer_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = README.split("```python\n")[1].split("```")[0]
    (tmp_path / "length.py").write_text(example)
    monkeypatch.syspath_prepend(str(tmp_path))
    import length

    batch = tiny_batch(5, 3)
    model = tiny_model()
    n_words = int(batch.attend[0].sum()) - 1
    subject = make_subject(
        model,
        batch,
        0,
        target=1,
        removal=MASK_WORDS,
        replacements=draw_replacements(MASK_WORDS, n_words, np.array([5]), np.random.default_rng(0)),
        chunk_size=8,
    )
    found = length.explain_length(subject, ExplainConfig(), np.random.default_rng(0))
    np.testing.assert_array_equal(found.scores[:n_words], [len(word) for word in subject.words[:n_words]])
    sys.modules.pop("length")
