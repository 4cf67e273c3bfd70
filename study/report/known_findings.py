"""Findings where the answer is known: sentences by rules from the score card, each with its numbers; no rule, no line.

Numbers of different tasks or rungs are never averaged: a sentence names the task, or the range over tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.records import UNSIGNED_METHODS
from study.report.blocks import Link, Paragraph
from study.report.figures.palette import method_label
from study.report.findings import capital
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.known_head_findings import all_fooled, head_findings, pairs_sentence
from study.report.numbers import listing, number
from study.report.score_measures import (
    APART,
    BY_HAND,
    DISTANCE,
    FOUND,
    ORACLE,
    PRECISION,
    ROW_SIZE,
    SIGN,
    judged_methods,
    label_of,
    of_all,
    place_names,
    range_text,
    score_text,
    values,
    variants_on,
)

AT_MOST = 0.02  # above chance: what still counts as no better
NO_WRITING = 1e-3  # of the gain: an exact value nearer to 0 is 0
UNSIGNED = UNSIGNED_METHODS | {ROW_SIZE}  # they have no sign: asked only which words decide
WORDS = Link(label="words", anchor="fig-score-words-hand-built")


def known_findings(run: RunTables) -> list[Paragraph]:
    """The sentences that this run's numbers carry, words first."""
    rules = (oracle_finding, hardest_finding, exact_finding, no_better_finding, not_told_finding)
    return [found for rule in rules if (found := rule(run)) is not None] + head_findings(run)


def told_methods(run: RunTables) -> list[str]:
    """Methods that sentences name.

    Left out: the shap package beside the study's own estimate of the same values, and the size of the crosswalk's
    rows, which nobody offers as an explanation.
    """
    return [m for m in judged_methods(run, "words") if (m == run.shap or m not in SHAPLEY_METHODS) and m != ROW_SIZE]


def found_counts(run: RunTables, rung: str) -> tuple[dict[str, int], int]:
    """On how many tasks of a rung every method finds all words that decide (precision at k of 1), and of how many."""
    places = variants_on(run, "words", rung)
    counts = {}
    for method in told_methods(run):
        rows = values(run, places, "words", PRECISION, method)
        counts[method] = sum(float(row["estimate"]) >= FOUND for row in rows.values())
    return counts, len(places)


def oracle_finding(run: RunTables) -> Paragraph | None:
    """Tasks on which the exact Shapley values themselves do not find all words that decide, why, and who does."""
    rows = values(run, variants_on(run, "words", BY_HAND), "words", PRECISION, ORACLE)
    short = {v: row for v, row in rows.items() if row["estimate"] < FOUND}
    if not short:
        return None
    told = []
    for (name, variant), row in zip(_named(run, short).items(), short.values(), strict=True):
        words = pick(run.tables["truth_words"], dataset=variant[0], relevant=True)
        without = words[words["oracle"].abs() < NO_WRITING]
        ours = values(run, [variant], "words", PRECISION, run.shap).get(variant)
        beside = "" if ours is None else f"; SHAP gets {number(ours['estimate'])}"
        told.append(
            f"on {name} the exact Shapley values of the rule reach a precision of {score_text(row)}{beside}"
            f"{_why(run, variant, len(words), without)}"
        )
    text = f"{capital('; '.join(told))}. Exact Shapley values cannot have 1 there."
    if pass_it := _passing(run, short):
        text += f" Methods that are no Shapley values can, and pass the oracle there: {pass_it}."
    return Paragraph(text, (WORDS,), lead="The oracle is not always right.")


def _passing(run: RunTables, oracle: dict[Variant, pd.Series]) -> str:
    """ "LIME 1.00 and Occlusion 0.97": the methods whose precision is above the oracle's on all of these tasks."""
    told = []
    for method in told_methods(run):
        rows = values(run, list(oracle), "words", PRECISION, method)
        if len(rows) == len(oracle) and all(rows[v]["estimate"] > oracle[v]["estimate"] + APART for v in rows):
            told.append(f"{method_label(method)} {range_text([float(r['estimate']) for r in rows.values()])}")
    return listing(told)


def _why(run: RunTables, variant: Variant, n: int, without: pd.DataFrame) -> str:
    """How many words that decide have an exact value of 0, and the oracle's precision in the texts with such a word."""
    if without.empty:
        return ""
    scores = pick(run.of("truth_scores", *variant), unit="words", metric=PRECISION, method=ORACLE)
    there = scores[scores["example_id"].isin(without["example_id"])]["value"].dropna()
    beside = f", and in the texts with such a word the precision is {number(there.mean())}" if len(there) else ""
    verb = "has" if len(without) == 1 else "have"
    return f": of {n} words that decide there, {len(without)} {verb} an exact Shapley value of 0{beside}"


def hardest_finding(run: RunTables) -> Paragraph | None:
    """Best and worst explainer on the task on which the oracle is lowest, else on which methods differ most."""
    places = variants_on(run, "words", BY_HAND)
    tables = {v: _by_method(run, v, PRECISION) for v in places}
    tables = {v: table for v, table in tables.items() if len(table) > 1}
    if not tables:
        return None
    ceilings = values(run, list(tables), "words", PRECISION, ORACLE)

    def hardness(v: Variant) -> tuple[float, float]:
        spread = max(tables[v].values()) - min(tables[v].values())
        return (float(ceilings[v]["estimate"]) if v in ceilings else 1.0, -spread)

    hardest = min(tables, key=hardness)
    best, top = _ends(tables[hardest], largest=True)
    worst, low = _ends(tables[hardest], largest=False)
    if top - low < APART:
        return None
    chance = float(values(run, [hardest], "words", PRECISION, best[0])[hardest]["floor"])
    beside = f" Chance is {number(chance)}." if np.isfinite(chance) else ""
    name = place_names(run, [hardest])[0]
    text = f"Precision at k is {number(top)} for {_labels(best)} and {number(low)} for {_labels(worst)}.{beside}"
    verb = "finds" if len(best) == 1 else "find"
    lead = f"On {name}, {_labels(best)} {verb} most of the words that decide, {_labels(worst)} fewest."
    return Paragraph(text, (WORDS,), lead=lead)


def exact_finding(run: RunTables) -> Paragraph | None:
    """How far SHAP and LIME are from the exact values, and on which tasks they part."""
    places = variants_on(run, "words", BY_HAND)
    ours, lime = (values(run, places, "words", DISTANCE, m) for m in (run.shap, LIME))
    if not ours or not lime:
        return None
    parting = []
    pairs = [values(run, places, "words", PRECISION, m) for m in (run.shap, LIME)]
    for name, v in _named(run, places).items():
        if v in pairs[0] and v in pairs[1]:
            first, second = (float(p[v]["estimate"]) for p in pairs)
            if abs(first - second) >= APART:
                parting.append(f"{name} (SHAP {number(first)}, LIME {number(second)})")
    where = f" Asked which words decide (precision at k), they part on {listing(parting)}." if parting else ""
    sizes = [range_text([float(r["estimate"]) for r in rows.values()]) for rows in (ours, lime)]
    near = [sum(float(r["estimate"]) < APART for r in rows.values()) for rows in (ours, lime)]
    lead = (
        f"SHAP is proportional to the exact Shapley values on {of_all(near[0], len(ours))}, LIME on "
        f"{near[1] if len(lime) == len(ours) else of_all(near[1], len(lime))}."
    )
    text = (
        f"The distance to the exact Shapley values of the rule, after the best positive scaling, is {sizes[0]} for "
        f"SHAP and {sizes[1]} for LIME (proportional: below {number(APART)}). The yardstick is the Shapley value, so "
        f"SHAP wins by construction.{where}"
    )
    return Paragraph(text, (WORDS,), lead=lead)


def no_better_finding(run: RunTables) -> Paragraph | None:
    """Methods that are no better than chance on some task: at signs, or at words."""
    told = _beside_chance(run, is_no_better)
    return Paragraph(f"{told}.", (WORDS,), lead="No better than chance.") if told else None


def not_told_finding(run: RunTables) -> Paragraph | None:
    """Methods whose interval reaches chance on some task, though their score may lie above."""
    told = _beside_chance(run, lambda row: reaches_chance(row) and not is_no_better(row))
    return Paragraph(f"{told}.", (WORDS,), lead="Not told from chance.") if told else None


def _beside_chance(run: RunTables, holds: Callable[[pd.Series], bool]) -> str:
    """Every method and task whose score is so, with its score and chance, by what was asked; "" for none."""
    places = variants_on(run, "words", BY_HAND)
    told: dict[str, list[str]] = {"asked to which side a word pushes, ": [], "asked which words decide, ": []}
    signs, words = told.values()
    for method in (*told_methods(run), ROW_SIZE):
        metric = PRECISION if method in UNSIGNED else SIGN
        rows = values(run, places, "words", metric, method)
        poor = {v: row for v, row in rows.items() if np.isfinite(row["floor"]) and holds(row)}
        here = [
            f"on {name} {score_text(poor[v])} (chance {number(poor[v]['floor'])})"
            for name, v in _named(run, poor).items()
        ]
        (words if metric == PRECISION else signs).extend([f"{method_label(method)} {listing(here)}"] if here else [])
    return capital("; ".join(f"{asked}{'; '.join(parts)}" for asked, parts in told.items() if parts))


def reaches_chance(row: pd.Series) -> bool:
    """Whether a score's interval reaches the floor; without an interval, whether the score itself does."""
    low = row["low"] if np.isfinite(row["low"]) else row["estimate"]
    return bool(min(low, row["estimate"]) <= row["floor"])


def is_no_better(row: pd.Series) -> bool:
    """Whether a score is at the floor or below, and its interval leaves no room for much more."""
    high = row["high"] if np.isfinite(row["high"]) else row["estimate"]
    return bool(row["estimate"] <= row["floor"] + AT_MOST and high < row["floor"] + APART)


def answer_known(run: RunTables) -> str:
    """The page in one sentence, where answers are known: who finds the words that decide, and who the heads."""
    counts, total = found_counts(run, BY_HAND)
    if not total or not counts:
        return ""
    most = max(counts.values())
    best = [m for m in counts if counts[m] == most]
    verb = "finds" if len(best) == 1 else "find"
    told = f"Asked which words decide where that is known, {_labels(best)} {verb} all of them in {of_all(most, total)}"
    least = min(counts.values())
    worst = [m for m in counts if counts[m] == least and m not in best]
    if run.shap in counts and run.shap not in (*best, *worst):
        told += f", SHAP in {counts[run.shap]}"
    if worst:
        told += f", {_labels(worst)} in {least}"
    pairs = pairs_sentence(run, BY_HAND)
    fooled = "; every method that scores what single heads change is fooled by two that undo each other"
    return f"{told}{fooled if all_fooled(run) else ''}.{' ' + pairs if pairs else ''}"


def _by_method(run: RunTables, variant: Variant, metric: str) -> dict[str, float]:
    rows = {m: values(run, [variant], "words", metric, m).get(variant) for m in told_methods(run)}
    return {m: float(row["estimate"]) for m, row in rows.items() if row is not None}


def _ends(table: dict[str, float], *, largest: bool) -> tuple[list[str], float]:
    """All methods whose number prints like the largest, or the smallest."""
    end = max(table.values()) if largest else min(table.values())
    return [m for m, value in table.items() if number(value) == number(end)], end


def _named(run: RunTables, places: Sequence[Variant] | dict[Variant, pd.Series]) -> dict[str, Variant]:
    return dict(zip(place_names(run, list(places)), places, strict=True))


def _labels(methods: Sequence[str]) -> str:
    return listing([label_of("words", m) for m in methods])
