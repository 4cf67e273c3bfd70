"""The finding about accuracy: a lead over the baseline is claimed from the paired difference alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from study.report.blocks import Link, Paragraph
from study.report.findings import missing, numbers_of
from study.report.inputs import RunTables, Variant
from study.report.measures import accuracy_row, estimate
from study.report.numbers import interval, listing, percent, with_interval

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


def accuracy_finding(run: RunTables) -> Paragraph:
    """Accuracy beside TF-IDF + logistic regression on the same split, and the paired difference."""
    rows = {v: accuracy_row(run, v[0], "model", v[1]) for v in run.variants}
    told = numbers_of(run, lambda v: percent_text(rows[v]))
    if not told:
        return missing("Accuracy")
    links = (Link(label="accuracy", anchor="fig-accuracy"), Link(label="table", anchor="table-accuracy"))
    base = _baselines(run)
    if not base:
        return Paragraph(f"Test accuracy is {told}. No baseline was fitted.", links, lead="The models read.")
    gains = {v: estimate(run, v, "accuracy_gain", "model", "tfidf_logreg") for v in run.variants}
    points = numbers_of(run, lambda v: _points_text(gains[v]))
    paired = f"Text by text the difference is {points} points." if points else "No paired difference was measured."
    text = f"Test accuracy is {told}; TF-IDF + logistic regression gets {base} on the same split. {paired}"
    return Paragraph(text, links, lead=accuracy_lead(run, gains))


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
            clauses.append(f"{listing(names)} {one if len(names) == 1 else several}")
    return f"{'; '.join(clauses)}." if clauses else "Accuracy beside the baseline."


def gain_verdict(gain: pd.Series | None) -> str:
    """A key of the claims; empty without a difference or without its interval."""
    if gain is None or not np.isfinite([gain["estimate"], gain["low"], gain["high"]]).all():
        return ""
    if gain["low"] > 0 or gain["high"] < 0:
        return "above" if gain["low"] > 0 else "below"
    return "better" if gain["estimate"] > 0 else "worse" if gain["estimate"] < 0 else "even"


def _baselines(run: RunTables) -> str:
    """Accuracy of the baseline, one a data set."""
    rows = {d.name: accuracy_row(run, d.name, "tfidf_logreg") for d in run.config.datasets}
    told = {name: text for name, row in rows.items() if (text := percent_text(row))}
    return listing(list(told.values()) if len(rows) == 1 else [f"{text} ({name})" for name, text in told.items()])


def _points_text(row: pd.Series | None) -> str:
    return "" if row is None else with_interval(100 * row["estimate"], 100 * row["low"], 100 * row["high"], 1)


def percent_text(row: pd.Series | None) -> str:
    if row is None:
        return ""
    return f"{percent(row['accuracy'], 1)} {interval(100 * row['low'], 100 * row['high'], 1)}".rstrip()
