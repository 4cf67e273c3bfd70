"""Small stages for the tests of plan, engine and command line: they write numbers that depend on all they should.

A file `<run folder>/../behaviour.json` makes a stage misbehave: {"train reviews-a-s0": "raise" | "study" | "die" |
"die once" | "sleep" | "sleep once" | "count" | "edit" | "full disk" | "no space" | "gate"}.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import signal
import time
from pathlib import Path

from study import ledger
from study.errors import DataError
from study.ledger.markers import partial_folder
from study.stages import Stage, StageContext

CODE = ("fake.py",)
STAGES = (
    Stage(name="data", scope="dataset", function="fake_stages:make_data", needs=(), code=CODE, config=()),
    Stage(
        name="train",
        scope="cell",
        function="fake_stages:train",
        needs=("data",),
        code=(*CODE, "model"),
        config=("training", "runtime"),
    ),
    Stage(
        name="explain",
        scope="cell",
        function="fake_stages:explain",
        needs=("data", "train"),
        code=(*CODE, "game"),
        config=("explain", "runtime"),
    ),
    Stage(
        name="compare",
        scope="run",
        function="fake_stages:compare",
        needs=("explain",),
        code=CODE,
        config=("compare",),
    ),
    Stage(name="score", scope="run", function="fake_stages:score", needs=("explain",), code=CODE, config=()),
    Stage(
        name="report",
        scope="run",
        function="fake_stages:report",
        needs=("compare", "score"),
        code=CODE,
        config=("report",),
    ),
)


def make_package(folder: Path) -> Path:
    """Sources whose hashes stand for the code of the fake stages."""
    for name in ("fake.py", "model/encoder.py", "game/fast.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("first version")
    return folder


def make_data(context: StageContext) -> list[str]:
    _behave(context, "data")
    ledger.write_text(context.folder / "texts.txt", _digest(context.dataset.model_dump_json()))
    return ["texts.txt"]


def train(context: StageContext) -> list[str]:
    checkpoint = partial_folder(context.folder, "train") / "checkpoint"
    resumed = "-resumed" if checkpoint.exists() else ""
    ledger.write_text(checkpoint, "half trained")
    _behave(context, "train")
    texts = (context.run_folder / "data" / context.dataset.name / "texts.txt").read_text()
    settings = [
        context.model.model_dump_json(),
        context.config.training.model_dump_json(),
        context.config.runtime.dtype,
    ]
    weights = _digest(texts, str(context.seed), *settings)
    ledger.write_text(context.folder / "weights.txt", weights)
    _count(context, f"train{resumed}")
    return ["weights.txt"]


def explain(context: StageContext) -> list[str]:
    for step in range(2):
        context.progress(step, 2, "explaining")
        ledger.write_text(context.folder / f"part{step}.txt", _digest(str(step)))
        time.sleep(0.01)
    _behave(context, "explain")
    weights = (context.folder / "weights.txt").read_text()
    ledger.write_text(context.folder / "scores.txt", _digest(weights, context.config.explain.model_dump_json()))
    passed = _behaviour(context, "explain") != "gate"
    gate = {
        "name": "rows",
        "value": 0.5,
        "tolerance": 1e-4,
        "passed": passed,
        "where": "t1",
        "cell": context.folder.name,
    }
    ledger.write_json(context.folder / ledger.GATES_FILE, [gate])
    _count(context, "explain")
    return ["scores.txt", *(f"part{step}.txt" for step in range(2)), ledger.GATES_FILE]


def compare(context: StageContext) -> list[str]:
    _behave(context, "compare")
    names = sorted(path.name for path in (context.run_folder / "cells").iterdir())
    cells = [context.run_folder / "cells" / name for name in names if f"explain {name}" not in context.missing]
    table = "\n".join((cell / "scores.txt").read_text() for cell in cells)
    ledger.write_text(context.folder / "tables" / "scores.csv", table)
    gates = [gate for cell in cells for gate in ledger.read_json(cell / ledger.GATES_FILE)]
    ledger.write_json(context.folder / ledger.GATES_FILE, gates)
    told = "".join(f"{name}: {why}\n" for name, why in context.missing.items())
    ledger.write_text(context.folder / "tables" / "missing.txt", told)
    ledger.write_text(context.folder / "cost.csv", "method,n_evals\nshap,3\nlime,4\nshap,5\n")
    accuracy = "dataset,model,seed,kind,accuracy\nreviews,a,0,model,0.7\nreviews,a,all,model,0.75\n"
    ledger.write_text(context.folder / "tables" / "accuracy.csv", accuracy)
    return ["tables/scores.csv", "tables/missing.txt", ledger.GATES_FILE, "cost.csv", "tables/accuracy.csv"]


def score(context: StageContext) -> list[str]:
    return []


def report(context: StageContext) -> list[str]:
    table = (context.run_folder / "tables" / "scores.csv").read_text()
    ledger.write_text(context.folder / "report.html", f"<p>{_digest(table)} {context.config.report.n_texts}</p>")
    _count(context, "report")
    return ["report.html"]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _count(context: StageContext, stage: str) -> None:
    """One line for every time a stage was performed, outside the run folder."""
    with (context.run_folder.parent / "performed.txt").open("a") as file:
        threads = os.environ.get("OMP_NUM_THREADS")
        file.write(f"{stage} {context.folder.name} pid={os.getpid()} threads={threads}\n")


def _behaviour(context: StageContext, stage: str) -> str:
    path = context.run_folder.parent / "behaviour.json"
    name = stage if context.dataset is None else f"{stage} {context.folder.name}"
    return json.loads(path.read_text()).get(name, "") if path.exists() else ""


def _write_too_much(path: Path) -> None:
    """A write that the system refuses halfway."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        ledger.write_bytes(path, bytes(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _behave(context: StageContext, stage: str) -> None:
    behaviour = _behaviour(context, stage)
    if behaviour == "raise":
        raise RuntimeError("a stage went wrong")
    if behaviour == "study":
        raise DataError("the data set has one class only")
    asleep = context.run_folder.parent / "asleep"
    if behaviour == "sleep" or (behaviour == "sleep once" and not asleep.exists()):
        asleep.write_text(str(os.getpid()))
        time.sleep(60)
    if behaviour == "count":  # long, and tells how far it is
        asleep.write_text(str(os.getpid()))
        for step in range(1000):
            context.progress(step, 1000, "counting")
            (context.run_folder.parent / "counted").write_text(str(step))
            time.sleep(0.05)
    if behaviour == "edit":  # somebody works on the sources of the stages that come
        (context.run_folder.parents[1] / "package" / "game" / "fast.py").write_text("edited amid the run")
    if behaviour == "full disk":
        _write_too_much(context.folder / "large.bin")
    if behaviour == "no space":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(context.folder / "large.bin"))
    once = context.run_folder.parent / "died"
    if behaviour == "die" or (behaviour == "die once" and not once.exists()):
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
