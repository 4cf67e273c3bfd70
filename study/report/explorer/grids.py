"""From long tables to arrays: [word column] over the words of many texts at once, and [text column]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.records import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class WordLine:
    """The words of several texts in one line, so that a table of all of them is filled in one step.

    span: the places of every text's words, in the order of the texts; words, unknown: [place].
    """

    span: Mapping[str, slice]
    words: tuple[str, ...]
    unknown: BoolArray

    def fill(self, rows: pd.DataFrame, column: str, names: Sequence[str], value: str = "value") -> FloatArray:
        """[place name]: `value` of the rows of these texts whose `column` is that name; NaN where there is no row."""
        start = {example: span.start for example, span in self.span.items()}
        n_words = {example: span.stop - span.start for example, span in self.span.items()}
        index = rows["word_index"].astype(float)
        inside = index < rows["example_id"].map(n_words).astype(float)  # a text without scores has no places
        place = (rows["example_id"].map(start).astype(float) + index).where(inside)
        return _filled(len(self.words), place, rows[column], names, rows[value])


def line_up(ids: Sequence[str], features: pd.DataFrame) -> WordLine:
    """The words of the texts `ids`, from rows of the features table; a text without rows has no words."""
    rows = features[["example_id", "word_index", "word", "unknown"]].drop_duplicates(["example_id", "word_index"])
    order = rows["example_id"].map({example: k for k, example in enumerate(ids)})
    rows = rows.assign(order=order).dropna(subset="order").sort_values(["order", "word_index"], kind="stable")
    n_words = rows["example_id"].value_counts().reindex(ids, fill_value=0).to_numpy()
    ends = np.cumsum(n_words)
    spans = (slice(int(end - n), int(end)) for n, end in zip(n_words, ends, strict=True))
    return WordLine(
        span=dict(zip(ids, spans, strict=True)),
        words=tuple(map(str, rows["word"])),
        unknown=rows["unknown"].to_numpy(dtype=bool),
    )


def by_text(ids: Sequence[str], rows: pd.DataFrame, column: str, names: Sequence[str], value: str) -> FloatArray:
    """[text name]: `value` of the row of each text whose `column` is that name; NaN where there is no row."""
    place = rows["example_id"].map({example: k for k, example in enumerate(ids)}).astype(float)
    return _filled(len(ids), place, rows[column], names, rows[value])


def _filled(n_rows: int, place: pd.Series, column: pd.Series, names: Sequence[str], values: pd.Series) -> FloatArray:
    at = column.map({name: k for k, name in enumerate(names)}).astype(float)
    known = (place.notna() & at.notna()).to_numpy()
    found = np.full((n_rows, len(names)), np.nan)
    rows, columns = (series.to_numpy()[known].astype(np.int64) for series in (place, at))
    found[rows, columns] = values.to_numpy(dtype=np.float64)[known]
    return found
