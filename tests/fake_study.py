"""A fake study in a folder, to be run, killed and looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))  # the workers import the fake stages by name

from fake_run import CONFIG
from fake_stages import STAGES, make_package

from study import ledger
from study.config import StudyConfig
from study.config.loading import parse_config
from study.running.display import PlainDisplay
from study.running.runs import run_study
from study.stages import Stage

CELLS = [f"reviews-{model}-s{seed}" for model in "ab" for seed in (0, 1)]


class Study:
    """A fake study in a folder: run it, see what it said and what it performed."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results"
        self.results.mkdir()
        self.run_folder = self.results / "fake"
        self.package = make_package(folder / "package")
        self.said = ""

    def run(
        self, *, update: bool = False, mends: bool = False, stages: Sequence[Stage] = STAGES, **changes: object
    ) -> int:
        out = StringIO()
        config = change(parse_config(CONFIG, "CONFIG"), {"runtime__workers": 1, **changes})  # quick to start
        display = PlainDisplay(Console(file=out, width=400))
        try:
            return run_study(
                config, self.results, display, update=update, mends=mends, stages=stages, package=self.package
            )
        finally:
            self.said = out.getvalue()

    def behave(self, **behaviours: str) -> None:
        named = {name.replace("__", " ").replace("_", "-"): value for name, value in behaviours.items()}
        (self.results / "behaviour.json").write_text(json.dumps(named))

    def performed(self) -> list[str]:
        """Stage and folder of every task performed since the last question, in the order of the names."""
        path = self.results / "performed.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(" ".join(line.split()[:2]) for line in lines)

    def hashes(self) -> dict[str, str]:
        """What a reader of the run sees: every file but logs, markers and the manifest."""
        files = [p for p in self.run_folder.rglob("*") if p.is_file()]
        names = {p: p.relative_to(self.run_folder).as_posix() for p in files}
        hidden = (ledger.MANIFEST_FILE, ledger.LOG_FILE)
        return {
            name: ledger.sha256_of(path)
            for path, name in names.items()
            if name not in hidden and not any(part.startswith(".") for part in Path(name).parts)
        }


def tables(study: Study) -> dict[str, str]:
    """All but the config, which tells the engine."""
    return {name: value for name, value in study.hashes().items() if name != ledger.CONFIG_FILE}


def change(config: StudyConfig, changes: dict[str, object]) -> StudyConfig:
    """`explain__n_texts=3` -> the config with explain.n_texts 3."""
    for dotted, value in changes.items():
        section, _, key = dotted.partition("__")
        update = {section: value} if not key else {section: getattr(config, section).model_copy(update={key: value})}
        config = config.model_copy(update=update)
    return config


def start(study: Study, more: str = "") -> subprocess.Popen[str]:
    """The fake study as a process of its own, in a process group of its own."""
    command = [
        sys.executable,
        str(Path(__file__).parent / "fake_run.py"),
        str(study.results),
        str(study.package),
        more,
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    )


def wait_for(path: Path) -> str:
    for _ in range(2000):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    raise TimeoutError(path)


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
