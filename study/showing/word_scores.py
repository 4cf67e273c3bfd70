"""Scores of words on a terminal: coloured words a method, or a table of numbers where there are no colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from study.records import FloatArray
from study.report.labels import method_label
from study.showing.colours import decimals_of, has_own_scale, is_unsigned, ramp, style_of, top_of
from study.showing.plain import plain
from study.showing.sheets import Screen, Sheet, chunks, draw_sheet

if TYPE_CHECKING:
    from study.library.explanation import Explanation

UNKNOWN, CUT = "°", "†"


def word_labels(e: Explanation) -> tuple[str, ...]:
    """The words with their marks: unknown ones, and those beyond the model's length."""
    cut = [k >= e.n_players for k in range(len(e.words))]
    return tuple(
        plain(word) + (CUT if late else UNKNOWN if unknown else "")
        for word, unknown, late in zip(e.words, e.unknown, cut, strict=True)
    )


def word_scores(e: Explanation, screen: Screen) -> list[RenderableType]:
    """A line of coloured words a method, or where there are no colours a table of words × methods; then the marks."""
    title = Text("Words", "bold")
    logits = [a.scores for method, a in e.features.items() if not has_own_scale(method)]
    scaled = [e.features[m].scores for m in (e.shap, "lime") if m in e.features and not has_own_scale(m)] or logits
    top = top_of(np.concatenate(scaled)) if scaled else 1.0
    shown: list[RenderableType] = []
    if screen.coloured:
        shown += [_strips(e, top), *([ramp(top)] if scaled else [])]
    else:
        shown += _numbers(e, top, screen)
    marks = [f"{UNKNOWN} not in the vocabulary"] if e.unknown.any() else []
    marks += [f"{CUT} beyond the model's length: no score"] if e.n_players < len(e.words) else []
    own = [method_label(m) for m in e.features if has_own_scale(m)]
    marks += [f"{', '.join(own)}: own scale, no logits"] if own else []
    return [Text(""), title, *shown, *([Text("; ".join(marks), "dim")] if marks else [])]


def _strips(e: Explanation, top: float) -> Table:
    """Words on the colours of their scores; all methods in logits share one scale."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    labels = word_labels(e)
    for method, attribution in e.features.items():
        own = has_own_scale(method)
        end = top_of(attribution.scores) if own else top
        words = Text()
        for label, score in zip(labels, attribution.scores, strict=True):
            words.append(label, style_of(float(score), end, unsigned=is_unsigned(method))).append(" ")
        table.add_row(Text(method_label(method), "bold"), words)
    return table


def _numbers(e: Explanation, top: float, screen: Screen) -> list[RenderableType]:
    """Words × methods, in as many tables as the width asks for."""
    cells: FloatArray = np.column_stack([a.scores for a in e.features.values()])
    sheet = Sheet(
        labels=word_labels(e),
        columns=tuple(method_label(m) for m in e.features),
        cells=cells,
        top=top,
        decimals=decimals_of(top),
    )
    return [draw_sheet(part, screen)[0] for part in chunks(sheet, screen.width)]
