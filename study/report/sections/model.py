"""Section: the model and its data: accuracy beside the baselines, learning curves, data cards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Section, Table
from study.report.figures.agreement import Dot, paint_dots
from study.report.figures.model import paint_curves
from study.report.figures.palette import ACCENT
from study.report.figures.style import draw
from study.report.inputs import RunTables, pick
from study.report.measures import accuracy_row
from study.report.notes import level_text
from study.report.numbers import count, listing, number, percent, plural
from study.report.tables import BASELINES, make_table

FEW = 3  # data sets that fit one figure; more are told in tables, and their details folded


def build(run: RunTables) -> Section | None:
    """Accuracy, learning curves, data cards."""
    opened = len(run.config.datasets) <= FEW
    blocks: list[Block] = [b for b in (_accuracy(run),) if b] if opened else []
    blocks += [*_accuracy_tables(run), *_curves(run)]
    cards = [_card(name, card, opened=opened) for name, card in run.cards.items() if card]
    if cards:
        blocks += [Heading("Data", "data"), *cards]
    return (
        Section(name="model", title="The model and its data", short="Model, data", blocks=tuple(blocks))
        if blocks
        else None
    )


def _accuracy(run: RunTables) -> Figure | None:
    panels: dict[str, list[Dot]] = {}
    for dataset in dict.fromkeys(run.tables["accuracy"]["dataset"]):
        rows = _in_order(pick(run.tables["accuracy"], dataset=dataset))
        dots = [
            Dot(row=_name(r), group="accuracy", estimate=100 * r["accuracy"], low=100 * r["low"], high=100 * r["high"])
            for _, r in rows.iterrows()
            if np.isfinite(r["accuracy"]) and r["kind"] != "majority"
        ]
        if dots:
            panels[str(dataset)] = dots
    if not panels:
        return None
    base = accuracy_row(run, next(iter(panels)), "tfidf_logreg")
    line = None if base is None or len(panels) > 1 else (100 * float(base["accuracy"]), "")
    title = "Test accuracy: " + "; ".join(_accuracy_title(run, name) for name in panels)
    n_test = run.tables["accuracy"].groupby("dataset", sort=False)["n_test"].max().astype(float)
    over_seeds = ", over texts and seeds for all seeds" if len(run.config.seeds) > 1 else ""
    note = (
        f"n = {listing(list(dict.fromkeys(map(count, n_test))))} test texts; {plural(len(run.config.seeds), 'seed')}. "
        f"{level_text(run)} intervals: over texts for one seed or baseline{over_seeds}."
    )
    return draw(
        "accuracy",
        lambda: paint_dots(panels, {"accuracy": ACCENT}, "test accuracy, %", reference=line),
        title=title,
        note=note,
        source="accuracy",
    )


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Baselines first, then every model over all seeds, then the seeds one by one."""
    place = (rows["kind"] == "model").astype(int) + ((rows["kind"] == "model") & (rows["seed"] != "all")).astype(int)
    return rows.assign(place=place).sort_values(["place"], kind="stable").drop(columns="place")


def _name(row: pd.Series) -> str:
    if row["kind"] != "model":
        return BASELINES.get(str(row["kind"]), str(row["kind"]))
    return f"{row['model']}, all seeds" if row["seed"] == "all" else f"{row['model']}, seed {row['seed']}"


def _accuracy_title(run: RunTables, dataset: str) -> str:
    base = accuracy_row(run, dataset, "tfidf_logreg")
    parts = []
    for name, model in run.variants:
        row = accuracy_row(run, name, "model", model)
        if row is not None and name == dataset:
            parts.append(f"{model} {percent(row['accuracy'], 1)}")
    tail = f", TF-IDF + logistic regression {percent(base['accuracy'], 1)}" if base is not None else ""
    where = "" if len(run.config.datasets) == 1 else f"{dataset}: "
    return f"{where}{', '.join(parts)}{tail}"


def _accuracy_tables(run: RunTables) -> list[Block]:
    """Everything in one table; where there are many data sets, single seeds in a folded one."""
    rows = _in_order(run.tables["accuracy"])
    if rows.empty:
        return []
    if len(run.config.datasets) <= FEW:
        return [_accuracy_table(run, rows, "table-accuracy")]
    place = {d.name: k for k, d in enumerate(run.config.datasets)}
    rows = rows.sort_values("dataset", key=lambda names: names.map(place), kind="stable")
    single = (rows["kind"] == "model") & (rows["seed"] != "all")
    blocks: list[Block] = [_accuracy_table(run, rows[~single], "table-accuracy")]
    if single.any():
        blocks.append(Details("Every training seed", (_accuracy_table(run, rows[single], "table-accuracy-seeds"),)))
    return blocks


def _accuracy_table(run: RunTables, rows: pd.DataFrame, anchor: str) -> Table:
    table = pd.DataFrame(
        {
            "classifier": [_name(r) for _, r in rows.iterrows()],
            "accuracy": rows["accuracy"],
            "low": rows["low"],
            "high": rows["high"],
            "test texts": rows["n_test"].astype(float),
        }
    )
    if len(run.config.datasets) > 1:
        table.insert(0, "data set", rows["dataset"])
    formats = {c: (lambda v: number(v, 3)) for c in ("accuracy", "low", "high")}
    return make_table(
        table,
        {**formats, "test texts": count},
        anchor=anchor,
        title="Accuracy on the test texts",
        source="accuracy",
        left=("classifier", "data set"),
    )


def _curves(run: RunTables) -> list[Block]:
    """The curves of every model that was trained, folded where there are many."""
    curves = {run.label(*v): run.of("training", *v) for v in run.variants}
    curves = {name: rows for name, rows in curves.items() if not rows.empty}
    if not curves:
        return []
    parts = []
    for name, rows in curves.items():
        known = rows.dropna(subset=["validation_loss"])
        if known.empty:
            parts.append(f"no epoch of {name}, where it is not a number")
            continue
        best = known.loc[known.groupby("seed")["validation_loss"].idxmin()]
        epochs = sorted({int(e) for e in best["epoch"]})
        place = f"epoch {epochs[0]}" if len(epochs) == 1 else f"epochs {epochs[0]} to {epochs[-1]}"
        parts.append(f"{place} in {name} (accuracy {percent(best['validation_accuracy'].mean(), 1)})")
    many = len(curves) > FEW
    title = _curves_title(curves) if many else f"Lowest validation loss at {'; '.join(parts)}"
    seeds = plural(len(run.config.seeds), "seed")
    note = f"One line per training; n = {seeds} per model; no interval. Words are masked at random in training only."
    figure = draw("curves", lambda: paint_curves(curves), title=title, note=note, source="training")
    return [Details(f"Learning curves of {plural(len(curves), 'model')}", (figure,))] if many else [figure]


def _curves_title(curves: dict[str, pd.DataFrame]) -> str:
    """Where validation accuracy is lowest and highest, over models; a model's number is the mean over its seeds."""
    ends = {}
    for name, rows in curves.items():
        known = rows.dropna(subset=["validation_loss"])
        if not known.empty:
            best = known.loc[known.groupby("seed")["validation_loss"].idxmin()]
            ends[name] = float(best["validation_accuracy"].mean())
    if not ends:
        return "No model has a validation loss that is a number"
    low, high = min(ends, key=ends.__getitem__), max(ends, key=ends.__getitem__)
    return (
        f"At its lowest validation loss a model's validation accuracy is between {percent(ends[low], 1)} ({low}) and "
        f"{percent(ends[high], 1)} ({high})"
    )


def _card(name: str, card: Any, *, opened: bool) -> Details:
    """A data card: every entry of the JSON, nested ones with dotted names."""
    table = pd.DataFrame(flatten(card), columns=["entry", "value"])
    block = make_table(
        table, {}, anchor=f"card-{name}", title=f"Data card of {name}", source="", left=("entry", "value")
    )
    return Details(f"Data card: {name}", (block,), is_open=opened and len(card) <= 12)


def flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Every leaf of nested mappings as (dotted name, text); lists are joined."""
    if isinstance(value, dict):
        return [
            leaf for key, inner in value.items() for leaf in flatten(inner, f"{prefix}.{key}" if prefix else str(key))
        ]
    if isinstance(value, list):
        return [(prefix, ", ".join(map(str, value)))]
    if isinstance(value, int) and not isinstance(value, bool):
        return [(prefix, count(value) if value >= 1000 else str(value))]
    return [(prefix, "" if value is None else str(value))]
