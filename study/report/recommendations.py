"""Advice that follows from the score card: each rule has a threshold, and is checked rung by rung.

Advice stands on the first rung that has its numbers; where a later rung says otherwise, the same sentence says so.
Advice whose numbers are contrary on the first rung is listed as not supported; without numbers it is not mentioned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from study.report.blocks import Link, Paragraph
from study.report.figures.palette import head_method_label
from study.report.findings import capital
from study.report.inputs import LIME, RunTables, pick
from study.report.known_findings import told_methods
from study.report.known_head_findings import APART, CANCELLING, FOUND, highest, lowest, span
from study.report.numbers import listing, number, percent, plural
from study.report.score_measures import (
    DIRECT,
    DISTANCE,
    INDIRECT,
    LATENT,
    PRECISION,
    RUNGS,
    SIGN,
    judged_methods,
    label_of,
    place_names,
    values,
    variants_on,
)

CLEARLY = 0.15  # of a score: one method is better than another
HIDDEN = 0.25  # of the text's largest score: what the cells of a word's row must add up to where its score is near 0
FINDS = 0.95
NEAR = 0.05  # distance to the exact values


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one rung says: whether the advice holds there, and the numbers."""

    holds: bool
    text: str


Ask = Callable[[RunTables, str], Evidence | None]  # None: the rung has no numbers for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """lead: what to do, "{takers}" in it the methods of `better_at_which`. ask: whether a rung's numbers carry it.

    unit: where its figure is.
    """

    lead: str
    ask: Ask
    unit: str


def advice_blocks(run: RunTables) -> tuple[list[Paragraph], list[Paragraph]]:
    """(advice that the numbers carry, advice that they contradict)."""
    carried: list[Paragraph] = []
    contrary: list[Paragraph] = []
    takers = listing([label_of("words", m) for m in better_at_which(run)])
    for advice in ADVICE:
        found = {rung: said for rung in RUNGS if (said := advice.ask(run, rung)) is not None}
        if not found:
            continue
        first, *later = found
        text = f"{capital(first)}: {found[first].text}."
        for rung in later:
            same = found[rung].holds == found[first].holds
            text += f" {capital(rung)}, {'the same' if same else 'not so'}: {found[rung].text}."
        links = (Link(label="score card", anchor=f"fig-score-{advice.unit}-{first}"),)
        (carried if found[first].holds else contrary).append(
            Paragraph(text, links, lead=advice.lead.format(takers=takers))
        )
    return carried, contrary


def _row_not_score(run: RunTables, rung: str) -> Evidence | None:
    places = variants_on(run, "words", rung)
    rows = [pick(run.of("failures", *v), method=run.shap) for v in places]
    missed = pd.concat(rows) if rows else run.tables["failures"].iloc[:0]
    if missed.empty:
        return None
    names = place_names(run, [v for v, found in zip(places, rows, strict=True) if len(found)])
    hidden = missed["size"] / missed["largest"]
    near = float((missed["score"].abs() / missed["largest"]).max())
    text = (
        f"SHAP gives {plural(len(missed), 'word')} that {'decides' if len(missed) == 1 else 'decide'} (on "
        f"{listing(names)}) at most {percent(near, 1)} of its text's largest score, while the cells of the word's row "
        f"add up to {percent(float(hidden.median()))} of it in size (median)"
    )
    return Evidence(holds=float(hidden.median()) >= HIDDEN, text=text)


def _ask_which(run: RunTables, rung: str) -> Evidence | None:
    """Whether the methods that beat SHAP on the first rung are nowhere worse here."""
    takers = better_at_which(run)
    places = variants_on(run, "words", rung)
    ours = values(run, places, "words", PRECISION, run.shap)
    tables = {m: values(run, places, "words", PRECISION, m) for m in takers}
    if not takers or not ours or not all(tables.values()):
        return None
    worse = {m: [v for v in rows if rows[v]["estimate"] < ours[v]["estimate"] - APART] for m, rows in tables.items()}
    told = ", ".join(f"{label_of('words', m)} {span(rows)}" for m, rows in tables.items())
    return Evidence(holds=not any(worse.values()), text=f"precision at k is {told}, SHAP {span(ours)}")


def better_at_which(run: RunTables) -> list[str]:
    """Methods that find the words that decide in every task of the first rung, where SHAP misses some."""
    for rung in RUNGS:
        places = variants_on(run, "words", rung)
        ours = values(run, places, "words", PRECISION, run.shap)
        if not ours:
            continue
        if lowest(ours) > FINDS - APART:
            return []
        tables = {m: values(run, places, "words", PRECISION, m) for m in told_methods(run) if m != run.shap}
        return [m for m, rows in tables.items() if len(rows) == len(ours) and lowest(rows) >= FINDS]
    return []


def _ask_how_much(run: RunTables, rung: str) -> Evidence | None:
    places = variants_on(run, "words", rung)
    ours = values(run, places, "words", DISTANCE, run.shap)
    others = {m: values(run, places, "words", DISTANCE, m) for m in told_methods(run) if m != run.shap}
    others = {m: rows for m, rows in others.items() if rows}
    if not ours or not others:
        return None
    next_best = min(others, key=lambda m: highest(others[m]))
    text = (
        f"the distance to the exact values is {span(ours)} for SHAP, {span(others[next_best])} for "
        f"{label_of('words', next_best)}, the next"
    )
    return Evidence(holds=highest(ours) <= NEAR < highest(others[next_best]), text=text)


def _no_gradient_signs(run: RunTables, rung: str) -> Evidence | None:
    places = variants_on(run, "words", rung)
    gradient, ours, lime = (values(run, places, "words", SIGN, m) for m in ("gradient_x_input", run.shap, LIME))
    if not gradient or not ours or not lime:
        return None
    text = f"words pushed to the right side: {span(gradient)}, SHAP {span(ours)}, LIME {span(lime)}"
    return Evidence(holds=min(lowest(ours), lowest(lime)) >= FINDS > lowest(gradient) + CLEARLY, text=text)


def _feeding_heads(run: RunTables, rung: str) -> Evidence | None:
    return _better(run, rung, INDIRECT, ("ablation_mean", "crosswalk_causal"), "direct_centred")


def _against_the_mean(run: RunTables, rung: str) -> Evidence | None:
    return _better(run, rung, DIRECT, ("ablation_mean",), "ablation_zero")


def _centred(run: RunTables, rung: str) -> Evidence | None:
    return _better(run, rung, DIRECT, ("direct_centred",), "direct_raw")


def _better(run: RunTables, rung: str, metric: str, good: Sequence[str], bad: str) -> Evidence | None:
    """Whether every method in `good` beats `bad` clearly in every task of the rung."""
    places = variants_on(run, "heads", rung)
    base = values(run, places, "heads", metric, bad)
    tables = {m: values(run, places, "heads", metric, m) for m in good if m in judged_methods(run, "heads")}
    tables = {m: rows for m, rows in tables.items() if rows}
    if not base or not tables:
        return None
    holds = all(rows[v]["estimate"] >= base[v]["estimate"] + CLEARLY for rows in tables.values() for v in base)
    told = ", ".join(f"{head_method_label(m)} {span(rows)}" for m, rows in tables.items())
    return Evidence(holds=holds, text=f"AUROC {told}; {head_method_label(bad)} {span(base)}")


def _no_attention_norm(run: RunTables, rung: str) -> Evidence | None:
    rows = values(run, variants_on(run, "heads", rung), "heads", DIRECT, "attention_norm")
    if not rows:
        return None
    text = f"its AUROC for the heads that write the answer is {span(rows)}; guessing gives 0.5"
    return Evidence(holds=highest(rows) < 0.5, text=text)


def _look_for_pairs(run: RunTables, rung: str) -> Evidence | None:
    places = variants_on(run, "heads", rung)
    rows = pd.concat([run.of("pairs", *v) for v in places]) if places else run.tables["pairs"].iloc[:0]
    if rows.empty or not rows["truth"].any():
        return None
    right, wrong = rows[rows["truth"]], rows[~rows["truth"]]
    found, false = int(right["found"].sum()), int(wrong["found"].sum())
    text = f"{found} of {plural(len(right), 'pair')} that undo each other found, and {false} of {len(wrong)} others"
    single = values(run, places, "heads", CANCELLING, "ablation_mean")
    text += f"; the cancelling error of mean ablation is {span(single)}" if single else ""
    return Evidence(holds=found == len(right) and false == 0, text=text)


def _pairs_for_spares(run: RunTables, rung: str) -> Evidence | None:
    places = variants_on(run, "heads", rung)
    rows = values(run, places, "heads", LATENT, "ablation_zero_pairs")
    single = values(run, places, "heads", LATENT, "ablation_zero")
    if not rows or not single:
        return None
    text = f"AUROC {span(rows)} in pairs, {span(single)} one by one; {number(1.0)} would be all of them"
    return Evidence(holds=lowest(rows) >= FOUND, text=text)


ADVICE = (
    Advice(lead="For words that act together, read the word's row of the crosswalk, not its SHAP score.",
           ask=_row_not_score, unit="words"),
    Advice(lead="To ask which words decide, take {takers} rather than SHAP.", ask=_ask_which, unit="words"),
    Advice(lead="To ask how much each word matters, take SHAP.", ask=_ask_how_much, unit="words"),
    Advice(lead="Do not read signs from gradient × input.", ask=_no_gradient_signs, unit="words"),
    Advice(lead="For heads that feed other heads, take mean ablation or the causal crosswalk, not the direct "
           "contribution.", ask=_feeding_heads, unit="heads"),
    Advice(lead="Compare a head with its mean, not with zero.", ask=_against_the_mean, unit="heads"),
    Advice(lead="Centre direct contributions before ranking heads.", ask=_centred, unit="heads"),
    Advice(lead="Do not rank heads by their attention norm.", ask=_no_attention_norm, unit="heads"),
    Advice(lead="Before believing any score of single heads, look for antiparallel columns of the causal crosswalk.",
           ask=_look_for_pairs, unit="heads"),
    Advice(lead="For spare heads, take heads out in pairs.", ask=_pairs_for_spares, unit="heads"),
)  # fmt: skip
