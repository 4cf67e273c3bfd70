"""What stays of an explanation when nothing that matters changed, and what goes when everything did."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from study.records import UNSIGNED_METHODS
from study.report.blocks import Link, Paragraph
from study.report.controls import FEWEST_TEXTS
from study.report.figures.palette import method_label
from study.report.findings import agreement_said, capital, estimate_text, missing, numbers_of, per_variant
from study.report.inputs import LIME, RunTables, Variant, pick
from study.report.measures import estimate
from study.report.numbers import listing, percent

KEPT = 0.3  # |Spearman| with the trained model's ranking above which an explanation still tells the same words apart
SHAP = method_label("shapley")
SEED, EDIT = "another training seed", "one word edited"
READOUT, EVERYTHING = "readout", "embeddings"  # first and last step of `sanity` but for the labels
SOURCES = {  # of variance, as the table and as the page names them
    "training seed": "training seed",
    "example": "text",
    "training seed x example": "seed and text together",
    "explainer seed": "explainer's own randomness",
}
STABILITY = {  # what changed -> how its metric begins
    "new randomness": "repeat_spearman",
    EDIT: "edit_spearman{abs}_score",
    SEED: "seed_spearman{abs}",
}
LABELS = "labels"  # the last step of `sanity`: a model that learned shuffled labels


def stability_metric(pattern: str, method: str) -> str:
    """The metric that a method has: by size where its scores have no sign."""
    return pattern.format(abs="_abs" if method in UNSIGNED_METHODS else "")


def sanity_steps(run: RunTables, variant: Variant) -> list[str]:
    """What was randomised, from the readout downwards, shuffled labels last, as the metrics name it."""
    names = run.of("estimates", *variant)["metric"].astype(str)
    steps = [m[1] for n in dict.fromkeys(names) if (m := re.fullmatch(r"sanity_spearman_abs_(.+)", n))]
    return sorted(steps, key=_place)


def _place(step: str) -> tuple[int, int]:
    """Where a step stands in the cascade: the last layer before the first."""
    ends = {READOUT: 0, EVERYTHING: 2, LABELS: 3}
    layer = re.fullmatch(r"layer_(\d+)", step)
    return ends.get(step, 1), -int(layer[1]) if layer else 0


def sanity_row(run: RunTables, variant: Variant, step: str, method: str) -> pd.Series | None:
    """Spearman of sizes on the randomised and on the trained model: a random readout may turn all signs at once."""
    return estimate(run, variant, f"sanity_spearman_abs_{step}", method, method)


def stability_finding(run: RunTables) -> Paragraph:
    """SHAP and LIME with new randomness, on an edited text, and from another training seed."""
    said = []
    for what in STABILITY:
        texts = []
        for method in (run.shap, LIME):

            def say(variant: Variant, what: str = what, method: str = method) -> str | None:
                row = stability_row(run, variant, what, method)
                return None if row is None else estimate_text(row)

            if numbers := numbers_of(run, say):
                texts.append(f"{method_label(method)} {numbers}")
        if texts:
            said.append(f"with {what}, {'; '.join(texts)}")
    if not said:
        return missing("Are explanations stable?")
    return Paragraph(
        f"Spearman of the explanation with itself. {'. '.join(capital(clause) for clause in said)}.",
        (Link(label="stability", anchor="fig-stability"),),
        lead=_lead(run),
    )


def stability_row(run: RunTables, variant: Variant, what: str, method: str) -> pd.Series | None:
    """The estimate of one method under one kind of change; of a pair with itself, or of one method alone."""
    metric = stability_metric(STABILITY[what], method)
    row = estimate(run, variant, metric, method, method)
    return estimate(run, variant, metric, method, "") if row is None else row


def _lead(run: RunTables) -> str:
    """Whether the training seed moves SHAP more than a word does, where intervals say so; else how alike SHAP is."""
    found = [(stability_row(run, v, SEED, run.shap), stability_row(run, v, EDIT, run.shap)) for v in run.variants]
    verdicts = {_more_or_less(seed, edit) for seed, edit in found if seed is not None and edit is not None}
    if not verdicts:
        return _how_alike(run)
    if len(verdicts) == 1 and (verdict := verdicts.pop()):
        return f"Training the model again moves {SHAP} {verdict} than changing a word of the text does."
    open_ = "stays open" if verdicts <= {""} else "depends on the model, or stays open"
    return f"Whether training the model again moves {SHAP} more than changing a word of the text does {open_}."


def _more_or_less(seed: pd.Series, edit: pd.Series) -> str:
    """more, less, or "" where the intervals overlap or are not known."""
    return "more" if seed["high"] < edit["low"] else "less" if seed["low"] > edit["high"] else ""


def _how_alike(run: RunTables) -> str:
    """How alike SHAP's rankings are at the least, over the changes that were tried."""
    rows = {what: [stability_row(run, v, what, run.shap) for v in run.variants] for what in STABILITY}
    known = {what: found for what, own in rows.items() if (found := [row for row in own if row is not None])}
    if not known:
        return f"Of how stable {SHAP} is this run has no evidence."
    least = min((row for found in known.values() for row in found), key=lambda row: float(row["estimate"]))
    if said := agreement_said(least):
        return f"With {' or '.join(known)}, {SHAP} ranks words {said}."
    return f"Whether {SHAP} ranks words alike with {' or '.join(known)} stays open."


def sanity_finding(run: RunTables) -> Paragraph:
    """Which methods still rank words as before on models that learned nothing true."""
    rows = {
        (v, step, m): row
        for v in run.variants
        for step in _last_steps(run, v)
        for m in run.methods()
        if m != "random" and (row := sanity_row(run, v, step, m)) is not None
    }
    if not rows:
        return missing("Do explanations notice that a model knows nothing?")
    kept: dict[str, list[str]] = {}
    doubtful: dict[str, list[str]] = {}
    for (variant, step, method), row in rows.items():
        if row["estimate"] > KEPT:
            clear = row["low"] > 0 and row["n_examples"] >= FEWEST_TEXTS
            where = f"{run.label(*variant)}, " if len(run.variants) > 1 else ""
            place = f"{estimate_text(row)} ({where}{step_name(step)})"
            (kept if clear else doubtful).setdefault(method_label(method), []).append(place)
    told = "".join(f" {name} keeps {listing(places)}." for name, places in kept.items())
    if doubtful:
        named = "; ".join(f"{name} {listing(places)}" for name, places in doubtful.items())
        told += f" Above {KEPT}, but not told apart from 0 or from too few texts: {named}."
    return Paragraph(
        f"Spearman of sizes with the trained model's explanation: {_named(run, rows)}.{told}",
        (Link(label="sanity", anchor="fig-sanity"),),
        lead=_sanity_lead(
            list(kept),
            bool(doubtful) or _may_be_kept(rows.values()),
            any(r["n_examples"] >= FEWEST_TEXTS for r in rows.values()),
        ),
    )


def _may_be_kept(rows: Iterable[pd.Series]) -> bool:
    """Whether some interval reaches above KEPT, or is missing: then it is not shown that the ranking is gone."""
    return any(not row["high"] <= KEPT for row in rows)


def _sanity_lead(kept: list[str], is_open: bool, enough: bool) -> str:
    if not enough:
        return "Whether explanations notice a model that learned nothing true: too few texts to say."
    if kept:
        return f"{listing(kept)} {'keeps' if len(kept) == 1 else 'keep'} part of the ranking on models that learned "\
               "nothing true."  # fmt: skip
    if is_open:
        return "Whether every explanation notices a model that learned nothing true stays open."
    return "No explanation keeps its ranking on models that learned nothing true."


def _named(run: RunTables, rows: dict[tuple[Variant, str, str], pd.Series]) -> str:
    """SHAP and LIME on the models that learned nothing true."""
    said = []
    for step in dict.fromkeys(step for _, step, _ in rows):
        texts = []
        for method in (run.shap, LIME):

            def say(variant: Variant, step: str = step, method: str = method) -> str | None:
                row = rows.get((variant, step, method))
                return None if row is None else estimate_text(row)

            if numbers := numbers_of(run, say):
                texts.append(f"{method_label(method)} {numbers}")
        if texts:
            said.append(f"{step_name(step)}, {'; '.join(texts)}")
    return ". ".join([said[0], *(capital(text) for text in said[1:])]) if said else f"none above {KEPT}"


def _last_steps(run: RunTables, variant: Variant) -> list[str]:
    """The models that learned nothing true: all weights random, shuffled labels. Others keep some layers as trained."""
    steps = sanity_steps(run, variant)
    cascade = [step for step in steps if step != LABELS]
    return [*cascade[-1:], *(step for step in steps if step == LABELS)]


def step_name(step: str) -> str:
    """ "labels shuffled", "all weights random", "layer 1 and above random"."""
    if step == LABELS:
        return "labels shuffled"
    if step == EVERYTHING:
        return "all weights random"
    name = step.replace("_", " ")
    return f"{name} random" if step == READOUT else f"{name} and above random"


def cannot_notice(method: str, step: str) -> bool:
    """Whether a method is the same by construction: attention comes before the readout."""
    return step == READOUT and method in UNSIGNED_METHODS


def variance_finding(run: RunTables) -> Paragraph:
    """Where the spread of SHAP's agreement with LIME comes from."""

    def say(variant: Variant) -> str | None:
        rows = pick(run.of("variance", *variant), metric="spearman")
        both = rows["method_a"].isin([run.shap, LIME]) & rows["method_b"].isin([run.shap, LIME])
        rows = rows[both & (rows["method_a"] != rows["method_b"]) & rows["share"].notna()]
        rows = rows.sort_values("share", ascending=False, kind="stable")
        told = [f"{percent(r['share'])} {SOURCES.get(r['source'], r['source'])}" for _, r in rows.iterrows()]
        return listing(told) or None

    if not (told := per_variant(run, say)):
        return missing("What makes agreement vary?")
    alone = " With one training seed nothing is known of what another one would change." if (
        len(run.config.seeds) == 1) else ""  # fmt: skip
    return Paragraph(
        f"Of the variance of one Spearman of SHAP and LIME: {told}.{alone}",
        (Link(label="components", anchor="table-variance"),),
        lead=_variance_lead(run),
    )


def _variance_lead(run: RunTables) -> str:
    """The largest source, where it is the same in every model."""
    firsts = []
    for variant in run.variants:
        rows = pick(run.of("variance", *variant), metric="spearman")
        rows = rows[(rows["method_a"] != rows["method_b"]) & rows["share"].notna()]
        if len(rows):
            firsts.append(str(rows.loc[rows["share"].idxmax(), "source"]))
    if len(set(firsts)) != 1:
        return "What makes the agreement of SHAP and LIME vary depends on the model."
    return f"How far SHAP and LIME agree varies most with the {SOURCES.get(firsts[0], firsts[0])}."


def stability_rows(run: RunTables, variant: Variant, what: str) -> dict[str, pd.Series]:
    """The estimates of one kind of change, by method."""
    methods = [m for m in run.methods() if m != "random"]
    return {m: row for m in methods if (row := stability_row(run, variant, what, m)) is not None}
