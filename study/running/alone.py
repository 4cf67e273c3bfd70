"""One performance of a task at a time: a second one waits until the first is over, or its process dead.

Two happen where a cluster loses sight of a worker that goes on, or a run is started again while a cluster still
performs a task of the one before. The lock lies in the task's folder, so that it holds between machines, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from study.stages import Progress

_WAIT_SECONDS = 0.2


@contextlib.contextmanager
def alone(folder: Path, stage: str, progress: Progress) -> Iterator[None]:
    """Holds the stage of a folder; the system lets go of it when this process ends, however it ends."""
    path = folder / ".stages" / f"{stage}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not _takes(descriptor):
            progress(0, 1, "waits: it is still performed elsewhere")
            time.sleep(_WAIT_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _takes(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
