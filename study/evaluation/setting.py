"""One cell, ready to be evaluated: its explained texts, the scores they got, and explaining them again otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from study.config import EvaluateConfig, ExplainConfig
from study.config.limits import primary_shapley
from study.data.vocabulary import Vocabulary
from study.explaining import Setting, text_subject
from study.features import EXPLAINERS
from study.game.subject import Subject
from study.records import FeatureAttribution, FloatArray

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

    @property
    def shap(self) -> str:
        """The method that stands for SHAP."""
        return primary_shapley(self.setting.config.methods)


def under(setting: Setting, **changed: Any) -> Setting:
    """The setting with other explain settings, for example `removal="delete"` or `lime_samples=512`."""
    return replace(setting, config=setting.config.model_copy(update=changed))


def attribute(subject: Subject, method: str, config: ExplainConfig, rng: np.random.Generator) -> FeatureAttribution:
    """One method on one text."""
    return cast(FeatureAttribution, EXPLAINERS.load(method)(subject, config, rng))


def subject_of(evaluation: Evaluation, row: int, removal: str | None = None) -> Subject:
    """The text at `row`, words removed by the operator of that name; by default the one it was explained under."""
    setting = evaluation.setting
    return text_subject(setting if removal is None else under(setting, removal=removal), row)
