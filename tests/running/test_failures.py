"""Runs in which something goes wrong, in worker processes: what is told, what goes on, what is kept."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from study import ledger
from study.errors import LedgerError
from study.ledger.manifest import read_manifest
from study.running import execution
from study.running.alone import alone
from tests.fake_study import CELLS, Study, is_alive, start, tables, wait_for

# failures


def test_failed_task_keeps_only_those_that_need_it_from_running(study: Study) -> None:
    study.behave(train__reviews_a_s1="raise")
    assert study.run() == 1
    assert "FAILED train reviews-a-s1: RuntimeError: a stage went wrong" in study.said
    waiting = {
        e["task"]: e["needs"] for e in map(json.loads, (study.run_folder / ledger.LOG_FILE).open()) if "needs" in e
    }
    assert waiting["explain reviews-a-s1"] == waiting["report"] == "train reviews-a-s1"
    assert f"not run: {len(waiting)} tasks that need what failed" in study.said
    assert len(study.performed()) == 6
    events = [json.loads(line) for line in (study.run_folder / ledger.LOG_FILE).read_text().splitlines()]
    assert any("fake_stages.py" in event.get("trace", "") for event in events)
    manifest = read_manifest(study.run_folder)
    assert manifest is not None
    assert manifest["state"] == "failed"
    study.behave()
    assert study.run() == 0
    assert study.performed() == ["explain reviews-a-s1", "report fake", "train-resumed reviews-a-s1"]


def test_mistake_in_the_input_has_its_own_status(study: Study) -> None:
    study.behave(data__reviews="study")
    assert study.run() == 2
    assert "FAILED data reviews: the data set has one class only" in study.said


def test_broken_gate_is_told_after_the_report_is_written(study: Study) -> None:
    study.behave(explain__reviews_b_s0="gate")
    assert study.run() == 3
    assert (study.run_folder / "report.html").exists()
    assert "GATE BROKEN rows: 0.5 where 0.0001 is allowed (reviews-b-s0 t1)" in study.said
    assert study.run() == 3  # also when nothing is left to do


def test_dead_worker_costs_no_result(study: Study, finished: Study) -> None:
    study.behave(explain__reviews_a_s0="die once")
    assert study.run() == 0
    assert "again explain reviews-a-s0: its worker process was killed (signal 9" in study.said
    assert study.hashes() == finished.hashes()


def test_task_that_kills_every_worker_is_given_up(study: Study) -> None:
    study.behave(explain__reviews_a_s0="die")
    assert study.run() == 1
    assert "FAILED explain reviews-a-s0: its worker process was killed" in study.said
    assert "3 times" in study.said
    assert len([name for name in study.performed() if name.startswith("explain")]) == 3


def test_killed_runs_end_with_the_same_files(study: Study, finished: Study) -> None:
    rng = random.Random(0)  # noqa: S311 - moments to kill at
    for n_done in (1, 4, 7):
        process = start(study)
        log = study.results / "performed.txt"
        while process.poll() is None and (not log.exists() or len(log.read_text().splitlines()) < n_done):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL  # else it was over before
    assert study.run() == 0
    assert study.hashes() == finished.hashes()
    assert not list(study.run_folder.rglob(".writing-*"))


def test_workers_of_a_killed_run_end_with_it(study: Study) -> None:
    study.behave(train__reviews_a_s0="sleep")
    process = start(study)
    pid = int(wait_for(study.results / "asleep"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for _ in range(300):
        if not is_alive(pid):
            break
        time.sleep(0.01)
    assert not is_alive(pid)
    study.behave()
    assert study.run() == 0
    assert "run   train reviews-a-s0: was interrupted" in study.said


def test_ctrl_c_stops_the_workers_and_the_run_goes_on_later(study: Study) -> None:
    study.behave(train__reviews_a_s0="sleep")
    process = start(study)
    pid = int(wait_for(study.results / "asleep"))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "stopped; the same command goes on from here" in said
    assert "Traceback" not in said
    assert "FAILED" not in said
    assert (study.run_folder / ".workers.log").read_text() == ""
    assert not is_alive(pid)
    manifest = read_manifest(study.run_folder)
    assert manifest is not None
    assert manifest["state"] == "stopped"
    study.behave()
    assert study.run() == 0


def test_failed_write_is_a_failed_stage_and_no_mistake_in_the_input(study: Study) -> None:
    study.behave(compare="full disk")
    assert study.run() == 1
    assert "large.bin: File too large; free space or rights, then run again" in study.said


def test_sources_edited_amid_a_run_are_not_used_under_the_key_of_the_old_ones(study: Study) -> None:
    study.behave(train__reviews_b_s1="edit")
    assert study.run() == 2
    assert "study/game/fast.py was changed after this run started" in study.said
    assert study.said.count("start the run again") == len(CELLS)
    assert not [name for name in study.performed() if name.startswith("explain")]
    study.behave()
    assert study.run() == 0
    assert study.performed() == [*(f"explain {cell}" for cell in CELLS), "report fake"]


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_full_disk_fails_the_task_and_names_the_file(
    study: Study, finished: Study, engine: str, request: pytest.FixtureRequest
) -> None:
    settings = request.getfixturevalue("on_cluster") if engine == "dask" else {}
    study.behave(train__reviews_a_s0="full disk", train__reviews_b_s1="no space")
    assert study.run(**settings) == 1
    large = [study.run_folder / "cells" / cell / "large.bin" for cell in ("reviews-a-s0", "reviews-b-s1")]
    assert f"FAILED train reviews-a-s0: cannot write {large[0]}: File too large; free space or rights" in study.said
    no_space = f"cannot write {large[1]}: No space left on device; free space, then run again"
    assert f"FAILED train reviews-b-s1: {no_space}" in study.said
    assert not list(study.run_folder.rglob(".writing-*"))
    assert not large[0].exists()
    assert "explain reviews-b-s0" in study.performed()
    study.behave()
    assert study.run(**settings) == 0
    assert tables(study) == tables(finished)


def test_manifest_that_cannot_be_written_does_not_end_the_run(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(folder: Path, *, state: str, **fields: object) -> None:
        n_written.append(state)
        if len(n_written) > 1:
            raise LedgerError(f"cannot write {folder / ledger.MANIFEST_FILE}: No space left on device")

    n_written: list[str] = []
    monkeypatch.setattr(execution, "write_manifest", write)
    assert study.run() == 0
    assert n_written == ["running", "running", "finished"]
    assert study.said.count("manifest.json: No space left on device") == 2
    assert "done  report" in study.said


def test_second_performance_of_a_task_waits_for_the_first(tmp_path: Path) -> None:
    """As when a cluster takes a worker for lost that goes on."""
    told: list[str] = []
    entered = threading.Event()

    def perform() -> None:
        with alone(tmp_path, "train", lambda done, total, text: told.append(text)):
            entered.set()

    with alone(tmp_path, "train", lambda done, total, text: None):
        with alone(tmp_path, "explain", lambda done, total, text: told.append("another stage")):
            pass
        second = threading.Thread(target=perform)
        second.start()
        assert not entered.wait(0.1)
    assert entered.wait(2.0)
    second.join()
    assert set(told) == {"waits: it is still performed elsewhere"}
