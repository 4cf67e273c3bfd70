"""Damaged files of a run: put aside under a name that says so, so that they are neither used nor lost."""

from __future__ import annotations

from pathlib import Path

from study import ledger
from study.errors import LedgerError
from study.ledger.markers import marker_path, read_marker


def set_aside_damaged(folder: Path, stage: str) -> list[Path]:
    """Renames every output of a stage that is not as it was written, and a marker that cannot be read.

    Returns the new names: `<name>.damaged-1`, or the next free number. The stage finds them missing and runs again.
    """
    try:
        marker = read_marker(folder, stage)
    except LedgerError:
        return [_rename(marker_path(folder, stage))]
    outputs = marker.outputs if marker is not None and marker.state == "done" else {}
    paths = {ledger.inside(folder, name): expected for name, expected in outputs.items()}
    return [_rename(path) for path, hash_ in paths.items() if path.exists() and ledger.sha256_of(path) != hash_]


def _rename(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside
