"""Advice that follows from the score card: each rule has a threshold, and is checked rung by rung.

Advice stands on the first rung that has its numbers; where a later rung says otherwise, or that both ways do alike, the
same sentence says so. Advice that is not better on the first rung is listed as not supported; without numbers it is not
mentioned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from study.report.blocks import Link, Paragraph
from study.report.evidence import Evidence, Outcome, compare, weakest
from study.report.figures.palette import head_method_label
from study.report.findings import capital
from study.report.inputs import LIME, RunTables
from study.report.known_findings import told_methods
from study.report.known_head_findings import highest, lowest, span
from study.report.numbers import listing, number, plural
from study.report.row_advice import ask_rows
from study.report.score_measures import (
    APART,
    CANCELLING,
    DIRECT,
    DISTANCE,
    FOUND,
    INDIRECT,
    LATENT,
    PRECISION,
    RUNGS,
    SIGN,
    judged_methods,
    label_of,
    of_all,
    values,
    variants_on,
)

FINDS = 0.95
NEAR = 0.05  # distance to the exact values


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
    """(advice that the numbers carry, advice that they do not)."""
    carried: list[Paragraph] = []
    contrary: list[Paragraph] = []
    takers = listing([label_of("words", m) for m in better_at_which(run)])
    for advice in ADVICE:
        found = {rung: said for rung in RUNGS if (said := advice.ask(run, rung)) is not None}
        if not found:
            continue
        first = next(iter(found))
        text = " ".join(_rung_text(rung, said, found[first]) for rung, said in found.items())
        links = (Link(label="score card", anchor=f"fig-score-{advice.unit}-{first}"),)
        (carried if found[first].outcome is Outcome.BETTER else contrary).append(
            Paragraph(text, links, lead=advice.lead.format(takers=takers))
        )
    return carried, contrary


def _rung_text(rung: str, said: Evidence, first: Evidence) -> str:
    """ "Rotated, no difference: ...": the outcome is named unless it is the first rung's and carries the advice."""
    outcome = said.outcome.value
    if said.outcome is Outcome.BETTER and first.outcome is not Outcome.BETTER:
        outcome = "but so here"
    plain = said is first and said.outcome is Outcome.BETTER
    return f"{capital(rung)}{'' if plain else f', {outcome}'}: {said.text}."


def _ask_which(run: RunTables, rung: str) -> Evidence | None:
    """Whether the methods that beat SHAP on the first rung are nowhere worse here, and all clearly better somewhere."""
    takers = better_at_which(run)
    places = variants_on(run, "words", rung)
    ours = values(run, places, "words", PRECISION, run.shap)
    tables = {m: values(run, places, "words", PRECISION, m) for m in takers}
    if not takers or not ours or not all(tables.values()):
        return None
    told = ", ".join(f"{label_of('words', m)} {span(rows)}" for m, rows in tables.items())
    outcome = weakest([compare(rows, ours) for rows in tables.values()])
    return Evidence(outcome=outcome, text=f"precision at k is {told}, SHAP {span(ours)}")


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
    near = sum(float(row["estimate"]) <= NEAR for row in ours.values())
    text = (
        f"on {of_all(near, len(ours))} SHAP is proportional to the exact values; the distance after the best positive "
        f"scaling is {span(ours)} for SHAP and {span(others[next_best])} for {label_of('words', next_best)}, the "
        "next; the yardstick is the Shapley value, so SHAP wins by construction"
    )
    outcome = compare(ours, others[next_best], clearly=2 * NEAR, lower=True)
    return Evidence(outcome=Outcome.WORSE if highest(ours) > NEAR else outcome, text=text)


def _no_gradient_signs(run: RunTables, rung: str) -> Evidence | None:
    places = variants_on(run, "words", rung)
    gradient, ours, lime = (values(run, places, "words", SIGN, m) for m in ("gradient_x_input", run.shap, LIME))
    if not gradient or not ours or not lime:
        return None
    text = f"words pushed to the right side: {span(gradient)}, SHAP {span(ours)}, LIME {span(lime)}"
    return Evidence(outcome=weakest([compare(ours, gradient), compare(lime, gradient)]), text=text)


def _feeding_heads(run: RunTables, rung: str) -> Evidence | None:
    return _better(run, rung, INDIRECT, ("ablation_mean", "crosswalk_causal"), "direct_centred")


def _against_the_mean(run: RunTables, rung: str) -> Evidence | None:
    return _better(run, rung, DIRECT, ("ablation_mean",), "ablation_zero")


def _centred(run: RunTables, rung: str) -> Evidence | None:
    return _better(run, rung, DIRECT, ("direct_centred",), "direct_raw")


def _better(run: RunTables, rung: str, metric: str, good: Sequence[str], bad: str) -> Evidence | None:
    """Whether every method in `good` is clearly better than `bad` somewhere and nowhere worse."""
    places = variants_on(run, "heads", rung)
    base = values(run, places, "heads", metric, bad)
    tables = {m: values(run, places, "heads", metric, m) for m in good if m in judged_methods(run, "heads")}
    tables = {m: rows for m, rows in tables.items() if rows}
    if not base or not tables:
        return None
    outcome = weakest([compare(rows, base) for rows in tables.values()])
    told = ", ".join(f"{head_method_label(m)} {span(rows)}" for m, rows in tables.items())
    return Evidence(outcome=outcome, text=f"AUROC {told}; {head_method_label(bad)} {span(base)}")


def _no_attention_norm(run: RunTables, rung: str) -> Evidence | None:
    rows = values(run, variants_on(run, "heads", rung), "heads", DIRECT, "attention_norm")
    if not rows:
        return None
    text = f"its AUROC for the heads that write the answer is {span(rows)}; guessing gives 0.5"
    guessing = {v: pd.Series({"estimate": 0.5}) for v in rows}
    return Evidence(outcome=compare(guessing, rows), text=text)


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
    every = found == len(right) and false == 0
    return Evidence(outcome=Outcome.BETTER if every else Outcome.WORSE, text=text)


def _pairs_for_spares(run: RunTables, rung: str) -> Evidence | None:
    places = variants_on(run, "heads", rung)
    rows = values(run, places, "heads", LATENT, "ablation_zero_pairs")
    single = values(run, places, "heads", LATENT, "ablation_zero")
    if not rows or not single:
        return None
    text = f"AUROC {span(rows)} in pairs, {span(single)} one by one; {number(1.0)} would be all of them"
    outcome = compare(rows, single)
    short = outcome is Outcome.BETTER and lowest(rows) < FOUND
    return Evidence(outcome=Outcome.WORSE if short else outcome, text=text)


ADVICE = (
    Advice(lead="Where a word's score is near 0, look at its row of the crosswalk: large cells that cancel say that it "
           "may matter together with another word.", ask=ask_rows, unit="words"),
    Advice(lead="To ask which words decide, take {takers} rather than SHAP.", ask=_ask_which, unit="words"),
    Advice(lead="To ask how much each word matters, in the sense of Shapley values, take SHAP.", ask=_ask_how_much,
           unit="words"),
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
