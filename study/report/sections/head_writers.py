"""Which components write what: kinds, what a score hides, head shares, and the words that heads write for."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Figure, Heading, Table, anchor_of
from study.report.figures.components import paint_hidden, paint_kinds
from study.report.figures.heads import paint_centring, paint_profiles, paint_shares
from study.report.figures.palette import method_label
from study.report.figures.style import clip, draw
from study.report.inputs import LIME, RunTables, Variant
from study.report.measures import (
    BASES,
    basis_of,
    estimate,
    global_words,
    head_profiles,
    head_sizes,
    hidden_by_seed,
    kind_shares,
    largest_cell,
    row_sizes,
    spread,
)
from study.report.notes import interval_note, size_note
from study.report.numbers import listing, percent, percent_range, signed, with_interval
from study.report.tables import make_table


def writer_blocks(run: RunTables) -> list[Block]:
    """Kinds, head shares, raw against centred, profiles, and what the scores hide; direct contributions only."""
    kinds, hidden, shares, centring = _kinds(run), _hidden(run), _shares(run), _centring(run)
    blocks: list[Block] = [b for b in (kinds, hidden, _carriers(run)) if b]
    if blocks:
        blocks = [Heading("Who writes the effect of the words", "writers"), *blocks]
    named = [b for b in (shares, centring) if b]
    if named:
        blocks += [Heading("Heads by what they write", "head-names"), *named]
    profiles = [b for v in run.variants if (b := _profiles(run, v))]
    if profiles:
        blocks += [Heading("Which heads write for which words", "profiles"), *profiles]
    return blocks


def _kinds(run: RunTables) -> Figure | None:
    bars: dict[str, pd.Series] = {}
    parts = []
    for variant in run.variants:
        table = kind_shares(run, variant)
        for seed, row in table.iterrows():
            bars[f"{run.label(*variant)}, seed {seed}"] = row
        if not table.empty:
            heads = spread(table.T.groupby(level=0).sum().T.get("head", pd.Series(dtype=float)))
            if heads:
                parts.append(f"{percent_range(heads.low, heads.high)} in {run.label(*variant)}")
    if not bars:
        return None
    title = f"Heads write {listing(parts)} of what the words change" if parts else "Who writes what the words change"
    note = (
        f"Share of the summed |contribution − contribution to the empty text| of all components; {size_note(run)}, a "
        "bar a trained model. A direct contribution counts only what a component itself writes to the margin. No "
        "interval."
    )
    axis = "share of what the components write beyond the empty text"
    return draw("kinds", lambda: paint_kinds(bars, axis), title=title, note=note, source="components")


def _hidden(run: RunTables) -> Figure | None:
    points = {run.label(*v): row_sizes(run, v) for v in run.variants}
    points = {name: rows for name, rows in points.items() if not rows.empty and rows["written"].max() > 0}
    if not points:
        return None
    parts = []
    for variant in run.variants:
        lost = spread(hidden_by_seed(run, variant))
        if lost:
            parts.append(f"{percent_range(lost.low, lost.high)} in {run.label(*variant)}")
    note = (
        f"Each word of each text, SHAP crosswalk; {size_note(run)}; the darker, the more words (logarithmic). Along: "
        "sizes of the word's cells, summed. Up: size of its score. Named: words with the most hidden. No interval: "
        "a description."
    )
    title = f"A score hides what cancels: {listing(parts)} of what components write for a word"
    axis = ("written for the word by all components, logits", "left in its SHAP score, logits")
    return draw("hidden", lambda: paint_hidden(points, axis), title=title, note=note, source="crosswalk")


def _carriers(run: RunTables) -> Table | None:
    """Effective number of components, cancellation, and the hidden share, per variant and method."""
    rows = []
    for variant in run.variants:
        for method in (run.shap, LIME):
            spread_ = estimate(run, variant, "effective_components", method, "")
            kappa = estimate(run, variant, "cancellation", method, "")
            if spread_ is None and kappa is None:
                continue
            lost = spread(hidden_by_seed(run, variant)) if method == run.shap else None
            rows.append(
                {
                    "model": run.label(*variant),
                    "method": method_label(method),
                    "effective components": "–" if spread_ is None else _with(spread_),
                    "cancellation κ": "–" if kappa is None else _with(kappa),
                    "cancelled, by seed": "–" if lost is None else percent_range(lost.low, lost.high),
                }
            )
    if not rows:
        return None
    note = (
        "Effective components: exp of the entropy of a word's cell shares, 1 to the number of components. κ: "
        "Σ|cell| over |score| + ε, about 1 where components pull one way; ε, 1 % of what all words change (at least "
        "0.01 logits), keeps weak words finite and brings them below 1, so that an interval may reach below 1. Both "
        f"are means over texts of means over words weighted by |score|, with their {interval_note(run)}. Cancelled: "
        "1 − Σ|score| / Σ|cell| over all words, least to largest seed."
    )
    title = "How many components carry a word, and how much cancels"
    return make_table(pd.DataFrame(rows), {}, anchor="table-carriers", title=title, note=note, source="estimates")


def _with(row: pd.Series) -> str:
    return with_interval(row["estimate"], row["low"], row["high"])


def _shares(run: RunTables) -> Figure | None:
    tables = {run.label(*v): head_sizes(run, v) for v in run.variants}
    tables = {name: known for name, t in tables.items() if not (known := t[t["share"].notna()]).empty}
    heads = min((int(t["rank"].max()) for t in tables.values()), default=0)
    if heads < 2:  # one head writes all that heads write
        return None
    most = 2 if heads > 2 else 1
    parts = []
    for name, table in tables.items():
        top = spread(table[table["rank"] <= most].groupby("seed")["share"].sum())
        if top:
            parts.append(f"{percent_range(top.low, top.high)} in {name}")
    basis = BASES[basis_of(next(iter(tables.values())))]
    note = f"Share of the heads' summed mean |{basis}|; {size_note(run)}, one line per seed. No interval."
    who = "The two strongest heads write" if most == 2 else "The stronger of two heads writes"
    title = f"{who} {listing(parts)} of what heads write"
    axis = "share of the heads' mean size"
    return draw("head-shares", lambda: paint_shares(tables, axis), title=title, note=note, source="heads")


def _centring(run: RunTables) -> Figure | None:
    renamed = {"direct_raw": "raw", "direct_centred": "centred"}
    tables = {run.label(*v): head_sizes(run, v).rename(columns=renamed) for v in run.variants}
    tables = {name: t for name, t in tables.items() if not t.empty and t[["raw", "centred"]].notna().all().all()}
    if not tables:
        return None
    every = pd.concat(table.assign(name=name) for name, table in tables.items())
    drop = every.assign(lost=1 - every["centred"] / every["raw"].replace(0, float("nan"))).sort_values(
        "lost", ascending=False
    )
    first = drop.iloc[0]
    head = f"{first['component']} of {first['name']}, seed {first['seed']}"
    title = f"Most constant: {head}, loses {percent(float(first['lost']))} of its size by centring"
    if not first["lost"] > 0.1:
        title = "No head loses more than a tenth of its size by centring: little of what they write is constant"
    note = (
        f"Mean |direct contribution| of each head over texts; {size_note(run)}; colour: layer, shape: seed. Centred: "
        "minus the head's mean over the reference texts. On the dashed line centring changes nothing. No interval."
    )
    return draw("centring", lambda: paint_centring(tables, "mean size, logits"), title=title, note=note, source="heads")


def _profiles(run: RunTables, variant: Variant) -> Figure | None:
    table, _ = global_words(run, variant, most=8)
    words = list(table.index[::-1])
    profiles = head_profiles(run, variant, words)
    profiles = {f"seed {seed}": t for seed, t in profiles.items() if t.notna().any().any()}
    if not profiles:
        return None
    parts = []
    for seed, profile in profiles.items():
        word, head, value = largest_cell(profile)
        parts.append(f"{head} for “{clip(word, 16)}” ({signed(value)}, {seed})")
    note = (
        f"{run.label(*variant)}: mean SHAP crosswalk cell over the word's occurrences, logits; "
        f"{size_note(run, [variant])}; the words that count most over all texts. Small cells carry no number. "
        "Columns of different seeds are different heads. No interval."
    )
    name = anchor_of("profiles", run.label(*variant))
    axis = "head (layer and number, per seed)"
    return draw(
        name,
        lambda: paint_profiles(profiles, axis),
        title=f"Strongest word and head in {run.label(*variant)}: {'; '.join(parts)}",
        note=note,
        source="crosswalk",
    )
