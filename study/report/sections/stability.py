"""Section: are explanations stable, do they notice a model that knows nothing, and what makes them vary?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.blocks import Block, Details, Figure, Section, Table
from study.report.figures.agreement import Dot, make_dot, paint_dots
from study.report.figures.grids import GridPanel, paint_grids
from study.report.figures.palette import ACCENT, MUTED, method_label
from study.report.figures.style import draw
from study.report.inputs import RunTables
from study.report.notes import interval_note
from study.report.numbers import count, number, percent, plural
from study.report.stability_findings import (
    LABELS,
    STABILITY,
    sanity_finding,
    sanity_row,
    sanity_steps,
    stability_finding,
    stability_rows,
)
from study.report.tables import make_table

_COLOURS = dict(zip(STABILITY, (ACCENT, MUTED, "#b3541e"), strict=True))


def build(run: RunTables) -> Section | None:
    """Stability, sanity, and the sources of variance; nothing where the run has none of them."""
    blocks: list[Block] = []
    if (stability := _stability(run)) is not None:
        blocks += [stability_finding(run), stability]
    if (sanity := _sanity(run)) is not None:
        blocks += [sanity_finding(run), sanity]
    if len(run.tables["variance"]):
        blocks.append(_variance(run))
    if len(run.tables["edits"]):
        blocks.append(Details("The edits", (_edits(run),)))
    if not blocks:
        return None
    return Section(name="stability", title="Stable, and not blind?", short="Stability", blocks=tuple(blocks))


def _stability(run: RunTables) -> Figure | None:
    panels: dict[str, list[Dot]] = {}
    for variant in run.variants:
        dots = [
            make_dot(method_label(str(method)), what, row)
            for what in STABILITY
            for method, row in stability_rows(run, variant, what).iterrows()
        ]
        if dots:
            panels[run.label(*variant)] = dots
    if not panels:
        return None
    lowest = min((d for dots in panels.values() for d in dots), key=lambda d: d.estimate)
    return draw(
        "stability",
        lambda: paint_dots(panels, _COLOURS, "Spearman with itself"),
        title=f"{lowest.row} changes most, with {lowest.group}: Spearman {number(lowest.estimate)}",
        note="The same method on the same text with new randomness (of methods that draw), with one word replaced by "
        "one of like use (words in both; edits keep the class and nearly the margin), and from a model trained with "
        f"another seed. Methods without a sign by size. {interval_note(run)}.",
        source="tables/estimates",
    )


def _sanity(run: RunTables) -> Figure | None:
    methods = [m for m in run.methods() if any(_value(run, v, s, m) is not None for v in run.variants
                                               for s in sanity_steps(run, v))]  # fmt: skip
    panels = []
    for variant in run.variants:
        steps = sanity_steps(run, variant)
        cells = np.array([[_value(run, variant, s, m) for s in steps] for m in methods], dtype=np.float64)
        if cells.size:
            panels.append(
                GridPanel(
                    title=run.label(*variant),
                    about="Spearman of sizes with the trained model",
                    columns=["labels" if s == LABELS else s.replace("_", " ") for s in steps],
                    cells=cells,
                    high_is_good=False,
                    own=np.zeros(cells.shape, dtype=bool),
                )
            )
    if not panels:
        return None
    return draw(
        "sanity",
        lambda: paint_grids([method_label(m) for m in methods], panels, across=min(2, len(panels))),
        title=_sanity_title(panels, methods),
        note="Weights are drawn anew from the top down, each column with all to its left: readout, layers, embeddings; "
        "labels: the same model trained on shuffled labels. Near 0 (dark): the explanation noticed. All texts of a "
        f"model and seed share its random weights. {_n(run)}",
        source="tables/estimates",
    )


def _value(run: RunTables, variant: tuple[str, str], step: str, method: str) -> float | None:
    row = sanity_row(run, variant, step, method)
    return None if row is None else float(row["estimate"])


def _sanity_title(panels: list[GridPanel], methods: list[str]) -> str:
    """The method that keeps most, over all columns of all models."""
    table = np.concatenate([panel.cells for panel in panels], axis=1)
    means = np.array([np.nanmean(row) if np.isfinite(row).any() else -np.inf for row in table])
    most = int(means.argmax())
    return f"{method_label(methods[most])} keeps most of its ranking without what was learned: {number(means[most])}"


def _n(run: RunTables) -> str:
    rows = run.tables["estimates"]
    rows = rows[rows["metric"].str.startswith("sanity_") & (rows["subset"] == "all")]
    return (
        f"n = {plural(int(rows['n_examples'].max()), 'text')} × {plural(int(rows['n_seeds'].max()), 'seed')} per model."
    )


def _variance(run: RunTables) -> Table:
    rows = run.tables["variance"]
    table = pd.DataFrame(
        {
            "model": [run.label(d, m) for d, m in zip(rows["dataset"], rows["model"], strict=True)],
            "metric": rows["metric"].str.replace("_", " "),
            "methods": [
                method_label(a) if b in ("", a) else f"{method_label(a)}, {method_label(b)}"
                for a, b in zip(rows["method_a"], rows["method_b"], strict=True)
            ],
            "source": rows["source"],
            "share": rows["share"],
            "variance": rows["variance"],
            "seeds": rows["n_seeds"],
            "texts": rows["n_examples"],
            "repeats": rows["n_repeats"],
        }
    )
    return make_table(
        table,
        {"share": percent, "variance": lambda v: number(v, 5), "seeds": count, "texts": count, "repeats": count},
        anchor="table-variance",
        title="What makes agreement vary: training seed, text, or the explainer's own randomness",
        note="Components of variance of one value a training seed, text and repeat of the explainer (ANOVA estimates; "
        "below zero counts as zero). Few seeds: their component is rough.",
        source="tables/variance",
        left=("methods", "source"),
    )


def _edits(run: RunTables) -> Table:
    rows = run.tables["edits"]
    kept = rows.groupby(["word", "new_word"], sort=False).agg(
        n=("example_id", "size"), change=("edited_margin", "mean"), margin=("margin", "mean")
    )
    table = kept.assign(change=kept["change"] - kept["margin"]).drop(columns="margin").reset_index()
    table = table.sort_values("n", ascending=False, kind="stable").head(30)
    return make_table(
        table[["word", "new_word", "n", "change"]],
        {"n": count, "change": number},
        anchor="table-edits",
        title="Words that were replaced, the most frequent first",
        note="n: texts × models × seeds. change: of the margin, logits, mean.",
        source="tables/edits",
        headers={"new_word": "replaced by"},
        left=("new_word",),
    )
