"""What each stage left in its folder: a marker with the key of its inputs and the hashes of its outputs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from study import ledger
from study.errors import LedgerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What a stage did in its folder.

    key: hash of `ingredients`, all that decides the result. outputs: file -> sha256; of a stage that
    was started and not done, the files of the time before. seconds: how long it took.
    peak_gib: the most memory its process had used by then, in GiB.
    """

    state: Literal["started", "done"]
    key: str
    ingredients: Mapping[str, Any]
    outputs: Mapping[str, str]
    seconds: float = 0.0
    peak_gib: float = 0.0


def marker_path(folder: Path, stage: str) -> Path:
    """Where the marker of a stage lies."""
    return folder / ".stages" / f"{stage}.json"


def write_marker(folder: Path, stage: str, marker: Marker) -> None:
    """Puts the marker in its place, atomically."""
    ledger.write_json(marker_path(folder, stage), asdict(marker))


def read_marker(folder: Path, stage: str) -> Marker | None:
    """The marker of a stage, None for a stage that never started.

    Raises: LedgerError for a marker that cannot be read.
    """
    path = marker_path(folder, stage)
    if not path.exists():
        return None
    try:
        return Marker(**ledger.read_json(path))
    except TypeError:
        raise LedgerError(f"{path} is no stage marker of this version: delete it, then run again") from None


def written_files(folder: Path) -> dict[str, str]:
    """File -> sha256, of what the stages that are done left in their folder.

    Raises: LedgerError for a marker that cannot be read.
    """
    markers = [read_marker(folder, path.stem) for path in sorted(marker_path(folder, "").parent.glob("*.json"))]
    return {
        name: value
        for marker in markers
        if marker is not None and marker.state == "done"
        for name, value in marker.outputs.items()
    }


def anything_done(run_folder: Path) -> bool:
    """Whether any stage of the run was ever finished, so that there are results to lose.

    A marker that cannot be read may be one of a finished stage.
    """
    return any(_may_be_done(path) for path in run_folder.rglob(".stages/*.json"))


def _may_be_done(marker: Path) -> bool:
    try:
        return bool(ledger.read_json(marker).get("state") == "done")
    except LedgerError:
        return True


def partial_folder(folder: Path, stage: str) -> Path:
    """Where a stage may keep checkpoints; emptied when what decides its result changes, and when it is done."""
    return folder / ".partial" / stage


def clear_partial(folder: Path, stage: str) -> None:
    """Removes the checkpoints of a stage."""
    shutil.rmtree(partial_folder(folder, stage), ignore_errors=True)
