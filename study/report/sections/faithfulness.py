"""Section: does the model do what the explanations say, under their own and under other removal operators?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.records import FloatArray
from study.report.blocks import Block, Details, Figure, Link, Paragraph, Section, Table
from study.report.faithfulness_findings import (
    COMPREHENSIVENESS,
    REMOVED,
    method_name,
    methods_of,
    removed_by,
    removes_by,
    rows_by_method,
)
from study.report.figures.grids import GridPanel, paint_grids
from study.report.figures.palette import method_label
from study.report.figures.style import draw
from study.report.inputs import RunTables, Variant, pick
from study.report.notes import estimates_size_note, interval_note, level_text
from study.report.numbers import count, number, p_text, plural, with_interval
from study.report.tables import make_table

SUFFICIENCY = "sufficiency_normalised_error"
ALIKE = 0.02  # of the scale from 0 to 1: means that are this near to the first are told with it
_SHOWN = {COMPREHENSIVENESS: "comprehensiveness", SUFFICIENCY: "sufficiency"}
_COLUMNS = {  # every metric -> its column
    "comprehensiveness_score": "comprehensiveness, logits ↑",
    COMPREHENSIVENESS: "normalised ↑",
    "sufficiency_error": "sufficiency, logits ↓",
    SUFFICIENCY: "normalised ↓",
    "deletion_area_error": "deletion area ↓",
    "insertion_area_score": "insertion area ↑",
    "infidelity_error": "infidelity ↓",
    "infidelity_scaled_error": "best scaled ↓",
}
_WHY = (
    "Where an explanation is right about the model, taking out the words that it names first must change the "
    "prediction most, and these words alone must keep it. Every method is tested so, by every way of taking words out "
    "that the run names."
)
_WHAT = (
    "Comprehensiveness: margin lost without the words that an explanation names first (10 to 50 % of them). "
    "Sufficiency: margin lost with nothing but these. Both lie between the least (0) and the most (1) that any order "
    "of a text's words reaches (searched for in texts of more than 10 words), so that texts can be averaged. High "
    "comprehensiveness and low sufficiency are good; darker is better. Framed: words are taken out as the explainer "
    "itself takes them out; attention, rollout and the random control take none out."
)


def build(run: RunTables) -> Section | None:
    """The grid of explainers and operators, what its differences are worth, and every metric in a table."""
    operators = removed_by(run)
    if not operators:
        return None
    blocks: list[Block] = [Paragraph(_WHY, (Link(label="what came of it", anchor="findings"),))]
    if (grid := _grid(run, operators)) is not None:
        blocks.append(grid)
    if (differences := _differences(run, operators)) is not None:
        blocks.append(Details("Differences between methods, text by text", (differences,)))
    blocks.append(Details("Every measure of faithfulness", (_table(run, operators),)))
    return Section(
        name="faithfulness", title="Does the model do what the explanations say?", short="Faithfulness",
        blocks=tuple(blocks),
    )  # fmt: skip


def _grid(run: RunTables, operators: Sequence[str]) -> Figure | None:
    methods = methods_of(run)
    framed = np.array([[removes_by(m, run) == o for o in operators] for m in methods])
    panels = [
        GridPanel(
            title=run.label(*variant),
            about=name,
            columns=[REMOVED.get(o, o) for o in operators],
            cells=_cells(run, variant, metric, operators, methods),
            good="high" if metric == COMPREHENSIVENESS else "low",
            framed=framed,
        )
        for variant in run.variants
        for metric, name in _SHOWN.items()
    ]
    panels = [panel for panel in panels if np.isfinite(panel.cells).any()]
    if not panels:
        return None
    size = estimates_size_note(run, [f"{metric}_{o}" for metric in _SHOWN for o in operators])
    return draw(
        "faithfulness",
        lambda: paint_grids([method_name(m, run) for m in methods], panels, across=4),
        title=_title(run, methods, operators),
        note=f"{_WHAT} {size}. Means; their {interval_note(run)} is in the tables below.",
        source="estimates",
    )


def _cells(
    run: RunTables, variant: Variant, metric: str, operators: Sequence[str], methods: Sequence[str]
) -> FloatArray:
    """[method operator] estimates."""
    found = [rows_by_method(run, variant, f"{metric}_{o}", methods)["estimate"] for o in operators]
    return np.array([column.reindex(methods).to_numpy(dtype=np.float64) for column in found]).T


def _title(run: RunTables, methods: Sequence[str], operators: Sequence[str]) -> str:
    """First and last by comprehensiveness, mean over operators and models, and how many are as good as the first.

    The second estimator of Shapley values, methods asked under another operator, and the control do not compete.
    """
    cells = [_cells(run, v, COMPREHENSIVENESS, operators, methods) for v in run.variants]
    table = pd.DataFrame(np.concatenate(cells, axis=1), index=list(methods))
    means = table.dropna(axis=1, how="all").dropna().mean(axis=1)
    second = set(SHAPLEY_METHODS) - {run.shap}
    ours = means[[m for m in means.index if "@" not in m and m != "random" and m not in second]]
    if ours.empty:
        return "How much of the margin goes with the words that explanations name first"
    order = ours.sort_values(ascending=False, kind="stable")
    near = int((order >= order.iloc[0] - ALIKE).sum()) - 1
    alike = f", {plural(near, 'other')} within {ALIKE}" if near else ""
    control = f"; random order reaches {number(means['random'])}" if "random" in means else ""
    last = f"; {method_label(str(order.index[-1]))} comes last with {number(order.iloc[-1])}" if len(order) > 1 else ""
    first = f"{method_label(str(order.index[0]))} is most comprehensive on average, {number(order.iloc[0])}"
    return f"{first}{alike}{last}{control}"


def _differences(run: RunTables, operators: Sequence[str]) -> Table | None:
    """Every pair of methods that was compared, a row for each model and operator."""
    rows = []
    for variant in run.variants:
        compared = run.of("comparisons", *variant).set_index(["metric", "method_a", "method_b"]).sort_index()
        for operator in operators:
            own = pick(run.of("comparisons", *variant), metric=f"{COMPREHENSIVENESS}_{operator}")
            for a, b in zip(own["method_a"], own["method_b"], strict=True):
                row = {"model": run.label(*variant), "words": REMOVED.get(operator, operator)}
                row |= {"first": method_name(a, run), "second": method_name(b, run)}
                for metric, name in _SHOWN.items():
                    key = (f"{metric}_{operator}", a, b)
                    row |= _difference(compared.loc[[key]].iloc[0] if key in compared.index else None, name)
                rows.append(row)
    if not rows:
        return None
    return make_table(
        pd.DataFrame(rows),
        {},
        anchor="table-comparisons",
        title="The first method minus the second, on the same texts",
        note=f"{level_text(run)} intervals over texts and over seeds where there are several. d: mean difference over "
        "the standard deviation of the texts' differences. p: sign-flip test, for new texts and these seeds, adjusted "
        "over all comparisons of the run (Benjamini, Hochberg): exploratory. More comprehensiveness and less "
        "sufficiency are better; both normalised. words: how they were taken out to test.",
        source="comparisons",
        left=("first", "second", "words"),
        wide=True,
    )


def _difference(row: pd.Series | None, name: str) -> dict[str, str]:
    """The cells of one difference; empty where it was not compared."""
    cells = ["", "", ""]
    if row is not None:
        p = row["p_adjusted"]
        difference = with_interval(row["difference"], row["low"], row["high"])
        cells = [difference, number(row["effect_size"]), p_text(p)]
    return dict(zip((name, f"d, {name}", f"p, {name}"), cells, strict=True))


def _table(run: RunTables, operators: Sequence[str]) -> Table:
    """Every metric of every method, a row for each model and operator."""
    rows = []
    for variant in run.variants:
        known = pick(run.of("estimates", *variant), subset="all").drop_duplicates(["metric", "method_a"])
        known = known.set_index(["metric", "method_a"])
        for method in methods_of(run):
            for operator in operators:
                found = {m: known.loc[key] for m in _COLUMNS if (key := (f"{m}_{operator}", method)) in known.index}
                if not found:
                    continue
                row = {"model": run.label(*variant), "method": method_name(method, run)}
                row |= {"words": REMOVED.get(operator, operator)}
                row |= {name: _estimate(found.get(metric)) for metric, name in _COLUMNS.items()}
                undefined = [float(r["n_undefined"]) for m, r in found.items() if np.isfinite(r["estimate"])]
                rows.append(row | {"undefined": count(max(undefined)) if undefined else "all"})
    return make_table(
        pd.DataFrame(rows),
        {},
        anchor="table-faithfulness",
        title="Faithfulness of every method, by metric and by how words are taken out to test",
        note=f"Means with their {interval_note(run)}. ↑: higher is better, ↓: lower. Areas: under the margin while "
        "words are taken out (deletion) or put in (insertion), those named first going first. Infidelity: mean squared "
        "error of the margin that random removals cost, against the sum of the removed words' scores; best scaled: "
        "relative, by the scale that suits the method best. Scores without a sign have no infidelity. undefined: texts "
        "left out, at most.",
        source="estimates",
        left=("words", *_COLUMNS.values()),
        wide=True,
    )


def _estimate(row: pd.Series | None) -> str:
    return "" if row is None else with_interval(row["estimate"], row["low"], row["high"])
