"""Blocks: which planted heads fool which methods, and the pairs of heads that undo each other."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Details, Heading, Paragraph, Table
from study.report.distractors import FOOLED, Mistake, find_mistakes, methods_by_head
from study.report.figures.palette import head_method_label
from study.report.inputs import RunTables
from study.report.known_head_findings import pairs_sentence
from study.report.numbers import count, listing, number
from study.report.score_measures import RUNGS, place_names, rungs_of, variants_on
from study.report.tables import make_table

NOBODY = "no method"


def planted_blocks(run: RunTables) -> list[Block]:
    """A row a planted head on the first rung; folded, every task with its shares, and the other rungs."""
    found = {rung: _mistakes(run, rung) for rung in rungs_of(run, "heads")}
    found = {rung: mistakes for rung, mistakes in found.items() if mistakes}
    if not found:
        return []
    first, *others = found
    blocks: list[Block] = [
        Heading("Which planted head fools which method", "planted-heads"),
        _summary(found[first], "table-planted", RUNGS[first]),
        Details("The same task by task", (_by_task(run, first, found[first]),)),
    ]
    for rung in others:
        table = _summary(found[rung], f"table-planted-{rung}", RUNGS[rung])
        blocks.append(Details(f"The same in models {RUNGS[rung]}", (table,)))
    return blocks


def _mistakes(run: RunTables, rung: str) -> list[Mistake]:
    return [mistake for v in variants_on(run, "heads", rung) for mistake in find_mistakes(run, v)]


def _summary(mistakes: list[Mistake], anchor: str, models: str) -> Table:
    heads = methods_by_head(mistakes)
    rows = []
    for head, fooled in heads.items():
        one = next(m for m in mistakes if m.head == head)
        total = len({m.variant for m in mistakes if m.head == head})
        rows.append({"head": head, "role": one.role, "planted against": one.fools or "–", "tasks": total,
                     "comes before heads that act in": _told(fooled, total)})  # fmt: skip
    note = (
        "A method is fooled where, over texts, seeds and heads that act, the planted head has the larger score more "
        f"often than not (share above {number(FOOLED)}, ties half); in all texts, also where a head that acts has "
        "nothing to do. In brackets: in how many of the tasks."
    )
    return make_table(
        pd.DataFrame(rows), {"tasks": count}, anchor=anchor, title=f"Planted heads and the methods they fool, models "
        f"{models}", note=note, source="truth_heads", left=("head", "role", "planted against",
        "comes before heads that act in"),
    )  # fmt: skip


def _told(fooled: dict[str, tuple[int, int]], total: int) -> str:
    """Methods, those fooled everywhere first."""
    if not fooled:
        return NOBODY
    parts = []
    for n in range(total, 0, -1):
        same = [head_method_label(m) for m, (k, _) in fooled.items() if k == n]
        if same:
            parts.append(f"{listing(same)} ({n} of {total})")
    return "; ".join(parts)


def _by_task(run: RunTables, rung: str, mistakes: list[Mistake]) -> Table:
    places = variants_on(run, "heads", rung)
    names = dict(zip(places, place_names(run, places), strict=True))
    rows = []
    for key in dict.fromkeys((m.variant, m.component, m.head) for m in mistakes):
        same = [m for m in mistakes if (m.variant, m.component, m.head) == key and m.fooled]
        told = listing([f"{head_method_label(m.method)} {number(m.share)}" for m in same]) or NOBODY
        rows.append({"task": names[key[0]], "head": f"{key[2]} ({key[1]})", "fooled methods and shares": told})
    return make_table(
        pd.DataFrame(rows), {}, anchor="table-planted-tasks",
        title="How often a planted head comes before one that acts",
        note="Share of texts, seeds and heads that act; ties half.", source="truth_heads",
        left=("task", "head", "fooled methods and shares"),
    )  # fmt: skip


def pairs_blocks(run: RunTables) -> list[Block]:
    """What the antiparallel columns of the causal crosswalk find, rung by rung; nothing without the table."""
    told = {rung: pairs_sentence(run, rung) for rung in rungs_of(run, "heads")}
    told = {rung: text for rung, text in told.items() if text}
    if not told:
        return []
    lines = " ".join(f"Models {RUNGS[rung]}: {text[0].lower()}{text[1:]}" for rung, text in told.items())
    fold = Details("Every such pair, and every pair that was called one", (_pairs_table(run, list(told)),))
    return [Heading("Heads that undo each other", "pairs"), Paragraph(lines), fold]


def _pairs_table(run: RunTables, rungs: list[str]) -> Table:
    """A row a rung, task and pair that is such a pair, or is called one; over seeds."""
    rows = []
    for rung in rungs:
        places = variants_on(run, "heads", rung)
        for name, variant in zip(place_names(run, places), places, strict=True):
            table = run.of("pairs", *variant)
            for (a, b), part in table[table["truth"] | table["found"]].groupby(["name_a", "name_b"], sort=False):
                single = part[["single_a", "single_b"]].max(axis=1)
                rows.append(
                    {"models": rung, "task": name, "pair": f"{a}, {b}"}
                    | {"a pair": "yes" if part["truth"].all() else "no"}
                    | {"found": f"{int(part['found'].sum())} of {len(part)}", "cosine": number(part["cosine"].max(), 3)}
                    | {"one taken out": number(single.min(), 3), "both taken out": number(part["joint"].max(), 3)}
                )
    return make_table(
        pd.DataFrame(rows), {}, anchor="table-pairs", title="Pairs of heads that undo each other",
        note="Found: in how many seeds. Cosine of their columns in the causal crosswalk, over words and texts. Taken "
        "out: mean size of the change of the margin, logits, by mean ablation (the larger of the two; both together). "
        "The worst seed each.",
        source="pairs", left=("models", "task", "pair", "a pair"),
    )  # fmt: skip
