"""What a config with planted texts and hand-built models must satisfy beside `study.config.checks`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.yaml_tree import KeyPath, Place, Tree

# (task, model) -> (setting, what is wrong with it) for all in which they do not fit; "": the task itself is wrong
Misfits = Callable[[str, ModelConfig], Sequence[tuple[str, str]]]

_PLANTED, _CIRCUIT = "planted", "circuit"
_REMOVAL = "mask"  # absent words keep their place: what the truth of planted texts is derived for


def check_settings(tree: Tree) -> Iterable[tuple[Place, str]]:
    """Settings of planted texts and of hand-built models where there are none, and a task that is missing."""
    for path, item in tree.entries("datasets"):
        yield from _check_only(tree, path, item, "source", _PLANTED, {"task": None})
        if isinstance(item, dict) and item.get("source") == _PLANTED and item.get("task") is None:
            yield tree.place((*path, "source")), f"{_dotted(path)}: the source '{_PLANTED}' needs a `task`"
    for path, item in tree.entries("models"):
        fields = ModelConfig.model_fields
        only = {key: fields[key].default for key in ("rotate", "weight_noise")}
        yield from _check_only(tree, path, item, "family", _CIRCUIT, only, default=fields["family"].default)


def _check_only(
    tree: Tree, path: KeyPath, item: Any, key: str, wanted: str, only: dict[str, Any], default: str | None = None
) -> Iterable[tuple[Place, str]]:
    """Keys of `only` that differ from their defaults in an entry whose `key` is not `wanted`."""
    if not isinstance(item, dict) or (got := item.get(key, default)) == wanted or not isinstance(got, str):
        return
    for name, usual in only.items():
        if name in item and item[name] != usual:
            message = f"{_dotted(path)}.{name} is for the {key} '{wanted}' only, not '{got}': remove it"
            yield tree.place((*path, name), of_key=True), message


def check_circuits(tree: Tree, config: StudyConfig, misfits: Misfits) -> Iterable[tuple[Place, str]]:
    """Hand-built models run on planted texts and have room for their heads; the truth is that of masked words."""
    planted = [f"'{dataset.name}'" for dataset in config.datasets if dataset.task is not None]
    if planted and config.explain.removal != _REMOVAL:
        yield (
            tree.place(("explain", "removal")),
            f"explain.removal is '{config.explain.removal}', wanted '{_REMOVAL}': the truth of planted texts "
            f"({', '.join(planted)}) holds for masked words only",
        )
    found: dict[tuple[Place, str], None] = {}  # each once: a task that is wrong in itself fits no model
    for i, dataset in enumerate(config.datasets):
        for j, model in enumerate(config.models):
            if model.family == _CIRCUIT and dataset.runs(model.name):
                found |= dict.fromkeys(_check_cell(tree, (i, dataset), (j, model), misfits))
    yield from found


def _check_cell(
    tree: Tree, data: tuple[int, DatasetConfig], circuit: tuple[int, ModelConfig], misfits: Misfits
) -> Iterable[tuple[Place, str]]:
    """data, circuit: the data set and the model of a cell, each with its place in its list."""
    (i, dataset), (j, model) = data, circuit
    if dataset.task is None:
        yield (
            tree.place(("datasets", i, "models")),
            f"datasets.{i}.models: '{model.name}' is of family '{_CIRCUIT}', set by hand for the task of data sets of "
            f"source '{_PLANTED}': leave it out here",
        )
        return
    for key, problem in misfits(dataset.task, model):
        if key:
            yield tree.place(("models", j, key)), f"models.{j}: task '{dataset.task}' does not fit: {problem}"
        else:
            yield tree.place(("datasets", i, "task")), f"datasets.{i}.task: '{dataset.task}' cannot be built: {problem}"


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))
