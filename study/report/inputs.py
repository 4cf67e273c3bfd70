"""RunTables: all that a report is made from, read once from the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from study.config import StudyConfig
from study.errors import LedgerError

_CELL = ("dataset", "model", "seed")
_TEXT = (*_CELL, "example_id")
_HEAD = ("component", "layer", "head")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "accuracy": (*_CELL, "kind", "accuracy", "low", "high", "level", "n_test", "n_seeds"),
    "training": (*_CELL, "epoch", "train_loss", "validation_loss", "validation_accuracy"),
    "texts": (
        *_CELL,
        *("trained", "example_id", "text", "label", "predicted", "target", "margin", "empty_margin"),
        *("n_words", "n_words_cut", "n_unknown"),
    ),
    "features": (
        *_CELL,
        *("trained", "example_id", "word_index", "word", "unknown", "method", "estimator", "score", "n_evals"),
    ),
    "heads": (*_TEXT, *_HEAD, "method", "kind", "ablation", "score", "error"),
    "components": (
        *_CELL,
        *("example_id", "component", "kind_of_component", "layer", "head", "contribution", "empty_contribution"),
    ),
    "crosswalk": (*_CELL, "example_id", "word_index", "word", "component", "method", "kind", "value"),
    "causal": (
        *_TEXT,
        *("n_words", "n_word_coalitions", "words_exact", "n_head_coalitions", "heads_exact"),
        *("sampling_error", "word_error", "head_error"),
    ),
    "interactions": (*_TEXT, "component_a", "component_b", "value", "margin_value"),
    "ablations": (*_TEXT, "group", "n_heads", "ablation", "effect"),
    "trials": (
        *(*_CELL, "component", "partner", "n_texts", "mean_abs_change", "low", "high", "flipped", "accuracy_lost"),
    ),
    "profiles": (
        *_CELL,
        *_HEAD,
        *("raw_size", "direct_size", "causal_size", "ablation_size", "indirect_size"),
        *("indirect_share", "indirect_low", "indirect_high", "n_undefined"),
        *("words_direct_size", "words_direct_mean", "words_causal_size", "words_causal_mean"),
        *("partner", "interaction", "attention_to_cls", "attention_entropy"),
        *("class_", "reason", "trial_change", "trial_high", "trial_flipped", "trial_accuracy_lost", "confirmed"),
    ),
    "profile_words": (*_CELL, "component", "word", "n_texts", "causal", "direct", "side", "rank"),
    "head_disagreement": (
        *(*_CELL, "component", "rank_raw", "rank_direct", "rank_causal", "reason"),
        *("raw_size", "direct_size", "causal_size", "ablation_size", "indirect_share", "explanation"),
    ),
    "head_matches": ("dataset", "model", "seed_a", "seed_b", "layer", "head_a", "head_b", "cosine", "cosine_others"),
    "patching": (
        *_TEXT,
        *("swapped_index", "word", "twin_word", "margin", "twin_margin"),
        *_HEAD,
        *("place", "word_index", "at", "effect"),
    ),
    "layers": (*_TEXT, "step", "order", "layer", "lens_margin", "contribution"),
    "neurons": (*_CELL, "layer", "neuron", "size", "mean", "active_rate", "share", "rank"),
    "neuron_words": (*_TEXT, "layer", "neuron", "word_index", "word", "effect"),
    "paths": (*_TEXT, "path", "first", "second", "hops", "word_index", "word", "contribution", "rank"),
    "path_sums": (*_TEXT, "group", "contribution", "size", "listed"),
    "interventions": (*_TEXT, "kind", "name", "word_index", "predicted", "frozen", "live"),
    "removal_curves": (*_TEXT, "unit", "method", "fraction", "n_removed", "n_units", "margin_lost"),
    "measurements": (*_CELL, "example_id", "metric", "method_a", "method_b", "value"),
    "estimates": (
        *("dataset", "model", "metric", "method_a", "method_b", "subset"),
        *("estimate", "low", "high", "level", "n_examples", "n_seeds", "n_undefined"),
    ),
    "walkthrough": ("step", "operation", "in_1", "in_2", "out", "size"),
}
COST_COLUMNS = (*_CELL, "method", "n_texts", "n_evals", "seconds")
SHAP, LIME = "shap", "lime"
TWO_WAY = "two_way_shapley"  # the method of the causal crosswalk
Variant = tuple[str, str]  # data set and model


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTables:
    """One run, read-only. tables: by name, an empty frame with the right columns where a file is missing.

    present: the names of the tables that exist. parts: the rows of each (table, dataset, model).
    cards: data card of every data set. gates: as in gates.json.
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

    @property
    def variants(self) -> list[tuple[str, str]]:
        """Every (dataset, model) of the config, in its order."""
        return [(d.name, m.name) for d in self.config.datasets for m in self.config.models]

    def label(self, dataset: str, model: str) -> str:
        """How the page calls a variant: the model, and the data set where there are several."""
        return model if len(self.config.datasets) == 1 else f"{model} · {dataset}"

    def of(self, table: str, dataset: str, model: str) -> pd.DataFrame:
        """The rows of one variant."""
        return self.parts.get((table, dataset, model), self.tables[table].iloc[:0])

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
            frame = pd.DataFrame({c: pd.Series(dtype="object") for c in columns})
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
        parts={
            (name, *variant): rows
            for name, table in tables.items()
            if "model" in table
            for variant, rows in table.groupby(["dataset", "model"], sort=False)
        },
        present=frozenset(present),
        cost=_tidy(cost),
        cards={d.name: _read_json(folder / "data" / d.name / "card.json", {}) for d in config.datasets},
    )


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


_NUMBERS = frozenset(
    (
        *("accuracy", "low", "high", "train_loss", "validation_loss", "validation_accuracy", "margin", "empty_margin"),
        *("score", "contribution", "empty_contribution", "value", "estimate", "seconds", "n_evals", "n_texts"),
        *("n_examples", "n_seeds", "n_undefined", "n_words"),
        *("error", "n_word_coalitions", "n_head_coalitions", "sampling_error", "word_error", "head_error"),
        *("effect", "n_heads", "mean_abs_change", "direct_size", "raw_size", "causal_size", "margin_value"),
        *(
            "ablation_size",
            *("words_direct_size", "words_direct_mean", "words_causal_size", "words_causal_mean"),
            *("flipped", "accuracy_lost", "trial_flipped", "trial_accuracy_lost"),
            "indirect_size",
            "indirect_share",
            "indirect_low",
        ),
        *("indirect_high", "interaction", "attention_to_cls", "attention_entropy", "trial_change", "trial_high"),
        *("causal", "direct", "rank", "twin_margin", "lens_margin", "size", "mean", "active_rate", "share"),
        *("listed", "predicted", "frozen", "live", "fraction", "n_removed", "n_units", "margin_lost", "order"),
        *("rank_raw", "rank_direct", "rank_causal", "cosine", "cosine_others"),
    )
)
_NAMES = frozenset(
    (
        *("seed", "example_id", "word", "twin_word", "at", "method_b", "label", "target", "component", "partner"),
        *(
            "class_",
            "reason",
            "explanation",
            "head_a",
            "head_b",
            "seed_a",
            "seed_b",
            "path",
            "first",
            "second",
            "group",
            "name",
        ),
    )
)
_FLAGS = ("trained", "unknown", "words_exact", "heads_exact")
# "predicted" is a class in one table and a number in another; "size" is text in the walkthrough.
_TEXT_IN = {("texts", "predicted"), ("walkthrough", "size")}


def _tidy(frame: pd.DataFrame, name: str = "") -> pd.DataFrame:
    """Names as text (a seed may be "all"), numbers as numbers, so that csv and parquet read alike."""
    frame = frame.copy()
    for column in frame.columns:
        if column in _NAMES or (name, column) in _TEXT_IN:
            frame[column] = frame[column].map(lambda v: "" if v is None or v != v else str(v)).astype(object)
        elif column in _NUMBERS:
            frame[column] = pd.to_numeric(frame[column], errors="coerce").astype(float)
        elif column in _FLAGS:
            frame[column] = frame[column].map(lambda v: str(v).lower() in ("true", "1")).astype(bool)
        elif column == "confirmed":  # nothing where a head makes no promise
            frame[column] = frame[column].map(lambda v: {"true": "yes", "false": "no"}.get(str(v).lower(), ""))
    return frame


def _read_json(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise
