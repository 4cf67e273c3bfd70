"""FinishedRun: what is compared of a run, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from study import ledger
from study.cells import cells
from study.config import StudyConfig
from study.config.loading import flatten_settings
from study.errors import LedgerError
from study.ledger.manifest import SCHEMA_VERSION, read_manifest
from study.ledger.markers import written_files

KEYS = ["dataset", "model", "metric", "method_a", "method_b"]
SWEEP_KEYS = ["dataset", "model", "removal", "budget", "metric", "method_a", "method_b"]
_NO_PLACE = {"removal": "", "budget": 0}  # of accuracy in a sweep, which depends on neither


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """One finished run. settings, code, data: flat; hashes of tables by name, with their numbers of rows.

    keys: the columns that name an estimate, those of a sweep or of a run. estimates: subset all, accuracy among them;
    measurements: one value a seed and text, of the right predictions too. texts: data set -> example id -> text.
    """

    name: str
    folder: Path
    manifest: Mapping[str, Any]
    settings: Mapping[str, Any]
    code: Mapping[str, str]
    tables: Mapping[str, tuple[str, int]]
    keys: list[str]
    estimates: pd.DataFrame
    measurements: pd.DataFrame
    texts: Mapping[str, Mapping[str, str]]

    @property
    def is_sweep(self) -> bool:
        return self.keys == SWEEP_KEYS


def read_finished(folder: Path, config: StudyConfig, name: str) -> FinishedRun:
    """A finished run under the name that the comparison gives it.

    Raises: LedgerError for a run that is not finished, of another schema, or without estimates.
    """
    manifest = check_finished(folder)
    tables = folder / "tables"
    is_sweep = (tables / "sweep_estimates.parquet").is_file()
    estimates = _read(tables / ("sweep_estimates.parquet" if is_sweep else "estimates.parquet"))
    measurements = _read(tables / ("sweep_measurements.parquet" if is_sweep else "measurements.parquet"))
    keys = SWEEP_KEYS if is_sweep else KEYS
    right = right_predictions(folder, config)
    right = right.assign(**_NO_PLACE)[[*keys, "seed", "example_id", "value"]] if is_sweep else right
    measured_too = right[right["metric"] == "accuracy"].groupby(keys, sort=False)["value"].mean()
    accuracy = measured_too.reset_index().rename(columns={"value": "estimate"})
    others = estimates[(estimates["subset"] == "all") & (estimates["metric"] != "accuracy")]
    columns = [*keys, "seed", "example_id", "value"]
    return FinishedRun(
        name=name,
        folder=folder,
        manifest=manifest,
        settings=flatten_settings(manifest["config"]),
        code=_read_code(folder),
        tables={path.stem: _describe(path) for path in sorted(tables.glob("*.parquet"))},
        keys=keys,
        estimates=pd.concat([accuracy, others[[*keys, "estimate"]]], ignore_index=True),
        measurements=pd.concat([right[columns], measurements[columns]], ignore_index=True),
        texts={dataset.name: _read_texts(folder, dataset.name) for dataset in config.datasets},
    )


def check_finished(folder: Path) -> Mapping[str, Any]:
    """The manifest of a finished run whose tables are as they were written.

    Raises: LedgerError telling what the run lacks, or which table was changed, and what to do.
    """
    manifest = read_manifest(folder) or {}
    state = manifest.get("state", "not finished")
    if ledger.is_locked(folder) or state != "finished":
        told = "running now" if ledger.is_locked(folder) else str(state)
        raise LedgerError(
            f"the run in {folder} is {told}: only finished runs are compared; `study run` on its config goes on with it"
        )
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise LedgerError(
            f"the run in {folder} has schema version {manifest.get('schema_version')}, this program reads "
            f"{SCHEMA_VERSION}: run the study again in a new folder"
        )
    for name, expected in written_files(folder).items():
        path = ledger.inside(folder, name)
        if path.parent.name != "tables":
            continue
        if not path.is_file():
            raise _missing(path)
        if (found := ledger.sha256_of(path)) != expected:
            raise ledger.damaged(path, expected, found)
    return manifest


def right_predictions(folder: Path, config: StudyConfig) -> pd.DataFrame:
    """Measurements of `accuracy` (1 where a test text is predicted right) and of what it gains on the baseline."""
    frames = []
    for cell, (dataset, model, seed) in cells(config).items():
        path = folder / "cells" / cell / "predictions.parquet"
        if not path.is_file():
            continue  # a point of a sweep that failed; its row of `points` says so
        predicted = ledger.read_frame(path, written_files(path.parent).get(path.name))
        base = {"dataset": dataset.name, "model": model.name, "seed": seed, "example_id": predicted["example_id"]}
        right = (predicted["label"] == predicted["predicted"]).astype(float)
        frames.append(pd.DataFrame(base | {"metric": "accuracy", "method_a": "", "method_b": "", "value": right}))
        baseline = _baseline_right(folder, dataset.name, predicted["example_id"].tolist())
        if baseline is not None:
            named = {"metric": "accuracy_gain", "method_a": "model", "method_b": "tfidf_logreg"}
            frames.append(pd.DataFrame(base | named | {"value": right - baseline}))
    columns = [*KEYS, "seed", "example_id", "value"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _baseline_right(folder: Path, dataset: str, examples: Sequence[str]) -> Any:
    path = folder / "data" / dataset / "baselines.parquet"
    if not path.is_file():
        return None
    rows = ledger.read_frame(path, written_files(path.parent).get(path.name)).set_index("example_id").reindex(examples)
    return (rows["tfidf_logreg"] == rows["label"]).to_numpy(dtype=float)


def _read_code(folder: Path) -> dict[str, str]:
    """sha256 of every source that decided a stage of the run, as the stages recorded it."""
    code: dict[str, str] = {}
    for path in sorted(folder.rglob(".stages/*.json")):
        code |= ledger.read_json(path).get("ingredients", {}).get("code", {})
    return code


def _read_texts(folder: Path, dataset: str) -> dict[str, str]:
    path = folder / "data" / dataset / "texts.parquet"
    if not path.is_file():
        return {}
    frame = ledger.read_frame(path, written_files(path.parent).get(path.name))
    return dict(zip(frame["example_id"].astype(str), frame["text"].astype(str), strict=True))


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise _missing(path)
    return ledger.read_frame(path)


def _missing(path: Path) -> LedgerError:
    return LedgerError(f"{path} is missing, so that run cannot be compared; `study run` on its config makes it")


def _describe(path: Path) -> tuple[str, int]:
    import pyarrow.parquet as pq

    return ledger.sha256_of(path), int(pq.read_metadata(path).num_rows)
