"""Shows the walkthrough of attention as a table and keeps it as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from study import ledger
from study.errors import GateError
from study.model.walkthrough import WalkthroughRow, build_walkthrough
from study.running.run_folder import load_run_config

_COLUMNS = ("size", "step", "operation", "in_1", "in_2", "out")


def show_walkthrough(run_folder: Path | None, results: Path, console: Console) -> int:
    """Prints the steps and checks, writes them to walkthrough.csv, and returns the exit status.

    run_folder: its first trained model is walked through as well; the file then goes there, else into `results`.
    """
    rows = _walk(run_folder)
    steps, checks = Table(*_COLUMNS, box=None, pad_edge=False), Table("size", "check", box=None, pad_edge=False)
    checks.add_column("largest difference", no_wrap=True)
    for row in rows:
        if row.step == "check":
            checks.add_row(row.size, row.operation, _describe_check(row))
        else:
            steps.add_row(*(str(getattr(row, column)) for column in _COLUMNS))
    console.print(steps, "", checks, "", markup=False)
    path = (results if run_folder is None else run_folder) / "walkthrough.csv"
    ledger.write_text(path, _to_csv(rows))
    console.print(f"wrote {path}", markup=False, soft_wrap=True)
    return GateError.exit_status if any(map(_is_broken, rows)) else 0


def _walk(run_folder: Path | None) -> list[WalkthroughRow]:
    import torch

    torch.set_num_threads(1)
    if run_folder is None:
        return build_walkthrough(None, torch.Generator().manual_seed(0))
    from study.pipeline import walk_through

    return walk_through(run_folder, load_run_config(run_folder))


def _is_broken(row: WalkthroughRow) -> bool:
    return row.step == "check" and not row.difference <= row.tolerance  # NaN is broken, too


def _describe_check(row: WalkthroughRow) -> str:
    word = "BROKEN, allowed" if _is_broken(row) else "holds, allowed"
    return f"{row.difference:.1e} ({word} {row.tolerance:.0e})"


def _to_csv(rows: Sequence[WalkthroughRow]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(asdict(rows[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()
