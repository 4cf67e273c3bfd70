"""From the estimates of a sweep to the panels of its figures: one axis moves, everything else stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from study.report.figures.sweep import Line, Panel, PanelRow, as_array
from study.report.sweep.inputs import AXIS_COLUMNS, AXIS_UNITS, Outcome, SweepTables

_COLUMNS = {"x": "x", "y": "estimate", "low": "low", "high": "high"}
AXIS_TITLES = {"depth": "Depth", "heads": "Heads", "width": "Width", "budget": "Budget", "length": "Length"}
SUBSETS = ("short", "middle", "long")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line to be drawn on every axis. budget: where it is fixed; along budgets, those that differ in it are one."""

    outcome: Outcome
    label: str
    colour: str
    strong: bool
    removal: str
    budget: int


def panel_row(sweep: SweepTables, dataset: str, label: str, series: Sequence[Series]) -> PanelRow | None:
    """The series along every axis that the sweep has; None where it has no axis."""
    panels = [
        panel
        for axis in ("depth", "heads", "width", "budget", "length")
        if (panel := _panel(sweep, dataset, axis, series)) is not None
    ]
    return PanelRow(label=label, panels=tuple(panels)) if panels else None


def _panel(sweep: SweepTables, dataset: str, axis: str, series: Sequence[Series]) -> Panel | None:
    lines: list[Line] = []
    ticks: set[float] = set()
    drawn: set[tuple[Outcome, str]] = set()
    for one in series:
        if axis == "budget" and (one.outcome, one.removal) in drawn:
            continue
        drawn.add((one.outcome, one.removal))
        rows = _rows(sweep, dataset, axis, one)
        if len(rows) < 2:
            continue
        lines.append(_line(one, rows))
        ticks |= set(rows["x"])
    if not lines:
        return None
    if axis == "length":  # thirds of the texts: their mean lengths are no round numbers
        ticks = {round(float(tick)) for tick in ticks}
    return Panel(title=AXIS_TITLES[axis], unit=AXIS_UNITS[axis][1], ticks=tuple(sorted(ticks)), lines=tuple(lines))


def _rows(sweep: SweepTables, dataset: str, axis: str, series: Series) -> pd.DataFrame:
    """The estimates of one series along one axis, with its place `x`, rising."""
    rows = series.outcome.rows(sweep.estimates[sweep.estimates["dataset"] == dataset])
    rows = rows[rows["removal"] == series.removal]
    base = rows["model"] == sweep.base[dataset]
    everything, here = rows["subset"] == "all", rows["budget"] == series.budget
    if axis in AXIS_COLUMNS:
        families = sweep.families(dataset, axis)
        if not families:
            return rows.iloc[:0].assign(x=[])
        family = next((names for names in families if sweep.base[dataset] in names), families[0])
        rows = rows[everything & here & rows["model"].isin(family)]
        found = rows.assign(x=[sweep.size(str(model), axis) for model in rows["model"]])
    elif axis == "budget":
        found = rows[everything & base].assign(x=lambda frame: frame["budget"].astype(float))
    else:
        found = rows[base & here & rows["subset"].isin(SUBSETS)].assign(x=lambda frame: frame["n_words"])
    return found[found["estimate"].notna()].sort_values("x")


def _line(series: Series, rows: pd.DataFrame) -> Line:
    return Line(
        label=series.label,
        colour=series.colour,
        strong=series.strong,
        **{key: as_array(rows[column].tolist()) for key, column in _COLUMNS.items()},
    )
