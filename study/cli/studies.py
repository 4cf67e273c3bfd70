"""Commands on studies: perform one, write its report anew, list what is there, check a config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from study.cli.options import ConfigPath, Overrides, Results, RunName, Workers, load_settings, make_console
from study.errors import ConfigError


def run(
    config: ConfigPath,
    overrides: Overrides = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Explain at most N texts of each data set.", show_default=False),
    ] = None,
    workers: Workers = None,
    update: Annotated[
        bool, typer.Option("--update", help="The run exists with another config: recompute in place what changed.")
    ] = False,
    results: Results = Path("results"),
) -> None:
    """Run a study, or go on with it.

    Whatever is done and unchanged is skipped; a killed run goes on where it was.
    """
    from study.running.display import make_display
    from study.running.runs import run_study

    settings = load_settings(config, overrides, limit=limit, workers=workers)
    if settings.sweep is not None:
        raise ConfigError(
            f"{config} has a `sweep` section: perform it with `study sweep {config}`, or remove the section"
        )
    raise typer.Exit(run_study(settings, results, make_display(make_console()), update=update))


def sweep(
    config: ConfigPath,
    overrides: Overrides = None,
    workers: Workers = None,
    update: Annotated[
        bool, typer.Option("--update", help="The sweep exists with another config: recompute in place what changed.")
    ] = False,
    results: Results = Path("results"),
) -> None:
    """Run a sweep, or go on with it: SHAP and LIME over models, seeds, removals and budgets.

    A point that fails is told and left out, the others are compared; the same command tries it again.
    """
    from study.running.display import make_display
    from study.running.runs import run_study

    settings = load_settings(config, overrides, workers=workers)
    if settings.sweep is None:
        raise ConfigError(
            f"{config} has no `sweep` section, which says where removal operators and budgets are tried: add "
            "`sweep: {removals: [mask, delete], budgets: [256, 1024]}`, or perform it with `study run`"
        )
    raise typer.Exit(run_study(settings, results, make_display(make_console()), update=update, mends=True))


def report(run: RunName, results: Results = Path("results")) -> None:
    """Write the report of a finished run anew from its tables."""
    from study.running.display import make_display
    from study.running.run_folder import find_run
    from study.running.runs import rewrite_report

    raise typer.Exit(rewrite_report(find_run(run, results), make_display(make_console())))


def list_all(results: Results = Path("results")) -> None:
    """List the runs with their state, date, accuracy and gates."""
    from rich.table import Table

    from study.running.run_folder import list_runs

    states = list_runs(results)
    if not states:
        typer.echo(f"no runs in {results}; `study run CONFIG` makes one")
        return
    table = Table("run", "state", "date", "accuracy", "gates", box=None, pad_edge=False)
    for state in states:
        table.add_row(state.name, state.state, state.date, state.accuracy, state.gates)
    make_console().print(table, markup=False)


def validate(config: ConfigPath, overrides: Overrides = None) -> None:
    """Check a config and print it in full.

    Defaults included; nothing is written.
    """
    from study.config.loading import dump_config

    typer.echo(dump_config(load_settings(config, overrides)), nl=False)
