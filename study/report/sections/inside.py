"""Section: where it happens: layers, neurons, paths, twin texts, and predictions put to the test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Section, Table
from study.report.choose import choose_first
from study.report.figures.inside import paint_layers
from study.report.figures.paths import GROUP_LABELS, paint_path_sums
from study.report.figures.style import clip, draw
from study.report.inputs import RunTables, pick
from study.report.inside_measures import (
    is_straight,
    layer_means,
    listed_shares,
    path_sizes,
)
from study.report.measures import estimate, spread
from study.report.notes import interval_note, size_note
from study.report.numbers import listing, number, percent_range, signed, with_interval
from study.report.sections.neurons import neuron_blocks
from study.report.sections.twins import intervention_blocks, twin_blocks
from study.report.tables import make_table

LAYERS = (
    "The stream of the first position is a running sum. Reading the margin off it after every step (the logit lens, "
    "LayerNorm taken anew) shows when the decision is there; what a step adds at the final scale shows who brought it."
)
PATHS = (
    "A path leads from a word through one head, or through a head or MLP of an earlier layer and then a head, to the "
    "margin, with attention patterns and LayerNorm scales held at the text. What an MLP writes straight to the margin "
    "is no path through heads: it stands beside them as a term of its own, as do embedding and biases. All of these "
    "add up to a text's margin."
)


ABOUT = (
    "A look into the network: how the margin grows from layer to layer, which neurons write it, and on which ways, "
    "from a word through one head or two, it comes about."
)


def build(run: RunTables) -> Section | None:
    """Layers, neurons, paths, twins and interventions; None where the run has none of them."""
    blocks: list[Block] = []
    if layers := _layers(run):
        steps = _steps(run)
        blocks += [Heading("Layer by layer", "layers"), Paragraph(LAYERS), layers, *([steps] if steps else [])]
    blocks += neuron_blocks(run)
    if paths := _paths(run):
        more: list[Block] = [b for b in (_explained(run), _top_paths(run)) if b]
        blocks += [Heading("Paths", "paths"), Paragraph(PATHS), paths, *more]
    blocks += twin_blocks(run)
    blocks += intervention_blocks(run)
    if not blocks:
        return None
    title = "Where it happens: layers, neurons and paths"
    return Section(name="inside", title=title, short="Inside", blocks=(Paragraph(ABOUT), *blocks))


def _layers(run: RunTables) -> Figure | None:
    layers = {run.label(*v): layer_means(run, v) for v in run.variants}
    layers = {name: rows for name, rows in layers.items() if not rows.empty}
    if not layers:
        return None
    labels = sorted({str(label) for rows in layers.values() for label in rows["label"]})
    parts = []
    for name, rows in layers.items():
        means = rows.groupby(["order", "step", "label"])["added"].mean()
        size = means.abs().groupby(["order", "step"]).mean()
        order, step = max(size.index, key=lambda place: (size[place], -place[0]))
        told = [
            f"{signed(float(means[order, step, label]))} to {clip(label, 14)} texts"
            for label in labels
            if (order, step, label) in means.index
        ]
        parts.append(f"{step} adds most in {name} ({listing(told)})")
    note = (
        "Above: mean margin read off the stream after each step (logit lens), by true label; thin: seeds, thick: their "
        f"mean. Below: what the step adds to the final margin; bars: means of seeds, dots: seeds. {size_note(run)}. No "
        "interval: a description."
    )
    names = ("margin after the step, logits", "added by the step, logits")
    return draw(
        "layers",
        lambda: paint_layers(layers, labels, names),
        title="; ".join(parts),
        note=note,
        source="layers",
    )


def _steps(run: RunTables) -> Table | None:
    """Both numbers of every step towards the predicted class, with intervals."""
    rows = []
    for variant in run.variants:
        steps = run.of("layers", *variant).sort_values("order")["step"].drop_duplicates()
        for step in steps:
            lens = estimate(run, variant, f"lens_margin_{step}", "", "")
            added = estimate(run, variant, f"adds_{step}", "", "")
            cells = ["" if r is None else with_interval(r["estimate"], r["low"], r["high"]) for r in (lens, added)]
            if any(cells):
                rows.append((run.label(*variant), str(step), *cells))
    if not rows:
        return None
    table = pd.DataFrame(rows, columns=["model", "step", "margin after it", "added by it"])
    note = (
        "Logits towards the predicted class, all texts together, right or wrong; "
        f"{interval_note(run)}; {size_note(run)}."
    )
    title = "The same towards the predicted class"
    return make_table(table, {}, anchor="table-steps", title=title, note=note, source="estimates")


def _paths(run: RunTables) -> Figure | None:
    sums = {run.label(*v): path_sizes(run, v) for v in run.variants}
    sums = {name: table for name, table in sums.items() if not table.empty}
    if not sums:
        return None
    parts: dict[str, list[str]] = {}
    for name, table in sums.items():
        means = table.mean()
        first = str(means.idxmax())
        parts.setdefault(GROUP_LABELS.get(first, first), []).append(f"{number(float(means.max()))} logits in {name}")
    told = "; ".join(f"{group} ({listing(where)})" for group, where in parts.items())
    note = (
        f"Σ |contribution| of the paths of a kind, mean over texts; bars: means of seeds, dots: seeds; "
        f"{size_note(run)}. Sizes are not net effects: paths of a kind can cancel. No interval: a description."
    )
    axis = "summed size of the paths, logits"
    return draw(
        "path-sums",
        lambda: paint_path_sums(sums, axis),
        title=f"Most is written along {told}",
        note=note,
        source="path_sums",
    )


def _explained(run: RunTables) -> Paragraph | None:
    """What the listed paths explain of the margin: net, against it, and by size; with MLP → margin and without."""
    told = [f"In {run.label(*v)}, {clause}." for v in run.variants if (clause := _share_clause(listed_shares(run, v)))]
    if not told:
        return None
    text = (
        f"Of each text the largest terms are listed, at most {run.config.heads.top_paths}. {' '.join(told)} Share of "
        "the margin: median over texts; by size: Σ |listed| of Σ |all terms|; ranges over seeds. A share is negative "
        "where the listed terms pull against the margin, and above 100 % where what is left out does."
    )
    return Paragraph(text, lead="What the listed paths explain.")


def _share_clause(shares: pd.DataFrame) -> str:
    """The three shares of one variant, each with MLP → margin and, where that is listed, without; empty if unknown."""

    def span(column: str) -> str:
        found = spread(shares[column])
        return percent_range(found.low, found.high) if found else ""

    def both(column: str, of: str) -> str:
        alone = f" ({span(f'{column}_paths')} without MLP → margin)" if straight else ""
        return f"{span(column)} {of}{alone}"

    if shares.empty or not span("net"):
        return ""
    straight = not np.allclose(shares["size"], shares["size_paths"], equal_nan=True)
    return (
        f"they add up to {both('net', 'of the margin')}, to a negative share in {both('negative', 'of the texts')}, "
        f"and by size are {both('size', 'of all terms')}"
    )


def _top_paths(run: RunTables) -> Details | None:
    """The largest paths of the text that the page shows first."""
    chosen = choose_first(run)
    if chosen is None:
        return None
    rows = pick(run.of("paths", chosen.dataset, chosen.model), seed=chosen.seed, example_id=chosen.example_id)
    if rows.empty:
        return None
    rows = rows.sort_values("rank", kind="stable")
    table = pd.DataFrame(
        {
            "rank": [number(v, 0) for v in rows["rank"]],
            "from": rows["word"],
            "through": [
                f"{path} straight to the margin" if straight else str(path).replace(" > ", " → ")
                for path, straight in zip(rows["path"], is_straight(rows), strict=True)
            ],
            "contribution": [signed(float(v), 3) for v in rows["contribution"]],
        }
    )
    total = float(rows["contribution"].sum())
    texts = pick(run.of("texts", chosen.dataset, chosen.model), seed=chosen.seed, example_id=chosen.example_id)
    margin = float(pick(texts, trained=True).iloc[0]["margin"])
    name = f"{run.label(chosen.dataset, chosen.model)}, seed {chosen.seed}, text {chosen.example_id}"
    apart = rows.loc[is_straight(rows), "contribution"]
    straight = f", {signed(float(apart.sum()))} of it from MLPs straight to the margin" if len(apart) else ""
    note = (
        f"{name}: n = 1 text, no interval. The terms add up to {signed(total)}{straight}; the margin is "
        f"{signed(margin)}."
    )
    title, left = "Largest paths of the text shown first", ("from", "through")
    block = make_table(table, {}, anchor="table-paths", title=title, note=note, source="paths", left=left)
    return Details("The largest paths of the text shown first", (block,))
