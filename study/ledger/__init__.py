"""The run folder on disk: atomic writes, reads checked by hash, and the lock.

Every write goes to a temporary name in the same folder, is flushed to the disk and then renamed, so that a
file is there whole or not at all, whenever the process is killed.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from study.errors import LedgerError, WriteError

if TYPE_CHECKING:
    import pandas as pd

CONFIG_FILE, MANIFEST_FILE, GATES_FILE, LOG_FILE = "config.resolved.yaml", "manifest.json", "gates.json", "log.jsonl"
_TEMPORARY = ".writing-"


def write_bytes(path: Path, data: bytes) -> str:
    """Puts `data` at `path` atomically; folders are made. Returns its sha256.

    Raises: WriteError where the disk does not take it; what stood at `path` is then untouched.
    """
    temporary = path.parent / f"{_TEMPORARY}{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return hashlib.sha256(data).hexdigest()


def write_text(path: Path, text: str) -> str:
    """Like `write_bytes`, as UTF-8."""
    return write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> str:
    """Like `write_bytes`, as indented JSON; NaN and infinities become the texts "NaN", "Infinity", "-Infinity".

    JSON has no such numbers; `float()` reads the texts back.
    """
    return write_text(path, json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_frame(path: Path, frame: pd.DataFrame) -> str:
    """Like `write_bytes`, as Parquet or CSV by the suffix; the index is left out. Equal frames give equal bytes.

    Raises: ValueError for another suffix; for a column of mixed types, which Parquet does not take.
    """
    if path.suffix == ".csv":
        return write_text(path, frame.to_csv(index=False, lineterminator="\n"))
    if path.suffix != ".parquet":
        raise ValueError(f"a table is written as .parquet or .csv, not '{path.name}'")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except pa.ArrowException as error:
        raise ValueError(f"{path.name} does not fit Parquet: {error}") from error
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), sink)  # pandas would write its version into the file
    return write_bytes(path, sink.getvalue())


def read_bytes(path: Path, expected: str | None = None) -> bytes:
    """The bytes at `path`; with `expected` they must have that sha256.

    Raises: LedgerError for a file that is missing or was changed after it was written.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}; `study run` makes it again") from None
    if expected is not None and (found := hashlib.sha256(data).hexdigest()) != expected:
        raise damaged(path, expected, found)
    return data


def read_json(path: Path, expected: str | None = None) -> Any:
    """The JSON value at `path`. Raises: LedgerError as `read_bytes`, and for a file that is not JSON."""
    try:
        return json.loads(read_bytes(path, expected))
    except ValueError as error:
        raise LedgerError(f"{path} is not JSON ({error}): delete it, then run again") from None


def read_frame(path: Path, expected: str | None = None) -> pd.DataFrame:
    """The table at `path` (.parquet or .csv). Raises: LedgerError as `read_bytes`, and for a file that is no table."""
    import pandas as pd
    import pyarrow as pa

    data = io.BytesIO(read_bytes(path, expected))
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(data)
        return pd.read_csv(data, keep_default_na=False, na_values=[""])  # "null" and "NA" are words
    except (pa.ArrowException, OSError, ValueError) as error:  # of Parquet, of what it holds, of CSV
        raise LedgerError(f"{path} is no table ({error}): delete it, then run again") from error


def sha256_of(path: Path) -> str:
    """sha256 of the file at `path`, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged(path: Path, expected: str, found: str) -> LedgerError:
    """The error for a file that is not as it was written."""
    return LedgerError(
        f"{path} is not as this run wrote it: sha256 {expected[:12]}... expected, {found[:12]}... found. "
        "Delete the file (or move it away), then run again: its stage makes it anew"
    )


def inside(folder: Path, name: str) -> Path:
    """`folder / name`. Raises: LedgerError where that would lie outside `folder`."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or path == folder.resolve():
        raise LedgerError(f"'{name}' lies outside the folder {folder}: outputs are named relative to it")
    return folder / name


def remove_leftovers(folder: Path) -> None:
    """Removes the temporary files of writes that were killed. Only under the lock."""
    for path in folder.rglob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)


class RunLock:
    """Holds a run folder for one process; the kernel lets go of it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        self._descriptor = -1

    def __enter__(self) -> RunLock:
        """Raises: LedgerError where another process holds the folder; WriteError where nothing can be written there."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _cannot_write(self._path, error) from error
        try:
            self._take()
        except BaseException:
            os.close(self._descriptor)
            raise
        return self

    def _take(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode().strip() or "unknown"
            raise LedgerError(
                f"{self._path.parent} is in use by the process {holder}: wait for it, stop it, "
                "or run under another name (`name=other`)"
            ) from None
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def is_locked(folder: Path) -> bool:
    """Whether a process holds the run folder now."""
    try:
        descriptor = os.open(folder / ".lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _cannot_write(path: Path, error: OSError) -> WriteError:
    return WriteError(f"cannot write {path}: {error.strerror}; free space or rights, then run again")


def _flush_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(value: Any) -> Any:
    """`value` with numpy scalars as Python ones and non-finite numbers as text."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if not isinstance(value, bool | int | float | str) and hasattr(value, "item"):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
