"""Findings about the words: plain sentences by rules from the tables; every number in them comes from a table.

A finding without evidence in the run says that it is missing; one whose intervals overlap says inconclusive.
Findings about components and heads are in `head_findings.py`, those about accuracy and untrained weights in
`accuracy.py` and `controls.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.records import UNSIGNED_METHODS
from study.report.blocks import Link, Paragraph
from study.report.figures.palette import method_label
from study.report.inputs import LIME, RunTables, Variant
from study.report.measures import estimate, hidden_by_seed, spread
from study.report.numbers import interval, listing, number, percent, percent_range, with_interval

_DOUBTS = {"overlap": "the intervals overlap", "no interval": "there are too few texts for an interval"}


def missing(what: str) -> Paragraph:
    """The finding of a run that lacks what it needs."""
    return Paragraph("This run has no evidence.", tone="muted", lead=what if what.endswith("?") else f"{what}.")


def per_variant(run: RunTables, say: Callable[[Variant], str | None]) -> str:
    """One clause a variant ("In encoder, ...; in attention-only, ..."), what is the same told once.

    Empty where no variant has evidence.
    """
    told: dict[str, list[str]] = {}
    for variant in run.variants:
        if clause := say(variant):
            told.setdefault(clause, []).append(run.label(*variant))
    if len(run.variants) == 1:
        return capital(next(iter(told), ""))
    return capital("; ".join(f"in {listing(names)}, {clause}" for clause, names in told.items()))


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def numbers_of(run: RunTables, say: Callable[[Variant], str | None]) -> str:
    """One number a variant ("0.93 [0.92, 0.94] (encoder) and ..."); empty where none has evidence."""
    told = [(run.label(*v), clause) for v in run.variants if (clause := say(v))]
    if len(run.variants) == 1:
        return told[0][1] if told else ""
    return listing([f"{clause} ({name})" for name, clause in told])


def estimate_text(row: pd.Series, decimals: int = 2) -> str:
    return with_interval(row["estimate"], row["low"], row["high"], decimals)


def agreement_word(rho: float) -> str:
    """How a rank correlation is called in words."""
    steps = ((0.9, "almost alike"), (0.7, "much alike"), (0.4, "partly alike"))
    return next((words for floor, words in steps if rho >= floor), "differently")


def answer(run: RunTables) -> str:
    """The whole page in one sentence, about the first variant that has the numbers."""
    for variant in run.variants:
        row = estimate(run, variant, "spearman", run.shap, LIME)
        hidden = spread(hidden_by_seed(run, variant))
        if row is None or hidden is None:
            continue
        effective = estimate(run, variant, "effective_components", run.shap, "")
        carried = "" if effective is None else f" over {number(effective['estimate'], 1)} components on average"
        return (
            f"SHAP and LIME rank the words of a text {agreement_word(row['estimate'])} (Spearman "
            f"{estimate_text(row)}), but a word's score is a sum{carried}, in which "
            f"{percent_range(hidden.low, hidden.high)} of what is written cancels before the score shows it "
            f"({run.label(*variant)})."
        )
    return "This run has no SHAP and LIME scores of the same texts, so it cannot say how they agree."


def agreement_finding(run: RunTables) -> Paragraph:
    """SHAP against LIME: rank correlation, and how many of the strongest words they share."""
    rows = {v: estimate(run, v, "spearman", run.shap, LIME) for v in run.variants}
    known = [r["estimate"] for r in rows.values() if r is not None]
    if not known:
        return missing("Do SHAP and LIME agree?")
    words = list(dict.fromkeys(agreement_word(v) for v in known))
    told = numbers_of(run, lambda v: None if rows[v] is None else estimate_text(rows[v]))
    k, shared = _shared_words(run)
    more = f" They share {shared} of a text's {k} strongest words." if shared else ""
    links = (Link(label="all metrics", anchor="table-agreement"), Link(label="matrix", anchor="fig-agreement"))
    lead = f"SHAP and LIME rank words {' or '.join(words)}."
    return Paragraph(f"Spearman over the words of a text is {told}.{more}", links, lead=lead)


def _shared_words(run: RunTables) -> tuple[int, str]:
    """Feature agreement at the middle k of the config, as percentages."""
    k = sorted(run.config.compare.top_k)[len(run.config.compare.top_k) // 2]
    rows = {v: estimate(run, v, f"feature_agreement_at_k{k}", run.shap, LIME) for v in run.variants}

    def say(variant: Variant) -> str | None:
        row = rows[variant]
        if row is None:
            return None
        return f"{percent(row['estimate'])} {interval(100 * row['low'], 100 * row['high'], 0)}".rstrip()

    return k, numbers_of(run, say)


def least_agreeing_finding(run: RunTables) -> Paragraph:
    """Which method agrees most and least with SHAP, unsigned methods by size.

    The random control is left out, and so is the shap package, which estimates the same values.
    """

    def ranked(variant: Variant) -> list[tuple[float, str, pd.Series]]:
        found = []
        for method in [m for m in run.methods() if m not in (*SHAPLEY_METHODS, "random")]:
            metric = "spearman_abs" if method in UNSIGNED_METHODS else "spearman"
            row = estimate(run, variant, metric, run.shap, method)
            if row is not None:
                found.append((float(row["estimate"]), method, row))
        return sorted(found, key=lambda item: item[0])

    orders = {v: ranked(v) for v in run.variants}
    orders = {v: order for v, order in orders.items() if len(order) > 1}
    if not orders:
        return missing("Which method agrees least with SHAP?")

    def name(method: str) -> str:
        return method_label(method) + (" (by size)" if method in UNSIGNED_METHODS else "")

    def say(variant: Variant) -> str | None:
        if variant not in orders:
            return None
        (_, least, low), (_, most, top) = orders[variant][0], orders[variant][-1]
        return f"{name(most)} comes first with {estimate_text(top)} and {name(least)} last with {estimate_text(low)}"

    worst = list(dict.fromkeys(name(order[0][1]) for order in orders.values()))
    unsigned = any(m in UNSIGNED_METHODS for order in orders.values() for _, m, _ in order)
    size = ", or of sizes where a method has no sign: such a value says less, and is not on the same scale"
    verb = "agrees" if len(worst) == 1 else "agree"
    links = (Link(label="matrix", anchor="fig-agreement"),)
    return Paragraph(
        f"Ordered by Spearman with SHAP{size if unsigned else ''}. {per_variant(run, say)}.",
        links,
        lead=f"{listing(worst)} {verb} least with SHAP.",
    )


def correctness_finding(run: RunTables) -> Paragraph:
    """Agreement on correct against wrong predictions: a difference only where the intervals part."""
    pairs = {v: [estimate(run, v, "spearman", run.shap, LIME, s) for s in ("correct", "wrong")] for v in run.variants}
    known = {v: (a, b) for v, (a, b) in pairs.items() if a is not None and b is not None}
    if not known:
        return missing("Does agreement tell right predictions from wrong ones?")
    verdicts = {_verdict(a, b) for a, b in known.values()}

    def say(variant: Variant) -> str | None:
        if variant not in known:
            return None
        right, wrong = known[variant]
        return f"it is {estimate_text(right)} where the model is right and {estimate_text(wrong)} where it is wrong"

    reasons = [reason for verdict, reason in _DOUBTS.items() if verdict in verdicts]
    doubt = f" Inconclusive: {' or '.join(reasons)}." if verdicts <= set(_DOUBTS) else ""
    links = (Link(label="by correctness", anchor="fig-correctness"), Link(label="confusion", anchor="table-confusion"))
    return Paragraph(
        f"The Spearman of SHAP and LIME by outcome. {per_variant(run, say)}.{doubt}",
        links,
        lead=_outcome_lead(verdicts),
    )


def _outcome_lead(verdicts: set[str]) -> str:
    clear = verdicts - set(_DOUBTS)
    if not clear:
        return "Whether agreement tells right predictions from wrong ones stays open."
    if len(clear) > 1:
        return "Whether agreement tells right from wrong depends on the model."
    rest = "" if clear == verdicts else ", in part of the models; in the others it stays open"
    return f"Where the model is wrong, SHAP and LIME agree {clear.pop()}{rest}."


def _verdict(right: pd.Series, wrong: pd.Series) -> str:
    """less, more (on wrong predictions), or one of the doubts."""
    bounds = [right["low"], right["high"], wrong["low"], wrong["high"]]
    if not np.isfinite(np.array(bounds, dtype=float)).all():
        return "no interval"
    return "less" if right["low"] > wrong["high"] else "more" if wrong["low"] > right["high"] else "overlap"
