"""One cell, ready to be evaluated: its explained texts, the scores they got, and explaining them again otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from study.config import EvaluateConfig, ExplainConfig
from study.config.limits import SHAPLEY_METHODS, primary_shapley
from study.data.vocabulary import Vocabulary
from study.features import EXPLAINERS
from study.game.subject import Subject
from study.model.protocol import ClassifierModel
from study.records import BoolArray, FeatureAttribution, FloatArray
from study.seeds import rng_of
from study.setting import Setting, text_subject

Row = dict[str, Any]
Tables = dict[str, list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The trained model of a cell, the texts that are evaluated, and what the explain stage said about them.

    setting: its batch holds the evaluated texts only. scores: by example id and method, [word], NaN beyond the model's
    length. shuffled: the same texts on a model that learned shuffled labels, None without one. likeness: [token d], how
    words are used (word vectors, else the trained model's own embeddings), to find words that can stand for each other.
    """

    setting: Setting
    config: EvaluateConfig
    scores: Mapping[str, Mapping[str, FloatArray]]
    shuffled: Setting | None
    vocabulary: Vocabulary
    likeness: FloatArray
    seen: BoolArray | None = None
    randomised: Mapping[str, ClassifierModel] = field(default_factory=dict)

    @property
    def shap(self) -> str:
        """The method that stands for SHAP."""
        return primary_shapley(self.setting.config.methods)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that explain again where something changed: all but a second estimator of Shapley values.

        It would cost as much as all the others, to say the same about the same quantity.
        """
        second = set(SHAPLEY_METHODS) - {self.shap}
        return tuple(method for method in self.setting.config.methods if method not in second)

    @property
    def drawing(self) -> tuple[str, ...]:
        """SHAP and LIME, those of them that the config asks for."""
        return tuple(method for method in (self.shap, "lime") if method in self.setting.config.methods)


def under(setting: Setting, **changed: Any) -> Setting:
    """The setting with other explain settings, for example `removal="delete"` or `lime_samples=512`."""
    return replace(setting, config=setting.config.model_copy(update=changed))


def attribute(subject: Subject, method: str, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """One method on one text."""
    return cast(FeatureAttribution, EXPLAINERS.load(method)(subject, config, rng))


def attribute_again(
    evaluation: Evaluation, subject: Subject, methods: Iterable[str], *keys: str | int
) -> dict[str, FeatureAttribution]:
    """Several methods on one text, by name, each with randomness of its own for the `keys` of what is changed."""
    setting = evaluation.setting
    return {
        method: attribute(subject, method, setting.config, rng_of(setting.seed, subject.example_id, method, *keys))
        for method in methods
    }


def cost_row(example_id: str, measure: str, n_evals: int, started: float) -> Row:
    """The row of `evaluation_cost` for one measure on one text; started: time.perf_counter() when it began."""
    seconds = time.perf_counter() - started
    return {"trained": True, "example_id": example_id, "method": measure, "n_evals": n_evals, "seconds": seconds}


def subject_of(evaluation: Evaluation, row: int, removal: str | None = None) -> Subject:
    """The text at `row`, words removed by the operator of that name; by default the one it was explained under."""
    setting = evaluation.setting
    return text_subject(setting if removal is None else under(setting, removal=removal), row)
