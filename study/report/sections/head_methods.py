"""Section: how far the methods for heads agree, and words and heads removed on one scale."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Section, Table
from study.report.figures.agreement import paint_matrix
from study.report.figures.causal import paint_pairs
from study.report.figures.removal import RemovalLine, paint_removal
from study.report.figures.style import draw, head_method_label, method_label
from study.report.head_measures import (
    MAIN_PAIR,
    Variant,
    head_agreement,
    head_agreements,
    head_methods,
    pair_matrix,
    removal_lines,
    removal_name,
    words_effect,
)
from study.report.inputs import RunTables
from study.report.measures import largest_cell
from study.report.notes import interval_note, size_note
from study.report.numbers import THIN, listing, number, plural, signed, with_interval
from study.report.sections.head_groups import group_table
from study.report.tables import make_table

DRAWN = {"words": ("shap", "lime", "random"), "heads": ("shapley", "ablation_mean", "direct_beyond_empty", "random")}
ABOUT = (
    "Every method below gives each head one number a text. Direct methods read what a head writes; ablations, Shapley "
    "and LIME take heads away; attention norm only says how much a head moves. All are compared over the heads of one "
    "text, so no head's number is carried from one seed to another."
)
ONE_SCALE = (
    "Which is the better account of a prediction, its strongest words or its strongest heads? Take away the units that "
    "a method ranks first and see how much of the margin is lost: words by the removal operator of this run, heads by "
    "their means over the reference texts."
)


def build(run: RunTables) -> Section | None:
    """Agreement of head methods, pairs of heads, removals."""
    matrix = _matrix(run)
    blocks: list[Block] = [Paragraph(ABOUT), matrix] if matrix else []
    if table := _agreement_table(run):
        blocks.append(Details("The same as a table, with intervals", (table,)))
    together = [b for b in (_pairs(run), group_table(run)) if b]
    if together:
        blocks += [Heading("Heads together", "head-pairs"), *together]
    removals = [b for v in run.variants if (b := _removal(run, v))]
    if removals:
        blocks += [Heading("Words and heads on one scale", "one-scale"), Paragraph(ONE_SCALE), *removals]
        if lost := _removal_table(run):
            blocks.append(Details("Margin lost by every method, as a table", (lost,)))
    if not blocks:
        return None
    title = "Head methods compared, and words beside heads"
    return Section(name="head-methods", title=title, short="Head methods", blocks=tuple(blocks))


def _matrix(run: RunTables) -> Figure | None:
    methods = head_methods(run)
    matrices: dict[str, np.ndarray] = {}
    worst = []
    for variant in run.variants:
        matrix = np.full((len(methods), len(methods)), np.nan)
        known = head_agreements(run, variant)
        found: list[tuple[float, str]] = []
        for i, a in enumerate(methods):
            for j, b in enumerate(methods):
                row = known.get((a, b, j > i)) if i != j else None
                matrix[i, j] = np.nan if row is None else row["estimate"]
                if row is not None and j < i and "random" not in (a, b):
                    found.append((float(row["estimate"]), f"{head_method_label(b)} and {head_method_label(a)}"))
        if np.isfinite(matrix).any():
            matrices[run.label(*variant)] = matrix
        if found:
            value, pair = min(found)
            worst.append(f"{pair} in {run.label(*variant)} ({number(value)})")
    if not matrices:
        return None
    title = f"{_main_pair(run)}Least alike: {listing(worst)}" if worst else "Agreement of head methods by size"
    note = (
        f"Mean Spearman rank correlation over the heads of a text; {size_note(run)}. Below the diagonal: scores; above "
        "it: their sizes. Attention norm has no sign and is compared by size only. No interval here: see the table."
    )
    axis = "Spearman: below the diagonal of scores, above it of their sizes"
    return draw(
        "head-agreement",
        lambda: paint_matrix(matrices, methods, axis, label=head_method_label),
        title=title,
        note=note,
        source="estimates",
    )


def _main_pair(run: RunTables) -> str:
    """Direct against causal, the pair that the section is about; empty where it was not compared."""
    told = []
    for variant in run.variants:
        row = head_agreement(run, variant, *MAIN_PAIR)
        if row is not None:
            told.append(f"{number(row['estimate'])} in {run.label(*variant)}")
    names = f"{head_method_label(MAIN_PAIR[0])} against {head_method_label(MAIN_PAIR[1])}"
    return f"{names}: Spearman {listing(told)}. " if told else ""


def _agreement_table(run: RunTables) -> Table | None:
    """Every pair of head methods, a column a variant and measure."""
    methods = head_methods(run)
    known = {v: head_agreements(run, v) for v in run.variants}
    rows = []
    for j, a in enumerate(methods):
        for b in methods[j + 1 :]:
            row = {"method": head_method_label(a), "and": head_method_label(b)}
            cells: dict[str, str] = {}
            for variant in run.variants:
                for what, sizes in (("scores", False), ("sizes", True)):
                    found = known[variant].get((a, b, sizes))
                    text = "" if found is None else with_interval(found["estimate"], found["low"], found["high"])
                    cells[f"{run.label(*variant)}: {what}"] = text
            if any(cells.values()):
                rows.append(row | cells)
    if not rows:
        return None
    note = f"Spearman over the heads of a text; {interval_note(run)}; {size_note(run)}. Empty: undefined."
    title = "Rank agreement of head methods"
    return make_table(
        pd.DataFrame(rows),
        {},
        anchor="table-head-agreement",
        title=title,
        note=note,
        source="estimates",
        left=("and",),
        wide=True,
    )


def _pairs(run: RunTables) -> Figure | None:
    """The first seed that has pairs, of every variant."""
    matrices: dict[str, pd.DataFrame] = {}
    for variant in run.variants:
        for seed in map(str, run.config.seeds):
            table = pair_matrix(run, variant, seed)
            if len(table) > 1 and table.notna().any().any():
                matrices[f"{run.label(*variant)}, seed {seed}"] = table
                break
    if not matrices:
        return None
    parts = []
    for name, table in matrices.items():
        first, second, value = largest_cell(table)
        parts.append(f"{first} and {second} of {name} ({signed(value)})")
    texts = run.tables["interactions"]["example_id"].nunique()
    note = (
        "Shapley interaction of two heads in the words' effect, mean ablation, towards what the words of each text do, "
        f"mean over texts, logits; n = {plural(texts, 'text')} × 1 seed per model. +: together they bring more than "
        "each alone; −: less, they repeat each other or one stands in for the other. Small cells carry no number. No "
        "interval: a description."
    )
    axis = "mean Shapley interaction of two heads towards the words' effect, logits"
    return draw(
        "head-pairs",
        lambda: paint_pairs(matrices, axis),
        title=f"Strongest pair: {'; '.join(parts)}",
        note=note,
        source="interactions",
    )


def _removal(run: RunTables, variant: Variant) -> Figure | None:
    rows = removal_lines(run, variant)
    lines = []
    for unit, wanted in DRAWN.items():
        known = list(dict.fromkeys(rows[rows["unit"] == unit]["method"]))
        for method in [m for m in wanted if m in known] or known[:2]:
            part = rows[(rows["unit"] == unit) & (rows["method"] == method)].astype({"low": float, "high": float})
            columns = {c: part[c].to_numpy(dtype=float) for c in ("percent", "low", "high")}
            lines.append(RemovalLine(unit=unit, method=method, lost=part["estimate"].to_numpy(dtype=float), **columns))
    if not lines:
        return None
    name = run.label(*variant)
    note = (
        "Margin lost towards the predicted class when the share of words or heads that the method ranks first is "
        f"removed, mean over texts; bands: {interval_note(run)}; {size_note(run, [variant])}. Words solid, heads "
        "dashed, controls grey. Dotted: the margin less that of no words, what all words give."
    )
    axes_names = ("removed, % of the words or heads of a text", "margin lost, logits")
    effect = words_effect(run, variant)
    return draw(
        removal_name(run, variant),
        lambda: paint_removal(lines, effect, axes_names),
        title=f"In {name}, {_removal_title(lines)}",
        note=note,
        source="estimates",
    )


def _removal_title(lines: list[RemovalLine]) -> str:
    """What the first step at or above a quarter costs, by the best method for words and for heads."""
    steps = sorted({float(p) for line in lines for p in line.percent})
    step = next((p for p in steps if p >= 25), steps[-1])
    parts = []
    for unit in DRAWN:
        found = [
            (float(line.lost[list(line.percent).index(step)]), line)
            for line in lines
            if line.unit == unit and step in line.percent and line.method != "random"
        ]
        if found:
            lost, line = max(found, key=lambda pair: pair[0])
            parts.append(f"{number(lost)} logits to the top {step:g}{THIN}% of {line.label}")
    return f"the margin loses {listing(parts)}" if parts else "only controls were removed"


def _removal_table(run: RunTables) -> Table | None:
    """Rows: variants, units and methods; columns: shares removed."""
    rows = []
    for variant in run.variants:
        lines = removal_lines(run, variant)
        for (unit, method), part in lines.groupby(["unit", "method"], sort=False):
            label = head_method_label(str(method)) if unit == "heads" else method_label(str(method))
            row = {"model": run.label(*variant), "removed": str(unit), "method": label}
            cells = {
                f"{percent:g} %": with_interval(e, low, high)
                for percent, e, low, high in part[["percent", "estimate", "low", "high"]].itertuples(index=False)
            }
            rows.append(row | cells)
    if not rows:
        return None
    table = pd.DataFrame(rows).fillna("")
    fixed = ["model", "removed", "method"]
    table = table[[*fixed, *sorted((c for c in table if c not in fixed), key=lambda c: float(c.split()[0]))]]
    note = f"Logits towards the predicted class; {interval_note(run)}; {size_note(run)}."
    return make_table(
        table,
        {},
        anchor="table-removal",
        title="Margin lost by share removed",
        note=note,
        source="estimates",
        left=("removed",),
        wide=True,
    )
