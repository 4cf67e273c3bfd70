"""The README says what is true: its commands, targets, paths and its example of an explainer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.main import get_command

from study.cli import app
from study.config import ExplainConfig, ModelConfig
from study.game.removals import MASK_WORDS, draw_replacements
from study.game.shapley import exact_weights
from study.game.subject import make_subject
from study.model.circuits import build_circuit
from study.model.protocol import ModelSource, margins
from study.records import CLS_ID, SPECIAL_TOKENS
from study.tasks import TASKS
from study.tasks.language import GAIN, rule_values
from tests.tiny import tiny_batch, tiny_model

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_exists() -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    used = set(re.findall(r"\bstudy ([a-z-]+) ", README)) & {
        word for line in README.splitlines() if ".venv/bin/study" in line for word in line.split()
    }
    assert used
    assert used <= known
    assert known <= used, "a command that the README does not show"


def test_every_target_exists() -> None:
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    used = set(re.findall(r"`?make ([a-z-]+)", README))
    assert {"experiment", "test"} <= used
    for target in used - {"and"}:
        assert f"make {target} " in helped, target


EXAMPLES = ("study/features/length.py", "study/tasks/last.py")


@pytest.mark.parametrize("path", re.findall(r"(?:configs|data|docs|study)/[\w./-]+\.(?:yaml|md|png|py)", README))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists() or path in EXAMPLES


def test_every_room_of_the_layout_exists() -> None:
    layout = README.split("```\nstudy/\n")[1].split("```")[0]
    names = re.findall(r"^  ([a-z_]+(?:/|\.py))", layout, flags=re.M)
    assert len(names) > 10
    for name in names:
        assert (ROOT / "study" / name).exists(), name


def _example(mark: str) -> str:
    """The one Python example of the README that holds this text."""
    (found,) = [block for part in README.split("```python\n")[1:] if mark in (block := part.split("```")[0])]
    return found


def test_the_example_of_a_task_is_solved_by_its_circuit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "last.py").write_text(_example("TASK = Task("))
    monkeypatch.syspath_prepend(str(tmp_path))
    import last

    monkeypatch.setitem(TASKS._entries, "last", "last:TASK")
    words = (*SPECIAL_TOKENS, *last.TASK.words)
    config = ModelConfig(
        name="own",
        family="circuit",
        n_layers=1,
        n_heads=4,
        d_model=40,
        d_head=12,
        d_mlp=0,
        layer_norm=False,
        max_words=9,
    )
    source = ModelSource(config=config, words=words, n_classes=2, task="last")
    model = build_circuit(source, torch.Generator()).eval()
    rng = np.random.default_rng(0)
    texts = [last.draw(rng).words for _ in range(20)]
    rows = torch.tensor([[CLS_ID, *(words.index(word) for word in text)] for text in texts])
    with torch.no_grad():
        found = margins(model(rows, torch.ones_like(rows, dtype=torch.bool)), torch.ones(20, dtype=torch.long))
    np.testing.assert_allclose(found / GAIN, [last.rule(text) for text in texts], atol=1e-6)
    assert last.TASK.shapley is None  # exact values come from the rule
    for text in texts:
        of_last = np.where(np.arange(9) == last.LAST, last.rule(text), 0.0)
        np.testing.assert_allclose(exact_weights(9) @ rule_values(last.TASK, text), of_last, atol=1e-12)
    sys.modules.pop("last")


def test_the_example_of_an_explainer_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "length.py").write_text(_example("def explain_length"))
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
