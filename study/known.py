"""What is known before any explanation is scored: the words that decide, their exact values, what each head does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from study.artefacts import load_corpus_folder
from study.cells import cell_name, models_of
from study.config import DatasetConfig, ModelConfig, StudyConfig
from study.config.limits import learns
from study.data.words import split_words
from study.game.shapley import exact_weights
from study.ledger import read_frame
from study.records import BoolArray, FloatArray
from study.tasks import TASKS
from study.tasks.fitting import head_places
from study.tasks.language import HeadSpec, Task, rule_values

Row = dict[str, Any]
TRAINED = "trained"  # the rung of models that learned a task
IDLE = "idle"  # role of a head in a text in which it has nothing to do
PAD = "pad"  # a head that the circuit does not need: it writes nothing and is never scored
_HEAD_COLUMNS = ("component", "layer", "head", "name", "role", "fools", "undoes")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownText:
    """What is known of one text. relevant, oracle: [word]; oracle in units of the readout gain, NaN where unknown.

    push: the side, +1 or -1 (the second class), to which all words that decide push; 0 where that is not known.
    """

    words: tuple[str, ...]
    relevant: BoolArray
    oracle: FloatArray
    push: float

    @property
    def solved(self) -> bool:
        """Whether exact values are known, not only which words decide."""
        return bool(np.isfinite(self.oracle).all())

    @property
    def ideal(self) -> FloatArray:
        """[word]: the best explanation known: the exact values, or one of equal size on the words that decide."""
        return self.oracle if self.solved else np.where(self.relevant, np.sign(self.push or 1.0), 0.0)

    def without_values(self) -> KnownText:
        """The text of a model that was trained: it was found to follow the rule on full texts, and what it makes of
        texts with words missing is its own. So which words decide is known, and neither their values nor their sides.
        """
        return replace(self, oracle=np.full(len(self.words), np.nan), push=0.0)


Known = Mapping[str, KnownText]  # by example id


def has_truth(dataset: DatasetConfig) -> bool:
    """Whether the words that decide are known in this data set."""
    return dataset.task is not None or dataset.shortcut is not None


def rung_of(dataset: DatasetConfig, model: ModelConfig) -> str:
    """Where the truth comes from: the rungs are never pooled. Noise alone is enough to be no more what was set."""
    if dataset.shortcut is not None:
        return "shortcut"
    if learns(model):
        return TRAINED
    return "rotated" if model.rotate or model.weight_noise else "hand-built"


def known_texts(run_folder: Path, config: StudyConfig, dataset: DatasetConfig) -> Known:
    """What is known of the texts of a data set that were explained: those of its first cell, all cells alike."""
    corpus = load_corpus_folder(run_folder / "data" / dataset.name)
    first = run_folder / "cells" / cell_name(dataset.name, models_of(dataset, config)[0].name, config.seeds[0])
    wanted = set(read_frame(first / "texts.parquet")["example_id"])
    task: Task | None = TASKS.load(dataset.task) if dataset.task is not None else None
    test, found = corpus.test, {}
    for i, example_id in enumerate(test.example_id):
        if example_id in wanted:
            words = tuple(split_words(test.text[i]))
            found[example_id] = KnownText(
                words=words,
                relevant=np.array((test.relevant or ())[i], dtype=bool),
                oracle=np.full(len(words), np.nan) if task is None else oracle_of(task, words),
                push=1.0 if test.label[i] == 1 else -1.0,
            )
    return found


def oracle_of(task: Task, words: tuple[str, ...]) -> FloatArray:
    """[word]: exact Shapley values of the task's rule, from all coalitions of the words, in units of the gain."""
    return np.asarray(exact_weights(len(words)) @ rule_values(task, words))


def truth_heads(config: StudyConfig) -> pd.DataFrame:
    """One row a head of every model set by hand: what it was set to do."""
    rows = [
        {"dataset": dataset.name, "model": model.name, **row}
        for dataset in config.datasets
        for model in models_of(dataset, config)
        for row in heads_of(dataset, model)
    ]
    return pd.DataFrame(rows, columns=["dataset", "model", *_HEAD_COLUMNS])


def heads_of(dataset: DatasetConfig, model: ModelConfig) -> list[Row]:
    """What every head of a model set by hand does, layer by layer; nothing for other models."""
    if dataset.task is None or learns(model):
        return []
    task: Task = TASKS.load(dataset.task)
    return [
        {"component": f"L{layer}H{head}", "layer": layer, "head": head}
        | {"name": spec.name if spec else PAD, "role": spec.role if spec else PAD}
        | {"fools": spec.fools if spec else "", "undoes": spec.undoes if spec else ""}
        for (layer, head), spec in _by_place(task, model)
    ]


def roles_of(task: Task, model: ModelConfig, words: Sequence[str]) -> list[str]:
    """[head], layer by layer: the role of every head of a model set by hand in the text of these words."""
    return [PAD if spec is None else spec.role if spec.works(words) else IDLE for _, spec in _by_place(task, model)]


def _by_place(task: Task, model: ModelConfig) -> list[tuple[tuple[int, int], HeadSpec | None]]:
    """((layer, head), what it was set to do or None) of every head of the model."""
    specs = dict(zip(head_places(task), task.heads, strict=True))
    places = [(layer, head) for layer in range(model.n_layers) for head in range(model.n_heads)]
    return [(place, specs.get(place)) for place in places]


def truth_words(known: Mapping[str, Known]) -> pd.DataFrame:
    """One row a word of every explained text. known: by data set."""
    return pd.DataFrame(
        [
            {"dataset": dataset, "example_id": example_id, "word_index": i, "word": word}
            | {"relevant": bool(text.relevant[i]), "oracle": float(text.oracle[i])}
            for dataset, texts in known.items()
            for example_id, text in texts.items()
            for i, word in enumerate(text.words)
        ]
    )
