"""The axes of a sweep: which points differ along one of them with everything else equal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from study.cells import models_of
from study.config import DatasetConfig, ModelConfig, StudyConfig

MODEL_AXES: Mapping[str, str] = {"depth": "n_layers", "heads": "n_heads", "width": "d_model"}
POOLED = "all"  # stands for the model, removal operator or budget where a trend is a mean over several

Place = tuple[str, str, int]  # model, removal operator, budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Points of one data set that differ along one axis alone.

    values: of the axis, rising, one a rung; 0 and 1 for two removal operators. rungs: where each rung is measured.
    models, removal, budget: what they have in common; for `models` along a model axis the names of all rungs.
    """

    axis: str
    values: tuple[float, ...]
    rungs: tuple[Place, ...]
    models: str
    removal: str
    budget: str


def ladders(dataset: DatasetConfig, config: StudyConfig) -> list[Ladder]:
    """Every ladder of a data set: depth, heads, width, removal operators against the first one, budget."""
    sweep = config.sweep
    if sweep is None:
        return []
    models = models_of(dataset, config)
    found = [
        _model_ladder(axis, family, removal, budget)
        for axis, family in model_families(models)
        for removal in sweep.removals
        for budget in sweep.budgets
    ]
    for other in sweep.removals[1:]:
        found += [
            Ladder(
                axis="removal",
                values=(0.0, 1.0),
                rungs=((model.name, sweep.removals[0], budget), (model.name, other, budget)),
                models=model.name,
                removal=f"{other} against {sweep.removals[0]}",
                budget=str(budget),
            )
            for model in models
            for budget in sweep.budgets
        ]
    budgets = tuple(sorted(sweep.budgets))
    if len(budgets) > 1:
        found += [
            Ladder(
                axis="budget",
                values=tuple(map(float, budgets)),
                rungs=tuple((model.name, removal, budget) for budget in budgets),
                models=model.name,
                removal=removal,
                budget=", ".join(map(str, budgets)),
            )
            for model in models
            for removal in sweep.removals
        ]
    return found


def model_families(models: Iterable[ModelConfig]) -> Iterator[tuple[str, tuple[ModelConfig, ...]]]:
    """(axis, models) wherever two models or more differ in that axis alone, rising along it.

    Width takes the MLP with it: models of one width family have the same ratio of d_mlp to d_model. Heads of another
    number have another width each where `d_head` is not set. Of models that are alike the first one counts.
    """
    models = list(models)
    for axis, key in MODEL_AXES.items():
        groups: dict[str, dict[int, ModelConfig]] = {}
        for model in models:
            groups.setdefault(_common(model, key), {}).setdefault(getattr(model, key), model)
        for group in groups.values():
            if len(group) > 1:
                yield axis, tuple(group[value] for value in sorted(group))


def _common(model: ModelConfig, key: str) -> str:
    """All that models of one family share."""
    settings = model.model_dump(mode="json", exclude={"name", "n_seeds", key})
    if key == "d_model":
        settings["d_mlp"] = model.d_mlp / model.d_model
    return json.dumps(settings, sort_keys=True)


def _model_ladder(axis: str, family: tuple[ModelConfig, ...], removal: str, budget: int) -> Ladder:
    return Ladder(
        axis=axis,
        values=tuple(float(getattr(model, MODEL_AXES[axis])) for model in family),
        rungs=tuple((model.name, removal, budget) for model in family),
        models=", ".join(model.name for model in family),
        removal=removal,
        budget=str(budget),
    )
