"""From the tables of one text to its crosswalk picture; what the picture shows in a sentence is in `picture_text`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from study.records import BIAS_KINDS
from study.report import blocks
from study.report.choose import Chosen
from study.report.figures.crosswalk import paint_crosswalk
from study.report.figures.palette import method_label
from study.report.figures.picture import REST, Bars, Panel, Picture, describe_corner
from study.report.figures.style import clip, draw
from study.report.inputs import LIME, TWO_WAY, RunTables
from study.report.numbers import listing, signed
from study.report.picture_text import (
    causal_title,
    direct_title,
    marks_note,
    note_of,
    relative_error,
    sampling_note,
    unit_key,
)
from study.report.text_rows import LEAVE_ONE_OUT, PAD, TextRows, rows_of

MAX_COLUMNS = 22  # columns of a direct table drawn one by one; the smaller ones of a larger model share a column
MAX_BESIDE = 16  # the same where a causal table stands beside it


def crosswalk_figure(run: RunTables, chosen: Chosen, name: str, finding: str = "") -> blocks.Figure | None:
    """The signature picture of one text; None where the run has no crosswalk for it.

    finding: the title, instead of the one that holds for any text.
    """
    rows = rows_of(run, chosen)
    made = compose(rows)
    if made is None:
        return None
    picture, title = made[0], finding or made[1]
    who = f"{run.label(chosen.dataset, chosen.model)}, seed {chosen.seed}, text {chosen.example_id}"
    note = note_of(rows, who, [p.title for p in picture.panels])
    return draw(name, lambda: paint_crosswalk(picture), title=title, note=note, source="crosswalk")


def lime_figure(run: RunTables, chosen: Chosen, name: str) -> blocks.Figure | None:
    """The table of a text by LIME alone, for texts whose picture leaves it out; None where there is none."""
    rows = rows_of(run, chosen)
    tables = {LIME: rows.cells(LIME)}
    if tables[LIME].empty or rows.cells(rows.shap).empty or not _has_causal(rows):
        return None
    picture = _direct_picture(rows, tables)
    who = f"{run.label(chosen.dataset, chosen.model)}, seed {chosen.seed}, text {chosen.example_id}"
    note = note_of(rows, who, [p.title for p in picture.panels])
    title = direct_title(rows.words(), tables[LIME], _drawn(rows.parts()))
    return draw(name, lambda: paint_crosswalk(picture), title=title, note=note, source="crosswalk")


def compose(rows: TextRows, about: tuple[str, ...] = ()) -> tuple[Picture, str] | None:
    """The picture of a text and its title; None where the run has no crosswalk for it.

    With a causal table: that, and the direct table by SHAP. Without: the direct tables by SHAP and LIME.
    about: more lines under the picture.
    """
    tables = {m: rows.cells(m) for m in (rows.shap, LIME)}
    tables = {m: t for m, t in tables.items() if not t.empty}
    if not tables or rows.components.empty:
        return None
    if _has_causal(rows) and rows.shap in tables:
        causal = rows.cells(TWO_WAY, "causal")
        error = relative_error(rows.causal)
        title = causal_title(rows.words(), causal, tables[rows.shap], _drawn(rows.parts()), error)
        return _causal_picture(rows, causal, tables[rows.shap], about), title
    first = next(iter(tables.values()))
    return _direct_picture(rows, tables, about), direct_title(rows.words(), first, _drawn(rows.parts()))


def _has_causal(rows: TextRows) -> bool:
    return not rows.cells(TWO_WAY, "causal").empty


def _causal_picture(rows: TextRows, causal: pd.DataFrame, direct: pd.DataFrame, about: tuple[str, ...]) -> Picture:
    """Causal table, direct table, and the SHAP scores that both sum to; ticks: the causal table's own sums."""
    parts = rows.parts()
    left = _causal_panel(rows, causal)
    middle = _panel(
        direct,
        parts,
        _columns([direct], _drawn(parts), MAX_BESIDE),
        "Direct: which components write the effect",
        "SHAP value of the word in each component of the margin",
        ("column sum = direct contribution, beyond the empty text",),
    )
    bars = Bars(
        title="SHAP",
        subtitle="= row sum of either table",
        row_sum=direct.sum(axis=1).to_numpy(),
        ticks=causal.reindex(direct.index).sum(axis=1, min_count=1).to_numpy(),
    )
    shared = REST in (*left.layers, *middle.layers)
    notes = (
        _bias_note(parts, {rows.shap: direct}),
        sampling_note(rows.causal),
        marks_note(rows.words(), len(direct), shared=shared),
    )
    return Picture(
        words=_labels(rows.words().loc[direct.index]),
        panels=(left, middle),
        bars=(bars,),
        key=unit_key(rows.text),
        corner=_corner(rows, "sum of either table"),
        footnote=(*(n for n in notes if n), *about),
    )


def _causal_panel(rows: TextRows, causal: pd.DataFrame) -> Panel:
    """Words × heads; rings: each head taken out alone; dashes: its Shapley value, where the table's is sampled."""
    parts = rows.parts()
    heads = [c for c in _drawn(parts) if c in causal]
    alone = rows.cells(LEAVE_ONE_OUT, "causal").reindex(columns=heads).sum(min_count=1)
    sampled = rows.causal is not None and not rows.causal["heads_exact"]
    foot = ["column sum = Shapley value of the head", "○ loss when that head alone is taken out"]
    return _panel(
        causal,
        parts,
        _columns([causal], heads, MAX_BESIDE),
        "Causal: which heads the words need",
        "two-way Shapley values over words and heads",
        (*foot, *(["dashes: the head's Shapley value, found apart"] if sampled else [])),
        dashes=rows.head_scores("shapley").reindex(heads) if sampled else None,
        rings=alone if alone.notna().any() else None,
    )


def _direct_picture(rows: TextRows, tables: Mapping[str, pd.DataFrame], about: tuple[str, ...] = ()) -> Picture:
    """One direct table a method, and the scores of each; dashes: the direct contributions beyond the empty text."""
    parts = rows.parts()
    first = next(iter(tables.values()))
    panels = []
    for method, table in tables.items():
        split = _columns(list(tables.values()), _drawn(parts), MAX_COLUMNS)
        foot = "column sum = contribution beyond the empty text"
        foot = foot if method == rows.shap else "column sum; LIME's need not meet the dashes"
        title, subtitle = f"{method_label(method)}, split over components", "rows sum to the word's score, exactly"
        panels.append(_panel(table, parts, split, title, subtitle, (foot,), dashes=parts["beyond"]))
    bars = [
        Bars(title=method_label(m), subtitle="row sums", row_sum=t.reindex(first.index).sum(axis=1).to_numpy())
        for m, t in tables.items()
    ]
    shared = any(REST in p.layers for p in panels)
    notes = (_bias_note(parts, tables), marks_note(rows.words(), len(first), shared=shared))
    return Picture(
        words=_labels(rows.words().loc[first.index]),
        panels=tuple(panels),
        bars=tuple(bars),
        key=unit_key(rows.text),
        corner=_corner(rows, "sum of SHAP scores" if rows.shap in tables else "all words against none"),
        footnote=(*(n for n in notes if n), *about),
    )


def _drawn(parts: pd.DataFrame) -> list[str]:
    """The components that can have a column, in the model's order: all but biases and heads that fill up a layer."""
    return [str(c) for c in parts.index[~parts["kind_of_component"].isin(BIAS_KINDS) & (parts["name"] != PAD)]]


def _columns(tables: list[pd.DataFrame], drawn: list[str], most: int) -> tuple[list[str], list[str]]:
    """Columns drawn, in order, and those that share the last column because the model has too many."""
    if len(drawn) <= most + 1:
        return drawn, []
    size = sum(t.reindex(columns=drawn).abs().sum() for t in tables)
    large = set(pd.Series(size).sort_values(ascending=False, kind="stable").index[:most])
    return [c for c in drawn if c in large], [c for c in drawn if c not in large]


def _panel(
    table: pd.DataFrame,
    parts: pd.DataFrame,
    split: tuple[list[str], list[str]],
    title: str,
    subtitle: str,
    foot: tuple[str, ...],
    *,
    dashes: pd.Series | None = None,
    rings: pd.Series | None = None,
) -> Panel:
    shown, rest = split
    cells = table.reindex(columns=shown).to_numpy(dtype=float)
    names, short, layers = list(shown), [_short(parts, c) for c in shown], parts.loc[shown, "layer"].astype(int)
    called = [str(name) for name in parts.loc[shown, "name"]]
    if rest:
        cells = np.column_stack([cells, table.reindex(columns=rest).sum(axis=1)])
        names, short, called = [*names, f"{len(rest)} more"], [*short, f"{len(rest)} more"], [*called, ""]

    def whole(marks: pd.Series | None) -> np.ndarray | None:
        if marks is None:
            return None
        drawn = marks.reindex(shown).to_numpy(dtype=float)
        return np.append(drawn, marks.reindex(rest).sum()) if rest else drawn

    return Panel(
        title=title,
        subtitle=subtitle,
        foot=foot,
        names=tuple(names),
        short=tuple(short),
        called=tuple(called) if any(called) else (),
        layers=(*layers, *([REST] if rest else [])),
        cells=cells,
        column_sum=np.nansum(cells, axis=0),
        dashes=whole(dashes),
        rings=whole(rings),
    )


def _short(parts: pd.DataFrame, component: str) -> str:
    """The label under a layer's heading: "H0", "MLP", "embed"."""
    kind = parts.loc[component, "kind_of_component"]
    return f"H{int(parts.loc[component, 'head'])}" if kind == "head" else "MLP" if kind == "mlp" else component


def _labels(words: pd.DataFrame) -> tuple[str, ...]:
    return tuple(clip(w) + ("°" if u else "") for w, u in zip(words["word"], words["unknown"], strict=True))


def _corner(rows: TextRows, what: str) -> tuple[str, str, tuple[str, ...]]:
    text = rows.text
    return describe_corner(float(text["margin"]), float(text["empty_margin"]), clip(str(text["target"]), 18), what)


def _bias_note(parts: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> str:
    """What the row sums hold beside the columns drawn."""
    biases = [str(c) for c in parts.index if str(c) not in _drawn(parts)]
    sums = {m: signed(float(t.reindex(columns=biases).sum().sum())) for m, t in tables.items()}
    told = listing([f"{method_label(m)} {v}" for m, v in sums.items()]) if len(sums) > 1 else next(iter(sums.values()))
    where = "Not drawn, but in the row sums" if len(sums) > 1 else "Not drawn, but in the row sums of the direct table"
    what = "biases and heads that only fill up a layer" if (parts["name"] == PAD).any() else "biases"
    return f"{where}: {what} ({', '.join(biases)}); over all words together {told} logits."
