"""Section: which heads, by both kinds of evidence: what they write, and what is lost without them."""

from __future__ import annotations

import pandas as pd

from study.head_classes import NULL_SHARE, RULES
from study.report.blocks import Block, Details, Figure, Link, Paragraph, Section, Table
from study.report.figures.causal import paint_direct_causal
from study.report.figures.style import draw
from study.report.findings import capital
from study.report.head_measures import PARTING, class_counts, match_quality, profiles_of
from study.report.inputs import RunTables
from study.report.measures import Spread, spread
from study.report.notes import size_note
from study.report.numbers import listing, number, plural
from study.report.sections.head_profiles import profile_blocks, short_reason, trial_blocks
from study.report.sections.head_writers import writer_blocks
from study.report.tables import make_table

TWO_KINDS = (
    "There are two kinds of evidence, and they are never mixed. Direct: what a head itself writes to the margin "
    "because of the words. Causal: its Shapley value in the game of heads, what the words lose without it, averaged "
    "over all sets of other heads; an absent head is replaced by its mean over the reference texts. Both are logits "
    "beyond the empty text, so they share one scale. A head that only feeds other heads is needed but writes nothing; "
    "one whose writing others take back writes but is not needed."
)
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
        blocks += [Paragraph(TWO_KINDS), scatter, *[b for b in (_classes(run), _rules(run), _parting(run)) if b]]
    blocks += [*profile_blocks(run), *trial_blocks(run)]
    if matches := _matches(run):
        blocks.append(matches)
    blocks += writer_blocks(run)
    if not blocks:
        return None
    title = "Which heads: what they write, and what is lost without them"
    return Section(name="heads", title=title, short="Heads", blocks=(Paragraph(EXCHANGEABLE), *blocks))


def _direct_causal(run: RunTables) -> Figure | None:
    tables = {run.label(*v): profiles_of(run, v) for v in run.variants}
    known = {name: t.dropna(subset=["direct_size", "causal_size"]) for name, t in tables.items() if not t.empty}
    known = {name: t for name, t in known.items() if not t.empty}
    if not known:
        return None
    every = pd.concat(t.assign(name=name) for name, t in known.items())
    gap = (every["causal_size"] - every["direct_size"]).abs()
    first = every.loc[gap == gap.max()].iloc[0]
    title = (
        f"Farthest apart: {first['component']} of {first['name']}, seed {first['seed']}, writes "
        f"{number(first['direct_size'])} logits and is needed for {number(first['causal_size'])}"
    )
    note = (
        "Along: mean |d|, the head's direct contribution beyond the empty text. Up: mean |ψ|, its Shapley value in the "
        f"words' effect, mean ablation. {size_note(run)}. Square-root axes. On the dashed line a head is needed for "
        "as much as it writes. "
        "Colour: class; shape: seed; fill: layer. No interval here: see the profiles."
    )
    names = ("mean size of what it writes (direct), logits", "mean size of what is lost without it (causal), logits")
    return draw("direct-causal", lambda: paint_direct_causal(known, names), title=title, note=note, source="profiles")


def _classes(run: RunTables) -> Table | None:
    """Heads per class over all seeds, with the range over seeds: what does not depend on a head's number."""
    counts = {run.label(*v): class_counts(run, v) for v in run.variants}
    counts = {name: t for name, t in counts.items() if not t.empty}
    if not counts:
        return None
    classes = list(dict.fromkeys(str(c) for t in counts.values() for c in t))
    rows = []
    for name, table in counts.items():
        row = {"model": name, "seeds": str(len(table)), "heads a seed": str(int(table.sum(axis=1).max()))}
        rows.append(row | {c: _count_text(table[c]) if c in table else "0" for c in classes})
    note = (
        "Heads of all seeds; in brackets the least and the most in one seed, no interval. Every class is decided by "
        "intervals over the texts of one seed against the thresholds below."
    )
    title = f"Classes of heads: {_classes_title(counts)}"
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


def _classes_title(counts: dict[str, pd.DataFrame]) -> str:
    parts = []
    for name, table in counts.items():
        total = int(table.to_numpy().sum())
        part = int(table[[c for c in PARTING if c in table]].to_numpy().sum())
        parts.append(f"{part} of {plural(total, 'head')} in {name}")
    return f"direct contributions alone mislead on {listing(parts)}"


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
            "centred": [_place(*v) for v in zip(rows["rank_direct"], rows["centred_size"], strict=True)],
            "causal": [_place(*v) for v in zip(rows["rank_causal"], rows["causal_size"], strict=True)],
            "indirect share": [number(v) for v in rows["indirect_share"]],
            "why": [short_reason(v) for v in rows["explanation"]],
        }
    )
    reasons = rows["reason"].value_counts()
    note = (
        "Of each seed the heads whose place among its heads differs most. Raw and centred (direct), causal (Shapley): "
        f"place, and mean size in logits. Indirect share (ψ − d) / (|ψ| + |d|), mean over texts; {size_note(run)}; its "
        f"interval is in the profiles. {REASONS}"
    )
    told = listing([f"{name} ({n})" for name, n in reasons.items()])
    title = f"Heads on which direct and causal methods part, by reason: {told}"
    left = ("head", "seed", "reason", "why")
    return make_table(table, {}, anchor="table-parting", title=title, note=note, source="head_disagreement", left=left)


def _place(rank: float, size: float) -> str:
    return f"{number(rank, 0 if float(rank).is_integer() else 1)}. ({number(size)})"


def _matches(run: RunTables) -> Paragraph | None:
    """How alike heads of different seeds are, once matched by the words they carry."""
    told = []
    for variant in run.variants:
        pairs = match_quality(run, variant)
        cosine, others = spread(pairs["cosine"]), spread(pairs["others"])
        if cosine is None:
            continue
        against = "" if others is None else f", {_between(others)} with the other heads of the layer"
        told.append(f"{_between(cosine)}{against} in {run.label(*variant)}")
    if not told:
        return None
    text = (
        f"Mean cosine of the heads' word profiles (mean causal crosswalk cells): {'; '.join(told)}. Each range is over "
        "pairs of seeds."
    )
    links = (Link(label="matches", anchor="table-file-head_matches"),)
    return Paragraph(text, links, lead="Heads of different seeds, matched within a layer by the words they carry.")


def _between(found: Spread) -> str:
    low, high = number(found.low), number(found.high)
    return low if low == high else f"{low} to {high}"
