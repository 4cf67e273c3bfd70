"""Section: how far the methods for heads agree, and words and heads removed on one scale."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Section, Table
from study.report.figures.agreement import paint_matrix
from study.report.figures.causal import paint_pairs
from study.report.figures.palette import head_method_label
from study.report.figures.style import draw
from study.report.findings import estimate_text
from study.report.head_measures import MAIN_PAIR, head_agreement, head_agreements, head_methods, pair_matrix
from study.report.inputs import RunTables
from study.report.measures import largest_cell
from study.report.notes import interval_note, size_note
from study.report.numbers import listing, plural, signed, with_interval
from study.report.quotes import head_method_quote
from study.report.sections.circuits import circuit_blocks
from study.report.sections.head_groups import group_table
from study.report.sections.removal import removal_blocks
from study.report.tables import make_table

ABOUT = (
    "Every method below gives each head one number a text. Direct methods read what a head writes; ablations, Shapley "
    "and LIME take heads away; attention norm only says how much a head moves, attention confidence how sharply it "
    "looks at a word. All are compared over the heads of one text, so no head's number is carried from one seed to "
    "another."
)


def build(run: RunTables) -> Section | None:
    """Agreement of head methods, pairs of heads, removals."""
    matrix = _matrix(run)
    blocks: list[Block] = [Paragraph(ABOUT), matrix] if matrix else []
    if matrix and (quote := head_method_quote(run)):
        blocks.append(quote)
    if table := _agreement_table(run):
        blocks.append(Details("The same as a table, with intervals", (table,)))
    together = [b for b in (_pairs(run), group_table(run)) if b]
    if together:
        blocks += [Heading("Heads together", "head-pairs"), *together]
    blocks += circuit_blocks(run)
    blocks += removal_blocks(run)
    if not blocks:
        return None
    title = "Methods that score heads, compared; and words beside heads"
    return Section(name="head-methods", title=title, short="Head methods", blocks=tuple(blocks))


def _matrix(run: RunTables) -> Figure | None:
    methods = head_methods(run)
    matrices: dict[str, np.ndarray] = {}
    for variant in run.variants:
        matrix = np.full((len(methods), len(methods)), np.nan)
        known = head_agreements(run, variant)
        for i, a in enumerate(methods):
            for j, b in enumerate(methods):
                row = known.get((a, b, j > i)) if i != j else None
                matrix[i, j] = np.nan if row is None else row["estimate"]
        if np.isfinite(matrix).any():
            matrices[run.label(*variant)] = matrix
    if not matrices:
        return None
    title = _main_pair(run) or "Agreement of head methods"
    note = (
        f"Mean Spearman rank correlation over the heads of a text; {size_note(run)}. Below the diagonal: scores; above "
        "it: their sizes. Attention norm and confidence have no sign and are compared by size only. In square "
        f"brackets: {interval_note(run)}; those of the other pairs are in the table."
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
            told.append(f"{estimate_text(row)} in {run.label(*variant)}")
    names = f"{head_method_label(MAIN_PAIR[0])} against {head_method_label(MAIN_PAIR[1])}"
    return f"{names}: Spearman {listing(told)}" if told else ""


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
    parts = [f"{_largest_pair(table)} of {name}" for name, table in matrices.items()]
    texts = run.tables["interactions"]["example_id"].nunique()
    note = (
        "Shapley interaction of two heads in the margin, mean ablation, towards what the two push to in each text "
        f"(the sign of the sum of their Shapley values), mean over texts, logits; n = {plural(texts, 'text')} × 1 seed "
        "per model. +: together they push further than each adds alone; −: less far, they share work. Small cells "
        "carry no number. No interval: a description."
    )
    axis = "mean Shapley interaction of two heads, towards what both push to, logits"
    return draw(
        "head-pairs",
        lambda: paint_pairs(matrices, axis),
        title=f"Pairs that interact most: {'; '.join(parts)}",
        note=note,
        source="interactions",
    )


def _largest_pair(table: pd.DataFrame) -> str:
    """The pair largest in size and its value; says so where the values of others print the same."""
    first, second, value = largest_cell(table)
    upper = table.to_numpy(dtype=float)[np.triu_indices(len(table), k=1)]
    same = sum(signed(float(v)) == signed(value) for v in upper if np.isfinite(v))
    others = "" if same < 2 else f", {plural(same - 1, 'other')} alike"
    return f"{first} and {second} ({signed(value)}{others})"
