"""What a sweep found, in sentences: one for every axis, with numbers and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from study.report.blocks import Block, Bullets, Details, Link, Paragraph
from study.report.numbers import interval, listing, plural, signed
from study.report.sweep.inputs import (
    AGREEMENT,
    AXES,
    AXIS_COLUMNS,
    TOLD,
    Outcome,
    SweepTables,
    amount,
    shown,
)

_MOST_OPEN = 8  # failures that are listed without being unfolded
_LEADS = {
    "depth": "Depth",
    "heads": "Number of heads",
    "width": "Width",
    "budget": "Budget",
    "length": "Length of the text",
    "removal": "Removal operator",
}


def answer(sweep: SweepTables) -> str:
    """The axis along which agreement changes most, in one sentence for each data set."""
    several = len(sweep.config.datasets) > 1
    told = [
        strongest(sweep, d.name, AGREEMENT, f"Agreement of SHAP and LIME{f' on {d.name}' if several else ''}")
        for d in sweep.config.datasets
    ]
    tried = [axis for axis in AXES if any(len(sweep.pooled(d.name, axis)) for d in sweep.config.datasets)]
    if not tried:
        return "No axis of this sweep has two points that can be compared."
    return f"{'. '.join(told)}. Varied were {listing([_LEADS[axis].lower() for axis in tried])}."


def strongest(sweep: SweepTables, dataset: str, outcome: Outcome, subject: str) -> str:
    """Along which axis of numbers an outcome changes most from end to end, of those where it clearly changes."""
    rows = [
        row
        for axis in AXES
        if axis != "removal"
        for row in outcome.rows(sweep.pooled(dataset, axis)).to_dict("records")
        if _is_clear(row)
    ]
    if not rows:
        return f"{subject} clearly {'change' if outcome.plural else 'changes'} along no axis"
    most = max(rows, key=lambda row: abs(row["at_last"] - row["at_first"]))
    axis, verb = str(most["axis"]), "change" if outcome.plural else "changes"
    first, last = ((shown(outcome, most[f"at_{end}"]), amount(axis, most[end])) for end in ("first", "last"))
    return f"{subject} {verb} most with {_LEADS[axis].lower()}: {first[0]} at {first[1]}, {last[0]} at {last[1]}"


def findings(sweep: SweepTables) -> Bullets:
    """One item for every axis and data set; axes that the sweep lacks are named in the last one."""
    items, absent = [], []
    for axis in AXES:
        found = [p for dataset in sweep.config.datasets for p in _along(sweep, dataset.name, axis)]
        items += found
        if not found:
            absent.append(_LEADS[axis].lower())
    if absent:
        items.append(Paragraph(f"Not varied in this sweep, or not measured: {listing(absent)}.", tone="muted"))
    return Bullets(tuple(items), ordered=True)


def interval_note(sweep: SweepTables) -> str:
    """What the brackets are."""
    over = "texts and training seeds, which are crossed" if len(sweep.config.seeds) > 1 else "texts (one training seed)"
    return (
        f"In brackets: {sweep.level} intervals over {over}. Changes are taken within each text and seed, everything "
        "else equal, and averaged over what is held equal; along the length they are slopes over texts. A change whose "
        "interval holds 0 is not called one. Intervals are not adjusted for their number: this sweep explores. The "
        "sentences are written by rules from the tables of this sweep."
    )


def _along(sweep: SweepTables, dataset: str, axis: str) -> list[Paragraph]:
    """The findings about one axis: one for each family of models, or one."""
    rows = sweep.pooled(dataset, axis)
    groups: Sequence[tuple[Any, pd.DataFrame]] = list(
        rows.groupby("removal" if axis == "removal" else "models", sort=False)
    )
    found = []
    for name, group in groups:
        told = [(outcome, outcome.rows(group)) for outcome in TOLD]
        sentences = [_sentence(sweep, axis, outcome, known.iloc[0].to_dict()) for outcome, known in told if len(known)]
        if not sentences:
            continue
        first = next(known.iloc[0] for _, known in told if len(known))
        where = f" on {dataset}" if len(sweep.config.datasets) > 1 else ""
        which = f" (models {name})" if axis in AXIS_COLUMNS and len(groups) > 1 else ""
        lead = f"{_LEADS[axis]}{where}, {_span(axis, first)}{which}."
        found.append(Paragraph(" ".join(sentences), (Link(label="table", anchor="table-trends"),), lead=lead))
    return found


def _span(axis: str, row: pd.Series) -> str:
    if axis == "removal":
        return str(row["removal"])
    return f"{round(row['first']):,} to {amount(axis, row['last'])}"


def _sentence(sweep: SweepTables, axis: str, outcome: Outcome, row: dict[str, Any]) -> str:
    """ "Agreement falls from 0.93 to 0.90: −0.02 [−0.03, −0.01] per doubling." """
    subject = outcome.named[0].upper() + outcome.named[1:]
    ends = f"{shown(outcome, row['at_first'])} to {shown(outcome, row['at_last'])}"
    if not np.isfinite(row["slope"]):
        return f"{subject} cannot be told."
    decimals = min(3, outcome.decimals + 1)
    change = f"{signed(row['slope'], decimals)} {interval(row['low'], row['high'], decimals)}".rstrip()
    per = "" if axis == "removal" else " per doubling"
    per += _of_heads(sweep, axis, row) if outcome.plural else ""
    if not _is_clear(row):
        verb = "do" if outcome.plural else "does"
        return f"{subject} {verb} not clearly change ({ends}; {change}{per})."
    verb = ("rise" if row["slope"] > 0 else "fall") + ("" if outcome.plural else "s")
    return f"{subject} {verb} from {ends}: {change}{per}."


def _of_heads(sweep: SweepTables, axis: str, row: dict[str, Any]) -> str:
    """ ", of 4 and 12 heads": how many there are at the ends of a model axis."""
    if axis not in AXIS_COLUMNS:
        return ""
    names = str(row["models"]).split(", ")
    first, last = (round(sweep.size(name, "depth") * sweep.size(name, "heads")) for name in (names[0], names[-1]))
    return f", of {plural(first, 'head')}" + ("" if first == last else f" and {last}")


def _is_clear(row: Any) -> bool:
    """Whether the interval of the change leaves 0 out."""
    return bool(row["low"] > 0 or row["high"] < 0)


def failed_block(sweep: SweepTables) -> tuple[Block, ...]:
    """The points that failed, with what they said; nothing where all are done."""
    failed = sweep.failed
    if failed.empty:
        return ()
    lead = f"{plural(len(failed), 'point')} of {len(sweep.points)} failed."
    said = "They are left out of every mean; the same command tries them again."
    items = tuple(
        Paragraph(str(row.message), lead=f"{row.dataset}, {row.model}, seed {row.seed}, {row.removal}, {row.budget}:")
        for row in failed.itertuples()
    )
    which = Details("Which, and why", (Bullets(items),), is_open=len(items) <= _MOST_OPEN)
    return Paragraph(said, tone="bad", lead=lead), which
