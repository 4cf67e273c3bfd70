"""Which of SHAP and LIME is right where the truth is known: on how many tasks each is clearly ahead.

To be ahead on some tasks is told as such: it makes neither of them the right one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from study.reference import HOW
from study.report.blocks import Block, Details, Link, Paragraph, Table
from study.report.figures.palette import method_label
from study.report.findings import estimate_text
from study.report.inputs import LIME, RunTables, pick
from study.report.numbers import listing, number, plural
from study.report.quotes import score_card
from study.report.score_measures import APART, BY_HAND, EXACT_RUNGS, PRECISION, SHARE, TRAINED
from study.report.tables import make_table

ASKED = {PRECISION: "which words decide", SHARE: "how much of the scores these words get"}
RUNGS = {
    BY_HAND: "model set by hand",
    TRAINED: "trained model",
    "shortcut": "planted in real text",
}  # the rungs that are asked


def right_answer(run: RunTables) -> list[Block]:
    """Who is ahead where the truth is known, by the run's own score card or a kept one; folded, every task."""
    card = score_card(run)
    asked = {metric: tasks for metric in ASKED if (tasks := _tasks(run, card, metric))}
    if not asked:
        return [
            Paragraph(
                f"This run knows no answers, and no score card of another run is kept beside it. To make one: {HOW}.",
                tone="muted",
                lead="Which of the two is right is not known here.",
            )
        ]
    source = (
        "This run knows no answers; these are of another run, on made-up rules and planted shortcuts "
        "(`make known-answers`)."
        if card is run.reference
        else "By this run's own score card."
    )
    links = (Link(label="score card", anchor="score-card"), Link(label="more of it", anchor="features"))
    return [
        Paragraph(f"{_farthest_ahead(asked)}{source}", links, lead=_lead(run, asked)),
        Details("Every task whose truth is known", (_table(run, asked),)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of the score card by one score. ahead: the method clearly ahead on it, or "" for neither.

    told: both scores with their intervals, the higher one first; gap: by how much they differ; texts: by method.
    """

    place: str
    ahead: str
    gap: float
    told: str
    texts: Mapping[str, str]


def _tasks(run: RunTables, card: pd.DataFrame, metric: str) -> list[Task]:
    """The tasks on which both have this score, in the card's order."""
    rows = pick(card, unit="words", metric=metric)
    rows = rows[rows["rung"].isin(list(RUNGS)) & rows["method"].isin([run.shap, LIME])]
    found = []
    for (rung, dataset, model), pair in rows.groupby(["rung", "dataset", "model"], sort=False):
        both = pair.drop_duplicates("method").set_index("method")
        if len(both) < 2:
            continue
        several = len(set(pick(rows, rung=rung, dataset=dataset)["model"])) > 1
        found.append(
            Task(
                place=f"{dataset}{f' · {model}' if several else ''}, {RUNGS[str(rung)]}",
                ahead=clearly_ahead(run, both),
                gap=float(both["estimate"].max() - both["estimate"].min()),
                told=_against(run, both),
                texts={str(m): estimate_text(both.loc[m]) for m in both.index},
            )
        )
    return found


def clearly_ahead(run: RunTables, both: pd.DataFrame) -> str:
    """The method whose score is higher by APART or more and whose interval lies above the other's; else ""."""
    first, second = _ordered(run, both)
    apart = both["estimate"][first] - both["estimate"][second] >= APART
    return first if apart and both["low"][first] > both["high"][second] else ""


def _ordered(run: RunTables, both: pd.DataFrame) -> tuple[str, str]:
    """The two methods, the higher score first."""
    return (run.shap, LIME) if both["estimate"][run.shap] >= both["estimate"][LIME] else (LIME, run.shap)


def _against(run: RunTables, both: pd.DataFrame) -> str:
    """ "LIME 1.00 [1.00, 1.00], SHAP 0.70 [0.64, 0.77]", and what exact values reach where that explains it."""
    first, second = _ordered(run, both)
    told = ", ".join(f"{method_label(m)} {estimate_text(both.loc[m])}" for m in (first, second))
    row = both.loc[second]
    if second == run.shap and row["rung"] in EXACT_RUNGS and abs(row["ceiling"] - row["estimate"]) < APART:
        told += f"; exact Shapley values get {number(float(row['ceiling']))} there"
    return told


def _lead(run: RunTables, asked: Mapping[str, Sequence[Task]]) -> str:
    """By each score, on how many of its tasks each of the two is ahead; first of all whether that is the exception."""
    open_ = [sum(not t.ahead for t in tasks) / len(tasks) for tasks in asked.values()]
    if min(open_) == 1:
        counts = [f"on {plural(len(tasks), 'task')} asked {ASKED[metric]}" for metric, tasks in asked.items()]
        return f"Neither is clearly ahead where the truth is known, {listing(counts)}."
    mostly = "Mostly neither is clearly ahead where the truth is known" if min(open_) > 0.5 else ""
    told = [f"asked {ASKED[metric]}, {_count_text(run, tasks)}" for metric, tasks in asked.items()]
    return f"{mostly or 'Where the truth is known'}: {'; '.join(told)}."


def _count_text(run: RunTables, tasks: Sequence[Task]) -> str:
    """ "LIME is ahead on 1 of 13 tasks, SHAP on none, neither clearly on 12": of the two the one with more first."""
    n = {method: sum(t.ahead == method for t in tasks) for method in (run.shap, LIME)}
    first, second = sorted(n, key=lambda method: -n[method])
    total = plural(len(tasks), "task")
    if not n[first]:
        return f"neither is clearly ahead on any of {total}"
    rest = len(tasks) - n[first] - n[second]
    return (
        f"{method_label(first)} is ahead on {n[first]} of {total}, {method_label(second)} on {n[second] or 'none'}"
        f"{f', neither clearly on {rest}' if rest else ''}"
    )


def _farthest_ahead(asked: Mapping[str, Sequence[Task]]) -> str:
    """The task on which each is farthest ahead, by each score, then what is left; empty where none is ahead."""
    told = []
    for tasks in asked.values():
        for method in dict.fromkeys(t.ahead for t in tasks if t.ahead):
            most = max((t for t in tasks if t.ahead == method), key=lambda t: t.gap)
            told.append(f"{method_label(method)} on {most.place} ({most.told})")
    if not told:
        return ""
    left = any(not t.ahead for tasks in asked.values() for t in tasks)
    rest = "; where neither is clearly ahead they are alike, or their intervals meet" if left else ""
    return f"Farthest ahead: {'; '.join(told)}{rest}. "


def _table(run: RunTables, asked: Mapping[str, Sequence[Task]]) -> Table:
    """Every task by every score, with both numbers."""
    rows = [
        {
            "asked": ASKED[metric],
            "task": t.place,
            **{method_label(method): t.texts[method] for method in (run.shap, LIME)},
            "clearly ahead": method_label(t.ahead) if t.ahead else "neither",
        }
        for metric, tasks in asked.items()
        for t in tasks
    ]
    note = (
        f"Scores with their intervals, 1 is best. Clearly ahead: by {number(APART)} or more, with intervals that do "
        "not meet; not adjusted for how many tasks there are."
    )
    source = "" if score_card(run) is run.reference else "score_card"
    left = ("asked", "task", "clearly ahead")
    title = "SHAP and LIME where the truth is known"
    return make_table(pd.DataFrame(rows), {}, anchor="table-right", title=title, note=note, source=source, left=left)
