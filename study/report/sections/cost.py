"""Section: what each method costs."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Section, Table
from study.report.figures.model import paint_cost
from study.report.figures.palette import head_method_label, method_label
from study.report.figures.style import draw
from study.report.inputs import RunTables
from study.report.numbers import count, number, plural
from study.report.tables import make_table


def build(run: RunTables) -> Section | None:
    """Evaluations and seconds per text of every method, over all models and seeds."""
    every = run.cost.groupby("method", sort=False)[["n_texts", "n_evals", "seconds"]].sum()
    total = every.reindex([m for m in run.config.explain.methods if m in every.index])
    heads = every.drop(index=total.index)
    if total.empty:
        return None
    per_text = total[["n_evals", "seconds"]].div(total["n_texts"], axis=0)
    dear = str(per_text["seconds"].idxmax())
    evals, milliseconds = float(per_text.loc[dear, "n_evals"]), 1000 * float(per_text.loc[dear, "seconds"])
    most = f"{plural(round(evals), 'evaluation')} and {count(milliseconds)} ms a text"
    title = f"Of the methods for words {method_label(dear)} takes longest: {most}"
    note = (
        f"Means; n = {plural(int(total['n_texts'].max()), 'explanation')} a method (texts × models × "
        f"{plural(len(run.config.seeds), 'seed')}, the untrained control included); one "
        "thread. Coalitions asked for twice are counted once. No interval. Seconds differ from machine to machine."
    )
    figure = draw("cost", lambda: paint_cost(per_text), title=title, note=note, source="cost.csv")
    blocks: list[Block] = [
        figure,
        _table(total, "table-cost", "Cost of every method for words, all models and seeds together"),
    ]
    if not heads.empty:
        note = (
            "An evaluation is one forward pass of one coalition of words with one set of heads; those of the causal "
            "crosswalk share most of their work. Methods that read another one's table of head subsets count none."
        )
        title = "Cost of every method for heads, and of the causal crosswalk"
        blocks.append(_table(heads, "table-head-cost", title, note))
    return Section(name="cost", title="What it costs", short="Cost", blocks=tuple(blocks))


def _table(total: pd.DataFrame, anchor: str, title: str, note: str = "") -> Table:
    """total: [method], summed over texts, models and seeds: n_texts, n_evals, seconds."""
    table = pd.DataFrame({"method": [_label(str(m)) for m in total.index]}).assign(
        texts=total["n_texts"].to_numpy(),
        evaluations=total["n_evals"].to_numpy(),
        seconds=total["seconds"].to_numpy(),
        per_text=(total["n_evals"] / total["n_texts"]).to_numpy(),
        milliseconds=1000 * (total["seconds"] / total["n_texts"]).to_numpy(),
    )
    return make_table(
        table,
        {"texts": count, "evaluations": count, "seconds": lambda v: number(v, 1), "per_text": lambda v: number(v, 1),
         "milliseconds": lambda v: number(v, 1)},
        anchor=anchor,
        title=title,
        note=note,
        source="cost.csv",
        headers={"per_text": "evaluations per text", "milliseconds": "milliseconds per text", "texts": "explanations"},
    )  # fmt: skip


def _label(method: str) -> str:
    """A method's name on the page; those for heads stand in the table as "heads: <method>"."""
    return head_method_label(method.removeprefix("heads: ")) if method.startswith("heads: ") else method_label(method)
