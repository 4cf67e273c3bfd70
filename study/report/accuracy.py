"""The answer about accuracy: a lead over the baseline is claimed from the paired difference alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from study.report.answers.ends import MOST_TOLD, numbers_or_ends
from study.report.blocks import Link, Paragraph
from study.report.inputs import RunTables, Variant
from study.report.measures import accuracy_row, estimate
from study.report.numbers import interval, listing, percent, plural, with_interval

# verdict: what one model does, what several do
_CLAIMS = {
    "above": ("beats the baseline", "beat the baseline"),
    "below": ("reads worse than the baseline", "read worse than the baseline"),
    "better": ("reads a little better than the baseline, but the lead is not certain",
               "read a little better than the baseline, but the lead is not certain"),
    "worse": ("reads a little worse than the baseline, but the difference is not certain",
              "read a little worse than the baseline, but the difference is not certain"),
    "even": ("reads as well as the baseline", "read as well as the baseline"),
}  # fmt: skip


def accuracy_answer(run: RunTables) -> Paragraph:
    """Accuracy beside TF-IDF + logistic regression and the majority class on the same split, and the paired lead."""
    rows = {v: row for v in run.variants if (row := accuracy_row(run, v[0], "model", v[1])) is not None}
    told = numbers_or_ends(run, {v: (float(row["accuracy"]), percent_text(row)) for v, row in rows.items()})
    if not told:
        return Paragraph("This run cannot say: no test accuracy was measured.", tone="muted")
    links = (Link(label="accuracy", anchor="fig-accuracy"), Link(label="table", anchor="table-accuracy"))
    lead = f"Test accuracy: {told}."
    base, guess = (_of_baseline(run, kind) for kind in ("tfidf_logreg", "majority"))
    guessing = f" Always naming the most frequent class gets {guess}." if guess else ""
    if not base:
        return Paragraph(f"No baseline was fitted to hold it against.{guessing}", links, lead=lead)
    gains = {v: estimate(run, v, "accuracy_gain", "model", "tfidf_logreg") for v in run.variants}
    known = {v: (float(row["estimate"]), _points_text(row)) for v, row in gains.items() if row is not None}
    points = numbers_or_ends(run, known)
    paired = f"text by text the difference in %-points is {points}" if points else "no paired difference was measured"
    text = (
        f"{accuracy_lead(run, gains)} The baseline, TF-IDF + logistic regression, which only counts words, gets {base} "
        f"on the same texts; {paired}.{guessing}"
    )
    return Paragraph(text, links, lead=lead)


def accuracy_lead(run: RunTables, gains: Mapping[Variant, pd.Series | None]) -> str:
    """Which models beat the baseline, by the intervals of their paired differences; no claim without an interval."""
    by_verdict: dict[str, list[str]] = {}
    for variant, gain in gains.items():
        if verdict := gain_verdict(gain):
            by_verdict.setdefault(verdict, []).append(run.label(*variant))
    clauses = []
    for verdict, names in by_verdict.items():
        one, several = _CLAIMS[verdict]
        if len(names) == len(gains):
            clauses.append(f"{'Every model' if len(names) > 1 else 'The model'} {one}")
        else:
            who = listing(names) if len(gains) <= MOST_TOLD else f"{len(names)} of {plural(len(gains), 'model')}"
            clauses.append(f"{who} {one if len(names) == 1 else several}")
    return f"{'; '.join(clauses)}." if clauses else "Whether that is more than the baseline was not tested."


def gain_verdict(gain: pd.Series | None) -> str:
    """A key of the claims; empty without a difference or without its interval."""
    if gain is None or not np.isfinite([gain["estimate"], gain["low"], gain["high"]]).all():
        return ""
    if gain["low"] > 0 or gain["high"] < 0:
        return "above" if gain["low"] > 0 else "below"
    return "better" if gain["estimate"] > 0 else "worse" if gain["estimate"] < 0 else "even"


def _of_baseline(run: RunTables, kind: str) -> str:
    """Accuracy of a baseline, one a data set; of many data sets the ends."""
    rows = {d.name: row for d in run.config.datasets if (row := accuracy_row(run, d.name, kind)) is not None}
    if len(run.config.datasets) == 1:
        return percent_text(next(iter(rows.values()))) if rows else ""
    if len(rows) <= MOST_TOLD:
        return listing([f"{percent_text(row)} ({name})" for name, row in rows.items()])
    order = sorted(rows, key=lambda name: float(rows[name]["accuracy"]))
    least, most = (f"{percent_text(rows[name])} ({name})" for name in (order[0], order[-1]))
    return f"from {least} to {most}"


def _points_text(row: pd.Series) -> str:
    return with_interval(100 * row["estimate"], 100 * row["low"], 100 * row["high"], 1)


def percent_text(row: pd.Series | None) -> str:
    if row is None:
        return ""
    return f"{percent(row['accuracy'], 1)} {interval(100 * row['low'], 100 * row['high'], 1)}".rstrip()
