"""Shell completion, asked as a shell asks it; and what `--show-completion` hands to the shell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from study import ledger
from study.cli import completing

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs, a folder that is none, and configs."""
    for run in ("results/smoke", "results/experiment", "elsewhere/other"):
        ledger.write_text(tmp_path / run / ledger.CONFIG_FILE, "name: x")
    (tmp_path / "results" / "reference").mkdir()
    for config in ("mine.yaml", "configs/smoke.yaml", "configs/sweep.yml", "configs/notes.txt"):
        ledger.write_text(tmp_path / config, "")
    return tmp_path


def ask(folder: Path, *words: str, shell: str = "bash") -> list[str]:
    """What the shell offers for the last of the words."""
    line = " ".join(("study", *words))
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words))} if shell == "bash" else {"_TYPER_COMPLETE_ARGS": line}
    asked |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell == "fish" else {}
    done = subprocess.run(
        [sys.executable, "-m", "study"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "_STUDY_COMPLETE": f"complete_{shell}", **asked},
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1] if shell == "bash" else done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["report", ""], ["experiment", "smoke"]),
        (["report", "s"], ["smoke"]),
        (["explain", "--run", "e"], ["experiment"]),
        (["explain", "text", "--results", "elsewhere", "--run", ""], ["other"]),
        (["compare", "smoke", "e"], ["experiment"]),
        (["walkthrough", "--run", ""], ["experiment", "smoke"]),
        (["keep-score-card", ""], ["experiment", "smoke"]),
        (["run", ""], ["mine.yaml", "configs/smoke.yaml", "configs/sweep.yml"]),
        (["run", "configs/sm"], ["configs/smoke.yaml"]),
        (["run", "./m"], ["./mine.yaml"]),
        (["validate", "c"], ["configs/smoke.yaml", "configs/sweep.yml"]),
        (["reproduce", "mi"], ["mine.yaml"]),
        (["explain", "--run", "smoke", "--method", "sha"], ["shapley", "shap"]),
        (["keep"], ["keep-score-card"]),
    ],
)
def test_bash_is_offered_runs_configs_and_explainers(folder: Path, words: list[str], expected: list[str]) -> None:
    assert ask(folder, *words) == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_offered_the_same(folder: Path, shell: str) -> None:
    told = "\n".join(ask(folder, "report", "s", shell=shell))
    assert "smoke" in told
    assert "experiment" not in told


def test_what_completes_a_run_is_what_makes_one() -> None:
    assert completing._STORED_CONFIG == ledger.CONFIG_FILE


@pytest.mark.parametrize("words", [["report", ""], ["run", ""], ["explain", "--method", ""]])
def test_completion_loads_nothing_heavy(folder: Path, words: list[str]) -> None:
    code = (
        "import sys, atexit\n"
        "heavy = {'torch', 'numpy', 'pandas', 'study.config', 'yaml', 'matplotlib', 'rich'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "from study.cli import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "",
            "_STUDY_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(("study", *words)),
            "COMP_CWORD": str(len(words)),
        },
    )
    assert done.stdout.strip()
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_handed_a_script_for_this_command(tmp_path: Path, shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "study"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "_STUDY_COMPLETE": f"source_{shell}"},
    )
    assert "_STUDY_COMPLETE" in done.stdout
    assert "study" in done.stdout
