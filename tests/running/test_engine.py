"""Which engine a config chooses, and the one of worker processes."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from fake_run import CONFIG

from study.config.loading import load_config
from study.errors import ConfigError
from study.running.agenda import Call, Job, Outcome
from study.running.dask_engine import DaskEngine
from study.running.engine import ProcessEngine, make_engine
from study.running.plan import allowed_names
from tests import fake_study  # noqa: F401 - where the workers find the fake stages


class Quiet:
    def started(self, name: str) -> None: ...

    def progressed(self, name: str, done: int, total: int, text: str) -> None: ...

    def retried(self, name: str, reason: str) -> None: ...

    def finished(self, outcome: Outcome) -> None: ...

    def tick(self) -> None: ...


def test_jobs_that_wait_for_each_other_are_an_error(tmp_path: Path) -> None:
    jobs = [Job(name="a", needs=("b",)), Job(name="b", needs=("a",))]
    with pytest.raises(ValueError, match="jobs that need each other"):
        ProcessEngine(1, tmp_path / "log").run(jobs, lambda name: None, Quiet())


def test_unknown_function_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    jobs = [Job(name="a", needs=())]
    outcomes = ProcessEngine(1, tmp_path / "log").run(
        jobs, lambda name: Call(function="fake_stages:nothing", argument=None), Quiet()
    )
    assert outcomes["a"].state == "failed"
    assert "AttributeError" in outcomes["a"].message


class Swallowing(Quiet):
    """A listener during which Ctrl-C arrives, and in which what is raised gets lost, as in a finalizer."""

    def started(self, name: str) -> None:
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)


def test_ctrl_c_is_never_lost(tmp_path: Path) -> None:
    jobs = [Job(name=name, needs=()) for name in "abc"]
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        ProcessEngine(1, tmp_path / "log").run(
            jobs, lambda name: Call(function="fake_stages:nothing", argument=None), Swallowing()
        )
    assert signal.getsignal(signal.SIGINT) is before


def test_config_chooses_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    config = load_config(path, ["runtime.workers=3"], allowed_names())
    assert isinstance(make_engine(config, tmp_path / "log"), ProcessEngine)
    config = load_config(path, ["runtime.engine=dask", "runtime.scheduler=tcp://far:8786"], allowed_names())
    assert isinstance(make_engine(config, tmp_path / "log"), DaskEngine)


def test_scheduler_without_the_engine_that_uses_it_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG + "runtime: {scheduler: 'tcp://far:8786'}\n")
    with pytest.raises(ConfigError, match=r"config.yaml:6:\d+: runtime.scheduler is for the engine 'dask' only"):
        load_config(path, [], allowed_names())
