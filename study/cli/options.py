"""The arguments that several commands share, and what is made of them: a config, a console."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli.completing import config_files, run_names

if TYPE_CHECKING:
    from rich.console import Console

    from study.config import StudyConfig

_FILE_WIDTH = 160

ConfigPath = Annotated[
    Path,
    typer.Argument(metavar="CONFIG", help="The config file, YAML.", show_default=False, autocompletion=config_files),
]
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
RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="A run, by name or folder.", show_default=False, autocompletion=run_names),
]


def load_settings(
    path: Path, overrides: list[str] | None, *, limit: int | None = None, workers: int | None = None
) -> StudyConfig:
    """The config of the command's arguments; `limit` and `workers` are part of it from here on."""
    from study.config.loading import limit_texts, load_config
    from study.running.plan import allowed_names

    asked = [*(overrides or []), *([f"runtime.workers={workers}"] if workers is not None else [])]
    settings = load_config(path, asked, allowed_names())
    return settings if limit is None else limit_texts(settings, limit)


def make_console() -> Console:
    """Where tables go: as wide as the terminal; wide in a file or a pipe, which has no width to squeeze them into."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
