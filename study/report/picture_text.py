"""What a crosswalk picture says in words: its finding, its notes, what is sampled; every number from its tables."""

from __future__ import annotations

import pandas as pd

from study.report.figures.crosswalk import ANNOTATE_ABOVE
from study.report.figures.style import clip
from study.report.numbers import count, listing, percent, plural, signed
from study.report.text_rows import TextRows

WEAK = 0.01  # of the largest score: a word below is not the second strongest of anything
MOST_NAMED = 3  # columns named where several are the foremost


def causal_title(
    words: pd.DataFrame, causal: pd.DataFrame, direct: pd.DataFrame, drawn: list[str], error: float = 0.0
) -> str:
    """Which head each of the two strongest words needs most, and which component writes most of its effect.

    error: of the causal cells, relative to the word's score; heads that differ by less are named together.
    """
    scores = direct.sum(axis=1)
    told = []
    for word, quoted in _strongest(words, scores).items():
        score = float(scores[word])
        heads = foremost(causal.loc[word], score, error * abs(score))
        writers = foremost(direct.loc[word, drawn], score)
        needs = f"{quoted} ({signed(score)}) needs {_named(heads)} most ({_values(heads)})"
        told.append(
            f"{needs}, which also {'writes' if len(heads) == 1 else 'write'} most ({_values(writers[heads.index])})"
            if set(heads.index) == set(writers.index)
            else f"{needs} and is written most by {_named(writers)} ({_values(writers)})"
        )
    return "; ".join(told)


def relative_error(causal: pd.Series | None) -> float:
    """The largest relative error of a causal table, 0 where nothing is sampled in it or nothing is known of it."""
    if causal is None or (causal["words_exact"] and causal["heads_exact"]):
        return 0.0
    errors = [float(causal[c]) for c in ("sampling_error", "word_error", "head_error")]
    return max((e for e in errors if e == e), default=0.0)


def direct_title(words: pd.DataFrame, table: pd.DataFrame, drawn: list[str]) -> str:
    """The two strongest words, who writes most for all words together, and how much of it cancels."""
    scores = table.sum(axis=1)
    top = _strongest(words, scores)
    quoted = [f"{name} ({signed(scores[w])})" for w, name in top.items()]
    signs = [float(scores[w]) for w in top]
    against = len(signs) == 2 and signs[0] * signs[1] < 0
    written = table.reindex(columns=drawn).abs().sum()
    total = max(float(table.abs().to_numpy().sum()), 1e-12)
    return (
        f"{(' against ' if against else ' and ').join(quoted)}: over the whole text {written.idxmax()} writes most, "
        f"{percent(float(written.max()) / total)} of all that is written; "
        f"{percent(1 - float(scores.abs().sum()) / total)} of it cancels before it reaches a word's score"
    )


def _strongest(words: pd.DataFrame, scores: pd.Series) -> dict[int, str]:
    """The two words with the largest scores, quoted, by word_index; with its place where a word stands twice.

    One word alone where the second's score is next to nothing.
    """
    size = scores.abs().sort_values(ascending=False, kind="stable")
    top = size.index[:2] if len(size) > 1 and size.iloc[1] >= WEAK * size.iloc[0] else size.index[:1]
    names = [clip(words.loc[w, "word"]) for w in top]
    twice = len(set(names)) < len(names)
    places = [f" (word {int(w) + 1})" if twice else "" for w in top]
    return {int(w): f"“{name}”{place}" for w, name, place in zip(top, names, places, strict=True)}


def foremost(row: pd.Series, score: float, error: float = 0.0) -> pd.Series:
    """The largest cell of a word that pulls as its score does, first, and those that cannot be told from it.

    These are cells that print the same, or differ by no more than `error`, and pull the same way.
    """
    cells = row.astype(float).dropna()
    pull = (cells if score >= 0 else -cells).sort_values(ascending=False, kind="stable")
    top = pull.iloc[0]
    close = (top - pull <= error) | (cells[pull.index].map(signed) == signed(float(cells[pull.index[0]])))
    alike = close & ((pull > 0) | (top <= 0))
    return cells[pull.index[alike]]


def _named(cells: pd.Series) -> str:
    names = [str(name) for name in cells.index[:MOST_NAMED]]
    more = [f"{len(cells) - MOST_NAMED} more"] if len(cells) > MOST_NAMED else []
    return listing([*names, *more])


def _values(cells: pd.Series) -> str:
    """ "−0.28", "−0.28 each", or one a column named."""
    printed = [signed(float(v)) for v in cells.iloc[:MOST_NAMED]]
    if len(cells) == 1:
        return printed[0]
    if len(set(map(signed, cells.astype(float)))) == 1:
        return f"{printed[0]} each"
    return listing(printed) if len(cells) <= MOST_NAMED else f"{printed[0]} to {signed(float(cells.iloc[-1]))}"


def unit_key(text: pd.Series) -> tuple[str, str]:
    """The two lines over the colour scale."""
    return "logits", f"+ = {clip(str(text['target']), 12)}"


def note_of(rows: TextRows, who: str, tables: list[str]) -> str:
    """The caption of a picture on the page. who: model, seed and text."""
    causal = rows.causal is not None and any(t.startswith("Causal") for t in tables)
    cells = (
        "Left, a cell is what the word's effect loses, on average over all line-ups of heads, when the head is "
        "replaced by its mean; middle, what the component itself writes because of the word. Circles: the head "
        "taken out while all others work; it departs from the bar where heads share work or build on each other. "
        "Heads named together differ by less than the sampling error, or print the same."
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
