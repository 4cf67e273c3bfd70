"""A config as stage tasks: which task runs on what, in which folder, after which others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from study.cells import cells, points
from study.config import StudyConfig
from study.config.checks import AllowedNames
from study.data import DATASETS, LEXICONS, RATED, UNLABELLED, rated_problem
from study.features import EXPLAINERS, SAMPLERS
from study.game import REMOVALS
from study.heads import HEAD_METHODS
from study.model import MODELS
from study.report import SECTIONS
from study.running.performing import Task
from study.stages import Stage
from study.tasks import TASKS
from study.tasks.fitting import misfits_by_name


def allowed_names() -> AllowedNames:
    """The names that a config may use, from the registries."""
    return AllowedNames(
        datasets=tuple(DATASETS),
        unlabelled=tuple(UNLABELLED),
        lexicons=tuple(LEXICONS),
        rated=tuple(RATED),
        models=tuple(MODELS),
        explainers=tuple(EXPLAINERS),
        removals=tuple(REMOVALS),
        head_methods=tuple(HEAD_METHODS),
        samplers=tuple(SAMPLERS),
        sections=tuple(SECTIONS),
        tasks=tuple(TASKS),
        misfits=misfits_by_name,
        rated_problem=rated_problem,
    )


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
    if stage.scope == "point":
        return [
            Task(
                name=f"{stage.name} {name}",
                stage=stage,
                folder=f"points/{name}",
                needs=(),
                dataset=point.dataset,
                model=point.model,
                seed=point.seed,
                removal=point.removal,
                budget=point.budget,
            )
            for name, point in points(config).items()
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
    """Whether `other` is about the same data set, cell or point as `task`; a task of the whole run reads everything."""
    if task.stage.scope == "run":
        return True
    if other.stage.scope == "dataset":
        return other.dataset == task.dataset
    if other.stage.scope == "cell" and task.stage.scope == "point":
        return (other.dataset, other.model, other.seed) == (task.dataset, task.model, task.seed)
    return other.stage.scope == task.stage.scope in ("cell", "point") and other.folder == task.folder
