"""One explanation on a terminal: prediction, words, heads, both crosswalks, gates.

Colours only repeat what numbers say: without them every score is printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from study.config.limits import SHAPLEY_METHODS
from study.records import BIAS_KINDS, Crosswalk, FloatArray
from study.report.labels import method_label
from study.report.numbers import number, plural, scientific, signed
from study.showing.colours import decimals_of, has_colours, share, top_of
from study.showing.plain import plain
from study.showing.sheets import Screen, Sheet, blank_below, chunks, draw_sheet, width_of
from study.showing.word_scores import word_labels, word_scores

if TYPE_CHECKING:
    from study.library.explanation import Explanation

BETWEEN = 3  # columns of the screen between two grids
MOST_CLASSES = 5
EXACT = "exact"  # the estimator of Shapley values over all coalitions


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Prints everything about one text, as wide as the console; text of users is never read as markup."""
    screen = Screen(width=console.width, coloured=has_colours(console))
    parts: list[RenderableType] = [
        *_prediction(explanation),
        *word_scores(explanation, screen),
        *_head_grids(explanation, screen),
        *_causal(explanation, screen),
        *_direct(explanation, screen),
        Text(""),
        gate_line(explanation),
    ]
    console.print(Group(*parts), soft_wrap=False)


def heading(title: str, about: str) -> list[RenderableType]:
    """An empty line, and a title with what it is about."""
    return [Text(""), Text(title, "bold").append(f": {about}", "not bold")]


def gate_line(explanation: Explanation) -> Text:
    """One line, green or red: whether the identities hold that must hold."""
    gates = explanation.gates
    broken = [gate for gate in gates if not gate.passed]
    if not gates:
        return Text("No exactness gate was measured: do not rely on these numbers.", "bold red")
    if broken:
        told = "; ".join(f"{g.name} ({scientific(g.value)} where {scientific(g.tolerance)} is allowed)" for g in broken)
        return Text(
            f"BROKEN: {len(broken)} of {plural(len(gates), 'exactness gate')}. Do not believe these numbers. {told}",
            "bold red",
        )
    nearest = max(gates, key=lambda gate: gate.value / gate.tolerance)
    used = share(nearest.value / nearest.tolerance, 1)
    return Text(f"All {len(gates)} exactness gates hold; the nearest to its limit uses {used} of it.", "green")


def _prediction(e: Explanation) -> list[RenderableType]:
    order = np.argsort(-e.probabilities, kind="stable")
    shares = ", ".join(f"{plain(e.class_names[k])} {share(float(e.probabilities[k]))}" for k in order[1:MOST_CLASSES])
    more = f" and {len(order) - MOST_CLASSES} more" if len(order) > MOST_CLASSES else ""
    said = Text(f"{plain(e.predicted)} {share(float(e.probabilities[order[0]]))}", "bold")
    said.append(f" ({shares}{more})", "not bold")
    said.append(f"; margin {signed(e.margin)} logits, {signed(e.empty_margin)} without any word", "not bold")
    who = f"+ speaks for {plain(e.target)}, − against. Model {e.model}, seed {e.seed}, trained on {e.dataset}."
    return [Text(f"“{plain(e.text)}”"), said, Text(plain(who), "dim")]


def _head_grids(e: Explanation, screen: Screen) -> list[RenderableType]:
    """Layers × heads: what every head writes, and what it is needed for."""
    heads = e.index.where("head")
    if not heads.size:
        return []
    layers, columns = np.array(e.index.layer)[heads], np.array(e.index.head)[heads]

    def grid(values: FloatArray) -> FloatArray:
        table = np.full((layers.max() + 1, columns.max() + 1), np.nan)
        table[layers, columns] = values
        return table

    grids = {"direct: what it writes": grid((e.contributions - e.empty_contributions)[heads])}
    if "shapley" in e.heads:
        grids["causal: its Shapley value"] = e.heads["shapley"].scores
    elif e.causal is not None:
        grids["causal: its Shapley value"] = grid(np.nansum(e.causal.crosswalk.cells, axis=0))
    top = top_of(np.concatenate([values.ravel() for values in grids.values()]))
    sheets = {
        title: Sheet(
            labels=tuple(f"layer {k}" for k in range(len(values))),
            columns=tuple(f"H{k}" for k in range(values.shape[1])),
            cells=values,
            top=top,
            decimals=decimals_of(top),
        )
        for title, values in grids.items()
    }
    return [*heading("Heads", "logits beyond the text without words"), *_beside(sheets, screen)]


def _beside(sheets: dict[str, Sheet], screen: Screen) -> list[RenderableType]:
    """Sheets side by side where there is room, else one below the other, wide ones in parts."""
    if sum(width_of(sheet) for sheet in sheets.values()) + BETWEEN * (len(sheets) - 1) <= screen.width:
        row = Table.grid(padding=(0, BETWEEN, 0, 0))
        row.add_row(*(Text(title, "italic") for title in sheets))
        row.add_row(*(draw_sheet(sheet, screen)[0] for sheet in sheets.values()))
        return [row]
    shown: list[RenderableType] = []
    for title, sheet in sheets.items():
        shown += [Text(title, "italic"), *(draw_sheet(part, screen)[0] for part in chunks(sheet, screen.width))]
    return shown


def _causal(e: Explanation, screen: Screen) -> list[RenderableType]:
    """Words × heads, with the words' SHAP values beside the sums where one of them is sampled."""
    if e.causal is None:
        return []
    table, shap = e.causal.crosswalk, _shap_scores(e)
    same = shap is not None and e.causal.words_exact and _is_exact(e)
    sums = {"= SHAP" if same else "sum": np.nansum(table.cells, axis=1)}
    sums |= {} if same or shap is None else {"SHAP": shap}
    table_is_exact, error = e.causal.words_exact and e.causal.heads_exact, e.causal.sampling_error
    notes = []
    if not (table_is_exact and (shap is None or _is_exact(e))):
        off = f": its row sums are {share(error, 1)} off the SHAP values" if np.isfinite(error) else ""
        notes = [f"{'SHAP is sampled, this table is not' if table_is_exact else 'Sampled'}{off}."]
    title = "Words × heads, causal", "which heads the words need"
    foot = "Columns add up to the heads' Shapley values."
    return _crosswalk(e, table, list(range(len(table.index))), sums, title, [foot, *notes], screen)


def _direct(e: Explanation, screen: Screen) -> list[RenderableType]:
    """Words × components by SHAP, else by the first method that splits."""
    if not e.direct:
        return []
    method = _split_method(e)
    table = e.direct[method]
    drawn = [k for k, kind in enumerate(table.index.kind) if kind not in BIAS_KINDS]
    biases = [k for k in range(len(table.index)) if k not in drawn]
    sums = {f"= {method_label(method)}": np.nansum(table.cells, axis=1)}
    total = float(np.nansum(table.cells[:, biases]))
    notes = ["Columns add up to what components write."] if method in SHAPLEY_METHODS else []
    notes += [f"Not drawn, but in the sums: biases, {signed(total)} over all words."] if biases else []
    title = "Words × components, direct", "which components write the effect"
    return _crosswalk(e, table, drawn, sums, title, notes, screen)


def _crosswalk(
    e: Explanation,
    table: Crosswalk,
    drawn: list[int],
    sums: dict[str, FloatArray],
    title: tuple[str, str],
    notes: list[str],
    screen: Screen,
) -> list[RenderableType]:
    n = e.n_players
    cells = table.cells[:n, drawn]
    sheet = Sheet(
        labels=word_labels(e)[:n],
        columns=tuple(table.index.names[k] for k in drawn),
        cells=cells,
        top=_cell_top(e),
        decimals=decimals_of(top_of(np.concatenate([values[:n] for values in sums.values()]))),
        sums={name: values[:n] for name, values in sums.items()},
        foot="sum",
        blanks=True,
    )
    drawing, n_left = draw_sheet(sheet, screen)
    blank = f"Blank: smaller than {number(blank_below(sheet), sheet.decimals + 1)}."
    left = [f"Left out for want of room: the {n_left} smallest columns, added up in the one before the sums."]
    told = " ".join([blank, *(left if n_left else []), *notes])
    return [*heading(*title), drawing, Text(told, "dim")]


def _cell_top(e: Explanation) -> float:
    """Where the colours of both crosswalks end: one scale, so that they can be compared."""
    tables = [e.direct[_split_method(e)]] if e.direct else []
    tables += [] if e.causal is None else [e.causal.crosswalk]
    return top_of(np.concatenate([table.cells.ravel() for table in tables]))


def _split_method(e: Explanation) -> str:
    """Whose scores the direct table splits: SHAP's, else those of the first method that can be split."""
    return e.shap if e.shap in e.direct else next(iter(e.direct))


def _is_exact(e: Explanation) -> bool:
    """Whether the SHAP values come of all coalitions."""
    return e.features[e.shap].estimator == EXACT


def _shap_scores(e: Explanation) -> FloatArray | None:
    """The words' SHAP values, where they were asked for."""
    return e.features[e.shap].scores if e.shap in SHAPLEY_METHODS else None
