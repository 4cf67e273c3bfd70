"""Section: does the model do what the explanations say, under their own and under other removal operators?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.records import BoolArray
from study.report.blocks import Block, Details, Figure, Section, Table
from study.report.faithfulness_findings import (
    COMPREHENSIVENESS,
    REMOVED,
    asked,
    faithfulness_finding,
    method_name,
    methods_of,
    removed_by,
    rows_by_method,
)
from study.report.figures.grids import GridPanel, paint_grids
from study.report.figures.style import draw
from study.report.inputs import RunTables, pick
from study.report.notes import interval_note, level_text
from study.report.numbers import count, interval, number
from study.report.tables import make_table

SUFFICIENCY = "sufficiency_normalised_error"
_PANELS = ((COMPREHENSIVENESS, "comprehensiveness", True), (SUFFICIENCY, "sufficiency", False))
_WHAT = (
    "Comprehensiveness: margin lost without the words that an explanation names first (10 to 50 % of them). "
    "Sufficiency: margin lost with nothing but these. Both lie between the least (0) and the most (1) that any order "
    "of a text's words reaches, so that texts can be averaged. High comprehensiveness and low sufficiency are good; "
    "darker is better. Framed: words are removed as the explainer itself removed them."
)


def build(run: RunTables) -> Section | None:
    """The grid of explainers and operators, what its differences are worth, and every metric in a table."""
    operators = removed_by(run)
    if not operators:
        return None
    blocks: list[Block] = [faithfulness_finding(run), _grid(run, operators)]
    compared = run.tables["comparisons"]
    compared = compared[compared["metric"].str.contains("|".join((COMPREHENSIVENESS, SUFFICIENCY)), regex=True)]
    if len(compared):
        blocks.append(Details("Differences between methods, text by text", (_differences(run, compared),)))
    blocks.append(Details("Every measure of faithfulness", (_table(run, operators),)))
    return Section(
        name="faithfulness", title="Does the model do what the explanations say?", short="Faithfulness",
        blocks=tuple(blocks),
    )  # fmt: skip


def _grid(run: RunTables, operators: Sequence[str]) -> Figure:
    methods = methods_of(run)
    own: BoolArray = np.array([[asked(m, run)[1] == o for o in operators] for m in methods])
    own &= ~np.array([[m == "random"] * len(operators) for m in methods])
    columns = [REMOVED.get(o, o) for o in operators]
    panels = []
    for variant in run.variants:
        for metric, name, high_is_good in _PANELS:
            found = [rows_by_method(run, variant, f"{metric}_{o}", methods)["estimate"] for o in operators]
            cells = np.array([column.reindex(methods).to_numpy(dtype=np.float64) for column in found]).T
            panels.append(
                GridPanel(
                    title=run.label(*variant),
                    about=name,
                    columns=columns,
                    cells=cells,
                    high_is_good=high_is_good,
                    own=own,
                )
            )
    return draw(
        "faithfulness",
        lambda: paint_grids([method_name(m, run) for m in methods], panels, across=min(4, len(panels))),
        title=_title(run, methods, operators),
        note=f"{_WHAT} {_n(run)}",
        source="tables/estimates",
    )


def _title(run: RunTables, methods: Sequence[str], operators: Sequence[str]) -> str:
    """Which method comes first, in how many of the columns of comprehensiveness."""
    wins: dict[str, int] = {}
    for variant in run.variants:
        for operator in operators:
            rows = rows_by_method(run, variant, f"{COMPREHENSIVENESS}_{operator}", methods)
            if len(rows):
                best = str(rows["estimate"].idxmax())
                wins[best] = wins.get(best, 0) + 1
    if not wins:
        return "No explanation could be tested"
    first = max(wins, key=lambda m: wins[m])
    total = sum(wins.values())
    return f"The words that {method_name(first, run)} names first matter most in {wins[first]} of {total} columns"


def _n(run: RunTables) -> str:
    rows = run.tables["estimates"]
    rows = rows[rows["metric"].str.startswith(COMPREHENSIVENESS) & (rows["subset"] == "all")]
    n = f"n = {count(float(rows['n_examples'].max()))} texts × {count(float(rows['n_seeds'].max()))} seeds per model"
    return f"{n}, fewer where undefined. Intervals in the table below: {interval_note(run)}."


def _differences(run: RunTables, rows: pd.DataFrame) -> Table:
    table = pd.DataFrame(
        {
            "model": [run.label(d, m) for d, m in zip(rows["dataset"], rows["model"], strict=True)],
            "metric": rows["metric"].str.replace("_", " "),
            "first": [method_name(m, run) for m in rows["method_a"]],
            "second": [method_name(m, run) for m in rows["method_b"]],
            "difference": rows["difference"],
            "interval": [interval(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)],
            "effect_size": rows["effect_size"],
            "p_adjusted": rows["p_adjusted"],
        }
    )
    return make_table(
        table,
        {"difference": number, "effect_size": number, "p_adjusted": lambda p: number(p, 4)},
        anchor="table-comparisons",
        title="The first method minus the second, on the same texts",
        note=f"{level_text(run)} intervals over texts and seeds. d: mean difference over the standard deviation of the "
        "texts' differences. p: sign-flip test over texts, adjusted over all comparisons of the run (Benjamini, "
        "Hochberg): exploratory.",
        source="tables/comparisons",
        headers={"effect_size": "d", "p_adjusted": "p, adjusted"},
        left=("first", "second", "interval"),
        wide=True,
    )


def _table(run: RunTables, operators: Sequence[str]) -> Table:
    rows = pick(run.tables["estimates"], subset="all")
    names = "comprehensiveness|sufficiency|deletion|insertion|infidelity"
    rows = rows[rows["metric"].str.match(f"(?:{names}).*_(?:{'|'.join(operators)})$") & rows["estimate"].notna()]
    table = pd.DataFrame(
        {
            "model": [run.label(d, m) for d, m in zip(rows["dataset"], rows["model"], strict=True)],
            "metric": rows["metric"].str.replace("_", " "),
            "method": [method_name(m, run) for m in rows["method_a"]],
            "estimate": rows["estimate"],
            "interval": [interval(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)],
            "texts": rows["n_examples"],
            "undefined": rows["n_undefined"],
        }
    )
    return make_table(
        table,
        {"estimate": number, "texts": count, "undefined": count},
        anchor="table-faithfulness",
        title="Faithfulness of every method, by metric and by how words are removed",
        note=f"Means with their {interval_note(run)}. Names end in score (higher is better) or error (lower), "
        "then in the operator that removed the words. Scores without a sign have no infidelity.",
        source="tables/estimates",
        left=("interval",),
        wide=True,
    )
