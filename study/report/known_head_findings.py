"""Findings about heads whose roles are known: sentences by rules from the score card, each with its numbers."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Link, Paragraph
from study.report.distractors import Mistake, find_mistakes, methods_by_head
from study.report.figures.palette import head_method_label
from study.report.inputs import RunTables, Variant
from study.report.numbers import listing, plural
from study.report.score_measures import (
    APART,
    BY_HAND,
    CANCELLING,
    DIRECT,
    FOUND,
    INDIRECT,
    LATENT,
    judged_methods,
    of_all,
    place_names,
    range_text,
    values,
    variants_on,
)

HEADS = Link(label="heads", anchor="fig-score-heads-hand-built")
LOOKERS = ("attention_norm", "attention_confidence")  # they ask what a head looks at, not what it changes


Rows = dict[Variant, pd.Series]


def head_findings(run: RunTables) -> list[Paragraph]:
    """The sentences about heads that this run's numbers carry."""
    rules = (worse_than_chance_finding, planted_finding, indirect_finding, cancelling_finding, latent_finding)
    return [found for rule in rules if (found := rule(run)) is not None]


def worse_than_chance_finding(run: RunTables) -> Paragraph | None:
    """Methods for heads that put null heads before the heads that write the answer, on every task."""
    told = []
    for method in judged_methods(run, "heads"):
        rows = values(run, variants_on(run, "heads", BY_HAND), "heads", DIRECT, method)
        if rows and highest(rows) < 0.5:
            told.append(f"{head_method_label(method)} (AUROC {span(rows)} in {of_all(len(rows), len(rows))})")
    if not told:
        return None
    return Paragraph(
        f"{listing(told)}: heads that change nothing come before those that write the answer; guessing would give 0.5.",
        (HEADS,), lead="Worse than guessing at direct heads.",
    )  # fmt: skip


def planted_finding(run: RunTables) -> Paragraph | None:
    """Which methods put a null head before the heads that act, in more than half of the tasks."""
    rows = by_hand_mistakes(run)
    nulls = {m.head for m in rows if m.role == "null"}
    told = []
    for head, methods in methods_by_head(rows).items():
        often = [head_method_label(m) for m, (n, total) in methods.items() if 2 * n > total]
        if head in nulls and often:
            told.append(f"{head} before them in {listing(often)}")
    if not told:
        return None
    links = (Link(label="planted heads", anchor="table-planted"),)
    text = f"Of heads that change nothing, these come before heads that act in most tasks: {'; '.join(told)}."
    return Paragraph(text, links, lead="What fools which method.")


def by_hand_mistakes(run: RunTables) -> list[Mistake]:
    """Every planted head with every method in the models set by hand."""
    return [mistake for v in variants_on(run, "heads", BY_HAND) for mistake in find_mistakes(run, v)]


def indirect_finding(run: RunTables) -> Paragraph | None:
    """Heads that feed others: what the direct contribution gives them, and what finds them."""
    places = variants_on(run, "heads", BY_HAND)
    direct = values(run, places, "heads", INDIRECT, "direct_centred")
    others = {m: values(run, places, "heads", INDIRECT, m) for m in judged_methods(run, "heads")}
    others = {m: rows for m, rows in others.items() if rows and m != "direct_centred"}
    if not direct or not others:
        return None
    best = max(others, key=lambda m: lowest(others[m]))
    text = f"AUROC on {listing(place_names(run, list(direct)))}: direct contribution {span(direct)}"
    if best != "ablation_mean" and "ablation_mean" in others:
        text += f", mean ablation {span(others['ablation_mean'])}"
    text += f"; highest where it is lowest: {head_method_label(best)} with {span(others[best])}."
    blind = highest(direct) < 0.5 + APART
    lead = "Direct contribution does not see heads that feed others." if blind else "Heads that feed others."
    return Paragraph(text, (HEADS,), lead=lead)


def cancelling_finding(run: RunTables) -> Paragraph | None:
    """How many methods that score heads one by one are fooled by heads that undo each other, and the pairs found."""
    places, fooled, rest = variants_on(run, "heads", BY_HAND), {}, []
    for method in judged_methods(run, "heads"):
        rows = values(run, places, "heads", CANCELLING, method)
        if not rows:
            continue
        if is_fooled(rows):
            fooled[method] = rows
        else:
            rest.append(head_method_label(method))
    if not fooled:
        return None
    numbers = [float(r["estimate"]) for rows in fooled.values() for r in rows.values()]
    chance = [float(r["floor"]) for rows in fooled.values() for r in rows.values()]
    text = (
        f"{of_all(len(fooled), len(fooled) + len(rest), 'method')} for heads rank them above heads that do "
        f"nothing in every task: cancelling error {range_text(numbers)}, by chance {range_text(chance)}, at best 0"
    )
    text += f" (not so: {listing(rest)})." if rest else "."
    if pairs := pairs_sentence(run, BY_HAND):
        text += f" {pairs}"
    return Paragraph(text, (HEADS, Link(label="pairs", anchor="table-pairs")), lead="Heads that undo each other.")


def pairs_sentence(run: RunTables, rung: str) -> str:
    """ "The antiparallel columns of the causal crosswalk show 4 of 4 such pairs, and 0 of 80 others." """
    places = variants_on(run, "heads", rung)
    rows = pd.concat([run.of("pairs", *v) for v in places]) if places else run.tables["pairs"].iloc[:0]
    if rows.empty or not rows["truth"].any():
        return ""
    right, wrong = rows[rows["truth"]], rows[~rows["truth"]]
    return (
        f"The antiparallel columns of the causal crosswalk show {int(right['found'].sum())} of "
        f"{plural(len(right), 'such pair')}, and {int(wrong['found'].sum())} of {plural(len(wrong), 'other')}."
    )


def latent_finding(run: RunTables) -> Paragraph | None:
    """Spare heads, which act only when another is missing: the method that comes nearest."""
    places = variants_on(run, "heads", BY_HAND)
    rows = {m: values(run, places, "heads", LATENT, m) for m in judged_methods(run, "heads")}
    rows = {m: found for m, found in rows.items() if found}
    if not rows:
        return None
    best = max(rows, key=lambda m: lowest(rows[m]))
    found = lowest(rows[best]) >= FOUND
    lead = f"Spare heads are found by {head_method_label(best)}." if found else "No method finds the spare heads."
    where = listing(place_names(run, list(rows[best])))
    text = f"AUROC on {where}: {head_method_label(best)} comes first with {span(rows[best])}"
    if best != "ablation_mean" and "ablation_mean" in rows:
        text += f", mean ablation has {span(rows['ablation_mean'])}"
    return Paragraph(f"{text}.", (HEADS,), lead=lead)


def all_fooled(run: RunTables) -> bool:
    """Whether every method that scores what single heads change ranks cancelling heads above null ones, everywhere."""
    places = variants_on(run, "heads", BY_HAND)
    methods = [m for m in judged_methods(run, "heads") if m not in LOOKERS]
    tables = [rows for m in methods if (rows := values(run, places, "heads", CANCELLING, m))]
    return bool(tables) and all(map(is_fooled, tables))


def is_fooled(rows: Rows) -> bool:
    """Whether a method ranks heads that undo each other above null ones, by more than chance, in every task."""
    return all(row["estimate"] > row["floor"] + APART for row in rows.values())


def lowest(rows: Rows) -> float:
    return min(float(row["estimate"]) for row in rows.values())


def highest(rows: Rows) -> float:
    return max(float(row["estimate"]) for row in rows.values())


def span(rows: Rows) -> str:
    """The estimates from lowest to highest, as printed."""
    return range_text([float(row["estimate"]) for row in rows.values()])
