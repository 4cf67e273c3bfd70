"""A dask cluster: starting one on this machine, connecting to one, whether its workers are fit, what a future says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
import distributed
from distributed.comm import connect as open_comm

from study.errors import ConfigError
from study.running.dask_calls import describe_mismatch, describe_program, sees_folder
from study.running.worker import ONE_THREAD, Unwanted, block_interrupt

ALLOWED_FAILURES = 4  # dask also blames tasks that only waited on the worker that died
FIRST_SECONDS = 20.0  # for a scheduler that somebody listens for and nobody answers
_ANSWER_SECONDS = 3.0  # of one try
_PAUSE_SECONDS = 0.25  # between two
_CONNECT_SECONDS = 10.0
_RESULT_SECONDS = 5.0
_ADVICE = "start one (`dask scheduler`), name another, or leave `runtime.scheduler` out for a cluster of this machine"


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
    """A client of a cluster.

    Raises: ConfigError for an address where nobody listens, or somebody who is no dask scheduler; OSError where nothing
    is answered in time, as by a scheduler that only just starts.
    """
    if isinstance(target, str):
        _check_answer(target)  # a client would wait for ever for somebody who listens and says nothing
    return distributed.Client(target, timeout=_CONNECT_SECONDS, set_as_default=False)


def insist(attempt: Callable[[], None], address: str, tell: Callable[[str], None], pause: Callable[[], None]) -> None:
    """Makes the attempt until it works, for `FIRST_SECONDS`. Raises: ConfigError where it does not; what `pause` does.

    tell: told once that this waits. pause: called between two attempts.
    """
    end = time.monotonic() + FIRST_SECONDS
    told = False
    while True:
        try:
            return attempt()
        except OSError as error:
            if time.monotonic() >= end:
                late = f"no dask scheduler answers at {address} within {FIRST_SECONDS:.0f} s"
                raise ConfigError(f"runtime.scheduler: {late}; {_ADVICE}") from error
        if not told:
            tell(f"no dask scheduler answers at {address}; waits up to {FIRST_SECONDS:.0f} s for it")
            told = True
        time.sleep(_PAUSE_SECONDS)
        pause()


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
    """The fields of an outcome, but its name; None while there is none.

    Raises: Unwanted where the worker let go of it although it is waited for: it must be handed in again.
    """
    if future is None or future.status not in ("finished", "error"):
        return None
    try:
        if future.status == "finished":
            fields: dict[str, Any] = future.result(timeout=_RESULT_SECONDS)
            return fields
        error = future.exception(timeout=_RESULT_SECONDS)
    except (OSError, TimeoutError, distributed.client.FutureCancelledError):
        return None  # the worker that kept it is gone: it is performed again
    if isinstance(error, Unwanted):
        raise error
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


def _check_answer(address: str) -> None:
    """Asks the scheduler at an address who it is. Raises: as `connect`."""
    parts = urlsplit(address)
    refused = f"runtime.scheduler: no dask scheduler answers at {address}"
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=_ANSWER_SECONDS).close()
    except TimeoutError:
        raise
    except OSError as error:  # at once, where dask tries on
        raise ConfigError(f"{refused} ({error.strerror}); {_ADVICE}") from error
    try:
        kind = asyncio.run(asyncio.wait_for(_ask_kind(address), _ANSWER_SECONDS))
    except OSError:
        raise
    except Exception as error:  # whatever dask makes of bytes that were not meant for it, MemoryError among it
        raise ConfigError(f"{refused}, but something else ({type(error).__name__}); {_ADVICE}") from error
    if kind != "Scheduler":
        raise ConfigError(f"{refused}, but a dask {kind}; {_ADVICE}")


async def _ask_kind(address: str) -> str:
    """What a dask server is: Scheduler, Worker, Nanny."""
    comm = await open_comm(address, timeout=_ANSWER_SECONDS, **distributed.Security().get_connection_args("client"))
    try:
        await comm.write({"op": "identity", "reply": True})
        return str((await comm.read())["type"])
    finally:
        comm.abort()
