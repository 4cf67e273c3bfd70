"""Explanation: all that was found out about one text, as plain numbers, and the forms in which it can be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from study.config.limits import primary_shapley
from study.errors import UnknownNameError
from study.records import (
    BoolArray,
    ComponentIndex,
    Crosswalk,
    FeatureAttribution,
    FloatArray,
    Gate,
    HeadAttribution,
    read_only,
)
from study.registry import suggest

if TYPE_CHECKING:
    from shap import Explanation as ShapExplanation


MOST_SHOWN = 60  # characters of a text that a repr quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalTable:
    """Which heads the words need: two-way Shapley values over the words and the heads of one text, logits.

    crosswalk: cells [word head], heads layer by layer, NaN for words beyond the model's length. leave_one_out: [word
    head], what a word's Shapley value loses without the head. words_exact, heads_exact: whether all coalitions were
    evaluated. word_error, head_error: standard error of the margins of the table over their size, 0 where exact.
    sampling_error: distance of the row sums from the text's SHAP scores over their size, NaN where there are none.
    """

    crosswalk: Crosswalk
    leave_one_out: FloatArray
    words_exact: bool
    heads_exact: bool
    word_error: float
    head_error: float
    sampling_error: float
    n_evals: int
    seconds: float

    def __post_init__(self) -> None:
        shape = self.crosswalk.cells.shape
        object.__setattr__(
            self, "leave_one_out", read_only(self.leave_one_out, dtype=np.float64, shape=shape, name="leave_one_out")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one model makes of one text: which words drive its margin, and through which heads. All values in logits.

    words: all words of the text; unknown: [word], True for those that the vocabulary lacks; n_players: the first so
    many fit the model, the others have no score (NaN). dataset, model, seed: which model of which run.
    probabilities: [class_]; predicted and target: classes by name; the margin is that of target, the second class of
    two, else the predicted one; empty_margin: the same with all words removed.
    index: the components, and their contributions to the margin [component] with all words and with none.
    features: word scores by method; direct: the crosswalks of the methods that split over components, cells [word
    component]; causal: None where it was not asked for; heads: head scores by method.
    attention: [layer head pos], how the readout position (CLS) attends to CLS and the words; rows sum to one.
    gates: the identities measured on this text, one a name, the worst of its places. seconds: wall time.
    example_id: that of the test text with these very words where the run explained it, else made from the text.
    rows: the tables of the results contract (see `tables`).
    """

    text: str
    words: tuple[str, ...]
    unknown: BoolArray
    n_players: int
    dataset: str
    model: str
    seed: int
    class_names: tuple[str, ...]
    probabilities: FloatArray
    predicted: str
    target: str
    margin: float
    empty_margin: float
    index: ComponentIndex
    contributions: FloatArray
    empty_contributions: FloatArray
    features: Mapping[str, FeatureAttribution]
    direct: Mapping[str, Crosswalk]
    causal: CausalTable | None
    heads: Mapping[str, HeadAttribution]
    attention: FloatArray
    gates: tuple[Gate, ...]
    seconds: float
    example_id: str
    rows: Mapping[str, pd.DataFrame]

    def __post_init__(self) -> None:
        n_words, n_components = len(self.words), len(self.index)
        shapes: Mapping[str, tuple[tuple[int | None, ...], Any]] = {
            "unknown": ((n_words,), np.bool_),
            "probabilities": ((len(self.class_names),), np.float64),
            "contributions": ((n_components,), np.float64),
            "empty_contributions": ((n_components,), np.float64),
            "attention": ((None, None, self.n_players + 1), np.float64),
        }
        for name, (shape, dtype) in shapes.items():
            object.__setattr__(self, name, read_only(getattr(self, name), dtype=dtype, shape=shape, name=name))

    def __repr__(self) -> str:
        """Two lines: the text, what was said of it, by which model; the numbers are in `to_frame` and the like."""
        text = self.text if len(self.text) <= MOST_SHOWN else f"{self.text[: MOST_SHOWN - 1]}…"
        return (
            f"Explanation of {text!r}\n  {self.predicted}, margin of {self.target} {self.margin:+.2f} logits; "
            f"{self.dataset}, {self.model}, seed {self.seed}; methods {', '.join(self.features)}; "
            f"{'with' if self.causal else 'without'} the causal table"
        )

    @property
    def cut(self) -> tuple[str, ...]:
        """The words beyond the model's length, which have no score."""
        return self.words[self.n_players :]

    @property
    def shap(self) -> str:
        """The method that stands for SHAP; where none was asked for, the first method."""
        method = primary_shapley(self.features)
        return method if method in self.features else next(iter(self.features))

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of the results contract, with dataset, model and seed in front, as copies.

        texts, features, crosswalk (direct and causal rows), components, heads, causal (no rows without a causal table)
        and readout_attention; as in `tables/` of a run, where the column label of texts is empty: nobody labelled it.
        """
        return {name: frame.copy() for name, frame in self.rows.items()}

    def to_frame(self, table: str = "features") -> pd.DataFrame:
        """One of `tables()`, tidy. Raises: UnknownNameError for another name."""
        frames = self.tables()
        if table not in frames:
            raise UnknownNameError(f"an explanation has no table '{table}'{suggest(table, frames)}")
        return frames[table]

    def to_shap(self, method: str | None = None) -> ShapExplanation:
        """The word scores of one method as shap.Explanation, which shap's plots draw; see `study.library.shap_form`."""
        from study.library.shap_form import shap_of_text

        return shap_of_text(self, method)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values: arrays as lists, undefined numbers as None."""
        from study.library.dict_form import as_dict

        return as_dict(self)

    def _repr_html_(self) -> str:
        """The words coloured by their scores, for notebooks; text is escaped."""
        from study.library.html_form import as_html

        return as_html(self)
