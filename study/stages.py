"""What a stage of a run is: its scope, what it needs, which config and which code decide its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.limits import has_shuffled_control

Progress = Callable[[int, int, str], None]  # (done, total, what is being done)


def _everywhere(_config: StudyConfig, _dataset: DatasetConfig, _model: ModelConfig) -> bool:
    return True


def _is_measured(config: StudyConfig, dataset: DatasetConfig, model: ModelConfig) -> bool:
    return config.convergence.covers(dataset.name, model.name)


def _is_rated(_config: StudyConfig, dataset: DatasetConfig, _model: ModelConfig) -> bool:
    return dataset.rated is not None


def _is_evaluated(config: StudyConfig, _dataset: DatasetConfig, _model: ModelConfig) -> bool:
    return bool(config.evaluate.measures)


def _learns_nonsense(config: StudyConfig, _dataset: DatasetConfig, model: ModelConfig) -> bool:
    return has_shuffled_control(config, model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a run. A stage is skipped when nothing that decides its result has changed.

    scope: once per data set, once per cell (data set x model x seed), once per point of a sweep (cell x removal
    operator x budget) or once per run.
    function: "module:function", called with a StageContext; returns the names of the files it wrote,
    relative to `context.folder`. It must be idempotent: killed anywhere, run again, same files.
    needs: stages whose outputs it reads. wants: the same, where the cell has that stage.
    code: modules and rooms of `study` whose sources decide the result.
    config: top-level config sections that decide it beyond the data set, model and seed of its own scope.
    applies: whether a cell has this stage at all.
    reads_rated: it reads the rated texts of its data set, where the config names any: their file counts as its input.
    tolerates_failures: it runs also where some of what it needs failed, once all of that is over.
    """

    name: str
    scope: Literal["dataset", "cell", "point", "run"]
    function: str
    needs: tuple[str, ...]
    code: tuple[str, ...]
    config: tuple[str, ...]
    applies: Callable[[StudyConfig, DatasetConfig, ModelConfig], bool] = _everywhere
    wants: tuple[str, ...] = ()
    reads_rated: bool = False
    tolerates_failures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """All that a stage function may use.

    folder: where its files go (`data/<dataset>`, `cells/<dataset>-<model>-s<seed>`, `points/<cell>-<removal>-<budget>`
    or the run folder).
    run_folder: to read what earlier stages wrote, by the contract of `study.ledger`.
    progress: to be called now and then with (done, total, text). dataset, model, seed, removal, budget: None out
    of scope. missing: the tasks it needs that failed or did not run, by name, and why; for stages that tolerate it.
    """

    config: StudyConfig
    run_folder: Path
    folder: Path
    progress: Progress
    dataset: DatasetConfig | None = None
    model: ModelConfig | None = None
    seed: int | None = None
    removal: str | None = None
    budget: int | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


# Sources that decide every stage's result: what it reads, and the bytes it writes.
_BASE = (
    *("errors.py", "records", "registry.py", "config/__init__.py", "config/limits.py", "seeds.py", "stages.py"),
    *("cells.py", "ledger/__init__.py", "artefacts.py", "pipeline.py", "preparing.py", "tables.py", "head_classes.py"),
    *("restoring.py", "support.py", "tasks"),
)
_EXPLAIN = (
    *("setting.py", "explaining.py", "identities.py", "gates.py", "ledger/markers.py"),
    *("data", "model", "game", "crosswalk"),
)
_DISSECT = ("dissecting.py", "dissection_rows.py", "surveying.py", "heads")
_SCORE = ("judging.py", "known.py", "scoring.py", "failing.py", "verifying.py")
_EVALUATE = ("evaluation", "metrics", "features", "stats")
_ALL_SECTIONS = (
    *("training", "explain", "heads", "convergence", "evaluate", "hypotheses", "compare", "report", "runtime"),
)

STAGES: tuple[Stage, ...] = (
    Stage(
        name="data",
        scope="dataset",
        function="study.pipeline:prepare_data",
        needs=(),
        code=(*_BASE, "data"),
        config=(),
    ),
    Stage(
        name="baseline",
        scope="dataset",
        function="study.pipeline:fit_baselines",
        needs=("data",),
        code=(*_BASE, "rating.py", "data", "model/baseline.py"),
        config=(),
        reads_rated=True,
    ),
    Stage(
        name="train",
        scope="cell",
        function="study.pipeline:train_cell",
        needs=("data",),
        code=(*_BASE, "fitting_models.py", "ledger/markers.py", "data", "model"),
        config=("training", "runtime"),
    ),
    Stage(
        name="rate",
        scope="cell",
        function="study.pipeline:rate_cell",
        needs=("data", "train"),
        code=(*_BASE, "rating.py", "data", "model"),
        config=("runtime",),
        applies=_is_rated,
        reads_rated=True,
    ),
    Stage(
        name="converge",  # early: one cell may take minutes, beside which the others are explained
        scope="cell",
        function="study.pipeline:converge_cell",
        needs=("data", "train"),
        code=(*_BASE, *_EXPLAIN, "converging.py", "features"),
        config=("convergence", "explain", "runtime"),
        applies=_is_measured,
    ),
    Stage(
        name="explain",
        scope="cell",
        function="study.pipeline:explain_cell",
        needs=("data", "train"),
        code=(*_BASE, *_EXPLAIN, "features"),
        config=("explain", "runtime"),
    ),
    Stage(
        name="dissect",
        scope="cell",
        function="study.pipeline:dissect_cell",
        needs=("data", "train", "explain"),
        code=(*_BASE, *_EXPLAIN, *_DISSECT),
        config=("explain", "heads", "runtime"),
    ),
    Stage(
        name="shuffle",
        scope="cell",
        function="study.pipeline:train_shuffled",
        needs=("data",),
        code=(*_BASE, "fitting_models.py", "ledger/markers.py", "data", "model"),
        config=("training", "runtime"),
        applies=_learns_nonsense,
    ),
    Stage(
        name="evaluate",
        scope="cell",
        function="study.pipeline:evaluate_cell",
        needs=("data", "train", "explain"),
        wants=("shuffle",),
        code=(*_BASE, *_EXPLAIN, *_EVALUATE),
        config=("explain", "evaluate", "runtime"),
        applies=_is_evaluated,
    ),
    Stage(
        name="score",
        scope="run",
        function="study.pipeline:score_run",
        needs=("data", "train", "explain", "dissect"),
        code=(*_BASE, *_SCORE, "metrics", "model", "data", "game", "stats"),
        config=("compare", "runtime"),
    ),
    Stage(
        name="compare",
        scope="run",
        function="study.pipeline:compare_run",
        needs=("data", "baseline", "train", "rate", "explain", "dissect", "converge", "shuffle", "evaluate", "score"),
        code=(
            *(*_BASE, "comparing.py", "gates.py", "stats", "metrics", "model"),
            *("crosswalk/__init__.py", "crosswalk/rows.py", "data"),
        ),
        config=("compare", "explain", "heads", "evaluate", "hypotheses"),
    ),
    Stage(
        name="report",
        scope="run",
        function="study.pipeline:write_report",
        needs=("data", "compare", "score"),
        code=(*_BASE, "report", "reference.py", "model/__init__.py", "stats"),
        config=_ALL_SECTIONS,  # it prints the whole config
    ),
)

_MEASURE = ("sweeping/__init__.py", "sweeping/point.py", "sweeping/text_rows.py", "dissecting.py", "evaluation")
_GATHER = ("sweeping/__init__.py", "sweeping/gather.py")
SWEEP_STAGES: tuple[Stage, ...] = (
    *(stage for stage in STAGES if stage.name in ("data", "train")),
    Stage(
        name="measure",
        scope="point",
        function="study.sweeping.point:measure_point",
        needs=("data", "train"),
        code=(*_BASE, *_EXPLAIN, *_MEASURE, "features", "heads", "metrics", "stats", "dissection_rows.py"),
        config=("explain", "heads", "runtime"),
    ),
    Stage(
        name="gather",
        scope="run",
        function="study.sweeping.gather:gather_points",
        needs=("train", "measure"),
        code=(*_BASE, *_GATHER, "sweeping/trends.py", "sweeping/axes.py", "metrics", "stats"),
        config=("sweep", "compare"),
        tolerates_failures=True,
    ),
    Stage(
        name="report",
        scope="run",
        function="study.sweeping.gather:write_report",
        needs=("data", "gather"),
        code=(*_BASE, *_GATHER, "report", "reference.py", "model/__init__.py", "stats"),
        config=(*_ALL_SECTIONS, "sweep"),  # it prints the whole config
    ),
)
