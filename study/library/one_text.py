"""Explaining one text with a trained model, as a run explains its own texts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from study.data.batch import make_batch
from study.data.words import split_words
from study.errors import InputError
from study.explaining import batch_gates, explain_text
from study.features import EXPLAINERS
from study.library.assembling import make_explanation
from study.library.explanation import Explanation
from study.library.known_model import KnownModel
from study.library.loading import ModelKey, load_run
from study.library.taking_apart import HeadParts, gather_parts, take_apart
from study.model.reference import gather_reference
from study.model.training import predict_logits
from study.records import FloatArray, LabelledTexts, TextBatch
from study.restoring import make_setting

METHODS = ("shapley", "lime")  # explained by default: SHAP and LIME


class TextExplainer:
    """One trained model, ready to explain texts.

    All that is drawn is keyed by the model's seed and the text's example id, as in a run: a test text that the run
    explained gets the numbers of its tables.
    """

    def __init__(self, known: KnownModel) -> None:
        self.known = known

    @property
    def key(self) -> ModelKey:
        """Which model of which data set, and its training seed."""
        return self.known.key

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of `predict_proba`."""
        return self.known.class_names

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """[example class_], probabilities; of a text without words what the model says of nothing.

        Raises: InputError for one text in place of a list of texts, or for what is no text.
        """
        if isinstance(texts, str):
            raise InputError("predict_proba got one text: give a list of texts, [text]")
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"text {place} is {text!r} ({type(text).__name__}): give strings only")
        if not len(texts):
            return np.empty((0, len(self.class_names)))
        return softmax(predict_logits(self.known.model, self._batch(texts, [str(i) for i in range(len(texts))])))

    def explain(self, text: str, *, methods: Sequence[str] | None = None, causal: bool = True) -> Explanation:
        """The explanation of one text.

        methods: names in `study.features.EXPLAINERS`, by default SHAP ("shapley") and LIME ("lime"). causal: also find
        which heads the words need, most of the time that an explanation takes.
        Raises: InputError for a text without a word, or no method; UnknownNameError for an unknown method.
        """
        started = time.perf_counter()
        wanted = _checked(methods)
        known = self.known
        batch = self._batch([text], [self._example_id(_checked_words(text))])
        setting = make_setting(
            known.model,
            batch,
            known.reference,
            config=known.config,
            class_names=known.class_names,
            seed=known.key.seed,
            data_seed=known.data_seed,
            trained=True,
        )
        setting = replace(setting, config=setting.config.model_copy(update={"methods": wanted}))
        found = explain_text(setting, 0)
        heads = take_apart(setting, known.model, self._parts, found.attributions, causal=causal)
        return make_explanation(
            setting,
            found,
            heads,
            key=known.key,
            measured=[*batch_gates(setting, "trained model"), *found.gates, *heads.gates],
            probabilities=softmax(predict_logits(known.model, batch))[0],
            started=started,
        )

    def _batch(self, texts: Sequence[str], example_ids: Sequence[str]) -> TextBatch:
        """The texts as the model reads them. Their label, which nobody knows, is set to the first, and unused."""
        unlabelled = LabelledTexts(
            example_id=tuple(example_ids), text=tuple(texts), label=np.zeros(len(texts), dtype=np.int64)
        )
        return make_batch(unlabelled, self.known.vocabulary, self.known.model.max_positions - 1)

    def _example_id(self, words: tuple[str, ...]) -> str:
        """That of the explained test text of these words, else one made from the words alone."""
        digest = hashlib.sha256(" ".join(words).encode()).hexdigest()
        return self.known.example_ids.get(words, f"own-{digest[:12]}")

    @cached_property
    def _parts(self) -> HeadParts:
        """What heads do on the reference texts: of no use for word scores and probabilities alone."""
        known = self.known
        reference = gather_reference(known.model, known.reference)
        return gather_parts(known.model, reference, known.reference, known.config.heads, known.vocabulary)


def explain(
    text: str,
    run: str | Path,
    *,
    results: str | Path = "results",
    dataset: str | None = None,
    model: str | None = None,
    seed: int | None = None,
    methods: Sequence[str] | None = None,
    causal: bool = True,
) -> Explanation:
    """One text explained with a model of a run: `load_run(run, results).explainer(...).explain(text, ...)`.

    For several texts keep the explainer: loading takes longer than explaining.
    """
    explainer = load_run(run, results).explainer(dataset, model, seed)
    return explainer.explain(text, methods=methods, causal=causal)


def softmax(logits: FloatArray) -> FloatArray:
    """[example class_], probabilities of logits [example class_]."""
    weight = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _checked(methods: Sequence[str] | None) -> tuple[str, ...]:
    """The methods asked for, each once and all known."""
    if isinstance(methods, str):
        raise InputError(f"methods is '{methods}': give a list of names, ['{methods}']")
    wanted = tuple(dict.fromkeys(METHODS if methods is None else methods))
    if not wanted:
        raise InputError(f"no method to explain with; allowed: {', '.join(EXPLAINERS)}")
    for method in wanted:
        EXPLAINERS[method]  # raises for a name that it has not
    return wanted


def _checked_words(text: str) -> tuple[str, ...]:
    if not isinstance(text, str):
        raise InputError(f"explain got {type(text).__name__} where one text is wanted; call it once a text")
    words = tuple(split_words(text))
    if not words:
        shown = f"the text {text[:40]!r} holds" if text.strip() else "an empty text holds"
        raise InputError(f"{shown} no word, so there is nothing to explain: give a text with at least one word")
    return words
