"""Part of the section on head methods: how small a circuit each method finds."""

from __future__ import annotations

import pandas as pd

from study.report.blocks import Block, Details, Figure, Heading, Paragraph, Table
from study.report.figures.agreement import Dot, make_dot, paint_dots
from study.report.figures.palette import ACCENT, head_method_label
from study.report.figures.style import draw
from study.report.inputs import RunTables, pick
from study.report.measures import rivals, rivals_text
from study.report.notes import estimates_size_note, interval_note
from study.report.numbers import count, interval, listing, number
from study.report.tables import make_table

PERFORMANCE, DISTANCE = "circuit_performance_score", "circuit_distance_error"
CONTROL = "random"
NAMES = {PERFORMANCE: "CPR", DISTANCE: "CMD"}
_ABOUT = (
    "Only the top heads by one method stay at work, the others are replaced by their reference means; the number of "
    "heads kept grows from none to all. CPR is the area under the share of the margin regained, heads that support the "
    "predicted class first: higher is better, and above 1 where heads that push the other way are left out. CMD is the "
    "area between that share and 1, text by text, heads with the largest scores first: lower is better."
)


def circuit_blocks(run: RunTables) -> list[Block]:
    """The methods by CPR, and both areas in a table; nothing where the run has none."""
    rows = run.tables["estimates"]
    rows = rows[rows["metric"].isin(NAMES) & (rows["subset"] == "all") & rows["estimate"].notna()]
    if rows.empty:
        return []
    blocks: list[Block] = [Heading("How small a circuit each method finds", "circuits"), Paragraph(_ABOUT)]
    if (figure := _figure(run, rows)) is not None:
        blocks.append(figure)
    return [*blocks, Details("CPR and CMD of every method", (_table(run, rows),))]


def _figure(run: RunTables, rows: pd.DataFrame) -> Figure | None:
    panels: dict[str, list[Dot]] = {}
    for dataset, model in run.variants:
        own = pick(rows, dataset=dataset, model=model, metric=PERFORMANCE)
        own = own.sort_values("estimate", ascending=False, kind="stable")
        if len(own):
            panels[run.label(dataset, model)] = [
                make_dot(head_method_label(str(row["method_a"])), "", row) for _, row in own.iterrows()
            ]
    if not panels:
        return None
    return draw(
        "circuits",
        lambda: paint_dots(panels, {"": ACCENT}, "CPR, share of the margin that all heads add"),
        title=_title(run, rows),
        note=f"CPR in units of the mean margin that all heads together add. Random control: heads kept in random "
        f"order, what a method must beat. {estimates_size_note(run, [PERFORMANCE])}; {interval_note(run)}. The title "
        "goes by the means; intervals may overlap.",
        source="estimates",
    )


def _title(run: RunTables, rows: pd.DataFrame) -> str:
    """The method with the highest CPR of each model; that none beats random order, where that is so."""
    best: dict[str, list[str]] = {}
    near: list[int] = []
    beaten = False
    for dataset, model in run.variants:
        found = pick(rows, dataset=dataset, model=model, metric=PERFORMANCE).set_index("method_a")
        own, methods = found["estimate"], found["estimate"].drop(index=CONTROL, errors="ignore")
        if methods.empty:
            continue
        if CONTROL in own and own[CONTROL] >= methods.max():
            beaten = True
        near.append(len(rivals(found.drop(index=CONTROL, errors="ignore"), str(methods.idxmax()))))
        best.setdefault(head_method_label(str(methods.idxmax())), []).append(run.label(dataset, model))
    if beaten or not best:
        return "Not every model has a method that keeps more of the margin with few heads than random order does"
    places = len(best) > 1
    named = listing([f"{method} ({', '.join(models)})" if places else method for method, models in best.items()])
    return f"{named} {'keep' if places else 'keeps'} most of the margin with few heads{rivals_text(near)}"


def _table(run: RunTables, rows: pd.DataFrame) -> Table:
    table = pd.DataFrame(
        {
            "model": [run.label(d, m) for d, m in zip(rows["dataset"], rows["model"], strict=True)],
            "area": rows["metric"].map(NAMES),
            "method": rows["method_a"].map(head_method_label),
            "estimate": rows["estimate"],
            "interval": [interval(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)],
            "texts": rows["n_examples"],
            "undefined": rows["n_undefined"],
        }
    )
    return make_table(
        table,
        {"estimate": number, "texts": count, "undefined": count},
        anchor="table-circuits",
        title="Areas over circuit sizes",
        note=f"Means with their {interval_note(run)}.",
        source="estimates",
        left=("area", "interval"),
    )
