"""Profiles of the heads, seed by seed, and the trials of those that were called null."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Heading, Paragraph, Table, anchor_of
from study.report.head_measures import causal_texts, profiles_of, top_words, worst_partners
from study.report.inputs import RunTables, Variant
from study.report.notes import level_text
from study.report.numbers import MISSING, count, listing, number, percent, plural, signed, with_interval
from study.report.tables import make_table

SHARE = (
    "Indirect share: (|ψ| − d · sign of ψ) / (|ψ| + |d|), mean over texts; 1: credited with an effect that it does not "
    "write, 0: writes what it is credited with, below 0: writes more than that."
)
ABOUT = (
    "Sizes are means over texts of |value|, logits, beyond the reference texts. Direct: what the head writes (d); "
    "causal: its Shapley value in the margin (ψ); alone missing: what the margin loses when this head only is replaced "
    f"by its mean; later layers: that loss beyond what the head writes, so what others make of it. {SHARE} Words' "
    "effect: its Shapley value beyond the empty text, the column of the crosswalk, in round brackets the mean with its "
    "sign; where the two are nearly as large, it speaks of the empty text as much as of these. Flips: share of fresh "
    "test texts predicted otherwise without the head. Partner: the head whose Shapley interaction with it is largest "
    "in size, with its mean: + together they push further than each adds alone, − they share work. Attention: share "
    "that goes to CLS, and entropy in nats. Words: those that it carries most, by mean causal crosswalk cell, towards "
    "(+) and against (−) the class of the margin; in brackets, in how many texts."
)


def profile_blocks(run: RunTables) -> list[Block]:
    """A table a trained model: the first seed of the first variant in view, the others folded."""
    tables = [
        _profiles(run, variant, str(seed))
        for variant in run.variants
        for seed in dict.fromkeys(profiles_of(run, variant)["seed"])
    ]
    if not tables:
        return []
    first, *others = tables
    more = [Details(f"Profiles of the other trained models ({plural(len(others), 'table')})", tuple(others))]
    return [Heading("Profiles of the heads", "head-profiles"), Paragraph(ABOUT), first, *(more if others else [])]


def _profiles(run: RunTables, variant: Variant, seed: str) -> Table:
    rows = profiles_of(run, variant)
    rows = rows[rows["seed"] == seed]
    every = list(rows.itertuples())
    table = pd.DataFrame(
        {
            "head": rows["component"],
            "class": rows["class_"],
            "direct": [number(v) for v in rows["direct_size"]],
            "causal": [number(v) for v in rows["causal_size"]],
            "alone missing": [number(v) for v in rows["ablation_size"]],
            "later layers": [number(v) for v in rows["indirect_size"]],
            "indirect share": [with_interval(r.indirect_share, r.indirect_low, r.indirect_high) for r in every],
            "words' effect": [f"{number(r.words_causal_size)} ({signed(r.words_causal_mean)})" for r in every],
            "flips": [percent(v) for v in rows["trial_flipped"]],
            "partner": [_partner(r.partner, r.interaction) for r in every],
            "CLS / entropy": [f"{number(r.attention_to_cls)} / {number(r.attention_entropy)}" for r in every],
            "words +": [_words(run, variant, seed, c, "+") for c in rows["component"]],
            "words −": [_words(run, variant, seed, c, "-") for c in rows["component"]],
        }
    )
    name = run.label(*variant)
    anchor = anchor_of("profiles-table", name, seed)
    words = causal_texts(run, variant, seed)
    note = (
        f"n = {_texts(run, variant, seed)} of one seed; words: the {plural(words, 'text')} with causal cells. In "
        f"square brackets: {level_text(run)} interval over texts; the other numbers are means without one."
    )
    left = ("head", "class", "words +", "words −", "partner")
    return make_table(table, {}, anchor=anchor, title=f"{name}, seed {seed}", note=note, source="profiles", left=left)


def short_reason(reason: str) -> str:
    """The reason without the sizes after it, which the columns beside it show."""
    return str(reason).split(": writes ")[0]


def _partner(name: str, interaction: float) -> str:
    """The name alone where no Shapley values say which way the two push."""
    return (f"{name} {signed(interaction)}" if np.isfinite(interaction) else name) or MISSING


def _texts(run: RunTables, variant: Variant, seed: str) -> str:
    texts = run.of("texts", *variant)
    return plural(int(texts[texts["trained"] & (texts["seed"] == seed)]["example_id"].nunique()), "text")


def _words(run: RunTables, variant: Variant, seed: str, component: str, side: str) -> str:
    return ", ".join(f"{word} ({n})" for word, n in top_words(run, variant, seed, component, side)) or MISSING


def trial_blocks(run: RunTables) -> list[Block]:
    """What "null" promises and what came of it on texts that no verdict had seen."""
    if run.tables["profiles"].empty:
        return []
    frames = [worst_partners(run, v).assign(name=run.label(*v)) for v in run.variants]
    nulls = pd.concat(frames, ignore_index=True)
    heading = Heading("Null heads, tried on fresh texts", "null-heads")
    cheapest = _cheapest(run)
    if nulls.empty:
        return [heading, Paragraph(f"No head of this run is called null, so there is nothing to try.{cheapest}")]
    return [heading, *([Paragraph(cheapest.strip())] if cheapest else []), _trials(run, nulls)]


def _cheapest(run: RunTables) -> str:
    """The head of each variant that fresh texts miss least; empty where none was tried, or none beside another."""
    told = []
    for variant in run.variants:
        rows = profiles_of(run, variant).dropna(subset=["trial_change"])
        if len(rows) < 2:
            continue
        least = rows.loc[rows["trial_change"].idxmin()]
        told.append(
            f"in {run.label(*variant)}, {least['component']} of seed {least['seed']} (the margin changes by "
            f"{number(least['trial_change'])} logits on average, {percent(least['trial_flipped'], 1)} of the "
            f"predictions turn, accuracy {signed(-100 * least['trial_accuracy_lost'], 1)} points)"
        )
    who = "the head missed least is" if len(told) == 1 else "the heads missed least are"
    return f" On fresh texts {who}, {'; '.join(told)}." if told else ""


def _trials(run: RunTables, nulls: pd.DataFrame) -> Table:
    rows = list(nulls.itertuples())
    table = pd.DataFrame(
        {
            "model": nulls["name"],
            "seed": nulls["seed"],
            "head": nulls["component"],
            "writes": [number(v, 3) for v in nulls["direct_size"]],
            "needed for": [number(v, 3) for v in nulls["causal_size"]],
            "alone, fresh texts": [with_interval(r.alone, r.low, r.high, 3) for r in rows],
            "worst partner": [r.worst if isinstance(r.worst, str) else MISSING for r in rows],
            "beside it": [with_interval(r.beside, r.beside_low, r.beside_high, 3) for r in rows],
            "confirmed": [v or "not tried" for v in nulls["confirmed"]],
        }
    )
    changes = nulls[["alone", "beside"]].to_numpy(dtype=float)
    title = f"{plural(len(nulls), 'null head')}, not tried on fresh texts"
    if np.isfinite(changes).any():
        title = (
            f"{plural(len(nulls), 'null head')}: without one the margin of fresh texts changes by at most "
            f"{number(float(np.nanmax(changes)), 3)} logits on average"
        )
    sizes = sorted({count(v) for v in nulls["n_texts"].dropna()})
    over = f"n = {listing(sizes)} fresh test texts" if sizes else "n not known"
    note = (
        "Null promises that the margin hardly changes without the head, whatever else is missing. Tried with mean "
        f"ablation on {over} a head, each seed by itself: mean |change of the margin|, logits, with its "
        f"{level_text(run)} interval over texts; alone, and with another head already ablated. Worst partner: the one "
        "beside which the change is largest. A head that fails here is not called null."
    )
    left = ("head", "seed", "worst partner", "confirmed")
    return make_table(table, {}, anchor="table-trials", title=title, note=note, source="trials", left=left)
