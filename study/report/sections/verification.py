"""Blocks: which models do what their truth assumes; those that do not are named, with the value, and not scored."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Details, Paragraph, Table
from study.report.inputs import RunTables, Variant
from study.report.numbers import listing, number, plural
from study.report.tables import make_table


def verification_blocks(run: RunTables) -> list[Block]:
    """One line, a warning for every variant that is not verified, and all checks in a folded table."""
    checks = run.tables["verification"]
    if checks.empty:
        return [Paragraph("No model was checked, so nothing is scored.", tone="bad")]
    variants = [v for v in run.variants if len(run.of("verification", *v))]
    failed = [v for v in variants if not run.of("verification", *v)["passed"].all()]
    n = len(variants) - len(failed)
    line = (
        f"{n} of {plural(len(variants), 'model')} (a data set and a kind of model each, all seeds) "
        f"{'does' if n == 1 else 'do'} what the rule says and {'is' if n == 1 else 'are'} scored."
    )
    blocks: list[Block] = [Paragraph(line, tone="" if failed else "good")]
    if failed:
        told = "; ".join(f"{run.label(*v)} ({listing(_failures(run, v))})" for v in failed)
        blocks.append(Paragraph(f"{told}.", tone="warn", lead="Not verified and not scored:"))
    return [*blocks, Details("Every check with its value", (_table(run, variants),))]


def _failures(run: RunTables, variant: Variant) -> list[str]:
    """ "accuracy on the test texts 0.790, not within 0.990 to 1.000", the worst seed of every check."""
    told = []
    for check, rows in run.of("verification", *variant).groupby("check", sort=False):
        if not rows["passed"].all():
            row = _worst(rows)
            told.append(f"{check} {number(row['value'], 3)}, not within {_bounds(row)}")
    return told


def _worst(rows: pd.DataFrame) -> pd.Series:
    """The seed farthest outside the bounds, or nearest to them; a value that is no number is the worst."""
    outside = pd.concat([rows["low"] - rows["value"], rows["value"] - rows["high"]], axis=1).max(axis=1, skipna=False)
    return rows.loc[outside.fillna(float("inf")).idxmax()]


def _bounds(row: pd.Series) -> str:
    return f"{number(row['low'], 2)} to {number(row['high'], 2)}"


def _table(run: RunTables, variants: list[Variant]) -> Table:
    found = [
        {
            "model": run.label(*v),
            "check": check,
            "worst seed": number(_worst(rows)["value"], 3),
            "allowed": _bounds(_worst(rows)),
            "seeds": f"{int(rows['passed'].sum())} of {len(rows)}",
        }
        for v in variants
        for check, rows in run.of("verification", *v).groupby("check", sort=False)
    ]
    return make_table(
        pd.DataFrame(found),
        {},
        anchor="table-verification",
        title="Does each model do what its truth assumes?",
        note="Shares of texts. Seeds: those that passed. A model is scored only where every seed passes every check.",
        source="verification",
        headers={"seeds": "passed"},
        left=("model", "check"),
    )
