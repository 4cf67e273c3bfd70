"""The finding about heads by both kinds of evidence: their classes by layer, and how far the two rank them alike."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Link, Paragraph
from study.report.findings import agreement_said, agreement_word, capital, estimate_text, missing, per_variant
from study.report.head_measures import MAIN_PAIR, PARTING, UNDECIDED, class_counts, head_agreement, worst_partners
from study.report.inputs import RunTables, Variant
from study.report.numbers import listing, number, percent_range, plural


def causal_finding(run: RunTables) -> Paragraph:
    """Which heads are not what they write, layer by layer, and whether writing ranks heads as their loss does."""
    counts = {v: t for v in run.variants if not (t := class_counts(run, v)).empty}
    ranks = {v: row for v in run.variants if (row := head_agreement(run, v, *MAIN_PAIR)) is not None}
    leads, text, links = [], [], []
    if counts:
        leads.append(_classes_lead(counts))
        text.append(f"Heads of all seeds: {classes_by_layer(run)}.{_not_judged(run)}{_last_layer(counts)}{_nulls(run)}")
        links += [Link(label="classes", anchor="table-classes"), Link(label="scatter", anchor="fig-direct-causal")]
    if ranks:
        leads.append(_rank_lead(run, ranks))
        text.append(_rank_text(run, ranks))
        links.append(Link(label="matrix", anchor="fig-head-agreement"))
    if not leads:
        return missing("Does what a head writes tell what is lost without it?")
    return Paragraph(" ".join([text[0], *leads[1:], *text[1:]]), tuple(links), lead=leads[0])


def _classes_lead(counts: dict[Variant, pd.DataFrame]) -> str:
    """The share of heads, by seed, that direct contributions do not show, the classes that they have, and the doubt.

    A seed in which no head is decided has no share: 0 would say that direct contributions show all of its heads.
    """
    totals = pd.concat([t.groupby("seed").sum() for t in counts.values()]).fillna(0)
    heads, open_ = totals.sum(axis=1), totals.get(UNDECIDED, pd.Series(0, index=totals.index))
    doubt = f"undecided for {int(open_.sum())} of {plural(int(heads.sum()), 'head')}"
    if open_.sum() == heads.sum():
        return f"Whether direct contributions show what heads do is {doubt}."
    rest = f"; {doubt}" if open_.sum() else ""
    found = [c for c in PARTING if c in totals and totals[c].sum()]
    if not found:
        return f"No head is called {listing(list(PARTING)).replace(' and ', ' or ')}{rest}."
    shares = (totals[found].sum(axis=1) / heads)[open_.to_numpy() < heads.to_numpy()]
    span = percent_range(float(shares.min()), float(shares.max()))
    return (
        f"Direct contributions leave out most of what {span} of the heads do: they are "
        f"{listing(found).replace(' and ', ' or ')}{rest}."
    )


def _not_judged(run: RunTables) -> str:
    """Why no verdict was tried, where the run lacks what verdicts weigh; else empty."""
    reasons = dict.fromkeys(str(v) for v in run.tables["profiles"]["reason"] if str(v).startswith("not judged"))
    return "".join(f" {capital(reason)}." for reason in reasons)


def classes_by_layer(run: RunTables) -> str:
    """ "In mlp, all 12 heads of layer 0 are indirect and all 12 heads of layer 1 are direct": heads of all seeds."""

    def say(variant: Variant) -> str | None:
        counts = class_counts(run, variant)
        if counts.empty:
            return None
        found: list[tuple[list[int], pd.Series]] = []
        for layer, row in counts.groupby("layer").sum().iterrows():
            row = row[row > 0]
            if found and len(row) == 1 and list(found[-1][1].index) == list(row.index):  # layers alike, told as one
                found[-1] = ([*found[-1][0], int(layer)], found[-1][1] + row)
            else:
                found.append(([int(layer)], row))
        return listing([_layer_text(layers, row) for layers, row in found])

    told = per_variant(run, say)
    return told[:1].lower() + told[1:]


def _layer_text(layers: list[int], counts: pd.Series) -> str:
    where = f"layer {layers[0]}" if len(layers) == 1 else f"layers {layers[0]} to {layers[-1]}"
    counts = counts.sort_values(ascending=False, kind="stable").astype(int)
    total, name, most = int(counts.sum()), counts.index[0], int(counts.iloc[0])
    if total == 1:
        return f"the head of {where} is {name}"
    if len(counts) == 1:
        return f"all {total} heads of {where} are {name}"
    rest = ", ".join(f"{n} {other}" for other, n in counts.iloc[1:].items())
    return f"{most} of the {total} heads of {where} {'is' if most == 1 else 'are'} {name} ({rest})"


def _last_layer(counts: dict[Variant, pd.DataFrame]) -> str:
    """What a direct last layer does not prove; empty where it is not direct everywhere."""
    for table in counts.values():
        last = table.groupby("layer").sum().iloc[-1]
        if last.idxmax() != "direct":
            return ""
    return " After heads of the last layer come only its MLP, if it has one, and LayerNorm: little can act through it."


def _rank_lead(run: RunTables, ranks: dict[Variant, pd.Series]) -> str:
    """How alike they rank heads, in a word only where both ends of the interval give the same word."""
    names: dict[str, list[str]] = {}
    for variant, row in ranks.items():
        names.setdefault(agreement_verdict(row), []).append(run.label(*variant))
    clear = [f"{word} in {listing(told)}" for word, told in names.items() if word]
    left = listing(names.get("", []))
    if not clear:
        return f"Whether what heads write and what is lost without them rank heads alike stays open in {left}."
    rest = f"; in {left} it stays open" if left else ""
    return f"What heads write and what is lost without them rank heads {listing(clear)}{rest}."


def agreement_verdict(row: pd.Series) -> str:
    """What both ends of the interval of a rank correlation say: "weakly alike", "weakly to partly alike".

    An interval that holds 0 has a word where both ends have the same one; else, or where one is missing, it is empty.
    """
    if not (np.isfinite(row["low"]) and np.isfinite(row["high"])):
        return ""
    if row["low"] > 0:
        return agreement_said(row).replace("differently", "weakly alike").replace("a little to", "weakly to")
    low, high = agreement_word(row["low"]), agreement_word(row["high"])
    return low if low == high else ""


def _rank_text(run: RunTables, ranks: dict[Variant, pd.Series]) -> str:
    def say(variant: Variant) -> str | None:
        if variant not in ranks:
            return None
        size = head_agreement(run, variant, *MAIN_PAIR, sizes=True)
        more = "" if size is None else f" (of sizes {estimate_text(size)})"
        return f"{estimate_text(ranks[variant])}{more}"

    return (
        "Spearman over the heads of a text, direct contribution against Shapley value, both beyond the reference "
        f"texts (weakly alike: above 0, partly: from 0.4, much: from 0.7, almost: from 0.9): {per_variant(run, say)}."
    ).replace(": In ", ": in ")


def _nulls(run: RunTables) -> str:
    """What null heads did on fresh texts; empty where none was tried."""
    tables = [worst_partners(run, v) for v in run.variants]
    changes = np.concatenate([t[["alone", "beside"]].to_numpy(dtype=float).ravel() for t in tables])
    if not np.isfinite(changes).any():
        return ""
    return (
        " Without a null head, alone or beside its worst partner, the margin of fresh texts changes by at most "
        f"{number(float(np.nanmax(changes)), 3)} logits on average."
    )
