"""The engines that a config can choose: worker processes of this machine, or a dask cluster."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from study.config import StudyConfig
from study.errors import ConfigError
from study.running.agenda import TICK_SECONDS, Agenda, Engine, Job, Listener, Outcome, work_off
from study.running.worker import Call, Worker

RETRIES = 2  # after a worker died under a call


def make_engine(config: StudyConfig, log: Path) -> Engine:
    """The engine of `runtime.engine`, not started yet. log: the file that takes what workers of this machine print.

    Raises: ConfigError where dask is asked for and not installed.
    """
    runtime = config.runtime
    if runtime.engine == "processes":
        return ProcessEngine(runtime.workers, log)
    try:
        from study.running.dask_engine import DaskEngine  # dask is an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dask", "distributed"):
            raise
        raise ConfigError(
            "runtime.engine 'dask' needs the packages dask and distributed: `pip install '.[dask]'`, "
            "or choose the engine 'processes'"
        ) from error
    return DaskEngine(runtime.workers, log, runtime.scheduler)


class ProcessEngine:
    """Up to `workers` processes of one thread each; a process that dies takes only its own call with it.

    log: the file that takes what the workers print.
    """

    def __init__(self, workers: int, log: Path) -> None:
        self._n_workers = workers
        self._log = log

    def run(
        self, jobs: Sequence[Job], prepare: Callable[[str], Call | None], listener: Listener
    ) -> Mapping[str, Outcome]:
        """As `Engine.run`. The workers are gone when it returns or raises."""
        agenda = Agenda(jobs, prepare, listener)
        crew = _Processes(self._n_workers, self._log)
        try:
            work_off(agenda, crew)
        finally:
            crew.stop()
        return agenda.outcomes


class _Processes:
    """The worker processes of one run, which are started when they are first needed."""

    def __init__(self, n_workers: int, log: Path) -> None:
        self._n_workers = n_workers
        self._log = log
        self._workers: list[Worker] = []
        self._again: list[tuple[str, Call]] = []
        self._deaths: dict[str, int] = {}

    @property
    def is_busy(self) -> bool:
        return any(worker.call for worker in self._workers)

    def hand_out(self, agenda: Agenda) -> None:
        while True:
            idle = [worker for worker in self._workers if worker.call is None]
            if not idle and len(self._workers) >= self._n_workers:
                return
            ready = self._again.pop(0) if self._again else agenda.take()
            if ready is None:
                return
            if not idle:
                idle = [Worker(self._log)]
                self._workers += idle
            idle[0].send(*ready)

    def listen(self, agenda: Agenda) -> None:
        ends = [end for worker in self._workers for end in (worker.connection, worker.process.sentinel)]
        wait(ends, timeout=TICK_SECONDS)
        for worker in list(self._workers):
            self._listen_to(worker, agenda)

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()

    def _listen_to(self, worker: Worker, agenda: Agenda) -> None:
        alive = worker.process.is_alive()  # asked before reading, so that a last message is not missed
        with contextlib.suppress(EOFError, OSError):
            while worker.connection.poll():
                kind, content = worker.connection.recv()
                if kind == "progress":
                    agenda.listener.progressed(worker.job, *content)
                else:
                    worker.call = None
                    agenda.end(Outcome(name=worker.job, **content))
        if alive:
            return
        self._workers.remove(worker)
        worker.stop()
        if worker.call is not None:
            self._worker_died(agenda, worker.job, worker.call, worker.process.exitcode)

    def _worker_died(self, agenda: Agenda, name: str, call: Call, exit_code: int | None) -> None:
        reason = _describe_death(exit_code)
        self._deaths[name] = self._deaths.get(name, 0) + 1
        if self._deaths[name] <= RETRIES:
            agenda.listener.retried(name, reason)
            self._again.append((name, call))
        else:
            message = f"{reason}, {self._deaths[name]} times"
            agenda.end(Outcome(name=name, state="failed", message=message, exit_status=1))


def _describe_death(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "its worker process was killed (signal 9; often the system is out of memory)"
    if exit_code is not None and exit_code < 0:
        return f"its worker process died of signal {-exit_code}"
    return f"its worker process ended with status {exit_code}"
