"""Commands that hold results against something: other runs, a kept reference, known answers, the arithmetic itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from study.cli.completing import config_files, run_names
from study.cli.options import Results, RunName, load_settings, make_console


def fetch() -> None:
    """Fetch the texts that people rated into data/, once.

    Sentences from the source package of vaderSentiment, checked by hash, those left out that a model could have seen.
    """
    from study.data.fetch import fetch_rated

    fetch_rated(typer.echo)


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN_A RUN_B ...",
            help="Runs, by name or folder; the first is the baseline.",
            autocompletion=run_names,
        ),
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
    from study.contrast.comparison import DIFFERENCES, compare_runs, write_comparison
    from study.contrast.terminal import print_comparison
    from study.running.run_folder import find_run, load_run_config

    folders = [find_run(run, results) for run in runs]
    contrast = compare_runs([(folder, load_run_config(folder)) for folder in folders], metric or [])
    page = write_comparison(contrast, results)
    print_comparison(contrast, [page.with_name(DIFFERENCES), page], make_console())


def reproduce(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The config file, YAML.", autocompletion=config_files)
    ] = Path("configs/smoke.yaml"),
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

    settings = load_settings(config, None)
    reference, console = reference_path(results, settings.name), make_console()
    display = make_display(console)
    if keep:
        raise typer.Exit(keep_reference(renamed(settings), results, reference, display))
    raise typer.Exit(check_reference(renamed(settings), results, reference, display, console))


def keep(run: RunName, results: Results = Path("results")) -> None:
    """Keep the score card of a run with known answers where the reports of other runs quote it.

    Writes DIR/reference/score_card.csv: the verified rows, numbers and names only.
    """
    from study.reference import keep_score_card
    from study.running.run_folder import find_run

    typer.echo(f"wrote {keep_score_card(find_run(run, results))}")
    typer.echo("`study report RUN` quotes it")


def walkthrough(
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Also walk through the first trained model of this run, by name or folder.",
            show_default=False,
            autocompletion=run_names,
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

    raise typer.Exit(show_walkthrough(folder, results, make_console()))
