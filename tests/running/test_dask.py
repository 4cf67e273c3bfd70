"""The engine on a dask cluster: same files as with worker processes, also when workers die or the user stops it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import distributed
import pytest

from study import ledger
from study.errors import ConfigError
from study.ledger.manifest import read_manifest
from study.running import dask_calls, dask_cluster, dask_engine
from study.running.agenda import Call, Job
from study.running.dask_engine import DaskEngine
from tests.fake_study import Study, is_alive, start, tables, wait_for
from tests.running.test_engine import Quiet

Settings = dict[str, object]


def test_cluster_of_this_machine_ends_with_the_same_files(study: Study, finished: Study) -> None:
    assert study.run(runtime__engine="dask") == 0
    assert tables(study) == tables(finished)
    lines = (study.results / "performed.txt").read_text().splitlines()
    assert all(line.endswith("threads=1") for line in lines)
    assert all(f"pid={os.getpid()} " not in line for line in lines)
    study.performed()
    assert study.run() == 0  # the engine decides nothing
    assert study.performed() == []


def test_killed_worker_costs_no_result(study: Study, finished: Study, on_cluster: Settings) -> None:
    study.behave(train__reviews_a_s0="sleep once")

    def kill() -> None:
        os.kill(int(wait_for(study.results / "asleep")), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert study.run(**on_cluster) == 0
    killer.join()
    assert "again train reviews-a-s0: its worker process died or was lost" in study.said
    assert tables(study) == tables(finished)


def test_task_that_kills_every_worker_is_given_up(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "ALLOWED_FAILURES", 0)
    study.behave(explain__reviews_a_s0="die")
    assert study.run(runtime__engine="dask") == 1
    assert "FAILED explain reviews-a-s0: its worker process died, 1 times" in study.said
    assert "done  explain reviews-b-s1" in study.said


def test_failures_are_told_as_by_worker_processes(study: Study, on_cluster: Settings) -> None:
    study.behave(train__reviews_a_s1="raise", train__reviews_b_s0="study")
    assert study.run(**on_cluster) == 1
    assert "FAILED train reviews-a-s1: RuntimeError: a stage went wrong" in study.said
    assert "FAILED train reviews-b-s0: the data set has one class only" in study.said
    events = [json.loads(line) for line in (study.run_folder / ledger.LOG_FILE).read_text().splitlines()]
    assert any("fake_stages.py" in event.get("trace", "") for event in events)
    study.behave(train__reviews_b_s0="study")
    assert study.run(**on_cluster) == 2


class _Counting(Quiet):
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int, str]] = []
        self.ticks: list[float] = []

    def progressed(self, name: str, done: int, total: int, text: str) -> None:
        self.seen.append((name, done, total, text))

    def tick(self) -> None:
        self.ticks.append(time.monotonic())


def count_slowly(argument: int, progress: object) -> int:
    for step in range(argument):
        progress(step, argument, "counting")  # type: ignore[operator]
        time.sleep(0.12)
    return argument


def test_progress_and_ticks_reach_the_listener(tmp_path: Path, scheduler: str) -> None:
    listener = _Counting()
    call = Call(function="tests.running.test_dask:count_slowly", argument=9)
    engine = DaskEngine(1, tmp_path / "log", scheduler)
    outcomes = engine.run([Job(name="a", needs=())], lambda name: call, listener)
    assert outcomes["a"].result == 9
    assert [seen[0] for seen in listener.seen] == ["a"] * len(listener.seen)
    assert len(listener.seen) >= 5
    assert listener.seen[-1][2:] == (9, "counting")
    gaps = [b - a for a, b in zip(listener.ticks, listener.ticks[1:], strict=False)]
    assert max(gaps) < 0.8


def test_ctrl_c_stops_a_cluster_of_this_machine(study: Study, finished: Study) -> None:
    study.behave(train__reviews_a_s0="sleep")
    process = start(study, "runtime: {engine: dask, workers: 1}")
    pid = int(wait_for(study.results / "asleep"))
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "stopped; the same command goes on from here" in said
    assert "Traceback" not in said
    assert not is_alive(pid)
    manifest = read_manifest(study.run_folder)
    assert manifest is not None
    assert manifest["state"] == "stopped"
    assert not list(study.run_folder.rglob(".writing-*"))
    study.behave()
    assert study.run() == 0
    assert tables(study) == tables(finished)


def test_ctrl_c_ends_what_a_cluster_that_stays_performs(
    study: Study, finished: Study, scheduler: str, on_cluster: Settings
) -> None:
    study.behave(train__reviews_a_s0="count")
    process = start(study, f"runtime: {{engine: dask, scheduler: '{scheduler}'}}")
    wait_for(study.results / "counted")
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130, said
    time.sleep(0.3)
    counted = (study.results / "counted").read_text()
    time.sleep(0.3)
    assert (study.results / "counted").read_text() == counted  # the worker let go of it, and lives
    study.behave()
    assert study.run(**on_cluster) == 0
    assert tables(study) == tables(finished)


# what is refused


def test_scheduler_that_does_not_answer(study: Study) -> None:
    with pytest.raises(
        ConfigError, match=r"no dask scheduler answers at tcp://127.0.0.1:1 \(Connection refused\); start one"
    ):
        study.run(runtime__engine="dask", runtime__scheduler="tcp://127.0.0.1:1")
    manifest = read_manifest(study.run_folder)
    assert manifest is not None
    assert manifest["state"] == "failed"


def test_nothing_to_do_needs_no_cluster(study: Study) -> None:
    study.run()
    assert study.run(runtime__engine="dask", runtime__scheduler="tcp://127.0.0.1:1") == 0


def test_workers_with_another_program_are_refused(
    study: Study, on_cluster: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = dict(dask_calls.describe_program()) | {"torch": "9.9"}
    monkeypatch.setattr(dask_engine, "describe_program", lambda: ours)
    with pytest.raises(
        ConfigError, match=r"not fit for this run; mend and restart them:\n  tcp://.*torch: .* 9.9 here"
    ):
        study.run(**on_cluster)
    assert study.performed() == []


def test_worker_that_joins_with_another_program_performs_nothing(
    study: Study, on_cluster: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = dict(dask_calls.describe_program()) | {"sources of study": "0123"}
    monkeypatch.setattr(dask_engine, "describe_program", lambda: ours)
    monkeypatch.setattr(dask_engine, "check_workers", lambda *_: None)
    assert study.run(**on_cluster) == 2
    assert "FAILED data reviews: the worker tcp://" in study.said
    assert "0123 here; install the same there and restart it" in study.said
    assert study.performed() == []


def test_workers_that_do_not_see_the_folder_or_have_more_threads(tmp_path: Path, scheduler: str) -> None:
    ours = dask_calls.describe_program()
    with distributed.Client(scheduler, set_as_default=False) as client:
        dask_cluster.check_workers(client, ours, tmp_path)
        with pytest.raises(ConfigError, match=r"there is no .*/nowhere there: put `--results` where all machines"):
            dask_cluster.check_workers(client, ours, tmp_path / "nowhere")
    with (
        dask_cluster.silenced(),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        pytest.raises(ConfigError, match=r"2 threads, where one is needed \(`dask worker --nthreads 1`\)"),
    ):
        dask_cluster.check_workers(client, ours, tmp_path)


def test_dask_that_is_not_installed_is_told(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in ("dask_engine", "dask_cluster", "dask_calls"):
        monkeypatch.delitem(sys.modules, f"study.running.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install '.\[dask\]'"):
        study.run(runtime__engine="dask")
    assert not study.run_folder.exists()
