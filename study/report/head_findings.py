"""Findings about components and heads: who carries a word, who writes the margin, and what is only constant."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Link, Paragraph
from study.report.findings import capital, estimate_text, missing, numbers_of, per_variant
from study.report.inputs import RunTables, Variant
from study.report.measures import BASES, Spread, basis_of, estimate, head_sizes, hidden_by_seed, kind_shares, spread
from study.report.numbers import listing, number, percent, percent_range, signed_percent_range

_NAMES = {"head": "heads", "mlp": "MLPs", "embed": "the embedding", "bias": "biases"}


def carriers_finding(run: RunTables) -> Paragraph:
    """How many components carry a word, and how much of what they write cancels."""
    rows = {v: estimate(run, v, "effective_components", run.shap, "") for v in run.variants}
    hidden = {v: spread(hidden_by_seed(run, v)) for v in run.variants}
    known = [row for row in rows.values() if row is not None]
    if not known:
        return missing("How many components carry a word?")
    parts = {v: run.of("crosswalk", *v)["component"].nunique() for v, row in rows.items() if row is not None}

    def say(variant: Variant) -> str | None:
        row, lost = rows[variant], hidden[variant]
        if row is None:
            return None
        more = "" if lost is None else f", and {percent_range(lost.low, lost.high)} of what they write cancels"
        return f"{estimate_text(row, 1)} components{f' of {n}' if (n := parts[variant]) else ''}{more}"

    lead = _carriers_lead(known, [lost for lost in hidden.values() if lost is not None], list(parts.values()))
    links = (Link(label="what the score hides", anchor="fig-hidden"), Link(label="numbers", anchor="table-carriers"))
    text = f"Effective number of components per word, and what cancels (range over seeds). {per_variant(run, say)}."
    return Paragraph(text, links, lead=lead)


def _carriers_lead(rows: list[pd.Series], hidden: list[Spread], parts: list[int]) -> str:
    """How many components carry a word, where intervals leave out that it is one alone; and whether any cancel.

    parts: how many components the models have, 0 where no table says so.
    """
    cancels = bool(hidden) and min(lost.low for lost in hidden) > 0
    more = ", and part of what they write cancels" if cancels else ""
    if not all(row["low"] > 1 for row in rows):  # a missing bound compares false
        return f"Whether one component or several carry a word stays open{more}."
    low, high = (number(float(end(row["estimate"] for row in rows)), 0) for end in (min, max))
    of = f" of {min(parts)}{f' to {max(parts)}' if max(parts) > min(parts) else ''}" if min(parts) else ""
    return f"A word is carried by {f'about {low}' if low == high else f'{low} to {high}'}{of} components{more}."


def writers_finding(run: RunTables) -> Paragraph:
    """Who writes what the words change: kinds of components, then heads by name, and what is only constant."""
    sizes = {v: s for v in run.variants if (s := head_sizes(run, v))["share"].notna().any()}
    told = [part for part in (_kinds(run), _strongest(run, sizes)) if part]
    if not told:
        return missing("Which components write the margin?")
    leads = [lead for lead, _ in told if lead]
    links = (
        Link(label="kinds", anchor="fig-kinds"),
        Link(label="shares", anchor="fig-head-shares"),
        Link(label="raw and centred", anchor="fig-centring"),
    )
    text = "".join(f"{text} " for _, text in told) + _centring(run, sizes)
    return Paragraph(text.rstrip(), links, lead=capital(f"{'; '.join(leads)}."))


def _kinds(run: RunTables) -> tuple[str, str] | None:
    """Shares of heads, MLPs and embedding in what the words change, per variant: what leads, and all of them."""
    told_first: list[str] = []

    def say(variant: Variant) -> str | None:
        table = kind_shares(run, variant)
        if table.empty:
            return None
        by_kind = table.T.groupby(level=0, sort=False).sum().T
        means = by_kind.mean().sort_values(ascending=False, kind="stable")
        told_first.extend(str(kind) for kind in by_kind.idxmax(axis=1))
        parts = [(_NAMES[str(k)], spread(by_kind[k])) for k in means.index]
        return listing([f"{name} {percent_range(s.low, s.high)}" for name, s in parts if s and s.high >= 0.01])

    told = per_variant(run, say)
    if not told:
        return None
    kinds = list(dict.fromkeys(told_first))
    verb = "writes" if kinds[0] == "embed" else "write"
    lead = f"{_NAMES[kinds[0]]} {verb} the largest share of what the words change"
    if len(kinds) > 1:
        lead = "who writes the largest share of what the words change depends on the model or its training seed"
    return lead, f"Shares of what components contribute beyond the empty text (range over seeds). {told}."


def _strongest(run: RunTables, sizes: dict[Variant, pd.DataFrame]) -> tuple[str, str] | None:
    """The strongest head of every seed by name, and whether it writes more than half; nothing among fewer than 3."""
    known = {v: s for v, s in sizes.items() if s["rank"].max() > 2}
    if not known:
        return None

    def say(variant: Variant) -> str | None:
        if variant not in known:
            return None
        first = known[variant][(known[variant]["rank"] == 1) & known[variant]["share"].notna()]
        return listing([f"{r.component} {percent(r.share)} (seed {r.seed})" for r in first.itertuples()])

    tops = [float(s[s["rank"] == 1]["share"].max()) for s in known.values()]
    where = "in some model one head" if max(tops) > 0.5 else "no head"
    several = max(s["seed"].nunique() for s in known.values()) > 1
    tail = " A head's number means nothing across seeds, so none is averaged." if several else ""
    basis = BASES[basis_of(next(iter(known.values())))]
    text = f"The strongest head and its share of what heads write, by {basis}. {per_variant(run, say)}.{tail}"
    return f"{where} does more than half of the heads' writing", text


def _centring(run: RunTables, sizes: dict[Variant, pd.DataFrame]) -> str:
    """What centring does to the heads' mean sizes, range over seeds: it takes away, unless some of them grow."""
    changes = {v: change for v, table in sizes.items() if (change := _size_change(table))}
    if not changes:
        return ""
    if all(change.high <= 0 for change in changes.values()):
        told = numbers_of(run, lambda v: percent_range(-changes[v].high, -changes[v].low) if v in changes else None)
        return f"Centring takes away {told} of the heads' raw size; what is constant explains nothing."
    told = numbers_of(run, lambda v: signed_percent_range(changes[v].low, changes[v].high) if v in changes else None)
    return f"Centring changes the heads' raw size by {told}."


def _size_change(sizes: pd.DataFrame) -> Spread | None:
    """Relative change of the heads' mean size by centring: −0.3 is 30 % smaller."""
    total = sizes.groupby("seed")[["direct_raw", "direct_centred"]].sum(min_count=1)
    return spread(total["direct_centred"] / total["direct_raw"].replace(0, np.nan) - 1)
