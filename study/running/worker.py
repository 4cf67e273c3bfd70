"""A worker: a child process of one thread that performs calls until its parent is gone."""

from __future__ import annotations

import contextlib
import errno
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from study.errors import StudyError
from study.stages import Progress

_PROGRESS_SECONDS = 0.1  # at most so often from one worker
_FAREWELL_SECONDS = 2.0
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
# A killed worker leaves locks of its libraries behind; Python removes them, and need not tell the user.
_QUIET = "ignore::UserWarning:multiprocessing.resource_tracker"


class Unwanted(BaseException):
    """Nobody waits for this performance any more: the client is gone, or the scheduler. Never a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a worker does: function is "module:function", called as function(argument, progress)."""

    function: str
    argument: Any


class Worker:
    """One child process, and the call it is busy with."""

    def __init__(self, log: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_live, args=(theirs, log), daemon=True)
        warnings = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), _QUIET)))
        with environment({**ONE_THREAD, "PYTHONWARNINGS": warnings}):  # read when the child imports numpy and torch
            resource_tracker.ensure_running()  # started inside `start` it would unblock the signal
            with block_interrupt():
                self.process.start()
        theirs.close()  # so that the child's death ends the connection
        self.job = ""
        self.call: Call | None = None

    def send(self, job: str, call: Call) -> None:
        self.job, self.call = job, call
        with contextlib.suppress(OSError):  # died while idle: noticed when it is listened to
            self.connection.send(call)

    def stop(self) -> None:
        """Lets an idle worker end, kills a busy one: calls are idempotent and writes atomic, so nothing is lost."""
        self.connection.close()
        if self.call is None:
            self.process.join(timeout=_FAREWELL_SECONDS)
        self.process.kill()
        self.process.join()


@contextlib.contextmanager
def block_interrupt() -> Iterator[None]:
    """A process started meanwhile never sees Ctrl-C, which reaches the whole group: the parent decides."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _live(connection: Connection, log: Path) -> None:
    """The child's life: performs calls until the parent is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    while True:
        try:
            call = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(("end", perform_call(call, _send_progress(connection))))
        sys.stdout.flush()
        sys.stderr.flush()


def _end_with_parent() -> None:
    """Ends this process when the parent is gone, also amid a call: an orphan must not write on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _send_progress(connection: Connection) -> Progress:
    return lambda done, total, text: connection.send(("progress", (done, total, text)))


def perform_call(call: Call, progress: Progress) -> dict[str, Any]:
    """The fields of the outcome of a call, but its name. progress: is told now and then, not every time.

    Raises: Unwanted as `progress` does.
    """
    last = 0.0

    def report_progress(done: int, total: int, text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _PROGRESS_SECONDS:
            last = time.monotonic()
            progress(done, total, text)

    module, _, function = call.function.partition(":")
    try:
        result = getattr(importlib.import_module(module), function)(call.argument, report_progress)
    except StudyError as error:
        status = error.exit_status
        return {"state": "failed", "message": str(error), "exit_status": status, "trace": traceback.format_exc()}
    except OSError as error:
        message = f"{type(error).__name__}: {error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # met outside of the ledger, which tells it itself
            message = f"cannot write {error.filename or 'a file'}: {error.strerror}; free space, then run again"
        return {"state": "failed", "message": message, "exit_status": 1, "trace": traceback.format_exc()}
    except Unwanted:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a stage raises is reported, and the other cells go on
        message = f"{type(error).__name__}: {error}"
        return {"state": "failed", "message": message, "exit_status": 1, "trace": traceback.format_exc()}
    return {"state": "done", "result": result}
