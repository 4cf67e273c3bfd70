"""Section: one text in full: its crosswalk, its word strips, its heads."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Figure, Heading, Paragraph, Section
from study.report.choose import Chosen, choose_first
from study.report.figures.heads import paint_grid
from study.report.figures.style import draw
from study.report.findings import capital
from study.report.inputs import LIME, SHAP, RunTables, pick
from study.report.measures import largest_cell
from study.report.numbers import signed
from study.report.pictures import crosswalk_figure, text_row, text_scores, text_words
from study.report.strips import make_strips

READING = (
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
    row = text_row(run, chosen)
    verdict = "correct" if row["label"] == row["predicted"] else "wrong"
    about = (
        f"Labelled {row['label']}, predicted {row['predicted']} ({verdict}); margin {signed(float(row['margin']))} "
        f"logits towards {row['target']}. {chosen.reason}"
    )
    blocks: list[Block] = [Paragraph(about, lead=f"“{row['text']}”")]
    figure = crosswalk_figure(run, chosen, "crosswalk")
    if figure:
        blocks += [Paragraph(READING.format(target=row["target"])), figure]
    blocks += [Heading("The same words by every method", "strips"), text_strips(run, chosen)]
    grid = _head_grid(run, chosen)
    if grid:
        blocks += [Heading("The same text, head by head", "head-grid"), grid]
    return Section(name="text", title="One text in full", short="One text", blocks=tuple(blocks))


def text_strips(run: RunTables, chosen: Chosen, methods: list[str] | None = None) -> Block:
    """The strips of one text, all methods of the run unless some are named."""
    anchor = f"strips-{chosen.model}-{chosen.seed}-{chosen.example_id}"
    words, scores = text_words(run, chosen), text_scores(run, chosen)
    return make_strips(anchor, words, scores, methods or run.methods(), (SHAP, LIME))


def _head_grid(run: RunTables, chosen: Chosen) -> Figure | None:
    """What every head writes to this text's margin, raw and centred."""
    rows = pick(run.of("heads", chosen.dataset, chosen.model), seed=chosen.seed, kind="direct")
    rows = pick(rows, example_id=chosen.example_id)
    grids = {
        title: pick(rows, method=method).pivot_table(index="layer", columns="head", values="score")
        for method, title in (("direct_raw", "Raw"), ("direct_centred", "Centred"))
    }
    grids = {title: grid for title, grid in grids.items() if not grid.empty}
    if not grids:
        return None
    title = _grid_title(grids)
    note = (
        f"{run.label(chosen.dataset, chosen.model)}, seed {chosen.seed}, text {chosen.example_id}: n = 1 text, no "
        "interval. Centred: minus the head's mean over the reference texts, for the same class's margin."
    )
    axis = "direct contribution to the margin, logits (layers × heads)"
    return draw("head-grid", lambda: paint_grid(grids, axis), title=title, note=note, source="heads")


def _grid_title(grids: dict[str, pd.DataFrame]) -> str:
    parts = []
    for title, grid in grids.items():
        layer, head, value = largest_cell(grid)
        parts.append(f"{title.lower()}, L{layer}H{head} writes most ({signed(value)})")
    return capital("; ".join(parts))
