"""`study explain`: every text is explained and shown in turn; then one page of all of them, or of those there are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from study.errors import GateError, InputError
from study.ledger import CONFIG_FILE
from study.report.numbers import plural
from study.showing.plain import plain
from study.showing.texts import TextSource, nothing_given

if TYPE_CHECKING:
    from study.library.explanation import Explanation
    from study.library.loading import LoadedRun
    from study.library.one_text import TextExplainer


class Output(Console):
    """Where answers go, as long as somebody reads them: `| head` closes the pipe when it has seen enough."""

    is_read = True

    def on_broken_pipe(self) -> None:
        """Nothing is written any more; rich itself would end the command here, as failed."""
        self.is_read, self.quiet = False, True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())  # what is still buffered goes there


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of every text. dataset, model, seed, methods: None for the run's own choice.

    page: where the page of all texts goes, None for none.
    """

    run: str
    results: Path
    dataset: str | None
    model: str | None
    seed: int | None
    methods: tuple[str, ...] | None
    causal: bool
    as_json: bool
    page: Path | None


def answer(request: Request, texts: TextSource, out: Output, notices: Console) -> int:
    """Explains and shows every text; returns the exit status, 3 where a gate is broken, else 0.

    out: terminal forms or JSON lines and nothing else; when its reader has seen enough, that is the end.
    notices: progress, what was left out, where the page went. The page is written of the texts that were explained,
    whatever ends it.
    Raises: StudyError for a run, model or method that is not there; InputError where there is no text, or no place for
    the page.
    """
    _check_methods(request.methods or ())
    if request.page is not None:
        _check_page(request.page)
    from study.library.loading import load_run

    run = load_run(request.run, request.results)
    found = iter(texts)
    first = next(found, None)
    if first is None:
        raise nothing_given()
    with _waiting(notices, f"loading a model of {request.run}"):
        explainer = run.explainer(request.dataset, request.model, request.seed)
    kept: list[Explanation] = []
    try:
        status = _answer_all(request, explainer, chain([first], found), out, notices, kept)
    except BaseException:
        _write_page(request, run, kept, notices, so_far=True)  # what took so long is not lost
        raise
    if texts.n_blank:
        notices.print(f"{plural(texts.n_blank, 'text')} without a word left out", style="dim", highlight=False)
    told = out if out.is_read and not request.as_json else notices
    _write_page(request, run, kept, told, so_far=not out.is_read)
    return status


def _answer_all(
    request: Request,
    explainer: TextExplainer,
    texts: Iterator[str],
    out: Output,
    notices: Console,
    kept: list[Explanation],
) -> int:
    """The exit status. kept: where explanations are put as they are found, for the page."""
    status = 0
    for number, text in enumerate(texts, start=1):
        with _waiting(notices, f"explaining text {number}"):
            explanation = explainer.explain(text, methods=request.methods, causal=request.causal)
        kept += [explanation] if request.page is not None else []
        if not all(gate.passed for gate in explanation.gates):
            status = GateError.exit_status
        _show(explanation, out, as_json=request.as_json, number=number)
        if not out.is_read:
            break
    return status


def _write_page(request: Request, run: LoadedRun, kept: Sequence[Explanation], told: Console, *, so_far: bool) -> None:
    """The page, where one is wanted and there is something for it. so_far: not all texts are in it."""
    if request.page is None or not kept:
        return
    from study.showing.page import write_page

    write_page(request.page, run, kept)
    of = f", of {plural(len(kept), 'text')} so far" if so_far else ""
    told.print(f"wrote {request.page}{of}", markup=False, highlight=False, soft_wrap=True, emoji=False)


def _check_page(page: Path) -> None:
    """Raises: InputError for a folder, and for a place among the files of a run, its own report above all."""
    if page.is_dir():
        raise InputError(f"--html {page} is a folder: name a file in it, {page / 'explained.html'}")
    for folder in page.resolve().parents:
        if (folder / CONFIG_FILE).is_file():
            raise InputError(
                f"--html {page} lies in the run '{folder.name}', whose files are its own: name a file outside it, such "
                f"as {folder.with_name('explained.html')}"
            )


def _show(explanation: Explanation, out: Output, *, as_json: bool, number: int) -> None:
    if as_json:
        line = json.dumps(explanation.to_dict(), allow_nan=False)  # ASCII: nothing in a text can steer a terminal
        try:
            out.file.write(line + "\n")
            out.file.flush()
        except BrokenPipeError:
            out.on_broken_pipe()
        return
    from study.showing.terminal import print_explanation

    if number > 1:
        out.print()
    print_explanation(explanation, out)
    out.file.flush()  # who pipes texts in, waits for the answer


def _check_methods(methods: Sequence[str]) -> None:
    """Raises: UnknownNameError, before a model is loaded."""
    from study.features import EXPLAINERS

    for method in methods:
        EXPLAINERS[method]


def _waiting(notices: Console, doing: str) -> AbstractContextManager[object]:
    """Tells what takes its time, where somebody watches; it is gone when the answer is there."""
    return notices.status(Text(plain(doing))) if notices.is_terminal else nullcontext()  # a run may be called [/x]
