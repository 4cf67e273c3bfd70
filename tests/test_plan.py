"""Tasks, what makes them run again, the engine, and whole runs of small fake stages - also killed ones."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))  # the workers import the fake stages by name

from fake_run import CONFIG
from fake_stages import STAGES, make_package

from study import ledger
from study import stages as real
from study.config import DatasetConfig, StudyConfig
from study.config.loading import dump_config, parse_config
from study.errors import LedgerError
from study.ledger.manifest import hash_code, read_manifest
from study.running.display import Forecast, LiveDisplay, PlainDisplay, make_display
from study.running.engine import Call, Job, Outcome, ProcessEngine
from study.running.estimate import describe_seconds, estimate_run, estimate_seconds
from study.running.freshness import compare_settings, describe_changes, select_code, select_settings
from study.running.plan import allowed_names, build_tasks
from study.running.runs import rewrite_report, run_study

CELLS = [f"reviews-{model}-s{seed}" for model in "ab" for seed in (0, 1)]


class Study:
    """A fake study in a folder: run it, see what it said and what it performed."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results"
        self.results.mkdir()
        self.run_folder = self.results / "fake"
        self.package = make_package(folder / "package")
        self.said = ""

    def run(self, *, update: bool = False, **changes: object) -> int:
        out = StringIO()
        config = change(parse_config(CONFIG, "CONFIG"), changes)
        display = PlainDisplay(Console(file=out, width=400))
        try:
            return run_study(config, self.results, display, update=update, stages=STAGES, package=self.package)
        finally:
            self.said = out.getvalue()

    def behave(self, **behaviours: str) -> None:
        named = {name.replace("__", " ").replace("_", "-"): value for name, value in behaviours.items()}
        (self.results / "behaviour.json").write_text(json.dumps(named))

    def performed(self) -> list[str]:
        """Stage and folder of every task performed since the last question, in the order of the names."""
        path = self.results / "performed.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(" ".join(line.split()[:2]) for line in lines)

    def hashes(self) -> dict[str, str]:
        """What a reader of the run sees: every file but logs, markers and the manifest."""
        files = [p for p in self.run_folder.rglob("*") if p.is_file()]
        names = {p: p.relative_to(self.run_folder).as_posix() for p in files}
        hidden = (ledger.MANIFEST_FILE, ledger.LOG_FILE)
        return {
            name: ledger.sha256_of(path)
            for path, name in names.items()
            if name not in hidden and not any(part.startswith(".") for part in Path(name).parts)
        }


def change(config: StudyConfig, changes: dict[str, object]) -> StudyConfig:
    """`explain__n_texts=3` -> the config with explain.n_texts 3."""
    for dotted, value in changes.items():
        section, _, key = dotted.partition("__")
        update = {section: value} if not key else {section: getattr(config, section).model_copy(update={key: value})}
        config = config.model_copy(update=update)
    return config


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One uninterrupted run, for comparison only."""
    done = Study(tmp_path_factory.mktemp("finished"))
    assert done.run() == 0
    return done


# tasks


def test_tasks_need_what_belongs_to_them() -> None:
    tasks = {task.name: task for task in build_tasks(parse_config(CONFIG, "CONFIG"), STAGES)}
    assert tasks["data reviews"].needs == ()
    assert tasks["explain reviews-a-s1"].needs == ("data reviews", "train reviews-a-s1")
    assert tasks["compare"].needs == tuple(f"explain {cell}" for cell in CELLS)
    assert tasks["explain reviews-b-s1"].folder == "cells/reviews-b-s1"


def test_tasks_are_those_of_the_models_of_a_data_set() -> None:
    one = parse_config(CONFIG.replace("rotten_tomatoes}", "rotten_tomatoes, models: [b]}"), "CONFIG")
    tasks = [task.name for task in build_tasks(one, STAGES)]
    assert [name for name in tasks if name.startswith("train ")] == ["train reviews-b-s0", "train reviews-b-s1"]


def test_stage_cannot_need_a_narrower_or_later_one() -> None:
    stages = (STAGES[0], replace(STAGES[1], needs=("compare",)))
    with pytest.raises(ValueError, match="stage 'train' needs 'compare', which is no earlier stage"):
        build_tasks(parse_config(CONFIG, "CONFIG"), stages)


def test_real_stages_fit_together() -> None:
    config = parse_config(CONFIG, "CONFIG")
    code = hash_code()
    for task in build_tasks(config, real.STAGES):
        assert select_code(task, code)
        assert "runtime.workers" not in select_settings(task, config)
        assert estimate_seconds(task, config) > 0
    with pytest.raises(ValueError, match=r"names the code 'gone.py', which does not exist"):
        select_code(replace(task, stage=replace(task.stage, code=("gone.py",))), code)


def test_convergence_is_a_task_of_the_cells_it_covers() -> None:
    planned = CONFIG.replace("{name: b, d_mlp: 0}", "{name: b, d_mlp: 0, n_seeds: 1}")
    needs = {}
    for wanted in ("", "convergence: {datasets: [reviews]}", "convergence: {datasets: [reviews], models: [b]}"):
        tasks = {task.name: task for task in build_tasks(parse_config(planned + wanted, "CONFIG"), real.STAGES)}
        needs[wanted] = [name for name in tasks if name.startswith("converge ")]
        assert [name for name in tasks["compare"].needs if name.startswith("converge ")] == needs[wanted]
        assert not [name for name in tasks["score"].needs if name.startswith("converge ")]
        assert {"score", "compare"} <= set(tasks["report"].needs)
        for name in needs[wanted]:
            cell = name.split()[1]
            assert tasks[name].needs == ("data reviews", f"train {cell}")
    assert list(needs.values()) == [
        [],
        ["converge reviews-a-s0", "converge reviews-a-s1", "converge reviews-b-s0"],
        ["converge reviews-b-s0"],
    ]


def test_a_task_that_misses_what_applies_nowhere_in_its_cell_is_a_mistake() -> None:
    """Only a task of the whole run may do without: one of a cell would read what is not there."""
    nowhere = replace(STAGES[1], applies=lambda _config, _dataset, _model: False)
    with pytest.raises(ValueError, match="stage 'explain' needs 'train', which is no earlier stage"):
        build_tasks(parse_config(CONFIG, "CONFIG"), (STAGES[0], nowhere, STAGES[2]))


def test_data_depend_on_widths_only_where_there_are_vectors() -> None:
    config = parse_config(CONFIG, "CONFIG")
    vectors = parse_config(CONFIG.replace("rotten_tomatoes}", "rotten_tomatoes, word_vectors: {}}"), "CONFIG")
    for given, key in ((config, None), (vectors, [64])):
        task = build_tasks(given, STAGES)[0]
        assert select_settings(task, given).get("word vector widths") == key


def test_what_other_cells_there_are_decides_nothing_within_one() -> None:
    config = parse_config(CONFIG, "CONFIG")
    fewer = config.model_copy(
        update={
            "datasets": (config.datasets[0].model_copy(update={"models": ("a",)}),),
            "models": (config.models[0].model_copy(update={"n_seeds": 1}), config.models[1]),
        }
    )
    for stage in ("data", "train", "explain", "dissect"):
        before, after = (next(t for t in build_tasks(c, real.STAGES) if t.stage.name == stage) for c in (config, fewer))
        assert select_settings(before, config) == select_settings(after, fewer)


def test_a_model_with_training_of_its_own_does_not_follow_the_studys() -> None:
    own = parse_config(CONFIG.replace("{name: b, d_mlp: 0}", "{name: b, d_mlp: 0, training: {patience: 9}}"), "CONFIG")
    other = own.model_copy(update={"training": own.training.model_copy(update={"max_epochs": 77})})
    tasks = {task.name: task for task in build_tasks(own, real.STAGES)}
    ends = {name: [select_settings(tasks[name], c) for c in (own, other)] for name in tasks if name.startswith("train")}
    assert ends["train reviews-b-s0"][0]["training.patience"] == 9
    assert ends["train reviews-b-s0"][0] == ends["train reviews-b-s0"][1]
    assert ends["train reviews-a-s0"][0] != ends["train reviews-a-s0"][1]


def test_registries_hand_over_their_names() -> None:
    names = allowed_names()
    assert {"shap", "lime"} <= set(names.explainers)
    assert "rotten_tomatoes" in names.datasets
    assert "encoder" in names.models
    assert "mask" in names.removals
    assert "imdb" in names.unlabelled


def test_changes_are_described_shortly() -> None:
    old = {"config": {"a": 1, "b": 1, "c": 1, "d": 1}, "code": {"x.py": "1"}, "packages": {"torch": "2.1"}}
    new = {
        "config": {"a": 2, "b": 2, "c": 2, "e": 1},
        "code": {},
        "packages": {"torch": "2.2"},
        "inputs": {},
        "needs": {},
    }
    assert describe_changes(old, new) == (
        "config changed: a 1 -> 2, b 1 -> 2, c 1 -> 2 and 2 more; code changed: study/x.py; "
        "package changed: torch 2.1 -> 2.2"
    )


def test_differing_settings_are_listed_without_workers() -> None:
    config = parse_config(CONFIG, "CONFIG")
    other = change(config, {"explain__n_texts": 5, "runtime__workers": 9, "seeds": (0,)})
    assert compare_settings(config, other) == ["seeds: [0, 1] there, [0] now", "explain.n_texts: 100 there, 5 now"]


# whole runs


def test_second_run_skips_everything_and_the_manifest_stays(study: Study) -> None:
    assert study.run() == 0
    assert "11 of 11 tasks to do with 2 processes: about" in study.said
    assert f"report: {study.run_folder}/report.html" in study.said
    before, manifest = study.hashes(), (study.run_folder / ledger.MANIFEST_FILE).read_bytes()
    assert len(study.performed()) == 9
    assert study.run() == 0
    assert study.performed() == []
    assert study.said.count("unchanged") == 11
    assert "tasks to do" not in study.said
    assert study.hashes() == before
    assert (study.run_folder / ledger.MANIFEST_FILE).read_bytes() == manifest


def test_manifest_and_log_tell_the_run(finished: Study) -> None:
    manifest = read_manifest(finished.run_folder)
    assert manifest is not None
    assert manifest["state"] == "finished"
    assert manifest["evaluations"] == {"shap": 8, "lime": 4}
    assert manifest["seeds"] == [0, 1]
    assert set(manifest["data"]["data reviews"]) == {"texts.txt"}
    assert len(manifest["stage_seconds"]) == 11
    events = [json.loads(line) for line in (finished.run_folder / ledger.LOG_FILE).read_text().splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    assert sum(event.get("state") == "done" for event in events) == 11


def test_number_of_workers_changes_nothing(study: Study, finished: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert study.run(runtime__workers=1) == 0
    lines = (study.results / "performed.txt").read_text().splitlines()
    assert len({line.split("pid=")[1] for line in lines}) == 1
    assert f"pid={os.getpid()} " not in lines[0]
    assert all(line.endswith("threads=1") for line in lines)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    ours, theirs = study.hashes(), finished.hashes()
    config = ours.pop(ledger.CONFIG_FILE), theirs.pop(ledger.CONFIG_FILE)
    assert config[0] != config[1]  # the config tells the workers
    assert ours == theirs
    study.performed()
    assert study.run(runtime__workers=3) == 0
    assert study.performed() == []


def test_changed_config_is_refused_then_updated_in_place(study: Study) -> None:
    study.run()
    study.performed()
    before = study.hashes()
    with pytest.raises(LedgerError) as error:
        study.run(explain__lime_samples=500)
    told = str(error.value)
    assert "explain.lime_samples: 1000 there, 500 now" in told
    assert "`name=fake-2`" in told
    assert "`--update`" in told
    assert study.hashes() == before
    assert study.run(update=True, explain__lime_samples=500) == 0
    assert study.performed() == [*(f"explain {cell}" for cell in CELLS), "report fake"]
    assert "run   explain reviews-a-s0: config changed: explain.lime_samples 1000 -> 500" in study.said
    assert "run   compare: its input changed: explain reviews-a-s0, explain reviews-a-s1" in study.said
    with pytest.raises(LedgerError, match=r"500 there, 1000 now"):
        study.run()


def test_checkpoints_are_used_by_the_same_task_only(study: Study) -> None:
    study.behave(train__reviews_a_s0="raise")
    assert study.run() == 1
    study.performed()
    study.behave()
    assert study.run() == 0
    assert "train-resumed reviews-a-s0" in study.performed()
    assert not list(study.run_folder.glob("cells/*/.partial/train"))
    study.behave(train__reviews_a_s0="raise")
    assert study.run(update=True, training__max_epochs=2) == 1
    study.performed()
    study.behave()
    assert study.run(update=True, training__max_epochs=3) == 0
    assert "train reviews-a-s0" in study.performed()


def test_changed_file_of_the_user_reruns_its_data_set(study: Study) -> None:
    own = study.results / "own.csv"
    own.write_text("text,label\n")
    datasets = (DatasetConfig(name="reviews", source="files", path=str(own)),)
    assert study.run(datasets=datasets) == 0
    own.write_text("text,label\nmore,1\n")
    assert study.run(datasets=datasets) == 0
    assert f"run   data reviews: input file changed: {own}" in study.said
    manifest = read_manifest(study.run_folder)
    assert manifest is not None
    assert manifest["data"]["data reviews"]["input own.csv"] == ledger.sha256_of(own)


def test_changed_report_settings_rerun_the_report_only(study: Study) -> None:
    study.run()
    study.performed()
    assert study.run(update=True, report__n_texts=3) == 0
    assert study.performed() == ["report fake"]


def test_changed_code_reruns_what_uses_it(study: Study) -> None:
    study.run()
    study.performed()
    (study.package / "game" / "fast.py").write_text("second version")
    assert study.run() == 0
    assert study.performed() == [f"explain {cell}" for cell in CELLS]  # same numbers: compare and report stay
    assert "code changed: study/game/fast.py" in study.said
    assert "skip  compare: unchanged" in study.said


def test_missing_output_is_made_again(study: Study) -> None:
    study.run()
    study.performed()
    before = study.hashes()
    (study.run_folder / "cells" / "reviews-b-s0" / "weights.txt").unlink()
    assert study.run() == 0
    assert study.performed() == ["train reviews-b-s0"]
    assert "run   train reviews-b-s0: output missing: weights.txt" in study.said
    assert study.hashes() == before


def test_damaged_output_is_refused_and_kept(study: Study) -> None:
    study.run()
    study.performed()
    path = study.run_folder / "cells" / "reviews-b-s0" / "weights.txt"
    path.write_text("somebody's own weights")
    for update, code in ((False, "first version"), (True, "second version")):
        (study.package / "model" / "encoder.py").write_text(code)  # even where it would be computed anew
        with pytest.raises(LedgerError, match=r"weights.txt is not as this run wrote it: .*Delete the file"):
            study.run(update=update)
    assert study.performed() == []
    assert path.read_text() == "somebody's own weights"
    path.unlink()
    assert study.run() == 0


def test_output_no_longer_written_is_removed(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.run()
    marker = study.run_folder / "data" / "reviews" / ".stages" / "data.json"
    value = json.loads(marker.read_text())
    value["outputs"]["old.txt"] = ledger.write_text(study.run_folder / "data" / "reviews" / "old.txt", "x")
    value["key"] = "another"
    marker.write_text(json.dumps(value))
    assert study.run() == 0
    assert not (study.run_folder / "data" / "reviews" / "old.txt").exists()
    assert "run   data reviews: its record is of another version" in study.said


def test_cells_of_an_earlier_config_are_named(study: Study) -> None:
    study.run()
    assert study.run(update=True, seeds=(0,)) == 0
    assert f"not part of this config any more, left as it is: {study.run_folder}/cells/reviews-a-s1" in study.said


def test_folder_that_is_no_run_is_refused(study: Study) -> None:
    ledger.write_text(study.run_folder / "thesis.tex", "mine")
    with pytest.raises(LedgerError, match=r"fake is no run folder: move it away, or choose another name"):
        study.run()
    assert [p.name for p in study.run_folder.iterdir()] == ["thesis.tex"]


def test_two_runs_on_one_folder(study: Study) -> None:
    with (
        ledger.RunLock(study.run_folder),
        pytest.raises(LedgerError, match=f"in use by the process {os.getpid()}"),
    ):
        study.run()
    assert study.run() == 0


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


def start(study: Study) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).parent / "fake_run.py"), str(study.results), str(study.package)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    )


def wait_for(path: Path) -> str:
    for _ in range(2000):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    raise TimeoutError(path)


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


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


# report


def test_report_is_written_anew_and_nothing_else(study: Study) -> None:
    study.run()
    study.performed()
    before = study.hashes()
    manifest = (study.run_folder / ledger.MANIFEST_FILE).read_bytes()
    display = PlainDisplay(Console(file=StringIO()))
    assert rewrite_report(study.run_folder, display, stages=STAGES, package=study.package) == 0
    assert study.performed() == ["report fake"]
    assert study.hashes() == before
    assert (study.run_folder / ledger.MANIFEST_FILE).read_bytes() == manifest
    study.run()
    assert study.performed() == []
    (study.run_folder / "tables" / "scores.csv").unlink()
    with pytest.raises(LedgerError, match="is not finished: 'compare' is missing; `study run` first"):
        rewrite_report(study.run_folder, display, stages=STAGES, package=study.package)


# engine


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


# display


def test_terminal_shows_a_bar_for_every_running_task_and_the_whole() -> None:
    out = StringIO()
    display = make_display(Console(file=out, force_terminal=True, width=100, color_system=None))
    assert isinstance(display, LiveDisplay)
    with display:
        display.plan({"train a": 10.0, "train b": 10.0}, 2)
        display.started("train a")
        display.progressed("train a", 3, 6, "epoch [3]")
        display.line("skip  [b]x[/b]")
        display.tick()
        time.sleep(0.3)  # drawn ten times a second
        display.finished("train a")
        display.tick()
    assert "3/6 epoch [3]" in out.getvalue()
    assert "skip  [b]x[/b]" in out.getvalue()
    assert "50% done" in out.getvalue()


def test_no_terminal_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.running.display._PLAIN_SECONDS", 0.0)
    out = StringIO()
    display = make_display(Console(file=out, width=200))
    display.plan({"train a": 10.0}, 1)
    display.started("train a")
    display.progressed("train a", 1, 2, "epochs")
    display.tick()
    assert re.search(r"50% done, about 0:\d\d left: train a 1/2 epochs", out.getvalue())


# estimates


@pytest.mark.parametrize(("seconds", "told"), [(0.2, "1 s"), (89, "89 s"), (100, "2 min"), (5400, "1 h 30 min")])
def test_seconds_are_told_roughly(seconds: float, told: str) -> None:
    assert describe_seconds(seconds) == told


def test_more_workers_take_less_time_and_nothing_takes_none() -> None:
    config = parse_config(CONFIG, "CONFIG")
    tasks = build_tasks(config, STAGES)
    assert estimate_run(tasks, config, 4) < estimate_run(tasks, config, 1)
    assert estimate_run([], config, 1) == 0.0


@pytest.mark.parametrize(
    ("method", "key"), [("shapley", "shapley_evals"), ("shap", "shap_evals"), ("lime", "lime_samples")]
)
def test_explaining_takes_longer_with_more_evaluations_of_a_method_in_use(method: str, key: str) -> None:
    config = parse_config(CONFIG, "CONFIG")
    (task, *_) = (t for t in build_tasks(config, real.STAGES) if t.stage.name == "explain")

    def seconds(methods: tuple[str, ...], evaluations: int) -> float:
        explain = config.explain.model_copy(update={"methods": methods, key: evaluations})
        return estimate_seconds(task, config.model_copy(update={"explain": explain}))

    assert seconds((method,), 5000) > 1.5 * seconds((method,), 500)
    assert seconds(("occlusion",), 5000) == seconds(("occlusion",), 500)


def test_forecast_starts_with_the_estimate_and_ends_at_nothing() -> None:
    forecast = Forecast()
    forecast.plan({"a": 30.0, "b": 30.0}, 2)
    assert forecast.left() == pytest.approx(30.0)
    forecast.advance("a", 1.0)
    assert forecast.done == pytest.approx(0.5)
    forecast.advance("b", 1.0)
    assert forecast.left() == pytest.approx(0.0, abs=1e-6)


def test_a_folder_where_nothing_was_finished_takes_another_config(study: Study) -> None:
    study.run_folder.mkdir(parents=True)
    ledger.write_text(
        study.run_folder / ledger.CONFIG_FILE, dump_config(change(parse_config(CONFIG, "CONFIG"), {"seeds": (7,)}))
    )
    assert study.run() == 0


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


def test_a_changed_score_card_rewrites_the_report(study: Study) -> None:
    assert study.run() == 0
    study.performed()
    ledger.write_text(study.results / "reference" / "score_card.csv", "numbers")
    assert study.run() == 0
    assert study.performed() == ["report fake"]
    assert "input file changed: reference/score_card.csv" in study.said
    assert study.run() == 0
    assert study.performed() == []
