"""Findings about heads by both kinds of evidence, and about words and heads removed on one scale."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Link, Paragraph
from study.report.figures.style import method_label
from study.report.findings import Variant, agreement_word, estimate_text, missing, per_variant
from study.report.head_measures import (
    MAIN_PAIR,
    PARTING,
    class_counts,
    head_agreement,
    removal_at,
    removal_name,
    worst_partners,
)
from study.report.inputs import LIME, SHAP, RunTables
from study.report.numbers import THIN, listing, number, percent_range, plural

QUARTER = 25.0  # % of words or heads removed where the two are compared


def causal_finding(run: RunTables) -> Paragraph:
    """Whether what heads write ranks them as what is lost without them does, with the interval of the agreement."""
    rows = {v: head_agreement(run, v, *MAIN_PAIR) for v in run.variants}
    known = [float(r["estimate"]) for r in rows.values() if r is not None]
    if not known:
        return missing("Does what a head writes tell what is lost without it?")
    sizes = {v: head_agreement(run, v, *MAIN_PAIR, sizes=True) for v in run.variants}

    def say(variant: Variant) -> str | None:
        row, size = rows[variant], sizes[variant]
        if row is None:
            return None
        more = "" if size is None else f" (of sizes {estimate_text(size)})"
        return f"{estimate_text(row)}{more}"

    words = list(dict.fromkeys(agreement_word(v) for v in known))
    links = (Link(label="scatter", anchor="fig-direct-causal"), Link(label="matrix", anchor="fig-head-agreement"))
    return Paragraph(
        "Spearman over the heads of a text, direct contribution beyond the empty text against the head's Shapley "
        f"value. {per_variant(run, say)}.",
        links,
        lead=f"What heads write and what is lost without them rank heads {' or '.join(words)}.",
    )


def classes_finding(run: RunTables) -> Paragraph:
    """How many heads are not what their direct contribution says, by class, and what became of null ones."""
    counts = {v: class_counts(run, v) for v in run.variants}
    known = {v: t for v, t in counts.items() if not t.empty}
    if not known:
        return missing("Which heads act through others?")

    def say(variant: Variant) -> str | None:
        if variant not in known:
            return None
        totals = known[variant].sum()
        parts = [f"{int(totals[c])} {c}" for c in totals.index if totals[c]]
        return f"of {plural(int(totals.sum()), 'head')} {listing(parts)}"

    shares = pd.concat([t[[c for c in PARTING if c in t]].sum(axis=1) / t.sum(axis=1) for t in known.values()])
    span = percent_range(float(shares.min()), float(shares.max()))
    links = (Link(label="classes", anchor="table-classes"), Link(label="where they part", anchor="table-parting"))
    return Paragraph(
        f"Heads of all seeds by class. {per_variant(run, say)}.{_nulls(run)}",
        links,
        lead=f"Direct contributions alone mislead on {span} of the heads: indirect, backup or cancelling.",
    )


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


def removal_finding(run: RunTables) -> Paragraph:
    """A quarter of the words against a quarter of the heads: more is lost only where the intervals part."""
    pairs = {}
    for variant in run.variants:
        word = next((m for m in (SHAP, LIME) if removal_at(run, variant, "words", m, QUARTER) is not None), None)
        head = removal_at(run, variant, "heads", MAIN_PAIR[1], QUARTER)
        if word is not None and head is not None:
            pairs[variant] = (word, removal_at(run, variant, "words", word, QUARTER), head)
    if not pairs:
        return missing("Do a prediction's strongest words or its strongest heads carry more of it?")

    def say(variant: Variant) -> str | None:
        if variant not in pairs:
            return None
        name, words, heads = pairs[variant]
        return f"{estimate_text(words)} with the words ({method_label(name)}), {estimate_text(heads)} with the heads"

    verdicts = {_more(words, heads) for _, words, heads in pairs.values()}
    links = tuple(Link(label=f"curves of {run.label(*v)}", anchor=f"fig-{removal_name(run, v)}") for v in pairs)
    return Paragraph(
        f"Margin lost, logits, with the strongest {QUARTER:g}{THIN}% of either; heads by Shapley value. "
        f"{per_variant(run, say)}.",
        links,
        lead=_removal_lead(verdicts),
    )


_MORE = {
    "words": "The strongest quarter of the words carries more of the margin than that of the heads",
    "heads": "The strongest quarter of the heads carries more of the margin than that of the words",
}
_OPEN = {"overlap": "the intervals overlap", "no interval": "an interval is missing"}


def _removal_lead(verdicts: set[str]) -> str:
    clear = verdicts & set(_MORE)
    if not clear:
        reasons = [reason for verdict, reason in _OPEN.items() if verdict in verdicts]
        return f"Whether the strongest words or the strongest heads carry more stays open: {' or '.join(reasons)}."
    if len(clear) > 1:
        return "Whether the strongest words or the strongest heads carry more depends on the model."
    rest = "" if clear == verdicts else ", in part of the models; in the others it stays open"
    return f"{_MORE[clear.pop()]}{rest}."


def _more(words: pd.Series, heads: pd.Series) -> str:
    bounds = np.array([words["low"], words["high"], heads["low"], heads["high"]], dtype=float)
    if not np.isfinite(bounds).all():
        return "no interval"
    return "words" if bounds[0] > bounds[3] else "heads" if bounds[2] > bounds[1] else "overlap"
