"""From the tables of one text to its crosswalk picture and the sentence that it shows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.records import BIAS_KINDS
from study.report import blocks
from study.report.choose import Chosen
from study.report.figures.crosswalk import ANNOTATE_ABOVE, Panel, Picture, describe_corner, paint_crosswalk
from study.report.figures.style import clip, draw, method_label
from study.report.inputs import LIME, SHAP, RunTables, pick
from study.report.numbers import listing, percent, plural, signed

MAX_COLUMNS = 22  # components drawn one by one; the smaller ones of a larger model share a column


def text_row(run: RunTables, chosen: Chosen) -> pd.Series:
    """The text's row in the texts table."""
    rows = pick(run.of("texts", chosen.dataset, chosen.model), seed=chosen.seed, trained=True)
    return pick(rows, example_id=chosen.example_id).iloc[0]


def text_scores(run: RunTables, chosen: Chosen) -> pd.DataFrame:
    """Scores of the text, [word_index, method]; words cut off have NaN."""
    rows = pick(run.of("features", chosen.dataset, chosen.model), seed=chosen.seed, trained=True)
    rows = pick(rows, example_id=chosen.example_id)
    return rows.pivot_table(index="word_index", columns="method", values="score", aggfunc="first", dropna=False)


def text_words(run: RunTables, chosen: Chosen) -> pd.DataFrame:
    """word and unknown by word_index."""
    rows = pick(run.of("features", chosen.dataset, chosen.model), seed=chosen.seed, trained=True)
    rows = pick(rows, example_id=chosen.example_id)
    return rows.drop_duplicates("word_index").set_index("word_index")[["word", "unknown"]].sort_index()


def text_cells(run: RunTables, chosen: Chosen, method: str) -> pd.DataFrame:
    """Direct crosswalk of the text by one method, [word_index, component]; empty where there is none."""
    rows = pick(run.of("crosswalk", chosen.dataset, chosen.model), seed=chosen.seed, method=method, kind="direct")
    rows = pick(rows, example_id=chosen.example_id)
    return rows.pivot_table(index="word_index", columns="component", values="value", aggfunc="first").dropna(how="all")


def text_components(run: RunTables, chosen: Chosen) -> pd.DataFrame:
    """Components of the text in the order of the table, with `beyond` = contribution − empty contribution."""
    rows = pick(run.of("components", chosen.dataset, chosen.model), seed=chosen.seed)
    rows = pick(rows, example_id=chosen.example_id).set_index("component")
    return rows.assign(beyond=rows["contribution"] - rows["empty_contribution"])


def crosswalk_figure(run: RunTables, chosen: Chosen, name: str) -> blocks.Figure | None:
    """The signature picture of one text; None where the run has no crosswalk for it."""
    tables = {m: text_cells(run, chosen, m) for m in (SHAP, LIME)}
    tables = {m: t for m, t in tables.items() if not t.empty}
    parts = text_components(run, chosen)
    if not tables or parts.empty:
        return None
    row = text_row(run, chosen)
    picture = _compose(row, text_words(run, chosen), tables, parts)
    note = (
        f"{run.label(chosen.dataset, chosen.model)}, seed {chosen.seed}, text {chosen.example_id}. Cells: direct "
        f"contribution of a component to a word's score, in logits; + (red) is towards “{row['target']}”. One colour "
        f"scale for all tables; cells below {percent(ANNOTATE_ABOVE)} of the largest carry no number. Bars below: "
        "column sums; black dashes: direct contributions beyond the empty text, which the SHAP columns must meet "
        "and LIME's need not. n = 1 text, 1 seed: no interval."
    )
    title = _finding(text_words(run, chosen), tables, parts)
    return draw(name, lambda: paint_crosswalk(picture), title=title, note=note, source="crosswalk")


def _compose(row: pd.Series, words: pd.DataFrame, tables: dict[str, pd.DataFrame], parts: pd.DataFrame) -> Picture:
    shown, rest = _columns(tables, parts)
    biases = [c for c in parts.index if parts.loc[c, "kind_of_component"] in BIAS_KINDS]
    first = next(iter(tables.values()))
    panels = tuple(_panel(m, t, parts, shown, rest) for m, t in tables.items())
    names = [_short(parts, c) for c in shown] + ([f"{len(rest)} more"] if rest else [])
    layers = [int(parts.loc[c, "layer"]) for c in shown] + ([-2] if rest else [])
    sums = listing(
        [f"{method_label(m)} {signed(t.reindex(columns=biases).to_numpy().sum())}" for m, t in tables.items()]
    )
    notes = [f"Not drawn, but in the row sums: biases ({', '.join(biases)}); over all words together {sums} logits."]
    marks = []
    if words["unknown"].any():
        marks.append("° not in the vocabulary.")
    if len(first) < len(words):
        marks.append(f"{plural(len(words) - len(first), 'word')} beyond the model's length not drawn.")
    return Picture(
        words=tuple(clip(words.loc[w, "word"]) + ("°" if words.loc[w, "unknown"] else "") for w in first.index),
        columns=tuple(names),
        layers=tuple(layers),
        panels=panels,
        corner=describe_corner(
            float(row["margin"]),
            float(row["empty_margin"]),
            str(row["target"]),
            "sum of SHAP scores" if SHAP in tables else "all words against none",
        ),
        footnote=tuple(notes + ([" ".join(marks)] if marks else [])),
    )


def _columns(tables: dict[str, pd.DataFrame], parts: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Components drawn, in order, and those that share the last column because the model has too many."""
    drawn = [c for c in parts.index if parts.loc[c, "kind_of_component"] not in BIAS_KINDS]
    if len(drawn) <= MAX_COLUMNS:
        return drawn, []
    size = sum(t.reindex(columns=drawn).abs().sum() for t in tables.values())
    large = set(pd.Series(size).sort_values(ascending=False, kind="stable").index[:MAX_COLUMNS])
    return [c for c in drawn if c in large], [c for c in drawn if c not in large]


def _panel(method: str, table: pd.DataFrame, parts: pd.DataFrame, shown: list[str], rest: list[str]) -> Panel:
    cells = table.reindex(columns=shown).to_numpy()
    expected = parts["beyond"].reindex(shown).to_numpy(dtype=float)
    if rest:
        cells = np.column_stack([cells, table.reindex(columns=rest).sum(axis=1)])
        expected = np.append(expected, parts["beyond"].reindex(rest).sum())
    shap = method == SHAP
    return Panel(
        method=method,
        title=f"{method_label(method)}, split over components",
        subtitle="rows sum to the word's score, exactly",
        foot="column sum = contribution beyond the empty text"
        if shap
        else "column sum; LIME's need not meet the dashes",
        cells=cells,
        column_sum=np.nansum(cells, axis=0),
        expected=expected,
        row_sum=table.sum(axis=1).to_numpy(),
    )


def _short(parts: pd.DataFrame, component: str) -> str:
    """The label under a layer's heading: "H0", "MLP", "embed"."""
    kind = parts.loc[component, "kind_of_component"]
    return f"H{int(parts.loc[component, 'head'])}" if kind == "head" else "MLP" if kind == "mlp" else component


def _finding(words: pd.DataFrame, tables: dict[str, pd.DataFrame], parts: pd.DataFrame) -> str:
    """What this text's picture shows, in one sentence of its own numbers."""
    table = next(iter(tables.values()))
    scores = table.sum(axis=1)
    top = scores.abs().sort_values(ascending=False, kind="stable").index[:2]
    names = [clip(words.loc[w, "word"]) for w in top]
    twice = len(set(names)) < len(names)
    places = [f"word {int(w) + 1}, " if twice else "" for w in top]
    quoted = [f"“{name}” ({place}{signed(scores[w])})" for name, place, w in zip(names, places, top, strict=True)]
    against = len(top) == 2 and scores[top[0]] * scores[top[1]] < 0
    drawn = table.reindex(columns=_columns(tables, parts)[0]).abs().sum()
    total = max(float(table.abs().to_numpy().sum()), 1e-12)
    return (
        f"{(' against ' if against else ' and ').join(quoted)}: {drawn.idxmax()} writes most, "
        f"{percent(float(drawn.max()) / total)} of all that is written; "
        f"{percent(1 - float(scores.abs().sum()) / total)} of it cancels before it reaches a word's score"
    )
