"""The comparison on the terminal: one line a run, then small tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from study.report.contrast import p_text, row_label
from study.report.contrasted import Contrast, verdict_line
from study.report.numbers import interval, number, percent, signed

N_LISTED, N_ORIGINS = 15, 8


def print_comparison(contrast: Contrast, written: Sequence[Path], console: Console) -> None:
    """What differs, the largest differences first, and where the rest was written."""
    for other in contrast.others:
        console.print(verdict_line(contrast, other), markup=False)
    _print_frame(contrast.settings.head(N_LISTED), "settings that differ", console)
    if len(contrast.settings) > N_LISTED:
        console.print(f"and {len(contrast.settings) - N_LISTED} more, listed on the page", markup=False)
    for kind, rows in contrast.origins.groupby("kind", sort=False):
        if len(rows) > N_ORIGINS:
            console.print(f"\n{kind}: {len(rows)} differ, listed on the page", markup=False)
        else:
            _print_frame(rows.drop(columns="kind"), f"{kind} that differs", console)
    for other in contrast.others:
        _print_differences(contrast, other, console)
        for row in contrast.unmatched[other].itertuples(index=False):
            console.print(
                f"{row.n_estimates} estimates of {row.dataset} {row.model} are only in {row.only_in}", markup=False
            )
    console.print()
    for path in written:
        console.print(f"wrote {path}", markup=False, soft_wrap=True)


def _print_differences(contrast: Contrast, other: str, console: Console) -> None:
    rows = contrast.differences[other]
    chosen = pd.concat(
        [rows[rows["metric"] == "accuracy"], rows[rows["metric"].ne("accuracy") & rows["verdict"].eq("beyond")]]
    ).head(N_LISTED)
    if chosen.empty:
        return
    console.print(f"\n{other} − {contrast.names[0]}", markup=False)
    headers = ("estimate", contrast.names[0], other, "difference", f"{percent(contrast.level)} interval", "p adj.", "")
    table = Table(*headers, box=None, pad_edge=False)
    for _, row in chosen.iterrows():
        table.add_row(
            row_label(row, contrast.places),
            number(row["estimate_a"], 3),
            number(row["estimate_b"], 3),
            signed(row["difference"], 3),
            interval(row["low"], row["high"], 3),
            p_text(row["p_adjusted"]),
            f"{row['verdict']}, {row['pairing']}",
        )
    console.print(table, markup=False)


def _print_frame(frame: pd.DataFrame, title: str, console: Console) -> None:
    if frame.empty:
        return
    console.print(f"\n{title}", markup=False)
    table = Table(*(str(column) for column in frame.columns), box=None, pad_edge=False)
    for row in frame.itertuples(index=False, name=None):
        table.add_row(*map(str, row))
    console.print(table, markup=False)
