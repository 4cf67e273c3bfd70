"""Evaluations of tiny cells, without files: a tiny model, random texts, scores that its own explainers gave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from study.config import EvaluateConfig, ExplainConfig
from study.data.vocabulary import Vocabulary
from study.evaluation.setting import Evaluation
from study.explaining import explain_rows
from study.model.encoder import Encoder
from study.records import SPECIAL_TOKENS, TextBatch
from study.setting import Setting, contribute
from study.tables import join_parts, scores_by_text
from tests.tiny import N_TOKENS, tiny_batch, tiny_model

METHODS = ("shapley", "lime", "occlusion", "attention", "random")
EXPLAIN = ExplainConfig(methods=METHODS, exact_limit=3, shapley_evals=48, lime_samples=64, chunk_size=32)
EVALUATE = EvaluateConfig(
    repeats=3, edits=2, sanity_texts=2, additivity_masks=64, fixed_evals=64, evals_per_word=8, removals=("delete",)
)
VOCABULARY = Vocabulary((*SPECIAL_TOKENS, *(f"v{i}" for i in range(len(SPECIAL_TOKENS), N_TOKENS))))


def tiny_setting(model: Encoder | None = None, batch: TextBatch | None = None, **explain: Any) -> Setting:
    """A setting as the explain stage has it. explain: changed settings."""
    model = tiny_model() if model is None else model
    batch = tiny_batch(6, 3, n_cut=1) if batch is None else batch
    contributions, predicted = contribute(model, batch)
    return Setting(
        model=model,
        trained=True,
        batch=batch,
        class_names=tuple("abc"[: model.n_classes]),
        contributions=contributions,
        predicted=predicted,
        reference_tokens=batch.token_ids[:, 1:][batch.attend[:, 1:]],
        config=EXPLAIN.model_copy(update=explain),
        seed=0,
        data_seed=0,
        dtype="float64",
    )


def tiny_evaluation(setting: Setting | None = None, **evaluate: Any) -> Evaluation:
    """An evaluation whose scores are those of the explain stage. evaluate: changed settings."""
    setting = tiny_setting() if setting is None else setting
    explained = explain_rows(setting, range(len(setting.batch)))
    features = join_parts([explained], {"features": tuple(explained.tables["features"][0])})["features"]
    return Evaluation(
        setting=setting,
        config=EVALUATE.model_copy(update=evaluate),
        scores=scores_by_text(features),
        shuffled=None,
        vocabulary=VOCABULARY,
        likeness=np.random.default_rng(0).normal(size=(N_TOKENS, 3)),
    )


def with_seed(evaluation: Evaluation, seed: int) -> Evaluation:
    """The same in the cell of another training seed, though with the same model."""
    return replace(evaluation, setting=replace(evaluation.setting, seed=seed))
