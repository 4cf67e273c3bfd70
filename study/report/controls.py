"""Controls of the methods: what they say of untrained weights, and what gradient scores leave over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.records import UNSIGNED_METHODS
from study.report.blocks import Figure, Link, Paragraph
from study.report.figures.agreement import Dot, make_dot, paint_dots
from study.report.figures.palette import ACCENT, MUTED, method_label
from study.report.figures.style import draw
from study.report.findings import estimate_text, missing, per_variant
from study.report.inputs import LIME, RunTables, Variant
from study.report.measures import estimate
from study.report.notes import interval_note, untrained_size_note
from study.report.numbers import listing

NEAR_ZERO = 0.1  # |Spearman| below which two rankings share less than 1 % of their variance
FEWEST_TEXTS = 10  # below, an interval over texts is too rough for any verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One method of one variant against itself on untrained weights. row: its estimate, by size if unsigned."""

    variant: Variant
    method: str
    row: pd.Series

    @property
    def verdict(self) -> str:
        """kept, reversed (interval wholly beyond the band), gone (wholly inside), unclear, unknown or few (texts)."""
        low, high = float(self.row["low"]), float(self.row["high"])
        if not float(self.row["n_examples"]) >= FEWEST_TEXTS:
            return "few"
        if not np.isfinite([low, high]).all():
            return "unknown"
        if low >= -NEAR_ZERO and high <= NEAR_ZERO:
            return "gone"
        return "kept" if low > NEAR_ZERO else "reversed" if high < -NEAR_ZERO else "unclear"


def untrained_controls(run: RunTables) -> list[Control]:
    """Every method that has the control, the random one apart."""
    found = []
    for variant in run.variants:
        for method in [m for m in run.methods() if m != "random"]:
            metric = "spearman_abs_untrained" if method in UNSIGNED_METHODS else "spearman_untrained"
            row = estimate(run, variant, metric, method, method)
            if row is not None:
                found.append(Control(variant=variant, method=method, row=row))
    return found


def untrained_claim(run: RunTables, controls: list[Control]) -> str:
    """What the intervals allow to say of rankings on untrained weights, model by model."""
    models: dict[str, list[str]] = {}
    for variant in run.variants:
        if mine := [c for c in controls if c.variant == variant]:
            models.setdefault(_claim_of(mine), []).append(run.label(*variant))
    told = "; ".join(f"in {listing(names)}, {claim}" for claim, names in models.items())
    return f"On untrained weights, {told}"


def _claim_of(controls: list[Control]) -> str:
    """The claim about the methods of one model; the strongest verdicts speak first."""
    names: dict[str, list[str]] = {}
    for control in controls:
        names.setdefault(control.verdict, []).append(method_label(control.method))
    parts = []
    for verdict, one, several in (
        ("kept", "keeps part of its ranking", "keep part of their rankings"),
        ("reversed", "turns its ranking round", "turn their rankings round"),
    ):
        if verdict in names:
            parts.append(f"{listing(names[verdict])} {one if len(names[verdict]) == 1 else several}")
    if parts:
        return " and ".join(parts)
    if "few" in names:
        return "too few texts to say whether rankings are kept"
    if "unknown" in names:
        return "whether rankings are kept stays open: an interval is missing"
    if "unclear" not in names:
        return "the rankings are gone"
    if "gone" not in names:
        return "what is left of the rankings cannot be told from a small one"
    verb = "loses its ranking" if len(names["gone"]) == 1 else "lose their rankings"
    return f"{listing(names['gone'])} {verb}; what is left of the others cannot be told from a small one"


def largest_control(run: RunTables, controls: list[Control]) -> str:
    """The Spearman farthest from zero, with its interval."""
    top = max(controls, key=lambda c: abs(float(c.row["estimate"])))
    size = " (by size)" if top.method in UNSIGNED_METHODS else ""
    return f"{method_label(top.method)}{size} in {run.label(*top.variant)}, {estimate_text(top.row)}"


def untrained_finding(run: RunTables) -> Paragraph:
    """Do scores change when the weights are untrained? A method that does not change explains no trained model."""
    controls = untrained_controls(run)
    if not controls:
        return missing("The untrained control")
    named = {c.method for c in controls if c.verdict in ("kept", "reversed")} or {run.shap, LIME}

    def say(variant: Variant) -> str | None:
        told = [c for c in controls if c.variant == variant and c.method in named]
        return listing([f"{method_label(c.method)} {estimate_text(c.row)}" for c in told]) or None

    listed = f" {told}." if (told := per_variant(run, say)) else ""
    return Paragraph(
        "Spearman of a method with itself, trained against untrained weights, same texts. "
        f"Farthest from 0: {largest_control(run, controls)}.{listed}",
        (Link(label="control", anchor="fig-untrained"),),
        lead=f"{untrained_claim(run, controls)}.",
    )


def untrained_figure(run: RunTables) -> Figure | None:
    """Every method against itself on untrained weights, by scores and by their sizes."""
    panels: dict[str, list[Dot]] = {}
    for variant in run.variants:
        for method in run.methods():
            for group, metric in (("scores", "spearman_untrained"), ("sizes", "spearman_abs_untrained")):
                row = estimate(run, variant, metric, method, method)
                if row is not None:
                    panels.setdefault(run.label(*variant), []).append(make_dot(method_label(method), group, row))
    if not panels:
        return None
    controls = untrained_controls(run)
    title = "The random control on untrained weights"
    if controls:
        title = f"{untrained_claim(run, controls)}; farthest from 0: {largest_control(run, controls)}"
    note = (
        "Spearman of a method's scores (and of their sizes) with its own on untrained weights, same texts, with its "
        f"{interval_note(run)}; {untrained_size_note(run)}. Near 0 is right: kept or turned round where the "
        f"interval lies wholly beyond ±{NEAR_ZERO:g}, gone where it lies wholly inside, else not to be told from a "
        f"small one; nothing is said of fewer than {FEWEST_TEXTS} texts."
    )
    colours, axis = {"scores": ACCENT, "sizes": MUTED}, "Spearman, trained against untrained"
    return draw(
        "untrained",
        lambda: paint_dots(panels, colours, axis, reference=(0.0, "")),
        title=title,
        note=note,
        source="estimates",
    )


def completeness_note(run: RunTables) -> Paragraph | None:
    """How far the scores of the gradient methods are from adding up to what the words change; None if not measured."""
    methods = ("integrated_gradients", "gradient_x_input")

    def say(variant: Variant) -> str | None:
        rows = [(m, estimate(run, variant, "completeness_error", m, "")) for m in methods]
        return listing([f"{method_label(m)} {estimate_text(r, 3)}" for m, r in rows if r is not None]) or None

    told = per_variant(run, say)
    if not told:
        return None
    return Paragraph(
        f"Mean over texts of |v(all words) − v(no words) − Σ scores|, logits, {interval_note(run)}. {told}.",
        lead="What gradient scores leave over.",
    )
