"""Explanations as shap.Explanation objects, which the shap package's own plots draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from study.config.limits import SHAPLEY_METHODS
from study.errors import InputError, UnknownNameError
from study.records import NOT_IN_LOGITS
from study.registry import suggest

if TYPE_CHECKING:
    import shap

    from study.library.explanation import Explanation


def shap_of_text(explanation: Explanation, method: str | None = None) -> shap.Explanation:
    """The word scores of one text for `shap.plots.text`, `waterfall` and `bar`.

    values: [word], the scores of `method` (by default the one that stands for SHAP), logits of the margin, of the words
    that fit the model; data: these words, each with the space after it, as shap's own text explanations have them;
    feature_names: "word 1", "word 2", ..., so that repeated words are told apart and bars read "funny = word 4".
    base_values: v(no word) for Shapley values. Other methods do not split the margin beyond it: for them it is what
    their scores leave of the margin, so that every plot ends at the margin.
    With numpy 2, `shap.plots.text` of shap 0.51 writes colours that no browser reads; draw it within
    `with numpy.printoptions(legacy="1.25"):`.
    Raises: UnknownNameError for a method that the explanation has not; InputError for one whose scores are not in
    logits (`study.records.NOT_IN_LOGITS`), for such scores are no parts of a margin.
    """
    from shap import Explanation as ShapExplanation  # takes seconds to import

    values = _scores(explanation, method)
    words = [f"{word} " for word in explanation.words[: explanation.n_players]]
    one_row = ShapExplanation(
        values=values[None],
        base_values=np.array([_base(explanation, method, values)]),
        data=np.array([words], dtype=object),
        feature_names=[f"word {place + 1}" for place in range(len(words))],
        output_names=f"margin of {explanation.target}",
    )
    return one_row[0]  # shap takes no name of a single output for a single text, only for several


def to_shap(explanations: Sequence[Explanation], method: str | None = None) -> shap.Explanation:
    """Several texts for `shap.plots.beeswarm`, `bar` and `heatmap`, which want one column a feature: the word.

    values: [example word], the summed scores of a word in a text, 0 where the text has it not; data: how often it has
    it; feature_names: the words, in the order in which they first come. A row's sum and its base value give the margin.
    method and base_values as in `shap_of_text`.
    Raises: InputError for no explanations, or of different targets or models; for a method as there.
    """
    if not len(explanations):
        raise InputError("there is no explanation to show: give a list of one or more")
    _check_alike(explanations)
    from shap import Explanation as ShapExplanation  # takes seconds to import

    method = method or explanations[0].shap
    columns: dict[str, int] = {}
    for e in explanations:
        for word in e.words[: e.n_players]:
            columns.setdefault(word, len(columns))
    values, counts = np.zeros((len(explanations), len(columns))), np.zeros((len(explanations), len(columns)))
    base = np.empty(len(explanations))
    for row, e in enumerate(explanations):
        scores, places = _scores(e, method), [columns[word] for word in e.words[: e.n_players]]
        np.add.at(values[row], places, scores)
        np.add.at(counts[row], places, 1.0)
        base[row] = _base(e, method, scores)
    return ShapExplanation(
        values=values,
        base_values=base,
        data=counts,
        feature_names=list(columns),
        output_names=f"margin of {explanations[0].target}",
    )


def _scores(explanation: Explanation, method: str | None) -> np.ndarray:
    """[player], logits."""
    method = method or explanation.shap
    if method not in explanation.features:
        raise UnknownNameError(f"this explanation has no method '{method}'{suggest(method, explanation.features)}")
    if method in NOT_IN_LOGITS:
        allowed = [name for name in explanation.features if name not in NOT_IN_LOGITS]
        told = f"name another method (allowed: {', '.join(allowed)})" if allowed else "explain with methods=['shapley']"
        raise InputError(
            f"scores of '{method}' are not in logits, and shap's plots would draw them as parts of the margin: {told}"
        )
    return np.array(explanation.features[method].scores[: explanation.n_players])


def _base(explanation: Explanation, method: str | None, scores: np.ndarray) -> float:
    efficient = (method or explanation.shap) in SHAPLEY_METHODS
    return explanation.empty_margin if efficient else explanation.margin - float(scores.sum())


def _check_alike(explanations: Sequence[Explanation]) -> None:
    """Scores of different margins must not share an axis."""
    for name in ("dataset", "model", "seed", "target"):
        found = list(dict.fromkeys(str(getattr(e, name)) for e in explanations))
        if len(found) > 1:
            raise InputError(
                f"these explanations differ in {name} ({', '.join(found)}), so their scores mean different things: "
                f"give those of one {name}"
            )
