"""The reference of a study: on which stack it was made, the hashes of its tables, and its key values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from study import ledger
from study.config import StudyConfig
from study.config.loading import config_hash
from study.errors import LedgerError
from study.ledger.manifest import describe_machine, package_versions
from study.reproduction.key_values import WHY, key_values

SCHEMA_VERSION = 1
HOW = "`study reproduce --keep` writes it anew"
_DATA_FILES = ("vocabulary.json",)  # of every data set: made of texts alone, so the same everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a run is held against. No texts: hashes, counts and numbers.

    stack: versions, processor and its instructions. tables: name -> sha256, rows, columns. data: file -> sha256.
    values: name -> value, tolerance (absolute), kind; reasons: kind -> why the tolerance is so large.
    """

    schema_version: int
    config_hash: str
    stack: Mapping[str, str]
    tables: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, str]
    values: Mapping[str, Mapping[str, Any]]
    reasons: Mapping[str, str]


def describe_stack() -> dict[str, str]:
    """Versions of Python and packages, system, processor, and the instructions that torch uses on it.

    The processor's name alone would not do: one name stands for chips with and without AVX-512.
    """
    import torch

    machine = describe_machine()
    instructions = torch.backends.cpu.get_cpu_capability()
    hardware = {"system": machine["system"], "processor": machine["processor"], "instructions": instructions}
    return package_versions() | hardware


def describe_run(folder: Path, config: StudyConfig) -> Reference:
    """The reference that a finished run would leave.

    Raises: LedgerError for a run without the tables or estimates that are looked at.
    """
    paths = sorted((folder / "tables").glob("*.parquet"))
    tables = {path.stem: ledger.read_frame(path) for path in paths}
    values = key_values(tables, ledger.read_json(folder / ledger.GATES_FILE))
    data = {f"{d.name}/{name}": folder / "data" / d.name / name for d in config.datasets for name in _DATA_FILES}
    return Reference(
        schema_version=SCHEMA_VERSION,
        config_hash=config_hash(config),
        stack=describe_stack(),
        tables={
            path.stem: {
                "sha256": ledger.sha256_of(path),
                "rows": len(tables[path.stem]),
                "columns": list(map(str, tables[path.stem].columns)),
            }
            for path in paths
        },
        data={name: ledger.sha256_of(path) for name, path in data.items()},
        values={v.name: {"value": v.value, "tolerance": v.tolerance, "kind": v.kind} for v in values},
        reasons=WHY,
    )


def write_reference(path: Path, reference: Reference) -> None:
    """Raises: LedgerError for a key value that is not a number, which could not be held against anything."""
    missing = [name for name, kept in reference.values.items() if not math.isfinite(kept["value"])]
    if missing:
        raise LedgerError(f"undefined in this run, so it can be no reference: {', '.join(missing)}")
    ledger.write_json(path, asdict(reference))


def read_reference(path: Path) -> Reference:
    """Raises: LedgerError for a file that is missing or no reference of this version."""
    if not path.is_file():
        raise LedgerError(f"there is no reference at {path}; {HOW}")
    try:
        reference = Reference(**ledger.read_json(path))
    except TypeError:
        raise LedgerError(f"{path} is no reference of this version; {HOW}") from None
    if reference.schema_version != SCHEMA_VERSION:
        raise LedgerError(
            f"{path} has schema version {reference.schema_version}, this program reads {SCHEMA_VERSION}; {HOW}"
        )
    return reference
