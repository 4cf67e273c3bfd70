"""What stays of an explanation when nothing that matters changed, and what goes when everything did."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from study.records import UNSIGNED_METHODS
from study.report.blocks import Link, Paragraph
from study.report.figures.palette import method_label
from study.report.findings import estimate_text, missing, numbers_of
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.measures import estimate
from study.report.numbers import listing, number

KEPT = 0.3  # |Spearman| with the trained model's ranking above which an explanation still tells the same words apart
STABILITY = {  # what changed -> how its metric begins
    "new randomness": "repeat_spearman",
    "one word edited": "edit_spearman{abs}_score",
    "another training seed": "seed_spearman{abs}",
}
LABELS = "labels"  # the last step of `sanity`: a model that learned shuffled labels


def stability_metric(pattern: str, method: str) -> str:
    """The metric that a method has: by size where its scores have no sign."""
    return pattern.format(abs="_abs" if method in UNSIGNED_METHODS else "")


def sanity_steps(run: RunTables, variant: Variant) -> list[str]:
    """What was randomised, from the readout downwards, shuffled labels last, as the metrics name it."""
    names = run.of("estimates", *variant)["metric"].astype(str)
    steps = [m[1] for n in dict.fromkeys(names) if (m := re.fullmatch(r"sanity_spearman_abs_(.+)", n))]
    return [s for s in steps if s != LABELS] + [s for s in steps if s == LABELS]


def sanity_row(run: RunTables, variant: Variant, step: str, method: str) -> pd.Series | None:
    """Spearman of sizes on the randomised and on the trained model: a random readout may turn all signs at once."""
    return estimate(run, variant, f"sanity_spearman_abs_{step}", method, method)


def stability_finding(run: RunTables) -> Paragraph:
    """SHAP and LIME with new randomness, on an edited text, and from another training seed."""
    told = []
    for what, pattern in STABILITY.items():
        for method in (run.shap, LIME):
            metric = stability_metric(pattern, method)

            def say(variant: Variant, metric: str = metric, method: str = method) -> str | None:
                row = estimate(run, variant, metric, method, method)
                row = estimate(run, variant, metric, method, "") if row is None else row
                return None if row is None else estimate_text(row)

            if numbers := numbers_of(run, say):
                told.append((what, f"{method_label(method)} {numbers}"))
    if not told:
        return missing("Are explanations stable?")
    groups = {what: [text for name, text in told if name == what] for what, _ in told}
    said = "; ".join(f"with {what}, {listing(texts)}" for what, texts in groups.items())
    return Paragraph(
        f"Spearman of the explanation with itself: {said}.",
        (Link(label="stability", anchor="fig-stability"),),
        lead=_lead(run),
    )


def _lead(run: RunTables) -> str:
    """Whether the training seed moves an explanation more than everything else that was tried."""
    lower = []
    for variant in run.variants:
        seed = estimate(run, variant, "seed_spearman", run.shap, run.shap)
        edit = estimate(run, variant, "edit_spearman_score", run.shap, "")
        if seed is not None and edit is not None:
            lower.append(bool(seed["high"] < edit["low"]))
    if not lower:
        return "How stable explanations are."
    if all(lower):
        return "Training the model again moves SHAP more than changing a word of the text does."
    return "Training the model again does not clearly move SHAP more than changing a word of the text does."


def sanity_finding(run: RunTables) -> Paragraph:
    """Which methods still rank words as before when weights are random or labels were shuffled."""
    kept: dict[str, list[str]] = {}
    for variant in run.variants:
        for method in [m for m in run.methods() if m != "random"]:
            rows = {s: sanity_row(run, variant, s, method) for s in sanity_steps(run, variant)}
            found = {s: float(row["estimate"]) for s, row in rows.items() if row is not None}
            worst = max(found, key=lambda s: found[s], default="")
            if worst and found[worst] > KEPT:
                where = f"{run.label(*variant)}: {number(found[worst])}, {step_name(worst)}"
                kept.setdefault(method_label(method), []).append(where)
    if not any(sanity_steps(run, v) for v in run.variants):
        return missing("Do explanations notice that a model knows nothing?")
    links = (Link(label="sanity", anchor="fig-sanity"),)
    if not kept:
        text = f"With random weights, and after training on shuffled labels, no method keeps a Spearman above {KEPT}."
        return Paragraph(text, links, lead="Every explanation notices when the model knows nothing.")
    said = "; ".join(f"{name} ({', '.join(places)})" for name, places in kept.items())
    return Paragraph(
        f"Spearman of sizes above {KEPT} with the trained model's explanation, where it is largest: {said}. An "
        "explanation that survives random weights tells of the text or the architecture, not of what was learned.",
        links,
        lead=f"{listing(list(kept))} keep part of their ranking when the model knows nothing." if len(kept) > 1
        else f"{next(iter(kept))} keeps part of its ranking when the model knows nothing.",
    )  # fmt: skip


def step_name(step: str) -> str:
    """ "layer 1 and above random", "labels shuffled"."""
    if step == LABELS:
        return "labels shuffled"
    name = step.replace("_", " ")
    return f"{name} random" if step == "readout" else f"{name} and above random"


def stability_rows(run: RunTables, variant: Variant, what: str) -> pd.DataFrame:
    """[method] rows of estimates of one kind of change."""
    rows = pick(run.of("estimates", *variant), subset="all")
    found = {}
    for method in [m for m in run.methods() if m != "random"]:
        own = pick(rows, metric=stability_metric(STABILITY[what], method), method_a=method)
        own = own[own["method_b"].isin(["", method]) & np.isfinite(own["estimate"])]
        if len(own):
            found[method] = own.iloc[0]
    return pd.DataFrame(found).T
