"""Advice on words whose score is near 0: what their row of the crosswalk shows, and that row sizes rank no words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.report.evidence import Evidence, Outcome
from study.report.inputs import RunTables, Variant, pick
from study.report.known_head_findings import span
from study.report.missed_words import HIDDEN_SIZE, missed_words, noise_rows
from study.report.numbers import listing, number, percent, plural
from study.report.score_measures import APART, PRECISION, ROW_SIZE, of_all, place_names, values, variants_on


def ask_rows(run: RunTables, rung: str) -> Evidence | None:
    """Whether the rows of missed words are large, with what says that large rows are no proof.

    The advice holds where the median row is large and, as far as the rule is known in the model's logits, most of the
    words interact with another.
    """
    places = variants_on(run, "words", rung)
    rows = {v: part for v in places if len(part := pick(run.of("failures", *v), method=run.shap))}
    if not rows:
        return None
    missed = pd.concat(rows.values())
    found = missed_words(run, missed)
    sizes = [abs(m.interaction) for m in found if np.isfinite(m.interaction)]
    hidden = float((missed["size"] / missed["largest"]).median())
    near = float((missed["score"].abs() / missed["largest"]).max())
    one = len(missed) == 1
    text = (
        f"SHAP gives {plural(len(missed), 'word')} that {'decides' if one else 'decide'} (on "
        f"{listing(place_names(run, list(rows)))}) at most {percent(near, 1)} of {'its' if one else 'their'} text's "
        f"largest score, while the cells of the word's row add up to {percent(hidden)} of it in size (median)"
    )
    if sizes:
        text += f" and the word interacts with another in the rule by {number(float(np.median(sizes)))} logits (median)"
    doubts = [ranking(run, places, list(rows)), _noise(*noise_rows(run, found))]
    if any(doubts):
        text += f"; but {', and '.join(filter(None, doubts))}, so confirm by taking both heads out"
    together = not sizes or len(sizes) > len(found) / 2
    return Evidence(outcome=Outcome.BETTER if hidden >= HIDDEN_SIZE and together else Outcome.WORSE, text=text)


def ranking(run: RunTables, places: list[Variant], missing: list[Variant]) -> str:
    """How badly the size of rows ranks words beside SHAP, on the tasks with missed words and on all.

    Empty without numbers, and where it ranks them no worse.
    """
    by_size, ours = (values(run, places, "words", PRECISION, m) for m in (ROW_SIZE, run.shap))
    here = [v for v in missing if v in by_size and v in ours]
    if not here:
        return ""
    if not any(by_size[v]["estimate"] < ours[v]["estimate"] - APART for v in by_size if v in ours):
        return ""
    told = [
        f"{name} {number(by_size[v]['estimate'])} against {number(ours[v]['estimate'])} of SHAP"
        for name, v in zip(place_names(run, here), here, strict=True)
    ]
    if len(by_size) > len(here):
        told.append(f"over {of_all(len(by_size), len(by_size))} {span(by_size)} against {span(ours)}")
    return f"row sizes do not rank words (precision at k: {'; '.join(told)})"


def _noise(larger: int, hidden: int) -> str:
    return (
        f"in {larger} of {plural(hidden, 'such text')} a word that decides nothing has a row as large" if larger else ""
    )
