"""Section: which words; how far the methods agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.records import UNSIGNED_METHODS
from study.report.blocks import Block, Figure, Heading, Paragraph, Section, Table
from study.report.controls import completeness_note, untrained_figure
from study.report.figures.agreement import (
    SUBSET_COLOURS,
    Dot,
    LengthBin,
    length_bins,
    make_dot,
    paint_dots,
    paint_length,
    paint_matrix,
    paint_words,
)
from study.report.figures.palette import METHOD_COLOURS, method_label
from study.report.figures.style import draw
from study.report.inputs import LIME, RunTables
from study.report.measures import agreement_by_text, agreement_matrix, confusion, estimate, global_words
from study.report.notes import interval_note, level_text, passed_over, size_note, two_estimates
from study.report.numbers import count, listing, number, plural, with_interval
from study.report.quotes import word_quote
from study.report.tables import make_table

ABOUT = (
    "Every method scores the same words of the same texts, and explains the same number: the class margin in "
    "logits. So what differs below is the method, not the question."
)


def build(run: RunTables) -> Section | None:
    """Agreement of the methods, the words that count, and what agreement depends on."""
    matrix, dots, words, length, control = (
        _matrix(run),
        _correctness(run),
        _words(run),
        _length(run),
        untrained_figure(run),
    )
    blocks: list[Block] = [Paragraph(f"{ABOUT}{two_estimates(run)}")] if matrix else []
    blocks += [b for b in (matrix, _agreement_table(run), completeness_note(run)) if b]
    blocks += [word_quote(run)] if matrix else []
    if words:
        blocks += [Heading("Words that count over all texts", "global-words"), words]
    if dots or length:
        blocks += [Heading("Where they disagree", "disagreement"), *[b for b in (dots, *_confusions(run), length) if b]]
    if control:
        blocks += [Heading("Control: the same methods on untrained weights", "untrained"), control]
    if not blocks:
        return None
    return Section(name="features", title="Which words: the methods compared", short="Words", blocks=tuple(blocks))


def _matrix(run: RunTables) -> Figure | None:
    methods = run.methods()
    matrices = {run.label(*v): agreement_matrix(run, v, "spearman", methods) for v in run.variants}
    matrices = {k: m for k, m in matrices.items() if np.isfinite(m).any()}
    if not matrices:
        return None
    shapley = np.isin(methods, SHAPLEY_METHODS)
    same = np.outer(shapley, shapley)  # two estimates of one number are no two methods that agree
    best: dict[str, list[str]] = {}
    for name, matrix in matrices.items():
        lower = np.where(np.tri(len(methods), k=-1, dtype=bool) & ~same, matrix, np.nan)
        if np.isfinite(lower).any():
            i, j = np.unravel_index(np.nanargmax(lower), lower.shape)
            pair = f"{method_label(methods[int(j)])} and {method_label(methods[int(i)])}"
            best.setdefault(pair, []).append(f"{number(lower[i, j])} in {name}")
    note = (
        f"Mean Spearman rank correlation over the words of a text; {size_note(run)}. Below the diagonal: scores; "
        "above it: their sizes, the only way to compare attention and rollout, which have no sign. "
        f"{passed_over(methods)}No interval here: see the table."
    )
    title = "; ".join(f"{pair} agree most ({listing(where)})" for pair, where in best.items())
    title = title or "Agreement of the methods by size"
    axis = "Spearman: below the diagonal of scores, above it of their sizes"
    return draw("agreement", lambda: paint_matrix(matrices, methods, axis), title=title, note=note, source="estimates")


def _agreement_table(run: RunTables) -> Table | None:
    """SHAP against LIME by every metric, a column a variant."""
    rows = run.tables["estimates"]
    pair = (
        rows["method_a"].isin([run.shap, LIME])
        & rows["method_b"].isin([run.shap, LIME])
        & (rows["method_a"] != rows["method_b"])
    )
    metrics = list(dict.fromkeys(rows[pair & (rows["subset"] == "all")]["metric"]))
    table: dict[str, list[str]] = {
        "metric": [m.replace("_at_k", ", k\u00a0=\u00a0").replace("_", " ") for m in metrics]
    }
    for variant in run.variants:
        found = [estimate(run, variant, m, run.shap, LIME) for m in metrics]
        name = run.label(*variant)
        table[name] = ["" if r is None else with_interval(r["estimate"], r["low"], r["high"], 3) for r in found]
        table[f"{name}: undefined"] = ["" if r is None else count(float(r["n_undefined"])) for r in found]
    if not metrics:
        return None
    empty = [c for c in table if c.endswith(": undefined")]
    if all(cell in ("", "0") for c in empty for cell in table[c]):
        table = {c: cells for c, cells in table.items() if c not in empty}
        left_out = "No value is undefined."
    else:
        left_out = "Undefined values (a text of one word, say) are left out and counted."
    note = (
        f"{interval_note(run)}; {size_note(run)}. {left_out} "
        "The intervals are symmetric t intervals, cut at the metric's bounds."
    )
    return make_table(
        pd.DataFrame(table),
        {},
        anchor="table-agreement",
        title="SHAP against LIME by every metric",
        note=note,
        source="estimates",
    )


def _words(run: RunTables) -> Figure | None:
    found = {run.label(*v): global_words(run, v) for v in run.variants}
    tables = {name: table.drop(columns="n_texts") for name, (table, _) in found.items() if not table.empty}
    if not tables:
        return None
    least = {name: least for name, (_, least) in found.items() if name in tables}
    ends = [
        f"“{table.index[-1]}” most for and “{table.index[0]}” most against in {name}" for name, table in tables.items()
    ]
    methods = {m: METHOD_COLOURS[m] for m in (run.shap, LIME) if any(m in t for t in tables.values())}
    note = (
        f"Mean score of a word, logits; {size_note(run)}; words found in at least "
        f"{plural(max(least.values()), 'text')}. A text counts once a word. No interval: a description."
    )
    targets = set(run.tables["texts"]["target"])
    axis = f"mean score, logits (+ = {targets.pop() if len(targets) == 1 else 'the predicted class'})"
    return draw(
        "global-words", lambda: paint_words(tables, methods, axis), title="; ".join(ends), note=note, source="features"
    )


def _correctness(run: RunTables) -> Figure | None:
    panels: dict[str, list[Dot]] = {}
    others = [m for m in run.methods() if m not in {run.shap, *UNSIGNED_METHODS}]
    for variant in run.variants:
        for method in others:
            for subset in SUBSET_COLOURS:
                row = estimate(run, variant, "spearman", run.shap, method, subset)
                if row is not None:
                    panels.setdefault(run.label(*variant), []).append(
                        make_dot(f"SHAP, {method_label(method)}", subset, row)
                    )
    if not panels:
        return None
    title = _correctness_title(run)
    note = (
        f"Mean Spearman, split by whether the model was right, with its {level_text(run)} interval over texts, "
        "given the seeds (which texts are right differs between seeds, so it says nothing of new ones); "
        f"{size_note(run)}."
    )
    axis = "Spearman rank correlation"
    return draw(
        "correctness", lambda: paint_dots(panels, SUBSET_COLOURS, axis), title=title, note=note, source="estimates"
    )


def _correctness_title(run: RunTables) -> str:
    parts = []
    for variant in run.variants:
        right, wrong = (estimate(run, variant, "spearman", run.shap, LIME, s) for s in ("correct", "wrong"))
        if right is not None and wrong is not None:
            values = f"{number(right['estimate'])} where right, {number(wrong['estimate'])} where wrong"
            parts.append(f"{values} in {run.label(*variant)}")
    return f"SHAP–LIME agreement: {'; '.join(parts)}" if parts else "Agreement with SHAP by correctness"


def _confusions(run: RunTables) -> list[Table]:
    """Explained texts by label and prediction, with how far SHAP and LIME agree there."""
    frames = [confusion(run, v).assign(model=run.label(*v)) for v in run.variants]
    frames = [f for f in frames if len(f)]
    if not frames:
        return []
    table = pd.concat(frames)[["model", "label", "predicted", "n", "abs_margin", "agreement"]]
    return [
        make_table(
            table,
            {"n": count, "abs_margin": number, "agreement": number},
            anchor="table-confusion",
            title="Confusion of the explained texts, with the agreement in each cell",
            note="n: texts × seeds. Mean |margin| in logits; mean SHAP–LIME Spearman. Of all test texts: see accuracy.",
            source="texts",
            headers={"abs_margin": "mean |margin|", "agreement": "SHAP–LIME Spearman"},
        )
    ]


def _length(run: RunTables) -> Figure | None:
    points = {run.label(*v): agreement_by_text(run, v) for v in run.variants}
    points = {name: rows for name, rows in points.items() if len(rows) > 2}
    if not points:
        return None
    bins = {name: found for name, rows in points.items() if (found := length_bins(rows))}
    parts = [f"{_bin_text(found[0])} and {_bin_text(found[-1])} in {name}" for name, found in bins.items()]
    title, steps = "SHAP–LIME agreement of every text", ""
    if parts:
        title = f"Median SHAP–LIME agreement by length: {'; '.join(parts)}"
        steps = "Dark steps: medians of bins with about equally many texts; the title has the first and the last. "
    known = pd.concat(points.values())["exact"]
    shap = f"SHAP is exact in {count(known.eq(True).sum())} dots, sampled in {count(known.eq(False).sum())}. "
    note = (
        f"Each dot a text (mean over seeds); {size_note(run)}. {steps}"
        f"{shap if known.notna().any() else ''}No interval: a description."
    )
    axis = "Spearman of SHAP and LIME"
    return draw("length", lambda: paint_length(points, axis), title=title, note=note, source="measurements")


def _bin_text(part: LengthBin) -> str:
    low, high = count(part.shortest), count(part.longest)
    return f"{number(part.median)} at {low if low == high else f'{low} to {high}'} words (n = {part.n})"
