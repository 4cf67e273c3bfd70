"""Part of the section on the inside: neurons, how few of them write how much, and the words that drive them."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Figure, Heading, Table, anchor_of
from study.report.figures.inside import paint_neurons
from study.report.figures.style import draw
from study.report.inputs import RunTables, Variant, pick
from study.report.inside_measures import neuron_curves, neuron_drivers, neurons_for_half
from study.report.notes import size_note
from study.report.numbers import MISSING, listing, number, percent, plural, signed
from study.report.tables import make_table

MOST_NEURONS = 5  # rows a layer in the table of neurons


def neuron_blocks(run: RunTables) -> list[Block]:
    """The curve of all MLPs and a table a variant; nothing in a run without MLPs."""
    figure = _neurons(run)
    if figure is None:
        return []
    tables = [t for v in run.variants if (t := _top_neurons(run, v))]
    return [Heading("Neurons", "neurons"), figure, *tables]


def _neurons(run: RunTables) -> Figure | None:
    curves = {run.label(*v): neuron_curves(run, v) for v in run.variants}
    curves = {name: rows for name, rows in curves.items() if not rows.empty and rows["running"].notna().any()}
    if not curves:
        return None
    parts = []
    for name, rows in curves.items():
        n = int(rows["rank"].max())
        half = neurons_for_half(rows)
        for layer, counts in half.groupby("layer"):
            low, high = number(float(counts.min()), 0), number(float(counts.max()), 0)
            span = low if low == high else f"{low} to {high}"
            parts.append(f"{span} of the {n} neurons of layer {int(layer)} of {name}")
    seeds = len(run.config.seeds)
    title = f"Half of what an MLP writes lies in {listing(parts)}" if parts else "Neurons of the MLPs by size"
    note = (
        "Size: mean |contribution − its mean over the texts| of a neuron, largest first; the curve sums its share of "
        f"the layer's sizes. One line per layer and seed; {size_note(run, _with_neurons(run))}. No interval; "
        f"{'ranges are over seeds' if seeds > 1 else 'one seed'}."
    )
    names = ("number of neurons, largest first (logarithmic)", "share of the MLP's writing")
    return draw(
        "neurons",
        lambda: paint_neurons(curves, names),
        title=title,
        note=note,
        source="neurons",
    )


def _with_neurons(run: RunTables) -> list[tuple[str, str]]:
    return [v for v in run.variants if not run.of("neurons", *v).empty]


def _top_neurons(run: RunTables, variant: Variant) -> Table | None:
    """The largest neurons of the first seed of a variant, with the words that drive them."""
    rows = run.of("neurons", *variant)
    if rows.empty:
        return None
    seed = next((str(s) for s in run.config.seeds if str(s) in set(rows["seed"])), str(rows["seed"].iloc[0]))
    rows = pick(rows, seed=seed)
    rows = rows.assign(layer=rows["layer"].astype(float), neuron=rows["neuron"].astype(float))
    rows = rows[rows["rank"] <= MOST_NEURONS].sort_values(["layer", "rank"], kind="stable")
    drivers = [neuron_drivers(run, variant, seed, r.layer, r.neuron) for r in rows.itertuples()]
    table = pd.DataFrame(
        {
            "neuron": [f"L{int(r.layer)}N{int(r.neuron)}" for r in rows.itertuples()],
            "size": [number(v, 3) for v in rows["size"]],
            "share of its layer": [percent(float(v), 1) for v in rows["share"]],
            "mean": [signed(float(v), 3) for v in rows["mean"]],
            "active": [percent(float(v)) for v in rows["active_rate"]],
            "driven up by": [_told(up) for up, _ in drivers],
            "driven down by": [_told(down) for _, down in drivers],
        }
    )
    name = run.label(*variant)
    split = pick(run.of("causal", *variant), seed=seed)["example_id"].nunique()
    texts = pick(run.of("texts", *variant), trained=True, seed=seed)["example_id"].nunique()
    note = (
        f"Size, mean: of the neuron's contribution to the margin, logits, over {plural(texts, 'text')}; active: share "
        "of them. Driven by: words with the largest mean SHAP value in that contribution, over the "
        f"{plural(split, 'text')} with a causal crosswalk; in brackets, in how many of these the word stands, words of "
        "two or more first: the effect of a word of one text may be that text's. "
        f"{MISSING} where a neuron was not split over words. One seed; no interval."
    )
    left = ("neuron", "driven up by", "driven down by")
    anchor = anchor_of("table-neurons", name)
    title = f"Largest neurons of {name}, seed {seed}"
    return make_table(table, {}, anchor=anchor, title=title, note=note, source="neurons", left=left)


def _told(words: list[tuple[str, int]]) -> str:
    return ", ".join(f"{word} ({n})" for word, n in words) or MISSING
