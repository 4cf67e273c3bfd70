"""Heads taken out together: whole layers, all heads, and the groups that the config names."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Table
from study.report.inputs import RunTables, Variant
from study.report.notes import size_note
from study.report.numbers import MISSING, number
from study.report.tables import make_table

ABLATIONS = ("zero", "mean", "resample")


def group_table(run: RunTables) -> Table | None:
    """Mean size of the change of the margin, by group and ablation; None where nothing was ablated together.

    Layers and all heads mean the same in every seed and get the range over seeds; a named group is a group of one
    seed's heads and gets a row a seed. Pairs are left to the table of that name.
    """
    rows = [row for variant in run.variants for row in _rows(run, variant)]
    if not rows:
        return None
    note = (
        "Mean |margin − margin without the group|, logits, when all its heads are replaced at once by zero, by their "
        f"reference means, or by what they do on other texts; {size_note(run)}; two numbers are the least and the "
        "largest seed, no interval. The value biases stay."
    )
    title = "Heads taken out together"
    return make_table(
        pd.DataFrame(rows), {}, anchor="table-groups", title=title, note=note, source="ablations", left=("group",)
    )


def _rows(run: RunTables, variant: Variant) -> list[dict[str, str]]:
    table = run.of("ablations", *variant)
    named = {"+".join(sorted(group)) for group in run.config.heads.groups}
    is_named = table["group"].map(lambda group: "+".join(sorted(str(group).split("+"))) in named).astype(bool)
    whole = table["group"].astype(str).str.startswith("layer ") | (table["group"] == "all heads")
    table = table.assign(size=table["effect"].abs())
    found = [
        _row(run, variant, str(group), _seeds(rows), rows) for group, rows in table[whole].groupby("group", sort=False)
    ]
    found += [
        _row(run, variant, str(group), str(seed), rows)
        for (group, seed), rows in table[is_named & ~whole].groupby(["group", "seed"], sort=False)
    ]
    return found


def _row(run: RunTables, variant: Variant, group: str, seed: str, rows: pd.DataFrame) -> dict[str, str]:
    sizes = rows.groupby(["ablation", "seed"])["size"].mean()
    row = {"model": run.label(*variant), "group": group, "seed": seed, "heads": str(int(rows["n_heads"].iloc[0]))}
    return row | {name: _range(sizes[name]) if name in sizes.index else MISSING for name in ABLATIONS}


def _range(sizes: pd.Series) -> str:
    low, high = number(sizes.min()), number(sizes.max())
    return low if low == high else f"{low} to {high}"


def _seeds(rows: pd.DataFrame) -> str:
    seeds = list(dict.fromkeys(rows["seed"]))
    return "all" if len(seeds) > 1 else str(seeds[0])
