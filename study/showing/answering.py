"""`study explain`: every text is explained and shown in turn; then one page of all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from study.errors import GateError, InputError
from study.report.numbers import plural
from study.showing.plain import plain
from study.showing.texts import TextSource, nothing_given

if TYPE_CHECKING:
    from study.library.explanation import Explanation


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


def answer(request: Request, texts: TextSource, out: Console, notices: Console) -> int:
    """Explains and shows every text; returns the exit status, 3 where a gate is broken, else 0.

    out: terminal forms or JSON lines and nothing else; notices: progress, what was left out, where the page went.
    Raises: StudyError for a run, model or method that is not there; InputError where there is no text.
    """
    _check_methods(request.methods or ())
    if request.page is not None and request.page.is_dir():
        raise InputError(f"--html {request.page} is a folder: name a file in it, {request.page / 'explained.html'}")
    from study.library.loading import load_run

    run = load_run(request.run, request.results)
    found = iter(texts)
    first = next(found, None)
    if first is None:
        raise nothing_given()
    with _waiting(notices, f"loading a model of {request.run}"):
        explainer = run.explainer(request.dataset, request.model, request.seed)
    kept: list[Explanation] = []
    status = 0
    for number, text in enumerate(chain([first], found), start=1):
        with _waiting(notices, f"explaining text {number}"):
            explanation = explainer.explain(text, methods=request.methods, causal=request.causal)
        _show(explanation, out, as_json=request.as_json, number=number)
        kept += [explanation] if request.page is not None else []
        if not all(gate.passed for gate in explanation.gates):
            status = GateError.exit_status
    if texts.n_blank:
        notices.print(f"{plural(texts.n_blank, 'text')} without a word left out", style="dim", highlight=False)
    if request.page is not None:
        from study.showing.page import write_page

        write_page(request.page, run, kept)
        told = notices if request.as_json else out
        told.print(f"wrote {request.page}", markup=False, highlight=False, soft_wrap=True, emoji=False)
    return status


def _show(explanation: Explanation, out: Console, *, as_json: bool, number: int) -> None:
    if as_json:
        line = json.dumps(explanation.to_dict(), allow_nan=False)  # ASCII: nothing in a text can steer a terminal
        out.file.write(line + "\n")
        out.file.flush()
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
    return notices.status(plain(doing)) if notices.is_terminal else nullcontext()
