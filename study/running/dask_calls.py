"""What happens inside a dask worker: a call is performed, told about, and refused where the program is another one."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import distributed
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from study.ledger.manifest import digest, hash_code, package_versions
from study.running.worker import ONE_THREAD, Call, Unwanted, perform_call


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A call as it travels. key: of this performance. topic: where the worker tells about it.

    folder: the current folder of the client, from which the paths of a config count.
    program: what `describe_program` says in the client.
    """

    key: str
    call: Call
    topic: str
    folder: str
    program: Mapping[str, str]


class OutputToFile(distributed.WorkerPlugin):
    """Directs what a worker of this machine prints into a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def setup(self, worker: distributed.Worker) -> None:  # noqa: ARG002 - how dask calls a plugin
        with open(self._path, "ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)


@functools.cache  # as it was when this process began, whatever the files on the disk are by now
def describe_program() -> Mapping[str, str]:
    """Hash of the sources of this program, and the versions of the packages that decide numbers, in this process."""
    versions = package_versions() | {"distributed": importlib.metadata.version("distributed")}
    return {"sources of study": digest(hash_code())[:12], **versions}


def sees_folder(folder: str) -> bool:
    """Whether the machine of this process has that folder."""
    return Path(folder).is_dir()


def describe_mismatch(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """In what a worker differs from the client; empty where it does not."""
    keys = [key for key in ours if theirs.get(key) != ours[key]]
    return ", ".join(f"{key}: {theirs.get(key, 'missing')} there, {ours[key]} here" for key in keys)


def perform_parcel(parcel: Parcel) -> dict[str, Any]:
    """The fields of the outcome of a call, but its name; one thread is used, as in a worker process."""
    worker = distributed.get_worker()

    def tell(done: int, total: int, text: str) -> None:
        task = worker.state.tasks.get(parcel.key)
        if worker.status.name not in ("running", "paused") or task is None or task.state != "executing":
            raise Unwanted
        worker.log_event(parcel.topic, {"key": parcel.key, "progress": [int(done), int(total), text]})

    worker.log_event(parcel.topic, {"key": parcel.key})
    mismatch = describe_mismatch(describe_program(), parcel.program)
    if mismatch or not sees_folder(parcel.folder):
        message = mismatch or f"there is no folder {parcel.folder} there"
        message = f"the worker {worker.address} cannot perform it: {message}; install the same there and restart it"
        return {"state": "failed", "message": message, "exit_status": 2}
    os.environ.update(ONE_THREAD)  # for libraries that are not loaded yet; the others are limited
    with contextlib.chdir(parcel.folder), threadpool_limits(limits=1):
        fields = perform_call(parcel.call, tell)
    sys.stdout.flush()
    sys.stderr.flush()
    return fields
