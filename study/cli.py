"""The command line. Everything heavy is imported by the command that needs it, so that `--help` is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.errors import ConfigError, StudyError

if TYPE_CHECKING:
    from rich.console import Console

    from study.config import StudyConfig

_FILE_WIDTH = 160
app = typer.Typer(
    name="study",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Which words, and which heads, drive a text classifier: SHAP, LIME and the exact share of every head.\n\n"
    "Exit status: 0 done, 1 a stage failed, 2 a mistake in the input, 3 an exactness gate is broken, 130 stopped.",
)

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The config file, YAML.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Settings that replace those of the file: explain.n_texts=20, models.0.n_layers=1, name=other.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Processes, instead of runtime.workers. Results do not depend on it."),
]
Results = Annotated[Path, typer.Option(metavar="DIR", help="The folder that holds the runs.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run, by name or folder.", show_default=False)]


@app.command()
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

    settings = _load(config, overrides, limit=limit, workers=workers)
    if settings.sweep is not None:
        raise ConfigError(
            f"{config} has a `sweep` section: perform it with `study sweep {config}`, or remove the section"
        )
    raise typer.Exit(run_study(settings, results, make_display(_console()), update=update))


@app.command()
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

    settings = _load(config, overrides, workers=workers)
    if settings.sweep is None:
        raise ConfigError(
            f"{config} has no `sweep` section, which says where removal operators and budgets are tried: add "
            "`sweep: {removals: [mask, delete], budgets: [256, 1024]}`, or perform it with `study run`"
        )
    raise typer.Exit(run_study(settings, results, make_display(_console()), update=update, mends=True))


@app.command()
def report(run: RunName, results: Results = Path("results")) -> None:
    """Write the report of a finished run anew from its tables."""
    from study.running.display import make_display
    from study.running.run_folder import find_run
    from study.running.runs import rewrite_report

    raise typer.Exit(rewrite_report(find_run(run, results), make_display(_console())))


@app.command()
def fetch() -> None:
    """Fetch the texts that people rated into data/, once.

    Sentences from the source package of vaderSentiment, checked by hash, those left out that a model could have seen.
    """
    from study.data.fetch import fetch_rated

    fetch_rated(typer.echo)


@app.command()
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN_A RUN_B ...", help="Runs, by name or folder; the first is the baseline."),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only estimates of this metric; may be given again.", show_default=False),
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Hold finished runs, or sweeps, against the first one: settings, code, data, and every estimate.

    Writes DIR/comparisons/A-vs-B/report.html and differences.csv.
    """
    from study.contrast.comparison import compare_runs, write_comparison
    from study.contrast.terminal import print_comparison
    from study.running.run_folder import find_run, load_run_config

    folders = [find_run(run, results) for run in runs]
    contrast = compare_runs([(folder, load_run_config(folder)) for folder in folders], metric or [])
    print_comparison(contrast, write_comparison(contrast, results), _console())


@app.command()
def reproduce(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The config file, YAML.")] = Path(
        "configs/smoke.yaml"
    ),
    keep: Annotated[
        bool, typer.Option("--keep", help="Write a new reference instead of checking the kept one.")
    ] = False,
    results: Results = Path("results"),
) -> None:
    """Run a small study from nothing and hold it against the numbers kept in DIR/reference.

    On the same stack its tables must be byte-identical, on any other the stated tolerances must hold; status 3 if not.
    """
    from study.reproduction.rerun import keep as keep_reference
    from study.reproduction.rerun import reference_path, renamed
    from study.reproduction.rerun import reproduce as check_reference
    from study.running.display import make_display

    settings = _load(config, None)
    reference, console = reference_path(results, settings.name), _console()
    display = make_display(console)
    if keep:
        raise typer.Exit(keep_reference(renamed(settings), results, reference, display))
    raise typer.Exit(check_reference(renamed(settings), results, reference, display, console))


@app.command("keep-score-card")
def keep(run: RunName, results: Results = Path("results")) -> None:
    """Keep the score card of a run with known answers where the reports of other runs quote it.

    Writes DIR/reference/score_card.csv: the verified rows, numbers and names only.
    """
    from study.reference import keep_score_card
    from study.running.run_folder import find_run

    typer.echo(f"{keep_score_card(find_run(run, results))}; `study report RUN` quotes it")


@app.command("ls")
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
    _console().print(table, markup=False)


@app.command()
def validate(config: ConfigPath, overrides: Overrides = None) -> None:
    """Check a config and print it in full.

    Defaults included; nothing is written.
    """
    from study.config.loading import dump_config

    typer.echo(dump_config(_load(config, overrides)), nl=False)


@app.command()
def walkthrough(
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Also walk through the first trained model of this run, by name or folder.",
            show_default=False,
        ),
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Show attention step by step on live tensors.

    Concatenating the heads and summing them give the same numbers, entry by entry.
    """
    from study.running.run_folder import find_run

    folder = None if run is None else find_run(run, results)
    from study.running.walkthrough import show_walkthrough  # brings torch: after the mistakes that need none

    raise typer.Exit(show_walkthrough(folder, results, _console()))


def main() -> None:
    """The command `study`: a mistake of its user is told on stderr, without a traceback."""
    try:
        app()
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


def _load(
    path: Path, overrides: list[str] | None, *, limit: int | None = None, workers: int | None = None
) -> StudyConfig:
    """The config of the command's arguments; `limit` and `workers` are part of it from here on."""
    from study.config.loading import limit_texts, load_config
    from study.running.plan import allowed_names

    asked = [*(overrides or []), *([f"runtime.workers={workers}"] if workers is not None else [])]
    settings = load_config(path, asked, allowed_names())
    return settings if limit is None else limit_texts(settings, limit)


def _console() -> Console:
    from rich.console import Console

    # a file or a pipe has no width that a table would have to be squeezed into
    return Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
