"""Whether a model does what its truth assumes, checked before any explanation of it is scored.

A truth about texts is no truth about a model that never learned the rule. What fails here is not scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from study.artefacts import load_corpus_folder, load_encoder, load_vocabulary, place_model
from study.cells import cell_name, cells
from study.config import DatasetConfig, ModelConfig, ShortcutConfig, StudyConfig
from study.config.limits import clean_sibling, learns
from study.data.batch import make_batch
from study.data.shortcuts import has_parts, without_part, without_words
from study.data.vocabulary import Vocabulary
from study.data.words import split_words
from study.errors import ConfigError
from study.ledger import read_frame
from study.model.encoder import Encoder
from study.model.protocol import ModelSource
from study.model.training import predict_logits
from study.records import Corpus, IntArray, LabelledTexts
from study.seeds import rng_of
from study.stages import Progress
from study.tasks.language import NOISE

COLUMNS = ["dataset", "model", "seed", "check", "value", "low", "high", "passed"]
ACCURACY = "accuracy on the test texts"
KEPT = "prediction kept when the words that do not decide are replaced"
FOLLOWED = "shortcut followed"
FOLLOWED_PART = "class followed when a part of the shortcut is missing"
SHIFTED_PART = "largest shift of a class by a part of the shortcut alone"
FOLLOWED_CLEAN = "shortcut followed by the model of the clean texts"
LEARNED = (0.99, 1.0)  # what a trained model must reach to count as following the rule
BY_HAND = (1.0, 1.0)  # a model that is set by hand makes no mistake
CHANCE = (0.45, 0.55)  # of texts half of which dictate either class
NO_SHIFT = (0.0, 0.1)  # of the share of a class: as wide as CHANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A share of texts, or a change of one, and the bounds that it must lie within."""

    name: str
    value: float
    bounds: tuple[float, float]

    @property
    def passed(self) -> bool:
        """Whether the value lies within the bounds, which belong to the allowed; NaN does not."""
        return self.bounds[0] <= self.value <= self.bounds[1]


def verify_run(run_folder: Path, config: StudyConfig, progress: Progress) -> pd.DataFrame:
    """The table `verification`: every check of every cell whose truth is known; no rows where none is.

    Planted tasks: a model set by hand must be right on all test texts; a trained one on 99 %, and predict the same on
    99 % after every word that does not decide gave way to random noise words. Shortcuts: at least 99 % of the planted
    test texts must be given the class dictated; of a shortcut of two words, either of which decides nothing, by chance
    only (45 % to 55 %; every text is there once for each class) when one is missing, where no word left alone may move
    the share of either class by more than 10 % of the texts; and by chance only by the model of the same name and seed
    that was trained on the clean texts. Of that one no shift is asked: no text of its own holds a shortcut word, so all
    of them are the same unknown word to it, which may move it, but not towards the class that is dictated.

    Raises: ConfigError for a data set with a shortcut and no clean one beside it.
    """
    known = {
        name: cell for name, cell in cells(config).items() if cell[0].task is not None or cell[0].shortcut is not None
    }
    rows: list[dict[str, object]] = []
    for done, (name, (dataset, model, seed)) in enumerate(known.items()):
        progress(done, len(known), f"verifying {name}")
        verify = _verify_task if dataset.shortcut is None else _verify_shortcut
        for check in verify(run_folder, config, dataset, model, seed):
            row = {"check": check.name, "value": check.value, "low": check.bounds[0], "high": check.bounds[1]}
            rows.append({"dataset": dataset.name, "model": model.name, "seed": seed, **row, "passed": check.passed})
    return pd.DataFrame(rows, columns=COLUMNS)


def replace_undeciding(texts: LabelledTexts, rng: np.random.Generator) -> LabelledTexts:
    """The texts with every word that does not decide replaced by a random noise word of the tasks, another than it was.

    Raises: ValueError for texts whose deciding words are not known.
    """
    if texts.relevant is None:
        raise ValueError("the words that decide are not known")
    replaced = []
    for text, relevant in zip(texts.text, texts.relevant, strict=True):
        words = [
            word if decides else rng.choice([noise for noise in NOISE if noise != word])
            for word, decides in zip(split_words(text), relevant, strict=True)
        ]
        replaced.append(" ".join(words))
    return replace(texts, text=tuple(replaced))


def predict_classes(model: Encoder, texts: LabelledTexts, vocabulary: Vocabulary, max_words: int) -> IntArray:
    """[example], the class predicted for every text; words the vocabulary lacks are unknown words."""
    classes: IntArray = predict_logits(model, make_batch(texts, vocabulary, max_words)).argmax(1)
    return classes


def share_equal(first: IntArray, second: IntArray) -> float:
    """The share of texts with the same class in both; [example] each. Raises: ValueError for none, or not as many."""
    if len(first) != len(second) or not len(first):
        raise ValueError(f"classes of {len(first)} and of {len(second)} texts cannot be compared")
    return float((first == second).mean())


def largest_shift(
    model: Encoder, planted: LabelledTexts, shortcut: ShortcutConfig, vocabulary: Vocabulary, max_words: int
) -> float:
    """How much one shortcut word alone changes the share of texts given a class, at most over words and classes.

    Against the same texts without any shortcut word. Of two classes one gains what the other loses, so either tells.
    A word that pulls every text to one class is seen here, though of texts half of which dictate either class it
    follows half.
    """
    shifts = []
    for word in shortcut.words:
        holding = planted.take([i for i, text in enumerate(planted.text) if word in split_words(text)])
        others = [other for other in shortcut.words if other != word]
        if len(holding):  # an ordered pair has no third word
            alone, none = (
                predict_classes(model, _less(holding, lost), vocabulary, max_words).mean()
                for lost in (others, shortcut.words)
            )
            shifts.append(abs(float(alone - none)))
    return max(shifts)


def _less(texts: LabelledTexts, words: Sequence[str]) -> LabelledTexts:
    """The texts without these planted words."""
    return replace(texts, text=tuple(without_words(text, words) for text in texts.text), relevant=None)


def _verify_task(
    run_folder: Path, config: StudyConfig, dataset: DatasetConfig, model: ModelConfig, seed: int
) -> Iterator[Check]:
    predicted, label = _test_predictions(run_folder, dataset, model, seed)
    by_hand = not learns(model)
    yield Check(name=ACCURACY, value=share_equal(predicted, label), bounds=BY_HAND if by_hand else LEARNED)
    if by_hand:
        return
    corpus = _corpus(run_folder, dataset)
    other = replace_undeciding(corpus.test, rng_of(dataset.split_seed, "words that do not decide", dataset.name))
    encoder, vocabulary = _load_cell(run_folder, config, dataset, model, seed)
    kept = share_equal(predict_classes(encoder, other, vocabulary, model.max_words), predicted)
    yield Check(name=KEPT, value=kept, bounds=LEARNED)


def _verify_shortcut(
    run_folder: Path, config: StudyConfig, dataset: DatasetConfig, model: ModelConfig, seed: int
) -> Iterator[Check]:
    predicted, dictated = _test_predictions(run_folder, dataset, model, seed)
    yield Check(name=FOLLOWED, value=share_equal(predicted, dictated), bounds=LEARNED)
    planted = _corpus(run_folder, dataset).test
    if dataset.shortcut is not None and has_parts(dataset.shortcut):
        encoder, vocabulary = _load_cell(run_folder, config, dataset, model, seed)
        lacking = replace(planted, text=tuple(without_part(t, dataset.shortcut) for t in planted.text), relevant=None)
        by_part = predict_classes(encoder, lacking, vocabulary, model.max_words)
        yield Check(name=FOLLOWED_PART, value=share_equal(by_part, dictated), bounds=CHANCE)
        shift = largest_shift(encoder, planted, dataset.shortcut, vocabulary, model.max_words)
        yield Check(name=SHIFTED_PART, value=shift, bounds=NO_SHIFT)
    clean = clean_sibling(dataset, model.name, config)
    if clean is None:  # a config from a file was checked; one made in code may not have been
        raise ConfigError(
            f"model '{model.name}' runs on data set '{dataset.name}', which has a shortcut, but on no data set of the "
            f"same texts without it: add one like '{dataset.name}' with no `shortcut`"
        )
    encoder, vocabulary = _load_cell(run_folder, config, clean, model, seed)
    by_clean = predict_classes(encoder, planted, vocabulary, model.max_words)
    yield Check(name=FOLLOWED_CLEAN, value=share_equal(by_clean, dictated), bounds=CHANCE)


def _test_predictions(
    run_folder: Path, dataset: DatasetConfig, model: ModelConfig, seed: int
) -> tuple[IntArray, IntArray]:
    """([example] predicted, [example] label) of a cell's test texts."""
    frame = read_frame(_cell_folder(run_folder, dataset, model, seed) / "predictions.parquet")
    return frame["predicted"].to_numpy(), frame["label"].to_numpy()


def _load_cell(
    run_folder: Path, config: StudyConfig, dataset: DatasetConfig, model: ModelConfig, seed: int
) -> tuple[Encoder, Vocabulary]:
    """The trained model of a cell and its own vocabulary."""
    folder = _cell_folder(run_folder, dataset, model, seed)
    vocabulary = load_vocabulary(folder)
    n_classes = _corpus(run_folder, dataset).n_classes
    source = ModelSource(config=model, words=vocabulary.words, n_classes=n_classes, task=dataset.task)
    encoder = load_encoder(folder / "model.safetensors", source)
    return place_model(encoder, config.runtime.device, config.runtime.dtype), vocabulary


def _corpus(run_folder: Path, dataset: DatasetConfig) -> Corpus:
    return load_corpus_folder(run_folder / "data" / dataset.name)


def _cell_folder(run_folder: Path, dataset: DatasetConfig, model: ModelConfig, seed: int) -> Path:
    return run_folder / "cells" / cell_name(dataset.name, model.name, seed)
