"""A task of a run, and how it is performed: all that a worker process needs, and nothing that takes long to import."""

from __future__ import annotations

import importlib
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from study import ledger
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.errors import LedgerError
from study.ledger.manifest import PACKAGE
from study.ledger.markers import Marker, clear_partial, read_marker, write_marker
from study.running.alone import alone
from study.stages import Progress, Stage, StageContext

_RSS_PER_GIB = 2**30 if sys.platform == "darwin" else 2**20  # macOS counts in bytes, Linux in KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One stage on one data set, one cell, one point of a sweep or the whole run.

    name: "train reviews-mlp-s0". folder: relative to the run folder. needs: names of the tasks it reads from.
    """

    name: str
    stage: Stage
    folder: str
    needs: tuple[str, ...]
    dataset: DatasetConfig | None = None
    model: ModelConfig | None = None
    seed: int | None = None
    removal: str | None = None
    budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A task to be performed, as it is sent to a worker.

    key: hash of `ingredients`, all that decides the result. missing: as in `StageContext`.
    package: the sources that decide it; None for those of the program that performs it, wherever it lies.
    """

    task: Task
    config: StudyConfig
    run_folder: Path
    key: str
    ingredients: Mapping[str, Any]
    missing: Mapping[str, str] = field(default_factory=dict)
    package: Path | None = None


def perform(order: Order, progress: Progress) -> float:
    """Runs the stage function of an order and marks it done. Returns the seconds it took.

    Another performance of the same task is waited for. The marker says "started" first, so that files half rewritten
    by a killed stage are never taken for its results.
    Files that the stage wrote the time before and no longer writes are removed.
    Raises: LedgerError where the sources are not those of the order any more: their result is another one's.
    """
    _check_sources(order)
    folder = order.run_folder / order.task.folder
    with alone(folder, order.task.stage.name, progress):
        return _perform_alone(order, folder, progress)


def _perform_alone(order: Order, folder: Path, progress: Progress) -> float:
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


def _check_sources(order: Order) -> None:
    """Sources are loaded when they are first needed, so that those edited amid a run would make results of the old key.

    Some milliseconds a task.
    """
    package = PACKAGE if order.package is None else order.package
    for name, expected in order.ingredients.get("code", {}).items():
        path = package / name
        if not path.is_file() or ledger.sha256_of(path) != expected:
            raise LedgerError(
                f"study/{name} was changed after this run started, so that the result would be neither of the old nor "
                "of the new program: start the run again; what is done and does not depend on it stays"
            )


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
            missing=order.missing,
            removal=order.task.removal,
            budget=order.task.budget,
        )
    )
    return written
