"""Jobs that wait for each other: which are ready, how they ended, and the loop that works them off.

Whatever performs the calls (processes, a dask cluster), the results lie in files, so an engine only carries small
arguments, progress and failures, and may perform a call again after its worker died.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal, Protocol

from study.running.worker import Call

TICK_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A name, and the names of the jobs that must be over before it is prepared.

    tolerant: it runs once they are over in whatever state; else all of them must be done or skipped.
    """

    name: str
    needs: tuple[str, ...]
    tolerant: bool = False


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

        prepare: the call of a job, asked for in this process when the job's needs are over; None: nothing to do.
        A job that fails keeps only those from running that need it and do not tolerate that.
        """
        ...


class Crew(Protocol):
    """Those who perform calls, as `work_off` sees them."""

    @property
    def is_busy(self) -> bool:
        """Whether anybody performs a call now, so that there is something to listen to."""
        ...

    def hand_out(self, agenda: Agenda) -> None:
        """Takes ready jobs from the agenda as long as somebody is free."""
        ...

    def listen(self, agenda: Agenda) -> None:
        """Tells the agenda what happened; waits for it `TICK_SECONDS` at most."""
        ...


class Agenda:
    """Which jobs wait, which are ready, how the others ended."""

    def __init__(self, jobs: Sequence[Job], prepare: Callable[[str], Call | None], listener: Listener) -> None:
        self.listener = listener
        self.outcomes: dict[str, Outcome] = {}
        self._waiting = {job.name: job for job in jobs}
        self._n_jobs = len(jobs)
        self._prepare = prepare
        self._raise_if_interrupted: Callable[[], None] = lambda: None

    @property
    def is_over(self) -> bool:
        """Whether every job has ended."""
        return len(self.outcomes) == self._n_jobs

    def take(self) -> tuple[str, Call] | None:
        """The next job whose needs are over, with its call; None while there is none."""
        for job in list(self._waiting.values()):
            ends = [self.outcomes.get(name) for name in job.needs]
            bad = next((end for end in ends if end is not None and end.state in ("failed", "not run")), None)
            if None in ends and (bad is None or job.tolerant):
                continue
            del self._waiting[job.name]
            if bad is not None and not job.tolerant:
                self.end(Outcome(name=job.name, state="not run", message=_root(bad)))
                continue
            call = self._prepare(job.name)
            if call is not None:
                self.listener.started(job.name)
                return job.name, call
            self.end(Outcome(name=job.name, state="skipped"))
        return None

    def end(self, outcome: Outcome) -> None:
        """Notes how a job ended."""
        self.outcomes[outcome.name] = outcome
        self.listener.finished(outcome)

    def heed(self, raise_if_interrupted: Callable[[], None]) -> None:
        """Lets `pause` raise what Ctrl-C asks for."""
        self._raise_if_interrupted = raise_if_interrupted

    def pause(self) -> None:
        """For whoever waits long between two looks. Raises: KeyboardInterrupt after Ctrl-C."""
        self.listener.tick()
        self._raise_if_interrupted()

    def give_up(self, running: Sequence[str], message: str) -> None:
        """Ends all that is not over: nobody is left to perform it.

        What was running failed for that reason; where nothing was, the first of those that waited.
        """
        failed = list(running) or list(self._waiting)[:1]
        for name in failed:
            self._waiting.pop(name, None)
            self.end(Outcome(name=name, state="failed", message=message, exit_status=1))
        for name in self._waiting:
            self.end(Outcome(name=name, state="not run", message=failed[0]))
        self._waiting = {}


def _root(bad: Outcome) -> str:
    """The job whose failure keeps others from running."""
    return bad.message if bad.state == "not run" else bad.name


def work_off(agenda: Agenda, crew: Crew) -> None:
    """Until every job of the agenda is over, or Ctrl-C. Raises: KeyboardInterrupt; ValueError for needs in a circle."""
    with noted_interrupt() as raise_if_interrupted:
        agenda.heed(raise_if_interrupted)
        while not agenda.is_over:
            raise_if_interrupted()
            known = len(agenda.outcomes)
            crew.hand_out(agenda)
            if not crew.is_busy:
                if len(agenda.outcomes) == known:
                    raise ValueError("jobs that need each other, or a job that is not there")
                continue  # all that was ready needed nothing, which may have made others ready
            crew.listen(agenda)
            agenda.listener.tick()
        raise_if_interrupted()


@contextlib.contextmanager
def noted_interrupt() -> Iterator[Callable[[], None]]:
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
