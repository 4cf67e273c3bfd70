"""The part of the explorer's data that is said of every text: its words, scores, crosswalks, heads and attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from study.records import FloatArray
from study.report.choose import summarise_texts
from study.report.explorer.grids import WordLine, by_text, line_up
from study.report.explorer.models import Layout
from study.report.inputs import TWO_WAY, RunTables, Variant, pick

CLS_INDEX = -1  # the word index of the readout position itself
HEAD_METHODS = {"head_shapley": "shapley", "ablation_mean": "ablation_mean", "direct_centred": "direct_centred"}
_Part = Callable[[int, str, slice], dict[str, Any]]  # of the text at this place: its id, its words, those seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the entries of a model's texts refer to: its components and classes, the methods and those split."""

    layout: Layout
    classes: tuple[str, ...]
    methods: tuple[str, ...]
    splits: tuple[str, ...]


def texts_of(run: RunTables, variant: Variant, seed: str, shown: Shown) -> list[dict[str, Any]]:
    """One entry a text explained by this trained model, in the order of the run.

    Cells of crosswalks are rows a word; a word beyond the model's length has no score and an empty row.
    """
    about = summarise_texts(run, *variant, seed)
    ids = [str(example) for example in about["example_id"]]
    tables, layout = _Tables(run=run, variant=variant, seed=seed), shown.layout
    line = line_up(ids, tables.of("features"))
    parts: list[_Part] = [
        _scores(tables, line, shown.methods),
        _direct(tables, line, layout, shown.splits),
        _components(tables, ids, layout),
        _causal(tables, line, layout),
        _heads(tables, ids, layout),
        _attention(tables, line, layout),
    ]
    truth = _truth(run, variant[0])
    found = []
    for k, (example, row) in enumerate(zip(ids, about.to_dict("records"), strict=True)):
        seen = int(row["n_words"]) - int(row["n_words_cut"])
        span = line.span[example]
        entry = _about(row, line, span, seen, shown.classes)
        entry |= {"truth": truth[example]} if example in truth else {}
        for part in parts:
            entry |= part(k, example, slice(span.start, span.start + seen))
        found.append(entry | {"sort": _sort_keys(row)})
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """The rows of one trained model."""

    run: RunTables
    variant: Variant
    seed: str

    def of(self, name: str, **equal: Any) -> pd.DataFrame:
        rows = pick(self.run.of(name, *self.variant), seed=self.seed, **equal)
        return pick(rows, trained=True) if "trained" in rows else rows


def _about(row: Mapping[str, Any], line: WordLine, span: slice, seen: int, classes: Sequence[str]) -> dict[str, Any]:
    places = {name: k for k, name in enumerate(classes)}
    return {
        "id": str(row["example_id"]),
        "words": line.words[span],
        "unknown": np.flatnonzero(line.unknown[span]),
        "seen": seen,
        "label": places.get(str(row["label"])),
        "predicted": places.get(str(row["predicted"])),
        "margin": float(row["margin"]),
        "empty_margin": float(row["empty_margin"]),
        "moved": float(row["margin"]) - float(row["empty_margin"]),
        "target": places.get(str(row["target"])),
    }


def _sort_keys(row: Mapping[str, Any]) -> dict[str, Any]:
    """What texts are sorted by; wrong is unknown for a text that nobody labelled."""
    keys = {name: float(row[name]) for name in ("gap", "hidden", "parted")}
    wrong = None if row["label"] == "" else int(not row["correct"])
    return {"sure": abs(float(row["margin"])), **keys, "wrong": wrong}


def _scores(tables: _Tables, line: WordLine, methods: Sequence[str]) -> _Part:
    values = line.fill(tables.of("features"), "method", methods, "score")

    def part(_k: int, example: str, _seen: slice) -> dict[str, Any]:
        of_text = values[line.span[example]]
        return {"scores": {m: of_text[:, j] for j, m in enumerate(methods) if _is_known(of_text[:, j])}}

    return part


def _direct(tables: _Tables, line: WordLine, layout: Layout, splits: Sequence[str]) -> _Part:
    rows = tables.of("crosswalk", kind="direct")
    cells = {m: line.fill(pick(rows, method=m), "component", layout.names) for m in splits}

    def part(_k: int, example: str, seen: slice) -> dict[str, Any]:
        there = {m: table[seen] for m, table in cells.items() if _is_known(table[seen])}
        return {"direct": {m: _rows(table, line.span[example]) for m, table in there.items()}}

    return part


def _components(tables: _Tables, ids: Sequence[str], layout: Layout) -> _Part:
    """beyond: what each component contributes more than for the empty text."""
    rows = tables.of("components")
    written = by_text(ids, rows, "component", layout.names, "contribution")
    empty = by_text(ids, rows, "component", layout.names, "empty_contribution")
    return lambda k, _example, _seen: {"beyond": written[k] - empty[k]}


def _causal(tables: _Tables, line: WordLine, layout: Layout) -> _Part:
    """Nothing for a text without a causal table."""
    cells = line.fill(tables.of("crosswalk", kind="causal", method=TWO_WAY), "component", layout.heads)
    made = tables.of("causal").drop_duplicates("example_id").set_index("example_id")

    def part(_k: int, example: str, seen: slice) -> dict[str, Any]:
        if not len(cells[seen]) or not np.isfinite(cells[seen]).any():
            return {}
        errors = {name: made[name].get(example, np.nan) for name in ("sampling_error", "word_error", "head_error")}
        return {"causal": _rows(cells[seen], line.span[example]), **errors}

    return part


def _heads(tables: _Tables, ids: Sequence[str], layout: Layout) -> _Part:
    rows = tables.of("heads")
    values = {
        key: by_text(ids, pick(rows, method=m), "component", layout.heads, "score") for key, m in HEAD_METHODS.items()
    }
    return lambda k, _example, _seen: {"heads": {key: v[k] for key, v in values.items() if np.isfinite(v[k]).any()}}


def _attention(tables: _Tables, line: WordLine, layout: Layout) -> _Part:
    """[cls, word 0, word 1, ...] a head, as far as the model reads; nothing in a run without that table."""
    rows = tables.of("readout_attention")
    at_cls = rows["word_index"] == CLS_INDEX
    to_cls = by_text(list(line.span), rows[at_cls], "component", layout.heads, "weight")
    to_words = line.fill(rows[~at_cls], "component", layout.heads, "weight")

    def part(k: int, _example: str, seen: slice) -> dict[str, Any]:
        if not np.isfinite(to_cls[k]).any():
            return {}
        return {"attention": np.concatenate([to_cls[k][None], to_words[seen]]).T}

    return part


def _truth(run: RunTables, dataset: str) -> dict[str, list[int]]:
    """By text, the places of the words that are known to decide; nothing where nobody knows."""
    rows = pick(run.tables["truth_words"], dataset=dataset)
    return {
        str(example): sorted(int(i) for i in words.loc[words["relevant"], "word_index"])
        for example, words in rows.groupby("example_id", sort=False)
    }


def _rows(cells: FloatArray, span: slice) -> list[Any]:
    """A row a word of the text, empty for those beyond the model's length."""
    return [*cells, *[()] * (span.stop - span.start - len(cells))]


def _is_known(values: FloatArray) -> bool:
    """Whether there is any number; a text without words lacks none."""
    return not values.size or bool(np.isfinite(values).any())
