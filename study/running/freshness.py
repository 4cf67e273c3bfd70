"""Whether a task must run: what decides its result now, and what decided it when it last ran."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from study import ledger
from study.cells import models_of
from study.config import StudyConfig
from study.config.loading import deciding_settings, flatten_settings
from study.data import rated_source
from study.ledger.markers import read_marker
from study.reference import quoted_files
from study.running.performing import Task

_MOST_REASONS = 3  # named in one line
_ABSENT = "(absent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a task must run, why (empty: nothing changed), and what decides its result."""

    must_run: bool
    reason: str
    key: str
    ingredients: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspector:
    """Compares the tasks of one run with what their markers say.

    code: sha256 of every source file of the package. packages: their versions.
    """

    config: StudyConfig
    run_folder: Path
    tasks: Mapping[str, Task]
    code: Mapping[str, str]
    packages: Mapping[str, str]

    def decide(self, task: Task, missing: Mapping[str, str] = MappingProxyType({})) -> Decision:
        """Whether `task` must run; the tasks it needs must be over.

        missing: those of them that failed or were not run, with why (of a task that tolerates it).
        Raises: LedgerError for an output that was changed after it was written.
        """
        ingredients = self.find_ingredients(task, missing)
        key = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()
        marker = read_marker(self.run_folder / task.folder, task.stage.name)
        gone = self.check_outputs(task)
        if marker is None:
            reason = "not done yet"
        elif marker.state == "started":
            reason = "was interrupted"
        elif marker.key != key:
            reason = describe_changes(marker.ingredients, ingredients)
        elif gone:
            reason = f"output missing: {_some(gone)}"
        else:
            reason = ""
        return Decision(must_run=bool(reason), reason=reason, key=key, ingredients=ingredients)

    def check_outputs(self, task: Task) -> list[str]:
        """The outputs of a finished task that are not there any more.

        Raises: LedgerError for one with another hash than it was written with, so that it is neither used nor lost.
        """
        folder = self.run_folder / task.folder
        marker = read_marker(folder, task.stage.name)
        missing = []
        for name, expected in marker.outputs.items() if marker is not None and marker.state == "done" else ():
            path = ledger.inside(folder, name)
            if not path.exists():
                missing.append(name)
            elif (found := ledger.sha256_of(path)) != expected:
                raise ledger.damaged(path, expected, found)
        return missing

    def find_ingredients(self, task: Task, missing: Mapping[str, str]) -> dict[str, Any]:
        """All that decides the result of a task: config, code, packages, input files, outputs of earlier tasks.

        What a missing task once wrote is out of date and counts for nothing; why it is missing counts.
        """
        ingredients = {
            "stage": task.stage.name,
            "config": select_settings(task, self.config),
            "code": select_code(task, self.code),
            "packages": dict(self.packages),
            "inputs": _hash_inputs(task, self.config, self.run_folder),
            "needs": {name: {} if name in missing else self.written_by(self.tasks[name]) for name in task.needs},
        }
        return ingredients | ({"missing": dict(missing)} if missing else {})

    def is_done(self, task: Task) -> bool:
        """Whether a task ended well the last time, also one that wrote no files."""
        marker = read_marker(self.run_folder / task.folder, task.stage.name)
        return marker is not None and marker.state == "done"

    def written_by(self, task: Task) -> dict[str, str]:
        """The outputs of a task with their hashes; none for a task that is not done."""
        marker = read_marker(self.run_folder / task.folder, task.stage.name)
        return dict(marker.outputs) if marker is not None and marker.state == "done" else {}


def select_settings(task: Task, config: StudyConfig) -> dict[str, Any]:
    """The settings that decide a task, dotted: those of its data set, model and seed, and the sections its stage names.

    Word vectors are learned with the data, so the widths they are wanted in count there. Which models run on a data
    set, and how many seeds a model has, decide which cells there are and nothing within one. What people rated is
    read by the stages that say so, and a lexicon by none but those of the whole run.
    """
    settings = deciding_settings(config)
    chosen: dict[str, Any] = {section: settings[section] for section in task.stage.config}
    if task.stage.scope == "run":
        chosen |= {key: settings[key] for key in ("name", "seeds", "datasets", "models")}
        return flatten_settings(chosen)
    if task.dataset is not None:
        unread = {"models", "lexicon"} | (set() if task.stage.reads_rated else {"rated"})
        chosen["datasets"] = [task.dataset.model_dump(mode="json", exclude=unread)]
        if task.stage.scope == "dataset" and task.dataset.word_vectors is not None:
            chosen["word vector widths"] = sorted({model.d_model for model in models_of(task.dataset, config)})
    if task.model is not None:
        model = task.model.model_dump(mode="json", exclude={"n_seeds", "training"})
        chosen |= {"models": [model], "seed": task.seed}
        if "training" in chosen:
            chosen["training"] = config.training_of(task.model).model_dump(mode="json")
    if task.stage.scope == "point" and config.sweep is not None:  # the other points of the sweep decide nothing here
        chosen["sweep"] = {"removal": task.removal, "budget": task.budget, "n_texts": config.sweep.n_texts}
    return flatten_settings(chosen)


def select_code(task: Task, code: Mapping[str, str]) -> dict[str, str]:
    """The hashes of the sources that decide a task. Raises: ValueError for a stage that names what does not exist."""
    chosen: dict[str, str] = {}
    for name in task.stage.code:
        found = {path: value for path, value in code.items() if path == name or path.startswith(f"{name}/")}
        if not found:
            raise ValueError(f"stage '{task.stage.name}' names the code '{name}', which does not exist")
        chosen |= found
    return chosen


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What differs between the ingredients of two runs of a task, in one line."""
    reasons = []
    config = _differences(old.get("config", {}), new["config"])
    if config:
        reasons.append("config changed: " + _some([f"{k} {_show(a)} -> {_show(b)}" for k, a, b in config]))
    code = _differences(old.get("code", {}), new["code"])
    if code:
        reasons.append("code changed: " + _some([f"study/{path}" for path, _, _ in code]))
    packages = _differences(old.get("packages", {}), new["packages"])
    if packages:
        reasons.append("package changed: " + _some([f"{k} {a} -> {b}" for k, a, b in packages]))
    inputs = _differences(old.get("inputs", {}), new["inputs"])
    if inputs:
        reasons.append("input file changed: " + _some([path for path, _, _ in inputs]))
    missing = _differences(old.get("missing", {}), new.get("missing", {}))
    if missing:
        told = [f"{name} {'is there now' if why == _ABSENT else 'is missing'}" for name, _, why in missing]
        reasons.append(_some(told))
    told_of = {name for name, _, _ in missing}
    needs = [name for name, _, _ in _differences(old.get("needs", {}), new["needs"]) if name not in told_of]
    if needs:
        reasons.append("its input changed: " + _some(needs))
    return "; ".join(reasons) or "its record is of another version"


def compare_settings(stored: StudyConfig, wanted: StudyConfig) -> list[str]:
    """The deciding settings in which two configs differ, as "key: stored value there, wanted value now"."""
    old, new = flatten_settings(deciding_settings(stored)), flatten_settings(deciding_settings(wanted))
    return [f"{key}: {_show(a)} there, {_show(b)} now" for key, a, b in _differences(old, new)]


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = [*new, *(key for key in old if key not in new)]
    pairs = [(key, old.get(key, _ABSENT), new.get(key, _ABSENT)) for key in keys]
    return [(key, a, b) for key, a, b in pairs if a != b]


def _show(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _some(items: list[str]) -> str:
    shown = ", ".join(items[:_MOST_REASONS])
    return shown if len(items) <= _MOST_REASONS else f"{shown} and {len(items) - _MOST_REASONS} more"


def _hash_inputs(task: Task, config: StudyConfig, run_folder: Path) -> dict[str, str]:
    """sha256 of files that are no output of any stage: the user's data, rated texts, and what reports quote."""
    if task.stage.name == "report":
        quoted = quoted_files(config, run_folder)
        return {f"{path.parent.name}/{path.name}": _hash_or_missing(path) for path in quoted}
    files = []
    if task.dataset is not None and task.dataset.path is not None and task.stage.scope == "dataset":
        files.append(Path(task.dataset.path))
    if task.dataset is not None and task.dataset.rated is not None and task.stage.reads_rated:
        files.append(rated_source(task.dataset.rated).path)
    return {str(path): _hash_or_missing(path) for path in files}


def _hash_or_missing(path: Path) -> str:
    return ledger.sha256_of(path) if path.is_file() else "missing"
