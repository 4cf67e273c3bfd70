"""The cells of a study (data set x model x seed), and the points of a sweep (cell x removal operator x budget)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from study.config import DatasetConfig, ModelConfig, StudyConfig


def cell_name(dataset: str, model: str, seed: int) -> str:
    """The folder name of a cell."""
    return f"{dataset}-{model}-s{seed}"


def cells(config: StudyConfig) -> Mapping[str, tuple[DatasetConfig, ModelConfig, int]]:
    """Every cell of a config by name, in the order of data sets, models, seeds."""
    return {
        cell_name(d.name, m.name, s): (d, m, s)
        for d in config.datasets
        for m in models_of(d, config)
        for s in seeds_of(m, config)
    }


def seeds_of(model: ModelConfig, config: StudyConfig) -> tuple[int, ...]:
    """The training seeds that a model runs on, in the config's order."""
    return config.seeds[: model.n_seeds]


def models_of(dataset: DatasetConfig, config: StudyConfig) -> tuple[ModelConfig, ...]:
    """The models that run on a data set, in the config's order."""
    return tuple(m for m in config.models if dataset.runs(m.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a sweep: a cell, and how SHAP and LIME are asked there. budget: evaluations a text and method."""

    cell: str
    dataset: DatasetConfig
    model: ModelConfig
    seed: int
    removal: str
    budget: int


def points(config: StudyConfig) -> Mapping[str, Point]:
    """Every point of a sweep by name, cell by cell, then removal operators, then budgets; none without a sweep."""
    if config.sweep is None:
        return {}
    return {
        f"{cell}-{removal}-{budget}": Point(cell=cell, dataset=d, model=m, seed=s, removal=removal, budget=budget)
        for cell, (d, m, s) in cells(config).items()
        for removal in config.sweep.removals
        for budget in config.sweep.budgets
    }
