"""`study reproduce`: run the study from nothing, then keep its reference or hold it against the kept one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from study import ledger
from study.config import MOST_LETTERS, StudyConfig
from study.config.loading import config_hash
from study.errors import ConfigError, GateError, LedgerError
from study.reproduction.checks import Check, check_run, stack_differences
from study.reproduction.reference import HOW, describe_run, read_reference, write_reference
from study.running.display import Display
from study.running.runs import run_study

SUFFIX = "-reproduced"  # of the name of the run, so that it never stands in the place of another one


def reference_path(results: Path, name: str) -> Path:
    """Where the reference of the study of this name is kept."""
    return results / "reference" / f"{name}.json"


def reproduce(config: StudyConfig, results: Path, reference: Path, display: Display, console: Console) -> int:
    """Runs the study anew and prints every check; returns the exit status.

    config: its name ends in SUFFIX. 0: all that must hold held. 3: something did not. Else that of the run.
    Raises: LedgerError for a reference that is missing, of another version or of another config.
    """
    kept = read_reference(reference)
    if config_hash(config) != kept.config_hash:
        raise LedgerError(f"{reference} is of another config than this one; {HOW}")
    status = run_anew(config, results, display)
    if status not in (0, GateError.exit_status):
        return status
    found = describe_run(results / config.name, config)
    checks = check_run(kept, found)
    print_checks(checks, stack_differences(kept, found), console)
    return 0 if all(check.held for check in checks if check.required) else GateError.exit_status


def keep(config: StudyConfig, results: Path, reference: Path, display: Display) -> int:
    """Runs the study anew and writes its reference; returns the exit status of the run, and writes nothing if not 0."""
    status = run_anew(config, results, display)
    if status == 0:
        write_reference(reference, describe_run(results / config.name, config))
        display.line(f"wrote {reference}")
    return status


def run_anew(config: StudyConfig, results: Path, display: Display) -> int:
    """Runs the study from nothing: what an earlier reproduction left is removed. Returns the exit status.

    Raises: LedgerError where another process holds the folder, or it is no run folder.
    """
    folder = results / config.name
    if folder.exists():
        if ledger.is_locked(folder):
            raise LedgerError(f"{folder} is in use by another process: wait for it, or stop it")
        if not (folder / ledger.CONFIG_FILE).is_file():
            raise LedgerError(f"{folder} is no run folder: move it away, then start again")
        shutil.rmtree(folder)
    return run_study(config, results, display)


def print_checks(checks: Sequence[Check], differences: Sequence[str], console: Console) -> None:
    """Every check in a line, then what it comes to."""
    table = Table("check", "verdict", "found", box=None, pad_edge=False)
    for check in checks:
        table.add_row(check.name, check.verdict, check.told, style=None if check.held or not check.required else "red")
    console.print(table, markup=False)
    for line in summarise(checks, differences):
        console.print(line, markup=False, soft_wrap=True)


def summarise(checks: Sequence[Check], differences: Sequence[str]) -> list[str]:
    """What all checks come to: the stack, the tables, what must hold."""
    required = [check for check in checks if check.required]
    failed = [check.name for check in required if not check.held]
    tables = [check for check in checks if check.name.startswith("table ")]
    same = sum(check.held for check in tables)
    if differences:
        stack = f"another stack than the reference's ({'; '.join(differences)}): hashes are told, tolerances must hold"
    else:
        stack = "the same stack as the reference's: tables must be byte-identical"
    told = f"{len(required) - len(failed)} of {len(required)} checks that must hold held"
    return [
        stack,
        f"{same} of {len(tables)} tables are byte-identical",
        f"not reproduced: {told}; not held: {', '.join(failed)}" if failed else f"reproduced: {told}",
    ]


def renamed(config: StudyConfig) -> StudyConfig:
    """The config under the name of its reproduction.

    Raises: ConfigError for a sweep, which leaves none of the tables that are held against the reference, and for a
    name that becomes too long.
    """
    if config.sweep is not None:
        raise ConfigError(
            "a sweep has no reference: remove its `sweep` section, or compare two sweeps with `study compare`"
        )
    longest = MOST_LETTERS - len(SUFFIX)
    if len(config.name) > longest:
        raise ConfigError(
            f"name: '{config.name}' has {len(config.name)} letters, of which {longest} are allowed here, since the "
            f"reproduction is called <name>{SUFFIX}: choose a shorter one"
        )
    return config.model_copy(update={"name": config.name + SUFFIX})
