"""A real sweep through its command line: a worker killed amid it, the whole of it killed, by either engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.own_texts import write_study
from tests.test_end_to_end import ROOT, is_done, table_hashes, wait_for_tasks

swept = pytest.mark.xdist_group("undisturbed sweep")  # one worker runs the sweep that these tests share
DASK = ("runtime.engine=dask",)


def command(config: Path, results: Path, *overrides: str) -> list[str]:
    return [sys.executable, "-m", "study", "sweep", str(config), *overrides, "--results", str(results)]


def finish(config: Path, results: Path, *overrides: str) -> str:
    """Runs the sweep to its end, which must be a good one; what it said."""
    done = subprocess.run(
        command(config, results, *overrides), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def start(config: Path, results: Path, *overrides: str) -> subprocess.Popen[str]:
    """The sweep in a session of its own, at work in the background."""
    return subprocess.Popen(
        command(config, results, *overrides), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def workers_of(pid: int) -> list[int]:
    """The processes that compute for the process `pid`, by its engine's own means, busiest first."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            line = (path / "cmdline").read_bytes()
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except (OSError, IndexError):
            continue
        if path.name.isdigit() and fields and int(fields[3]) == pid and b"spawn_main" in line:
            found.append((int(fields[11]) + int(fields[12]), int(path.name)))  # session; user and system time
    return [worker for _, worker in sorted(found, reverse=True)]


def wait_for_two_points(run: Path) -> None:
    """Returns when two points have been begun, so that both workers are at work."""
    deadline = time.monotonic() + 90
    while not list(run.glob("points/*/.partial/*/*")) or len(list(run.glob("points/*"))) < 2:
        assert time.monotonic() < deadline, "no two points were begun"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The config of a sweep of four points, and the hashes of its tables when nothing happens to it."""
    folder = tmp_path_factory.mktemp("sweep")
    sweep = {"removals": ["mask", "delete"], "budgets": [64, 96], "n_texts": 18}
    config = write_study(folder, sweep=sweep)
    finish(config, folder / "undisturbed")
    return config, table_hashes(folder / "undisturbed" / "tiny")


@pytest.mark.parametrize("overrides", [(), DASK], ids=["processes", "dask"])
@swept
def test_a_killed_worker_and_a_killed_sweep_cost_no_result(
    undisturbed: tuple[Path, dict[str, str]], tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    config, hashes = undisturbed
    child = start(config, tmp_path, *overrides)
    wait_for_two_points(tmp_path / "tiny")
    os.kill(workers_of(child.pid)[0], signal.SIGKILL)
    wait_for_tasks(tmp_path / "tiny", 5)  # of 8: the data, the model, three points; it went on without that worker
    assert child.poll() is None, "the sweep ended before it could be killed"
    os.killpg(child.pid, signal.SIGKILL)
    said, _ = child.communicate(timeout=60)
    assert overrides or "again measure own-mlp-s" in said, said  # the worker was at work; dask does not say so
    done = [path.parents[1] for path in (tmp_path / "tiny" / "points").rglob(".stages/*.json") if is_done(path)]
    before = {path: path.stat().st_mtime_ns for point in done for path in point.glob("*.parquet")}
    assert before
    finish(config, tmp_path)  # by processes, whichever engine began
    assert {path: path.stat().st_mtime_ns for path in before} == before  # what was finished was not done again
    assert table_hashes(tmp_path / "tiny") == hashes
