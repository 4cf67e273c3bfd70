"""The command line. Everything heavy is imported by the command that needs it, so that `--help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import typer

from study.cli.answers import explain
from study.cli.checking import compare, fetch, keep, reproduce, walkthrough
from study.cli.studies import list_all, report, run, sweep, validate
from study.errors import StudyError

app = typer.Typer(
    name="study",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Which words, and which heads, drive a text classifier: SHAP, LIME and the exact share of every head.\n\n"
    "Exit status: 0 done, 1 a stage failed, 2 a mistake in the input, 3 an exactness gate is broken, 130 stopped.",
)
COMMANDS: Mapping[str, Callable[..., None]] = {  # as `study --help` lists them
    "run": run,
    "sweep": sweep,
    "report": report,
    "explain": explain,
    "fetch": fetch,
    "compare": compare,
    "reproduce": reproduce,
    "keep-score-card": keep,
    "ls": list_all,
    "validate": validate,
    "walkthrough": walkthrough,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def main() -> None:
    """The command `study`: a mistake of its user is told on stderr, without a traceback."""
    try:
        app(prog_name="study")  # however it was started: completion and help know it by this name
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
