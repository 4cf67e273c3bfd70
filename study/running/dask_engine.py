"""The engine on a dask cluster: one that is started here, of this machine, or one that runs already."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import distributed

from study.errors import ConfigError
from study.running.agenda import TICK_SECONDS, Agenda, Job, Listener, Outcome, work_off
from study.running.dask_calls import OutputToFile, Parcel, describe_program, perform_parcel
from study.running.dask_cluster import check_workers, connect, insist, read_outcome, silenced, start_local_cluster
from study.running.worker import Call, Unwanted

PATIENCE_SECONDS = 300.0  # for a scheduler that is gone, or a cluster without workers
_LOOK_SECONDS = 1.0  # between looks at the cluster
_QUIET_SECONDS = 5.0  # a local worker that died is replaced in less
_CLOSE_SECONDS = 5.0


class DaskEngine:
    """One call at a time on every worker of a dask cluster; what a dead worker was busy with is performed again.

    scheduler: the address of a running cluster, which stays; None: a cluster of `workers` processes of this machine is
    started, which ends with the run. log: the file in the run folder that takes what the workers of this machine print.
    """

    def __init__(self, workers: int, log: Path, scheduler: str | None = None) -> None:
        self._n_workers = workers
        self._log = log.absolute()
        self._scheduler = scheduler

    def run(
        self, jobs: Sequence[Job], prepare: Callable[[str], Call | None], listener: Listener
    ) -> Mapping[str, Outcome]:
        """As `Engine.run`. The cluster is sought when there is a first call.

        Raises: ConfigError for a scheduler that does not answer, or workers that are not fit for this run.
        """
        agenda = Agenda(jobs, prepare, listener)
        crew = _Cluster(self._n_workers, self._log, self._scheduler)
        with silenced():
            try:
                work_off(agenda, crew)
            finally:
                crew.stop()
        return agenda.outcomes


@dataclass(kw_only=True)
class _Performance:
    """A call that was handed to the cluster. future: None while there is no scheduler to ask."""

    call: Call
    key: str = ""
    future: Any = None
    n_starts: int = 0


class _Cluster:
    """The cluster as one run sees it."""

    def __init__(self, n_workers: int, log: Path, scheduler: str | None) -> None:
        self._n_workers = n_workers
        self._log = log
        self._scheduler = scheduler
        self._topic = f"study-{secrets.token_hex(8)}"
        self._client: distributed.Client | None = None
        self._local: distributed.LocalCluster | None = None
        self._running: dict[str, _Performance] = {}
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()  # None: some future is over
        self._started = False
        self._capacity = 1
        self._looked = 0.0
        self._down_since: float | None = None  # without a scheduler, or without any worker
        self._told = False

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    def hand_out(self, agenda: Agenda) -> None:
        while not self._running or (len(self._running) < self._capacity and self._down_since is None):
            ready = agenda.take()
            if ready is None:
                return
            name, call = ready
            if not self._started:
                self._start(agenda, name)
            self._running[name] = _Performance(call=call)
            if self._client is not None:  # else when there is a scheduler again
                self._submit(name)

    def listen(self, agenda: Agenda) -> None:
        self._hear(agenda)
        self._collect(agenda)
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._look(agenda)
            self._looked = time.monotonic()

    def stop(self) -> None:
        """Lets go of the cluster: what it still performs is told to end, and a local one is gone."""
        self._close_client()
        if self._local is not None:
            with contextlib.suppress(Exception):
                self._local.close(timeout=_CLOSE_SECONDS)

    # the cluster

    def _start(self, agenda: Agenda, name: str) -> None:
        """Finds the cluster for the first call. Raises: ConfigError, KeyboardInterrupt."""
        self._started = True
        if self._scheduler is None:
            self._local = start_local_cluster(self._n_workers)
        insist(self._connect, str(self._scheduler), partial(agenda.listener.retried, name), agenda.pause)
        if self._local is not None:
            self._connected.register_plugin(OutputToFile(str(self._log)))
        check_workers(self._connected, describe_program(), self._log.parent)

    def _connect(self) -> None:
        """Raises: ConfigError, OSError as `connect`; there is then no client."""
        client = connect(self._local or str(self._scheduler))
        try:
            client.subscribe_topic(self._topic, lambda event: self._events.put(event[1]))
            self._capacity = max(1, len(client.ncores()))
        except OSError:
            with contextlib.suppress(Exception):
                client.close(timeout=_CLOSE_SECONDS)
            raise
        self._client = client

    @property
    def _connected(self) -> distributed.Client:
        if self._client is None:
            raise RuntimeError("there is no connection to a scheduler")
        return self._client

    def _close_client(self) -> None:
        if self._client is None:
            return
        with contextlib.suppress(Exception):  # the scheduler may be gone; if not, it drops what nobody waits for
            self._client.close(timeout=_CLOSE_SECONDS)
        self._client = None

    def _look(self, agenda: Agenda) -> None:
        """Sees whether the scheduler and any workers are there."""
        if self._client is None:
            self._reconnect()
        n_workers = self._count_workers()
        if n_workers:
            self._down_since, self._told, self._capacity = None, False, n_workers
            return
        if self._client is not None and n_workers is None:
            self._close_client()
            for performance in self._running.values():
                performance.future = None
        self._wait(agenda, "scheduler is gone" if self._client is None else "cluster has no worker")

    def _count_workers(self) -> int | None:
        """None: the scheduler does not answer, or forgot what it was asked for."""
        if self._client is None or self._client.status != "running":
            return None
        if any(p.future is not None and p.future.status == "cancelled" for p in self._running.values()):
            return None  # "lost" is another thing: its worker died with the result, and dask performs it again
        try:
            return len(self._client.ncores())
        except (OSError, TimeoutError):
            return None

    def _reconnect(self) -> None:
        with contextlib.suppress(ConfigError, OSError):  # asked again soon
            self._connect()
            for name in self._running:
                self._submit(name)

    def _wait(self, agenda: Agenda, what: str) -> None:
        if not self._running:
            return  # nobody waits; the next call does
        now = time.monotonic()
        self._down_since = self._down_since or now
        waited = now - self._down_since
        if waited >= PATIENCE_SECONDS:
            message = f"the dask {what} and did not come back within {PATIENCE_SECONDS:.0f} s; start it, then run again"
            names = list(self._running)
            self._close_client()
            self._running = {}
            agenda.give_up(names, message)
        elif not self._told and (self._client is None or waited >= _QUIET_SECONDS):
            self._told = True
            for name in self._running:
                agenda.listener.retried(name, f"the dask {what}; waits up to {PATIENCE_SECONDS:.0f} s for it")

    # calls

    def _submit(self, name: str) -> None:
        """Hands a call to the cluster, under a key that was never used."""
        performance = self._running[name]
        performance.key = f"{name} {secrets.token_hex(8)}"
        performance.n_starts = 0
        parcel = Parcel(
            key=performance.key,
            call=performance.call,
            topic=self._topic,
            folder=os.getcwd(),
            program=describe_program(),
        )
        performance.future = self._connected.submit(perform_parcel, parcel, key=parcel.key, pure=False)
        performance.future.add_done_callback(lambda _future: self._events.put(None))

    def _hear(self, agenda: Agenda) -> None:
        """Passes on what the workers tell."""
        with contextlib.suppress(queue.Empty):
            event = self._events.get(timeout=TICK_SECONDS)
            while True:
                self._pass_on(event, agenda)
                event = self._events.get_nowait()

    def _pass_on(self, event: dict[str, Any] | None, agenda: Agenda) -> None:
        name = next((n for n, p in self._running.items() if event is not None and p.key == event["key"]), None)
        if event is None or name is None:
            return
        if "progress" in event:
            agenda.listener.progressed(name, *event["progress"])
            return
        self._running[name].n_starts += 1
        if self._running[name].n_starts > 1:
            agenda.listener.retried(name, "its worker process died or was lost; another one performs it")

    def _collect(self, agenda: Agenda) -> None:
        """Ends the jobs whose futures are over."""
        for name, performance in list(self._running.items()):
            try:
                fields = read_outcome(performance.future)
            except Unwanted:
                agenda.listener.retried(name, "its worker let go of it")
                self._submit(name)
                continue
            if fields is not None:
                del self._running[name]
                agenda.end(Outcome(name=name, **fields))
