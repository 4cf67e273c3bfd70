"""Profiles of the heads, seed by seed, and the trials of those that were called null."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Heading, Paragraph, Table
from study.report.head_measures import Variant, profiles_of, top_words, worst_partners
from study.report.inputs import RunTables
from study.report.notes import level_text
from study.report.numbers import MISSING, count, listing, number, plural, signed, with_interval
from study.report.tables import make_table

ABOUT = (
    "Sizes are means over texts of |value|, logits. Direct: what the head writes beyond the empty text; causal: its "
    "Shapley value; alone missing: what the words' effect loses without this head only; later layers: that loss beyond "
    "what the head writes, so what others make of it; mean ablation: change of the margin itself, the empty text not "
    "set apart. Indirect share: (ψ − d) / (|ψ| + |d|), with signs. Partner: the head "
    "whose Shapley interaction with it is largest in size. Attention: share that goes to CLS, and entropy in nats. "
    "Words: those that it carries most, by mean causal crosswalk cell, towards (+) and against (−) the class of the "
    "margin."
)


def profile_blocks(run: RunTables) -> list[Block]:
    """A table a trained model: the first seed of each variant in view, the others folded."""
    shown: list[Block] = []
    folded: list[Block] = []
    for variant in run.variants:
        for k, seed in enumerate(dict.fromkeys(profiles_of(run, variant)["seed"])):
            (folded if k else shown).append(_profiles(run, variant, str(seed)))
    if not shown:
        return []
    more = [Details(f"Profiles of the other seeds ({plural(len(folded), 'table')})", tuple(folded))] if folded else []
    return [Heading("Profiles of the heads", "head-profiles"), Paragraph(ABOUT), *shown, *more]


def _profiles(run: RunTables, variant: Variant, seed: str) -> Table:
    rows = profiles_of(run, variant)
    rows = rows[rows["seed"] == seed]
    table = pd.DataFrame(
        {
            "head": rows["component"],
            "class": rows["class_"],
            "direct": [number(v) for v in rows["direct_size"]],
            "causal": [number(v) for v in rows["causal_size"]],
            "alone missing": [number(v) for v in rows["leave_one_out_size"]],
            "later layers": [number(v) for v in rows["indirect_size"]],
            "mean ablation": [number(v) for v in rows["ablation_size"]],
            "indirect share": [
                with_interval(r.indirect_share, r.indirect_low, r.indirect_high) for r in rows.itertuples()
            ],
            "partner": [f"{r.partner} {signed(r.interaction)}" if r.partner else MISSING for r in rows.itertuples()],
            "CLS / entropy": [
                f"{number(r.attention_to_cls)} / {number(r.attention_entropy)}" for r in rows.itertuples()
            ],
            "words +": [_words(run, variant, seed, c, "+") for c in rows["component"]],
            "words −": [_words(run, variant, seed, c, "-") for c in rows["component"]],
        }
    )
    name = run.label(*variant)
    anchor = f"profiles-table-{name.replace(' · ', '-').replace(' ', '-')}-{seed}"
    note = (
        f"n = {_texts(run, variant, seed)} of one seed. In brackets: {level_text(run)} interval over texts; the other "
        "numbers are means without one."
    )
    left = ("head", "class", "words +", "words −", "partner")
    return make_table(table, {}, anchor=anchor, title=f"{name}, seed {seed}", note=note, source="profiles", left=left)


def short_reason(reason: str) -> str:
    """The reason without the sizes after it, which the columns beside it show."""
    return str(reason).split(": writes ")[0]


def _texts(run: RunTables, variant: Variant, seed: str) -> str:
    texts = run.of("texts", *variant)
    return plural(int(texts[texts["trained"] & (texts["seed"] == seed)]["example_id"].nunique()), "text")


def _words(run: RunTables, variant: Variant, seed: str, component: str, side: str) -> str:
    return ", ".join(top_words(run, variant, seed, component, side)) or MISSING


def trial_blocks(run: RunTables) -> list[Block]:
    """What "null" promises and what came of it on texts that no verdict had seen."""
    if run.tables["profiles"].empty:
        return []
    frames = [worst_partners(run, v).assign(name=run.label(*v)) for v in run.variants]
    nulls = pd.concat(frames, ignore_index=True)
    heading = Heading("Null heads, tried on fresh texts", "null-heads")
    if nulls.empty:
        return [heading, Paragraph("No head of this run is called null, so there is nothing to try.")]
    return [heading, _trials(run, nulls)]


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
