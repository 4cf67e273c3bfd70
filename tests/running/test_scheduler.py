"""A dask scheduler and workers that were started by commands: restarted amid a run, gone for good, without workers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from study.running import dask_engine
from tests.fake_study import Study, tables, wait_for

ROOT = Path(__file__).parents[2]


class Cluster:
    """A scheduler on a port of its own, and one worker."""

    def __init__(self) -> None:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *, worker: bool = True) -> None:
        self._begin("scheduler", "--host", "127.0.0.1", "--port", str(self.port))
        if worker:
            self.start_worker()

    def start_worker(self) -> None:
        self._begin("worker", self.address, "--nthreads", "1", "--no-nanny")

    def kill(self) -> None:
        """The scheduler only: the worker ends by itself."""
        self._processes["scheduler"].kill()
        self._processes["scheduler"].wait()

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _begin(self, name: str, *arguments: str) -> None:
        if name in self._processes:
            self._processes[name].kill()
            self._processes[name].wait()
        command = [sys.executable, "-m", "dask", name, *arguments, "--no-dashboard"]
        paths = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
        silence = subprocess.DEVNULL
        self._processes[name] = subprocess.Popen(command, env=os.environ | paths, stdout=silence, stderr=silence)
        while name == "scheduler" and not self._listens():
            time.sleep(0.05)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.stop()


def test_restarted_scheduler_costs_no_result(study: Study, finished: Study, cluster: Cluster) -> None:
    cluster.start()
    study.behave(train__reviews_a_s0="sleep once")

    def restart() -> None:
        wait_for(study.results / "asleep")
        cluster.kill()
        time.sleep(1.5)
        cluster.start()

    restarter = threading.Thread(target=restart)
    restarter.start()
    assert study.run(runtime__engine="dask", runtime__scheduler=cluster.address) == 0
    restarter.join()
    assert "again train reviews-a-s0: the dask scheduler is gone; waits up to 300 s for it" in study.said
    assert tables(study) == tables(finished)
    assert len(study.performed()) == 9  # nothing finished was performed again


def test_scheduler_that_stays_away_fails_what_is_left(
    study: Study, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_engine, "PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr(dask_engine, "_QUIET_SECONDS", 0.5)
    cluster.start(worker=False)
    settings = {"runtime__engine": "dask", "runtime__scheduler": cluster.address}
    assert study.run(**settings) == 1
    assert "again data reviews: the dask cluster has no worker; waits up to 2 s" in study.said
    assert "FAILED data reviews: the dask cluster has no worker" in study.said
    assert "not run: 11 tasks" in study.said
    assert study.run() == 0


def test_worker_that_comes_late_is_used_at_once(
    study: Study, finished: Study, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks that end between two looks at the cluster, the first of which found no worker."""
    monkeypatch.setattr(dask_engine, "_LOOK_SECONDS", 30.0)
    cluster.start(worker=False)
    late = threading.Timer(1.0, cluster.start_worker)
    late.start()
    assert study.run(runtime__engine="dask", runtime__scheduler=cluster.address) == 0
    late.join()
    assert tables(study) == tables(finished)
