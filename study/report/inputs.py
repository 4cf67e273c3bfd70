"""RunTables: all that a report is made from, read once from the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from study.cells import models_of
from study.config import StudyConfig
from study.config.limits import primary_shapley
from study.errors import LedgerError
from study.reference import quotes_reference, read_card, read_coverage
from study.report.columns import COLUMNS, COST_COLUMNS, FLAGS, NAMES, NUMBERS, TEXT_IN

LIME = "lime"
TWO_WAY = "two_way_shapley"  # the method of the causal crosswalk
Variant = tuple[str, str]  # data set and model


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTables:
    """One run, read-only. tables: by name, an empty frame with the right columns where a file is missing.

    present: the names of the tables that exist. parts: the rows of each (table, dataset, model).
    cards: data card of every data set. gates: as in gates.json. reference: the kept score card of another run that
    this report quotes (`study.reference`), without rows where there is none or the run has its own. coverage: how often
    intervals of this kind hold the truth in simulations, without rows where that is not kept.
    """

    folder: Path
    config: StudyConfig
    config_text: str
    manifest: Mapping[str, Any]
    gates: tuple[Mapping[str, Any], ...]
    tables: Mapping[str, pd.DataFrame]
    present: frozenset[str]
    cost: pd.DataFrame
    cards: Mapping[str, Mapping[str, Any]]
    parts: Mapping[tuple[str, str, str], pd.DataFrame]
    reference: pd.DataFrame
    coverage: pd.DataFrame

    @property
    def variants(self) -> list[tuple[str, str]]:
        """Every (dataset, model) of the config, in its order."""
        return [(d.name, m.name) for d in self.config.datasets for m in models_of(d, self.config)]

    def label(self, dataset: str, model: str) -> str:
        """How the page calls a variant: the model, and the data set where there are several."""
        return model if len(self.config.datasets) == 1 else f"{model} · {dataset}"

    def of(self, table: str, dataset: str, model: str) -> pd.DataFrame:
        """The rows of one variant."""
        return self.parts.get((table, dataset, model), self.tables[table].iloc[:0])

    @property
    def shap(self) -> str:
        """The method that the page calls SHAP: the study's own Shapley values, the shap package's in runs without."""
        return primary_shapley(self.config.explain.methods)

    def methods(self) -> list[str]:
        """Feature methods in the config's order, those with scores only."""
        known = set(self.tables["features"]["method"])
        return [m for m in self.config.explain.methods if m in known] or sorted(known)


def pick(frame: pd.DataFrame, **equal: Any) -> pd.DataFrame:
    """The rows in which every named column has the given value."""
    for column, value in equal.items():
        frame = frame[frame[column] == value]
    return frame


def read_run(folder: Path, config: StudyConfig) -> RunTables:
    """Everything the report needs from a run folder; whatever a run need not have may be missing.

    Raises: LedgerError naming the file and the columns, where a table lacks columns of the contract.
    """
    tables, present = {}, set()
    for name, columns in COLUMNS.items():
        frame = _read_table(folder / "tables", name)
        if frame is None:
            frame = _empty(columns)
        else:
            present.add(name)
            _check_columns(frame, columns, f"tables/{name}")
        tables[name] = _tidy(frame, name)
    cost_path = folder / "cost.csv"
    cost = pd.read_csv(cost_path) if cost_path.exists() else pd.DataFrame(columns=list(COST_COLUMNS))
    _check_columns(cost, COST_COLUMNS, "cost.csv")
    resolved = folder / "config.resolved.yaml"
    return RunTables(
        folder=folder,
        config=config,
        config_text=resolved.read_text(encoding="utf-8") if resolved.exists() else "",
        manifest=_read_json(folder / "manifest.json", {}),
        gates=tuple(_read_json(folder / "gates.json", [])),
        tables=tables,
        parts=_by_variant(tables),
        present=frozenset(present),
        cost=_tidy(cost),
        cards=_read_cards(folder, config),
        reference=_tidy(read_card(folder if quotes_reference(config) else None)),
        coverage=read_coverage(folder),
    )


ABOUT_MODELS = ("accuracy", "profiles", "profile_words")  # what a run knows of its models, whatever text they read


def own_texts(
    folder: Path, config: StudyConfig, frames: Mapping[str, pd.DataFrame], gates: Sequence[Mapping[str, Any]]
) -> RunTables:
    """A reader's own texts, explained with the models of a finished run, as if they were all that it explained.

    frames: their tables, in the results contract. Of the run itself there is what it knows of its models, and the data
    cards; every other table is empty.
    Raises: LedgerError where a table lacks columns of the contract.
    """
    tables = {name: _empty(columns) for name, columns in COLUMNS.items()}
    tables |= {name: found for name in ABOUT_MODELS if (found := _read_table(folder / "tables", name)) is not None}
    tables |= frames
    for name, frame in tables.items():
        _check_columns(frame, COLUMNS[name], f"table {name}")
    tables = {name: _tidy(frame, name) for name, frame in tables.items()}
    return RunTables(
        folder=folder,
        config=config,
        config_text="",
        manifest={},
        gates=tuple(gates),
        tables=tables,
        parts=_by_variant(tables),
        present=frozenset(frames),
        cost=_tidy(_empty(COST_COLUMNS)),
        cards=_read_cards(folder, config),
        reference=_tidy(read_card(None)),
        coverage=_empty(()),
    )


def _empty(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype="object") for column in columns})


def _by_variant(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str, str], pd.DataFrame]:
    return {
        (name, *variant): rows
        for name, table in tables.items()
        if "model" in table
        for variant, rows in table.groupby(["dataset", "model"], sort=False)
    }


def _read_cards(folder: Path, config: StudyConfig) -> dict[str, Any]:
    return {d.name: _read_json(folder / "data" / d.name / "card.json", {}) for d in config.datasets}


def _read_table(folder: Path, name: str) -> pd.DataFrame | None:
    """One table, from parquet or else csv; None where neither exists. "null" and "nan" are words, not gaps."""
    if (folder / f"{name}.parquet").exists():
        return pd.read_parquet(folder / f"{name}.parquet")
    if (folder / f"{name}.csv").exists():
        return pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values={})
    return None


def _check_columns(frame: pd.DataFrame, wanted: tuple[str, ...], where: str) -> None:
    missing = [c for c in wanted if c not in frame.columns]
    if missing:
        raise LedgerError(
            f"{where} of this run lacks the column(s) {', '.join(missing)} (found: "
            f"{', '.join(map(str, frame.columns))}); it was written by another version: run the study again in a new "
            "folder"
        )


def _tidy(frame: pd.DataFrame, name: str = "") -> pd.DataFrame:
    """Names as text (a seed may be "all"), numbers as numbers, so that csv and parquet read alike."""
    frame = frame.copy()
    for column in frame.columns:
        if column in NAMES or (name, column) in TEXT_IN:
            frame[column] = frame[column].map(lambda v: "" if v is None or v != v else str(v)).astype(object)
        elif column in NUMBERS:
            frame[column] = pd.to_numeric(frame[column], errors="coerce").astype(float)
        elif column in FLAGS:
            frame[column] = frame[column].map(lambda v: str(v).lower() in ("true", "1")).astype(bool)
        elif column == "confirmed":  # nothing where a head makes no promise
            frame[column] = frame[column].map(lambda v: {"true": "yes", "false": "no"}.get(str(v).lower(), ""))
    return frame


def _read_json(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise
