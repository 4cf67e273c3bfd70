"""Section: which heads, by both kinds of evidence: what they write, and what is lost without them."""

from __future__ import annotations

import pandas as pd

from study.head_classes import NULL_SHARE, RULES
from study.report.blocks import Block, Details, Figure, Link, Paragraph, Section, Table
from study.report.causal_findings import classes_by_layer
from study.report.figures.causal import paint_direct_causal
from study.report.figures.style import draw
from study.report.findings import capital
from study.report.head_measures import SAME_WAY, class_counts, match_quality, one_way, profiles_of
from study.report.inputs import RunTables
from study.report.measures import Spread, spread
from study.report.notes import size_note
from study.report.numbers import listing, number, percent, plural
from study.report.quotes import head_quote
from study.report.sections.head_profiles import SHARE, profile_blocks, short_reason, trial_blocks
from study.report.sections.head_writers import writer_blocks
from study.report.tables import make_table

TWO_KINDS = (
    "There are two kinds of evidence, and they are never mixed. Direct: what a head itself writes to the margin. "
    "Causal: what the margin loses without it: its Shapley value, averaged over all sets of other heads, where an "
    "absent head is replaced by its mean over the reference texts. Both are logits beyond the reference texts, so they "
    "share one scale, and what a head does to any text alike is in neither. A head that only feeds other heads is "
    "needed but writes nothing. One that writes more than it is needed for need not be taken back by others: Shapley "
    "values share its credit with the heads that feed it. The class tells which. (The crosswalk of a text counts "
    "beyond the empty text instead; what a head does to that is in all its columns.)"
)
LEAST_EXCESS = 0.1  # mean cosine of matched heads over that of the others: below it they are as like as any
EXCHANGEABLE = (
    "Heads of one layer are exchangeable: H0 of one training seed is not H0 of another. So heads are named per "
    "seed, and over seeds only what does not depend on the name is compared: sorted shares, kinds, counts of classes."
)
REASONS = (
    "Constant: the raw contribution is mostly the same for every text. Shared: a direct head whose Shapley value gives "
    "part of the credit to the heads that feed it. The others are classes."
)


def build(run: RunTables) -> Section | None:
    """Both kinds of evidence head by head, then who writes what."""
    blocks: list[Block] = []
    scatter = _direct_causal(run)
    if scatter:
        blocks += [
            Paragraph(TWO_KINDS),
            Paragraph(EXCHANGEABLE),
            scatter,
            *[b for b in (head_quote(run), _classes(run), _rules(run)) if b],
        ]
        if parting := _parting(run):
            blocks.append(Details("Heads on which direct and causal methods part, with the reasons", (parting,)))
    blocks += [*profile_blocks(run), *trial_blocks(run)]
    if matches := _matches(run):
        blocks.append(matches)
    blocks += writer_blocks(run)
    if not blocks:
        return None
    title = "Which heads: what they write, and what is lost without them"
    first = () if scatter else (Paragraph(EXCHANGEABLE),)
    return Section(name="heads", title=title, short="Heads", blocks=(*first, *blocks))


def _direct_causal(run: RunTables) -> Figure | None:
    tables = {run.label(*v): profiles_of(run, v) for v in run.variants}
    known = {name: t.dropna(subset=["direct_size", "causal_size"]) for name, t in tables.items() if not t.empty}
    known = {name: t for name, t in known.items() if not t.empty}
    if not known:
        return None
    every = pd.concat((t.assign(name=name) for name, t in known.items()), ignore_index=True)
    gap = (every["causal_size"] - every["direct_size"]).abs()
    first = every.loc[gap.idxmax()]
    title = (
        f"{'Farthest apart: ' if len(every) > 1 else ''}{first['component']} of {first['name']}, seed {first['seed']}, "
        f"writes {number(first['direct_size'])} logits and is needed for {number(first['causal_size'])}"
    )
    note = (
        "Along: mean |d|, the head's direct contribution beyond its mean over the reference texts. Up: mean |ψ|, its "
        f"Shapley value in the margin, mean ablation. {size_note(run)}. Square-root axes. On the dashed line a head is "
        f"needed for as much as it writes.{_steady(every)} Colour: class; shape: seed; fill: layer. No interval here: "
        "see the profiles."
    )
    names = ("mean size of what it writes (direct), logits", "mean size of what is lost without it (causal), logits")
    return draw("direct-causal", lambda: paint_direct_causal(known, names), title=title, note=note, source="profiles")


def _steady(profiles: pd.DataFrame) -> str:
    """How many heads act one way beyond the empty text; empty where those Shapley values are missing."""
    known = profiles.dropna(subset=["words_causal_mean", "words_causal_size"])
    if known.empty:
        return ""
    n = int(one_way(known).sum())
    return (
        f" Beyond the empty text instead, as in the crosswalk's columns, {n} of {plural(len(known), 'head')} "
        f"{'acts' if n == 1 else 'act'} in the same direction in nearly every text (|mean| above {percent(SAME_WAY)} "
        "of the mean size): what a head does to the empty text stands in every text's value."
    )


def _classes(run: RunTables) -> Table | None:
    """Heads per class and layer over all seeds, with the range over seeds: what does not depend on a head's number."""
    counts = {run.label(*v): class_counts(run, v) for v in run.variants}
    counts = {name: t for name, t in counts.items() if not t.empty}
    if not counts:
        return None
    classes = list(dict.fromkeys(str(c) for t in counts.values() for c in t))
    rows = []
    for name, table in counts.items():
        for layer, part in table.groupby("layer"):
            row = {"model": name, "layer": str(layer), "seeds": str(len(part))}
            row["heads a seed"] = str(int(part.sum(axis=1).max()))
            rows.append(row | {c: _count_text(part[c]) if c in part else "0" for c in classes})
    note = (
        "Heads of all seeds; in brackets the least and the most in one seed, no interval. Every class is decided by "
        "intervals over the texts of one seed against the thresholds below. After a head of the last layer come only "
        "its MLP, if it has one, and LayerNorm, so it can hardly be anything but direct."
    )
    title = f"Classes of heads: {classes_by_layer(run)}"
    return make_table(pd.DataFrame(rows), {}, anchor="table-classes", title=title, note=note, source="profiles")


def _rules(run: RunTables) -> Details | None:
    """What each class means, with its thresholds, in the order in which they are tried."""
    if run.tables["profiles"].empty:
        return None
    table = pd.DataFrame({"class": list(RULES), "a head is called so if": [capital(text) for text in RULES.values()]})
    note = (
        "The first rule that holds decides; each is a t interval over texts of one seed, against 0 or against "
        f"{NULL_SHARE:.0%} of U."
    )
    left = ("class", "a head is called so if")
    made = make_table(table, {}, anchor="table-rules", title="Classes and their thresholds", note=note, left=left)
    return Details("How a head gets its class: the thresholds", (made,))


def _count_text(counts: pd.Series) -> str:
    total, low, high = int(counts.sum()), int(counts.min()), int(counts.max())
    return f"{total} ({low})" if low == high else f"{total} ({low} to {high})"


def _parting(run: RunTables) -> Table | None:
    """The heads whose place differs most between direct and causal methods, each with its reason."""
    frames = [run.of("head_disagreement", *v).assign(name=run.label(*v)) for v in run.variants]
    rows = pd.concat(frames)
    if rows.empty:
        return None
    table = pd.DataFrame(
        {
            "model": rows["name"],
            "seed": rows["seed"],
            "head": rows["component"],
            "reason": rows["reason"],
            "raw": [_place(*v) for v in zip(rows["rank_raw"], rows["raw_size"], strict=True)],
            "centred": [_place(*v) for v in zip(rows["rank_direct"], rows["direct_size"], strict=True)],
            "causal": [_place(*v) for v in zip(rows["rank_causal"], rows["causal_size"], strict=True)],
            "indirect share": [number(v) for v in rows["indirect_share"]],
            "why": [short_reason(v) for v in rows["explanation"]],
        }
    )
    reasons = rows["reason"].value_counts()
    note = (
        "Of each seed the heads whose place among its heads differs most. Raw and centred (direct), causal (Shapley): "
        f"place, and mean size in logits. {SHARE} {size_note(run)}; its interval is in the profiles. {REASONS}"
    )
    told = listing([f"{name} ({n})" for name, n in reasons.items()])
    title = f"Heads on which direct and causal methods part, by reason: {told}"
    left = ("head", "seed", "reason", "why")
    return make_table(table, {}, anchor="table-parting", title=title, note=note, source="head_disagreement", left=left)


def _place(rank: float, size: float) -> str:
    return f"{number(rank, 0 if float(rank).is_integer() else 1)}. ({number(size)})"


def _matches(run: RunTables) -> Paragraph | None:
    """How alike heads of different seeds are, layer by layer, once matched by the words they carry."""
    told, small = [], []
    for variant in run.variants:
        for layer, pairs in match_quality(run, variant).groupby("layer"):
            cosine, others = spread(pairs["cosine"]), spread(pairs["others"])
            if cosine is None:
                continue
            where = f"layer {int(layer)} of {run.label(*variant)}"
            against = "" if others is None else f" against {_between(others)} with the other heads"
            told.append(f"{where}, {_between(cosine)}{against}")
            if (pairs["cosine"] - pairs["others"]).mean() < LEAST_EXCESS:
                small.append(where)
    if not told:
        return None
    verdict = f" Heads cannot be matched in {listing(small)}: any is as like any other." if small else ""
    text = (
        f"Mean cosine of the heads' word profiles (mean causal crosswalk cells): {'; '.join(told)}. Each range is over "
        "pairs of seeds. The matching looks for the largest sum of cosines, so that more than the others' is expected "
        f"even of heads that have nothing in common.{verdict}"
    )
    links = (Link(label="matches", anchor="table-file-head_matches"),)
    return Paragraph(text, links, lead="Heads of different seeds, matched within a layer by the words they carry.")


def _between(found: Spread) -> str:
    low, high = number(found.low), number(found.high)
    return low if low == high else f"{low} to {high}"
