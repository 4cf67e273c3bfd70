"""Part of the section on head methods: words and heads removed on one scale."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Table
from study.report.figures.palette import head_method_label, method_label
from study.report.figures.removal import RemovalLine, paint_removal
from study.report.figures.style import draw
from study.report.head_measures import removal_lines, removal_name, words_effect
from study.report.inputs import RunTables, Variant
from study.report.notes import interval_note, size_note
from study.report.numbers import THIN, listing, number, with_interval
from study.report.removal_findings import QUARTER, few_heads_note, main_method, shares_note
from study.report.tables import make_table

# A line each: the first method known of every idea.
DRAWN: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "words": (SHAPLEY_METHODS, ("lime",), ("random",)),
    "heads": (
        ("shapley_margin", "shapley"),
        ("ablation_mean", "ablation_resample", "ablation_zero"),
        ("direct_centred", "direct_beyond_empty", "direct_raw"),
        ("random",),
    ),
}
ONE_SCALE = (
    "What costs a prediction more, the loss of its strongest words or of its strongest heads? Take away the units that "
    "a method ranks first and see how much of the margin is lost: words by the removal operator of this run, heads by "
    "their means over the reference texts."
)


def removal_blocks(run: RunTables) -> list[Block]:
    """The curves of every variant, and all of them as a table; nothing where nothing was removed."""
    removals = [b for v in run.variants if (b := _removal(run, v))]
    if not removals:
        return []
    blocks: list[Block] = [Heading("Words and heads on one scale", "one-scale"), Paragraph(ONE_SCALE), *removals]
    if lost := _removal_table(run):
        blocks.append(Details("Margin lost by every method, as a table", (lost,)))
    return blocks


def _removal(run: RunTables, variant: Variant) -> Figure | None:
    lines = _lines(run, variant)
    if not lines:
        return None
    bands = [f"the band of {line.label}" for line in lines if line.band]
    banded = f"{listing(bands)}: {interval_note(run)} (the others are in the table)" if bands else interval_note(run)
    note = (
        "Margin lost towards the predicted class when the share of words or heads that support the prediction most, "
        f"by the method's own account, is removed; mean over texts; {banded}; {size_note(run, [variant])}. Words "
        "solid, heads dashed, controls grey. Dotted: the margin less that of no words, what all words give; the curve "
        "of words passes it, since words that speak for the prediction go first and those against it last."
        f"{shares_note(run, variant)}{few_heads_note(run, [variant])}"
    )
    axes_names = ("removed, % of the words or heads of a text", "margin lost, logits")
    effect = words_effect(run, variant)
    return draw(
        removal_name(run, variant),
        lambda: paint_removal(lines, effect, axes_names),
        title=f"In {run.label(*variant)}, {_removal_title(lines)}",
        note=note,
        source="estimates",
    )


def _lines(run: RunTables, variant: Variant) -> list[RemovalLine]:
    """The lines drawn; a band only for the method that stands for its unit, so that bands do not cover lines."""
    rows = removal_lines(run, variant)
    lines = []
    for unit in DRAWN:
        known = list(dict.fromkeys(rows[rows["unit"] == unit]["method"]))
        main = main_method(unit, known)
        for method in drawn_methods(unit, known):
            part = rows[(rows["unit"] == unit) & (rows["method"] == method)].astype({"low": float, "high": float})
            columns = {c: part[c].to_numpy(dtype=float) for c in ("percent", "low", "high")}
            lost = part["estimate"].to_numpy(dtype=float)
            lines.append(RemovalLine(unit=unit, method=method, lost=lost, band=method == main, **columns))
    return lines


def drawn_methods(unit: str, known: list[str]) -> list[str]:
    """Which of the known methods have a line: one of each wanted idea, else the first two."""
    wanted = (next((m for m in idea if m in known), None) for idea in DRAWN[unit])
    return [m for m in wanted if m] or known[:2]


def _removal_title(lines: list[RemovalLine]) -> str:
    """What the first step at or above a quarter costs, by the method that stands for words and for heads."""
    steps = sorted({float(p) for line in lines for p in line.percent})
    step = next((p for p in steps if p >= QUARTER), steps[-1])
    parts = []
    for unit in DRAWN:
        found = {line.method: line for line in lines if line.unit == unit and step in line.percent}
        method = main_method(unit, found)
        if method:
            line = found[method]
            lost = float(line.lost[list(line.percent).index(step)])
            parts.append(f"{number(lost)} logits to the top {step:g}{THIN}% of {line.label}")
    return f"the margin loses {listing(parts)}" if parts else "methods without a line of their own were removed"


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
