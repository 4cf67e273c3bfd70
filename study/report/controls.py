"""Controls of the methods: what they say of untrained weights, and what gradient scores leave over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.records import UNSIGNED_METHODS
from study.report.blocks import Figure, Link, Paragraph
from study.report.figures.agreement import Dot, make_dot, paint_dots
from study.report.figures.style import ACCENT, MUTED, draw, method_label
from study.report.findings import Variant, estimate_text, missing, per_variant
from study.report.inputs import LIME, SHAP, RunTables
from study.report.measures import estimate
from study.report.notes import interval_note, untrained_size_note
from study.report.numbers import listing

NEAR_ZERO = 0.1  # |Spearman| below which two rankings share less than 1 % of their variance


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One method of one variant against itself on untrained weights. row: its estimate, by size if unsigned."""

    variant: Variant
    method: str
    row: pd.Series

    @property
    def verdict(self) -> str:
        """gone (near zero), chance (zero is not excluded), kept, reversed, or unknown (no interval)."""
        low, high = float(self.row["low"]), float(self.row["high"])
        if not np.isfinite([low, high]).all():
            return "unknown"
        if low >= -NEAR_ZERO and high <= NEAR_ZERO:
            return "gone"
        return "chance" if low <= 0 <= high else "kept" if low > 0 else "reversed"


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


def untrained_claim(controls: list[Control]) -> str:
    """What the intervals allow to say of rankings on untrained weights."""
    verdicts = {c.verdict for c in controls}
    kept, turned = (
        list(dict.fromkeys(method_label(c.method) for c in controls if c.verdict == wanted))
        for wanted in ("kept", "reversed")
    )
    parts = []
    if kept:
        parts.append(f"{listing(kept)} {'keeps part of its' if len(kept) == 1 else 'keep part of their'} ranking")
    if turned:
        parts.append(f"{listing(turned)} {'turns its' if len(turned) == 1 else 'turn their'} ranking round")
    if parts:
        return f"{' and '.join(parts)} on untrained weights"
    if "unknown" in verdicts:
        return "Whether rankings outlive untrained weights stays open: an interval is missing"
    if verdicts == {"gone"}:
        return "On untrained weights the rankings are gone"
    return "On untrained weights no ranking can be told from 0"


def largest_control(run: RunTables, controls: list[Control]) -> str:
    """The Spearman farthest from zero, with its interval."""
    top = max(controls, key=lambda c: abs(float(c.row["estimate"])))
    size = " (by size)" if top.method in UNSIGNED_METHODS else ""
    where = f" in {run.label(*top.variant)}" if len(run.variants) > 1 else ""
    return f"{method_label(top.method)}{size}{where}, {estimate_text(top.row)}"


def untrained_finding(run: RunTables) -> Paragraph:
    """Do scores change when the weights are untrained? A method that does not change explains no trained model."""
    controls = untrained_controls(run)
    if not controls:
        return missing("The untrained control")
    named = {c.method for c in controls if c.verdict in ("kept", "reversed")} or {SHAP, LIME}

    def say(variant: Variant) -> str | None:
        told = [c for c in controls if c.variant == variant and c.method in named]
        return listing([f"{method_label(c.method)} {estimate_text(c.row)}" for c in told]) or None

    listed = f" {told}." if (told := per_variant(run, say)) else ""
    return Paragraph(
        "Spearman of a method with itself, trained against untrained weights, same texts. "
        f"Farthest from 0: {largest_control(run, controls)}.{listed}",
        (Link(label="control", anchor="fig-untrained"),),
        lead=f"{untrained_claim(controls)}.",
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
        title = f"{untrained_claim(controls)}; farthest from 0: {largest_control(run, controls)}"
    note = (
        "Spearman of a method's scores (and of their sizes) with its own on untrained weights, same texts, with its "
        f"{interval_note(run)}; {untrained_size_note(run)}. Near 0 is right."
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
