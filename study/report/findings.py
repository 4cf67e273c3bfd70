"""Findings about the words: plain sentences by rules from the tables; every number in them comes from a table.

A finding without evidence in the run says that it is missing; one whose intervals overlap says inconclusive.
Findings about components and heads are in `head_findings.py`, those about accuracy and untrained weights in
`accuracy.py` and `controls.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.records import UNSIGNED_METHODS
from study.report.blocks import Link, Paragraph
from study.report.figures.palette import method_label
from study.report.inputs import LIME, RunTables, Variant
from study.report.measures import estimate, hidden_by_seed, spread
from study.report.numbers import listing, number, percent_range, with_interval

MOST_WORDS = 2  # for how alike they are, in one sentence
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


def agreement_said(row: pd.Series) -> str:
    """What both ends of an interval say: "much alike", "partly to much alike"; "" where it holds 0 or is missing."""
    if not np.isfinite([row["low"], row["high"]]).all() or row["low"] <= 0 <= row["high"]:
        return ""
    low, high = agreement_word(row["low"]), agreement_word(row["high"])
    return low if low == high else f"{low.removesuffix(' alike').replace('differently', 'a little')} to {high}"


def alike_text(rows: Sequence[pd.Series]) -> str:
    """How alike SHAP and LIME rank words in the models of these rows, as one sentence."""
    said = list(dict.fromkeys(agreement_said(row) for row in rows))
    clear = [words for words in said if words]
    if not clear:
        return "Whether SHAP and LIME rank words alike stays open: the interval holds 0 or is missing."
    if len(clear) > MOST_WORDS:
        return "How alike SHAP and LIME rank words depends on the model."
    rest = "" if len(clear) == len(said) else "; in other models it stays open"
    return f"SHAP and LIME rank words {' or '.join(clear)}{rest}."


def answer(run: RunTables) -> str:
    """The whole page in two sentences, about the first variant that has the numbers."""
    for variant in run.variants:
        row = estimate(run, variant, "spearman", run.shap, LIME)
        hidden = spread(hidden_by_seed(run, variant))
        if row is None or hidden is None:
            continue
        effective = estimate(run, variant, "effective_components", run.shap, "")
        carried = "" if effective is None else f" over {number(effective['estimate'], 1)} components on average"
        words = agreement_said(row)
        first = f"rank the words of a text {words}" if words else "may or may not rank the words of a text alike"
        return (
            f"SHAP and LIME {first} (Spearman "
            f"{estimate_text(row)}). A word's score is a sum{carried}, in which "
            f"{percent_range(hidden.low, hidden.high)} of what is written cancels before the score shows it "
            f"({run.label(*variant)})."
        )
    return "This run has no SHAP and LIME scores of the same texts, so it cannot say how they agree."


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

    worst = list(dict.fromkeys(name(method) for order in orders.values() for method in _contenders(order)))
    unsigned = any(m in UNSIGNED_METHODS for order in orders.values() for _, m, _ in order)
    size = ", or of sizes where a method has no sign: such a value says less, and is not on the same scale"
    links = (Link(label="matrix", anchor="fig-agreement"),)
    return Paragraph(
        f"Ordered by Spearman with SHAP{size if unsigned else ''}. {per_variant(run, say)}.",
        links,
        lead=_least_lead(worst, is_open=any(len(_contenders(order)) > 1 for order in orders.values())),
    )


def _contenders(order: list[tuple[float, str, pd.Series]]) -> list[str]:
    """The last method, and those whose interval meets the last one's; without an interval nothing tells them apart."""
    high = order[0][2]["high"]
    return [order[0][1], *[method for _, method, row in order[1:] if not row["low"] > high]]


def _least_lead(worst: list[str], *, is_open: bool) -> str:
    if is_open:
        some = f": {' or '.join(worst)}, whose intervals meet" if len(worst) <= 3 else ", as intervals meet"
        return f"Which method agrees least with SHAP stays open{some}."
    return f"{listing(worst)} {'agrees' if len(worst) == 1 else 'agree'} least with SHAP."


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
