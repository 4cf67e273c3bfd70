"""Section: one text in full: its crosswalk, its word strips, its heads."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Section
from study.report.choose import Chosen, choose_first
from study.report.explorer.models import class_names
from study.report.figures.head_grid import paint_grids
from study.report.figures.style import draw
from study.report.inputs import LIME, TWO_WAY, RunTables
from study.report.measures import largest_cell
from study.report.numbers import listing, number, percent, signed
from study.report.pictures import crosswalk_figure, lime_figure
from study.report.strips import make_strips
from study.report.text_rows import LEAVE_ONE_OUT, TextRows, rows_of

DIRECT = "Direct, beyond the empty text"
SHAPLEY, ALONE = "Causal: Shapley value", "Causal: it alone is missing"
_MOST = {DIRECT: "writes most", SHAPLEY: "is needed most", ALONE: "alone is missed most"}
_ONE = {DIRECT: "writes", SHAPLEY: "is needed for", ALONE: "is missed by"}
READING_BOTH = (
    "How to read it: every row is a word. Left, every column is a head, and a cell is how much of the word's effect "
    "on the class margin that head is needed for: heads are taken out and put back in every combination, and what the "
    "head changes is averaged. A head that only feeds later layers counts there. Middle, every column is a component, "
    "and a cell is what that component itself writes to the margin because of the word; a head that only feeds others "
    "stays empty there. Added up to the right, either table gives the word's SHAP value; added up downwards, the left "
    "one gives the heads' Shapley values, the middle one what each component contributes beyond the empty text. So "
    "feature attribution and head attribution are two margins of one table. Red pushes towards “{target}”, blue away."
)
READING_DIRECT = (
    "How to read it: every row is a word, every column a component of the network, and every cell is what that "
    "component writes to the class margin because of that word. Added up to the right, the cells give the word's "
    "ordinary SHAP or LIME score; added up downwards, SHAP's give what the component contributes to this text "
    "beyond the empty text. So feature attribution and head attribution are two margins of one table. Red pushes "
    "towards “{target}”, blue away."
)


def build(run: RunTables) -> Section | None:
    """The text chosen by rule; None where no text was explained."""
    chosen = choose_first(run)
    if chosen is None:
        return None
    rows = rows_of(run, chosen)
    row = rows.text
    verdict = "correct" if row["label"] == row["predicted"] else "wrong"
    about = (
        f"Labelled {row['label']}, predicted {row['predicted']} ({verdict}); margin "
        f"{margin_text(run, row)}. {chosen.reason}"
    )
    blocks: list[Block] = [Paragraph(about, lead=f"“{row['text']}”")]
    figure = crosswalk_figure(run, chosen, "crosswalk")
    if figure:
        layers = layer_contrast(rows)
        reading = READING_BOTH if layers else READING_DIRECT
        blocks += [Paragraph(reading.format(target=row["target"])), figure]
        blocks += [Paragraph(layers)] if layers else []
        lime = lime_figure(run, chosen, "crosswalk-lime")
        blocks += [Details("The direct table once more, by LIME", (lime,))] if lime else []
    blocks += [Heading("The same words by every method", "strips"), text_strips(run, chosen)]
    grid = _head_grid(run, chosen)
    if grid:
        blocks += [Heading("The same text, head by head", "head-grid"), grid]
    return Section(name="text", title="One text in full", short="One text", blocks=tuple(blocks))


def margin_text(run: RunTables, text: pd.Series) -> str:
    """ "2.15 logits towards negative": the size of the margin and the class that it leans to.

    Of more than two classes a margin below 0 leans away from the class it is of.
    """
    margin, target = float(text["margin"]), str(text["target"])
    size = f"{number(abs(margin))} logits"
    if not margin < 0:
        return f"{size} towards {target}"
    others = [name for name in class_names(run, str(text["dataset"]), text.to_frame().T) if name != target]
    return f"{size} towards {others[0]}" if len(others) == 1 else f"{size} away from {target}"


def text_strips(run: RunTables, chosen: Chosen, methods: list[str] | None = None) -> Block:
    """The strips of one text, all methods of the run unless some are named."""
    anchor = f"strips-{chosen.model}-{chosen.seed}-{chosen.example_id}"
    rows = rows_of(run, chosen)
    return make_strips(anchor, rows.words(), rows.scores(), methods or run.methods(), (run.shap, LIME))


def layer_contrast(rows: TextRows) -> str:
    """Each layer's share of the heads' cells in either table, in a sentence; empty without a causal table."""
    causal, direct, parts = rows.cells(TWO_WAY, "causal"), rows.cells(rows.shap), rows.parts()
    heads = [c for c in parts.index[parts["kind_of_component"] == "head"] if c in causal and c in direct]
    if not heads:
        return ""
    shares = []
    for table in (causal, direct):
        size = table[heads].abs().sum().groupby(parts.loc[heads, "layer"].astype(int)).sum()
        shares.append(size / max(float(size.sum()), 1e-12))
    told = [
        f"layer {k}: {percent(float(shares[0][k]))} against {percent(float(shares[1][k]))}" for k in shares[0].index
    ]
    return (
        "How far the two tables part: of all that words need of heads (left, sizes of the cells) against all that "
        f"heads write (middle), {listing(told)}."
    )


def _head_grid(run: RunTables, chosen: Chosen) -> Figure | None:
    """What every head writes to this text's margin, and what its words lose without it."""
    panels = head_grids(rows_of(run, chosen))
    if not panels:
        return None
    note = (
        f"{run.label(chosen.dataset, chosen.model)}, seed {chosen.seed}, text {chosen.example_id}: n = 1 text, no "
        "interval. Logits, layers × heads. Direct: what the head itself writes, beyond what it writes to the empty "
        "text. Causal: the head's Shapley value in the effect of the words; and what that effect loses when this head "
        "alone is missing. All three are beyond the empty text, so they share one colour scale."
    )
    return draw("head-grid", lambda: paint_grids(panels), title=grid_title(panels), note=note, source="heads")


def head_grids(rows: TextRows) -> dict[str, pd.DataFrame]:
    """By title, [layer head], all beyond the empty text; what the run lacks is left out."""
    if rows.components.empty:
        return {}
    parts = rows.parts()
    place = parts.loc[parts["kind_of_component"] == "head", ["layer", "head", "beyond"]]
    if place.empty:
        return {}
    place = place.astype({"layer": int, "head": int})

    def grid(scores: pd.Series) -> pd.DataFrame:
        table = place.assign(score=scores.reindex(place.index))
        return table.pivot_table(index="layer", columns="head", values="score", dropna=False)

    causal = {SHAPLEY: rows.head_scores("shapley"), ALONE: rows.head_scores(LEAVE_ONE_OUT)}
    found = {title: grid(scores) for title, scores in causal.items() if scores.notna().any()}
    return {DIRECT: grid(place["beyond"])} | found


def grid_title(panels: Mapping[str, pd.DataFrame]) -> str:
    """The first head of every panel; of a single head what it does."""
    first = {title: largest_cell(grid) for title, grid in panels.items()}
    if next(iter(panels.values())).size > 1:
        return "; ".join(f"L{a}H{b} {_MOST[title]} ({signed(value)})" for title, (a, b, value) in first.items())
    layer, head, _ = first[DIRECT]
    return (
        f"L{layer}H{head} {listing([f'{_ONE[title]} {signed(value)}' for title, (*_, value) in first.items()])} logits"
    )
