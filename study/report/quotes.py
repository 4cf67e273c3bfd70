"""What reports say of methods whose right answer is known: sentences from a score card, of this run or a kept one."""

from __future__ import annotations

import pandas as pd

from study.reference import HOW
from study.report.blocks import Link, Paragraph
from study.report.figures.palette import head_method_label, method_label
from study.report.findings import capital
from study.report.inputs import LIME, RunTables, pick
from study.report.numbers import listing, number, plural, with_interval
from study.report.score_measures import BY_HAND, CONTROLS, EXACT_RUNGS, PRECISION, SHARE, TRAINED, TRUTH_ONLY

DIRECT, ABLATION = "direct_centred", "ablation_mean"  # one method of either kind of evidence
SCORES = {PRECISION: "words that decide, among those named first", SHARE: "share of the scores that these words get"}
TOLD = {  # what is told of words, by rung: they are never pooled
    BY_HAND: ("models set by hand", (PRECISION, SHARE)),
    TRAINED: ("trained models", (PRECISION,)),
    "shortcut": ("real text with planted shortcuts", (PRECISION,)),
}
LEAD = "Who is right, where the truth is known?"
MISSING = f"No score card is quoted, so which method is right is not known here. To make one: {HOW}."
LEAST = 0.005  # a difference below prints as none
PARTING = 0.05  # a difference below is not worth naming a task for
MOST_NAMED = 3


def score_card(run: RunTables) -> pd.DataFrame:
    """The verified rows of the run's own score card, else the kept one; no rows where there is neither."""
    own = run.tables["score_card"]
    own = own[own["verified"].astype(bool) & own["estimate"].notna()]
    return own if len(own) else run.reference


def word_quote(run: RunTables) -> Paragraph:
    """Which of SHAP and LIME is right where words that decide are known, and where they part; else how to find out."""
    card = pick(score_card(run), unit="words")
    told = []
    for rung, (name, metrics) in TOLD.items():
        rows = pick(card, rung=rung)
        parts = [part for metric in metrics if (part := _parting(run, pick(rows, metric=metric), SCORES[metric]))]
        told += [f"On {name}: {'. '.join(capital(p) if i else p for i, p in enumerate(parts))}"] if parts else []
    return _quote(run, told) if told else Paragraph(MISSING, tone="muted")


def head_quote(run: RunTables) -> Paragraph | None:
    """How well direct contribution and mean ablation find heads that write and heads that feed others."""
    rows = pick(score_card(run), unit="heads", rung=BY_HAND)
    told = [s for role in ("direct", "indirect") if (s := _found(pick(rows, metric=f"auroc_{role}_score"), role))]
    return _quote(run, [f"On models set by hand, {told[0]}", *map(capital, told[1:])]) if told else None


def head_method_quote(run: RunTables) -> Paragraph | None:
    """The methods that name the heads that act first: those whose worst task is best, those whose best is worst."""
    rows = pick(score_card(run), unit="heads", rung=BY_HAND, metric="precision_at_acting_score")
    rows = rows[~rows["method"].isin(CONTROLS) & ~rows["method"].str.endswith(TRUTH_ONLY)]
    if rows.empty:
        return None
    spans = rows.groupby("method", sort=False)["estimate"].agg(["min", "max"])
    best = spans[spans["min"] >= spans["min"].max() - LEAST]
    worst = spans[spans["max"] <= spans["max"].min() + LEAST]
    tasks = plural(rows["dataset"].nunique(), "task")
    return _quote(
        run,
        [
            f"On models set by hand, heads that act are named first most reliably by {_spans(best)}, least by "
            f"{_spans(worst)} (lowest and highest of {tasks}; chance {_range(rows['floor'])}, best 1)"
        ],
    )


def _quote(run: RunTables, told: list[str]) -> Paragraph:
    """The sentences with where they come from."""
    if score_card(run) is run.reference:
        source, links = "Quoted from another run, on other models (`make known-answers`)", []
    else:
        source, links = "From this run's score card", [Link(label="score card", anchor="score-card")]
    return Paragraph(f"{source}. {'. '.join(told)}.", tuple(links), lead=LEAD)


def _by_place(rows: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    """[task, method] estimates, tasks that have all of them; the model is named where a task has several."""
    several = rows.groupby("dataset")["model"].transform("nunique") > 1
    rows = rows.assign(place=rows["dataset"].where(~several, rows["dataset"] + " · " + rows["model"]))
    table = rows.pivot(index="place", columns="method", values="estimate")  # noqa: PD010 - no duplicates
    return table.reindex(index=list(dict.fromkeys(rows["place"])), columns=methods).dropna()


def _parting(run: RunTables, rows: pd.DataFrame, name: str) -> str:
    """SHAP against LIME by one score: their range over tasks, and the task on which they part most; "" without both."""
    table = _by_place(rows, [run.shap, LIME])
    if table.empty:
        return ""
    told = f"{name}: {listing([f'{method_label(m)} {_range(table[m])}' for m in (run.shap, LIME)])}"
    told += f" over {plural(len(table), 'task')}" if len(table) > 1 else f" on {table.index[0]}"
    gap = (table[run.shap] - table[LIME]).abs()
    if gap.max() < LEAST:
        return f"{told}, alike" if len(table) == 1 else f"{told}, alike on each"
    if gap.max() < PARTING:
        return f"{told}; nowhere {number(PARTING)} or more apart"
    place = str(gap.idxmax())
    dataset, _, model = place.partition(" · ")
    on_task = pick(rows, dataset=dataset, **({"model": model} if model else {})).set_index("method")
    order = on_task.loc[[run.shap, LIME]].sort_values("estimate", ascending=False, kind="stable")
    values = [f"{method_label(str(m))} {_interval(r)}" for m, r in order.iterrows()]
    ends = f"chance {number(float(order['floor'].iloc[0]))}"
    if rows["rung"].isin(EXACT_RUNGS).all():  # elsewhere no exact values are known
        ends += f", exact values {number(float(order['ceiling'].iloc[0]))}"
    return f"{told}; they part most on {place}, {' against '.join(values)} ({ends})"


def _found(rows: pd.DataFrame, role: str) -> str:
    """AUROC of heads of one role against idle ones, by direct contribution and by mean ablation; "" without both."""
    table = _by_place(rows, [DIRECT, ABLATION])
    if table.empty:
        return ""
    told = [f"{_range(table[m])} by {_lower(m)}" for m in (DIRECT, ABLATION)]
    what = "heads that write the answer" if role == "direct" else "heads that only feed others"
    return f"{what} are told from idle ones with an AUROC of {' and '.join(told)} ({listing(list(table.index))})"


def _interval(row: pd.Series) -> str:
    return with_interval(float(row["estimate"]), float(row["low"]), float(row["high"]))


def _range(values: pd.Series) -> str:
    low, high = number(float(values.min())), number(float(values.max()))
    return low if low == high else f"{low} to {high}"


def _lower(method: str) -> str:
    """ "Mean ablation" in the middle of a sentence; names that are not words stay."""
    label = head_method_label(method)
    return label[0].lower() + label[1:]


def _spans(spans: pd.DataFrame) -> str:
    """ "mean ablation (0.94 to 1.00)", the first few of several."""
    told = [f"{_lower(str(m))} ({_range(r)})" for m, r in spans.iterrows()]
    more = [f"{len(told) - MOST_NAMED} more"] if len(told) > MOST_NAMED else []
    return listing([*told[:MOST_NAMED], *more])
