"""Starting a run: may this config go into this folder, who holds the folder, and then its tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from study import ledger
from study.config import StudyConfig
from study.config.loading import dump_config
from study.errors import LedgerError
from study.ledger.manifest import PACKAGE
from study.ledger.markers import anything_done
from study.running.display import Display
from study.running.engine import ProcessEngine, make_engine
from study.running.execution import Execution
from study.running.freshness import compare_settings
from study.running.run_folder import load_run_config
from study.stages import STAGES, SWEEP_STAGES, Stage

_WORKER_LOG = ".workers.log"


def run_study(
    config: StudyConfig,
    results: Path,
    display: Display,
    *,
    update: bool = False,
    mends: bool = False,
    stages: Sequence[Stage] | None = None,
    package: Path = PACKAGE,
) -> int:
    """Does what is not done yet of a study in `results/<name>`; returns the exit status.

    stages, package: the steps and the sources that decide their results; those of this program.
    update: recompute in place what a changed config asks for.
    mends: put damaged outputs aside and make them again, where they would be refused.
    0: all done. 1: a stage failed. 2: a stage found a mistake in the input. 3: a gate is broken. 130: stopped.
    Raises: LedgerError for a folder that is in use, damaged, no run, or (without `update`) of another config;
    ConfigError where the engine is not there.
    """
    folder = results / config.name
    _check_folder(folder, config, update)
    engine = make_engine(config, folder / _WORKER_LOG)
    with ledger.RunLock(folder):
        _check_folder(folder, config, update)  # again: another run may just have ended
        ledger.remove_leftovers(folder)
        stages = _stages_of(config) if stages is None else stages
        execution = Execution(
            config=config, folder=folder, display=display, stages=stages, package=package, mends=mends
        )
        execution.inspect()  # refuses damage before the config is replaced
        ledger.write_text(folder / ledger.CONFIG_FILE, dump_config(config))
        return execution.run_all(engine)


def rewrite_report(
    folder: Path, display: Display, *, stages: Sequence[Stage] | None = None, package: Path = PACKAGE
) -> int:
    """Writes the report of a finished run anew from its tables; returns the exit status as `run_study`.

    Raises: LedgerError for a run whose tables are missing or damaged.
    """
    config = load_run_config(folder)
    with ledger.RunLock(folder):
        ledger.remove_leftovers(folder)
        stages = _stages_of(config) if stages is None else stages
        execution = Execution(config=config, folder=folder, display=display, stages=stages, package=package)
        return execution.run_only(ProcessEngine(1, folder / _WORKER_LOG), stages[-1].name)


def _stages_of(config: StudyConfig) -> Sequence[Stage]:
    return STAGES if config.sweep is None else SWEEP_STAGES


def _check_folder(folder: Path, config: StudyConfig, update: bool) -> None:
    """Raises: LedgerError where `folder` holds something else than a run of `config`."""
    if not folder.exists():
        return
    if not (folder / ledger.CONFIG_FILE).exists():
        if any(not path.name.startswith(".") for path in folder.iterdir()):
            raise LedgerError(f"{folder} is no run folder: move it away, or choose another name (`name=other`)")
        return
    if not anything_done(folder):
        return
    differences = compare_settings(load_run_config(folder), config)
    if differences and not update:
        raise LedgerError(
            f"{folder} holds a run of another config:\n  "
            + "\n  ".join(differences)
            + f"\nChoose another name (`name={config.name}-2`), or `--update` to recompute there what changed."
        )
