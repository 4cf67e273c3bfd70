"""The command that explains texts of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from study.cli.completing import explainers, run_names
from study.cli.options import Results

_TEXT_WIDTH = 100  # columns where there is no terminal and COLUMNS does not say


def explain(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Texts, each in quotes. Without any: the lines of FILE, or of standard input (also: -).",
            show_default=False,
        ),
    ] = None,
    *,
    run: Annotated[
        str,
        typer.Option(metavar="RUN", help="A run, by name or folder.", show_default=False, autocompletion=run_names),
    ],
    file: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="One text a line, UTF-8; may be given again.", show_default=False),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="D", help="Its data set; the first one if not given.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="M", help="Its model; the first one if not given.", show_default=False)
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="S", help="Its seed; that of median test accuracy if not given.", show_default=False),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Score words by this explainer; may be given again. SHAP and LIME if not given.",
            show_default=False,
            autocompletion=explainers,
        ),
    ] = None,
    no_causal: Annotated[
        bool, typer.Option("--no-causal", help="Leave out which heads the words need: faster.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write one page of all texts there.", show_default=False)
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Explain your own texts by a model of a run.

    \b
    study explain "a warm and funny film" --run experiment
    study explain --run experiment --json < reviews.txt

    Which words decide, and through which heads. Lines are answered as they come. Colours on terminals only, and never
    with NO_COLOR. Status 3: a gate is broken.
    """
    from rich.console import Console

    from study.showing.answering import Output, Request, answer
    from study.showing.texts import TextSource

    texts = TextSource(text or [], file or [], sys.stdin.buffer, is_terminal=sys.stdin.isatty())
    request = Request(
        run=run,
        results=results,
        dataset=dataset,
        model=model,
        seed=seed,
        methods=tuple(method) if method else None,
        causal=not no_causal,
        as_json=as_json,
        page=html,
    )
    out = Output(highlight=False, emoji=False, width=_width())
    if not (out.encoding or "").startswith("utf") and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a minus sign must not be lost in a "?"
    raise typer.Exit(answer(request, texts, out, Console(stderr=True, highlight=False, emoji=False)))


def _width() -> int | None:
    """Columns: None for what the terminal or COLUMNS says."""
    import os

    return None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _TEXT_WIDTH
