"""What a crosswalk picture says in words: its finding, its notes, what is sampled; every number from its tables."""

from __future__ import annotations

import pandas as pd

from study.report.figures.crosswalk import ANNOTATE_ABOVE
from study.report.figures.style import clip
from study.report.numbers import count, percent, plural, signed
from study.report.text_rows import TextRows


def causal_title(words: pd.DataFrame, causal: pd.DataFrame, direct: pd.DataFrame, drawn: list[str]) -> str:
    """Which head each of the two strongest words needs most, and which component writes most of its effect."""
    scores = direct.sum(axis=1)
    told = []
    for word, quoted in _strongest(words, scores).items():
        score = float(scores[word])
        head, read = _foremost(causal.loc[word], score)
        writer, written = _foremost(direct.loc[word, drawn], score)
        needs = f"{quoted} ({signed(score)}) needs {head} most ({signed(read)})"
        told.append(
            f"{needs}, which also writes most ({signed(written)})"
            if head == writer
            else f"{needs} and is written most by {writer} ({signed(written)})"
        )
    return "; ".join(told)


def direct_title(words: pd.DataFrame, table: pd.DataFrame, drawn: list[str]) -> str:
    """The two strongest words, who writes most, and how much of it cancels."""
    scores = table.sum(axis=1)
    top = _strongest(words, scores)
    quoted = [f"{name} ({signed(scores[w])})" for w, name in top.items()]
    signs = [float(scores[w]) for w in top]
    against = len(signs) == 2 and signs[0] * signs[1] < 0
    written = table.reindex(columns=drawn).abs().sum()
    total = max(float(table.abs().to_numpy().sum()), 1e-12)
    return (
        f"{(' against ' if against else ' and ').join(quoted)}: {written.idxmax()} writes most, "
        f"{percent(float(written.max()) / total)} of all that is written; "
        f"{percent(1 - float(scores.abs().sum()) / total)} of it cancels before it reaches a word's score"
    )


def _strongest(words: pd.DataFrame, scores: pd.Series) -> dict[int, str]:
    """The two words with the largest scores, quoted, by word_index; with its place where a word stands twice."""
    top = scores.abs().sort_values(ascending=False, kind="stable").index[:2]
    names = [clip(words.loc[w, "word"]) for w in top]
    twice = len(set(names)) < len(names)
    places = [f" (word {int(w) + 1})" if twice else "" for w in top]
    return {int(w): f"“{name}”{place}" for w, name, place in zip(top, names, places, strict=True)}


def _foremost(row: pd.Series, score: float) -> tuple[str, float]:
    """The largest cell of a word that pulls as its score does, and its column."""
    name = str((row if score >= 0 else -row).astype(float).idxmax())
    return name, float(row[name])


def unit_key(text: pd.Series) -> tuple[str, str]:
    """The two lines over the colour scale."""
    return "logits", f"+ = {clip(str(text['target']), 12)}"


def note_of(rows: TextRows, who: str, tables: list[str]) -> str:
    """The caption of a picture on the page. who: model, seed and text."""
    causal = rows.causal is not None and any(t.startswith("Causal") for t in tables)
    cells = (
        "Left, a cell is what the word's effect loses, on average over all line-ups of heads, when the head is "
        "replaced by its mean; middle, what the component itself writes because of the word. Circles: the head "
        "taken out while all others work; it departs from the bar where heads share work or build on each other."
        if causal
        else "Cells: direct contribution of a component to a word's score. Bars below: column sums; black dashes: "
        "direct contributions beyond the empty text, which the SHAP columns must meet and LIME's need not."
    )
    scale = "One colour scale for all tables" if len(tables) > 1 else "Colours centred on zero"
    return (
        f"{who}. {cells} In logits; + (red) is towards “{rows.text['target']}”. {scale}; cells below "
        f"{percent(ANNOTATE_ABOVE)} of the largest carry no number. n = 1 text, 1 seed: no interval."
    )


def sampling_note(causal: pd.Series | None) -> str:
    """How the causal table was made, and how far its row sums are from the run's SHAP scores."""
    if causal is None:
        return ""
    words, heads = float(causal["n_word_coalitions"]), float(causal["n_head_coalitions"])
    how = "all" if causal["words_exact"] else "sampled"
    many = "all" if causal["heads_exact"] else "sampled"
    start = f"Causal table: {count(words)} ({how}) coalitions of words × {count(heads)} ({many}) of heads. "
    distance = percent(float(causal["sampling_error"]), 1)
    if causal["words_exact"] and causal["heads_exact"]:
        return start + f"Nothing is sampled in it: black ticks, its row sums, are {distance} off the SHAP scores."
    errors = [
        f"{percent(float(causal[column]), 1)} of the {sums} sums"
        for exact, column, sums in (("words_exact", "word_error", "row"), ("heads_exact", "head_error", "column"))
        if not causal[exact]
    ]
    return (
        f"{start}Sampling error: black ticks, its row sums, are {distance} off the run's SHAP scores (bars); "
        f"standard error {' and '.join(errors)}."
    )


def marks_note(words: pd.DataFrame, drawn: int, *, shared: bool) -> str:
    """What a mark at a word means, how many words are not drawn, and what a column is that others share."""
    marks = ["Last column: the sum of all smaller ones, where need be beyond the colours' end."] if shared else []
    if words["unknown"].any():
        marks.append("° not in the vocabulary.")
    if drawn < len(words):
        marks.append(f"{plural(len(words) - drawn, 'word')} beyond the model's length not drawn.")
    return " ".join(marks)
