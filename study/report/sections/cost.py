"""Section: what each method costs."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Section
from study.report.figures.model import paint_cost
from study.report.figures.style import draw, method_label
from study.report.inputs import RunTables
from study.report.numbers import count, number, plural
from study.report.tables import make_table


def build(run: RunTables) -> Section | None:
    """Evaluations and seconds per text of every method, over all models and seeds."""
    cost = run.cost
    if cost.empty:
        return None
    total = cost.groupby("method", sort=False)[["n_texts", "n_evals", "seconds"]].sum()
    total = total.reindex([m for m in run.config.explain.methods if m in total.index])
    if total.empty:
        return None
    per_text = total[["n_evals", "seconds"]].div(total["n_texts"], axis=0)
    dear = str(per_text["seconds"].idxmax())
    evals, milliseconds = float(per_text.loc[dear, "n_evals"]), 1000 * float(per_text.loc[dear, "seconds"])
    title = f"{method_label(dear)} costs most: {plural(round(evals), 'evaluation')} and {count(milliseconds)} ms a text"
    note = (
        f"Means over {plural(int(total['n_texts'].max()), 'explanation')} a method (texts × models × seeds, the "
        "untrained control included); one thread. Coalitions asked for twice are counted once. No interval. Seconds "
        "differ from machine to machine."
    )
    figure = draw("cost", lambda: paint_cost(per_text), title=title, note=note, source="cost.csv")
    table = pd.DataFrame({"method": [method_label(str(m)) for m in total.index]}).assign(
        texts=total["n_texts"].to_numpy(),
        evaluations=total["n_evals"].to_numpy(),
        seconds=total["seconds"].to_numpy(),
        per_text=per_text["n_evals"].to_numpy(),
        milliseconds=1000 * per_text["seconds"].to_numpy(),
    )
    block = make_table(
        table,
        {"texts": count, "evaluations": count, "seconds": lambda v: number(v, 1), "per_text": lambda v: number(v, 1),
         "milliseconds": lambda v: number(v, 1)},
        anchor="table-cost",
        title="Cost of every method, all models and seeds together",
        source="cost.csv",
        headers={"per_text": "evaluations per text", "milliseconds": "milliseconds per text", "texts": "explanations"},
    )  # fmt: skip
    return Section(name="cost", title="What it costs", short="Cost", blocks=(figure, block))
