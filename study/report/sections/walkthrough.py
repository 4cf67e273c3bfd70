"""Section: attention as a sum, step by step, with the shapes of live tensors."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Paragraph, Section, Table
from study.report.inputs import RunTables, pick
from study.report.numbers import scientific
from study.report.tables import make_table

ABOUT = (
    "Concatenating the heads and projecting once gives the same numbers as projecting every head with its own slice "
    "of the output matrix and adding up, as a convolution adds up its input channels. So every block only adds to "
    "the embedding, a class margin is a sum over components, and SHAP and LIME, linear in what they explain, split "
    "over that sum."
)
ABLATION = (
    "The sum also says how to take a head out: drop its term, or put its mean in its place, and let the later layers "
    "run on. What a head writes is its own term at the end of the sum; what the margin loses without it holds as well "
    "what later layers make of it, since they read the sum so far. Playing words and heads against each other in this "
    "way gives the causal table beside the direct one, and both have SHAP as their row sums: with the class read off "
    "the first position, nothing but heads carries a word there, so no head at work leaves no effect of any word."
)
_SIZES = {
    "article": "At the sizes of a common transformer tutorial (sequence 20, vocabulary 50,000, width 512, 8 heads), "
    "called the article below; random weights",
    "trained": "At the trained model's size, its own weights",
}


def build(run: RunTables) -> Section | None:
    """The steps and the measured differences, at both sizes; None where the table is missing."""
    table = run.tables["walkthrough"]
    if table.empty:
        return None
    blocks: list[Block] = [Paragraph(ABOUT), Paragraph(ABLATION)]
    for size in dict.fromkeys(table["size"]):
        rows = pick(table, size=size)
        checks = rows["difference"].notna() if "difference" in rows else pd.Series(False, index=rows.index)
        blocks.append(_steps(rows[~checks], str(size)))
        if checks.any():
            blocks.append(_checks(rows[checks], str(size)))
    return Section(
        name="walkthrough", title="Why it works: attention is a sum", short="Walkthrough", blocks=tuple(blocks)
    )


def _steps(rows: pd.DataFrame, size: str) -> Table:
    return make_table(
        rows[["step", "operation", "in_1", "in_2", "out"]].astype(str).replace({"nan": "", "None": ""}),
        dict.fromkeys(("in_1", "in_2", "out"), _shape),
        anchor=f"walkthrough-{size}",
        title=_SIZES.get(size, size),
        source="walkthrough",
        headers={"in_1": "in", "in_2": "in", "out": "out"},
    )


def _checks(rows: pd.DataFrame, size: str) -> Table:
    table = rows[["operation", "difference", "tolerance"]].astype({"difference": float, "tolerance": float})
    verdict = (table["difference"] <= table["tolerance"]).map({True: "holds", False: "BROKEN"})
    return make_table(
        table.assign(verdict=verdict),
        {"difference": scientific, "tolerance": scientific},
        anchor=f"walkthrough-{size}-checks",
        title="The views compared: largest absolute difference",
        source="walkthrough",
        headers={"operation": "check"},
        left=("verdict",),
    )


def _shape(text: str) -> str:
    return text.replace("x", "×") if text[:1].isdigit() else text
