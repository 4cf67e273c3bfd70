"""A config as stage tasks: which task runs on what, in which folder, after which others; and how one is performed."""

from __future__ import annotations

import importlib
import resource
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from study import ledger
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.checks import AllowedNames
from study.data import DATASETS, UNLABELLED
from study.features import EXPLAINERS, SAMPLERS
from study.game import REMOVALS
from study.heads import HEAD_METHODS
from study.ledger.markers import Marker, clear_partial, read_marker, write_marker
from study.model import MODELS
from study.report import SECTIONS
from study.stages import Progress, Stage, StageContext, cells
from study.tasks import TASKS
from study.tasks.fitting import misfits_by_name

_RSS_PER_GIB = 2**30 if sys.platform == "darwin" else 2**20  # macOS counts in bytes, Linux in KiB


def allowed_names() -> AllowedNames:
    """The names that a config may use, from the registries."""
    return AllowedNames(
        datasets=tuple(DATASETS),
        unlabelled=tuple(UNLABELLED),
        models=tuple(MODELS),
        explainers=tuple(EXPLAINERS),
        removals=tuple(REMOVALS),
        head_methods=tuple(HEAD_METHODS),
        samplers=tuple(SAMPLERS),
        sections=tuple(SECTIONS),
        tasks=tuple(TASKS),
        misfits=misfits_by_name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One stage on one data set, one cell or the whole run.

    name: "train reviews-mlp-s0". folder: relative to the run folder. needs: names of the tasks it reads from.
    """

    name: str
    stage: Stage
    folder: str
    needs: tuple[str, ...]
    dataset: DatasetConfig | None = None
    model: ModelConfig | None = None
    seed: int | None = None


def build_tasks(config: StudyConfig, stages: Sequence[Stage]) -> tuple[Task, ...]:
    """Every task of a run, each after the ones it needs.

    Raises: ValueError for a stage that needs one of a narrower scope or one that comes later.
    """
    tasks: list[Task] = []
    earlier: set[str] = set()
    for stage in stages:
        tasks += [_with_needs(task, tasks, earlier) for task in _places(stage, config)]
        earlier.add(stage.name)
    return tuple(tasks)


def _places(stage: Stage, config: StudyConfig) -> list[Task]:
    """The tasks of one stage, without their needs."""
    if stage.scope == "dataset":
        return [
            Task(name=f"{stage.name} {d.name}", stage=stage, folder=f"data/{d.name}", needs=(), dataset=d)
            for d in config.datasets
        ]
    if stage.scope == "cell":
        return [
            Task(
                name=f"{stage.name} {cell}",
                stage=stage,
                folder=f"cells/{cell}",
                needs=(),
                dataset=dataset,
                model=model,
                seed=seed,
            )
            for cell, (dataset, model, seed) in cells(config).items()
            if stage.applies(config, dataset, model)
        ]
    return [Task(name=stage.name, stage=stage, folder=".", needs=())]


def _with_needs(task: Task, earlier: Sequence[Task], stages: Collection[str]) -> Task:
    """The task with the tasks it needs. stages: all earlier ones by name, also those that apply to no cell."""
    needs: list[str] = []
    for wanted in (*task.stage.needs, *task.stage.wants):
        found = [other for other in earlier if other.stage.name == wanted and _belongs(other, task)]
        may_be_absent = wanted in stages and (task.stage.scope == "run" or wanted in task.stage.wants)
        if not found and not may_be_absent:
            raise ValueError(f"stage '{task.stage.name}' needs '{wanted}', which is no earlier stage of its scope")
        needs += [other.name for other in found]
    return replace(task, needs=tuple(needs))


def _belongs(other: Task, task: Task) -> bool:
    """Whether `other` is about the same data set or cell as `task`; a task of the whole run reads everything."""
    if task.stage.scope == "run":
        return True
    if other.stage.scope == "dataset":
        return other.dataset == task.dataset
    return other.stage.scope == task.stage.scope == "cell" and other.folder == task.folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A task to be performed, as it is sent to a worker. key: hash of `ingredients`, all that decides the result."""

    task: Task
    config: StudyConfig
    run_folder: Path
    key: str
    ingredients: Mapping[str, Any]


def perform(order: Order, progress: Progress) -> float:
    """Runs the stage function of an order and marks it done. Returns the seconds it took.

    The marker says "started" first, so that files half rewritten by a killed stage are never taken for its results.
    Files that the stage wrote the time before and no longer writes are removed.
    """
    folder = order.run_folder / order.task.folder
    stage = order.task.stage.name
    before = read_marker(folder, stage)
    if before is None or before.state != "started" or before.key != order.key:
        clear_partial(folder, stage)  # checkpoints of something else
    old = dict(before.outputs) if before else {}
    write_marker(
        folder, stage, Marker(state="started", key=order.key, ingredients=dict(order.ingredients), outputs=old)
    )
    start = time.perf_counter()
    written = _call(order, folder, progress)
    outputs = {name: ledger.sha256_of(ledger.inside(folder, name)) for name in sorted(set(written))}
    seconds = round(time.perf_counter() - start, 2)
    for name in old.keys() - outputs.keys():
        ledger.inside(folder, name).unlink(missing_ok=True)
    done = Marker(
        state="done",
        key=order.key,
        ingredients=dict(order.ingredients),
        outputs=outputs,
        seconds=seconds,
        peak_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _RSS_PER_GIB, 3),
    )
    write_marker(folder, stage, done)
    clear_partial(folder, stage)
    return seconds


def _call(order: Order, folder: Path, progress: Progress) -> list[str]:
    module, _, function = order.task.stage.function.partition(":")
    run_stage = getattr(importlib.import_module(module), function)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)  # the number of threads changes the last bits
    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = run_stage(
        StageContext(
            config=order.config,
            run_folder=order.run_folder,
            folder=folder,
            progress=progress,
            dataset=order.task.dataset,
            model=order.task.model,
            seed=order.task.seed,
        )
    )
    return written
