"""One start of a run: what is skipped and why, what is performed, what went wrong, and the exit status."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from study import ledger
from study.cells import cells, points
from study.config import StudyConfig
from study.config.loading import config_hash, deciding_settings
from study.errors import GateError, LedgerError, StudyError
from study.ledger.manifest import PACKAGE, RunLog, hash_code, package_versions, read_manifest, write_manifest
from study.report.numbers import plural
from study.running.agenda import Engine, Job, Outcome
from study.running.display import Display
from study.running.estimate import describe_seconds, estimate_run, estimate_seconds
from study.running.freshness import Decision, Inspector
from study.running.mending import set_aside_damaged
from study.running.performing import Order, Task
from study.running.plan import build_tasks
from study.running.run_folder import count_evaluations, hash_data, read_done_markers, read_gates
from study.running.worker import Call
from study.stages import Stage

STOPPED = 130  # exit status after Ctrl-C


@dataclass(kw_only=True)
class Execution:
    """One start of a run; the listener of its engine.

    mends: a damaged output is put aside and made again; else it is refused.
    """

    config: StudyConfig
    folder: Path
    display: Display
    stages: Sequence[Stage]
    package: Path
    mends: bool = False
    tasks: dict[str, Task] = field(init=False)
    inspector: Inspector = field(init=False)
    log: RunLog = field(init=False)
    start: float = field(init=False)
    _forced: bool = field(init=False, default=False)  # perform even what is unchanged
    _missing: dict[str, str] = field(init=False, default_factory=dict)  # task that failed or was not run -> why

    def __post_init__(self) -> None:
        self.tasks = {task.name: task for task in build_tasks(self.config, self.stages)}
        self.inspector = Inspector(
            config=self.config,
            run_folder=self.folder,
            tasks=self.tasks,
            code=hash_code(self.package),
            packages=package_versions(),
        )
        self.log = RunLog(self.folder)
        self.start = time.monotonic()

    def inspect(self) -> list[Task]:
        """The tasks that will run, or may: those that need one that runs are counted in.

        Raises: LedgerError for any damaged output, before anything is started, unless this execution mends it.
        """
        running: dict[str, Task] = {}
        for task in self.tasks.values():
            decision = self._decide(task, {})
            if decision.must_run or any(name in running for name in task.needs):
                running[task.name] = task
        return list(running.values())

    def _decide(self, task: Task, missing: Mapping[str, str]) -> Decision:
        """Whether a task must run, once what is damaged of it was put aside."""
        for path in set_aside_damaged(self.folder / task.folder, task.stage.name) if self.mends else ():
            self.display.line(f"damaged, kept as {path}: {task.name} runs again", "yellow")
            self.log.write("damaged", {"task": task.name, "kept_as": path.relative_to(self.folder).as_posix()})
        return self.inspector.decide(task, missing)

    def run_all(self, engine: Engine) -> int:
        """Performs every task that must run; returns the exit status.

        Raises: StudyError for an engine that cannot start; the manifest then says "failed".
        """
        expected = self.inspect()
        self._announce(expected)
        if expected:
            self._write_manifest("running")
        try:
            status = self._map(engine, list(self.tasks.values()), expected)
        except StudyError:
            self._try_to_write_manifest("failed")
            raise
        if status is None:
            self._try_to_write_manifest("stopped")
            return STOPPED
        if expected or not self._is_finished():
            self._try_to_write_manifest("failed" if status in (1, 2) else "finished")
        return status

    def run_only(self, engine: Engine, stage: str) -> int:
        """Performs the tasks of one stage, whatever their markers say; returns the exit status.

        The manifest stays: what the stage reads is as old as before. Raises: LedgerError where that is not there.
        """
        chosen = [task for task in self.tasks.values() if task.stage.name == stage]
        for needed in (self.tasks[name] for task in chosen for name in task.needs):
            if not self.inspector.is_done(needed) or self.inspector.check_outputs(needed):
                raise LedgerError(
                    f"the run {self.folder} is not finished: '{needed.name}' is missing; `study run` first"
                )
        self._forced = True
        status = self._map(engine, [replace(task, needs=()) for task in chosen], chosen)
        return STOPPED if status is None else status

    def _map(self, engine: Engine, tasks: Sequence[Task], expected: Sequence[Task]) -> int | None:
        """The exit status of performing `tasks`, None when it was stopped."""
        self.log.write("start", {"config": config_hash(self.config), "tasks": [task.name for task in expected]})
        jobs = [Job(name=task.name, needs=task.needs, tolerant=task.stage.tolerates_failures) for task in tasks]
        try:
            with self.display:
                seconds = {task.name: estimate_seconds(task, self.config) for task in expected}
                self.display.plan(seconds, self.config.runtime.workers)
                outcomes = engine.run(jobs, self._prepare, self)
        except KeyboardInterrupt:
            self.log.write("stopped", {})
            self.display.line("stopped; the same command goes on from here")
            return None
        return self._conclude(outcomes)

    def _announce(self, expected: Sequence[Task]) -> None:
        config, workers = self.config, self.config.runtime.workers
        self.display.line(
            f"{config.name}: data {', '.join(d.name for d in config.datasets)}; models "
            f"{', '.join(m.name for m in config.models)}; {plural(len(config.seeds), 'seed')}; "
            + (plural(len(points(config)), "point") if config.sweep else plural(config.explain.n_texts, "text"))
        )
        if expected:
            about = describe_seconds(estimate_run(expected, config, workers))
            self.display.line(
                f"{len(expected)} of {len(self.tasks)} tasks to do with {workers} processes: "
                f"about {about} on a machine of {workers} free cores"
            )
        known = {f"cells/{name}" for name in cells(config)} | {f"data/{d.name}" for d in config.datasets}
        known |= {f"points/{name}" for name in points(config)}
        for parent in ("cells", "points", "data"):
            for path in sorted((self.folder / parent).glob("*/")):
                if f"{parent}/{path.name}" not in known:
                    self.display.line(f"not part of this config any more, left as it is: {path}")

    def _prepare(self, name: str) -> Call | None:
        """The call of a task, None where nothing changed since it was done."""
        task = self.tasks[name]
        missing = {need: self._missing[need] for need in task.needs if need in self._missing}
        decision = self._decide(task, missing)
        if not decision.must_run and not self._forced:
            self.display.line(f"skip  {name}: unchanged", "dim")
            return None
        self.display.line(f"run   {name}: {decision.reason or 'asked for'}")
        self.log.write("run", {"task": name, "reason": decision.reason})
        if task.stage == self.stages[-1] and not self._forced:
            self._try_to_write_manifest("running")  # the report shows what is known by now
        order = Order(
            task=task,
            config=self.config,
            run_folder=self.folder.absolute(),
            key=decision.key,
            ingredients=decision.ingredients,
            missing=missing,
            package=None if self.package == PACKAGE else self.package,
        )
        return Call(function="study.running.performing:perform", argument=order)

    def started(self, name: str) -> None:
        self.display.started(name)

    def progressed(self, name: str, done: int, total: int, text: str) -> None:
        self.display.progressed(name, done, total, text)

    def retried(self, name: str, reason: str) -> None:
        self.display.line(f"again {name}: {reason}", "yellow")
        self.log.write("retry", {"task": name, "reason": reason})

    def finished(self, outcome: Outcome) -> None:
        self.display.finished(outcome.name)
        fields: dict[str, Any] = {"task": outcome.name, "state": outcome.state}
        if outcome.state == "done":
            self.display.line(f"done  {outcome.name}: {outcome.result} s")
            fields["seconds"] = outcome.result
        elif outcome.state == "failed":
            self.display.line(f"FAILED {outcome.name}: {outcome.message}", "bold red")
            fields |= {"message": outcome.message, "trace": outcome.trace}
            self._missing[outcome.name] = outcome.message.partition("\n")[0]
        elif outcome.state == "not run":
            fields["needs"] = outcome.message
            self._missing[outcome.name] = f"not run: it needs {outcome.message}, which failed"
        self.log.write("task", fields)

    def tick(self) -> None:
        self.display.tick()

    def _conclude(self, outcomes: Mapping[str, Outcome]) -> int:
        """The last lines: broken gates, failures, where the report is. Returns the exit status."""
        broken = [gate for gate in read_gates(self.folder, self.config) if not gate["passed"]]
        for gate in broken:
            self.display.line(
                f"GATE BROKEN {gate['name']}: {gate.get('value')} where {gate.get('tolerance')} is allowed "
                f"({gate.get('cell', '')} {gate.get('where', '')})",
                "bold red",
            )
        failures = {outcome.exit_status for outcome in outcomes.values() if outcome.state == "failed"}
        waiting = sum(outcome.state == "not run" for outcome in outcomes.values())
        if waiting:
            self.display.line(f"not run: {waiting} tasks that need what failed", "red")
        if failures:
            self.display.line(f"not finished; the log is {self.folder / ledger.LOG_FILE}", "red")
            status = 1 if 1 in failures else min(failures)
        else:
            status = GateError.exit_status if broken else 0
            report = self.folder / "report.html"
            seconds = describe_seconds(time.monotonic() - self.start)
            self.display.line(f"finished in {seconds}", "bold")
            self.display.line(f"wrote {report if report.exists() else self.folder}", "bold")
        self.log.write("end", {"exit_status": status, "broken_gates": len(broken)})
        return status

    def _is_finished(self) -> bool:
        manifest = read_manifest(self.folder)
        if manifest is None or manifest.get("state") != "finished":
            return False
        return bool(manifest.get("config_hash") == config_hash(self.config))

    def _try_to_write_manifest(self, state: str) -> None:
        """A disk that is full by now does not keep the other tasks from ending as they do."""
        try:
            self._write_manifest(state)
        except LedgerError as error:
            self.display.line(str(error), "red")

    def _write_manifest(self, state: str) -> None:
        markers = read_done_markers(self.folder, self.tasks.values())
        write_manifest(
            self.folder,
            state=state,
            config=deciding_settings(self.config),
            config_hash=config_hash(self.config),
            workers=self.config.runtime.workers,
            code=self.inspector.code,
            data=hash_data(markers, self.tasks),
            wall_seconds=time.monotonic() - self.start,
            stage_seconds={name: marker.seconds for name, marker in markers.items()},
            peak_gib=max((marker.peak_gib for marker in markers.values()), default=0.0),
            evaluations=count_evaluations(self.folder),
        )
