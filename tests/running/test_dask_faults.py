"""A dask cluster that loses a result, does not answer, or is none: what the engine makes of it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from study.errors import ConfigError
from study.running import dask_cluster, dask_engine
from study.running.agenda import Agenda, Call, Job
from study.running.dask_engine import DaskEngine, _Cluster, _Performance
from study.running.worker import Unwanted, perform_call
from tests import fake_study  # noqa: F401 - where the workers find this file
from tests.running.test_engine import Quiet

JOBS = [Job(name="a", needs=())]


class Told(Quiet):
    def __init__(self) -> None:
        self.again: list[str] = []

    def retried(self, name: str, reason: str) -> None:
        self.again.append(reason)


def answer(argument: int, _progress: object) -> int:
    return argument


def call_of(_name: str) -> Call:
    return Call(function="tests.running.test_dask_faults:answer", argument=7)


def test_result_that_is_lost_with_its_worker_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the end of the task and the fetching of its result, on a cluster of this machine."""
    read = dask_engine.read_outcome
    killed: list[int] = []

    def kill_first(future: Any) -> dict[str, Any] | None:
        if future is not None and future.status == "finished" and not killed:
            killed.extend(future.client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)
            while future.status != "lost":
                time.sleep(0.01)
        return read(future)

    monkeypatch.setattr(dask_engine, "read_outcome", kill_first)
    monkeypatch.setattr(dask_engine, "PATIENCE_SECONDS", 10.0)
    monkeypatch.setattr(dask_engine, "_LOOK_SECONDS", 0.0)  # it is seen while the result is lost
    listener = Told()
    outcomes = DaskEngine(1, tmp_path / "log").run(JOBS, call_of, listener)
    assert (outcomes["a"].state, outcomes["a"].result) == ("done", 7)
    assert not [reason for reason in listener.again if "scheduler is gone" in reason]


class Client:
    """One that answers, but for the first question."""

    status = "running"
    n_asked = 0
    n_closed = 0

    def ncores(self) -> dict[str, int]:
        Client.n_asked += 1
        if Client.n_asked == 1:
            raise TimeoutError
        return {"worker": 1}

    def subscribe_topic(self, *_: object) -> None: ...

    def close(self, **_: object) -> None:
        Client.n_closed += 1


def test_calls_are_handed_in_again_when_the_first_try_to_come_back_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def connect(target: object) -> Client:
        asked.append(target)
        return Client()

    monkeypatch.setattr(dask_engine, "connect", connect)
    crew = _Cluster(1, Path("log"), "tcp://far:1")
    crew._running["a"] = _Performance(call=call_of("a"))
    submitted: list[str] = []
    monkeypatch.setattr(crew, "_submit", submitted.append)
    agenda = Agenda(JOBS, call_of, Told())
    for _ in range(3):
        crew._look(agenda)
    assert submitted == ["a"]
    assert Client.n_closed == 1
    crew._client, crew._local, crew._scheduler = None, SimpleNamespace(), None  # type: ignore[assignment]
    crew._look(agenda)
    assert asked == ["tcp://far:1", "tcp://far:1", crew._local]  # never an empty address


def test_cluster_without_workers_and_without_calls_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_engine, "PATIENCE_SECONDS", 0.0)
    crew = _Cluster(1, Path("log"), "tcp://far:1")
    agenda = Agenda(JOBS, call_of, Told())
    crew._wait(agenda, "cluster has no worker")
    crew._wait(agenda, "cluster has no worker")
    assert agenda.outcomes == {}


# what is let go of is no result


def let_go(_argument: object, progress: Callable[[int, int, str], None]) -> None:
    progress(0, 1, "x")


def test_what_a_worker_lets_go_of_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: object) -> None:
        raise Unwanted

    with pytest.raises(Unwanted):
        perform_call(Call(function="tests.running.test_dask_faults:let_go", argument=None), unwanted)
    crew = _Cluster(1, Path("log"), "tcp://far:1")
    future = SimpleNamespace(status="error", exception=lambda timeout: Unwanted())
    crew._running["a"] = _Performance(call=call_of("a"), future=future)
    submitted: list[str] = []
    monkeypatch.setattr(crew, "_submit", submitted.append)
    agenda = Agenda(JOBS, call_of, Told())
    crew._collect(agenda)
    assert submitted == ["a"]
    assert agenda.outcomes == {}


# addresses


@pytest.fixture
def silent() -> Iterator[str]:
    """Where somebody listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_address_where_nothing_is_said_is_given_up(
    tmp_path: Path, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "FIRST_SECONDS", 0.5)
    monkeypatch.setattr(dask_cluster, "_ANSWER_SECONDS", 0.2)
    listener = Told()
    start = time.monotonic()
    with pytest.raises(ConfigError, match=rf"no dask scheduler answers at {silent} within 0 s; start one"):
        DaskEngine(1, tmp_path / "log", silent).run(JOBS, call_of, listener)
    assert time.monotonic() - start < 3
    assert listener.again == [f"no dask scheduler answers at {silent}; waits up to 0 s for it"]


def test_first_ctrl_c_ends_the_waiting(tmp_path: Path, silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "_ANSWER_SECONDS", 0.2)
    start = time.monotonic()
    interrupt = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        DaskEngine(1, tmp_path / "log", silent).run(JOBS, call_of, Told())
    assert time.monotonic() - start < 5
    interrupt.join()


def test_something_else_that_answers_is_told_at_once(tmp_path: Path) -> None:
    def serve(server: socket.socket) -> None:
        with server.accept()[0], server.accept()[0] as second:
            second.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConfigError, match=rf"no dask scheduler answers at {address}, but something else"):
            DaskEngine(1, tmp_path / "log", address).run(JOBS, call_of, Told())
        thread.join()
