"""SweepTables: all that the report of a sweep is made from, and what it calls things."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from study.config import StudyConfig
from study.ledger import CONFIG_FILE, GATES_FILE, MANIFEST_FILE, read_bytes, read_frame
from study.report.numbers import number, plural

POOLED = "all"  # in the trends: a mean over models, removal operators or budgets
AXES = ("depth", "heads", "width", "budget", "length", "removal")  # in the order of the page
AXIS_COLUMNS: Mapping[str, str] = {"depth": "n_layers", "heads": "n_heads", "width": "d_model"}
AXIS_UNITS: Mapping[str, tuple[str, str]] = {
    "depth": ("layer", "layers"),
    "heads": ("head a layer", "heads a layer"),
    "width": ("dimension", "dimensions"),
    "budget": ("evaluation", "evaluations"),
    "length": ("word", "words"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Something measured on every text: its rows in the tables, and how sentences, figures and tables name it.

    named: with an article or none, as the subject of a sentence. plural: whether that subject is.
    """

    metric: str
    method_a: str
    method_b: str
    named: str
    axis_label: str
    decimals: int = 2
    plural: bool = False

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Its rows of a table of the sweep."""
        same = (table["metric"] == self.metric) & (table["method_a"] == self.method_a)
        return table[same & (table["method_b"] == self.method_b)]


AGREEMENT = Outcome(
    metric="spearman",
    method_a="shapley",
    method_b="lime",
    named="agreement of SHAP and LIME (Spearman)",
    axis_label="Spearman",
)
TOP_WORDS = Outcome(
    metric="feature_agreement_chance_adjusted_at_k3",
    method_a="shapley",
    method_b="lime",
    named="agreement on the top three words, beyond chance,",
    axis_label="top 3, beyond chance",
)
_COMPREHENSIVE = "comprehensiveness_normalised_score"
FAITHFUL = tuple(
    Outcome(
        metric=f"{_COMPREHENSIVE}_{place}",
        method_a=method,
        method_b="",
        named=f"faithfulness of {label}{tested}",
        axis_label=f"{label}{tested}",
    )
    for method, label in (("shapley", "SHAP"), ("lime", "LIME"))
    for place, tested in (("own", ""), ("other", ", tested by the other operator"))
)
HEADS_WRITE = Outcome(
    metric="effective_heads",
    method_a="direct_centred",
    method_b="",
    named="the heads that write a text's margin",
    axis_label="direct, centred",
    decimals=1,
    plural=True,
)
HEADS_NEEDED = Outcome(
    metric="effective_heads",
    method_a="head_shapley",
    method_b="",
    named="the heads that a text's words need (head Shapley)",
    axis_label="head Shapley",
    decimals=1,
    plural=True,
)
HEADS_PER_WORD = Outcome(
    metric="effective_heads_per_word",
    method_a="shapley",
    method_b="",
    named="the heads that write one word's SHAP value",
    axis_label="of one word's SHAP value",
    decimals=1,
    plural=True,
)
ACCURACY = Outcome(
    metric="accuracy", method_a="", method_b="", named="accuracy", axis_label="test accuracy", decimals=3
)
TOLD = (AGREEMENT, FAITHFUL[0], FAITHFUL[2], HEADS_NEEDED, ACCURACY)  # in every finding about an axis


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTables:
    """One sweep, read-only. base: by data set, the model that stands on most axes, shown where the model is fixed."""

    folder: Path
    config: StudyConfig
    config_text: str
    manifest: Mapping[str, Any]
    gates: tuple[Mapping[str, Any], ...]
    points: pd.DataFrame
    measurements: pd.DataFrame
    estimates: pd.DataFrame
    trends: pd.DataFrame
    cost: pd.DataFrame
    base: Mapping[str, str]

    @property
    def failed(self) -> pd.DataFrame:
        """The points that failed."""
        return self.points[self.points["state"] != "done"]

    @property
    def level(self) -> str:
        """ "95 %"."""
        return f"{100 * self.config.compare.level:g} %"

    def pooled(self, dataset: str, axis: str) -> pd.DataFrame:
        """The trends of one axis that are means over all that is held equal."""
        rows = self.trends[(self.trends["dataset"] == dataset) & (self.trends["axis"] == axis)]
        if axis in AXIS_COLUMNS:
            return rows[(rows["removal"] == POOLED) & (rows["budget"] == POOLED)]
        return rows[rows["models"] == POOLED]

    def families(self, dataset: str, axis: str) -> list[tuple[str, ...]]:
        """The models that differ along a model axis alone, by name, rising along it."""
        rows = self.trends[(self.trends["dataset"] == dataset) & (self.trends["axis"] == axis)]
        return [tuple(str(names).split(", ")) for names in rows["models"].drop_duplicates()]

    def size(self, model: str, axis: str) -> float:
        """A model's place on a model axis."""
        return float(self.points.loc[self.points["model"] == model, AXIS_COLUMNS[axis]].iloc[0])


def read_sweep(folder: Path, config: StudyConfig) -> SweepTables:
    """Everything the report needs from the folder of a sweep. Raises: LedgerError for a table that is missing."""
    names = ("points", "sweep_measurements", "sweep_estimates", "trends")
    frames = {name: _texts_filled(read_frame(folder / "tables" / f"{name}.parquet")) for name in names}
    manifest, gates = folder / MANIFEST_FILE, folder / GATES_FILE
    return SweepTables(
        folder=folder,
        config=config,
        config_text=read_bytes(folder / CONFIG_FILE).decode() if (folder / CONFIG_FILE).exists() else "",
        manifest=json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {},
        gates=tuple(json.loads(gates.read_text(encoding="utf-8")) if gates.exists() else []),
        points=frames["points"],
        measurements=frames["sweep_measurements"],
        estimates=frames["sweep_estimates"],
        trends=frames["trends"],
        cost=read_frame(folder / "cost.csv"),
        base={d.name: _base_model(frames["trends"], frames["points"], d.name) for d in config.datasets},
    )


def amount(axis: str, value: float) -> str:
    """A place on an axis in words: "2 layers", "1,024 evaluations"."""
    one, many = AXIS_UNITS[axis]
    return plural(round(value), one, many)


def shown(outcome: Outcome, value: float) -> str:
    """A value of an outcome with its decimals."""
    return number(value, outcome.decimals)


def _base_model(trends: pd.DataFrame, points: pd.DataFrame, dataset: str) -> str:
    rows = trends[(trends["dataset"] == dataset) & trends["axis"].isin(list(AXIS_COLUMNS))]
    counts = Counter(name for names in rows["models"].drop_duplicates() for name in str(names).split(", "))
    models = points.loc[points["dataset"] == dataset, "model"].drop_duplicates().tolist()
    return max(models, key=lambda model: counts[model])  # the first of several


def _texts_filled(frame: pd.DataFrame) -> pd.DataFrame:
    """Empty texts as texts, whatever the file made of them."""
    columns = [c for c in ("message", "removal", "method_a", "method_b") if c in frame]
    return frame.assign(**{c: frame[c].fillna("").astype(str) for c in columns})
