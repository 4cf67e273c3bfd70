"""Section: where the score calls a word that decides irrelevant: how often, and what the crosswalk says of the word."""

from __future__ import annotations

import math

import pandas as pd

from study.report.blocks import Block, Bullets, Details, Paragraph, Section, Table
from study.report.figures.palette import method_label
from study.report.inputs import RunTables
from study.report.missed_words import Missed, explain, is_hidden, missed_words, noise_share
from study.report.negated_text import is_verified
from study.report.numbers import count, listing, number, percent, percent_range, plural, signed
from study.report.row_advice import ranking
from study.report.score_measures import rungs_of, variants_on
from study.report.tables import make_table

LOOK = (
    "Where a score is near 0, look at the word's row: large cells that cancel say that it may matter together with "
    "another word."
)
MOST = 12  # examples on the page; the others are folded away
ABOUT = (
    "A score fails where a word that decides gets less than 5 % of the text's largest score: whoever looks at the top "
    "of a bar chart does not see the word. Counted for the scores that split over components, so that the word's row "
    "in the direct crosswalk can say why."
)


def build(run: RunTables) -> Section | None:
    """How often, why, and examples; None for runs in which no word is known to decide."""
    rates = _verified(run, run.tables["failure_rates"])
    if rates.empty:
        return None
    found = missed_words(run, _verified(run, run.tables["failures"]))
    blocks: list[Block] = [Paragraph(ABOUT), Paragraph(_summary(rates)), _rates_table(run, rates, found)]
    if found:
        blocks += [Paragraph(t) for t in (_reasons(run, found), noise_share(run, found)) if t]
        first, rest = found_examples(found)
        blocks.append(Bullets(tuple(_example(m) for m in _one_a_data_set(first))))
        blocks.append(_examples(first, "table-missed", "Words that decide and that the score does not show"))
        if rest:
            blocks.append(Details("More of them", (_examples(rest, "table-missed-more", "More words missed"),)))
    if left_out := _left_out(run):
        blocks.append(Paragraph(left_out, tone="muted"))
    title = "Where the score calls a word irrelevant that decides"
    return Section(name="failures", title=title, short="Failures", blocks=tuple(blocks))


def _verified(run: RunTables, table: pd.DataFrame) -> pd.DataFrame:
    known = {v for v in run.variants if is_verified(run, *v)}
    return table[[v in known for v in zip(table["dataset"], table["model"], strict=True)]]


def _left_out(run: RunTables) -> str:
    """Which models are not read since they do not do their task."""
    table = run.tables["failure_rates"]
    names = list(dict.fromkeys(zip(table["dataset"], table["model"], strict=True)))
    names = [v for v in names if not is_verified(run, *v)]
    return f"Not verified, and so not counted: {listing([run.label(*v) for v in names])}." if names else ""


def _summary(rates: pd.DataFrame) -> str:
    """Where each method misses words, and where none."""
    told = []
    for method, part in rates.groupby("method", sort=False):
        some = part[part["n_missed"] > 0].sort_values("share", ascending=False, kind="stable")
        places = [f"{percent(r.share)} on {r.dataset}, {r.model}" for r in some.head(3).itertuples()]
        more = f" and on {plural(len(some) - 3, 'other')}" if len(some) > 3 else ""
        where = f": {'; '.join(places)}{more}" if places else ""
        told.append(f"{method_label(str(method))} misses words on {len(some)} of {plural(len(part), 'model')}{where}")
    return f"{'. '.join(told)}."


def _rates_table(run: RunTables, rates: pd.DataFrame, found: list[Missed]) -> Table:
    """Share of words and of texts, a row a task and model, the methods side by side."""
    methods = list(dict.fromkeys(rates["method"]))
    cards = run.tables["score_card"]
    rungs = {(r.dataset, r.model): r.rung for r in cards.drop_duplicates(["dataset", "model"]).itertuples()}
    rows = []
    for (dataset, model), part in rates.groupby(["dataset", "model"], sort=False):
        rung = rungs[dataset, model]
        row = {"data set": dataset, "model": model if rung == model else f"{model} ({rung})"}
        by_method = part.set_index("method")
        for method in methods:
            r = by_method.loc[method] if method in by_method.index else None
            name = method_label(method)
            hidden = [is_hidden(m) for m in found if (m.dataset, m.model, m.method) == (dataset, model, method)]
            row[f"{name}: words missed"] = "" if r is None else _share(r["share"], r["low"], r["high"])
            row[f"{name}: texts"] = "" if r is None else _share(r["text_share"], r["text_low"], r["text_high"])
            row[f"{name}: cancel"] = f"{sum(hidden)} of {len(hidden)}" if hidden else ""
        rows.append({**row, "texts": count(part["n_texts"].max()), "seeds": count(part["n_seeds"].max())})
    level = percent(float(rates["level"].iloc[0]))
    return make_table(
        pd.DataFrame(rows),
        {},
        anchor="table-failure-rates",
        title="How often a word that decides is missed",
        note=(
            f"Words: share of all words that decide; texts: share with at least one such word missed. {level} Wilson "
            "intervals as if every text had been one draw, since words of a text hang together and all seeds explain "
            "the same texts. Cancel: missed words whose row adds up much that cancels, of all missed ones."
        ),
        source="failure_rates",
        left=("data set",),
        wide=True,
    )


def _share(share: float, low: float, high: float) -> str:
    return f"{percent(float(share))} [{percent_range(float(low), float(high))}]"


def _reasons(run: RunTables, found: list[Missed]) -> str:
    """How many of the missed words write much that cancels, how many write nothing; and interactions."""
    hidden = [m for m in found if is_hidden(m)]
    pairs = [m for m in found if m.partner]
    told = (
        f"{plural(len(found), 'time')} a word was missed. In {len(hidden)} of them components write much because of "
        "it, and that cancels: the row of the crosswalk shows the word, its sum does not"
    )
    rest = len(found) - len(hidden)
    told += f"; in {rest} little is written at all: the model makes do without the word" if rest else ""
    if pairs:
        told += f". {len(pairs)} of the words interact with another word in the rule"
    return f"{told}.{f' {LOOK}{_no_ranking(run, hidden)}' if hidden else ''}"


def _no_ranking(run: RunTables, hidden: list[Missed]) -> str:
    """That row sizes rank no words, with the numbers of the first rung that has them; "" where none has."""
    missing = {(m.dataset, m.model) for m in hidden if m.method == run.shap}
    for rung in rungs_of(run, "words"):
        places = variants_on(run, "words", rung)
        if told := ranking(run, places, [v for v in places if v in missing]):
            return f" But {told}."
    return ""


def found_examples(found: list[Missed]) -> tuple[list[Missed], list[Missed]]:
    """One example a data set, model and method, the one with the largest row; those shown, and the others."""
    best: dict[tuple[str, str, str], Missed] = {}
    for missed in found:
        key = (missed.dataset, missed.model, missed.method)
        if key not in best or missed.size > best[key].size:
            best[key] = missed
    chosen = list(best.values())
    return chosen[:MOST], chosen[MOST:]


def _one_a_data_set(found: list[Missed]) -> list[Missed]:
    first: dict[str, Missed] = {}
    for missed in found:
        first.setdefault(missed.dataset, missed)
    return list(first.values())


def _example(missed: Missed) -> Paragraph:
    """One missed word in sentences."""
    who = f"{missed.model} · {missed.dataset}, {method_label(missed.method)}"
    score = (
        f"{who}: [{missed.word}] scores {signed(missed.score)}, the text's largest score is {number(missed.largest)}."
    )
    return Paragraph(f"{score} {explain(missed)}", lead=f"“{missed.marked}”")


def _partner(missed: Missed) -> str:
    """ "not +4.00"; the word alone where the interaction is not in this model's logits."""
    by = f" {signed(missed.interaction)}" if math.isfinite(missed.interaction) else ""
    return f"{missed.partner}{by}" if missed.partner else ""


def _examples(found: list[Missed], anchor: str, title: str) -> Table:
    rows = [
        {
            "model": f"{m.model} · {m.dataset}",
            "method": method_label(m.method),
            "text": m.marked,
            "score": signed(m.score),
            "largest": number(m.largest),
            "row": number(m.size),
            "largest cells": ", ".join(m.components),
            "interacts with": _partner(m),
        }
        for m in found
    ]
    return make_table(
        pd.DataFrame(rows),
        {},
        anchor=anchor,
        title=title,
        note=(
            "One example a task, model and method: the one with the largest row. Score: of the word in brackets; "
            "largest: of the text; row: sum of |cell| of the word in the direct crosswalk; interacts: with which word "
            "in the rule, and the largest Shapley interaction where the model was set by hand; all in logits."
        ),
        source="failures",
        headers={"row": "|row|"},
        left=("text", "largest cells", "interacts with"),
        wide=True,
    )
