"""Finding: the strongest words against the strongest heads, removed on one scale."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.report.blocks import Link, Paragraph
from study.report.figures.palette import head_method_label, method_label
from study.report.findings import estimate_text, missing, per_variant
from study.report.head_measures import removal_at, removal_name
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.numbers import THIN, listing, number, plural

QUARTER = 25.0  # % of words or heads removed where the two are compared
FEW = 4  # heads: of fewer, a quarter is more than a quarter
# What finding, title and picture quote, the first that a run has. The game of shapley_margin is the margin itself,
# with words present and heads mean-ablated: what the curve of heads measures.
MAIN_METHODS = {
    "words": (*SHAPLEY_METHODS, LIME),
    "heads": ("shapley_margin", "shapley", "ablation_mean", "direct_centred"),
}


def main_method(unit: str, known: Iterable[str]) -> str | None:
    """The method that stands for words or for heads, of those known; None where none of them can."""
    methods = set(known)
    return next((m for m in MAIN_METHODS[unit] if m in methods), None)


def removal_finding(run: RunTables) -> Paragraph:
    """A quarter of the words against a quarter of the heads: one costs more only where the intervals part."""
    pairs = {v: pair for v in run.variants if (pair := _quarter(run, v))}
    if not pairs:
        return missing("Do a prediction's strongest words or its strongest heads cost more when removed?")

    def say(variant: Variant) -> str | None:
        if variant not in pairs:
            return None
        words, heads = pairs[variant]
        return (
            f"{estimate_text(words)} with the words ({method_label(words['method'])}), {estimate_text(heads)} with "
            f"the heads ({head_method_label(heads['method'])})"
        )

    verdicts = {_more(words, heads) for words, heads in pairs.values()}
    links = tuple(Link(label=f"curves of {run.label(*v)}", anchor=f"fig-{removal_name(run, v)}") for v in pairs)
    few = few_heads_note(run, list(pairs))
    return Paragraph(
        f"Margin lost, logits, without the {QUARTER:g}{THIN}% of either that support the prediction most. "
        f"{per_variant(run, say)}.{few}",
        links,
        lead=_removal_lead(verdicts),
    )


def _quarter(run: RunTables, variant: Variant) -> tuple[pd.Series, pd.Series] | None:
    """The margin lost with a quarter of the words and of the heads; None where either is missing."""
    found = []
    for unit, methods in MAIN_METHODS.items():
        rows = {m: removal_at(run, variant, unit, m, QUARTER) for m in methods}
        method = main_method(unit, [m for m, row in rows.items() if row is not None])
        row = None if method is None else rows[method]
        if row is None:
            return None
        found.append(row)
    return found[0], found[1]


def real_shares(run: RunTables, variant: Variant, unit: str) -> pd.Series:
    """By percent named: the mean over texts of the percent really removed, ceil(share × units) of them; sorted."""
    rows = pick(run.of("removal_curves", *variant), unit=unit)
    rows = rows[(rows["fraction"] > 0) & (rows["n_units"] > 0)]
    share = 100 * rows["n_removed"].astype(float) / rows["n_units"].astype(float)
    return share.groupby(100 * rows["fraction"].astype(float)).mean().sort_index()


def shares_note(run: RunTables, variant: Variant) -> str:
    """How far rounding up moves the steps, by unit; empty where it moves none."""
    told = []
    for unit in MAIN_METHODS:
        shares = real_shares(run, variant, unit)
        moved = [f"{number(v, 0)} (for {p:g})" for p, v in shares.items() if abs(v - float(str(p))) >= 0.5]
        told += [f"of {unit} {listing(moved)}"] if moved else []
    return (
        f" Counts are rounded up, so that on average these percents are really removed: {'; '.join(told)}."
        if told
        else ""
    )


def few_heads_note(run: RunTables, variants: list[Variant]) -> str:
    """What a step means in models with fewer than `FEW` heads; empty where every model has more."""
    told = {}
    for variant in variants:
        counts = pick(run.of("removal_curves", *variant), unit="heads")["n_units"].dropna()
        n = int(counts.max()) if len(counts) else FEW
        if 0 < n < FEW:
            told[run.label(*variant)] = n
    if not told:
        return ""
    counts_text = listing([f"{name} has {plural(n, 'head')}" for name, n in told.items()])
    return f" No quarter of so few heads can be removed: {counts_text}, and its first step removes a whole one."


_MORE = {
    "words": "Removing the strongest quarter of the words costs more of the margin than that of the heads",
    "heads": "Removing the strongest quarter of the heads costs more of the margin than that of the words",
}
_OPEN = {"overlap": "the intervals overlap", "no interval": "an interval is missing"}


def _removal_lead(verdicts: set[str]) -> str:
    clear = verdicts & set(_MORE)
    if not clear:
        reasons = [reason for verdict, reason in _OPEN.items() if verdict in verdicts]
        return f"Whether removing the strongest words or heads costs more stays open: {' or '.join(reasons)}."
    if len(clear) > 1:
        return "Whether removing the strongest words or heads costs more depends on the model."
    rest = "" if clear == verdicts else ", in part of the models; in the others it stays open"
    return f"{_MORE[clear.pop()]}{rest}."


def _more(words: pd.Series, heads: pd.Series) -> str:
    bounds = np.array([words["low"], words["high"], heads["low"], heads["high"]], dtype=float)
    if not np.isfinite(bounds).all():
        return "no interval"
    return "words" if bounds[0] > bounds[3] else "heads" if bounds[2] > bounds[1] else "overlap"
