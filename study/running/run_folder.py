"""What a run folder tells from outside: its config, state, accuracy, gates and counts; and finding it by name."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study import ledger
from study.cells import cells, points
from study.config import StudyConfig
from study.config.loading import parse_config
from study.errors import ConfigError, LedgerError
from study.ledger.manifest import read_manifest
from study.ledger.markers import Marker, read_marker
from study.registry import suggest
from study.running.performing import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """One line of `study ls`; empty texts where nothing is known yet."""

    name: str
    state: str
    date: str
    accuracy: str
    gates: str


def load_run_config(folder: Path) -> StudyConfig:
    """The config that a run was made with.

    Raises: LedgerError where there is none, ConfigError where it is none of this version.
    """
    path = folder / ledger.CONFIG_FILE
    return parse_config(ledger.read_bytes(path).decode("utf-8", "replace"), str(path))


def find_run(run: str, results: Path) -> Path:
    """The folder of a run, given as a name in `results` or as a folder. Raises: LedgerError naming the nearest run."""
    for folder in (results / run, Path(run)):
        if (folder / ledger.CONFIG_FILE).is_file():
            return folder
    names = [folder.name for folder in _run_folders(results)]
    if not names:
        raise LedgerError(f"there is no run '{run}', and none at all in {results}; `study run CONFIG` makes one")
    raise LedgerError(f"there is no run '{run}' in {results}{suggest(run, names)}")


def list_runs(results: Path) -> list[RunState]:
    """Every run in `results`, by name."""
    return [_describe(folder) for folder in _run_folders(results)]


def read_gates(folder: Path, config: StudyConfig) -> list[Mapping[str, Any]]:
    """The gates of a run, or as long as it has none those of its parts. Raises: LedgerError for a damaged list."""
    paths = [folder / ledger.GATES_FILE]
    if not paths[0].exists():
        parts = [*(f"cells/{cell}" for cell in cells(config)), *(f"points/{point}" for point in points(config))]
        paths = [folder / part / ledger.GATES_FILE for part in parts]
    gates: list[Mapping[str, Any]] = []
    for path in paths:
        found = ledger.read_json(path) if path.exists() else []
        if not isinstance(found, list) or not all(isinstance(g, dict) and "passed" in g for g in found):
            raise LedgerError(f"{path} is no list of gates: delete it, then run again")
        gates += found
    return gates


def count_evaluations(folder: Path) -> dict[str, int]:
    """Method -> evaluations of the model in the whole run, from cost.csv; empty where there is none."""
    counts: dict[str, int] = {}
    for row in _read_rows(folder / "cost.csv"):
        counts[row["method"]] = counts.get(row["method"], 0) + int(float(row["n_evals"] or 0))
    return counts


def read_done_markers(folder: Path, tasks: Iterable[Task]) -> dict[str, Marker]:
    """Task name -> its marker, of the tasks that are done."""
    markers = {task.name: read_marker(folder / task.folder, task.stage.name) for task in tasks}
    return {name: marker for name, marker in markers.items() if marker is not None and marker.state == "done"}


def hash_data(markers: Mapping[str, Marker], tasks: Mapping[str, Task]) -> dict[str, dict[str, str]]:
    """Task of a data set -> file -> sha256, of the files it read from outside of the run and of those it wrote."""
    return {
        name: {f"input {Path(path).name}": value for path, value in marker.ingredients["inputs"].items()}
        | dict(marker.outputs)
        for name, marker in markers.items()
        if tasks[name].stage.scope == "dataset"
    }


def _run_folders(results: Path) -> list[Path]:
    return sorted(path.parent for path in results.glob(f"*/{ledger.CONFIG_FILE}"))


def _describe(folder: Path) -> RunState:
    try:
        manifest = read_manifest(folder) or {}
        gates = read_gates(folder, load_run_config(folder))
    except (LedgerError, ConfigError):
        return RunState(name=folder.name, state="damaged", date="", accuracy="", gates="")
    state = str(manifest.get("state", "unfinished"))
    if ledger.is_locked(folder):
        state = "running"
    elif state == "running":
        state = "interrupted"
    broken = sum(not gate["passed"] for gate in gates)
    return RunState(
        name=folder.name,
        state=state,
        date=str(manifest.get("date", "")),
        accuracy=_describe_accuracy(folder),
        gates="" if not gates else f"{broken} of {len(gates)} broken" if broken else f"all {len(gates)} hold",
    )


def _describe_accuracy(folder: Path) -> str:
    """Mean over seeds of every data set and model; of a sweep how many points are done."""
    if found := _read_rows(folder / "tables" / "points.csv"):
        return f"{sum(row['state'] == 'done' for row in found)} of {len(found)} points"
    rows = [row for row in _read_rows(folder / "tables" / "accuracy.csv") if row["kind"] == "model"]
    pooled = [row for row in rows if row["seed"] == "all"] or rows
    return ", ".join(f"{row['dataset']} {row['model']} {float(row['accuracy']):.3f}" for row in pooled)


def _read_rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
