"""Contrast: all that the page about several runs, and the terminal, are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from study.report.numbers import listing, plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Runs held against the first one, the baseline. names: as they are called, the baseline first.

    keys: the columns that name an estimate. level: of the intervals. metrics: asked for, empty for all.
    settings, origins: where the runs differ (`study.contrast.origins`). By name of every other run: differences
    (`study.metrics.contrasts`), tables (which are byte-identical), unmatched (what has no counterpart).
    n_seeds: training seeds of every run.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    level: float
    metrics: tuple[str, ...]
    settings: pd.DataFrame
    origins: pd.DataFrame
    differences: Mapping[str, pd.DataFrame]
    tables: Mapping[str, pd.DataFrame]
    unmatched: Mapping[str, pd.DataFrame]
    n_seeds: Mapping[str, int]

    @property
    def title(self) -> str:
        return f"{self.names[0]} against {listing(list(self.names[1:]))}"

    @property
    def places(self) -> list[str]:
        """Of data set, model, removal operator and budget those that differ between estimates."""
        keys = [key for key in ("dataset", "model", "removal", "budget") if key in self.keys]
        every = [rows[keys] for rows in self.differences.values()]
        return [key for key in keys if len({value for rows in every for value in rows[key]}) > 1]

    @property
    def others(self) -> tuple[str, ...]:
        return self.names[1:]


def is_identical(contrast: Contrast, other: str) -> bool:
    """Whether every table of the two runs is there in both, byte for byte the same."""
    return bool((contrast.tables[other]["state"] == "identical").all())


def verdict_line(contrast: Contrast, other: str) -> str:
    """One run against the baseline in one sentence or two."""
    base, tables, rows = contrast.names[0], contrast.tables[other], contrast.differences[other]
    if is_identical(contrast, other):
        return f"{other} is identical to {base}: all {plural(len(tables), 'table')} are the same to the last byte."
    same = int((tables["state"] == "identical").sum())
    told = f"{same} of {plural(len(tables), 'table')} are byte-identical."
    if rows.empty:
        return f"{other} and {base} have no estimate in common. {told}"
    count = rows["verdict"].value_counts()
    beyond, sure = int(count.get("beyond", 0)), n_sure(rows, contrast.level)
    quiet = int(count.get("equal", 0)), int(count.get("rounding", 0))
    text = f"Of {len(rows):,} estimates that {base} and {other} both have, {beyond:,} differ beyond their interval"
    text += f" ({sure:,} of them after adjustment for so many looks)" if beyond else ""
    return f"{text}; {quiet[0]:,} are equal, {quiet[1]:,} differ by rounding. {told}"


def n_sure(rows: pd.DataFrame, level: float) -> int:
    """How many rows differ beyond their interval and keep p below 1 - level after adjustment."""
    return int(((rows["verdict"] == "beyond") & (rows["p_adjusted"] < 1 - level)).sum())
