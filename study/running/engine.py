"""Engines: idempotent calls that wait for each other, performed in worker processes.

Whatever performs the calls (processes here; a cluster would do), the results lie in files, so an engine only carries
small arguments, progress and failures, and may perform a call again after its worker died.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import Any, Literal, Protocol

from study.running.worker import Call, Worker

RETRIES = 2  # after a worker died under a call
_TICK_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A name, and the names of the jobs that must be over before it is prepared."""

    name: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended. message, exit_status, trace: of a failure; for "not run", message names the job that failed."""

    name: str
    state: Literal["done", "skipped", "failed", "not run"]
    result: Any = None
    message: str = ""
    exit_status: int = 0
    trace: str = ""


class Listener(Protocol):
    """What wants to know how the jobs go on."""

    def started(self, name: str) -> None: ...

    def progressed(self, name: str, done: int, total: int, text: str) -> None: ...

    def retried(self, name: str, reason: str) -> None: ...

    def finished(self, outcome: Outcome) -> None: ...

    def tick(self) -> None:
        """Called several times a second, whatever happens."""


class Engine(Protocol):
    """Maps calls over jobs."""

    def run(
        self, jobs: Sequence[Job], prepare: Callable[[str], Call | None], listener: Listener
    ) -> Mapping[str, Outcome]:
        """Performs every job once those it needs are done, and returns how each ended.

        prepare: the call of a job, asked for in this process when the job's needs are done; None: nothing to do.
        A job that fails keeps only those from running that need it.
        """
        ...


class ProcessEngine:
    """Up to `workers` processes of one thread each; a process that dies takes only its own call with it.

    log: the file that takes what the workers print.
    """

    def __init__(self, workers: int, log: Path) -> None:
        self._n_workers = workers
        self._log = log
        self._workers: list[Worker] = []

    def run(
        self, jobs: Sequence[Job], prepare: Callable[[str], Call | None], listener: Listener
    ) -> Mapping[str, Outcome]:
        """As `Engine.run`. The workers are gone when it returns or raises."""
        agenda = _Agenda(jobs, prepare, listener)
        try:
            self._work_off(agenda, len(jobs))
        finally:
            for worker in self._workers:
                worker.stop()
            self._workers = []
        return agenda.outcomes

    def _work_off(self, agenda: _Agenda, n_jobs: int) -> None:
        with _noted_interrupt() as raise_if_interrupted:
            while len(agenda.outcomes) < n_jobs:
                raise_if_interrupted()
                known = len(agenda.outcomes)
                self._hand_out(agenda)
                if not any(worker.call for worker in self._workers):
                    if len(agenda.outcomes) == known:
                        raise ValueError("jobs that need each other, or a job that is not there")
                    continue  # all that was ready needed nothing, which may have made others ready
                ends = [end for worker in self._workers for end in (worker.connection, worker.process.sentinel)]
                wait(ends, timeout=_TICK_SECONDS)
                for worker in list(self._workers):
                    self._listen_to(worker, agenda)
                agenda.listener.tick()
            raise_if_interrupted()

    def _hand_out(self, agenda: _Agenda) -> None:
        """Gives ready jobs to idle workers, which are started when they are first needed."""
        while True:
            idle = [worker for worker in self._workers if worker.call is None]
            if not idle and len(self._workers) >= self._n_workers:
                return
            ready = agenda.take()
            if ready is None:
                return
            if not idle:
                idle = [Worker(self._log)]
                self._workers += idle
            idle[0].send(*ready)

    def _listen_to(self, worker: Worker, agenda: _Agenda) -> None:
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
            agenda.worker_died(worker.job, worker.call, worker.process.exitcode)


@contextlib.contextmanager
def _noted_interrupt() -> Iterator[Callable[[], None]]:
    """Ctrl-C is only noted, and raised where the caller asks; a second one is raised at once.

    Raised wherever it happens to arrive, it could be lost: Python drops what is raised in a finalizer.
    """
    noted = False

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - how Python calls a handler
        nonlocal noted
        if noted:
            raise KeyboardInterrupt
        noted = True

    def raise_if_interrupted() -> None:
        if noted:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread is sent signals
        yield raise_if_interrupted
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield raise_if_interrupted
    finally:
        signal.signal(signal.SIGINT, before)


class _Agenda:
    """Which jobs wait, which are ready, how the others ended."""

    def __init__(self, jobs: Sequence[Job], prepare: Callable[[str], Call | None], listener: Listener) -> None:
        self.listener = listener
        self.outcomes: dict[str, Outcome] = {}
        self._waiting = {job.name: job for job in jobs}
        self._again: list[tuple[str, Call]] = []
        self._prepare = prepare
        self._deaths: dict[str, int] = {}

    def take(self) -> tuple[str, Call] | None:
        """The next job whose needs are done, with its call; None while there is none."""
        if self._again:
            return self._again.pop(0)
        for job in list(self._waiting.values()):
            ends = [self.outcomes.get(name) for name in job.needs]
            bad = next((end for end in ends if end is not None and end.state in ("failed", "not run")), None)
            if bad is None and None in ends:
                continue
            del self._waiting[job.name]
            if bad is not None:
                root = bad.message if bad.state == "not run" else bad.name
                self.end(Outcome(name=job.name, state="not run", message=root))
                continue
            call = self._prepare(job.name)
            if call is not None:
                self.listener.started(job.name)
                return job.name, call
            self.end(Outcome(name=job.name, state="skipped"))
        return None

    def end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.name] = outcome
        self.listener.finished(outcome)

    def worker_died(self, name: str, call: Call, exit_code: int | None) -> None:
        reason = _describe_death(exit_code)
        self._deaths[name] = self._deaths.get(name, 0) + 1
        if self._deaths[name] <= RETRIES:
            self.listener.retried(name, reason)
            self._again.append((name, call))
        else:
            message = f"{reason}, {self._deaths[name]} times"
            self.end(Outcome(name=name, state="failed", message=message, exit_status=1))


def _describe_death(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "its worker process was killed (signal 9; often the system is out of memory)"
    if exit_code is not None and exit_code < 0:
        return f"its worker process died of signal {-exit_code}"
    return f"its worker process ended with status {exit_code}"
