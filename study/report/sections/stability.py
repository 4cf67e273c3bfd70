"""Section: are explanations stable, do they notice a model that knows nothing, and what makes them vary?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.config.limits import SHAPLEY_METHODS
from study.report.blocks import Block, Details, Figure, Link, Paragraph, Section, Table
from study.report.figures.agreement import Dot, make_dot, paint_dots
from study.report.figures.grids import GridPanel, paint_grids
from study.report.figures.palette import ACCENT, MUTED, method_label
from study.report.figures.style import draw
from study.report.findings import numbers_of
from study.report.inputs import RunTables, Variant, pick
from study.report.measures import spread
from study.report.notes import estimates_size_note, interval_note
from study.report.numbers import count, number, percent, percent_range
from study.report.stability_findings import (
    LABELS,
    SEED,
    SOURCES,
    STABILITY,
    cannot_notice,
    sanity_row,
    sanity_steps,
    stability_metric,
    stability_rows,
    variance_finding,
)
from study.report.tables import make_table

_COLOURS = dict(zip(STABILITY, (ACCENT, MUTED, "#b3541e"), strict=True))
_STABLE = (
    "An explanation should hardly change when nothing that matters changed: with new random numbers, with one word of "
    "the text edited, with the same model trained again from another seed."
)
_SANE = (
    "And it must change when the model knows nothing any more: with weights made random, from the readout downwards, "
    "or trained on shuffled labels. A method whose ranking of words stays is blind to the model."
)
MOST_EDITS = 30  # shown
NOTHING_LEFT = 0.1  # mean Spearman below which a method counts as having lost its ranking


def build(run: RunTables) -> Section | None:
    """Stability, sanity, and the sources of variance; nothing where the run has none of them."""
    blocks: list[Block] = []
    if (stability := _stability(run)) is not None:
        blocks += [Paragraph(_STABLE, (Link(label="what came of it", anchor="findings"),)), stability]
    if (sanity := _sanity(run)) is not None:
        blocks += [Paragraph(_SANE), sanity]
        blocks += [learned] if (learned := _learned(run)) else []
    if (variance := _variance(run)) is not None:
        blocks += [variance_finding(run), Details("Every component of variance", (variance,))]
    if len(run.tables["edits"]):
        blocks.append(Details("The edits", (_edits(run),)))
    if not blocks:
        return None
    return Section(
        name="stability",
        title="Are explanations stable, and do they notice a model that knows nothing?",
        short="Stability",
        blocks=tuple(blocks),
    )


def _stability(run: RunTables) -> Figure | None:
    panels: dict[str, list[Dot]] = {}
    for variant in run.variants:
        dots = [
            make_dot(method_label(method), what, row)
            for what in STABILITY
            for method, row in stability_rows(run, variant, what).items()
        ]
        if dots:
            panels[run.label(*variant)] = dots
    if not panels:
        return None
    shown = {dot.group for dots in panels.values() for dot in dots}
    lowest, where = min(((d, name) for name, dots in panels.items() for d in dots), key=lambda pair: pair[0].estimate)
    place = f" ({where})" if len(run.variants) > 1 else ""
    return draw(
        "stability",
        lambda: paint_dots(panels, {g: c for g, c in _COLOURS.items() if g in shown}, "Spearman with itself"),
        title=f"{lowest.row} changes most, with {lowest.group}: Spearman {number(lowest.estimate)}{place}",
        note=_stability_note(run, shown),
        source="estimates",
    )


def _stability_note(run: RunTables, shown: set[str]) -> str:
    about = {
        "new randomness": "the same method on the same text with new randomness (of SHAP and LIME, which draw)",
        "one word edited": "one word replaced by the one whose vector is nearest (over the words in both; the class "
        "stays, and nearly the margin)",
        SEED: "the model trained with another seed, all pairs of seeds",
    }
    said = "; ".join(f"{what}: {about[what]}, {_size(run, what)}" for what in STABILITY if what in shown)
    two = " With two seeds the interval of their pair is over texts only." if SEED in shown and len(
        run.config.seeds) == 2 else ""  # fmt: skip
    second = (
        f" {method_label('shap')}, a second estimate of the same values, is asked once only, so it has neither repeats "
        "nor edits."
        if set(SHAPLEY_METHODS) <= set(run.methods())
        else ""
    )
    return (
        f"{said[:1].upper()}{said[1:]}. Methods without a sign by size.{_exact(run)}{second} Lines: "
        f"{interval_note(run)}.{two}"
    )


def _size(run: RunTables, what: str) -> str:
    return estimates_size_note(run, [stability_metric(STABILITY[what], method) for method in run.methods()])


def _exact(run: RunTables) -> str:
    """How many of the repeated SHAP explanations are exact; empty where none was repeated."""
    keys = ["dataset", "model", "seed", "example_id"]
    again = pick(run.tables["repeats"], method_a=run.shap)[keys].drop_duplicates()
    how = pick(run.tables["features"], trained=True, method=run.shap)[[*keys, "estimator"]].drop_duplicates(keys)
    again = again.merge(how, on=keys)
    if again.empty:
        return ""
    exact = int((again["estimator"] == "exact").sum())
    same = "; exact values are the same in every repeat by definition" if exact else ""
    return f" SHAP is exact in {count(exact)} of the {count(len(again))} explanations that were repeated{same}."


def _sanity(run: RunTables) -> Figure | None:
    steps = {v: sanity_steps(run, v) for v in run.variants}
    known = {
        (v, s, m): float(row["estimate"])
        for v in run.variants
        for s in steps[v]
        for m in run.methods()
        if (row := sanity_row(run, v, s, m)) is not None
    }
    if not known:
        return None
    methods = [m for m in run.methods() if any(m == method for _, _, method in known)]
    panels = []
    for variant in run.variants:
        cells = np.array([[known.get((variant, s, m), np.nan) for s in steps[variant]] for m in methods])
        if np.isfinite(cells).any():
            panels.append(
                GridPanel(
                    title=run.label(*variant),
                    about="Spearman of sizes with the trained model",
                    columns=["labels" if s == LABELS else s.replace("_", " ") for s in steps[variant]],
                    cells=cells,
                    good="near zero",
                    framed=np.array([[cannot_notice(m, s) for s in steps[variant]] for m in methods]),
                )
            )
    return draw(
        "sanity",
        lambda: paint_grids([method_label(m) for m in methods], panels, across=2),
        title=_sanity_title(known, methods),
        note=_sanity_note(run, steps),
        source="estimates",
    )


def _sanity_title(known: dict[tuple[Variant, str, str], float], methods: list[str]) -> str:
    """The method that changes least, mean over all columns that it can notice; the control does not compete."""
    means = {}
    for method in methods:
        values = [x for (_, step, m), x in known.items() if m == method and not cannot_notice(m, step)]
        if values:
            means[method] = float(np.mean(values))
    control = f" (random control {number(means['random'])})" if "random" in means else ""
    ours = {m: mean for m, mean in means.items() if m != "random"}
    if not ours:
        return "Explanations of models with random weights"
    most = max(ours, key=lambda m: ours[m])
    if ours[most] < NOTHING_LEFT:
        return f"No method keeps its ranking: Spearman {number(ours[most])} on average at most{control}"
    value = f"Spearman {number(ours[most])} on average{control}"
    return f"{method_label(most)} changes least when the model knows less: {value}"


def _sanity_note(run: RunTables, steps: dict[Variant, list[str]]) -> str:
    names = list(dict.fromkeys(s for own in steps.values() for s in own))
    size = estimates_size_note(run, [f"sanity_spearman_abs_{s}" for s in names])
    vectors = any(d.word_vectors is not None for d in run.config.datasets)
    labels = " labels: the same model trained on shuffled labels." if LABELS in names else ""
    start = " It starts from the same word vectors." if labels and vectors else ""
    second = " The shap package is not asked again." if set(SHAPLEY_METHODS) <= set(run.methods()) else ""
    return (
        "Weights are drawn anew from the top down, each column with all to its left: readout, layers, embeddings; what "
        f"is to the right of it is still as trained.{labels}{start} Near 0 (dark): the explanation noticed. By size, "
        "since a random readout may turn all signs at once. Framed: attention and rollout come before the readout, so "
        f"a random one cannot change them; the mean leaves these out.{second} {size}; all texts of a model and seed "
        f"share its random weights. Means; no interval is drawn, those of SHAP and LIME are the {interval_note(run)} "
        "above."
    )


def _learned(run: RunTables) -> Paragraph | None:
    """How much of the shuffled labels the control learned: the epoch that was kept, the one that fits most."""

    def best(table: str, variant: Variant) -> str | None:
        rows = run.of(table, *variant)
        found = spread(rows.groupby("seed")["validation_accuracy"].max()) if len(rows) else None
        return None if found is None else percent_range(found.low, found.high)

    if not (shuffled := numbers_of(run, lambda v: best("shuffled_training", v))):
        return None
    true = numbers_of(run, lambda v: best("training", v))
    beside = f" (with the true labels: {true} of validation texts that were not trained on)" if true else ""
    return Paragraph(
        f"The models of the last column fit {shuffled} of the shuffled labels of their own training texts{beside}; a "
        "range is over seeds. One that learned little of the nonsense is nearer to an untrained model.",
        tone="muted",
    )


def _variance(run: RunTables) -> Table | None:
    """Shares by source, a row for each model, metric and methods."""
    rows = []
    keys = ["dataset", "model", "metric", "method_a", "method_b"]
    for (dataset, model, metric, a, b), own in run.tables["variance"].groupby(keys, sort=False):
        row = {"model": run.label(dataset, model), "metric": metric.replace("_", " ")}
        row |= {"methods": method_label(a) if b in ("", a) else f"{method_label(a)}, {method_label(b)}"}
        shares = dict(zip(own["source"], zip(own["share"], own["is_cut"], strict=True), strict=True))
        for source in SOURCES:
            share, is_cut = shares.get(source, (np.nan, False))
            row[source] = f"{percent(share)}{' (cut)' if is_cut else ''}"
        row |= {"variance": number(own["variance"].sum(min_count=1), 5)}
        sizes = own.iloc[0][["n_seeds", "n_examples", "n_repeats", "n_undefined"]]
        rows.append(row | dict(zip(("seeds", "texts", "repeats", "undefined"), map(count, sizes), strict=True)))
    if not rows:
        return None
    return make_table(
        pd.DataFrame(rows),
        {},
        anchor="table-variance",
        title="What makes explanations vary, as shares of the variance of one value",
        note="Components of variance of one value a training seed, text and repeat of the explainer (ANOVA estimates). "
        "cut: an estimate below zero, which counts as zero. –: not told apart, with one seed say. Few seeds: their "
        "component is rough. variance: the sum. top share: of the largest score in the sum of all sizes.",
        source="variance",
        headers=SOURCES,
        left=("methods",),
        wide=True,
    )


def _edits(run: RunTables) -> Table:
    rows = run.tables["edits"]
    kept = rows.groupby(["word", "new_word"], sort=False).agg(
        n=("example_id", "size"), change=("edited_margin", "mean"), margin=("margin", "mean")
    )
    table = kept.assign(change=kept["change"] - kept["margin"]).drop(columns="margin").reset_index()
    table = table.sort_values("n", ascending=False, kind="stable").head(MOST_EDITS)
    return make_table(
        table[["word", "new_word", "n", "change"]],
        {"n": count, "change": number},
        anchor="table-edits",
        title=f"Words that were replaced, {_how_many(len(kept))}",
        note="n: texts, over all models and seeds. change: of the margin, logits, mean.",
        source="edits",
        headers={"new_word": "replaced by"},
        left=("new_word",),
    )


def _how_many(n: int) -> str:
    """Which of n are shown."""
    return f"the {MOST_EDITS} most frequent of {count(n)}" if n > MOST_EDITS else "the most frequent first"
