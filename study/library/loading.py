"""A finished run, read back: its tables, its models, and explainers of new texts made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study import ledger
from study.cells import cell_name, cells, models_of, seeds_of
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.errors import LedgerError, UnknownNameError
from study.ledger.manifest import read_manifest
from study.registry import suggest
from study.running.run_folder import find_run, load_run_config

if TYPE_CHECKING:
    import pandas as pd

    from study.library.one_text import TextExplainer

_ENDINGS = (".parquet", ".csv")  # of tables; the first that is there is read


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKey:
    """Which model of a run: the data set and the model by name, and the training seed."""

    dataset: str
    model: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRun:
    """A finished run. folder: where it lies, only ever read; config: what it was made with."""

    folder: Path
    config: StudyConfig

    def __repr__(self) -> str:
        models = dict.fromkeys(f"{key.model} on {key.dataset}" for key in self.models())
        seeds = dict.fromkeys(str(key.seed) for key in self.models())
        return f"LoadedRun {str(self.folder)!r}: {', '.join(models)}; seeds {', '.join(seeds)}"

    def table(self, name: str) -> pd.DataFrame:
        """A table of the run by its name in `tables/`. Raises: UnknownNameError for a table that it has not."""
        folder = self.folder / "tables"
        for ending in _ENDINGS:
            if (path := folder / f"{name}{ending}").is_file():
                return ledger.read_frame(path)
        names = sorted({path.stem for path in folder.glob("*") if path.suffix in _ENDINGS})
        raise UnknownNameError(f"run '{self.folder.name}' has no table '{name}'{suggest(name, names)}")

    def models(self) -> list[ModelKey]:
        """Every trained model, in the order of the config: data sets, models, seeds."""
        return [ModelKey(dataset=d.name, model=m.name, seed=seed) for d, m, seed in cells(self.config).values()]

    def explainer(self, dataset: str | None = None, model: str | None = None, seed: int | None = None) -> TextExplainer:
        """What explains texts with one model of the run, on the CPU whatever the run used.

        By default the first data set (that the model, where it is named, runs on), its first model, and of its seeds
        that of median test accuracy. Raises: UnknownNameError for a data set, model or seed that the run has not;
        LedgerError where files of that model are missing or were changed.
        """
        key = self._choose(dataset, model, seed)
        from study.library.known_model import restore_model  # brings torch: after the mistakes that need none
        from study.library.one_text import TextExplainer

        return TextExplainer(restore_model(self, key))

    def _choose(self, dataset: str | None, model: str | None, seed: int | None) -> ModelKey:
        config = self.config
        running = [d for d in config.datasets if model is None or d.runs(model)]
        if dataset is None:
            chosen = (running or list(config.datasets))[0]
        else:
            chosen = self._named("data set", dataset, config.datasets)
        models = models_of(chosen, config)
        named = models[0] if model is None else self._named(f"model on data set '{chosen.name}'", model, models)
        seeds = seeds_of(named, config)
        if seed is not None and seed not in seeds:
            told = suggest(str(seed), map(str, seeds))
            raise UnknownNameError(f"run '{self.folder.name}' has no seed {seed} of model '{named.name}'{told}")
        if seed is None:
            seed = seeds[0] if len(seeds) == 1 else self._median_seed(chosen.name, named.name, seeds)
        return ModelKey(dataset=chosen.name, model=named.name, seed=seed)

    def _named(self, kind: str, name: str, among: Sequence[Any]) -> Any:
        """The part of the config of that name."""
        for part in among:
            if part.name == name:
                return part
        allowed = [part.name for part in among]
        raise UnknownNameError(f"run '{self.folder.name}' has no {kind} '{name}'{suggest(name, allowed)}")

    def _median_seed(self, dataset: str, model: str, seeds: Sequence[int]) -> int:
        """As in the report's explorer; the first seed where the run has no accuracy of the model."""
        # brings pandas: after the mistakes that need none
        from study.report.explorer.choosing import median_seed, seed_accuracy

        accuracy = seed_accuracy(self.table("accuracy"), dataset, model)["accuracy"].to_dict()
        return int(median_seed(accuracy)) if accuracy else seeds[0]

    def parts(self, key: ModelKey) -> tuple[DatasetConfig, ModelConfig, Path]:
        """The config of a model's data set, its own, and the folder of its cell."""
        cell = cell_name(key.dataset, key.model, key.seed)
        dataset, model, _ = cells(self.config)[cell]
        return dataset, model, self.folder / "cells" / cell


def load_run(run: str | Path, results: str | Path = "results") -> LoadedRun:
    """A finished run, by its name in the folder `results` or by its own folder. Nothing is written into it.

    Raises: LedgerError where there is no such run (naming those there are), where it is a sweep, or where it is not
    finished.
    """
    folder = find_run(str(run), Path(results))
    config = load_run_config(folder)
    if config.sweep is not None:
        raise LedgerError(f"{folder} is a sweep, which keeps no explanations: load a run made by `study run`")
    state = "running" if ledger.is_locked(folder) else str((read_manifest(folder) or {}).get("state", "unfinished"))
    if state != "finished":
        told = "a process is at work on it" if state == "running" else f"its state is '{state}'"
        raise LedgerError(f"{folder} is not finished ({told}): `study run CONFIG` goes on with it, then load it")
    return LoadedRun(folder=folder, config=config)
