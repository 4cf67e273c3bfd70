"""A dask cluster: starting one on this machine, connecting to one, whether its workers are fit, what a future says."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator, Mapping
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
import distributed

from study.errors import ConfigError
from study.running.dask_calls import describe_mismatch, describe_program, sees_folder
from study.running.worker import ONE_THREAD, block_interrupt

ALLOWED_FAILURES = 4  # dask also blames tasks that only waited on the worker that died
_ANSWER_SECONDS = 0.25
_CONNECT_SECONDS = 10.0
_RESULT_SECONDS = 5.0


def start_local_cluster(n_workers: int) -> distributed.LocalCluster:
    """A cluster of this machine: workers are processes of one thread, which never see Ctrl-C."""
    settings = {"distributed.worker.profile.enabled": False, "distributed.nanny.pre-spawn-environ": ONE_THREAD}
    resource_tracker.ensure_running()  # started later it would unblock the signal
    with dask.config.set(settings), block_interrupt():  # inherited by the thread that starts the processes
        return distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",  # whatever is free
            memory_limit=None,  # a stage takes what it takes, as in a worker process
            silence_logs=logging.CRITICAL,
            scheduler_kwargs={"allowed_failures": ALLOWED_FAILURES},
        )


def connect(target: str | distributed.LocalCluster) -> distributed.Client:
    """A client of a cluster. Raises: ConfigError where no scheduler answers at that address."""
    advice = (
        "start one (`dask scheduler`), name another, or leave `runtime.scheduler` out for a cluster of this machine"
    )
    if isinstance(target, str) and not _answers(target):
        raise ConfigError(f"runtime.scheduler: no dask scheduler answers at {target}; {advice}")
    try:
        return distributed.Client(target, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ConfigError(f"runtime.scheduler: no dask scheduler at {target} ({error}); {advice}") from error


def check_workers(client: distributed.Client, program: Mapping[str, str], run_folder: Path) -> None:
    """Raises: ConfigError naming every worker that is not fit for this run. Later ones are checked by every call.

    program: what `describe_program` says here.
    """
    wrong = {
        address: f"{n} threads, where one is needed (`dask worker --nthreads 1`)"
        for address, n in client.nthreads().items()
        if n != 1
    }
    for address, theirs in client.run(describe_program, on_error="return").items():
        if isinstance(theirs, Exception):
            wrong.setdefault(address, f"it cannot load this program ({theirs})")
        elif mismatch := describe_mismatch(theirs, program):
            wrong.setdefault(address, mismatch)
    for address, sees in client.run(sees_folder, str(run_folder), on_error="return").items():
        if sees is False:
            wrong.setdefault(address, f"there is no {run_folder} there: put `--results` where all machines see it")
    if wrong:
        told = "\n  ".join(f"{address}: {reason}" for address, reason in wrong.items())
        raise ConfigError(f"dask workers are not fit for this run; mend and restart them:\n  {told}")


def read_outcome(future: Any) -> dict[str, Any] | None:
    """The fields of an outcome, but its name; None while there is none."""
    if future is None or future.status not in ("finished", "error"):
        return None
    try:
        if future.status == "finished":
            fields: dict[str, Any] = future.result(timeout=_RESULT_SECONDS)
            return fields
        error = future.exception(timeout=_RESULT_SECONDS)
    except (OSError, TimeoutError, distributed.client.FutureCancelledError):
        return None  # the worker that kept it is gone: it is performed again
    if isinstance(error, distributed.KilledWorker):
        message = f"its worker process died, {error.allowed_failures + 1} times (often the system is out of memory)"
    else:
        message = f"{type(error).__name__}: {error}"
    return {"state": "failed", "message": message, "exit_status": 1}


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Dask reports on every worker that comes and goes; what matters is told to the listener."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _answers(address: str) -> bool:
    """Whether somebody listens there."""
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname, parts.port or 8786), timeout=_ANSWER_SECONDS):
            return True
    except OSError:
        return False
